"""Which container of a pod listens on a port.

It is judged by what the containers declare; a pod whose containers declare no ports is taken to listen everywhere.
"""

from __future__ import annotations

from typing import Final

from store.types import Envelope

_UP: Final[dict[str, object]] = {"running": {}}
"""Of a container whose state nobody has reported."""


def listener(pod: Envelope, port: int, protocol: str) -> tuple[str, str]:
    """(the container, in words how it is known) or ("", why nobody listens)."""
    status, spec, name = pod.obj.get("status") or {}, pod.obj["spec"], f"{pod.namespace}/{pod.name}"
    if status.get("phase") != "Running":
        return "", f"pod {name} is {status.get('phase')}"
    keys = ("containerStatuses", "initContainerStatuses")
    states = {each["name"]: each.get("state") or {} for key in keys for each in status.get(key) or ()}
    containers = [
        *(spec.get("containers") or ()),
        *(each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"),
    ]
    declared = [
        (container["name"], each["containerPort"], each.get("protocol", "TCP"))
        for container in containers
        for each in container.get("ports") or ()
    ]
    mine = [container for container, number, proto in declared if (number, proto) == (port, protocol)]
    if declared and not mine:
        has = ", ".join(f"{number}/{proto}" for _, number, proto in declared)
        return "", f"no container of {name} listens on {port}/{protocol} (they declare {has})"
    candidates = mine or [c["name"] for c in containers]
    up = [each for each in candidates if "running" in states.get(each, _UP)]
    if not up:
        return "", f"container {candidates[0]} of {name} is not running"
    if mine:
        return up[0], f"container {up[0]} of {name} listens on {port}/{protocol}"
    return up[0], f"pod {name} declares no ports: it is taken to listen on {port}/{protocol}"
