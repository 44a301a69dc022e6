"""Binding, eviction and scale."""

from __future__ import annotations

import pytest

from engine.api.errors import BadRequest, Conflict, InternalError, Invalid, NotFound, TooManyRequests
from engine.api.kinds import BINDINGS, CONFIGMAPS, DEPLOYMENTS, PDBS, PODS
from engine.api.server import DeleteOptions
from store.types import Envelope, JsonObject
from tests.engine.api.door import COMPONENT, PERSON, Door
from tests.engine.api.test_api_writes import CONFIG, DEPLOYMENT


def conditions(obj: JsonObject) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c.get("reason", "")) for c in obj["status"]["conditions"]}


# -- binding ---------------------------------------------------------------------------------------------------------


def test_binding_sets_node_condition_and_topology(door: Door) -> None:
    """The pod inherits its node's region and zone; its generation stays."""
    door.node("n2", {"topology.kubernetes.io/zone": "a", "disk": "ssd"})
    env = door.pod("p", node="n2", labels={"app": "x"})
    assert env.obj["spec"]["nodeName"] == "n2"
    assert env.labels == {"app": "x", "topology.kubernetes.io/zone": "a"}
    assert conditions(env.obj) == {"PodScheduled": ("True", "")}
    assert env.obj["metadata"]["generation"] == 1


def test_a_pod_is_bound_once(door: Door) -> None:
    """A second binding, and one of a pod that is going, are Conflicts."""
    env = door.pod(node="n1")
    with pytest.raises(Conflict) as caught:
        door.api.bind(COMPONENT, "default", "p", "n2")
    assert caught.value.message == (
        'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"'
    )
    going = door.pod("q", finalizers=["example.com/x"])
    door.delete(going)
    with pytest.raises(Conflict, match="pod q is being deleted, cannot be assigned to a host"):
        door.api.bind(COMPONENT, "default", "q", "n1")
    assert door.now(env)["spec"]["nodeName"] == "n1"


def test_a_binding_may_be_created_as_an_object(door: Door) -> None:
    """POST of a Binding does the same; what it points at must be a node."""
    door.pod()
    body = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    env = door.api.create(COMPONENT, BINDINGS, "default", body)
    assert env.obj["spec"]["nodeName"] == "n1"
    door.pod("q")
    with pytest.raises(Invalid, match=r"target\.name: Required value"):
        door.api.create(COMPONENT, BINDINGS, "default", {"metadata": {"name": "q"}, "target": {}})


# -- eviction --------------------------------------------------------------------------------------------------------


def running(door: Door, name: str = "p", ready: bool = True) -> Envelope:
    env = door.pod(name, node="n1", labels={"app": "web"})
    status = {
        **env.obj["status"], "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": "x"}],
    }  # fmt: skip
    return door.api.update_status(COMPONENT, env, status)


