"""Controllers die at any moment, also between two writes of one reconcile; the cluster becomes what its specs say.

Each run applies, changes and deletes workloads of every kind at random while controllers are killed: a call of theirs
to the API fails before its write or after it, as if the process had ended there, and now and then all of them lose
their memory at once. Then they are left alone, and what is there is compared with the specs.

A failing run names its seed; `KUBARIUM_CONVERGENCE_SEEDS=100:200` plays others.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from engine.api.kinds import (
    CRONJOBS,
    DAEMONSETS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    RESOURCEQUOTAS,
    SERVICES,
    STATEFULSETS,
)
from engine.api.requests import DeleteOptions
from engine.clock import SECOND
from store.types import Envelope, JsonObject, Resource
from tests.engine.broken_clusters.ward import USER, Ward
from tests.engine.mortality import Mortality

FIRST, _, LAST = os.environ.get("KUBARIUM_CONVERGENCE_SEEDS", "0:6").partition(":")
SETS = (DEPLOYMENTS, STATEFULSETS, DAEMONSETS, REPLICASETS, REPLICATIONCONTROLLERS)
WORKLOADS = (*SETS, JOBS, CRONJOBS)
NAMES = ("a", "b")
STEPS = 40


class Chaos:
    """A cluster, a person who cannot decide, and controllers that die."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.ward = Ward(seed=seed)
        self.store = self.ward.store
        self.mortality = Mortality(self.ward.api, self.chance)
        hard = {"pods": "200", "requests.cpu": "100", "count/jobs.batch": "50"}
        self.ward.api.create(USER, RESOURCEQUOTAS, "shop", {"metadata": {"name": "q"}, "spec": {"hard": hard}})

    # -- a person --------------------------------------------------------------------------------------------------

    def act(self) -> None:
        resource, name = self.chance.choice(WORKLOADS), self.chance.choice(NAMES)
        name = f"{resource.plural[:4]}-{name}"
        env = self.ward.api.find(resource, "shop", name)
        if env is None:
            self.ward.api.create(USER, resource, "shop", self.workload(resource, name))
            return
        choice = self.chance.random()
        if choice < 0.3:
            options = DeleteOptions(propagation=self.chance.choice(("Background", "Foreground")))
            self.ward.api.delete(USER, resource, "shop", name, options)
        elif choice < 0.5:
            pods = self.store.list(PODS, "shop")
            if pods:
                pod = self.chance.choice(list(pods))
                self.ward.api.delete(USER, PODS, "shop", pod.name, DeleteOptions(grace_period_seconds=1))
        elif resource not in (JOBS, CRONJOBS):
            spec = dict(env.obj["spec"])
            if resource != DAEMONSETS and choice < 0.75:
                spec["replicas"] = self.chance.randint(0, 4)
            else:
                spec["template"] = self.template(name, f"i:{self.chance.randint(1, 3)}")
            self.ward.api.update(USER, resource, "shop", name, {**env.obj, "spec": spec})

    def template(self, name: str, image: str, **spec: Any) -> JsonObject:
        container = {"name": "c", "image": image, "resources": {"requests": {"cpu": "10m"}}}
        return {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1, **spec},
        }

    def workload(self, resource: Resource, name: str) -> JsonObject:
        template = self.template(name, f"i:{self.chance.randint(1, 3)}")
        spec: JsonObject = {"replicas": self.chance.randint(1, 4), "template": template}
        spec["selector"] = {"app": name} if resource == REPLICATIONCONTROLLERS else {"matchLabels": {"app": name}}
        if resource == DAEMONSETS:
            del spec["replicas"]
        if resource == STATEFULSETS and self.chance.random() < 0.5:
            spec["podManagementPolicy"] = "Parallel"
        if resource in (JOBS, CRONJOBS):
            template = self.template(name, "i:1", restartPolicy="Never")
            template["metadata"]["annotations"] = {"kubarium.dev/complete": "2s"}
            mode = self.chance.choice(("Indexed", "NonIndexed"))
            spec = {
                "completions": self.chance.randint(1, 4), "parallelism": 2, "completionMode": mode,
                "template": template, "backoffLimit": 50,
            }  # fmt: skip
            if resource == CRONJOBS:
                spec = {"schedule": "* * * * *", "jobTemplate": {"spec": spec}}
        return {"metadata": {"name": name}, "spec": spec}

    # -- the life of the cluster -----------------------------------------------------------------------------------

    def play(self) -> None:
        for name in NAMES:
            for resource in (DEPLOYMENTS, STATEFULSETS):
                app = f"{resource.plural[:4]}-{name}"
                spec = {"selector": {"app": app}, "ports": [{"port": 80}]}
                self.ward.api.create(USER, SERVICES, "shop", {"metadata": {"name": app}, "spec": spec})
        self.mortality.reign(self.ward.cluster, self.act, STEPS, pause=4)
        self.ward.cluster.run_for(1100 * SECOND)  # longer than any back-off

    def found(self, resource: Resource) -> list[Envelope]:
        return list(self.store.list(resource, "shop"))

    def pods_of(self, owner: Envelope) -> list[Envelope]:
        return [pod for pod in self.found(PODS) if owner.uid in pod.owners]


