"""The flow control's configuration: its default objects, and whether a FlowSchema's priority level is there.

Kubarium admits requests by one limit for all; the objects are kept as a person may read and change them. The mandatory
and suggested ones are made at the start when they are missing, and again when somebody deletes a mandatory one. Each
FlowSchema carries the condition `Dangling`. Sources: apiserver/pkg/apis/flowcontrol/bootstrap/default.go and
apiserver/pkg/util/flowcontrol/apf_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.kinds import FLOWSCHEMAS, PRIORITYLEVELS
from engine.clock import rfc3339
from engine.controllers.controller import Key, Queue, Watch
from store.types import ADDED, DELETED, Envelope, JsonObject, Resource, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_META: Final = {"annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}}
_ALL_RESOURCES: Final = {
    "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"],
}  # fmt: skip
_ALL_PATHS: Final = {"verbs": ["*"], "nonResourceURLs": ["*"]}
_EVERYBODY: Final = ("Group system:unauthenticated", "Group system:authenticated")
_SYSTEM_ACCOUNTS: Final = ("ServiceAccount kube-system/*",)
_LEADERS: Final = ("User system:kube-controller-manager", "User system:kube-scheduler", *_SYSTEM_ACCOUNTS)


def _resources(verbs: Sequence[str], group: str, resources: Sequence[str], *namespaces: str) -> JsonObject:
    """A rule for resources; without namespaces it is for all, and for what is in none."""
    rule: JsonObject = {"verbs": [*verbs], "apiGroups": [group], "resources": [*resources]}
    return rule | ({"namespaces": [*namespaces]} if namespaces else {"clusterScope": True, "namespaces": ["*"]})


_ELECTION: Final = ("get", "create", "update")
_SCHEMAS: Final[tuple[tuple[str, str, int, str, tuple[str, ...], JsonObject | None], ...]] = (
    ("exempt", "exempt", 1, "", ("Group system:masters",), None),
    ("probes", "exempt", 2, "", _EVERYBODY,
     {"nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}]}),
    ("system-leader-election", "leader-election", 100, "ByUser", _LEADERS,
     {"resourceRules": [_resources(_ELECTION, "coordination.k8s.io", ["leases"], "*")]}),
    ("system-node-high", "node-high", 400, "ByUser", ("Group system:nodes",),
     {"resourceRules": [_resources(["*"], "", ["nodes", "nodes/status"]),
                        _resources(["*"], "coordination.k8s.io", ["leases"], "*")]}),
    ("system-nodes", "system", 500, "ByUser", ("Group system:nodes",), None),
    ("kube-controller-manager", "workload-high", 800, "ByNamespace", ("User system:kube-controller-manager",), None),
    ("kube-scheduler", "workload-high", 800, "ByNamespace", ("User system:kube-scheduler",), None),
    ("kube-system-service-accounts", "workload-high", 900, "ByNamespace", _SYSTEM_ACCOUNTS, None),
    ("service-accounts", "workload-low", 9000, "ByUser", ("Group system:serviceaccounts",), None),
    ("global-default", "global-default", 9900, "ByUser", _EVERYBODY, None),
    ("catch-all", "catch-all", 10000, "ByUser", _EVERYBODY, None),
)  # fmt: skip
"""Name, priority level, precedence, what flows are told apart by, subjects, rules (None: everything)."""
_LEVELS: Final[tuple[tuple[str, int, int, int, int], ...]] = (
    ("catch-all", 5, 0, 0, 0), ("system", 30, 33, 64, 6), ("node-high", 40, 25, 64, 6),
    ("leader-election", 10, 0, 16, 4), ("workload-high", 40, 50, 128, 6), ("workload-low", 100, 90, 128, 6),
    ("global-default", 20, 50, 128, 6),
)  # fmt: skip
"""Name, shares, percent that is lent, queues (0: what is too much is rejected), hand size."""
_MANDATORY: Final = ("exempt", "catch-all")


def _subject(text: str) -> JsonObject:
    kind, _, name = text.partition(" ")
    if kind == "ServiceAccount":
        namespace, _, name = name.partition("/")
        return {"kind": kind, "serviceAccount": {"namespace": namespace, "name": name}}
    return {"kind": kind, kind.lower(): {"name": name}}


def default_schemas() -> list[JsonObject]:
    """The FlowSchemas of every cluster."""
    found = []
    for name, level, precedence, distinguisher, subjects, rules in _SCHEMAS:
        rule = {
            "subjects": [_subject(text) for text in subjects],
            **(rules or {"resourceRules": [_ALL_RESOURCES], "nonResourceRules": [_ALL_PATHS]}),
        }
        spec: JsonObject = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence}
        if distinguisher:
            spec["distinguisherMethod"] = {"type": distinguisher}
        found.append({"metadata": {"name": name, **_META}, "spec": {**spec, "rules": [rule]}})
    return found


def default_levels() -> list[JsonObject]:
    """The PriorityLevelConfigurations of every cluster."""
    exempt = {"nominalConcurrencyShares": 0, "lendablePercent": 0}
    found = [{"metadata": {"name": "exempt", **_META}, "spec": {"type": "Exempt", "exempt": exempt}}]
    for name, shares, lent, queues, hand in _LEVELS:
        response: JsonObject = {"type": "Reject"}
        if queues:
            queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": 50}
            response = {"type": "Queue", "queuing": queuing}
        limited = {"nominalConcurrencyShares": shares, "limitResponse": response, "lendablePercent": lent}
        found.append({"metadata": {"name": name, **_META}, "spec": {"type": "Limited", "limited": limited}})
    return found


class FlowControlConfig:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller

    def watches(self) -> Sequence[Watch]:
        return (Watch(FLOWSCHEMAS, _schema_changed), Watch(PRIORITYLEVELS, self._level_changed))

    def start(self, queue: Queue) -> None:
        for resource, manifests in ((PRIORITYLEVELS, default_levels()), (FLOWSCHEMAS, default_schemas())):
            for manifest in manifests:
                self._create(resource, manifest)

    def reconcile(self, key: Key) -> None:
        plural, name = key
        if plural == PRIORITYLEVELS.plural:
            self._create(PRIORITYLEVELS, next(one for one in default_levels() if one["metadata"]["name"] == name))
            return
        schema = self._api.find(FLOWSCHEMAS, "", name)
        if schema is None:
            if name in _MANDATORY:
                self._create(FLOWSCHEMAS, next(one for one in default_schemas() if one["metadata"]["name"] == name))
            return
        level = _level_of(schema)
        there = self._api.find(PRIORITYLEVELS, "", level) is not None
        wanted: dict[str, Any] = {
            "type": "Dangling", "status": "False" if there else "True", "reason": "Found" if there else "NotFound",
            "message": f'This FlowSchema references the PriorityLevelConfiguration object named "{level}" '
            + ("and it exists" if there else "but there is no such object"),
        }  # fmt: skip
        status: JsonObject = schema.obj.get("status") or {}
        conditions = status.get("conditions") or []
        present: JsonObject = next((one for one in conditions if one["type"] == "Dangling"), {})
        if all(present.get(field) == value for field, value in wanted.items()):
            return
        same = present.get("status") == wanted["status"]
        wanted["lastTransitionTime"] = present["lastTransitionTime"] if same else rfc3339(self._clock.now())
        others = [one for one in conditions if one["type"] != "Dangling"]
        self._api.update_status(self._caller, schema, {**status, "conditions": [*others, wanted]})

    def _create(self, resource: Resource, manifest: JsonObject) -> None:
        if self._api.find(resource, "", manifest["metadata"]["name"]) is None:
            self._api.create(self._caller, resource, "", manifest)

    def _level_changed(self, event: WatchEvent) -> Iterable[Key]:
        """Those that name a level that came or went, and the level itself when it may not go."""
        if event.type not in (ADDED, DELETED):
            return ()
        name = event.now.name
        keys: list[Key] = [
            (FLOWSCHEMAS.plural, env.name) for env in self._api.store.list(FLOWSCHEMAS) if _level_of(env) == name
        ]
        if event.type == DELETED and name in _MANDATORY:
            keys.append((PRIORITYLEVELS.plural, name))
        return keys


def _schema_changed(event: WatchEvent) -> Iterable[Key]:
    return ((FLOWSCHEMAS.plural, event.now.name),)


def _level_of(schema: Envelope) -> str:
    """The priority level that a FlowSchema names; "" for none."""
    spec = schema.obj.get("spec") or {}
    return str((spec.get("priorityLevelConfiguration") or {}).get("name") or "")
