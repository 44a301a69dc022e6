"""One object, several versions; and kinds that only answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.convert import to_served, to_stored
from engine.api.kinds import EVENTS, HPAS, builtin_kinds
from store.types import Resource
from tests.engine.api.door import PERSON, Door

KINDS = builtin_kinds()


def test_a_new_event_is_stored_as_the_old_one(door: Door) -> None:
    """note is message, regarding is involvedObject."""
    env = door.create({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"}, "reason": "R", "type": "Normal",
        "action": "Doing", "note": "hello", "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reportingController": "example.com/me", "reportingInstance": "me-1",
        "eventTime": "2026-11-23T09:00:00.000000Z",
    })  # fmt: skip
    assert env.key.resource == EVENTS
    assert env.obj["apiVersion"] == "v1"
    assert (env.obj["message"], env.obj["involvedObject"]["name"]) == ("hello", "p")
    kind = KINDS.by_kind("events.k8s.io/v1", "Event")
    assert kind is not None
    assert to_served(kind, env.obj)["note"] == "hello"


def test_an_old_autoscaler_is_stored_as_a_new_one(door: Door) -> None:
    """The cpu percentage becomes a metric."""
    env = door.create({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"},
        "spec": {
            "maxReplicas": 5, "targetCPUUtilizationPercentage": 70,
            "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"},
        },
    })  # fmt: skip
    assert env.obj["apiVersion"] == "autoscaling/v2"
    assert env.obj["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 70


@given(st.none() | st.integers(1, 100), st.none() | st.integers(0, 100))
def test_versions_go_there_and_back(percent: int | None, used: int | None) -> None:
    """What autoscaling/v1 can say survives the way into the store and out."""
    kind = KINDS.version(HPAS, "v1")
    assert kind is not None
    obj = {
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"},
        "spec": {"maxReplicas": 3} | ({} if percent is None else {"targetCPUUtilizationPercentage": percent}),
        "status": {"currentReplicas": 1, "desiredReplicas": 2}
        | ({} if used is None else {"currentCPUUtilizationPercentage": used}),
    }  # fmt: skip
    assert to_served(kind, to_stored(kind, obj)) == obj


@pytest.mark.parametrize(
    ("plural", "allowed"), [("selfsubjectaccessreviews", True), ("subjectaccessreviews", False)]
)  # fmt: skip
def test_reviews_are_answered_and_not_kept(door: Door, plural: str, allowed: bool) -> None:
    """The cluster's own may do everything, a stranger nothing; no revision is made."""
    before = door.store.revision
    resource = Resource("authorization.k8s.io", plural)
    env = door.api.create(PERSON, resource, "", {"spec": {"user": "x", "resourceAttributes": {"verb": "get"}}})
    assert env.obj["status"]["allowed"] is allowed
    assert door.store.revision == before


def test_who_am_i(door: Door) -> None:
    """The caller, by name."""
    env = door.api.create(PERSON, Resource("authentication.k8s.io", "selfsubjectreviews"), "", {})
    assert env.obj["status"]["userInfo"]["username"] == PERSON.user
