"""Things that do not get on: silent nodes, drains and rollouts that hang, autoscalers and jobs that do nothing."""

from __future__ import annotations

import pytest

from engine.api.errors import TooManyRequests
from engine.api.kinds import JOBS, PODS
from tests.engine.broken_clusters.ward import USER, Ward

JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: %s}
spec:
  backoffLimit: 2
  %s
  template:
    metadata: {annotations: {%s}}
    spec: {restartPolicy: Never, containers: [{name: c, image: 'batch:1'}]}
"""
CRONJOB = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: '*/5 * * * *'
  concurrencyPolicy: Forbid
  suspend: %s
  jobTemplate:
    spec:
      template:
        metadata: {annotations: {%s}}
        spec: {restartPolicy: Never, containers: [{name: c, image: 'batch:1'}]}
"""


def test_node_not_ready(ward: Ward) -> None:
    """50 s to Unknown, 300 s more to eviction; the pods come back elsewhere, and the old ones go with the kubelet."""
    ward.deploy("web", 3)
    ward.until(lambda: ward.available("web") == 3, 60)
    ward.run(60)
    (victim,) = [pod for pod in ward.pods("web") if pod.obj["spec"]["nodeName"] == "node-a"]
    ward.annotate_node("node-a", kubelet="stopped")
    silent = ward.until(lambda: ward.condition("Node", "node-a", "Ready")["status"] == "Unknown", 120)
    assert 40 <= silent <= 60
    assert ward.condition("Node", "node-a", "Ready")["reason"] == "NodeStatusUnknown"
    keys = {taint["key"] for taint in ward.get("Node", "node-a")["spec"]["taints"]}
    assert keys == {"node.kubernetes.io/unreachable"}
    assert ward.condition("Pod", victim.name, "Ready")["status"] == "False"
    assert ward.available("web") == 2
    evicted = ward.until(lambda: "deletionTimestamp" in ward.get("Pod", victim.name)["metadata"], 400)
    assert 290 <= evicted <= 310
    ward.until(lambda: ward.available("web") == 3, 60)
    assert ward.find("Pod", victim.name) is not None  # Terminating, for nobody can say that it has stopped
    ward.annotate_node("node-a", kubelet=None)
    ward.until(lambda: ward.find("Pod", victim.name) is None, 120)
    ward.until(lambda: ward.condition("Node", "node-a", "Ready")["status"] == "True", 20)
    ward.run(10)
    assert "taints" not in ward.get("Node", "node-a")["spec"]


def test_drain_blocked_by_a_budget(ward: Ward) -> None:
    """A budget of one for one replica answers 429 for ever; a second replica makes room for the eviction."""
    ward.deploy("web")
    ward.apply("""
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata: {name: web}
        spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
    """)
    ward.until(lambda: ward.available("web") == 1, 60)
    pod = ward.pod("web")
    ward.patch("Node", pod.obj["spec"]["nodeName"], {"spec": {"unschedulable": True}})
    for _ in range(5):
        with pytest.raises(TooManyRequests) as refusal:
            ward.api.evict(USER, "shop", pod.name)
        assert str(refusal.value) == "Cannot evict pod as it would violate the pod's disruption budget."
        assert refusal.value.causes[0].message == "The disruption budget web needs 1 healthy pods and has 1 currently"
        ward.run(60)
    ward.scale("web", 2)
    ward.until(lambda: ward.status("PodDisruptionBudget", "web")["disruptionsAllowed"] == 1, 60)
    ward.api.evict(USER, "shop", pod.name)
    ward.until(lambda: ward.find("Pod", pod.name) is None and ward.available("web") == 2, 120)


