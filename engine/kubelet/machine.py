"""What a kubelet says about its node: labels, capacity, system information and conditions, in Kubernetes' words.

Whatever the manifest says is respected; the rest is filled in. Rules: pkg/kubelet/kubelet_node_status.go and
pkg/kubelet/nodestatus/setters.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from engine.clock import rfc3339
from engine.kubelet import spread
from engine.kubelet.amounts import units
from engine.kubelet.config import KubeletConfig
from engine.kubelet.pulling import Puller
from store.types import Envelope, JsonObject

CAPACITY: Final = "kubarium.dev/capacity"
"""Annotation with a machine's size, `cpu=8,memory=32Gi`, for clients that cannot write status."""
IMAGES: Final = "kubarium.dev/images"
"""Annotation with the images that were put on a machine beforehand: `shop/private:1, busybox`."""
KUBELET: Final = "kubarium.dev/kubelet"
"""Annotation: "stopped" stops a node's kubelet, "running" or none runs it."""
NETWORK_NOT_READY: Final = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin "
    "returns error: cni plugin not initialized"
)
_DEFAULT_CAPACITY: Final = {
    "cpu": "4", "ephemeral-storage": "100Gi", "hugepages-1Gi": "0", "hugepages-2Mi": "0", "memory": "16Gi",
}  # fmt: skip
_TTL: Final = "node.alpha.kubernetes.io/ttl"
_ATTACHED: Final = "volumes.kubernetes.io/controller-managed-attach-detach"
_NONE: Final[Mapping[str, Any]] = {}


class Pressure(NamedTuple):
    """One of the kubelet's conditions besides Ready: (reason, message, event) while all is well, and under pressure."""

    type: str
    well: tuple[str, str, str]
    pressed: tuple[str, str, str]


PRESSURES: Final = (
    Pressure(
        "MemoryPressure",
        ("KubeletHasSufficientMemory", "kubelet has sufficient memory available", "NodeHasSufficientMemory"),
        ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available", "NodeHasInsufficientMemory"),
    ),
    Pressure(
        "DiskPressure",
        ("KubeletHasNoDiskPressure", "kubelet has no disk pressure", "NodeHasNoDiskPressure"),
        ("KubeletHasDiskPressure", "kubelet has disk pressure", "NodeHasDiskPressure"),
    ),
    Pressure(
        "PIDPressure",
        ("KubeletHasSufficientPID", "kubelet has sufficient PID available", "NodeHasSufficientPID"),
        ("KubeletHasInsufficientPID", "kubelet has insufficient PID available", "NodeHasInsufficientPID"),
    ),
)
_OWN: Final = frozenset((*(pressure.type for pressure in PRESSURES), "Ready"))


def is_registered(node: Envelope) -> bool:
    """A kubelet has spoken for this node before."""
    status = node.obj.get("status") or _NONE
    return bool((status.get("nodeInfo") or _NONE).get("kubeletVersion")) and any(
        c.get("type") == "Ready" and c.get("status") != "" for c in status.get("conditions") or ()
    )


def is_stopped(node: Envelope) -> bool:
    """Its kubelet is to be stopped."""
    return (node.obj["metadata"].get("annotations") or _NONE).get(KUBELET) == "stopped"


def kubelet_complaint(node: Envelope) -> str:
    """What is wrong with the annotation that stops the kubelet ("" when nothing is)."""
    asked = (node.obj["metadata"].get("annotations") or _NONE).get(KUBELET, "")
    if asked in ("", "stopped", "running"):
        return ""
    return f'annotation {KUBELET}: {asked!r} is neither "stopped" nor "running"'


def preloaded_images(node: Envelope) -> list[str]:
    """The images that were there before the kubelet."""
    text: str = (node.obj["metadata"].get("annotations") or _NONE).get(IMAGES) or ""
    return [part.strip() for part in text.split(",") if part.strip()]


def platform(node: Envelope) -> str:
    """`linux/amd64`."""
    labels = node.labels
    return f"{labels.get('kubernetes.io/os', 'linux')}/{labels.get('kubernetes.io/arch', 'amd64')}"


def runtime(node: Envelope) -> str:
    """`containerd://2.1.4`, as the node declares or tells it; "" when it does neither."""
    info = (node.obj.get("status") or _NONE).get("nodeInfo") or _NONE
    return info.get("containerRuntimeVersion") or ""


def puller(node: Envelope) -> Puller:
    """What pulls images on this machine."""
    return Puller(platform(node), runtime(node).startswith("docker://"))


