"""clusterrole-aggregation-controller: a ClusterRole with an aggregationRule has the rules of those it selects.

Source: pkg/controller/clusterroleaggregation. Rules come in the order of the roles' names, each once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.api import selectors
from engine.api.kinds import CLUSTERROLES
from engine.controllers.controller import Key, Queue, Watch
from store.types import DELETED, JsonObject, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext


class ClusterRoleAggregation:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller

    def watches(self) -> Sequence[Watch]:
        return (Watch(CLUSTERROLES, self._aggregating),)

    def start(self, queue: Queue) -> None:
        """Nothing is kept."""

    def reconcile(self, key: Key) -> None:
        (name,) = key
        env = self._api.find(CLUSTERROLES, "", name)
        if env is None or not env.obj.get("aggregationRule"):
            return
        wanted = [selectors.from_spec(s) for s in env.obj["aggregationRule"].get("clusterRoleSelectors") or ()]
        rules: list[JsonObject] = []
        for selector in wanted:
            for other in self._api.store.list(CLUSTERROLES):
                if other.name != name and selector.matches(other.labels):
                    rules.extend(rule for rule in other.obj.get("rules") or () if rule not in rules)
        if rules != (env.obj.get("rules") or []):
            self._api.update(self._caller, CLUSTERROLES, "", name, {**env.obj, "rules": rules})

    def _aggregating(self, event: WatchEvent) -> Iterable[Key]:
        """Any change of any role may be one of what the aggregating ones take in."""
        if event.now.labels or event.type == DELETED:
            return [(env.name,) for env in self._api.store.list(CLUSTERROLES) if env.obj.get("aggregationRule")]
        return ((event.now.name,),) if event.now.obj.get("aggregationRule") else ()
