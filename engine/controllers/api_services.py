"""APIService objects: which group versions the API serves, as kube-aggregator's registration controllers keep them.

One for each group version of Kubernetes itself, made at the start (`automanaged: onstart`), and one for each that a
CustomResourceDefinition serves, as long as it does (`automanaged: true`). All are local, and so always available. What
Kubarium serves beside Kubernetes (its own kinds, metrics of what is simulated) has none. Sources:
kube-aggregator/pkg/controllers/autoregister, pkg/controlplane/controller/crdregistration, and the priorities of
pkg/controlplane/apiserver/aggregator.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.kinds import APISERVICES, CRDS
from engine.clock import rfc3339
from engine.controllers.controller import Key, Queue, Watch
from store.types import DELETED, Envelope, JsonObject, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_AUTOMANAGED: Final = "kube-aggregator.kubernetes.io/automanaged"
_PRIORITIES: Final[dict[str, int]] = {
    "": 18000, "apps": 17800, "events.k8s.io": 17750, "authentication.k8s.io": 17700, "authorization.k8s.io": 17600,
    "autoscaling": 17500, "batch": 17400, "certificates.k8s.io": 17300, "networking.k8s.io": 17200, "policy": 17100,
    "rbac.authorization.k8s.io": 17000, "storage.k8s.io": 16800, "apiextensions.k8s.io": 16700,
    "admissionregistration.k8s.io": 16700, "scheduling.k8s.io": 16600, "coordination.k8s.io": 16500,
    "node.k8s.io": 16300, "discovery.k8s.io": 16200, "flowcontrol.apiserver.k8s.io": 16100, "resource.k8s.io": 15900,
}  # fmt: skip
"""Kubernetes' groups, and how early discovery lists them (groupPriorityMinimum)."""
_VERSION_PRIORITIES: Final[dict[tuple[str, str], int]] = {
    ("", "v1"): 1, ("autoscaling", "v2"): 30, ("flowcontrol.apiserver.k8s.io", "v1"): 21, ("resource.k8s.io", "v1"): 20,
}  # fmt: skip
_VERSION_PRIORITY: Final = 15
_CUSTOM: Final = (1000, 100)
"""Priorities of a custom group version."""


class ApiServiceController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller

    def watches(self) -> Sequence[Watch]:
        return (Watch(CRDS, _served_by), Watch(APISERVICES, _removed))

    def start(self, queue: Queue) -> None:
        for kind in self._api.kinds.served():
            group, version = kind.resource.group, kind.version
            if group in _PRIORITIES and not kind.custom:
                queue.add((f"{version}.{group}",))

    def reconcile(self, key: Key) -> None:
        (name,) = key
        version, _, group = name.partition(".")
        present = self._api.find(APISERVICES, "", name)
        own = group in _PRIORITIES and any(
            kind.resource.group == group and kind.version == version for kind in self._api.kinds.served()
        )
        if not own and not any(name in _group_versions(env) for env in self._api.store.list(CRDS)):
            if present is not None and (present.labels.get(_AUTOMANAGED) == "true"):
                self._api.delete(self._caller, APISERVICES, "", name)
            return
        if present is None:
            self._create(name, group, version, own)

    def _create(self, name: str, group: str, version: str, own: bool) -> None:
        first, second = _CUSTOM
        if own:
            first, second = _PRIORITIES[group], _VERSION_PRIORITIES.get((group, version), _VERSION_PRIORITY)
        spec: JsonObject = {"group": group} if group else {}
        spec |= {"groupPriorityMinimum": first, "version": version, "versionPriority": second}
        labels = {_AUTOMANAGED: "onstart" if own else "true"}
        env = self._api.create(
            self._caller, APISERVICES, "", {"metadata": {"name": name, "labels": labels}, "spec": spec}
        )  # fmt: skip
        condition = {
            "type": "Available", "status": "True", "lastTransitionTime": rfc3339(self._clock.now()), "reason": "Local",
            "message": "Local APIServices are always available",
        }  # fmt: skip
        self._api.update_status(self._caller, env, {"conditions": [condition]})


def _served_by(event: WatchEvent) -> Iterable[Key]:
    names = dict.fromkeys(_group_versions(event.now))
    if event.before is not None:
        names |= dict.fromkeys(_group_versions(event.before))
    return [(name,) for name in names]


def _group_versions(definition: Envelope) -> Iterator[str]:
    """The names of the APIServices that a CustomResourceDefinition calls for."""
    spec = definition.obj["spec"]
    for version in spec["versions"]:
        if version.get("served"):
            yield f"{version['name']}.{spec['group']}"


def _removed(event: WatchEvent) -> Iterable[Key]:
    """One that is called for is made anew."""
    return ((event.now.name,),) if event.type == DELETED else ()
