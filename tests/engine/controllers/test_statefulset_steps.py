"""StatefulSet: world → one step → expected writes, and stories on virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.errors import Forbidden
from engine.api.kinds import CONTROLLERREVISIONS, PERSISTENTVOLUMECLAIMS, PODS, STATEFULSETS
from store.types import Envelope, JsonObject
from tests.engine.controllers.world import USER, World, workload

DISK: JsonObject = {
    "metadata": {"name": "data", "labels": {"tier": "db"}},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


@pytest.fixture
def world() -> World:
    return World(
        ["statefulset-controller", "garbage-collector-controller", "persistentvolumeclaim-protection-controller"]
    )


def stateful(replicas: int, **spec: Any) -> JsonObject:
    return workload(replicas, serviceName="h", **spec)


def names(world: World) -> list[str]:
    return [pod.name for pod in world.pods()]


def status(world: World) -> dict[str, Any]:
    return dict(world.api.get(STATEFULSETS, "default", "web").obj["status"])


def revisions(world: World) -> list[Envelope]:
    return sorted(world.store.list(CONTROLLERREVISIONS), key=lambda env: int(env.obj["revision"]))


def set_image(world: World, image: str) -> None:
    spec = world.api.get(STATEFULSETS, "default", "web").obj["spec"]
    template = spec["template"]
    containers = [{**template["spec"]["containers"][0], "image": image}]
    world.spec(STATEFULSETS, "web", template={**template, "spec": {**template["spec"], "containers": containers}})


def image_of(pod: Envelope) -> str:
    return str(pod.obj["spec"]["containers"][0]["image"])


def running(world: World, replicas: int, **spec: Any) -> None:
    """A set whose pods are all up."""
    world.create(STATEFULSETS, stateful(replicas, **spec))
    world.roll_out()
    assert len(world.live_pods()) == replicas


def finish_deletions(world: World) -> None:
    """Kubelets have stopped what was asked to go."""
    for pod in world.pods():
        if "deletionTimestamp" in pod.obj["metadata"]:
            world.gone(pod.name)


def bind_all(world: World) -> None:
    """Pods are on a node, so that they take their grace period to go."""
    for pod in world.pods():
        if not pod.obj["spec"].get("nodeName"):
            world.api.bind(USER, pod.namespace, pod.name, "node-1")


# -- making pods ---------------------------------------------------------------------------------------------------


def test_makes_the_first_pod_and_waits(world: World) -> None:
    """One pod is made, with its identity; the next waits until it is ready."""
    world.create(STATEFULSETS, stateful(3))
    world.run(10)
    (pod,) = world.pods()
    (revision,) = revisions(world)
    assert pod.name == "web-0"
    assert pod.labels == {
        "app": "web", "apps.kubernetes.io/pod-index": "0", "statefulset.kubernetes.io/pod-name": "web-0",
        "controller-revision-hash": revision.name,
    }  # fmt: skip
    assert pod.obj["metadata"]["generateName"] == "web-"
    assert (pod.obj["spec"]["hostname"], pod.obj["spec"]["subdomain"]) == ("web-0", "h")
    assert pod.obj["metadata"]["ownerReferences"][0]["controller"] is True
    assert world.messages() == ["Create Pod web-0 in StatefulSet web successful"]
    assert status(world) == {
        "replicas": 1, "availableReplicas": 0, "currentReplicas": 1, "updatedReplicas": 1, "collisionCount": 0,
        "currentRevision": revision.name, "updateRevision": revision.name, "observedGeneration": 1,
    }  # fmt: skip


def test_each_pod_waits_for_the_one_before_it(world: World) -> None:
    """Pods come in the order of their ordinals, each when its predecessor is ready."""
    world.create(STATEFULSETS, stateful(3))
    for up_to in (1, 2, 3):
        world.run(1)
        assert names(world) == [f"web-{i}" for i in range(up_to)]
        world.all_ready()
    world.run(1)
    assert status(world)["readyReplicas"] == status(world)["availableReplicas"] == 3


def test_does_nothing_when_all_is_well(world: World) -> None:
    """With every pod up and the status written, nothing more happens."""
    running(world, 3, volumeClaimTemplates=[DISK])
    world.writes()
    world.run(3600)
    assert world.writes() == []


def test_parallel_makes_all_at_one_instant(world: World) -> None:
    """With podManagementPolicy Parallel nobody waits; 300 pods are there before time moves."""
    world.create(STATEFULSETS, stateful(300, podManagementPolicy="Parallel"))
    before = world.elapsed
    world.settle()
    assert len(world.pods()) == 300
    assert world.elapsed == before


def test_ordinals_may_start_elsewhere(world: World) -> None:
    """spec.ordinals.start moves the names; moving it later moves the pods."""
    running(world, 2, ordinals={"start": 5})
    assert names(world) == ["web-5", "web-6"]
    world.spec(STATEFULSETS, "web", ordinals={"start": 6})
    world.roll_out()
    assert names(world) == ["web-6", "web-7"]


def test_min_ready_seconds_delay_the_next_pod(world: World) -> None:
    """A pod counts as available that much after it became ready, and the next one waits for it."""
    world.create(STATEFULSETS, stateful(2, minReadySeconds=10))
    world.run(1)
    world.all_ready()
    world.run(8.5)
    assert names(world) == ["web-0"]
    assert (status(world)["readyReplicas"], status(world)["availableReplicas"]) == (1, 0)
    world.run(2)
    assert names(world) == ["web-0", "web-1"]
    assert status(world)["availableReplicas"] == 1


def test_a_failed_pod_is_replaced_under_its_name(world: World) -> None:
    """A pod that failed is deleted and made again, with another uid."""
    running(world, 2)
    first = world.pods()[0]
    world.report(first, ready=False, phase="Failed")
    world.run(1)
    again = world.pods()[0]
    assert again.name == "web-0"
    assert again.uid != first.uid


def test_a_terminating_pod_is_waited_for(world: World) -> None:
    """The name is free only when the old pod is gone."""
    running(world, 2)
    bind_all(world)
    old = world.pods()[1]
    world.api.delete(USER, PODS, "default", "web-1")
    world.run(5)
    assert world.pods()[1].uid == old.uid
    assert status(world)["currentReplicas"] == 1
    world.gone("web-1")
    world.run(1)
    assert world.pods()[1].uid != old.uid


def test_adopts_and_releases(world: World) -> None:
    """A matching orphan with a fitting name is taken up; a pod whose labels no longer match is let go."""
    spec = {"containers": [{"name": "c", "image": "i"}]}
    world.create(PODS, {"metadata": {"name": "web-0", "labels": {"app": "web"}}, "spec": spec})
    world.create(STATEFULSETS, stateful(1))
    world.run(1)
    (pod,) = world.pods()
    assert pod.owner is not None
    world.all_ready()
    world.run(1)
    world.roll_out()
    world.edit(PODS, "web-0", lambda o: {**o, "metadata": {**o["metadata"], "labels": {"app": "other"}}})
    world.run(1)
    assert world.api.get(PODS, "default", "web-0").owner is None


def test_a_pod_that_lost_its_label_gets_it_back(world: World) -> None:
    """The pod's name label is part of its identity."""
    running(world, 1)
    label = "statefulset.kubernetes.io/pod-name"
    world.edit(
        PODS, "web-0",
        lambda o: {**o, "metadata": {**o["metadata"], "labels": {**o["metadata"]["labels"], label: "x"}}},
    )  # fmt: skip
    world.run(1)
    assert world.pods()[0].labels[label] == "web-0"
    assert world.messages("SuccessfulUpdate") == ["Update Pod web-0 in StatefulSet web successful"]


