"""Deployment: rollouts as stories on virtual time, with the events and conditions that tell them."""

from __future__ import annotations

from typing import Any

from engine.api.kinds import DEPLOYMENTS, REPLICASETS
from engine.controllers.deployment.template_hash import fnv1a, safe_encode, template_hash
from store.types import JsonObject
from tests.engine.controllers.world import USER, World, workload

REVISION = "deployment.kubernetes.io/revision"


def conditions(world: World) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in world.deployment()["status"]["conditions"]}


def message(world: World, type_: str) -> str:
    return str(next(c["message"] for c in world.deployment()["status"]["conditions"] if c["type"] == type_))


def set_image(world: World, image: str) -> None:
    def change(obj: JsonObject) -> JsonObject:
        pod = {**obj["spec"]["template"]["spec"], "containers": [{"name": "c", "image": image}]}
        template = {**obj["spec"]["template"], "spec": pod}
        return {**obj, "spec": {**obj["spec"], "template": template}}

    world.edit(DEPLOYMENTS, "web", change)


def start(world: World, replicas: int = 2, **spec: Any) -> None:
    world.create(DEPLOYMENTS, workload(replicas, progressDeadlineSeconds=600, revisionHistoryLimit=10, **spec))
    world.roll_out()


def sizes(world: World) -> list[int]:
    """Pods asked for, by revision."""
    return [env.obj["spec"]["replicas"] for env in world.sets()]


def test_first_rollout(apps: World) -> None:
    """A new Deployment makes one ReplicaSet with all the labels and annotations of a real one."""
    start(apps, 3)
    (env,) = apps.sets()
    hash_ = env.labels["pod-template-hash"]
    assert env.name == f"web-{hash_}"
    assert env.labels == {"app": "web", "pod-template-hash": hash_}
    assert env.obj["spec"]["selector"] == {"matchLabels": {"app": "web", "pod-template-hash": hash_}}
    assert env.obj["metadata"]["annotations"] == {
        "deployment.kubernetes.io/desired-replicas": "3", "deployment.kubernetes.io/max-replicas": "4", REVISION: "1",
    }  # fmt: skip
    assert apps.messages("ScalingReplicaSet") == [f"Scaled up replica set {env.name} from 0 to 3"]
    status = apps.deployment()["status"]
    assert {name: figure for name, figure in status.items() if name != "conditions"} == {
        "observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
        "terminatingReplicas": 0,
    }  # fmt: skip
    assert conditions(apps) == {
        "Progressing": ("True", "NewReplicaSetAvailable"), "Available": ("True", "MinimumReplicasAvailable"),
    }  # fmt: skip
    assert message(apps, "Progressing") == f'ReplicaSet "{env.name}" has successfully progressed.'
    assert message(apps, "Available") == "Deployment has minimum availability."
    assert apps.deployment()["metadata"]["annotations"][REVISION] == "1"


def test_conditions_before_pods_are_ready(apps: World) -> None:
    """Until then it is progressing and not available."""
    apps.create(DEPLOYMENTS, workload(3, progressDeadlineSeconds=600))
    apps.run(1)
    assert conditions(apps) == {
        "Available": ("False", "MinimumReplicasUnavailable"), "Progressing": ("True", "ReplicaSetUpdated"),
    }  # fmt: skip
    assert apps.deployment()["status"]["unavailableReplicas"] == 3


def test_does_nothing_when_all_is_well(apps: World) -> None:
    """A finished rollout writes nothing in an hour."""
    start(apps)
    apps.writes()
    apps.run(3600)
    assert apps.writes() == []


def test_rolling_update_of_two(apps: World) -> None:
    """The events of `kubectl set image` on two replicas are those of a real rollout, in order."""
    start(apps)
    old = apps.sets()[0].name
    set_image(apps, "i:2")
    apps.roll_out()
    new = apps.sets()[1].name
    assert apps.messages("ScalingReplicaSet") == [
        f"Scaled up replica set {old} from 0 to 2",
        f"Scaled up replica set {new} from 0 to 1",
        f"Scaled down replica set {old} from 2 to 1",
        f"Scaled up replica set {new} from 1 to 2",
        f"Scaled down replica set {old} from 1 to 0",
    ]
    assert sizes(apps) == [0, 2]
    assert conditions(apps)["Progressing"] == ("True", "NewReplicaSetAvailable")
    assert {pod.obj["spec"]["containers"][0]["image"] for pod in apps.live_pods()} == {"i:2"}


