"""Nine things are broken in one namespace at the same time; each shows its own symptom, and each mends by itself."""

from __future__ import annotations

from store.types import JsonObject
from tests.engine.broken_clusters.ward import Ward

BROKEN = """
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {selector: {app: apy}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{port: 80, targetPort: 8081}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shut}
spec: {podSelector: {matchLabels: {app: search}}}
---
apiVersion: v1
kind: Service
metadata: {name: search}
spec: {selector: {app: search}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: kubarium.dev/v1alpha1
kind: Image
metadata: {name: typo}
spec: {tags: ['1.0']}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: api}
spec: {minAvailable: 1, selector: {matchLabels: {app: api}}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: jobs}
spec: {hard: {count/jobs.batch: '0'}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: sweep}
spec:
  schedule: '* * * * *'
  jobTemplate:
    spec:
      template:
        metadata: {annotations: {kubarium.dev/complete: 'true'}}
        spec: {restartPolicy: Never, containers: [{name: c, image: 'batch:1'}]}
"""
LISTENS = {"ports": [{"containerPort": 8080}]}


def test_nine_at_once(ward: Ward) -> None:
    """Selector, port, policy, image, ConfigMap, cpu, node label, budget and quota."""
    ward.dns()
    ward.apply(BROKEN)
    for name in ("api", "cart", "search"):
        ward.deploy(name, container=LISTENS)
    ward.deploy("client")
    ward.deploy("typo", container={"image": "typo:1.O"})
    ward.deploy("config", container={"envFrom": [{"configMapRef": {"name": "settings"}}]})
    ward.deploy("large", container={"resources": {"requests": {"cpu": "5"}}})
    ward.deploy("picky", nodeSelector={"disk": "ssd"})
    ward.run(120)

    assert ward.reach("client", "api").refused_by == "Service shop/api"
    assert "listens on 8081/TCP" in ward.reach("client", "cart").trail()
    assert ward.reach("client", "search").refused_by == "NetworkPolicy shop/shut"
    assert ward.waiting("typo") in ("ErrImagePull", "ImagePullBackOff")
    assert ward.waiting("config") == "CreateContainerConfigError"
    assert "3 Insufficient cpu" in ward.unscheduled("large")
    assert "3 node(s) didn't match Pod's node affinity/selector" in ward.unscheduled("picky")
    assert ward.status("PodDisruptionBudget", "api")["disruptionsAllowed"] == 0
    assert any("exceeded quota: jobs" in message for message in ward.messages("FailedCreate", "sweep"))

    ward.patch("Service", "api", {"spec": {"selector": {"app": "api"}}})
    ward.patch("Service", "cart", {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}})
    ward.delete("NetworkPolicy", "shut")
    changed: dict[str, JsonObject] = {"typo": {"image": "typo:1.0"}, "large": {"resources": {"requests": {"cpu": "1"}}}}
    for name, container in changed.items():
        containers = [{"name": "c", **container}]
        ward.patch("Deployment", name, {"spec": {"template": {"spec": {"containers": containers}}}})
    ward.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}")
    ward.patch("Node", "node-a", {"metadata": {"labels": {"disk": "ssd"}}})
    ward.scale("api", 2)
    ward.delete("ResourceQuota", "jobs")
    ward.run(120)

    assert all(ward.reach("client", name).ok for name in ("api", "cart", "search"))
    assert all(ward.available(name) == 1 for name in ("typo", "config", "large", "picky"))
    assert ward.status("PodDisruptionBudget", "api")["disruptionsAllowed"] == 1
    assert "lastSuccessfulTime" in ward.status("CronJob", "sweep")