def status_of(env: Envelope) -> JsonObject:
    status: JsonObject = env.obj.get("status") or {}
    return status


@pytest.mark.parametrize("seed", range(int(FIRST), int(LAST or int(FIRST) + 1)))
def test_the_cluster_comes_to_what_its_specs_say(seed: int) -> None:
    """Replicas of the right template, Jobs complete, nobody's pods, endpoints and quotas as they are counted anew."""
    chaos = Chaos(seed)
    chaos.play()
    assert chaos.mortality.deaths >= 10
    everything = {env.uid for resource in WORKLOADS for env in chaos.found(resource)}
    for resource in (PODS, REPLICASETS, JOBS):
        for env in chaos.found(resource):
            assert set(env.owners) <= everything, f"{env.key} is an orphan"
    assert not [str(env.key) for r in (*WORKLOADS, PODS) for env in chaos.found(r) if _deleted(env)]
    for resource in SETS:
        for env in chaos.found(resource):
            _settled(chaos, env)
    for job in chaos.found(JOBS):
        if job.obj["metadata"].get("ownerReferences") is None:
            assert status_of(job).get("succeeded") == job.obj["spec"]["completions"], f"{job.key}"
    for cron in chaos.found(CRONJOBS):
        jobs = [job for job in chaos.found(JOBS) if cron.uid in job.owners]
        done = [job for job in jobs if status_of(job).get("completionTime")]
        assert len(done) == 3, f"{cron.key} keeps {len(done)}"
        assert len(jobs) <= 4
    for service in chaos.found(SERVICES):
        wanted = sorted(pod.obj["status"]["podIP"] for pod in chaos.ward.pods(service.name))
        assert chaos.ward.ready_addresses(service.name) == wanted, f"{service.key}"
    (quota,) = chaos.found(RESOURCEQUOTAS)
    live = [pod for pod in chaos.found(PODS) if pod.obj["status"]["phase"] in ("Pending", "Running")]
    used = quota.obj["status"]["used"]
    assert (used["pods"], used["count/jobs.batch"]) == (str(len(live)), str(len(chaos.found(JOBS))))
    assert used["requests.cpu"] == (f"{10 * len(live)}m" if live else "0")


def _deleted(env: Envelope) -> bool:
    return "deletionTimestamp" in env.obj["metadata"]


def _settled(chaos: Chaos, env: Envelope) -> None:
    """A set has as many pods as its spec says, all available and (but of ReplicaSets) of its template."""
    if env.owners:  # a Deployment's ReplicaSet
        return
    where, status = str(env.key), status_of(env)
    if env.key.resource == DEPLOYMENTS:
        sets = [each for each in chaos.found(REPLICASETS) if env.uid in each.owners]
        pods = [pod for each in sets for pod in chaos.pods_of(each)]
    else:
        pods = chaos.pods_of(env)
    daemon = env.key.resource == DAEMONSETS
    wanted = 3 if daemon else env.obj["spec"]["replicas"]
    assert len(pods) == wanted, where
    assert status.get("numberAvailable" if daemon else "availableReplicas", 0) == wanted, where
    assert status["observedGeneration"] == env.obj["metadata"]["generation"], where
    if env.key.resource in (DEPLOYMENTS, STATEFULSETS, DAEMONSETS):
        image = env.obj["spec"]["template"]["spec"]["containers"][0]["image"]
        assert {pod.obj["spec"]["containers"][0]["image"] for pod in pods} <= {image}, where
