"""The addresses of Services as objects: ServiceCIDRs guard what was given from them, and IPAddresses are kept right.

`ServiceCidrs` (service-cidr-controller) puts a finalizer on each ServiceCIDR and says that it is ready. One that is
being deleted stays as long as an IPAddress lies in no other; then it goes, ten seconds after the deletion began.

`IpAddressRepair` (kube-apiserver's ipallocator-repair-controller) puts right what somebody changed by hand: a cluster
IP without its IPAddress gets it again, an IPAddress of no Service goes (after a minute, when the Service is not there).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from engine.api.errors import NotFound
from engine.api.kinds import SERVICES
from engine.clock import MINUTE, SECOND, parse_time, rfc3339
from engine.controllers.controller import Key, Queue, Watch, being_deleted, own_key, with_metadata
from engine.events import SeriesRecorder
from engine.network.ip_addresses import MANAGER, MANAGER_LABEL, manifest, parent_of
from engine.network.service_allocation import DEFAULT_CIDR, IP_ADDRESSES, SERVICE_CIDRS, addresses_of, family_of
from store.types import DELETED, Envelope, JsonObject, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_FINALIZER: Final = "networking.k8s.io/service-cidr-finalizer"
_GRACE: Final = 10 * SECOND
"""How long a ServiceCIDR stays after its deletion, so that nobody is about to give an address of it."""
_LEAKED: Final = MINUTE
"""How long an IPAddress may be there without its Service."""
_READY: Final = "Kubernetes Service CIDR is ready"
_BLOCKED: Final = (
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"
)  # fmt: skip


class ServiceCidrs:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._flag = context.flags.ranges("service-cluster-ip-range")
        self._recorder = context.recorder("kubernetes-service-cidr-controller")

    def watches(self) -> Sequence[Watch]:
        return (Watch(SERVICE_CIDRS, self._of_cidr), Watch(IP_ADDRESSES, self._of_address))

    def start(self, queue: Queue) -> None:
        """The flag is compared with what the cluster was begun with."""
        env = self._api.find(SERVICE_CIDRS, "", DEFAULT_CIDR)
        if env is not None and env.obj["spec"].get("cidrs") != self._flag:
            now, wanted = (f"[{' '.join(each)}]" for each in (env.obj["spec"].get("cidrs") or (), self._flag))
            text = f"The default ServiceCIDR {now} does not match the flag configurations {wanted}"
            self._recorder.event(env, "Warning", "KubernetesDefaultServiceCIDRInconsistent", text)

    def reconcile(self, key: Key) -> int | None:
        env = self._api.find(SERVICE_CIDRS, "", key[1])
        if env is None:
            return None
        finalizers = env.obj["metadata"].get("finalizers") or []
        if not being_deleted(env.obj):
            if _FINALIZER not in finalizers:
                changed = with_metadata(env.obj, finalizers=[*finalizers, _FINALIZER])
                env = self._api.update(self._caller, SERVICE_CIDRS, "", env.name, changed)
            self._say(env, "True", "", _READY)
            return None
        if not self._may_go(env):
            self._say(env, "False", "Terminating", _BLOCKED)
            return None
        left = parse_time(env.obj["metadata"]["deletionTimestamp"]) + _GRACE - self._clock.now()
        if left > 0:
            return left
        if _FINALIZER in finalizers:
            kept = [each for each in finalizers if each != _FINALIZER]
            self._api.update(self._caller, SERVICE_CIDRS, "", env.name, with_metadata(env.obj, finalizers=kept or None))
        return None

    def _may_go(self, env: Envelope) -> bool:
        """Nobody's address would be in no ServiceCIDR any more (canDeleteCIDR)."""
        others = [
            ip_network(cidr, strict=False)
            for each in self._api.store.list(SERVICE_CIDRS) if each.uid != env.uid
            for cidr in each.obj["spec"].get("cidrs") or ()
        ]  # fmt: skip
        own: list[Any] = [ip_network(cidr, strict=False) for cidr in env.obj["spec"].get("cidrs") or ()]
        if all(any(o.version == mine.version and mine.subnet_of(o) for o in others) for mine in own):
            return True
        given = [ip_address(each.name) for each in self._api.store.list(IP_ADDRESSES) if _is_ours(each)]
        return not any(any(ip in mine for mine in own) and not any(ip in o for o in others) for ip in given)

    def _say(self, env: Envelope, ready: str, reason: str, message: str) -> None:
        status: JsonObject = env.obj.get("status") or {}
        conditions: list[JsonObject] = status.get("conditions") or []
        before = next((each for each in conditions if each["type"] == "Ready"), None)
        if before is not None and (before["status"], before["reason"], before["message"]) == (ready, reason, message):
            return
        new = {
            "type": "Ready", "status": ready, "lastTransitionTime": rfc3339(self._clock.now()), "reason": reason,
            "message": message,
        }  # fmt: skip
        rest = [each for each in conditions if each is not before]
        self._api.update_status(self._caller, env, {**status, "conditions": [*rest, new]})

    # -- events ----------------------------------------------------------------------------------------------------

    def _of_cidr(self, event: WatchEvent) -> Iterable[Key]:
        """Itself, and those that wait for another one to hold their addresses."""
        return (*own_key(event), *self._leaving())

    def _of_address(self, event: WatchEvent) -> Iterable[Key]:
        return self._leaving() if event.type == DELETED else ()

    def _leaving(self) -> list[Key]:
        return [("", env.name) for env in self._api.store.list(SERVICE_CIDRS) if being_deleted(env.obj)]


