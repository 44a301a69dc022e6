"""A ward with a shop in it: three pods with a memory limit and probes, a Service, DNS."""

from __future__ import annotations

import pytest

from tests.engine.broken_clusters.ward import Ward

SHOP = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""


def shop() -> Ward:
    ward = Ward()
    ward.dns()
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5, "failureThreshold": 2}
    ward.deploy(
        "web", 3,
        container={
            "ports": [{"containerPort": 8080}], "resources": {"limits": {"memory": "256Mi"}},
            "readinessProbe": probe, "livenessProbe": probe,
        },
        topologySpreadConstraints=[{
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "web"}},
        }],
    )  # fmt: skip
    ward.apply(SHOP)
    ward.until(lambda: ward.available("web") == 3, 60)
    return ward


@pytest.fixture
def ward() -> Ward:
    return shop()
