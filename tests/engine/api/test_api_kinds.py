"""The table of kinds says what discovery says."""

from __future__ import annotations

import pytest

from engine.api.kinds import EVENTS, HPAS, PODS, Kind, builtin_kinds
from engine.api.schema import Schema
from store.types import Resource


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("po", "pods"), ("Pod", "pods"), ("pods", "pods"), ("deploy", "deployments.apps"), ("ev", "events"),
        ("deployments.apps", "deployments.apps"), ("deployments.v1.apps", "deployments.apps"),
        ("events.events.k8s.io", "events.events.k8s.io"), ("crd", "customresourcedefinitions.apiextensions.k8s.io"),
        ("pods.v1.", "pods"), ("ComponentStatus", "componentstatuses"), ("endpoints", "endpoints"),
    ],
)  # fmt: skip
def test_a_person_may_name_a_kind_in_many_ways(word: str, expected: str) -> None:
    """Plural, singular, kind and short name resolve, with or without version and group."""
    found = builtin_kinds().resolve(word)
    assert found is not None
    assert str(found.resource) == expected


@pytest.mark.parametrize("word", ["", "nope", "pods.apps", "deployments.v2.apps"])
def test_what_is_not_served_resolves_to_nothing(word: str) -> None:
    """Unknown words give None, never something near."""
    assert builtin_kinds().resolve(word) is None


def test_every_built_in_kind_has_a_schema() -> None:
    """All stored kinds of Kubernetes itself are known to the schema, and have metadata."""
    schema = Schema()
    for kind in builtin_kinds().served():
        if kind.resource.group not in ("kubarium.dev", "metrics.k8s.io"):
            info = schema.of(kind.api_version, kind.kind)
            assert info is not None, kind
            assert "metadata" in info.fields


def test_one_resource_may_have_two_faces() -> None:
    """autoscaling v1 and v2 are one resource, events of both groups are stored once."""
    kinds = builtin_kinds()
    v1, v2 = kinds.version(HPAS, "v1"), kinds.get(HPAS)
    assert v1 is not None
    assert v2 is not None
    assert (v1.version, v2.version) == ("v1", "v2")
    events = kinds.by_kind("events.k8s.io/v1", "Event")
    assert events is not None
    assert events.stored_as == EVENTS


def test_kinds_come_and_go() -> None:
    """A kind that a CRD adds can be removed again, and built-in names win over custom ones."""
    kinds = builtin_kinds()
    custom = Kind(Resource("example.com", "pods"), "v1", "Pod", custom=True, singular="pod")
    kinds.add(custom)
    assert kinds.resolve("pods") is kinds.get(PODS)
    assert kinds.resolve("pods.example.com") is custom
    kinds.remove(custom.resource)
    assert kinds.resolve("pods.example.com") is None


def test_all_is_a_category() -> None:
    """`get all` means the workloads, their pods and services."""
    names = [kind.resource.plural for kind in builtin_kinds().category("all")]
    assert names == [
        "pods", "replicationcontrollers", "services", "daemonsets", "deployments", "replicasets", "statefulsets",
        "horizontalpodautoscalers", "cronjobs", "jobs",
    ]  # fmt: skip