def budget(door: Door, name: str = "b", policy: str = "", **figures: int) -> Envelope:
    spec: JsonObject = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    if policy:
        spec["unhealthyPodEvictionPolicy"] = policy
    env = door.create(
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}
    )
    status = {"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, **figures}
    return door.api.update_status(COMPONENT, env, status)


def test_an_eviction_says_why_the_pod_goes(door: Door) -> None:
    """DisruptionTarget is set, then the pod is deleted gracefully."""
    running(door)
    left = door.api.evict(PERSON, "default", "p")
    assert left is not None
    assert conditions(left.obj)["DisruptionTarget"] == ("True", "EvictionByEvictionAPI")
    assert left.obj["metadata"]["deletionGracePeriodSeconds"] == 30


def test_a_budget_without_allowance_refuses(door: Door) -> None:
    """429 with the figures as cause; nothing is written."""
    running(door)
    budget(door)
    before = door.store.revision
    with pytest.raises(TooManyRequests) as caught:
        door.api.evict(PERSON, "default", "p")
    assert caught.value.message == "Cannot evict pod as it would violate the pod's disruption budget."
    (cause,) = caught.value.causes
    assert (cause.reason, cause.message) == (
        "DisruptionBudget", "The disruption budget b needs 1 healthy pods and has 1 currently",
    )  # fmt: skip
    assert door.store.revision == before


def test_a_budget_is_spent(door: Door) -> None:
    """One disruption less, and the pod is noted; a dry run spends nothing."""
    running(door)
    env = budget(door, disruptionsAllowed=1, currentHealthy=2)
    before = door.store.revision
    door.api.evict(PERSON, "default", "p", DeleteOptions(dry_run=True))
    assert door.store.revision == before
    door.api.evict(PERSON, "default", "p")
    status = door.now(env)["status"]
    assert status["disruptionsAllowed"] == 0
    assert status["disruptedPods"] == {"p": "2026-11-23T09:00:00Z"}
    running(door, "q")
    with pytest.raises(TooManyRequests):
        door.api.evict(PERSON, "default", "q")


def test_a_budget_not_yet_counted_refuses_for_ten_seconds(door: Door) -> None:
    """Its controller has not seen the latest spec."""
    running(door)
    budget(door, disruptionsAllowed=1, observedGeneration=0)
    with pytest.raises(TooManyRequests) as caught:
        door.api.evict(PERSON, "default", "p")
    assert caught.value.retry_after == 10
    assert caught.value.causes[0].message == "The disruption budget b is still being processed by the server."


def test_two_budgets_are_too_many(door: Door) -> None:
    """Kubernetes does not say which would be spent."""
    running(door)
    budget(door, "a", disruptionsAllowed=1)
    budget(door, "b", disruptionsAllowed=1)
    with pytest.raises(InternalError, match="This pod has more than one PodDisruptionBudget"):
        door.api.evict(PERSON, "default", "p")


@pytest.mark.parametrize(
    ("policy", "figures", "goes"),
    [
        ("", {"currentHealthy": 1, "desiredHealthy": 1}, True),
        ("", {"currentHealthy": 0, "desiredHealthy": 1}, False),
        ("AlwaysAllow", {"currentHealthy": 0, "desiredHealthy": 1}, True),
    ],
)
def test_unhealthy_pods_may_be_free(door: Door, policy: str, figures: dict[str, int], goes: bool) -> None:
    """A pod that is not ready costs no budget if the budget is healthy, or its policy says so."""
    running(door, ready=False)
    budget(door, "b", policy, **figures)
    if goes:
        door.api.evict(PERSON, "default", "p")
    else:
        with pytest.raises(TooManyRequests):
            door.api.evict(PERSON, "default", "p")


def test_pending_pods_need_no_budget(door: Door) -> None:
    """What does not run cannot be disrupted."""
    door.pod(labels={"app": "web"})
    budget(door)
    assert door.api.evict(PERSON, "default", "p") is None
    assert door.store.list(PODS) == []
    assert len(door.store.list(PDBS)) == 1


# -- scale -----------------------------------------------------------------------------------------------------------


def test_scale_shows_replicas_and_selector(door: Door) -> None:
    """autoscaling/v1 Scale with the selector as text."""
    door.create(DEPLOYMENT)
    scale = door.api.get_scale(DEPLOYMENTS, "default", "web")
    assert (scale["kind"], scale["spec"], scale["status"]) == (
        "Scale", {"replicas": 2}, {"replicas": 0, "selector": "app=web"},
    )  # fmt: skip


def test_scale_writes_replicas_only(door: Door) -> None:
    """By update and by patch."""
    env = door.create(DEPLOYMENT)
    scale = door.api.get_scale(DEPLOYMENTS, "default", "web")
    new = door.api.update(
        PERSON, DEPLOYMENTS, "default", "web", {**scale, "spec": {"replicas": 5}}, subresource="scale"
    )
    assert (new.obj["spec"]["replicas"], new.obj["metadata"]["generation"]) == (5, 2)
    new = door.api.patch(PERSON, DEPLOYMENTS, "default", "web", "merge", {"spec": {"replicas": 0}}, subresource="scale")
    assert new.obj["spec"] == {**env.obj["spec"], "replicas": 0}


def test_scale_refuses_nonsense(door: Door) -> None:
    """Negative numbers, texts, stale versions, and kinds that do not scale."""
    door.create(DEPLOYMENT)
    scale = door.api.get_scale(DEPLOYMENTS, "default", "web")
    for replicas, error in ((-1, Invalid), ("x", BadRequest)):
        with pytest.raises(error):
            door.api.update(
                PERSON, DEPLOYMENTS, "default", "web", {"spec": {"replicas": replicas}}, subresource="scale"
            )
    door.api.patch(PERSON, DEPLOYMENTS, "default", "web", "merge", {"spec": {"replicas": 3}}, subresource="scale")
    with pytest.raises(Conflict):
        door.api.update(PERSON, DEPLOYMENTS, "default", "web", scale, subresource="scale")
    door.create(CONFIG)
    with pytest.raises(NotFound):
        door.api.get_scale(CONFIGMAPS, "default", "c")
