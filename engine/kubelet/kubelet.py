"""What every kubelet is, whatever its runtime: a node's agent with a lease and a status, which can be heard or not.

Two kinds: `engine.kubelet.node.Node` does to its pods what a kubelet with containerd does, and
`engine.kubelet.fake.FakeNode` has a bare fake runtime. `Kubelets` keeps one of them for each Node object, by what the
Node declares.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from engine.api.errors import ApiError
from engine.api.kinds import LEASES, NODES
from engine.api.server import Api, Caller
from engine.clock import Clock, Timer, rfc3339_micro
from engine.faults.effects import Hog
from engine.faults.targets import Fault
from engine.kubelet import spread
from engine.kubelet.config import KubeletConfig
from store.types import Envelope, JsonObject, Uid

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker

LEASE_NAMESPACE: Final = "kube-node-lease"
_log = logging.getLogger(__name__)


class Kubelet(ABC):
    """One machine's kubelet. Nothing here is stored: it is made from the Node object."""

    unserved = ""
    """Why its port serves no logs, commands, connections and metrics; "" when it does."""

    def __init__(self, env: Envelope, api: Api, clock: Clock, config: KubeletConfig) -> None:
        self.name, self.env = env.name, env
        self.api, self.clock, self.config = api, clock, config
        self.caller = Caller(f"system:node:{env.name}", groups=("system:nodes", "system:authenticated"))
        self.running = False
        """It runs."""
        self.lost_power = False
        """The machine was switched off since its kubelet last ran."""
        self.rebooted = False
        """The machine was off since its kubelet last spoke."""
        self.cut_off = False
        """It was stopped only for the API: it has no network."""
        self.workers: dict[Uid, PodWorker] = {}
        """Of the pods whose containers live."""
        self.beside: dict[str, int] = {}
        """What runs on the machine beside pods: memory, disk, inodes, pids."""
        self.hogs: tuple[Hog, ...] = ()
        """What runs on the machine on purpose, to bring it under pressure."""
        self.address = ""
        self.addresses: list[dict[str, str]] = []
        self._status_timer: Timer | None = None
        self._start_timer: Timer | None = None

    # -- its life --------------------------------------------------------------------------------------------------

    @abstractmethod
    def start(self, fresh: bool) -> None:
        """Run the kubelet. `fresh`: it starts; else the process does, and the kubelet is taken to have run on."""

    def stop(self) -> None:
        """The kubelet is no more; the containers run on."""
        self.running = False
        for timer in (self._status_timer, self._start_timer):
            if timer is not None:
                timer.cancel()

    def remove(self) -> None:
        """The machine is no more."""
        self.stop()
        self.workers.clear()

    def power_off(self) -> None:
        """The machine is switched off, after its kubelet has stopped: nothing runs any more."""
        self.rebooted = self.lost_power = True

    def shut_down(self, cut: Callable[[], None]) -> None:
        """The machine is about to go down; `cut` is called when its power may go."""
        cut()

    # -- lease and status ------------------------------------------------------------------------------------------

    def renew_lease(self) -> None:
        """Write the lease's renewTime; make the lease when there is none."""
        api, now = self.api, rfc3339_micro(self.clock.now())
        env = api.find(LEASES, LEASE_NAMESPACE, self.name)
        try:
            if env is not None:
                lease = env.obj
                renewed = {**lease, "spec": {**lease["spec"], "holderIdentity": self.name, "renewTime": now}}
                api.update(self.caller, LEASES, LEASE_NAMESPACE, self.name, renewed)
                return
            owner = {"apiVersion": "v1", "kind": "Node", "name": self.name, "uid": self.env.uid}
            spec = {
                "holderIdentity": self.name, "leaseDurationSeconds": self.config.lease_duration_seconds,
                "renewTime": now,
            }  # fmt: skip
            meta = {"name": self.name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]}
            api.create(self.caller, LEASES, LEASE_NAMESPACE, {"metadata": meta, "spec": spec})
        except ApiError as error:
            _log.warning("lease of node %s: %s", self.name, error)

    def report(self) -> None:
        """Post the unchanged status, once the kubelet has posted any."""
        if self._start_timer is None or not self._start_timer.active:
            self.post_status()

    def post_status(self) -> None:
        """Post the node's status now."""
        env = self.api.find(NODES, "", self.name)
        if env is None or not self.running:
            return
        if self._status_timer is not None:
            self._status_timer.cancel()
            self._status_timer = None
        status, posted = self._status(env)
        try:
            self.env = self.api.update_status(self.caller, env, status)
        except ApiError as error:
            _log.warning("status of node %s: %s", self.name, error)
            return
        posted()

    @abstractmethod
    def _status(self, env: Envelope) -> tuple[JsonObject, Callable[[], None]]:
        """The status to post over that of `env`, and what follows when it is posted."""

    def status_changed(self) -> None:
        """What changed is posted with the next computation of the status."""
        if self._status_timer is None or not self._status_timer.active:
            period = self.config.status_update
            phase = spread.within((0, period - 1), self.env.uid, "status")
            wait = (phase - self.clock.now()) % period or period
            self._status_timer = self.clock.call_later(wait, self.post_status)

    @abstractmethod
    def node_seen(self, env: Envelope) -> None:
        """The Node object changed: what another wrote over the kubelet's words is put right."""

    def _is_starting(self) -> bool:
        return self._start_timer is not None and self._start_timer.active

    def _says_ready(self) -> bool:
        """The Ready condition of the Node object."""
        conditions = (self.env.obj.get("status") or {}).get("conditions") or ()
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def _learn_addresses(self) -> None:
        """The node's own address."""
        status = self.env.obj.get("status") or {}
        found = [a["address"] for a in status.get("addresses") or () if a.get("type") == "InternalIP"]
        if found:
            self.address = found[0]
            self.addresses = [{"ip": address} for address in found]

    # -- what is broken on purpose ---------------------------------------------------------------------------------

    @abstractmethod
    def burden(self, hogs: tuple[Hog, ...]) -> None:
        """So much runs beside the pods on purpose."""

    @abstractmethod
    def faults_changed(self, pods: list[Fault], images: list[Fault]) -> None:
        """These faults of pods and of images began or ended."""

    # -- pods ------------------------------------------------------------------------------------------------------

    @abstractmethod
    def pod_seen(self, env: Envelope) -> None:
        """A pod of this node is there or changed; `env` is its present object."""

    @abstractmethod
    def take_up(self, env: Envelope) -> None:
        """The kubelet has started: go on with a pod of this node."""

    @abstractmethod
    def speak_again(self, env: Envelope) -> None:
        """While nobody heard this kubelet, others wrote what they thought of this pod: put right what is not yet."""

    @abstractmethod
    def pod_gone(self, uid: Uid) -> None:
        """The pod object was removed."""