def test_a_refusal_is_told_and_backs_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a quota refuses pods, each try is one event; afterwards it heals by itself."""
    create = world.api.create

    def refuse(caller: Any, resource: Any, namespace: str, obj: Any, **options: Any) -> Envelope:
        if resource == PODS:
            raise Forbidden('pods "web-0" is forbidden: exceeded quota: q')
        return create(caller, resource, namespace, obj, **options)

    monkeypatch.setattr(world.api, "create", refuse)
    world.create(STATEFULSETS, stateful(1))
    world.run(1)
    ((kind, reason, message, count),) = world.events()
    assert (kind, reason) == ("Warning", "FailedCreate")
    assert message == ('Create Pod web-0 in StatefulSet web failed error: pods "web-0" is forbidden: exceeded quota: q')
    assert count == 8
    assert status(world)["replicas"] == 0
    monkeypatch.undo()
    world.run(2)
    assert names(world) == ["web-0"]


# -- scaling down --------------------------------------------------------------------------------------------------


def test_gives_up_the_highest_ordinal_first(world: World) -> None:
    """Scaled down in order: one pod at a time, and the next when it is gone."""
    running(world, 4)
    bind_all(world)
    world.spec(STATEFULSETS, "web", replicas=1)
    for left in (3, 2, 1):
        world.run(1)
        assert [pod.name for pod in world.live_pods()] == [f"web-{i}" for i in range(left)]
        finish_deletions(world)
    world.run(1)
    assert names(world) == ["web-0"]
    assert world.messages("SuccessfulDelete") == [
        f"Delete Pod web-{i} in StatefulSet web successful" for i in (3, 2, 1)
    ]


def test_scaling_down_waits_for_a_healthy_rest(world: World) -> None:
    """While a pod below is not ready, none is given up."""
    running(world, 3)
    world.report(world.pods()[0], ready=False)
    world.spec(STATEFULSETS, "web", replicas=1)
    world.run(5)
    assert len(world.live_pods()) == 3
    world.all_ready()
    world.run(5)
    assert names(world) == ["web-0"]


def test_parallel_gives_up_all_at_once(world: World) -> None:
    """With Parallel, all pods out of range go together."""
    running(world, 40, podManagementPolicy="Parallel")
    bind_all(world)
    world.spec(STATEFULSETS, "web", replicas=2)
    world.settle()
    assert [pod.name for pod in world.live_pods()] == ["web-0", "web-1"]


# -- updating ------------------------------------------------------------------------------------------------------


def test_a_rolling_update_goes_from_the_top_one_by_one(world: World) -> None:
    """The highest ordinal is replaced first; the next waits until it is ready again."""
    running(world, 3)
    bind_all(world)
    (old,) = revisions(world)
    set_image(world, "i:2")
    seen = []
    for _ in range(3):
        world.run(1)
        (going,) = [pod for pod in world.pods() if pod not in world.live_pods()]
        seen.append(going.name)
        finish_deletions(world)
        world.run(1)
        assert status(world)["currentRevision"] == old.name
        world.all_ready()
    world.run(1)
    _, new = revisions(world)
    assert seen == ["web-2", "web-1", "web-0"]
    assert {image_of(pod) for pod in world.pods()} == {"i:2"}
    assert status(world)["currentRevision"] == status(world)["updateRevision"] == new.name
    assert status(world)["currentReplicas"] == status(world)["updatedReplicas"] == 3


def test_max_unavailable_is_dropped(world: World) -> None:
    """rollingUpdate.maxUnavailable is behind a gate that v1.36 has off: the API does not keep it."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2, "partition": 1}}
    env = world.create(STATEFULSETS, workload(1, "set", serviceName="set", updateStrategy=strategy))
    assert env.obj["spec"]["updateStrategy"]["rollingUpdate"] == {"partition": 1}
    changed = world.spec(STATEFULSETS, "set", updateStrategy=strategy)
    assert changed.obj["spec"]["updateStrategy"]["rollingUpdate"] == {"partition": 1}
    assert changed.obj["metadata"]["generation"] == 1


