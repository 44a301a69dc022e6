"""Field paths, differences between objects, and what counts as drift."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.client import FieldChange
from engine.folder.fields import differences, parse_path, path_text, undeclared_ignored


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec.containers[0].image", ("spec", "containers", 0, "image")),
        ("metadata.labels[app.kubernetes.io/name]", ("metadata", "labels", "app.kubernetes.io/name")),
        ("data[12a]", ("data", "12a")),
        ("", ()),
    ],
)
def test_paths_are_read_and_written(text: str, path: tuple[str | int, ...]) -> None:
    """Kubernetes' spelling and tuples of steps say the same."""
    assert parse_path(text) == path
    assert path_text(path) == text


def test_differences_are_leaves() -> None:
    """Changed, added and removed fields are told one by one; containers are matched by name, not by place."""
    before = {
        "spec": {"replicas": 1, "containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]},
        "gone": 1,
    }
    after = {
        "spec": {"replicas": 2, "containers": [{"name": "b", "image": "y"}, {"name": "a", "image": "z"}]},
        "new": {"k": 1},
    }
    assert list(differences(before, after)) == [
        FieldChange("spec.replicas", 1, 2),
        FieldChange("spec.containers[1].image", "x", "z"),
        FieldChange("gone", 1, None),
        FieldChange("new.k", None, 1),
    ]


def test_drift_looks_only_at_what_is_declared() -> None:
    """Defaults, extra labels, extra containers and the lifecycle's own taints are no drift; declared values are."""
    declared = {"metadata": {"labels": {"a": "1"}}, "spec": {
        "containers": [{"name": "a", "ports": [{"containerPort": 80}]}],
        "taints": [{"key": "gpu", "effect": "NoSchedule"}],
        "empty": {}, "none": None, "items": [],
    }}  # fmt: skip
    live: dict[str, Any] = {"metadata": {"labels": {"a": "1", "b": "2"}, "uid": "u"}, "spec": {
        "containers": [{"name": "sidecar"},
                       {"name": "a", "image": "x", "ports": [{"containerPort": 80, "protocol": "TCP"}]}],
        "taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
                   {"key": "gpu", "effect": "NoSchedule"}],
        "more": 1,
    }}  # fmt: skip
    assert list(undeclared_ignored(declared, live)) == []
    live["metadata"]["labels"]["a"] = "2"
    live["spec"]["taints"].pop()
    assert [change.path for change in undeclared_ignored(declared, live)] == ["metadata.labels.a", "spec.taints"]


_keys = st.sampled_from(["name", "env", "a.b", "x"])
_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(_value, _value)
def test_differences_of_equal_values_are_none(one: Any, other: Any) -> None:
    """Two values differ exactly when there is a difference to tell, nulls and reordered named items aside."""
    assert list(differences(one, one)) == []
    assert list(undeclared_ignored(one, one)) == []
    if list(differences(one, other)):
        assert one != other
