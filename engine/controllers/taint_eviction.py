"""Pods leave nodes with NoExecute taints that they do not tolerate, or not for long (taint-eviction-controller).

A pod that does not tolerate a taint goes at once; one that tolerates all of them for a limited time goes when the
shortest of its tolerationSeconds is over, unless the taints go first. (pkg/controller/tainteviction.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.api.errors import NotFound
from engine.api.kinds import NODES, PODS
from engine.clock import SECOND, rfc3339
from engine.controllers.controller import Key, Queue, Watch
from engine.controllers.pod_conditions import with_disruption_target
from engine.controllers.pods_by_node import index_pods_by_node, pods_on
from store.types import DELETED, Envelope, JsonObject, Uid, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext


class _Eviction:
    """A pod's eviction to come, or one that has happened."""

    __slots__ = ("created", "due", "uid")

    def __init__(self, uid: Uid, created: int, due: int) -> None:
        self.uid = uid
        self.created = created
        self.due: int | None = due
        """None once the pod was deleted: it is not deleted again while it terminates."""


class TaintEvictionController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = context.recorder()
        self._evictions: dict[tuple[str, str], _Eviction] = {}
        self._queue: Queue | None = None
        index_pods_by_node(context.api)

    def watches(self) -> Sequence[Watch]:
        return Watch(NODES, _node_taints_changed), Watch(PODS, self._of_pod)

    def start(self, queue: Queue) -> None:
        self._queue = queue
        self._evictions.clear()

    def reconcile(self, key: Key) -> int | None:
        if key[0] == "node":
            self._of_tainted_node(key[1])
            return None
        env = self._api.find(PODS, key[1], key[2])
        if key[0] == "evict":
            return self._evict(env, (key[1], key[2]))
        node = self._api.find(NODES, "", env.obj["spec"].get("nodeName", "")) if env is not None else None
        taints = no_execute(node) if node is not None else []
        if env is not None and taints:
            self._judge(env, taints)
        return None

    # -- who has to go ---------------------------------------------------------------------------------------------

    def _of_tainted_node(self, name: str) -> None:
        node = self._api.find(NODES, "", name)
        taints = no_execute(node) if node is not None else []
        for pod in list(pods_on(self._api, name)):
            if taints:
                self._judge(pod, taints)
            else:
                self._cancel(pod)

    def _judge(self, pod: Envelope, taints: Sequence[JsonObject]) -> None:
        """processPodOnNode."""
        now = self._clock.now()
        patience = shortest_toleration(taints, pod.obj["spec"].get("tolerations") or ())
        place = (pod.namespace, pod.name)
        if patience is None:
            self._cancel(pod)
            return
        earlier = self._evictions.get(place)
        created: int = now
        if earlier is not None and earlier.uid == pod.uid:
            if earlier.due is None:
                return
            if patience > 0:
                created = earlier.created
                if created < now:
                    return
            self._cancel(pod)
        self._evictions[place] = _Eviction(pod.uid, created, now + patience)
        if self._queue is not None:
            self._queue.add_after(("evict", *place), patience)

    def _cancel(self, pod: Envelope) -> None:
        eviction = self._evictions.get((pod.namespace, pod.name))
        if eviction is not None and eviction.due is not None:
            del self._evictions[pod.namespace, pod.name]
            self._tell(pod, f"Cancelling deletion of Pod {pod.namespace}/{pod.name}")

    def _evict(self, env: Envelope | None, place: tuple[str, str]) -> int | None:
        eviction = self._evictions.get(place)
        if eviction is None or eviction.due is None:
            return None
        if env is None or env.uid != eviction.uid:
            del self._evictions[place]
            return None
        now = self._clock.now()
        if eviction.due > now:
            return eviction.due - now
        self._tell(env, f"Marking for deletion Pod {env.namespace}/{env.name}")
        try:
            status: dict[str, Any] = env.obj.get("status") or {}
            marked = with_disruption_target(
                status, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint", rfc3339(now),
                env.obj["metadata"],
            )  # fmt: skip
            if marked is not status:
                self._api.update_status(self._caller, env, marked)
            self._api.delete(self._caller, PODS, env.namespace, env.name)
        except NotFound:
            return None
        eviction.due = None
        return None

    def _tell(self, pod: Envelope, message: str) -> None:
        self._recorder.event(pod, "Normal", "TaintManagerEviction", message)

    # -- events ----------------------------------------------------------------------------------------------------

    def _of_pod(self, event: WatchEvent) -> Iterable[Key]:
        now, before = event.now, event.before
        if event.type == DELETED:
            self._evictions.pop((now.namespace, now.name), None)
            return ()
        spec = now.obj["spec"]
        node = spec.get("nodeName")
        if not node:
            return ()
        if before is not None:
            was = before.obj["spec"]
            if was is spec or (was.get("nodeName") == node and was.get("tolerations") == spec.get("tolerations")):
                return ()
        host = self._api.find(NODES, "", node)
        return (("pod", now.namespace, now.name),) if host is not None and no_execute(host) else ()


def no_execute(node: Envelope) -> list[JsonObject]:
    """The node's NoExecute taints."""
    return [taint for taint in node.obj.get("spec", {}).get("taints") or () if taint["effect"] == "NoExecute"]


def shortest_toleration(taints: Sequence[JsonObject], tolerations: Sequence[JsonObject]) -> int | None:
    """Microseconds that a pod may stay under these taints: 0 is not at all, None is for ever."""
    spans = []
    for taint in taints:
        used = next((toleration for toleration in tolerations if _tolerates(toleration, taint)), None)
        if used is None:
            return 0
        if used.get("tolerationSeconds") is not None:
            spans.append(max(used["tolerationSeconds"], 0) * SECOND)
    return min(spans, default=None)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    key = toleration.get("key") or ""
    if key and key != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(key) and (toleration.get("value") or "") == (taint.get("value") or "")


def _node_taints_changed(event: WatchEvent) -> Iterable[Key]:
    before = event.before
    if event.type == DELETED:
        return ()
    if before is None:
        return (("node", event.now.name),) if no_execute(event.now) else ()
    if before.obj.get("spec") is event.now.obj.get("spec") or no_execute(before) == no_execute(event.now):
        return ()
    return (("node", event.now.name),)
