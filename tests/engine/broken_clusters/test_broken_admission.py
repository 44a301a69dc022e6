"""Pods that are never made: the API refuses them, or the workload that asks for them."""

from __future__ import annotations

import pytest

from engine.api.errors import ApiError, Invalid
from tests.engine.broken_clusters.ward import Ward

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: %s}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: 'web:1'}]}
"""


def failed_create(ward: Ward, name: str) -> str:
    """The message of a Deployment's ReplicaFailure condition, which is its ReplicaSet's FailedCreate event."""
    condition = ward.condition("Deployment", name, "ReplicaFailure")
    assert (condition.get("status"), condition.get("reason")) == ("True", "FailedCreate")
    message = str(condition["message"])
    assert any(text == f"Error creating: {message}" for text in ward.messages("FailedCreate", name))
    return message


def test_deployment_selector_is_not_its_template(ward: Ward) -> None:
    """Apply is rejected; with labels that agree it is taken, and then the selector never changes."""
    with pytest.raises(Invalid, match=r"`selector` does not match template `labels`"):
        ward.apply(DEPLOYMENT % "shop")
    ward.apply(DEPLOYMENT % "web")
    ward.until(lambda: ward.available("web") == 2, 60)
    with pytest.raises(Invalid, match=r"spec.selector: Invalid value.*field is immutable"):
        ward.patch("Deployment", "web", {"spec": {"selector": {"matchLabels": {"tier": "front"}}}})


def test_quota_exceeded(ward: Ward) -> None:
    """The quota asks for requests that the pods do not have, then is too small; requests and a raised quota heal it."""
    ward.apply("""
        apiVersion: v1
        kind: ResourceQuota
        metadata: {name: team}
        spec: {hard: {requests.cpu: 500m, pods: '5'}}
    """)
    ward.deploy("web", 2)
    ward.run(5)
    assert ward.pods("web") == []
    assert "is forbidden: failed quota: team: must specify requests.cpu for: c" in failed_create(ward, "web")
    container = {"name": "c", "resources": {"requests": {"cpu": "400m"}}}
    ward.patch("Deployment", "web", {"spec": {"template": {"spec": {"containers": [container]}}}})
    ward.run(30)
    assert len(ward.pods("web")) == 1
    said = "exceeded quota: team, requested: requests.cpu=400m, used: requests.cpu=400m, limited: requests.cpu=500m"
    assert any(said in message for message in ward.messages("FailedCreate", "web"))
    ward.patch("ResourceQuota", "team", {"spec": {"hard": {"requests.cpu": "2"}}})
    ward.until(lambda: ward.available("web") == 2, 1100)
    assert ward.status("ResourceQuota", "team")["used"] == {"pods": "2", "requests.cpu": "800m"}
    assert ward.condition("Deployment", "web", "ReplicaFailure") == {}


def test_limit_range_rejects(ward: Ward) -> None:
    """A pod larger than the namespace allows is never made; one that fits is."""
    ward.apply("""
        apiVersion: v1
        kind: LimitRange
        metadata: {name: sizes}
        spec: {limits: [{type: Container, max: {memory: 1Gi}}]}
    """)
    ward.deploy("web", container={"resources": {"limits": {"memory": "2Gi"}}})
    ward.run(5)
    assert ward.pods("web") == []
    assert "maximum memory usage per Container is 1Gi, but limit is 2Gi" in failed_create(ward, "web")
    container = {"name": "c", "resources": {"limits": {"memory": "512Mi"}}}
    ward.patch("Deployment", "web", {"spec": {"template": {"spec": {"containers": [container]}}}})
    ward.until(lambda: ward.available("web") == 1, 60)


def test_pod_security_rejects(ward: Ward) -> None:
    """The namespace enforces `restricted`; a security context that names everything heals it."""
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    ward.patch("Namespace", "shop", {"metadata": {"labels": label}})
    ward.deploy("web", 2)
    ward.run(5)
    assert ward.pods("web") == []
    assert 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false' in failed_create(ward, "web")
    context = {
        "allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    container = {"name": "c", "securityContext": context}
    ward.patch("Deployment", "web", {"spec": {"template": {"spec": {"containers": [container]}}}})
    ward.until(lambda: ward.available("web") == 2, 60)


def test_namespace_stuck_terminating(ward: Ward) -> None:
    """An object's finalizer that nobody serves holds the namespace, which says so; taking it away lets both go."""
    ward.apply("""
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: held, finalizers: [example.com/nobody]}
    """)
    ward.deploy("web", 2)
    ward.until(lambda: ward.available("web") == 2, 60)
    ward.delete("Namespace", "shop")
    ward.run(120)
    assert ward.status("Namespace", "shop")["phase"] == "Terminating"
    assert ward.pods("web") == []
    remaining = ward.condition("Namespace", "shop", "NamespaceFinalizersRemaining")
    assert remaining["message"] == (
        "Some content in the namespace has finalizers remaining: example.com/nobody in 1 resource instances"
    )
    content = ward.condition("Namespace", "shop", "NamespaceContentRemaining")
    assert content["message"] == "Some resources are remaining: configmaps. has 1 resource instances"
    with pytest.raises(ApiError, match="because it is being terminated"):
        ward.deploy("late")
    ward.patch("ConfigMap", "held", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/nobody"]}})
    ward.until(lambda: ward.find("Namespace", "shop") is None, 60)
