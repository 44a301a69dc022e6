"""Services that lead nowhere: the wrong pods, the wrong port, a name that nobody answers."""

from __future__ import annotations

from tests.engine.broken_clusters.ward import Ward

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: api}
spec:
  selector: {app: %s}
  ports: [{port: 80, targetPort: %s}]
"""


def shop(ward: Ward, selector: str = "api", target: str = "8080") -> None:
    """Two pods of `api` that listen on 8080, a Service before them, and a client."""
    ward.dns()
    ward.deploy("api", 2, container={"ports": [{"name": "http", "containerPort": 8080}]})
    ward.deploy("client")
    ward.apply(SERVICE % (selector, target))
    ward.until(lambda: ward.available("api") == 2 and ward.available("client") == 1, 60)
    ward.run(1)


def test_wrong_service_selector(ward: Ward) -> None:
    """1: the endpoints are empty and connections refused, until the selector is the pods'."""
    shop(ward, selector="apy")
    assert ward.ready_addresses("api") == []
    found = ward.reach("client", "api")
    assert (found.symptom, found.refused_by) == ("connection refused", "Service shop/api")
    ward.apply(SERVICE % ("api", "8080"))
    ward.run(1)
    assert len(ward.ready_addresses("api")) == 2
    assert ward.reach("client", "api").ok


def test_wrong_target_port(ward: Ward) -> None:
    """2: endpoints are there, nobody listens on the port; with the port that the container has it works."""
    shop(ward, target="8081")
    assert len(ward.ready_addresses("api")) == 2
    found = ward.reach("client", "api")
    assert found.symptom == "connection refused"
    assert "listens on 8081/TCP" in found.trail()
    ward.apply(SERVICE % ("api", "http"))
    ward.run(1)
    assert ward.reach("client", "api").endpoint.endswith(":8080")
