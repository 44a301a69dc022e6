"""Stories of StatefulSets and DaemonSets in a whole cluster: scheduler, kubelets and all controllers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.api.kinds import DAEMONSETS, EVENTS, NODES, PODS, REPLICATIONCONTROLLERS, STATEFULSETS
from engine.clock import SECOND, Clock
from engine.cluster import Cluster, ClusterOptions
from store.store import Store
from store.types import Envelope, JsonObject, Resource
from tests.engine.controllers.world import START, USER


class Town:
    """A small cluster with kubelets."""

    def __init__(self, nodes: int = 3) -> None:
        self.cluster = Cluster(Store(), Clock(START), ClusterOptions(seed=7))
        self.cluster.start()
        self.api = self.cluster.api
        for number in range(nodes):
            self.add_node(f"node-{number}")
        self.run(30)

    def add_node(self, name: str) -> None:
        self.api.create(USER, NODES, "", {"metadata": {"name": name}})

    def run(self, seconds: float) -> None:
        self.cluster.run_for(round(seconds * SECOND))
        assert self.cluster.crashes == 0

    def until(self, condition: Callable[[], bool], limit: int = 300) -> float:
        """Seconds of cluster time until the condition holds."""
        begin = self.cluster.clock.now()
        while not condition():
            self.run(0.25)
            assert self.cluster.clock.now() - begin < limit * SECOND, "it does not come to pass"
        return (self.cluster.clock.now() - begin) / SECOND

    def status(self, resource: Resource, name: str) -> dict[str, Any]:
        return dict(self.api.get(resource, "default", name).obj.get("status") or {})

    def pods(self) -> list[Envelope]:
        return list(self.cluster.store.list(PODS, "default"))

    def set_image(self, resource: Resource, name: str, image: str) -> None:
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
        self.api.patch(USER, resource, "default", name, "strategic", patch)

    def messages(self, name: str) -> list[str]:
        """What controllers said about an object, oldest first, repeats as often as they were."""
        return [
            env.obj["message"]
            for env in self.cluster.store.list(EVENTS, "default")
            if env.obj["involvedObject"]["name"] == name and env.obj["involvedObject"]["kind"] != "Pod"
        ]


def template(app: str) -> JsonObject:
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "i:1"}]},
    }


def test_a_stateful_set_from_birth_to_death() -> None:
    """Up in order, updated from the top, scaled down from the top, with the events of a real one; deleted, all goes."""
    town = Town()
    spec = {"replicas": 3, "serviceName": "h", "selector": {"matchLabels": {"app": "sts"}}, "template": template("sts")}
    town.api.create(USER, STATEFULSETS, "default", {"metadata": {"name": "sts"}, "spec": spec})
    town.until(lambda: town.status(STATEFULSETS, "sts").get("availableReplicas") == 3)
    created = [pod.obj["metadata"]["creationTimestamp"] for pod in town.pods()]
    assert created == sorted(created)
    pod = town.pods()[0].obj
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("sts-0", "h")
    assert [volume["name"].startswith("kube-api-access-") for volume in pod["spec"]["volumes"]] == [True]

    first = town.status(STATEFULSETS, "sts")["currentRevision"]
    town.set_image(STATEFULSETS, "sts", "i:2")
    town.run(0.1)
    assert town.status(STATEFULSETS, "sts")["currentRevision"] == first
    town.until(lambda: town.status(STATEFULSETS, "sts")["currentRevision"] != first)
    status = town.status(STATEFULSETS, "sts")
    assert status == {
        "observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "currentReplicas": 3,
        "updatedReplicas": 3, "currentRevision": status["updateRevision"], "updateRevision": status["updateRevision"],
        "collisionCount": 0,
    }  # fmt: skip

    town.api.patch(USER, STATEFULSETS, "default", "sts", "merge", {"spec": {"replicas": 1}})
    town.until(lambda: len(town.pods()) == 1)
    assert sorted(town.messages("sts")) == sorted(
        [
            f"{verb} Pod sts-{number} in StatefulSet sts successful"
            for verb in ("Create", "Delete")
            for number in range(3)
        ]
    )
    town.api.delete(USER, STATEFULSETS, "default", "sts")
    town.until(lambda: not town.pods())


def test_a_pod_whose_machine_is_gone_comes_back_elsewhere() -> None:
    """When its Node is deleted, the pod is collected and made again under its name on another machine."""
    town = Town()
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "sts"}}, "template": template("sts")}
    town.api.create(USER, STATEFULSETS, "default", {"metadata": {"name": "sts"}, "spec": spec})
    town.until(lambda: town.status(STATEFULSETS, "sts").get("availableReplicas") == 3)
    old = town.pods()[1]
    town.api.delete(USER, NODES, "", old.obj["spec"]["nodeName"])
    town.until(lambda: [p.uid for p in town.pods() if p.name == "sts-1"] not in ([old.uid], []), 600)
    town.until(lambda: town.status(STATEFULSETS, "sts").get("availableReplicas") == 3)


def test_a_daemon_set_follows_its_machines() -> None:
    """A pod per machine, placed by the scheduler; one more for a new machine; a new image goes round."""
    town = Town()
    spec = {"selector": {"matchLabels": {"app": "ds"}}, "template": template("ds")}
    town.api.create(USER, DAEMONSETS, "default", {"metadata": {"name": "ds"}, "spec": spec})
    town.until(lambda: town.status(DAEMONSETS, "ds").get("numberAvailable") == 3)
    assert sorted(pod.obj["spec"]["nodeName"] for pod in town.pods()) == ["node-0", "node-1", "node-2"]
    town.add_node("node-3")
    town.until(lambda: town.status(DAEMONSETS, "ds").get("numberAvailable") == 4)
    town.set_image(DAEMONSETS, "ds", "i:2")
    least = 4

    def updated() -> bool:
        nonlocal least
        status = town.status(DAEMONSETS, "ds")
        least = min(least, status.get("numberAvailable", 0))
        return status.get("updatedNumberScheduled") == status.get("numberAvailable") == 4

    town.run(0.1)
    town.until(updated)
    assert least == 3
    assert {pod.obj["spec"]["containers"][0]["image"] for pod in town.pods()} == {"i:2"}
    assert town.status(DAEMONSETS, "ds") == {
        "currentNumberScheduled": 4, "desiredNumberScheduled": 4, "numberMisscheduled": 0, "numberReady": 4,
        "numberAvailable": 4, "updatedNumberScheduled": 4, "observedGeneration": 2,
    }  # fmt: skip


def test_everything_survives_restarts_of_its_controllers() -> None:
    """Controllers that start anew in the middle of a rollout bring it to its end, and then nothing more is written."""
    town = Town()
    for resource, name, extra in (
        (STATEFULSETS, "sts", {"replicas": 3}), (DAEMONSETS, "ds", {}), (REPLICATIONCONTROLLERS, "rc", {"replicas": 2}),
    ):  # fmt: skip
        labels: JsonObject = {"app": name}
        selector = labels if resource == REPLICATIONCONTROLLERS else {"matchLabels": labels}
        spec = {"selector": selector, "template": template(name), **extra}
        town.api.create(USER, resource, "default", {"metadata": {"name": name}, "spec": spec})
    for moment in range(24):
        town.run(0.35)
        for runner in town.cluster.controllers:
            runner.start()
        if moment == 8:
            town.set_image(STATEFULSETS, "sts", "i:2")
            town.set_image(DAEMONSETS, "ds", "i:2")
    town.until(lambda: town.status(STATEFULSETS, "sts").get("availableReplicas") == 3)
    town.until(lambda: town.status(DAEMONSETS, "ds").get("numberAvailable") == 3)
    town.run(30)
    images = {pod.obj["spec"]["containers"][0]["image"] for pod in town.pods() if pod.labels["app"] != "rc"}
    assert images == {"i:2"}
    assert len(town.pods()) == 8
    written: list[str] = []
    town.cluster.store.listen(lambda event: written.append(event.now.key.plural))
    town.run(60)
    assert set(written) <= {"leases", "nodes"}
