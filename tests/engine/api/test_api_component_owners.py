"""Whose the fields are that the cluster's own components write: told from the object, without a book."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import errors
from engine.api.kinds import DEPLOYMENTS, NODES, PODS, REPLICASETS, Kind
from store.types import Envelope, JsonObject, Resource
from tests.engine.broken_clusters.ward import USER, Ward

LABELS = {"app": "web"}
WEB: JsonObject = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": 1, "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}},
    },
}  # fmt: skip
HUGE: JsonObject = {
    "metadata": {"name": "huge"},
    "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "99"}}}]},
}


@pytest.fixture(scope="module")
def ward() -> Ward:
    made = Ward()
    for resource, obj in ((DEPLOYMENTS, WEB), (PODS, HUGE)):
        made.api.create(USER, resource, "shop", obj, field_validation="Strict", field_manager="kubectl-create")
    made.run(30)
    return made


def owners(ward: Ward, resource: Resource, name: str = "", namespace: str = "shop") -> dict[tuple[str, str], Any]:
    """(manager, subresource) → fieldsV1, of the object whose name begins so."""
    found = ward.api.list(resource, namespace or None).items
    env = next(env for env in found if env.name.startswith(name))
    entries = ward.api.owners(env).obj["metadata"]["managedFields"]
    return {(each["manager"], each.get("subresource", "")): each["fieldsV1"] for each in entries}


def test_a_pod_is_its_controllers_and_its_status_the_kubelets(ward: Ward) -> None:
    """What the template says is kube-controller-manager's; what admission and binding add is nobody's."""
    found = owners(ward, PODS, "web-")
    assert sorted(found) == [("kube-controller-manager", ""), ("kubelet", "status")]
    made, status = found["kube-controller-manager", ""], found["kubelet", "status"]["f:status"]
    assert sorted(made["f:metadata"]) == ["f:generateName", "f:labels", "f:ownerReferences"]
    assert sorted(made["f:metadata"]["f:labels"]) == [".", "f:app", "f:pod-template-hash"]
    assert sorted(made["f:spec"]) == [
        "f:containers", "f:dnsPolicy", "f:enableServiceLinks", "f:restartPolicy", "f:schedulerName",
        "f:securityContext", "f:terminationGracePeriodSeconds",
    ]  # fmt: skip
    assert "f:volumeMounts" not in made["f:spec"]["f:containers"]['k:{"name":"c"}']
    assert sorted(status["f:conditions"]) == [
        'k:{"type":"ContainersReady"}', 'k:{"type":"Initialized"}', 'k:{"type":"PodReadyToStartContainers"}',
        'k:{"type":"Ready"}',
    ]  # fmt: skip
    assert "f:lastProbeTime" in status["f:conditions"]['k:{"type":"Ready"}']
    assert status["f:podIPs"]["."] == {}
    assert "f:qosClass" not in status


def test_the_status_of_a_pod_on_a_fake_node(ward: Ward) -> None:
    """It is fake-kubelet's."""
    status = {"capacity": {"cpu": "1", "pods": "1"}, "nodeInfo": {"containerRuntimeVersion": "fake://1.0"}}
    ward.api.create(USER, NODES, "", {"metadata": {"name": "node-fake"}, "status": status})
    spec = {"nodeName": "node-fake", "containers": [{"name": "c", "image": "i"}]}
    ward.api.create(USER, PODS, "shop", {"metadata": {"name": "faked"}, "spec": spec})
    ward.run(5)
    assert ("fake-kubelet", "status") in owners(ward, PODS, "faked")


def test_the_scheduler_says_why_a_pod_waits(ward: Ward) -> None:
    """PodScheduled=False is kube-scheduler's; no kubelet has anything to say yet."""
    found = owners(ward, PODS, "huge")
    assert sorted(found) == [("kube-scheduler", "status"), ("kubectl-create", "")]
    assert list(found["kube-scheduler", "status"]["f:status"]["f:conditions"]) == ['k:{"type":"PodScheduled"}']
    assert "f:tolerations" not in found["kubectl-create", ""]["f:spec"]


def test_a_node_is_its_kubelets(ward: Ward) -> None:
    """Registered by the kubelet; the range of addresses is the controllers'."""
    found = owners(ward, NODES, namespace="")
    assert sorted(found) == [("kube-controller-manager", ""), ("kubelet", ""), ("kubelet", "status")]
    assert sorted(found["kube-controller-manager", ""]["f:spec"]) == ["f:podCIDR", "f:podCIDRs"]
    assert "f:nodeInfo" in found["kubelet", "status"]["f:status"]


def test_the_book_goes_before(ward: Ward) -> None:
    """A Deployment that kubectl made: its spec is kubectl's, its status the controllers', at the status' own time."""
    found = owners(ward, DEPLOYMENTS)
    assert sorted(found) == [("kube-controller-manager", "status"), ("kubectl-create", "")]
    noted = found["kube-controller-manager", "status"]["f:metadata"]["f:annotations"]
    assert noted == {".": {}, "f:deployment.kubernetes.io/revision": {}}
    env = ward.api.owners(ward.api.get(DEPLOYMENTS, "shop", "web"))
    told = next(each for each in env.obj["metadata"]["managedFields"] if each.get("subresource") == "status")
    assert told["time"] == max(each["lastUpdateTime"] for each in env.obj["status"]["conditions"])
    assert (
        ward.api.get(DEPLOYMENTS, "shop", "web").obj["metadata"]["managedFields"]
        != (env.obj["metadata"]["managedFields"])
    ), "the store holds the book alone"


def apply(ward: Ward, name: str, kind: Kind, spec: JsonObject, force: bool = False) -> Envelope:
    obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, "spec": spec}
    return ward.api.apply_server_side(USER, kind.resource, "shop", name, obj, field_manager="team", force=force)


def test_an_apply_meets_the_components(ward: Ward) -> None:
    """What a component owns conflicts under its name; taken by force it is the applier's, and the rest stays theirs."""
    env = next(env for env in ward.api.list(REPLICASETS, "shop").items if env.name.startswith("web-"))
    kind = ward.api.kind_of(REPLICASETS)
    with pytest.raises(errors.Conflict, match=r'with "kube-controller-manager" using apps/v1: \.spec\.'):
        apply(ward, env.name, kind, {"replicas": 3})
    taken = ward.api.owners(apply(ward, env.name, kind, {"replicas": 3}, force=True))
    entries = {
        (each["manager"], each.get("subresource", "")): each["fieldsV1"]
        for each in taken.obj["metadata"]["managedFields"]
    }
    assert entries["team", ""] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in entries["kube-controller-manager", ""]["f:spec"]
    assert "f:template" in entries["kube-controller-manager", ""]["f:spec"]
    assert ("kube-controller-manager", "status") in entries
    ward.run(10)
    again = ward.api.owners(ward.api.get(REPLICASETS, "shop", env.name)).obj["metadata"]["managedFields"]
    assert sum(each.get("subresource") == "status" for each in again) == 1, "told anew, never twice"
