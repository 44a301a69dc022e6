"""cloud-node-lifecycle-controller: a node whose machine is gone is deleted, one whose machine is off is tainted.

Only nodes that are not ready are asked about, every `--node-monitor-period`: a machine that was deleted shows first by
its kubelet's silence. A node that is ready again loses the taint `shutdown`.
(cloud-provider/controllers/nodelifecycle/node_lifecycle_controller.go)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.errors import ApiError, NotFound
from engine.api.kinds import NODES
from engine.clock import MINUTE, parse_time, rfc3339
from engine.cloud.provider import SHUTDOWN, UNINITIALIZED, CloudError
from engine.controllers.cloud.frame import CALLER, CloudController, has_taint, ready_status, taints_of
from engine.controllers.controller import Key, being_deleted
from store.types import DELETED, Envelope, JsonObject, Resource, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_PATIENCE: Final = MINUTE
"""initializedNodeDelay: a node that waits to be initialised is not asked about before."""


class CloudNodeLifecycleController(CloudController):
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._recorder = context.recorder()
        self._monitor_period = context.flags.duration("node-monitor-period")

    def watched(self) -> Sequence[tuple[Resource, Callable[[WatchEvent], Iterable[Key]]]]:
        return ((NODES, _readiness_changed),)

    def everything(self) -> None:
        assert self.queue is not None
        for node in self.api.store.list(NODES):
            if ready_status(node) != "True":
                self.queue.add(("", node.name))

    def one(self, key: Key) -> int | None:
        found = self.api.find(NODES, *key)
        return None if found is None else self._look(found)

    def _look(self, node: Envelope) -> int | None:
        instances = self.cloud.instances()
        if instances is None or being_deleted(node.obj):
            return None
        if ready_status(node) == "True":
            if has_taint(node, SHUTDOWN):
                self._taints(node, [taint for taint in taints_of(node) if taint["key"] != SHUTDOWN["key"]])
            return None
        if self._is_new(node):
            return self._monitor_period
        try:
            exists = instances.instance_exists(node)
            off = exists and instances.instance_shutdown(node)
        except CloudError:
            return self._monitor_period
        if not exists:
            self._delete(node)
        elif off and not has_taint(node, SHUTDOWN):
            taint = {**SHUTDOWN, "timeAdded": rfc3339(self.clock.now())}
            self._taints(node, [*taints_of(node), taint])
        return self._monitor_period

    def _is_new(self, node: Envelope) -> bool:
        if (node.obj.get("spec") or {}).get("providerID") or not has_taint(node, UNINITIALIZED):
            return False
        return self.clock.now() - parse_time(node.obj["metadata"]["creationTimestamp"]) < _PATIENCE

    def _delete(self, node: Envelope) -> None:
        text = f"Deleting node {node.name} because it does not exist in the cloud provider"
        self._recorder.event(node, "Normal", "DeletingNode", text)
        try:
            self.api.delete(CALLER, NODES, "", node.name)
        except NotFound:
            return
        except ApiError as error:
            text = f"Failed deleting node {node.name}: {error}"
            self._recorder.event(node, "Warning", "DeletingNodeFailed", text)

    def _taints(self, node: Envelope, taints: list[JsonObject]) -> None:
        spec = {key: value for key, value in (node.obj.get("spec") or {}).items() if key != "taints"}
        if taints:
            spec["taints"] = taints
        self.api.update(CALLER, NODES, "", node.name, {**node.obj, "spec": spec})


def _readiness_changed(event: WatchEvent) -> Iterable[Key]:
    """Nodes that have become ready or have ceased to be."""
    before, now = event.before, event.now
    if event.type == DELETED or (before is not None and ready_status(before) == ready_status(now)):
        return ()
    return (("", now.name),)
