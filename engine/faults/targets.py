"""What a fault is aimed at: whether a node, a pod, an image is meant, and the same in words."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from engine.api.selectors import from_spec
from engine.client.faults import ACTIONS
from engine.clock import parse_time
from engine.flags import parse_duration
from engine.kubelet.references import InvalidReference, Reference, parse
from store.types import Envelope, JsonObject

ACTIVE: Final = "Active"
ZONE: Final = "topology.kubernetes.io/zone"


class Fault(NamedTuple):
    """One fault, read from its object."""

    name: str
    uid: str
    action: str
    target: JsonObject
    parameters: JsonObject
    since: int
    """Instant at which it began; 0 before."""

    def means_node(self, node: Envelope) -> bool:
        """By its name or its zone."""
        target = self.target
        if target.get("node"):
            return bool(target["node"] == node.name)
        zone = target.get("zone")
        return bool(zone and node.labels.get(ZONE) == zone)

    def means_pod(self, pod: Envelope) -> bool:
        """By its name, its labels, or the image of one of its containers."""
        target = self.target
        if target.get("pod"):
            return bool(pod.name == target["pod"] and pod.namespace == target.get("namespace", "default"))
        if target.get("namespace", pod.namespace) != pod.namespace:
            return False
        if target.get("selector") is not None:
            return from_spec(target["selector"]).matches(pod.labels)
        pattern: str = target.get("image") or ""
        return bool(pattern) and any(
            _names(pattern, _parsed(container.get("image") or ""))
            for container in pod.obj["spec"].get("containers") or ()
        )

    def means_container(self, name: str, image: str) -> bool:
        """Of a pod that is meant: by its name and its image, where the fault says any."""
        target = self.target
        if target.get("container", name) != name:
            return False
        return not target.get("image") or _names(target["image"], _parsed(image))

    def means_image(self, reference: Reference) -> bool:
        """By its name or its registry."""
        target = self.target
        if target.get("registry"):
            return bool(target["registry"] == reference.domain)
        return bool(target.get("image")) and _names(target["image"], reference)


def read(env: Envelope) -> Fault:
    """A fault of its object."""
    spec, status = env.obj.get("spec") or {}, env.obj.get("status") or {}
    since = parse_time(status["startTime"]) if status.get("startTime") else 0
    return Fault(
        env.name, env.uid, spec.get("action") or "", spec.get("target") or {}, spec.get("parameters") or {}, since
    )


def is_active(env: Envelope) -> bool:
    return (env.obj.get("status") or {}).get("phase") == ACTIVE and "deletionTimestamp" not in env.obj["metadata"]


def lasting(env: Envelope) -> int | None:
    """Microseconds from its begin to its end; None: until it is deleted."""
    spec: dict[str, Any] = env.obj.get("spec") or {}
    rules = ACTIONS.get(spec.get("action") or "")
    text = spec.get("duration") or (rules.lasts if rules is not None else "")
    return parse_duration(text) if text else None


def _parsed(image: str) -> Reference:
    try:
        return parse(image)
    except InvalidReference:
        return Reference("", "", "", "")


def _names(pattern: str, reference: Reference) -> bool:
    """A repository, with a tag or without; a pattern with *."""
    head, colon, tag = pattern.rpartition(":")
    if colon and "/" not in tag:
        if not fnmatchcase(reference.tag, tag):
            return False
        pattern = head
    return any(fnmatchcase(name, pattern) for name in (reference.familiar, reference.repository))