def test_rolling_update_keeps_its_bounds(apps: World) -> None:
    """At no moment more than replicas + maxSurge pods, nor fewer available than replicas - maxUnavailable."""
    start(apps, 10, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "30%", "maxUnavailable": 2}})
    set_image(apps, "i:2")
    for _ in range(60):
        apps.run(0.2)
        assert len(apps.live_pods()) <= 13
        assert apps.deployment()["status"].get("availableReplicas", 0) >= 8
        pending = [p for p in apps.live_pods() if not (p.obj.get("status") or {}).get("conditions")]
        if pending:
            apps.report(pending[0])
    apps.roll_out()
    assert sizes(apps) == [0, 10]


def test_roll_back_revives_the_old_replica_set(apps: World) -> None:
    """Going back to a former template takes its ReplicaSet again, with a new number and the former one kept."""
    start(apps)
    set_image(apps, "i:2")
    apps.roll_out()
    set_image(apps, "i:1")
    apps.roll_out()
    annotations = [env.obj["metadata"]["annotations"] for env in apps.sets()]
    assert [a[REVISION] for a in annotations] == ["2", "3"]
    assert annotations[1]["deployment.kubernetes.io/revision-history"] == "1"
    assert sizes(apps) == [0, 2]
    assert apps.deployment()["metadata"]["annotations"][REVISION] == "3"


def test_annotations_follow_the_deployment(apps: World) -> None:
    """change-cause goes to the new ReplicaSet, the applied configuration does not."""
    start(apps)

    def annotate(obj: JsonObject) -> JsonObject:
        more = {"kubernetes.io/change-cause": "why", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
        return {**obj, "metadata": {**obj["metadata"], "annotations": {**obj["metadata"]["annotations"], **more}}}

    apps.edit(DEPLOYMENTS, "web", annotate)
    apps.run(1)
    annotations = apps.sets()[0].obj["metadata"]["annotations"]
    assert annotations["kubernetes.io/change-cause"] == "why"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in annotations


def test_scaling_is_one_step(apps: World) -> None:
    """A change of replicas outside a rollout resizes the one ReplicaSet."""
    start(apps)
    apps.spec(DEPLOYMENTS, "web", replicas=5)
    apps.roll_out()
    name = apps.sets()[0].name
    assert apps.messages("ScalingReplicaSet")[-1] == f"Scaled up replica set {name} from 2 to 5"
    assert apps.sets()[0].obj["metadata"]["annotations"]["deployment.kubernetes.io/max-replicas"] == "7"
    apps.spec(DEPLOYMENTS, "web", replicas=0)
    apps.roll_out()
    assert apps.pods() == []
    assert apps.deployment()["status"]["observedGeneration"] == 3


def test_proportional_scaling(apps: World) -> None:
    """Scaled in the middle of a rollout, old and new share the growth by their size (10 → 15 with surge 3)."""
    start(apps, 10, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}})
    set_image(apps, "i:broken")
    apps.run(5)
    assert sizes(apps) == [8, 5]
    apps.spec(DEPLOYMENTS, "web", replicas=15)
    apps.run(5)
    assert sizes(apps) == [11, 7]


def test_pause_and_resume(apps: World) -> None:
    """A paused Deployment does not roll out, but scales; its condition says so; resumed, it goes on."""
    start(apps)
    apps.spec(DEPLOYMENTS, "web", paused=True)
    apps.run(1)
    assert conditions(apps)["Progressing"] == ("Unknown", "DeploymentPaused")
    assert message(apps, "Progressing") == "Deployment is paused"
    set_image(apps, "i:2")
    apps.spec(DEPLOYMENTS, "web", replicas=3)
    apps.roll_out()
    assert sizes(apps) == [3]
    apps.spec(DEPLOYMENTS, "web", paused=False)
    apps.run(0.1)
    assert len(apps.sets()) == 2
    apps.roll_out()
    assert sizes(apps) == [0, 3]
    assert conditions(apps)["Progressing"] == ("True", "NewReplicaSetAvailable")


def test_progress_deadline(apps: World) -> None:
    """A rollout that does not move for progressDeadlineSeconds is told as timed out, just after the deadline."""
    apps.create(DEPLOYMENTS, workload(1, progressDeadlineSeconds=60))
    apps.run(60)
    assert conditions(apps)["Progressing"] == ("True", "ReplicaSetUpdated")
    apps.run(3)
    assert conditions(apps)["Progressing"] == ("False", "ProgressDeadlineExceeded")
    assert message(apps, "Progressing") == f'ReplicaSet "{apps.sets()[0].name}" has timed out progressing.'
    apps.roll_out()
    assert conditions(apps)["Progressing"] == ("True", "NewReplicaSetAvailable")


