"""service-lb-controller: a load balancer of the cloud for each Service of type LoadBalancer.

The Service gets a finalizer before anything is made, its status shows where the load balancer listens, and it goes only
when the load balancer is gone. Services that name a `loadBalancerClass` are left to whoever has that class. Every node
is a target, ready or not, unless it is excluded by its label or about to be removed by the autoscaler; a change of that
set is sent to every load balancer. What fails is said and tried again after 5 s, 10 s … 5 min.
(cloud-provider/controllers/service/controller.go)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.kinds import NODES, SERVICES
from engine.clock import MINUTE, SECOND
from engine.cloud.provider import CloudError, InProgress, LoadBalancers
from engine.controllers.cloud.frame import CALLER, CloudController, taints_of
from engine.controllers.controller import Key, Queue, being_deleted, with_metadata
from store.types import ADDED, DELETED, Envelope, JsonObject, Resource, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

FINALIZER: Final = "service.kubernetes.io/load-balancer-cleanup"
EXCLUDED: Final = "node.kubernetes.io/exclude-from-external-load-balancers"
_LEAVING: Final = "ToBeDeletedByClusterAutoscaler"
_FIRST_WAIT: Final = 5 * SECOND
_LONGEST_WAIT: Final = 5 * MINUTE
_NODES: Final[Key] = ("nodes",)
_TOLD: Final = (
    ("Type", "type"), ("LoadBalancerSourceRanges", "loadBalancerSourceRanges"), ("LoadbalancerIP", "loadBalancerIP"),
    ("ExternalTrafficPolicy", "externalTrafficPolicy"), ("HealthCheckNodePort", "healthCheckNodePort"),
)  # fmt: skip
"""Changes that an event tells of: (reason, field of the spec)."""
_SILENT: Final = ("ports", "sessionAffinity", "sessionAffinityConfig", "externalIPs", "ipFamilies")
"""Changes that ask for an update without one."""


class ServiceController(CloudController):
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._recorder = context.recorder("service-controller")
        self._done: dict[Key, Envelope] = {}
        """Services as they were when their load balancers were last brought up to date."""
        self._begun: dict[Key, Envelope] = {}
        """Services whose load balancers are being set up: it is said once that it begins."""
        self._failures: dict[Key, int] = {}

    def watched(self) -> Sequence[tuple[Resource, Callable[[WatchEvent], Iterable[Key]]]]:
        return (SERVICES, _service), (NODES, _targets_changed)

    def start(self, queue: Queue) -> None:
        super().start(queue)
        for known in (self._done, self._begun, self._failures):
            known.clear()

    def everything(self) -> None:
        assert self.queue is not None
        for service in self.api.store.list(SERVICES):
            if _concerned(service):
                self.queue.add((service.namespace, service.name))

    def one(self, key: Key) -> int | None:
        balancers = self.cloud.load_balancers()
        if balancers is None:
            return None
        if key == _NODES:
            return self._send_nodes(balancers)
        service = self.api.find(SERVICES, *key)
        if service is None:
            self._forget(key)
            return None
        try:
            if not _wants(service) or being_deleted(service.obj):
                self._clean_up(key, service, balancers)
            elif self._needs_update(key, service, balancers):
                self._ensure(key, service, balancers)
        except InProgress as progress:
            return progress.after
        except CloudError as error:
            self._begun.pop(key, None)
            self._recorder.event(service, "Warning", "SyncLoadBalancerFailed", f"Error syncing load balancer: {error}")
            return self._wait(key)
        self._failures.pop(key, None)
        return None

    def _wait(self, key: Key) -> int:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        return min(_FIRST_WAIT << min(failures - 1, 10), _LONGEST_WAIT)

    def _forget(self, key: Key) -> None:
        for known in (self._done, self._begun, self._failures):
            known.pop(key, None)

    # -- making ----------------------------------------------------------------------------------------------------

    def _needs_update(self, key: Key, service: Envelope, balancers: LoadBalancers) -> bool:
        before = self._done.get(key)
        if key in self._begun or before is None or before.uid != service.uid:
            return True
        if balancers.get(service) is None:
            return True  # somebody has taken it away
        was, now = before.obj["spec"], service.obj["spec"]
        told = [(reason, was.get(field), now.get(field)) for reason, field in _TOLD if was.get(field) != now.get(field)]
        for reason, old, new in told:
            self._recorder.event(service, "Normal", reason, f"{_go(old)} -> {_go(new)}")
        return bool(
            told
            or any(was.get(field) != now.get(field) for field in _SILENT)
            or _annotations(before) != _annotations(service)
            or FINALIZER not in _finalizers(service)
        )

    def _ensure(self, key: Key, service: Envelope, balancers: LoadBalancers) -> None:
        if self._begun.get(key) is None:
            self._recorder.event(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer")
        if FINALIZER not in _finalizers(service):
            changed = with_metadata(service.obj, finalizers=[*_finalizers(service), FINALIZER])
            service = self.api.update(CALLER, SERVICES, service.namespace, service.name, changed)
        targets = self._targets()
        if not targets and key not in self._begun:
            text = "There are no available nodes for LoadBalancer"
            self._recorder.event(service, "Warning", "UnAvailableLoadBalancer", text)
        self._begun[key] = service
        try:
            ingress = balancers.ensure(service, targets)
        except InProgress:
            raise
        except CloudError as error:
            raise CloudError(f"failed to ensure load balancer: {error}") from error
        del self._begun[key]
        service = self._status(service, {"ingress": [dict(each) for each in ingress]})
        self._done[key] = service
        self._recorder.event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")

    def _status(self, service: Envelope, balancer: JsonObject) -> Envelope:
        status = service.obj.get("status") or {}
        if (status.get("loadBalancer") or {}) == balancer:
            return service
        return self.api.update_status(CALLER, service, {**status, "loadBalancer": balancer})

    # -- taking away -----------------------------------------------------------------------------------------------

    def _clean_up(self, key: Key, service: Envelope, balancers: LoadBalancers) -> None:
        if FINALIZER not in _finalizers(service):
            self._forget(key)
            return
        before = self._done.get(key)
        if before is not None and before.obj["spec"]["type"] != service.obj["spec"]["type"]:
            text = f"{before.obj['spec']['type']} -> {service.obj['spec']['type']}"
            self._recorder.event(service, "Normal", "Type", text)
        if balancers.get(service) is not None:
            self._recorder.event(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer")
            try:
                balancers.ensure_deleted(service)
            except CloudError as error:
                raise CloudError(f"failed to delete load balancer: {error}") from error
        self._forget(key)
        if not being_deleted(service.obj):
            service = self._status(service, {})
        left = [name for name in _finalizers(service) if name != FINALIZER]
        self._recorder.event(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer")
        changed = with_metadata(service.obj, finalizers=left or None)
        self.api.update(CALLER, SERVICES, service.namespace, service.name, changed)

    # -- nodes -----------------------------------------------------------------------------------------------------

    def _targets(self) -> list[Envelope]:
        return [node for node in self.api.store.list(NODES) if _is_target(node)]

    def _send_nodes(self, balancers: LoadBalancers) -> int | None:
        """The set of nodes changed: all load balancers learn it."""
        targets, failed = self._targets(), False
        for key in self._done:
            service = self.api.find(SERVICES, *key)
            if service is None or not _wants(service) or being_deleted(service.obj):
                continue
            try:
                balancers.update_nodes(service, targets)
            except CloudError as error:
                failed = True
                names = f"[{' '.join(node.name for node in targets)}]"
                text = f"Error updating load balancer with new hosts {names} [node names limited, total number of "
                text += f"nodes: {len(targets)}]: {error}"
                self._recorder.event(service, "Warning", "UpdateLoadBalancerFailed", text)
                continue
            if targets:
                text = "Updated load balancer with new hosts"
                self._recorder.event(service, "Normal", "UpdatedLoadBalancer", text)
            else:
                text = "There are no available nodes for LoadBalancer"
                self._recorder.event(service, "Warning", "UnAvailableLoadBalancer", text)
        if failed:
            return self._wait(_NODES)
        self._failures.pop(_NODES, None)
        return None


def _wants(service: Envelope) -> bool:
    spec = service.obj["spec"]
    return bool(spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass"))


def _finalizers(service: Envelope) -> list[str]:
    return list(service.obj["metadata"].get("finalizers") or ())


def _annotations(service: Envelope) -> Mapping[str, str]:
    return service.obj["metadata"].get("annotations") or {}


def _concerned(service: Envelope) -> bool:
    return _wants(service) or FINALIZER in _finalizers(service)


def _is_target(node: Envelope) -> bool:
    """stableNodeSetPredicates: readiness does not matter, the load balancer's own checks do."""
    if EXCLUDED in node.labels or being_deleted(node.obj):
        return False
    return all(taint["key"] != _LEAVING for taint in taints_of(node))


