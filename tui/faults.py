"""What can be broken of what is chosen (nodes, a zone, pods, workloads, images), and the Fault that does it.

Which actions there are, what they are aimed at and what they do is data of `engine.client.faults`; here stands how a
person is offered them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from engine.client import Item, Json
from engine.client.faults import ACTIONS
from tui.kinds.nodes import zone_of
from tui.times import human_duration, parse_time

FAULTS: Final = "faults.kubarium.dev"
API_VERSION: Final = "kubarium.dev/v1alpha1"
_TITLES: Final = {
    "StopKubelet": "Stop the kubelet", "CutNetwork": "Cut its network", "MemoryPressure": "Use up its memory",
    "DiskPressure": "Fill its disk", "PIDPressure": "Use up its processes", "Reboot": "Reboot",
    "RemoveMachine": "Remove it from the cloud", "ZoneOutage": "Outage of the zone", "PodCrash": "Crash",
    "PodOutOfMemory": "Run out of memory", "ProbeFailure": "Fail a probe", "SlowPull": "Slow pulls",
    "FailedPull": "Failing pulls", "RegistryDown": "Registry down", "ControllerCrash": "Controller down",
}  # fmt: skip
_EXAMPLES: Final = {
    "amount": "amount=15Gi", "exitCode": "exitCode=1", "after": "after=5s", "memory": "memory=1Gi",
    "probe": "probe=Liveness", "delay": "delay=2m", "message": "message=denied",
}  # fmt: skip
_NODE_ACTIONS: Final = ("StopKubelet", "CutNetwork", "MemoryPressure", "DiskPressure", "PIDPressure", "Reboot")
_POD_ACTIONS: Final = ("PodCrash", "PodOutOfMemory", "ProbeFailure")


class Offer(NamedTuple):
    """One thing that can be broken."""

    action: str
    targets: tuple[Json, ...]
    """One Fault for each."""

    @property
    def title(self) -> str:
        return _TITLES[self.action]

    @property
    def does(self) -> str:
        """In a sentence or two."""
        rules = ACTIONS[self.action]
        return f"{rules.does} Without a duration: {rules.lasts}." if rules.lasts else rules.does

    @property
    def example(self) -> str:
        """Parameters that it knows, as one types them; "" without any."""
        return " ".join(_EXAMPLES[name] for name in ACTIONS[self.action].parameters)


def offers(resource: str, items: Sequence[Item], zone: str = "") -> list[Offer]:
    """What can be broken. `zone`: a whole zone is chosen, instead of objects."""
    if zone:
        return [Offer(action, ({"zone": zone},)) for action in ("ZoneOutage", *_NODE_ACTIONS)]
    if resource == "nodes":
        return _of_nodes(items)
    if resource == "pods":
        targets: tuple[Json, ...] = tuple({"namespace": item.namespace, "pod": item.name} for item in items)
        return [*(Offer(action, targets) for action in _POD_ACTIONS), *_of_images(_images(items))]
    if resource == "images.kubarium.dev":
        images = [str((item.obj.get("spec") or {}).get("image") or item.name) for item in items]
        meant: tuple[Json, ...] = tuple({"image": image} for image in images)
        return [*_of_images(images), *(Offer(action, meant) for action in _POD_ACTIONS)]
    selected: tuple[Json, ...] = tuple(
        {"namespace": item.namespace, "selector": item.obj["spec"]["selector"]} for item in items
    )
    return [*(Offer(action, selected) for action in _POD_ACTIONS), *_of_images(_images(items, template=True))]


def _of_nodes(nodes: Sequence[Item]) -> list[Offer]:
    found = [Offer(action, tuple({"node": node.name} for node in nodes)) for action in _NODE_ACTIONS]
    zones = dict.fromkeys(zone_of(node) for node in nodes if node.labels.get("topology.kubernetes.io/zone"))
    if zones:
        found.append(Offer("ZoneOutage", tuple({"zone": zone} for zone in zones)))
    if all(str((node.obj.get("spec") or {}).get("providerID") or "").startswith("simulated:") for node in nodes):
        found.append(Offer("RemoveMachine", tuple({"node": node.name} for node in nodes)))
    return found


def _of_images(images: Sequence[str]) -> list[Offer]:
    if not images:
        return []
    registries = dict.fromkeys(_registry(image) for image in images)
    return [
        *(Offer(action, tuple({"image": image} for image in images)) for action in ("SlowPull", "FailedPull")),
        Offer("RegistryDown", tuple({"registry": registry} for registry in registries)),
    ]


def _images(items: Iterable[Item], template: bool = False) -> list[str]:
    found: dict[str, None] = {}
    for item in items:
        spec = item.obj.get("spec") or {}
        if template:
            spec = (spec.get("template") or {}).get("spec") or {}
        found |= dict.fromkeys(str(c["image"]) for c in spec.get("containers") or () if c.get("image"))
    return list(found)


def _registry(image: str) -> str:
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def manifests(offer: Offer, duration: str, parameters: str, taken: Iterable[str]) -> list[Json]:
    """The Faults, under names that are free. Raises ValueError for parameters that cannot be read."""
    names, made = set(taken), []
    given = parse_parameters(parameters)
    for target in offer.targets:
        name = _free(f"{_slug(offer.action)}-{_slug(_named(target))}", names)
        names.add(name)
        spec: Json = {"action": offer.action, "target": target}
        if duration.strip():
            spec["duration"] = duration.strip()
        if given:
            spec["parameters"] = given
        made.append({"apiVersion": API_VERSION, "kind": "Fault", "metadata": {"name": name}, "spec": spec})
    return made


def parse_parameters(text: str) -> Json:
    """`exitCode=3 after=5s`. Raises ValueError."""
    found: Json = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise ValueError(f"{word!r} is no parameter: write name=value")
        found[name] = int(value) if name == "exitCode" and value.isdigit() else value
    return found


def active_on(faults: Iterable[Item], resource: str, items: Sequence[Item], zone: str = "") -> list[Item]:
    """Active faults that touch what is chosen."""
    kind = {"nodes": "Node", "pods": "Pod"}.get(resource, "")
    names = [f"{kind}/{f'{item.namespace}/' if item.namespace else ''}{item.name}" for item in items] if kind else []
    found = []
    for fault in faults:
        status, target = fault.obj.get("status") or {}, (fault.obj.get("spec") or {}).get("target") or {}
        touches = any(name in (status.get("affected") or ()) for name in names)
        if status.get("phase") == "Active" and (touches or (zone and target.get("zone") == zone)):
            found.append(fault)
    return found


def left(fault: Item, now: int) -> str:
    """`4m12s left`, `until it is ended`, `ended`."""
    status = fault.obj.get("status") or {}
    if status.get("phase") != "Active":
        return str(status.get("phase") or "not yet begun").lower()
    end = parse_time(status.get("endTime"))
    return "until it is ended" if end is None else f"{human_duration(max(0, end - now))} left"


def _named(target: Json) -> str:
    if "selector" in target:
        labels = (target["selector"].get("matchLabels") or {}).values()
        return "-".join(map(str, labels)) or "pods"
    return str(next(target[name] for name in ("node", "zone", "pod", "image", "registry") if name in target))


def _slug(text: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", text).lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:80].strip("-") or "fault"


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
