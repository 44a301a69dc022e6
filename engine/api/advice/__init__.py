"""Advice on what is taken but hardly meant: the `Warning:` headers of a write (WarningsOnCreate, WarningsOnUpdate).

`advice` is asked after an object was found valid and before admission has the last word, for callers that listen. Which
kinds have any is the table below; kinds with a pod template are looked at again only when their desired state changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from engine.api.advice.objects import claim, custom, ingress, node, secret, service, volume
from engine.api.advice.pods import claim_spec, pod, template
from engine.api.kinds import (
    CRONJOBS,
    DAEMONSETS,
    DEPLOYMENTS,
    INGRESSES,
    JOBS,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    SECRETS,
    SERVICES,
    STATEFULSETS,
    Kind,
)
from engine.api.names import dns_label_errors
from store.types import JsonObject, Resource

_NAMED: Final = frozenset({DEPLOYMENTS, REPLICASETS, REPLICATIONCONTROLLERS, JOBS, CRONJOBS})
"""Their names become those of pods, and are not held to what a host may be called."""
_OF_PODS: Final = frozenset({*_NAMED, DAEMONSETS, STATEFULSETS})
_SURPRISE: Final = "which can result in surprising behavior; a DNS label is recommended:"
_OTHERS: Final[Mapping[Resource, Callable[[JsonObject], list[str]]]] = {
    INGRESSES: ingress,
    NODES: node,
    PERSISTENTVOLUMECLAIMS: claim,
    PERSISTENTVOLUMES: volume,
    SECRETS: secret,
    SERVICES: service,
}


def advice(kind: Kind, new: JsonObject, old: JsonObject | None) -> list[str]:
    """The texts for who writes `new` in place of `old`, None when it is created."""
    resource = kind.stored_as
    if kind.custom:
        return custom(new, old)
    if resource == PODS:
        # Nobody edits pods by hand: their updates are not looked at.
        return [*_of_name(new, "the Pod's hostname"), *pod(new)] if old is None else []
    if resource in _OF_PODS:
        if old is not None and old.get("spec") == new.get("spec"):
            return []
        named = resource in _NAMED and old is None
        return [*(_of_name(new, "Pod names and hostnames") if named else ()), *_of_workload(resource, new)]
    check = _OTHERS.get(resource)
    return check(new) if check is not None else []


def _of_name(obj: JsonObject, used: str) -> list[str]:
    messages = dns_label_errors(obj["metadata"].get("name") or "")
    return [f"metadata.name: this is used in {used}, {_SURPRISE} [{' '.join(messages)}]"] if messages else []


def _of_workload(resource: Resource, obj: JsonObject) -> list[str]:
    spec, path = obj.get("spec") or {}, "spec"
    if resource == CRONJOBS:
        spec, path = (spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec"
    found = template(spec.get("template") or {}, f"{path}.template")
    if resource == STATEFULSETS:
        for index, each in enumerate(spec.get("volumeClaimTemplates") or ()):
            found += claim_spec(each.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].Spec")
        if (spec.get("revisionHistoryLimit") or 0) < 0:
            text = "a negative value retains all historical revisions; a value >= 0 is recommended"
            found.append(f"spec.revisionHistoryLimit: {text}")
    return found