def test_a_finished_rollout_has_no_deadline(apps: World) -> None:
    """Pods that fail long after their rollout are no reason to look at the Deployment again and again."""
    start(apps)
    apps.run(3600)
    assert apps.runners["deployment-controller"].queue.waiting == 0
    for pod in apps.pods():
        apps.report(pod, ready=False)
    apps.run(1)
    assert conditions(apps)["Available"] == ("False", "MinimumReplicasUnavailable")
    assert conditions(apps)["Progressing"] == ("True", "NewReplicaSetAvailable")
    assert apps.runners["deployment-controller"].queue.waiting == 0


def test_recreate_empties_first(apps: World) -> None:
    """Recreate makes no new pod before the last old one is gone."""
    start(apps, 3, strategy={"type": "Recreate"})
    for pod in apps.pods():
        apps.api.bind(USER, "default", pod.name, "node-1")
    set_image(apps, "i:2")
    apps.run(1)
    assert sizes(apps) == [0]
    assert len(apps.pods()) == 3
    for pod in apps.pods()[:2]:
        apps.gone(pod.name)
    apps.run(1)
    assert len(apps.sets()) == 1
    apps.gone(apps.pods()[0].name)
    apps.roll_out()
    assert sizes(apps) == [0, 3]


def test_old_replica_sets_are_cleaned_up(apps: World) -> None:
    """No more than revisionHistoryLimit empty ReplicaSets stay, the newest ones."""
    start(apps)
    apps.spec(DEPLOYMENTS, "web", revisionHistoryLimit=2)
    for number in range(2, 7):
        set_image(apps, f"i:{number}")
        apps.roll_out()
    assert [env.obj["metadata"]["annotations"][REVISION] for env in apps.sets()] == ["4", "5", "6"]


def test_a_name_that_is_taken_counts_a_collision(apps: World) -> None:
    """Somebody else's ReplicaSet with the very name: the hash takes another turn."""
    start(apps, 1)
    taken = apps.sets()[0].name
    world = World(["deployment-controller", "replicaset-controller"])
    world.create(REPLICASETS, workload(0, name=taken))
    world.create(DEPLOYMENTS, workload(1, progressDeadlineSeconds=600))
    world.run(2)
    assert world.deployment()["status"]["collisionCount"] == 1
    names = [env.name for env in world.sets()]
    assert len(names) == 2
    assert taken in names


def test_adopts_and_releases_replica_sets(apps: World) -> None:
    """A ReplicaSet follows the labels: out of the selector it is released, back in it is adopted."""
    start(apps)
    name = apps.sets()[0].name
    labels = dict(apps.sets()[0].labels)
    apps.edit(REPLICASETS, name, lambda o: {**o, "metadata": {**o["metadata"], "labels": {"app": "other"}}})
    apps.run(1)
    assert apps.api.get(REPLICASETS, "default", name).owner is None
    apps.edit(REPLICASETS, name, lambda o: {**o, "metadata": {**o["metadata"], "labels": labels}})
    apps.run(1)
    assert apps.api.get(REPLICASETS, "default", name).owner == apps.deployment()["metadata"]["uid"]


def test_failure_of_a_replica_set_shows_on_the_deployment(apps: World) -> None:
    """ReplicaFailure is repeated with its reason and message, and goes when it heals."""
    start(apps)
    env = apps.sets()[0]
    failure = {
        "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "no",
        "lastTransitionTime": "2026-11-23T09:00:00Z",
    }  # fmt: skip
    apps.api.update_status(USER, env, {
        **env.obj["status"], "conditions": [failure],
    })  # fmt: skip
    apps.settle()
    assert conditions(apps)["ReplicaFailure"] == ("True", "FailedCreate")
    apps.spec(DEPLOYMENTS, "web", replicas=3)
    apps.roll_out()
    assert "ReplicaFailure" not in conditions(apps)


def test_hash_and_alphabet() -> None:
    """FNV-1a's published value, and the alphabet without vowels."""
    assert fnv1a(b"") == 0x811C9DC5
    assert fnv1a(b"foobar") == 0xBF9CF968
    assert safe_encode("0123456789") == "456789bcdf"
    assert template_hash({"a": 1}) != template_hash({"a": 1}, 1)
