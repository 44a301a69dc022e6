"""What is otherwise while faults are active: asked by kubelets, by the runtime, by `reach` and by controllers' runners.

It is an overlay, computed from the Fault objects that are Active: nothing is written into nodes, pods or images. While
there is no fault, every question costs one look at an empty tuple. Who has to act when faults come and go listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from engine.api.kinds import FAULTS
from engine.clock import SECOND
from engine.faults.targets import Fault, is_active, read
from engine.informers import Informers
from engine.kubelet.amounts import span, units
from engine.kubelet.behaviour import AT_ONCE, Behaviour, Curve
from engine.kubelet.facts import ContainerFacts
from engine.kubelet.references import Reference
from store.store import Store
from store.types import Envelope, WatchEvent

POD_ACTIONS: Final = ("PodCrash", "PodOutOfMemory", "ProbeFailure")
IMAGE_ACTIONS: Final = ("SlowPull", "FailedPull", "RegistryDown")
PRESSURES: Final = {"MemoryPressure": "memory", "DiskPressure": "disk", "PIDPressure": "pids"}
"""Action → what is used up beside the pods."""
_LEAK: Final = 5 * SECOND
"""How long a leak takes to its size."""
_PULL_DELAY: Final = "2m"


class Hog(NamedTuple):
    """Something beside the pods that uses a machine's memory, disk or processes."""

    resource: str
    amount: int | None
    """Bytes or numbers; None: down to half of what the kubelet wants left."""


class Trouble(NamedTuple):
    """What is otherwise with one pull."""

    delay: int
    """Microseconds."""
    failure: str
    """What the registry's client says; "" when the pull goes well."""


Listener = Callable[[Sequence[Fault]], None]
"""Told of the faults that came or went."""


def active_faults(store: Store) -> tuple[Fault, ...]:
    """In order of their names."""
    return tuple(read(env) for env in store.list(FAULTS) if is_active(env))


_SILENCE: Final = {
    "CutNetwork": "has no network", "ZoneOutage": "is without power", "Reboot": "is down, to be rebooted",
}  # fmt: skip


def unreachable(faults: Sequence[Fault], node: Envelope, from_itself: bool) -> tuple[str, str]:
    """(the fault that keeps packets from a node, what it did to it); empty when none does. Pods of a node that is only
    cut off reach each other (`from_itself`)."""
    for fault in faults:
        words = _SILENCE.get(fault.action)
        if words and not (from_itself and fault.action == "CutNetwork") and fault.means_node(node):
            return fault.name, f"node {node.name} {words}"
    return "", ""


class Effects:
    """The active faults of a cluster."""

    def __init__(self, store: Store, informers: Informers) -> None:
        self._store = store
        self._active: tuple[Fault, ...] = ()
        self._loaded = False
        self._listeners: list[Listener] = []
        informers.on_event(FAULTS, self._changed)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    @property
    def active(self) -> tuple[Fault, ...]:
        if not self._loaded:
            self._active, self._loaded = active_faults(self._store), True
        return self._active

    def _changed(self, event: WatchEvent) -> None:
        before, self._active, self._loaded = self.active, active_faults(self._store), True
        now = self._active
        changed = [fault for fault in before if fault not in now] + [fault for fault in now if fault not in before]
        if changed:
            for listener in self._listeners:
                listener(changed)

    # -- machines ------------------------------------------------------------------------------------------------------

    def _on_node(self, node: Envelope, *actions: str) -> Iterator[Fault]:
        return (fault for fault in self.active if fault.action in actions and fault.means_node(node))

    def stops_kubelet(self, node: Envelope) -> bool:
        return any(self._on_node(node, "StopKubelet"))

    def cuts_off(self, node: Envelope) -> bool:
        return any(self._on_node(node, "CutNetwork"))

    def takes_power(self, node: Envelope) -> bool:
        return any(self._on_node(node, "ZoneOutage"))

    def reboots(self, node: Envelope) -> bool:
        return any(self._on_node(node, "Reboot"))

    def hogs(self, node: Envelope) -> tuple[Hog, ...]:
        """What runs on a machine beside its pods, on purpose."""
        return tuple(
            Hog(PRESSURES[fault.action], units(fault.parameters["amount"]) if "amount" in fault.parameters else None)
            for fault in self._on_node(node, *PRESSURES)
        )

    # -- containers ----------------------------------------------------------------------------------------------------

    def altered(
        self, behaviour: Behaviour, pod: Envelope, facts: ContainerFacts, started_at: int
    ) -> tuple[Behaviour, frozenset[str]]:
        """How a container behaves by its faults, and the kinds of probes that it fails."""
        failing: list[str] = []
        if facts.kind not in ("app", "sidecar"):
            return behaviour, frozenset()
        for fault in self.active:
            if (
                fault.action not in POD_ACTIONS
                or not fault.means_pod(pod)
                or not fault.means_container(facts.name, facts.image)
            ):
                continue
            begun = max(0, fault.since - started_at)
            if fault.action == "PodCrash":
                after = begun + max(span(fault.parameters.get("after", 0)), AT_ONCE)
                if behaviour.exit_after is None or after < behaviour.exit_after:
                    code = int(fault.parameters.get("exitCode", 1))
                    behaviour = replace(behaviour, exit_after=after, exit_code=code, declared=True)
            elif fault.action == "ProbeFailure":
                failing.append(fault.parameters.get("probe", "Readiness"))
                if failing[-1] == "Readiness":
                    behaviour = replace(behaviour, never_ready=True)
            else:
                leak = _leak(behaviour.memory, fault, facts.memory_limit, begun)
                if leak is not None:
                    behaviour = replace(behaviour, memory=leak, declared=True)
        return behaviour, frozenset(failing)

    # -- images --------------------------------------------------------------------------------------------------------

    def trouble(self, reference: Reference) -> Trouble:
        """What is otherwise with a pull, in containerd's words."""
        delay, failure = 0, ""
        for fault in self.active:
            if fault.action not in IMAGE_ACTIONS or not fault.means_image(reference):
                continue
            if fault.action == "SlowPull":
                delay += span(fault.parameters.get("delay", _PULL_DELAY))
            elif not failure or fault.action == "RegistryDown":
                failure = _refusal(fault, reference)
        return Trouble(delay, failure)

    # -- controllers ---------------------------------------------------------------------------------------------------

    def down(self) -> dict[str, str]:
        """Controllers that are down → the fault that keeps them so."""
        return {
            fault.target.get("controller", ""): fault.name for fault in self.active if fault.action == "ControllerCrash"
        }


def _leak(memory: Curve, fault: Fault, limit: int | None, begun: int) -> Curve | None:
    """Memory grows from what it is at the fault's begin (or the container's start) to a size, within seconds."""
    size = units(fault.parameters["memory"]) if "memory" in fault.parameters else None
    if size is None:
        if limit is None:
            return None
        size = limit + 1
    present = memory.at(begun)
    growth = max(1, -(-(size - present) * SECOND // _LEAK))
    if size <= present:
        return None
    return Curve(present - growth * begun // SECOND, growth, size)


def _refusal(fault: Fault, reference: Reference) -> str:
    host = "registry-1.docker.io" if reference.domain == "docker.io" else reference.domain
    url = f"https://{host}/v2/{reference.path}/manifests/{reference.digest or reference.tag}"
    unpack = f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": '
    if fault.action == "RegistryDown":
        return f'{unpack}failed to do request: Head "{url}": dial tcp: lookup {host}: i/o timeout'
    said = fault.parameters.get("message") or f"unexpected status from HEAD request to {url}: 500 Internal Server Error"
    return f"{unpack}{said}"
