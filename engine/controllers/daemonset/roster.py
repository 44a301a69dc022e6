"""The pods of one DaemonSet by node, kept as they change (see engine.controllers.pod_tally), and the figures.

A sync must not look at every node: a thousand pods report in some hundred bursts. So a change marks its node in
`dirty`, a sync judges the dirty nodes only, and each node's `View` is counted in and out of the totals.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.clock import SECOND, parse_time
from engine.controllers.daemonset.placement import Placement, Verdict, target_node
from engine.controllers.ownership import Matches, label_selector
from store.types import Envelope, JsonObject, ObjectKey


class DaemonPod(NamedTuple):
    """What matters about one pod."""

    key: ObjectKey
    uid: str
    node: str
    bound: bool
    phase: str
    terminating: bool
    ready: bool
    since: int
    """Instant at which it became ready; 0 while it is not, or where minReadySeconds does not ask for it."""
    revision: str
    generation: str
    """Value of the label pod-template-generation."""
    created: str

    @property
    def order(self) -> tuple[bool, str, str]:
        """podByCreationTimestampAndPhase: bound ones first, then the oldest."""
        return not self.bound, self.created, self.key.name

    @property
    def finished(self) -> bool:
        return self.phase in ("Failed", "Succeeded")


class View(NamedTuple):
    """What one node adds to the figures, and where it stands in a rollout."""

    desired: bool
    scheduled: bool
    ready: bool
    available: bool
    updated: bool
    stage: str
    """See engine.controllers.daemonset.rollout."""
    old: ObjectKey | None
    """The pod of an earlier template, if there is just one."""
    serving: bool
    """The node's pod (the old one, if there are two) is available."""


class Roster:
    """The pods that one DaemonSet controls."""

    def __init__(self, owner: Envelope) -> None:
        spec = owner.obj["spec"]
        self.key = (owner.namespace, owner.name)
        self.selector: JsonObject | None = spec.get("selector")
        self.matches: Matches = label_selector(self.selector)
        self.claim_due = True
        self.min_ready: int = spec.get("minReadySeconds", 0) * SECOND
        self.by_node: dict[str, dict[ObjectKey, DaemonPod]] = {}
        self.pods: dict[ObjectKey, DaemonPod] = {}
        self.foreign: dict[ObjectKey, None] = {}
        """Pods to be released: the selector does not match."""
        self.dirty: dict[str, None] = {}
        """Nodes to be judged."""
        self.placement: Placement | None = None
        self.verdicts: dict[str, Verdict] = {}
        """By node, for every node that there is."""
        self.views: dict[str, View] = {}
        self.stages: dict[str, dict[str, None]] = {}
        """Nodes by their stage."""
        self.totals: Counter[str] = Counter()
        self.basis: object = None
        """What the views depend on beside nodes and pods."""
        self._wakes: list[tuple[int, str]] = []
        """Nodes that are to be judged again at an instant."""

    def fits(self, owner: Envelope) -> bool:
        spec = owner.obj["spec"]
        return bool(spec.get("selector") == self.selector and spec.get("minReadySeconds", 0) * SECOND == self.min_ready)

    def is_available(self, pod: DaemonPod, now: int) -> bool:
        return pod.ready and (not self.min_ready or pod.since + self.min_ready <= now)

    # -- time ------------------------------------------------------------------------------------------------------

    def wake_at(self, when: int, node: str) -> None:
        """Judge the node again at an instant."""
        heapq.heappush(self._wakes, (when, node))

    def wake(self, now: int) -> None:
        """Mark the nodes whose time has come."""
        while self._wakes and self._wakes[0][0] <= now:
            self.dirty[heapq.heappop(self._wakes)[1]] = None

    def next_wake(self) -> int | None:
        return self._wakes[0][0] if self._wakes else None

    # -- nodes -----------------------------------------------------------------------------------------------------

    def set_verdict(self, node: str, verdict: Verdict | None) -> bool:
        """The node's word (None: it is gone). True when it is another than before."""
        if self.verdicts.get(node) == verdict:
            return False
        if verdict is None:
            del self.verdicts[node]
        else:
            self.verdicts[node] = verdict
        self.dirty[node] = None
        return True

    def mark_all(self) -> None:
        self.dirty.update(dict.fromkeys(self.verdicts))
        self.dirty.update(dict.fromkeys(self.by_node))
        self.dirty.update(dict.fromkeys(self.views))

    def file(self, node: str, view: View | None) -> None:
        """Count the node's view in the place of the one before; None: nothing is to be said about it."""
        before = self.views.pop(node, None)
        if before is not None:
            self._count(before, -1)
            del self.stages[before.stage][node]
        if view is not None:
            self.views[node] = view
            self._count(view, 1)
            self.stages.setdefault(view.stage, {})[node] = None

    def _count(self, view: View, sign: int) -> None:
        totals = self.totals
        if view.desired:
            totals["desired"] += sign
            totals["current"] += sign * view.scheduled
            totals["ready"] += sign * view.ready
            totals["available"] += sign * view.available
            totals["updated"] += sign * view.updated
        elif view.scheduled:
            totals["misscheduled"] += sign
        totals["serving"] += sign * view.serving

    # -- pods ------------------------------------------------------------------------------------------------------

    def put(self, env: Envelope, same_labels: bool = False) -> bool:
        if env.key in self.foreign if same_labels else not self.matches(env.labels):
            self.foreign[env.key] = None
            self._remove(env.key)
            return True
        if self.foreign:
            self.foreign.pop(env.key, None)
        pod = self._pod(env)
        before = self.pods.get(env.key)
        if pod == before:
            return False
        if before is not None and before.node != pod.node:
            self._remove(env.key)
        self.pods[env.key] = pod
        self.by_node.setdefault(pod.node, {})[env.key] = pod
        self.dirty[pod.node] = None
        if pod.since:
            self.wake_at(pod.since + self.min_ready, pod.node)
        return True

    def drop(self, key: ObjectKey) -> bool:
        self.foreign.pop(key, None)
        return self._remove(key)

    def _remove(self, key: ObjectKey) -> bool:
        before = self.pods.pop(key, None)
        if before is None:
            return False
        there = self.by_node[before.node]
        del there[key]
        if not there:
            del self.by_node[before.node]
        self.dirty[before.node] = None
        return True

    def _pod(self, env: Envelope) -> DaemonPod:
        obj = env.obj
        meta, status = obj["metadata"], obj.get("status") or {}
        ready, since = False, 0
        conditions: list[Mapping[str, Any]] = status.get("conditions") or []
        for condition in conditions:
            if condition["type"] == "Ready" and condition["status"] == "True":
                ready = True
                if self.min_ready and condition.get("lastTransitionTime"):
                    since = parse_time(condition["lastTransitionTime"])
        labels = env.labels
        return DaemonPod(
            env.key, env.uid, target_node(obj), bool(obj["spec"].get("nodeName")), status.get("phase", ""),
            "deletionTimestamp" in meta, ready, since, labels.get("controller-revision-hash", ""),
            labels.get("pod-template-generation", ""), meta.get("creationTimestamp", ""),
        )  # fmt: skip