class IpAddressRepair:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = SeriesRecorder(context.api, context.name)

    def watches(self) -> Sequence[Watch]:
        return (Watch(SERVICES, self._of_service), Watch(IP_ADDRESSES, self._of_address))

    def start(self, queue: Queue) -> None:
        """Nothing is kept between syncs."""

    def reconcile(self, key: Key) -> int | None:
        what, namespace, name = key
        if what == "service":
            self._service(namespace, name)
            return None
        return self._address(name)

    def _of_service(self, event: WatchEvent) -> Iterable[Key]:
        key = ("service", event.now.namespace, event.now.name)
        return () if event.type == DELETED else (key,)

    def _of_address(self, event: WatchEvent) -> Iterable[Key]:
        """The address, and the Services that it belonged to before and belongs to now."""
        parents = [parent for env in (event.before, event.now) if env and (parent := parent_of(env.obj))]
        return dict.fromkeys([("address", "", event.now.name), *(("service", *parent) for parent in parents)])

    def _service(self, namespace: str, name: str) -> None:
        service = self._api.find(SERVICES, namespace, name)
        for address in addresses_of(service.obj["spec"]) if service is not None else ():
            assert service is not None
            family, where = family_of(address), f"{namespace}/{name}"
            env = self._api.find(IP_ADDRESSES, "", address)
            if env is None:
                self._tell(service, f"Cluster IP [{family}]: {address} is not allocated; repairing")
            else:
                parent = parent_of(env.obj)
                if parent == (namespace, name) and env.labels == manifest(address, *parent)["metadata"]["labels"]:
                    continue
                other = self._api.find(SERVICES, *parent) if parent is not None else None
                if other is not None and parent != (namespace, name) and address in addresses_of(other.obj["spec"]):
                    text = f"Cluster IP [{family}]:{address} was assigned to multiple services; please recreate service"
                    self._tell(service, text, "ClusterIPAlreadyAllocated")
                    continue
                if parent != (namespace, name):
                    text = f"the ClusterIP [{family}]: {address} for Service {where} has a wrong reference; repairing"
                    self._tell(service, text)
                self._remove(address)
            self._api.create(self._caller, IP_ADDRESSES, "", manifest(address, namespace, name))

    def _address(self, address: str) -> int | None:
        env = self._api.find(IP_ADDRESSES, "", address)
        if env is None or not _is_ours(env):
            return None
        parent = parent_of(env.obj)
        if parent is None:
            text = f"IPAddress {address} appears to have been modified, not referencing a Service: cleaning up"
            self._clean_up(env, "IPAddressNotAllocated", text)
            return None
        service = self._api.find(SERVICES, *parent)
        where = "/".join(parent)
        if service is None:
            left = parse_time(env.obj["metadata"]["creationTimestamp"]) + _LEAKED - self._clock.now()
            if left >= 0:
                return left + SECOND
            text = f"IPAddress: {address} for Service {where} appears to have leaked: cleaning up"
            self._clean_up(env, "IPAddressNotAllocated", text)
            return None
        if address in addresses_of(service.obj["spec"]):
            return None
        text = f"IPAddress: {address} for Service {where} has a wrong reference; cleaning up"
        self._clean_up(env, "IPAddressWrongReference", text)
        return None

    def _clean_up(self, env: Envelope, reason: str, text: str) -> None:
        self._recorder.event(env, "Warning", reason, text, "IPAddressAllocation")
        self._remove(env.name)

    def _remove(self, address: str) -> None:
        try:
            self._api.delete(self._caller, IP_ADDRESSES, "", address)
        except NotFound:
            return

    def _tell(self, service: Envelope, text: str, reason: str = "ClusterIPNotAllocated") -> None:
        self._recorder.event(service, "Warning", reason, text, "ClusterIPAllocation")


def _is_ours(env: Envelope) -> bool:
    return env.labels.get(MANAGER_LABEL) == MANAGER