def test_a_partition_keeps_the_lower_ordinals(world: World) -> None:
    """Below the partition pods stay, and come back as they were."""
    running(world, 4, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
    set_image(world, "i:2")
    world.roll_out()
    assert [image_of(pod) for pod in world.pods()] == ["i:1", "i:1", "i:2", "i:2"]
    assert (status(world)["currentReplicas"], status(world)["updatedReplicas"]) == (2, 2)
    world.gone("web-0")
    world.roll_out()
    assert image_of(world.pods()[0]) == "i:1"
    world.spec(STATEFULSETS, "web", updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    world.roll_out()
    assert {image_of(pod) for pod in world.pods()} == {"i:2"}


def test_on_delete_waits_for_the_person(world: World) -> None:
    """With OnDelete a new template touches nothing; a deleted pod comes back with it."""
    running(world, 2, updateStrategy={"type": "OnDelete"})
    set_image(world, "i:2")
    world.roll_out()
    assert {image_of(pod) for pod in world.pods()} == {"i:1"}
    world.gone("web-1")
    world.roll_out()
    assert [image_of(pod) for pod in world.pods()] == ["i:1", "i:2"]


def test_going_back_renumbers_the_earlier_revision(world: World) -> None:
    """An earlier template's revision becomes the newest one; no third is made."""
    running(world, 1)
    first = revisions(world)[0].name
    set_image(world, "i:2")
    world.roll_out()
    set_image(world, "i:1")
    world.roll_out()
    kept = {env.name: env.obj["revision"] for env in revisions(world)}
    assert kept[first] == 3
    assert len(kept) == 2


def test_a_broken_update_is_replaced_once_its_pod_is_deleted(world: World) -> None:
    """In order, a pod that never gets ready blocks also the way back, until somebody deletes it."""
    running(world, 2)
    set_image(world, "broken")
    world.run(1)
    assert image_of(world.pods()[1]) == "broken"
    set_image(world, "i:1")
    world.run(60)
    assert image_of(world.pods()[1]) == "broken"
    world.gone("web-1")
    world.roll_out()
    assert {image_of(pod) for pod in world.pods()} == {"i:1"}


def test_old_revisions_go_beyond_the_limit(world: World) -> None:
    """revisionHistoryLimit old revisions stay beside the live one."""
    running(world, 1, revisionHistoryLimit=1)
    for number in range(2, 6):
        set_image(world, f"i:{number}")
        world.roll_out()
    assert [env.obj["revision"] for env in revisions(world)] == [4, 5]


# -- claims --------------------------------------------------------------------------------------------------------


def claims(world: World) -> list[Envelope]:
    return list(world.store.list(PERSISTENTVOLUMECLAIMS))


def test_claims_come_before_the_pod_and_stay(world: World) -> None:
    """Each pod gets a claim of its own, which outlives it when the policy is Retain."""
    running(world, 2, volumeClaimTemplates=[DISK])
    assert [claim.name for claim in claims(world)] == ["data-web-0", "data-web-1"]
    assert claims(world)[0].labels == {"tier": "db", "app": "web"}
    assert world.pods()[1].obj["spec"]["volumes"][0] == {
        "name": "data", "persistentVolumeClaim": {"claimName": "data-web-1"},
    }  # fmt: skip
    assert "Create Claim data-web-0 Pod web-0 in StatefulSet web success" in world.messages("SuccessfulCreate")
    uid = claims(world)[1].uid
    world.spec(STATEFULSETS, "web", replicas=1)
    world.roll_out()
    world.spec(STATEFULSETS, "web", replicas=2)
    world.roll_out()
    assert claims(world)[1].uid == uid
    world.api.delete(USER, STATEFULSETS, "default", "web")
    world.run(5)
    assert len(claims(world)) == 2


def test_when_scaled_delete_gives_the_claim_to_the_pod(world: World) -> None:
    """The claim of an ordinal out of range goes with its pod; the others stay, also when the set goes."""
    policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
    running(world, 3, volumeClaimTemplates=[DISK], persistentVolumeClaimRetentionPolicy=policy)
    world.spec(STATEFULSETS, "web", replicas=1)
    world.roll_out()
    assert [claim.name for claim in claims(world)] == ["data-web-0"]
    assert claims(world)[0].owner is None
    world.api.delete(USER, STATEFULSETS, "default", "web")
    world.run(5)
    assert len(claims(world)) == 1


def test_when_deleted_delete_gives_the_claims_to_the_set(world: World) -> None:
    """Claims of a set with whenDeleted Delete go with it, but not when it is scaled down."""
    policy = {"whenScaled": "Retain", "whenDeleted": "Delete"}
    running(world, 2, volumeClaimTemplates=[DISK], persistentVolumeClaimRetentionPolicy=policy)
    world.spec(STATEFULSETS, "web", replicas=1)
    world.roll_out()
    assert len(claims(world)) == 2
    world.api.delete(USER, STATEFULSETS, "default", "web")
    world.run(5)
    assert claims(world) == []


def test_the_policy_may_change_later(world: World) -> None:
    """Claims follow a changed policy, without the pods being touched."""
    running(world, 2, volumeClaimTemplates=[DISK])
    world.writes()
    world.spec(
        STATEFULSETS, "web", persistentVolumeClaimRetentionPolicy={"whenScaled": "Retain", "whenDeleted": "Delete"}
    )
    world.run(1)
    assert all(claim.owner is not None for claim in claims(world))
    assert world.writes(PODS) == []


def test_scaled_up_again_it_waits_for_the_old_claim_to_go(world: World) -> None:
    """A claim that goes with an earlier pod is not taken over: the new pod gets a new one."""
    policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
    running(world, 2, volumeClaimTemplates=[DISK], persistentVolumeClaimRetentionPolicy=policy)
    bind_all(world)
    uid = claims(world)[1].uid
    world.spec(STATEFULSETS, "web", replicas=1)
    world.run(1)
    assert claims(world)[1].owner == world.pods()[1].uid
    world.spec(STATEFULSETS, "web", replicas=2)
    world.gone("web-1")
    world.run(3)
    world.roll_out()
    assert names(world) == ["web-0", "web-1"]
    assert claims(world)[1].uid != uid
