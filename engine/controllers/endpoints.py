"""Endpoints: the older list of a Service's pods, kept for those who still read it (endpoints_controller.go).

One object of the Service's name, with at most a thousand addresses. Pods are grouped into subsets by the ports that
they offer, ready addresses apart from those that are not, sorted by address; terminating pods are not in it unless
the Service publishes what is not ready. Endpoints whose Service is gone are deleted; a Service without a selector
keeps those that somebody wrote.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.errors import ApiError, NotFound
from engine.api.kinds import ENDPOINTS, SERVICES
from engine.api.server import Caller
from engine.controllers.controller import Key, Queue, Watch
from engine.controllers.service_pods import TRIGGER_TIME, ServiceFollower
from engine.network.pod_endpoints import (
    address_families,
    address_of,
    find_port,
    has_endpoint,
    has_hostname,
    is_headless,
    is_ready,
    pod_reference,
)
from store.types import DELETED, Envelope, JsonObject, ObjectKey, Uid, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

MOST: Final = 1000
"""Addresses that one Endpoints object lists (maxCapacity)."""
OVER_CAPACITY: Final = "endpoints.kubernetes.io/over-capacity"
_MANAGED_BY: Final = "endpoints.kubernetes.io/managed-by"
_HEADLESS: Final = "service.kubernetes.io/headless"
_ELECTION: Final = "control-plane.alpha.kubernetes.io/leader"
_Ports = tuple[tuple[str, int, str, str], ...]
"""(name, port, protocol, appProtocol) of each port, sorted."""


class _Addresses:
    """The addresses of one Service, by the pod they lead to."""

    def __init__(self, uid: Uid) -> None:
        self.uid = uid
        self.by_pod: dict[ObjectKey, tuple[_Ports, bool, JsonObject]] = {}
        """Ports, whether ready, and the address as it is written."""


class EndpointsController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api = context.api
        self._caller = Caller("system:serviceaccount:kube-system:endpoint-controller")
        self._recorder = context.recorder("endpoint-controller")
        batch = context.flags.duration("endpoint-updates-batch-period")
        self._follower = ServiceFollower(context.api, context.clock, batch)
        self._addresses: dict[Key, _Addresses] = {}

    def watches(self) -> Sequence[Watch]:
        return (*self._follower.watches(), Watch(ENDPOINTS, _deleted))

    def start(self, queue: Queue) -> None:
        """Endpoints that a Service left behind while nobody looked are found once, here."""
        self._addresses.clear()
        self._follower.start(queue)
        for env in self._api.store.list(ENDPOINTS):
            if _ELECTION not in (env.obj["metadata"].get("annotations") or {}):
                queue.add((env.namespace, env.name))

    def reconcile(self, key: Key) -> int | None:
        namespace, name = key
        service = self._api.find(SERVICES, namespace, name)
        if service is None:
            self._addresses.pop(key, None)
            self._follower.forget(key)
            self._delete(namespace, name)
            return None
        spec = service.obj["spec"]
        if spec.get("type") == "ExternalName" or not spec.get("selector"):
            return None
        followed = self._follower.follow(service)
        first = followed.synced < 0
        held = self._addresses.get(key)
        if held is None or held.uid != service.uid or followed.everything:
            held = self._addresses[key] = _Addresses(service.uid)
            followed.everything = True
        pods = self._follower.changed(service, followed, ())
        trigger = self._follower.trigger_time(service, followed, first, pods)
        for pod, env in pods.items():
            entry = _entry(service, env) if env is not None else None
            if entry is None:
                held.by_pod.pop(pod, None)
            else:
                held.by_pod[pod] = entry
        followed.size = len(held.by_pod)
        self._write(service, held, trigger)
        return None

    def _write(self, service: Envelope, held: _Addresses, trigger: str | None) -> None:
        subsets = _subsets(held)
        truncated = _truncate(subsets)
        env = self._api.find(ENDPOINTS, service.namespace, service.name)
        labels = {**service.labels, _MANAGED_BY: "endpoint-controller"}
        labels.pop(_HEADLESS, None)
        if is_headless(service.obj["spec"]):
            labels[_HEADLESS] = ""
        notes: dict[str, str] = dict((env.obj["metadata"].get("annotations") or {}) if env is not None else {})
        if (
            env is not None
            and (env.obj.get("subsets") or []) == subsets
            and dict(env.labels) == labels
            and (notes.get(OVER_CAPACITY) == "truncated") == truncated
        ):
            return
        for note, value in ((TRIGGER_TIME, trigger), (OVER_CAPACITY, "truncated" if truncated else None)):
            notes.pop(note, None)
            if value is not None:
                notes[note] = value
        meta: JsonObject = {**env.obj["metadata"]} if env is not None else {"name": service.name}
        meta["labels"] = labels
        meta.pop("annotations", None)
        if notes:
            meta["annotations"] = notes
        obj: JsonObject = {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta}
        if subsets:
            obj["subsets"] = subsets
        try:
            if env is None:
                self._api.create(self._caller, ENDPOINTS, service.namespace, obj)
            else:
                self._api.update(self._caller, ENDPOINTS, service.namespace, service.name, obj)
        except ApiError as error:
            if any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                return
            where = f"{service.namespace}/{service.name}: {error}"
            if env is None:
                text = f"Failed to create endpoint for service {where}"
                self._recorder.event(service, "Warning", "FailedToCreateEndpoint", text)
            else:
                self._recorder.event(env, "Warning", "FailedToUpdateEndpoint", f"Failed to update endpoint {where}")
            raise

    def _delete(self, namespace: str, name: str) -> None:
        if self._api.find(ENDPOINTS, namespace, name) is not None:
            try:
                self._api.delete(self._caller, ENDPOINTS, namespace, name)
            except NotFound:
                return


def _deleted(event: WatchEvent) -> Iterable[Key]:
    """Endpoints that somebody deleted are written anew."""
    return ((event.now.namespace, event.now.name),) if event.type == DELETED else ()


def _entry(service: Envelope, pod: Envelope) -> tuple[_Ports, bool, JsonObject] | None:
    """A pod's ports, readiness and address; None when it is not to be listed."""
    spec, obj = service.obj["spec"], pod.obj
    publishes = bool(spec.get("publishNotReadyAddresses"))
    if not has_endpoint(obj, terminating=publishes):
        return None
    addresses = address_of(obj, address_families(spec)[0])
    if not addresses:
        return None
    ports: list[tuple[str, int, str, str]] = []
    for port in spec.get("ports") or ():
        number = find_port(obj, port)
        if number is not None:
            ports.append((port.get("name") or "", number, port.get("protocol", "TCP"), port.get("appProtocol") or ""))
    if not ports and not (is_headless(spec) and not spec.get("ports")):
        return None
    address: JsonObject = {"ip": addresses[0]}
    if has_hostname(obj, service):
        address["hostname"] = obj["spec"]["hostname"]
    if obj["spec"].get("nodeName"):
        address["nodeName"] = obj["spec"]["nodeName"]
    address["targetRef"] = pod_reference(pod)
    return tuple(sorted(ports)), publishes or is_ready(obj.get("status") or {}), address