def _go(value: Any) -> str:
    """As Go's %v prints it."""
    if isinstance(value, list):
        return f"[{' '.join(map(str, value))}]"
    return "" if value is None else str(value)


def _same(before: Envelope, now: Envelope) -> bool:
    """Nothing changed that a load balancer follows."""
    return (
        before.uid == now.uid
        and being_deleted(before.obj) == being_deleted(now.obj)
        and before.obj["spec"] == now.obj["spec"]
        and _annotations(before) == _annotations(now)
        and (FINALIZER in _finalizers(now) or FINALIZER not in _finalizers(before))
    )


def _service(event: WatchEvent) -> Iterable[Key]:
    now, before = event.now, event.before
    if event.type not in (ADDED, DELETED) and before is not None and _same(before, now):
        return ()  # one's own finalizer and status: a failure's wait is not cut short by them
    if _concerned(now) or (before is not None and _concerned(before)):
        return ((now.namespace, now.name),)
    return ()


def _targets_changed(event: WatchEvent) -> Iterable[Key]:
    """A node came, went, or is counted otherwise (shouldSyncUpdatedNode)."""
    before, now = event.before, event.now
    if event.type in (ADDED, DELETED) or before is None:
        return (_NODES,)
    spec, was = now.obj.get("spec") or {}, before.obj.get("spec") or {}
    if (EXCLUDED in now.labels) != (EXCLUDED in before.labels) or spec.get("providerID") != was.get("providerID"):
        return (_NODES,)
    return ()
