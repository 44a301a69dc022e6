"""Resource quotas: what admission refuses, and what the controller writes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.api.errors import Forbidden, Invalid
from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PODS, PRIORITYCLASSES, RESOURCEQUOTAS, SERVICES
from store.types import JsonObject
from tests.engine.controllers.volumes import claim
from tests.engine.controllers.world import USER, World


@pytest.fixture
def world() -> World:
    return World(["resourcequota-controller", "replicaset-controller"])


def quota(hard: dict[str, str], **spec: Any) -> JsonObject:
    return {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}}


def pod(name: str, cpu: str = "", limit: str = "", **spec: Any) -> JsonObject:
    resources: JsonObject = {}
    if cpu:
        resources["requests"] = {"cpu": cpu}
    if limit:
        resources["limits"] = {"cpu": limit}
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]}}


def status(world: World) -> dict[str, Any]:
    world.settle()
    return dict(world.api.get(RESOURCEQUOTAS, "default", "q").obj["status"])


def test_status_counts_what_there_is(world: World) -> None:
    """Objects from before the quota, and those after it; then it does nothing."""
    world.create(PODS, pod("a", "500m"))
    world.create(RESOURCEQUOTAS, quota({"pods": "3", "requests.cpu": "2", "services": "1", "count/pods": "9"}))
    assert status(world) == {
        "hard": {"pods": "3", "requests.cpu": "2", "services": "1", "count/pods": "9"},
        "used": {"pods": "1", "requests.cpu": "500m", "services": "0", "count/pods": "1"},
    }
    world.create(PODS, pod("b", "1"))
    world.create(SERVICES, {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    assert status(world)["used"] == {"pods": "2", "requests.cpu": "1500m", "services": "1", "count/pods": "2"}
    world.writes()
    world.run(3600)
    assert world.writes() == []


def test_a_pod_that_has_ended_counts_no_more(world: World) -> None:
    """Except in count/pods."""
    world.create(RESOURCEQUOTAS, quota({"pods": "1", "count/pods": "5"}))
    world.report(world.create(PODS, pod("a")), phase="Succeeded")
    assert status(world)["used"] == {"pods": "0", "count/pods": "1"}
    world.create(PODS, pod("b"))
    world.gone("a")
    assert status(world)["used"] == {"pods": "1", "count/pods": "1"}


def test_refusal_says_what_was_asked_used_and_limited(world: World) -> None:
    """The text of kube-apiserver, of the resources that are exceeded only."""
    world.create(RESOURCEQUOTAS, quota({"pods": "9", "requests.cpu": "1"}))
    world.create(PODS, pod("a", "700m"))
    with pytest.raises(Forbidden) as refused:
        world.create(PODS, pod("b", "400m"))
    assert str(refused.value) == (
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=400m, used: requests.cpu=700m, '
        "limited: requests.cpu=1"
    )
    assert len(world.pods()) == 1


def test_what_a_quota_must_know(world: World) -> None:
    """A limited resource has to be stated by every container."""
    world.create(RESOURCEQUOTAS, quota({"limits.cpu": "1", "requests.memory": "1Gi"}))
    with pytest.raises(Forbidden, match=r"failed quota: q: must specify limits.cpu for: c; requests.memory for: c"):
        world.create(PODS, pod("a"))


def test_nothing_slips_through_at_one_instant(world: World) -> None:
    """Every admitted pod is counted before the next is looked at."""
    world.create(RESOURCEQUOTAS, quota({"pods": "3"}))
    for n in range(6):
        try:
            world.create(PODS, pod(f"p{n}"))
        except Forbidden:
            assert n >= 3
    assert len(world.pods()) == 3


def test_scopes(world: World) -> None:
    """A quota for BestEffort pods does not see others."""
    world.create(RESOURCEQUOTAS, quota({"pods": "1"}, scopes=["BestEffort"]))
    world.create(PODS, pod("a"))
    world.create(PODS, pod("b", "1"))
    with pytest.raises(Forbidden):
        world.create(PODS, pod("c"))
    assert status(world)["used"] == {"pods": "1"}


def selector(scope: str, operator: str, *values: str) -> JsonObject:
    rule = {"scopeName": scope, "operator": operator, **({"values": list(values)} if values else {})}
    return {"scopeSelector": {"matchExpressions": [rule]}}


def priority(operator: str, *values: str) -> JsonObject:
    return quota({"pods": "9"}, **selector("PriorityClass", operator, *values))


@pytest.mark.parametrize(
    ("rule", "counted"),
    [
        (priority("In", "high"), "1"), (priority("NotIn", "high"), "2"), (priority("Exists"), "2"),
        (priority("DoesNotExist"), "1"),
    ],
)  # fmt: skip
def test_quotas_of_priority_classes(world: World, rule: JsonObject, counted: str) -> None:
    """Pods are chosen by their class as by a label: NotIn also means those without one."""
    for number, name in enumerate(("high", "low")):
        world.create(PRIORITYCLASSES, {"metadata": {"name": name}, "value": number}, "")
    world.create(RESOURCEQUOTAS, rule)
    for name in ("high", "low", ""):
        obj = pod(f"p{name}")
        obj["spec"]["priorityClassName"] = name
        world.create(PODS, obj)
    assert status(world)["used"] == {"pods": counted}


def test_quotas_of_volume_attributes_classes(world: World) -> None:
    """A claim counts by the class that it wants, and by the one that it still has."""
    hard = {"persistentvolumeclaims": "1", "requests.storage": "5Gi"}
    world.create(RESOURCEQUOTAS, quota(hard, **selector("VolumeAttributesClass", "In", "gold")))
    plain, gold = claim("a", "fast", "4Gi"), claim("b", "fast", "2Gi")
    world.create(PERSISTENTVOLUMECLAIMS, plain)
    gold["spec"]["volumeAttributesClassName"] = "gold"
    world.create(PERSISTENTVOLUMECLAIMS, gold)
    assert status(world)["used"] == {"persistentvolumeclaims": "1", "requests.storage": "2Gi"}
    gold["metadata"]["name"] = "c"
    with pytest.raises(Forbidden, match="exceeded quota: q, requested: persistentvolumeclaims=1"):
        world.create(PERSISTENTVOLUMECLAIMS, gold)
    env = world.api.get(PERSISTENTVOLUMECLAIMS, "default", "a")
    world.api.update_status(USER, env, {"currentVolumeAttributesClassName": "gold"})
    assert status(world)["used"] == {"persistentvolumeclaims": "2", "requests.storage": "6Gi"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"scopes": ["Fast"]}, "unsupported scope"),
        ({"scopes": ["BestEffort", "NotBestEffort"]}, "conflicting scopes"),
        ({"scopes": ["BestEffort"], "hard": {"cpu": "1"}}, "unsupported scope applied to resource"),
        (selector("Terminating", "In", "x"),
         "must be 'Exists' when scope is any of"),
        (selector("PriorityClass", "In"),
         "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"),
        (selector("PriorityClass", "Exists", "x"),
         "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"),
    ],
)  # fmt: skip
def test_scopes_are_judged(world: World, spec: JsonObject, message: str) -> None:
    """Unknown and contradictory ones, those that what is limited does not have, and operators without sense."""
    with pytest.raises(Invalid, match=re.escape(message)):
        world.create(RESOURCEQUOTAS, quota({"pods": "1", **spec.pop("hard", {})}, **spec))


def test_claims_by_class(world: World) -> None:
    """Number and size, in all and by class."""
    name = "fast.storageclass.storage.k8s.io/requests.storage"
    world.create(RESOURCEQUOTAS, quota({"requests.storage": "10Gi", name: "2Gi", "persistentvolumeclaims": "5"}))
    world.create(PERSISTENTVOLUMECLAIMS, claim("a", "slow", "4Gi"))
    world.create(PERSISTENTVOLUMECLAIMS, claim("b", "fast", "2Gi"))
    with pytest.raises(Forbidden, match=f"exceeded quota: q, requested: {name}=1Gi, used: {name}=2Gi"):
        world.create(PERSISTENTVOLUMECLAIMS, claim("c", "fast", "1Gi"))
    assert status(world)["used"] == {"requests.storage": "6Gi", name: "2Gi", "persistentvolumeclaims": "2"}


def test_deleting_the_quota_lifts_it(world: World) -> None:
    """Nothing is refused any longer."""
    world.create(RESOURCEQUOTAS, quota({"pods": "0"}))
    world.api.delete(USER, RESOURCEQUOTAS, "default", "q")
    world.create(PODS, pod("a"))
