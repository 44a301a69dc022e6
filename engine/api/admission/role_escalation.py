"""Nobody grants what they do not have: roles need the rights that they give (or the verb `escalate`), bindings those of
their role (or `bind`).

Sources: pkg/registry/rbac (escalation_check.go), clusterrole, role, clusterrolebinding and rolebinding policybased.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.api import errors
from engine.api.admission.request import AdmissionRequest
from engine.auth.authorizer import MASTERS, authorizer_of
from engine.auth.rbac import Attributes, Rule, described, quoted, uncovered

_EVERYTHING: Final[tuple[Rule, ...]] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)


def validate_role(request: AdmissionRequest) -> None:
    """A Role or ClusterRole on its way in."""
    if _may_all(request) or _allowed(request, "escalate", request.resource.plural, request.name):
        return
    old, new = request.old or {}, request.obj
    if request.old is not None and all(old.get(key) == new.get(key) for key in ("rules", "aggregationRule")):
        return
    rules = new.get("rules") or ()
    if new.get("aggregationRule") and old.get("aggregationRule") != new["aggregationRule"]:
        owned = authorizer_of(request.store).rbac.rules(request.caller, request.namespace)
        if uncovered(owned, _EVERYTHING):
            raise errors.forbidden(
                request.resource, request.name, "must have cluster-admin privileges to use the aggregationRule"
            )
    _require(request, rules)


def validate_binding(request: AdmissionRequest) -> None:
    """A RoleBinding or ClusterRoleBinding on its way in."""
    if _may_all(request):
        return
    old, new = request.old or {}, request.obj
    if request.old is not None and all(old.get(key) == new.get(key) for key in ("roleRef", "subjects")):
        return
    reference = new.get("roleRef") or {}
    plural = "clusterroles" if reference.get("kind") == "ClusterRole" else "roles"
    if _allowed(request, "bind", plural, reference.get("name") or ""):
        return
    rules = authorizer_of(request.store).rbac.role_rules(reference, request.namespace)
    if rules is None:
        raise errors.not_found(request.resource._replace(plural=plural), reference.get("name") or "")
    _require(request, rules)


def _may_all(request: AdmissionRequest) -> bool:
    return not request.caller.outside or MASTERS in request.caller.groups


def _allowed(request: AdmissionRequest, verb: str, plural: str, name: str) -> bool:
    asked = Attributes(verb, request.resource.group, plural, "", request.namespace, name)
    return authorizer_of(request.store).decide(request.caller, asked)[0]


def _require(request: AdmissionRequest, rules: Sequence[Rule]) -> None:
    owned = authorizer_of(request.store).rbac.rules(request.caller, request.namespace)
    missing = uncovered(owned, rules)
    if missing:
        who = f'user "{request.caller.user}" (groups={quoted(request.caller.groups)})'
        text = f"{who} is attempting to grant RBAC permissions not currently held:\n" + "\n".join(described(missing))
        raise errors.forbidden(request.resource, request.name, text)
