"""DefaultPreemption: when no node takes a pod, makes room by removing pods of lower priority.

Decides only (engine.scheduler.preemption); the scheduler removes the victims and keeps the room for the pod. A pod
whose room is being made already waits for it.
"""

from __future__ import annotations

from typing import Final

from engine.api.kinds import PDBS, PODS
from engine.api.selectors import from_spec
from engine.api.server import Api
from engine.scheduler.affinity_terms import PodIdentity
from engine.scheduler.config import ProfileConfig
from engine.scheduler.framework import Diagnosis, PostFilterPlugin, PostFilterResult, ProfileView
from engine.scheduler.messages import histogram
from engine.scheduler.nodes import NodeTable
from engine.scheduler.podclass import PodClass
from engine.scheduler.preemption import Budget, VictimSearch
from store.types import Envelope, Uid

_STARTS_KEPT: Final = 65_536


class DefaultPreemption(PostFilterPlugin):
    name = "DefaultPreemption"

    def __init__(self, api: Api) -> None:
        self._api = api
        self._percentage, self._absolute = 10, 100
        self._starts: dict[Uid, str] = {}

    def configure(self, config: ProfileConfig) -> None:
        self._percentage, self._absolute = config.min_candidates_percentage, config.min_candidates

    def post_filter(
        self, env: Envelope, pod: PodClass, nodes: NodeTable, diagnosis: Diagnosis, profile: ProfileView
    ) -> PostFilterResult:
        if pod.preemption_policy == "Never":
            return PostFilterResult("preemption: not eligible due to preemptionPolicy=Never.")
        if self._under_way(env, pod, nodes, diagnosis):
            return PostFilterResult("preemption: not eligible due to a terminating pod on the nominated node.")
        known = self._starts

        def started(uid: Uid) -> str:
            return known.get(uid) or self._started(uid, nodes)

        budgets = self._budgets() if diagnosis.resolvable else ()
        search = VictimSearch(env.uid, pod, nodes, diagnosis, profile.filters, budgets, started)
        wanted = max(diagnosis.total * self._percentage // 100, self._absolute)
        found = search.run(min(wanted, diagnosis.total))
        if found.best is None:
            text = f"preemption: 0/{diagnosis.total} nodes are available: {histogram(found.reasons)}."
            return PostFilterResult(text, "")
        return PostFilterResult("", nodes.names[found.best.row], tuple(victim.uid for victim in found.best.victims))

    def _under_way(self, env: Envelope, pod: PodClass, nodes: NodeTable, diagnosis: Diagnosis) -> bool:
        """Pods that were removed for this one are still going (PodEligibleToPreemptOthers)."""
        nominated = (env.obj.get("status") or {}).get("nominatedNodeName")
        row = nodes.row(nominated) if nominated else None
        if row is None or (diagnosis.helpful is not None and not diagnosis.helpful[row]):
            return False
        for uid, other in nodes.pods[row].items():
            who = nodes.identity(uid)
            if other.priority < pod.priority and who.terminating and self._preempted(who):
                return True
        return False

    def _preempted(self, who: PodIdentity) -> bool:
        env = self._api.find(PODS, who.namespace, who.name)
        conditions = ((env.obj.get("status") or {}).get("conditions") or ()) if env is not None else ()
        return any(
            c["type"] == "DisruptionTarget" and c["status"] == "True" and c.get("reason") == "PreemptionByScheduler"
            for c in conditions
        )

    def _started(self, uid: Uid, nodes: NodeTable) -> str:
        """status.startTime, "" before there is one. It does not change any more then."""
        who = nodes.identity(uid)
        env = self._api.find(PODS, who.namespace, who.name)
        start = str((env.obj.get("status") or {}).get("startTime") or "") if env is not None else ""
        if start:
            if len(self._starts) >= _STARTS_KEPT:
                self._starts.clear()
            self._starts[uid] = start
        return start

    def _budgets(self) -> tuple[Budget, ...]:
        found = []
        for env in self._api.store.list(PDBS):
            selector = (env.obj.get("spec") or {}).get("selector")
            status = env.obj.get("status") or {}
            if selector:
                disrupted = frozenset(status.get("disruptedPods") or ())
                allowed = status.get("disruptionsAllowed") or 0
                found.append(Budget(env.namespace, from_spec(selector), allowed, disrupted))
        return tuple(found)
