"""Role based access control: what roles, and bindings of them, let a user do.

Every role and binding is looked at once after a change; a question then meets only the bindings of its user and groups.
Sources: plugin/pkg/auth/authorizer/rbac (rbac.go), pkg/registry/rbac/validation (rule.go, policy_comparator.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

from engine.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from engine.api.requests import Caller
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey, WatchEvent

Rule = JsonObject
"""rbac.authorization.k8s.io/v1 PolicyRule."""
_RESOURCES: Final = (CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES)
_ALL: Final = "*"


class Attributes(NamedTuple):
    """What is asked for (authorizer.Attributes)."""

    verb: str
    group: str = ""
    resource: str = ""
    """Plural; "" when `path` is asked for."""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    """Of a request for no resource."""
    fields: str = ""
    """The field selector of a list or watch."""

    @property
    def combined(self) -> str:
        """`pods/log`"""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class _Grant(NamedTuple):
    """One subject of one binding."""

    namespace: str
    """Where it holds; "" everywhere."""
    rules: Sequence[Rule]
    missing: str
    """Why there are no rules; "" when the role is there."""
    reason: str


class Rbac:
    """The roles of one cluster. Engine thread only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._grants: dict[tuple[str, str], list[_Grant]] | None = None
        store.listen(self._changed, *_RESOURCES)

    def allows(self, caller: Caller, asked: Attributes) -> tuple[bool, str]:
        """(whether, why). When not, why tells which roles of the user's bindings are missing."""
        missing = []
        for grant in self._of(caller):
            if grant.namespace and grant.namespace != asked.namespace:
                continue
            if grant.missing:
                missing.append(grant.missing)
            for rule in grant.rules:
                if rule_allows(rule, asked):
                    return True, f"RBAC: allowed by {grant.reason}"
        return False, f"RBAC: {_bracketed(missing)}" if missing else ""

    def rules(self, caller: Caller, namespace: str) -> list[Rule]:
        """Everything that a user may do in a namespace."""
        found: list[Rule] = []
        for grant in self._of(caller):
            if not grant.namespace or grant.namespace == namespace:
                found.extend(grant.rules)
        return found

    def role_rules(self, reference: JsonObject, namespace: str) -> Sequence[Rule] | None:
        """The rules of a roleRef; None when there is no such role."""
        plural, where = ("clusterroles", "") if reference.get("kind") == "ClusterRole" else ("roles", namespace)
        env = self._store.get(ObjectKey(ROLES.group, plural, where, reference.get("name") or ""))
        return None if env is None else env.obj.get("rules") or ()

    def _of(self, caller: Caller) -> Iterator[_Grant]:
        """Cluster-wide grants first."""
        grants = self._grants
        if grants is None:
            grants = self._grants = self._read()
        subjects = [("User", caller.user), *(("Group", group) for group in caller.groups)]
        for everywhere in (True, False):
            for subject in subjects:
                for grant in grants.get(subject, ()):
                    if (not grant.namespace) == everywhere:
                        yield grant

    def _read(self) -> dict[tuple[str, str], list[_Grant]]:
        grants: dict[tuple[str, str], list[_Grant]] = {}
        for resource in (CLUSTERROLEBINDINGS, ROLEBINDINGS):
            for env in self._store.list(resource):
                reference = env.obj.get("roleRef") or {}
                rules = self.role_rules(reference, env.namespace)
                missing = "" if rules is not None else _not_found(reference)
                for subject in env.obj.get("subjects") or ():
                    grant = _Grant(env.namespace, rules or (), missing, _reason(env, reference, subject))
                    grants.setdefault(_subject(subject, env.namespace), []).append(grant)
        return grants

    def _changed(self, event: WatchEvent) -> None:
        self._grants = None


def _subject(subject: JsonObject, namespace: str) -> tuple[str, str]:
    kind, name = subject.get("kind") or "", subject.get("name") or ""
    if kind == "ServiceAccount":
        return "User", f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"
    return kind, name


def _not_found(reference: JsonObject) -> str:
    kind = "clusterrole" if reference.get("kind") == "ClusterRole" else "role"
    return f'{kind}.rbac.authorization.k8s.io "{reference.get("name")}" not found'