def registered_object(node: Envelope, pod_range: str) -> JsonObject:
    """The node with the labels and annotations of a registered one, and a podCIDR ("": it is given one later)."""
    obj = node.obj
    meta = obj["metadata"]
    labels = dict(meta.get("labels") or _NONE)
    os, arch = platform(node).split("/")
    for name, value in (
        ("beta.kubernetes.io/arch", arch), ("beta.kubernetes.io/os", os), ("kubernetes.io/arch", arch),
        ("kubernetes.io/hostname", node.name), ("kubernetes.io/os", os),
    ):  # fmt: skip
        labels.setdefault(name, value)
    annotations = dict(meta.get("annotations") or _NONE)
    annotations.setdefault(_TTL, "0")
    annotations.setdefault(_ATTACHED, "true")
    spec = dict(obj.get("spec") or _NONE)
    if pod_range and not spec.get("podCIDR"):
        spec["podCIDR"], spec["podCIDRs"] = pod_range, [pod_range]
    return {**obj, "metadata": {**meta, "labels": labels, "annotations": annotations}, "spec": spec}


def with_ttl(obj: JsonObject) -> JsonObject:
    """The node with the one annotation that every node has, whatever its kubelet: the ttl controller's."""
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "annotations": {_TTL: "0", **(meta.get("annotations") or _NONE)}}}


def registered_status(node: Envelope, address: str, config: KubeletConfig) -> tuple[JsonObject, str]:
    """The status of a new node without conditions, and a complaint about its capacity annotation ("" without one)."""
    status = dict(node.obj.get("status") or _NONE)
    capacity = {**_DEFAULT_CAPACITY, "pods": str(config.max_pods)}
    asked, complaint = asked_capacity(node)
    capacity |= {**(status.get("capacity") or _NONE), **asked}
    status["capacity"] = capacity
    status["allocatable"] = {**capacity, **(status.get("allocatable") or _NONE), **asked}
    if not any(a.get("type") == "InternalIP" for a in status.get("addresses") or ()):
        status["addresses"] = [{"type": "InternalIP", "address": address}, *(status.get("addresses") or ())]
    if not any(a.get("type") == "Hostname" for a in status["addresses"]):
        status["addresses"] = [*status["addresses"], {"type": "Hostname", "address": node.name}]
    status["daemonEndpoints"] = {"kubeletEndpoint": {"Port": 10250}}
    os, arch = platform(node).split("/")
    machine, boot = spread.hex_id("machine", node.uid), spread.hex_id("boot", node.uid)
    filled = {
        "machineID": machine[:32], "systemUUID": _uuid(machine[32:]), "bootID": _uuid(boot),
        "kernelVersion": "6.12.48", "osImage": "Debian GNU/Linux 13 (trixie)",
        "containerRuntimeVersion": "containerd://2.1.4-simulated", "kubeletVersion": config.version,
        "kubeProxyVersion": "", "operatingSystem": os, "architecture": arch,
    }  # fmt: skip
    given = {name: value for name, value in (status.get("nodeInfo") or _NONE).items() if value}
    status["nodeInfo"] = filled | given
    status.setdefault("images", [])
    return status, complaint


def conditions(
    before: Mapping[str, Any], now: int, not_ready: str = "", pressed: Sequence[str] = ()
) -> tuple[list[JsonObject], list[str]]:
    """The conditions that a kubelet posts over `before` (a node's status), and the events that tell of changes.

    `not_ready`: why the node is not, "" when it is; `pressed`: the pressure conditions that are true.
    """
    earlier = {c["type"]: c for c in before.get("conditions") or ()}
    stamp = rfc3339(now)
    events: list[str] = []

    def condition(type_: str, status: str, reason: str, message: str, event: str) -> JsonObject:
        was = earlier.get(type_)
        same = was is not None and was.get("status") == status
        if not same:
            events.append(event)
        return {
            "type": type_, "status": status, "lastHeartbeatTime": stamp,
            "lastTransitionTime": (was or _NONE).get("lastTransitionTime", stamp) if same else stamp,
            "reason": reason, "message": message,
        }  # fmt: skip

    made = [c for c in before.get("conditions") or () if c["type"] not in _OWN]
    for p in PRESSURES:
        status, words = ("True", p.pressed) if p.type in pressed else ("False", p.well)
        made.append(condition(p.type, status, *words))
    if not not_ready:
        made.append(condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", "NodeReady"))
    else:
        made.append(condition("Ready", "False", "KubeletNotReady", not_ready, "NodeNotReady"))
    return made, events


def with_capacity(status: JsonObject, node: Envelope) -> JsonObject:
    """A node's status with what its capacity annotation asks for; itself where it says so already."""
    asked, _ = asked_capacity(node)
    for sizes in ("capacity", "allocatable"):
        if any(status.get(sizes, {}).get(name) != size for name, size in asked.items()):
            status = {**status, sizes: {**status.get(sizes, {}), **asked}}
    return status


def asked_capacity(node: Envelope) -> tuple[dict[str, str], str]:
    """(resource → quantity) of the capacity annotation, and what is wrong with it ("" when nothing is)."""
    text = (node.obj["metadata"].get("annotations") or _NONE).get(CAPACITY, "")
    asked: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        try:
            if not equals:
                raise ValueError("expected name=quantity")
            units(value.strip())
        except ValueError as error:
            return {}, f"annotation {CAPACITY}: {part!r}: {error}"
        asked[name.strip()] = value.strip()
    return asked, ""


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
