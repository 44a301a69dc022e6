"""RBAC: which rule lets what be done, and what one may hand on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from engine.api.requests import Caller
from engine.auth.rbac import Attributes, Rbac, described, rule_allows, uncovered
from store.store import Store
from store.types import Author, Micros, ObjectKey

VERBS, GROUPS, NAMES = ["get", "list", "*"], ["", "apps", "*"], ["a", "b"]
RESOURCES = ["pods", "pods/log", "*/log", "*"]
PEOPLE = ["ann", "bob", "system:serviceaccount:one:robot"]
WHERE = ["one", "two"]
RULES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "verbs": st.lists(st.sampled_from(VERBS), min_size=1, max_size=2),
        "apiGroups": st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2),
        "resources": st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2),
    },
    optional={"resourceNames": st.lists(st.sampled_from(NAMES), max_size=2)},
)
ASKED = st.builds(
    Attributes, st.sampled_from(["get", "list", "delete"]), st.sampled_from(["", "apps"]),
    st.sampled_from(["pods", "secrets"]), st.sampled_from(["", "log"]), st.sampled_from(["", *WHERE]),
    st.sampled_from(["", *NAMES]),
)  # fmt: skip
SUBJECTS = st.sampled_from([
    {"kind": "User", "name": "ann"}, {"kind": "Group", "name": "team"},
    {"kind": "ServiceAccount", "name": "robot", "namespace": "one"}, {"kind": "ServiceAccount", "name": "robot"},
])  # fmt: skip
ROLE_MAP = st.dictionaries(
    st.tuples(st.sampled_from(["", *WHERE]), st.sampled_from(["r", "s"])), st.lists(RULES, max_size=2)
)
BINDINGS = st.lists(
    st.tuples(
        st.sampled_from(["", *WHERE]), st.sampled_from(["Role", "ClusterRole"]), st.sampled_from(["r", "s"]),
        st.lists(SUBJECTS, max_size=2),
    ),
    max_size=4,
)  # fmt: skip


def naive(rule: dict[str, Any], asked: Attributes) -> bool:
    """Every combination that a rule stands for, looked up."""
    whole = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    fits = {whole, "*"} | ({f"*/{asked.subresource}"} if asked.subresource else set())
    return (
        bool({asked.verb, "*"} & set(rule["verbs"]))
        and bool({asked.group, "*"} & set(rule["apiGroups"]))
        and bool(fits & set(rule["resources"]))
        and (not rule.get("resourceNames") or asked.name in rule["resourceNames"])
    )


@given(ROLE_MAP, BINDINGS, st.sampled_from(PEOPLE), st.booleans(), ASKED)
def test_as_a_naive_evaluator(
    roles: dict[tuple[str, str], list[dict[str, Any]]], bindings: list[Any], user: str, team: bool, asked: Attributes
) -> None:
    """Whatever roles and bindings there are: allowed is what some rule of some binding of the caller allows."""
    store, author = Store(), Author("test")
    rbac = Rbac(store)
    rbac.allows(Caller(user), asked)
    for (namespace, name), rules in roles.items():
        resource = ROLES if namespace else CLUSTERROLES
        store.put(
            ObjectKey(*resource, namespace, name), {"metadata": {"name": name}, "rules": rules}, author, Micros(0)
        )
    expected = False
    for index, (namespace, kind, role, subjects) in enumerate(bindings):
        kind = kind if namespace else "ClusterRole"
        resource, name = (ROLEBINDINGS if namespace else CLUSTERROLEBINDINGS), f"b{index}"
        body = {"metadata": {"name": name}, "roleRef": {"kind": kind, "name": role}, "subjects": subjects}
        store.put(ObjectKey(*resource, namespace, name), body, author, Micros(0))
        for subject in subjects:
            account = f"system:serviceaccount:{subject.get('namespace') or namespace}:{subject['name']}"
            mine = {"User": subject["name"] == user, "Group": team, "ServiceAccount": account == user}[subject["kind"]]
            if mine and namespace in ("", asked.namespace):
                held = roles.get((namespace if kind == "Role" else "", role), [])
                expected = expected or any(naive(rule, asked) for rule in held)
    assert rbac.allows(Caller(user, groups=("team",) if team else ()), asked)[0] is expected


@given(RULES, ASKED)
def test_one_rule(rule: dict[str, Any], asked: Attributes) -> None:
    """A rule allows what it spells out."""
    assert rule_allows(rule, asked) is naive(rule, asked)


@given(st.lists(RULES, max_size=2), st.lists(RULES, max_size=2), ASKED)
def test_what_is_covered_gives_nothing_new(owned: list[Any], wanted: list[Any], asked: Attributes) -> None:
    """Whoever may hand on rules could do all that they allow."""
    if not uncovered(owned, wanted) and any(rule_allows(rule, asked) for rule in wanted):
        assert any(rule_allows(rule, asked) for rule in owned)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [("/healthz", "/healthz", True), ("/healthz", "/healthz/ping", False), ("/healthz/*", "/healthz/ping", True),
     ("*", "/anything", True), ("/apis/*", "/api", False)],
)  # fmt: skip
def test_paths(pattern: str, path: str, fits: bool) -> None:
    """nonResourceURLs are whole paths, or begin with what stands before the star."""
    assert rule_allows({"verbs": ["get"], "nonResourceURLs": [pattern]}, Attributes("get", path=path)) is fits


def test_rules_in_brief() -> None:
    """Verbs of one resource come together, as kubectl prints what may not be granted."""
    wanted = [{"verbs": ["get", "list"], "apiGroups": ["apps"], "resources": ["deployments"]}]
    text = '{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}'
    assert described(uncovered([], wanted)) == [text]
