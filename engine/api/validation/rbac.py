"""rbac.authorization.k8s.io: rules, role references, subjects."""

from __future__ import annotations

from typing import Final

from engine.api.names import path_segment_errors
from engine.api.validation.causes import Causes, each_message, invalid, not_supported, required
from engine.api.validation.label_selector import validate_selector
from store.types import JsonObject

_GROUP: Final = "rbac.authorization.k8s.io"
_REFERENCE: Final = (("apiGroup", "APIGroup"), ("kind", "Kind"), ("name", "Name"))
"""Fields of a role's reference, and how the API server's own type has them: refusals print that one."""


def role(causes: Causes, obj: JsonObject) -> None:
    _rules(causes, obj, namespaced=True)


def cluster_role(causes: Causes, obj: JsonObject) -> None:
    _rules(causes, obj, namespaced=False)
    aggregation = obj.get("aggregationRule")
    if aggregation is not None:
        if not aggregation.get("clusterRoleSelectors"):
            text = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            causes.append(required("aggregationRule.clusterRoleSelectors", text))
        for index, selector in enumerate(aggregation.get("clusterRoleSelectors") or ()):
            validate_selector(causes, selector, f"aggregationRule.clusterRoleSelectors[{index}]")


def _rules(causes: Causes, obj: JsonObject, *, namespaced: bool) -> None:
    for index, rule in enumerate(obj.get("rules") or ()):
        where = f"rules[{index}]"
        if not rule.get("verbs"):
            causes.append(required(f"{where}.verbs", "verbs must contain at least one value"))
        urls = rule.get("nonResourceURLs")
        if urls:
            if namespaced:
                text = "namespaced rules cannot apply to non-resource URLs"
                causes.append(invalid(f"{where}.nonResourceURLs", urls, text))
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                text = "rules cannot apply to both regular resources and non-resource URLs"
                causes.append(invalid(f"{where}.nonResourceURLs", urls, text))
            continue
        if not rule.get("apiGroups"):
            causes.append(required(f"{where}.apiGroups", "resource rules must supply at least one api group"))
        if not rule.get("resources"):
            causes.append(required(f"{where}.resources", "resource rules must supply at least one resource"))


def role_binding(causes: Causes, obj: JsonObject) -> None:
    _binding(causes, obj, ("ClusterRole", "Role"), namespaced=True)


def cluster_role_binding(causes: Causes, obj: JsonObject) -> None:
    _binding(causes, obj, ("ClusterRole",), namespaced=False)


def _binding(causes: Causes, obj: JsonObject, kinds: tuple[str, ...], *, namespaced: bool) -> None:
    reference = obj.get("roleRef") or {}
    if reference.get("apiGroup") != _GROUP:
        causes.append(not_supported("roleRef.apiGroup", reference.get("apiGroup") or "", (_GROUP,)))
    if reference.get("kind") not in kinds:
        causes.append(not_supported("roleRef.kind", reference.get("kind") or "", kinds))
    name = reference.get("name") or ""
    if not name:
        causes.append(required("roleRef.name"))
    else:
        each_message(causes, "roleRef.name", name, path_segment_errors(name))
    for index, subject in enumerate(obj.get("subjects") or ()):
        _subject(causes, subject, f"subjects[{index}]", namespaced=namespaced)


def _subject(causes: Causes, subject: JsonObject, path: str, *, namespaced: bool) -> None:
    kind, group, name = subject.get("kind") or "", subject.get("apiGroup") or "", subject.get("name") or ""
    if not name:
        causes.append(required(f"{path}.name"))
    if kind == "ServiceAccount":
        if group:
            causes.append(not_supported(f"{path}.apiGroup", group, ("",)))
        if not namespaced and not subject.get("namespace"):
            causes.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != _GROUP:
            causes.append(not_supported(f"{path}.apiGroup", group, (_GROUP,)))
    else:
        causes.append(not_supported(f"{path}.kind", kind, ("Group", "ServiceAccount", "User")))


def role_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    role(causes, new)


def cluster_role_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    cluster_role(causes, new)


def role_binding_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    role_binding(causes, new)
    _same_role(causes, new, old)


def cluster_role_binding_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    cluster_role_binding(causes, new)
    _same_role(causes, new, old)


def _same_role(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if new.get("roleRef") != old.get("roleRef"):
        wanted: JsonObject = new.get("roleRef") or {}
        inside = {go: wanted.get(name) or "" for name, go in _REFERENCE}
        causes.append(invalid("roleRef", inside, "cannot change roleRef"))
