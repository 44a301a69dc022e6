"""The default roles and bindings: made at the first start, put right at each one, as kube-apiserver does.

A role that carries `rbac.authorization.kubernetes.io/autoupdate: "true"` gets missing rules, a binding missing
subjects; what somebody added stays, and without the annotation nothing is touched. Sources:
pkg/registry/rbac/rest/storage_rbac.go and pkg/registry/rbac/reconciliation.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from engine.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from engine.api.server import Api, Caller
from engine.auth.rbac import uncovered
from engine.auth.role_text import CONTROLLER_ROLES, NAMESPACED_ROLES, USER_ROLES
from store.types import JsonObject, Resource

GROUP: Final = "rbac.authorization.k8s.io"
AUTOUPDATE: Final = "rbac.authorization.kubernetes.io/autoupdate"
_META: Final = {
    "annotations": {AUTOUPDATE: "true"},
    "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
}
_WRITE: Final = ("create", "delete", "deletecollection", "patch", "update")
_READ: Final = ("get", "list", "watch")
_WORDS: Final = {"R": _READ, "L": ("list", "watch"), "W": _WRITE, "RW": (*_READ, *_WRITE)}
_EVENTS: Final = {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch", "update"]}
_AGGREGATES: Final = "rbac.authorization.k8s.io/aggregate-to-"
_LABELLED: Final = {
    "edit": "admin", "view": "edit", "system:aggregate-to-admin": "admin", "system:aggregate-to-edit": "edit",
    "system:aggregate-to-view": "view",
}  # fmt: skip
"""Role → the role that takes its rules in."""
_AUTHENTICATED: Final = "system:authenticated"
_BINDINGS: Final[dict[str, tuple[str, ...]]] = {
    "cluster-admin": ("Group system:masters",),
    "system:monitoring": ("Group system:monitoring",),
    "system:discovery": (f"Group {_AUTHENTICATED}",),
    "system:basic-user": (f"Group {_AUTHENTICATED}",),
    "system:public-info-viewer": (f"Group {_AUTHENTICATED}", "Group system:unauthenticated"),
    "system:node-proxier": ("User system:kube-proxy",),
    "system:kube-controller-manager": ("User system:kube-controller-manager",),
    "system:kube-dns": ("ServiceAccount kube-dns",),
    "system:kube-scheduler": ("User system:kube-scheduler",),
    "system:volume-scheduler": ("User system:kube-scheduler",),
    "system:service-account-issuer-discovery": ("Group system:serviceaccounts",),
    "system:node": (),
}
"""Role → subjects of the binding of the same name."""
_MANAGER, _SCHEDULER = "kube-controller-manager", "kube-scheduler"
_ROLE_BINDINGS: Final[tuple[tuple[str, str, str, tuple[str, ...]], ...]] = (
    ("kube-public", "system:controller:bootstrap-signer", "system:controller:bootstrap-signer",
     ("ServiceAccount bootstrap-signer",)),
    ("kube-system", "system::extension-apiserver-authentication-reader", "extension-apiserver-authentication-reader",
     (f"User system:{_MANAGER}", f"User system:{_SCHEDULER}")),
    ("kube-system", f"system::leader-locking-{_MANAGER}", f"system::leader-locking-{_MANAGER}",
     (f"User system:{_MANAGER}", f"ServiceAccount {_MANAGER}")),
    ("kube-system", f"system::leader-locking-{_SCHEDULER}", f"system::leader-locking-{_SCHEDULER}",
     (f"User system:{_SCHEDULER}", f"ServiceAccount {_SCHEDULER}")),
    ("kube-system", "system:controller:bootstrap-signer", "system:controller:bootstrap-signer",
     ("ServiceAccount bootstrap-signer",)),
    ("kube-system", "system:controller:cloud-provider", "system:controller:cloud-provider",
     ("ServiceAccount cloud-provider",)),
    ("kube-system", "system:controller:token-cleaner", "system:controller:token-cleaner",
     ("ServiceAccount token-cleaner",)),
)  # fmt: skip
"""(namespace, binding, role, subjects)."""


def reconcile_roles(api: Api) -> None:
    """Make what is missing, and put right what may be."""
    caller = Caller("system:apiserver", groups=("system:masters",))
    for resource, namespace, manifest in default_objects():
        found = api.find(resource, namespace, manifest["metadata"]["name"])
        if found is None:
            api.create(caller, resource, namespace, manifest)
            continue
        if (found.obj["metadata"].get("annotations") or {}).get(AUTOUPDATE) != "true":
            continue
        changed = _put_right(found.obj, manifest)
        if changed is not found.obj:
            api.update(caller, resource, namespace, found.name, changed)


def _put_right(present: JsonObject, wanted: JsonObject) -> JsonObject:
    if "roleRef" in wanted:
        has = present.get("subjects") or []
        more: list[Any] = [subject for subject in wanted["subjects"] if subject not in has]
        return {**present, "subjects": [*has, *more]} if more else present
    if "aggregationRule" in wanted:
        return present if present.get("aggregationRule") else {**present, "aggregationRule": wanted["aggregationRule"]}
    more = uncovered(present.get("rules") or (), wanted["rules"])
    return {**present, "rules": [*(present.get("rules") or ()), *more]} if more else present


@cache
def default_objects() -> tuple[tuple[Resource, str, JsonObject], ...]:
    """(kind, namespace, manifest) of every default role and binding, roles first."""
    return (*_cluster_roles(), *_cluster_bindings(), *_roles(), *_role_bindings())


def _cluster_roles() -> Iterator[tuple[Resource, str, JsonObject]]:
    controllers = {f"system:controller:{name}": rules for name, rules in parse(CONTROLLER_ROLES).items()}
    for name, rules in (parse(USER_ROLES) | controllers).items():
        role: JsonObject = {"metadata": {**_META, "name": name}}
        if name in _LABELLED:
            labels = {**_META["labels"], f"{_AGGREGATES}{_LABELLED[name]}": "true"}
            role["metadata"] = {**role["metadata"], "labels": labels}
        if name in ("admin", "edit", "view"):
            selector = {"matchLabels": {f"{_AGGREGATES}{name}": "true"}}
            role["aggregationRule"] = {"clusterRoleSelectors": [selector]}
        yield CLUSTERROLES, "", {**role, "rules": rules}


def _cluster_bindings() -> Iterator[tuple[Resource, str, JsonObject]]:
    named = dict(_BINDINGS)
    named |= {f"system:controller:{name}": (f"ServiceAccount {name}",) for name in parse(CONTROLLER_ROLES)}
    for name, subjects in named.items():
        yield CLUSTERROLEBINDINGS, "", _binding(name, "ClusterRole", name, subjects)


def _roles() -> Iterator[tuple[Resource, str, JsonObject]]:
    for path, rules in parse(NAMESPACED_ROLES).items():
        namespace, _, name = path.partition("/")
        yield ROLES, namespace, {"metadata": {**_META, "name": name}, "rules": rules}


def _role_bindings() -> Iterator[tuple[Resource, str, JsonObject]]:
    for namespace, name, role, subjects in _ROLE_BINDINGS:
        yield ROLEBINDINGS, namespace, _binding(name, "Role", role, subjects)


def _binding(name: str, kind: str, role: str, subjects: tuple[str, ...]) -> JsonObject:
    return {
        "metadata": {**_META, "name": name},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
        "subjects": [_subject(*text.split(" ")) for text in subjects],
    }


def _subject(kind: str, name: str) -> JsonObject:
    if kind == "ServiceAccount":
        return {"kind": kind, "name": name, "namespace": "kube-system"}
    return {"apiGroup": GROUP, "kind": kind, "name": name}


@cache
def parse(text: str) -> dict[str, list[JsonObject]]:
    """Name → rules of roles in the notation of engine.auth.role_text."""
    roles: dict[str, list[JsonObject]] = {}
    rules: list[JsonObject] = []
    for line in text.strip().replace(",\n    ", ",").splitlines():
        if not line.startswith(" "):
            rules = roles[line] = []
        else:
            rules.append(_rule(line.split()))
    return roles


def _rule(words: list[str]) -> JsonObject:
    if words == ["events"]:
        return _EVENTS
    verbs = sorted(_WORDS.get(words[0]) or words[0].split(","))
    if words[1] == "*URL" or words[1].startswith("/"):
        return {"nonResourceURLs": words[1].removesuffix("URL").split(","), "verbs": verbs}
    resources: list[str] = []
    whole = ""
    for name in words[1].split(","):
        if not name.startswith("/"):
            whole = name.partition("/")[0]
        resources.append(name if not name.startswith("/") else whole + name)
    options = {word[0]: word[1:].split(",") for word in words[2:]}
    rule = {"apiGroups": options.get("@", [""]), "resources": sorted(resources), "verbs": verbs}
    if "=" in options:
        rule["resourceNames"] = options["="]
    return rule