def test_rollout_stuck(ward: Ward) -> None:
    """The new image cannot be pulled: after ten minutes ProgressDeadlineExceeded, with the old pods still serving;
    undone, the Deployment is complete again."""
    ward.apply("{apiVersion: kubarium.dev/v1alpha1, kind: Image, metadata: {name: web}, spec: {tags: ['1']}}")
    ward.deploy("web", 4)
    ward.until(lambda: ward.available("web") == 4, 60)
    ward.patch("Deployment", "web", {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "web:2"}]}}}})
    ward.run(590)
    assert ward.condition("Deployment", "web", "Progressing")["reason"] == "ReplicaSetUpdated"
    ward.run(60)
    progressing = ward.condition("Deployment", "web", "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert progressing["message"].startswith('ReplicaSet "web-')
    assert progressing["message"].endswith('" has timed out progressing.')
    status = ward.status("Deployment", "web")
    assert (status["availableReplicas"], status["updatedReplicas"], status["unavailableReplicas"]) == (3, 2, 2)
    assert ward.condition("Deployment", "web", "Available")["status"] == "True"
    ward.patch("Deployment", "web", {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "web:1"}]}}}})
    ward.until(lambda: ward.available("web") == 4, 120)
    assert ward.condition("Deployment", "web", "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert len(ward.pods("web")) == 4


def test_autoscaler_without_requests(ward: Ward) -> None:
    """Usage is measured, but a share of nothing cannot be told: <unknown>, no scaling; with requests it scales."""
    ward.apply("{apiVersion: kubarium.dev/v1alpha1, kind: Image, metadata: {name: web}, spec: {cpu: 500m}}")
    ward.deploy("web")
    ward.apply("""
        apiVersion: autoscaling/v2
        kind: HorizontalPodAutoscaler
        metadata: {name: web}
        spec:
          scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
          maxReplicas: 3
          metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
    """)
    ward.run(180)
    active = ward.condition("HorizontalPodAutoscaler", "web", "ScalingActive")
    assert (active["status"], active["reason"]) == ("False", "FailedGetResourceMetric")
    assert "missing request for cpu in container c of Pod" in active["message"]
    assert ward.status("HorizontalPodAutoscaler", "web").get("currentMetrics") in (None, [], [{"type": ""}])
    assert ward.messages("FailedGetResourceMetric")
    container = {"name": "c", "resources": {"requests": {"cpu": "500m"}}}
    ward.patch("Deployment", "web", {"spec": {"template": {"spec": {"containers": [container]}}}})
    ward.until(lambda: ward.available("web") == 3, 600, 10)
    assert ward.condition("HorizontalPodAutoscaler", "web", "ScalingActive")["status"] == "True"


def test_job_at_its_backoff_limit(ward: Ward) -> None:
    """Three pods fail with growing pauses, then the Job has; made anew with what works, it completes."""
    ward.apply(JOB % ("report", "", 'kubarium.dev/fail: "true"'))
    ward.until(lambda: ward.condition("Job", "report", "Failed"), 300)
    failed = ward.condition("Job", "report", "Failed")
    assert (failed["reason"], failed["message"]) == (
        "BackoffLimitExceeded", "Job has reached the specified backoff limit",
    )  # fmt: skip
    assert ward.status("Job", "report")["failed"] == 3
    ward.delete("Job", "report")
    ward.until(lambda: ward.find("Job", "report") is None, 60)
    ward.apply(JOB % ("report", "", 'kubarium.dev/complete: "5s"'))
    ward.until(lambda: ward.condition("Job", "report", "Complete"), 60)


def test_job_past_its_deadline(ward: Ward) -> None:
    """It is ended although its pod still runs."""
    ward.apply(JOB % ("slow", "activeDeadlineSeconds: 60", 'kubarium.dev/complete: "600s"'))
    ward.until(lambda: ward.condition("Job", "slow", "Failed"), 120)
    failed = ward.condition("Job", "slow", "Failed")
    assert (failed["reason"], failed["message"]) == (
        "DeadlineExceeded", "Job was active longer than specified deadline",
    )  # fmt: skip
    ward.until(lambda: not ward.store.list(PODS, "shop"), 60)


def test_cron_job_suspended_then_forbidden(ward: Ward) -> None:
    """Suspended it makes no Job; resumed, its Job hangs and `Forbid` skips every turn; mended, it completes."""
    ward.apply(CRONJOB % ("true", 'kubarium.dev/hang: "true"'))
    ward.run(1800)
    assert not ward.store.list(JOBS, "shop")
    ward.apply(CRONJOB % ("false", 'kubarium.dev/hang: "true"'))
    ward.run(1200)
    (hanging,) = ward.store.list(JOBS, "shop")
    assert "lastSuccessfulTime" not in ward.status("CronJob", "nightly")
    assert ward.messages("JobAlreadyActive", "nightly")
    ward.apply(CRONJOB % ("false", 'kubarium.dev/complete: "5s"'))
    ward.delete("Job", hanging.name)
    ward.until(lambda: "lastSuccessfulTime" in ward.status("CronJob", "nightly"), 660, 10)
