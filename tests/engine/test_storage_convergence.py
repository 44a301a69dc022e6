"""The controllers of clouds and storage die at any moment; volumes, load balancers and routes still become what they
should be.

Pods with claims, snapshots, load-balanced Services and machines come and go at random while controllers are killed.
Then they are left alone, and what is attached, bound, balanced and routed is compared with what is wanted.
"""

from __future__ import annotations

import random

import pytest

from engine.api.kinds import (
    CLOUDS,
    CSINODES,
    LOADBALANCERS,
    MACHINES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    ROUTES,
    SERVICES,
    STORAGECLASSES,
    VOLUMEATTACHMENTS,
)
from engine.api.requests import DeleteOptions
from engine.clock import SECOND
from engine.storage.snapshot_kinds import CLASSES, CONTENTS, SNAPSHOTS
from store.types import Envelope, JsonObject, Resource
from tests.engine.broken_clusters.ward import USER, Ward
from tests.engine.controllers.volumes import claim, pod, storage_class
from tests.engine.mortality import Mortality

NAMES = ("a", "b", "c")
STEPS = 60
KINDS = (PODS, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, SERVICES, MACHINES, SNAPSHOTS, CONTENTS, VOLUMEATTACHMENTS)


class Chaos:
    """A cluster with a cloud and a driver, and a person who cannot decide."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.ward = Ward(seed=seed)
        self.store, self.api = self.ward.store, self.ward.api
        self.api.create(USER, CLOUDS, "", {"metadata": {"name": "sky"}, "spec": {"zones": ["zone-a"]}})
        self.api.create(USER, STORAGECLASSES, "", storage_class("lazy", volumeBindingMode="WaitForFirstConsumer"))
        self.ward.run(5)
        policy = {"driver": "csi.kubarium.dev", "deletionPolicy": "Delete"}
        self.api.create(USER, CLASSES, "", {"metadata": {"name": "std"}, **policy})
        self.mortality = Mortality(self.api, self.chance)

    def manifest(self, resource: Resource, name: str) -> JsonObject:
        if resource == PODS:
            return pod(name, name, terminationGracePeriodSeconds=1)
        if resource == PERSISTENTVOLUMECLAIMS:
            return claim(name, "lazy")
        if resource == SERVICES:
            return {"metadata": {"name": name}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
        if resource == MACHINES:
            return {"metadata": {"name": f"m-{name}"}, "spec": {}}
        spec = {"volumeSnapshotClassName": "std", "source": {"persistentVolumeClaimName": name}}
        return {"metadata": {"name": name}, "spec": spec}

    def act(self) -> None:
        resource = self.chance.choice((PODS, PODS, PERSISTENTVOLUMECLAIMS, SERVICES, MACHINES, SNAPSHOTS))
        manifest = self.manifest(resource, self.chance.choice(NAMES))
        namespace = "" if resource == MACHINES else "shop"
        if self.api.find(resource, namespace, manifest["metadata"]["name"]) is None:
            self.api.create(USER, resource, namespace, manifest)
        elif self.chance.random() < 0.6:
            self.api.delete(USER, resource, namespace, manifest["metadata"]["name"], DeleteOptions())

    def play(self) -> None:
        self.mortality.reign(self.ward.cluster, self.act, STEPS, pause=6)
        for name in NAMES:  # every pod has its claim in the end
            if self.api.find(PERSISTENTVOLUMECLAIMS, "shop", name) is None:
                self.api.create(USER, PERSISTENTVOLUMECLAIMS, "shop", claim(name, "lazy"))
        self.ward.cluster.run_for(2200 * SECOND)  # longer than any two back-offs

    def found(self, resource: Resource) -> list[Envelope]:
        return list(self.store.list(resource))


def volume_of(chaos: Chaos, name: str) -> str:
    """The volume of a claim; "" where there is none."""
    found = chaos.api.find(PERSISTENTVOLUMECLAIMS, "shop", name)
    return str(found.obj["spec"].get("volumeName", "")) if found is not None else ""


@pytest.mark.parametrize("seed", [0, 15, 85, 305])
def test_storage_and_cloud_come_to_what_is_wanted(seed: int) -> None:
    """Each pod's volume is attached to its node and to no other, each Service has one load balancer, each node its
    route; what was deleted is gone, and so is what was behind it."""
    chaos = Chaos(seed)
    chaos.play()
    assert chaos.mortality.deaths >= 5
    pods = {env.name: env.obj["spec"]["nodeName"] for env in chaos.found(PODS)}
    leaving = [env for kind in KINDS for env in chaos.found(kind) if "deletionTimestamp" in env.obj["metadata"]]
    protected = {("persistentvolumeclaims", name) for name in pods}
    assert {(env.key.plural, env.name) for env in leaving} <= protected
    wanted = sorted((volume_of(chaos, name), node) for name, node in pods.items())
    attached = sorted(
        (env.obj["spec"]["source"]["persistentVolumeName"], env.obj["spec"]["nodeName"])
        for env in chaos.found(VOLUMEATTACHMENTS) if env.obj["status"]["attached"]
    )  # fmt: skip
    assert attached == wanted
    reported = sorted(
        (each["name"].rpartition("^")[2], node.name)
        for node in chaos.found(NODES) for each in node.obj["status"].get("volumesAttached") or ()
    )  # fmt: skip
    assert reported == wanted
    assert {env.obj["status"]["phase"] for env in chaos.found(PODS)} <= {"Running"}
    bound = {env.obj["spec"].get("volumeName") for env in chaos.found(PERSISTENTVOLUMECLAIMS)} - {None}
    assert {env.name for env in chaos.found(PERSISTENTVOLUMES)} == bound
    for snapshot in chaos.found(SNAPSHOTS):
        found = chaos.api.find(PERSISTENTVOLUMECLAIMS, "shop", snapshot.name)
        if volume_of(chaos, snapshot.name) and found not in leaving:
            assert snapshot.obj["status"]["readyToUse"] is True, snapshot.name
    ready = {s.obj["status"].get("boundVolumeSnapshotContentName") for s in chaos.found(SNAPSHOTS)} - {None}
    assert {env.name for env in chaos.found(CONTENTS)} == ready
    balanced = {env.uid for env in chaos.found(SERVICES) if env.obj["spec"]["type"] == "LoadBalancer"}
    assert {env.obj["spec"]["serviceUID"] for env in chaos.found(LOADBALANCERS)} == balanced
    nodes = {env.name for env in chaos.found(NODES)}
    owners = {env.name: env.owners for env in chaos.found(CSINODES)}
    assert owners == {env.name: (env.uid,) for env in chaos.found(NODES)}
    assert nodes == {f"node-{letter}" for letter in "abc"} | {env.name for env in chaos.found(MACHINES)}
    for balancer in chaos.found(LOADBALANCERS):
        assert set(balancer.obj["spec"]["nodes"]) == nodes
    assert {env.obj["spec"]["node"] for env in chaos.found(ROUTES)} == nodes
    assert len(chaos.found(ROUTES)) == len(nodes)