def _subsets(held: _Addresses) -> list[JsonObject]:
    """Addresses with the same ports stand together, sorted (RepackSubsets)."""
    groups: dict[_Ports, tuple[list[JsonObject], list[JsonObject]]] = {}
    for ports, ready, address in held.by_pod.values():
        groups.setdefault(ports, ([], []))[0 if ready else 1].append(address)
    subsets = []
    for ports, lists in sorted(groups.items()):
        subset: JsonObject = {}
        for name, addresses in zip(("addresses", "notReadyAddresses"), lists, strict=True):
            if addresses:
                subset[name] = sorted(addresses, key=_by_address)
        if ports:
            subset["ports"] = [_port(*port) for port in ports]
        subsets.append(subset)
    return subsets


def _by_address(address: JsonObject) -> tuple[str, str]:
    return address["ip"], address["targetRef"]["uid"]


def _port(name: str, port: int, protocol: str, app_protocol: str) -> JsonObject:
    made: dict[str, Any] = {"name": name} if name else {}
    made |= {"port": port, "protocol": protocol}
    return {**made, "appProtocol": app_protocol} if app_protocol else made


def _truncate(subsets: list[JsonObject]) -> bool:
    """Keep a thousand addresses, ready ones first, from each subset its share (truncateEndpoints). True: some went."""
    ready = sum(len(subset.get("addresses") or ()) for subset in subsets)
    waiting = sum(len(subset.get("notReadyAddresses") or ()) for subset in subsets)
    if ready + waiting <= MOST:
        return False
    cuts_ready = ready > MOST
    most = MOST if cuts_ready else MOST - ready
    total = ready if cuts_ready else waiting
    which = "addresses" if cuts_ready else "notReadyAddresses"
    room = most
    for subset in subsets:
        addresses = subset.get(which) or []
        kept = addresses[: min(math.ceil(len(addresses) / total * most), room)]
        room -= len(kept)
        if cuts_ready:
            subset.pop("notReadyAddresses", None)
        subset[which] = kept
        if not kept:
            del subset[which]
    return True
