"""The machines of the simulated cloud: each Machine object boots, runs, is shut down, and is gone when it is deleted.

A machine that is switched on boots for a while; then its kubelet registers a node of the machine's name, as a kubelet
with `--cloud-provider=external` does: behind the taint `node.cloudprovider.kubernetes.io/uninitialized`, which the
cloud node controller takes off. What the machine's power means for the kubelet of a node that is there already is in
`engine.kubelet.kubelets`: it follows the phase that is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.errors import AlreadyExists
from engine.api.kinds import CLOUDS, MACHINES, NODES
from engine.api.server import Caller
from engine.cloud.provider import UNINITIALIZED
from engine.cloud.simulated.declared import (
    PROVIDER,
    boot_time,
    capacity_of,
    declared_cloud,
    is_running,
    provider_id,
    spec_of,
)
from engine.cloud.simulated.load_balancers import CALLER
from engine.controllers.controller import Key, Queue, Watch, own_key
from engine.kubelet.machine import CAPACITY
from store.types import DELETED, Envelope, Uid, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_BLOCK: Final = 254
_FIRST: Final = 128
"""Machines of the cloud have 192.168.128.1 and up; below are the bare ones."""


class MachineController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock = context.api, context.clock
        self._serves = context.cloud is not None and context.cloud.name == PROVIDER
        self._up: dict[Uid, int] = {}
        """When a machine that boots is up."""
        self._taken: dict[str, None] = {}
        self._queue: Queue | None = None

    def watches(self) -> Sequence[Watch]:
        return (Watch(MACHINES, own_key), Watch(CLOUDS, _cloud)) if self._serves else ()

    def start(self, queue: Queue) -> None:
        self._queue = queue
        self._up.clear()
        self._taken = {
            address["address"]: None
            for env in self._api.store.list(MACHINES)
            for address in (env.obj.get("status") or {}).get("addresses") or ()
        }

    def reconcile(self, key: Key) -> int | None:
        if key == _ALL:
            assert self._queue is not None
            for env in self._api.store.list(MACHINES):
                self._queue.add((env.namespace, env.name))
            return None
        machine, cloud = self._api.find(MACHINES, *key), declared_cloud(self._api)
        if machine is None or cloud is None:
            return None
        status = machine.obj.get("status") or {}
        if not is_running(machine):
            self._up.pop(machine.uid, None)
            self._write(machine, {**status, "phase": "Stopped"})
            return None
        if status.get("phase") == "Running":
            return None
        now = self._clock.now()
        due = self._up.setdefault(machine.uid, now + boot_time(cloud))
        if now < due:
            new = {"phase": "Provisioning", "providerID": provider_id(machine, cloud), **_without_phase(status)}
            new.setdefault("addresses", self._addresses(machine))
            self._write(machine, new)
            return due - now
        del self._up[machine.uid]
        self._register(machine, cloud)
        self._write(machine, {**status, "phase": "Running"})
        return None

    def _write(self, machine: Envelope, status: dict[str, Any]) -> None:
        if status != (machine.obj.get("status") or {}):
            self._api.update_status(CALLER, machine, status)

    def _addresses(self, machine: Envelope) -> list[dict[str, str]]:
        number = 0
        while True:
            block, last = divmod(number, _BLOCK)
            address = f"192.168.{_FIRST + block % (256 - _FIRST)}.{last + 1}"
            number += 1
            if address not in self._taken:
                break
        self._taken[address] = None
        found = [{"type": "InternalIP", "address": address}]
        if spec_of(machine).get("externalIP"):
            found.append({"type": "ExternalIP", "address": spec_of(machine)["externalIP"]})
        return found

    def _register(self, machine: Envelope, cloud: Envelope) -> None:
        """The machine's kubelet makes its Node, unless there is one."""
        if self._api.find(NODES, "", machine.name) is not None:
            return
        asked = spec_of(machine).get("node") or {}
        meta: dict[str, Any] = {"name": machine.name}
        if asked.get("labels"):
            meta["labels"] = asked["labels"]
        capacity = capacity_of(machine, cloud)
        if capacity:
            meta["annotations"] = {CAPACITY: ",".join(f"{name}={amount}" for name, amount in capacity.items())}
        taints = [*(asked.get("taints") or ()), UNINITIALIZED]
        kubelet = Caller(f"system:node:{machine.name}", groups=("system:nodes", "system:authenticated"))
        try:
            self._api.create(kubelet, NODES, "", {"metadata": meta, "spec": {"taints": taints}})
        except AlreadyExists:
            return


_ALL: Final[Key] = ("machines",)


def _without_phase(status: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in status.items() if key != "phase"}


def _cloud(event: WatchEvent) -> Iterable[Key]:
    """The cloud came to be, or is declared otherwise."""
    return () if event.type == DELETED else (_ALL,)