def _reason(env: Envelope, reference: JsonObject, subject: JsonObject) -> str:
    who = subject.get("name") or ""
    if subject.get("kind") == "ServiceAccount":
        who = f"{who}/{subject.get('namespace') or env.namespace}"
    binding = f'RoleBinding "{env.name}/{env.namespace}"' if env.namespace else f'ClusterRoleBinding "{env.name}"'
    return f'{binding} of {reference.get("kind")} "{reference.get("name")}" to {subject.get("kind")} "{who}"'


def _bracketed(texts: Sequence[str]) -> str:
    """utilerrors.Aggregate's text."""
    unique = list(dict.fromkeys(texts))
    return unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"


def rule_allows(rule: Rule, asked: Attributes) -> bool:
    """Whether one rule lets it be done (rbac.RuleAllows)."""
    verbs = rule.get("verbs") or ()
    if _ALL not in verbs and asked.verb not in verbs:
        return False
    if not asked.resource:
        return any(url_matches(url, asked.path) for url in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if _ALL not in groups and asked.group not in groups:
        return False
    names = rule.get("resourceNames")
    if names and asked.name not in names:
        return False
    resources = rule.get("resources") or ()
    if _ALL in resources or asked.combined in resources:
        return True
    return bool(asked.subresource) and f"*/{asked.subresource}" in resources


def url_matches(pattern: str, path: str) -> bool:
    """`/healthz/*` matches what begins so; else they are equal."""
    return pattern in (_ALL, path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


# -- what one may hand on ----------------------------------------------------------------------------------------------


def uncovered(owned: Sequence[Rule], wanted: Sequence[Rule]) -> list[Rule]:
    """What is wanted and not owned, one verb, group and resource each (validation.Covers)."""
    return [part for rule in wanted for part in _broken_down(rule) if not any(_covers(has, part) for has in owned)]


def _broken_down(rule: Rule) -> Iterator[Rule]:
    verbs = rule.get("verbs") or ()
    for group, resource, verb in product(rule.get("apiGroups") or (), rule.get("resources") or (), verbs):
        part: dict[str, Any] = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        names = rule.get("resourceNames") or ()
        if not names:
            yield part
        for name in names:
            yield {**part, "resourceNames": [name]}
    for url, verb in product(rule.get("nonResourceURLs") or (), verbs):
        yield {"nonResourceURLs": [url], "verbs": [verb]}


def _covers(owned: Rule, part: Rule) -> bool:
    verbs = owned.get("verbs") or ()
    if _ALL not in verbs and part["verbs"][0] not in verbs:
        return False
    if "nonResourceURLs" in part:
        url = part["nonResourceURLs"][0]
        return any(url_matches(pattern, url) for pattern in owned.get("nonResourceURLs") or ())
    groups = owned.get("apiGroups") or ()
    if _ALL not in groups and part["apiGroups"][0] not in groups:
        return False
    resources, resource = owned.get("resources") or (), part["resources"][0]
    if _ALL not in resources and resource not in resources and f"*/{resource.partition('/')[2]}" not in resources:
        return False
    names = owned.get("resourceNames")
    return not names or all(name in names for name in part.get("resourceNames") or ("",))


def described(rules: Sequence[Rule]) -> list[str]:
    """Rules in brief, verbs of one resource together, sorted (rbac.CompactRules, PolicyRule.CompactString)."""
    merged: dict[tuple[str, str], Rule] = {}
    out: list[Rule] = []
    for rule in rules:
        if "resources" in rule and "resourceNames" not in rule:
            mark = rule["apiGroups"][0], rule["resources"][0]
            known = merged.get(mark)
            if known is not None:
                known["verbs"].extend(verb for verb in rule["verbs"] if verb not in known["verbs"])
                continue
            rule = merged[mark] = {**rule, "verbs": list(rule["verbs"])}
        out.append(rule)
    return sorted(_compact(rule) for rule in out)


_PARTS: Final = (
    ("APIGroups", "apiGroups"), ("Resources", "resources"), ("NonResourceURLs", "nonResourceURLs"),
    ("ResourceNames", "resourceNames"), ("Verbs", "verbs"),
)  # fmt: skip


def _compact(rule: Rule) -> str:
    return "{" + ", ".join(f"{word}:{quoted(rule[key])}" for word, key in _PARTS if rule.get(key)) + "}"


def quoted(words: Sequence[str]) -> str:
    """A list of strings as Go's %q prints it."""
    return "[" + " ".join(f'"{word}"' for word in words) + "]"
