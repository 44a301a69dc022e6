"""Connections that somebody refuses: a policy, the name server, the ingress proxy."""

from __future__ import annotations

from tests.engine.broken_clusters.test_broken_services import shop
from tests.engine.broken_clusters.ward import Ward

INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  ingressClassName: %s
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: %s, port: {number: %s}}}}
"""
URL = "http://shop.example.com/"


def test_network_policy_denies_by_default(ward: Ward) -> None:
    """With nothing allowed the backend is out of reach, then nameless, then shut; each rule opens its own door."""
    shop(ward)
    assert ward.reach("client", "api").ok
    ward.apply("""
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: default-deny}
        spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
    """)
    found = ward.reach("client", "api")
    assert (found.symptom, found.refused_by) == ("no answer", "NetworkPolicy shop/default-deny")
    ward.apply("""
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: names}
        spec:
          podSelector: {}
          policyTypes: [Egress]
          egress: [{to: [{namespaceSelector: {}}], ports: [{protocol: UDP, port: 53}]}]
    """)
    found = ward.reach("client", "api")
    assert (found.name, found.symptom) == ("api.shop.svc.cluster.local", "connection timed out")
    ward.apply(
        """
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: client-to-api}
        spec:
          podSelector: {matchLabels: {app: client}}
          policyTypes: [Egress]
          egress: [{to: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: 8080}]}]
        ---
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: api-from-client}
        spec:
          podSelector: {matchLabels: {app: api}}
          ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]
    """.replace("        ", "", 1).replace("\n        ", "\n")
    )
    assert ward.reach("client", "api").ok
    ward.deploy("stranger")
    ward.until(lambda: ward.available("stranger") == 1, 60)
    assert ward.reach("stranger", "api").refused_by.startswith("NetworkPolicy shop/")


def test_short_name_of_another_namespace(ward: Ward) -> None:
    """`api` means the caller's namespace; with the namespace in its name it is found."""
    shop(ward)
    ward.apply("{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
    ward.run(1)
    ward.deploy("client", namespace="team")
    ward.until(lambda: ward.available("client", "team") == 1, 60)
    found = ward.reach("client", "api", namespace="team")
    assert (found.symptom, found.refused_by) == ("no such host", "DNS")
    assert "api.team.svc.cluster.local NXDOMAIN" in found.trail()
    for name in ("api.shop", "api.shop.svc.cluster.local"):
        assert ward.reach("client", name, namespace="team").ok


def test_core_dns_is_down(ward: Ward) -> None:
    """No replica, no names, while addresses still work; with replicas names come back."""
    shop(ward)
    address = ward.get("Service", "api")["spec"]["clusterIP"]
    ward.scale("coredns", 0, "kube-system")
    ward.until(lambda: not ward.pods("kube-dns", "kube-system") and not ward.ready_addresses("kube-dns", "kube-system"))
    found = ward.reach("client", "api")
    assert (found.symptom, found.refused_by) == ("no answer", "Service kube-system/kube-dns")
    assert ward.reach("client", address).ok
    ward.scale("coredns", 2, "kube-system")
    ward.until(lambda: ward.reach("client", "api").ok, 60)


def test_ingress_with_wrong_class_or_service(ward: Ward) -> None:
    """404 for a class that nobody serves, 503 for a Service that does not exist, and for a port that it has not."""
    shop(ward)
    ward.apply("""
        apiVersion: networking.k8s.io/v1
        kind: IngressClass
        metadata: {name: simulated}
        spec: {controller: kubarium.dev/ingress}
    """)
    ward.apply(INGRESS % ("nginx", "apis", 8080))
    ward.run(1)
    found = ward.reach("client", URL, 0)
    assert found.symptom == "404 Not Found"
    assert "Ingress shop/shop is for shop.example.com, but has class nginx, which does not exist" in found.trail()
    assert ward.status("Ingress", "shop").get("loadBalancer", {}) == {}
    ward.apply(INGRESS % ("simulated", "apis", 8080))
    ward.run(1)
    assert ward.status("Ingress", "shop")["loadBalancer"]["ingress"]
    found = ward.reach("client", URL, 0)
    assert (found.symptom, found.refused_by) == ("503 Service Temporarily Unavailable", "Ingress shop/shop")
    assert "Service shop/apis does not exist" in found.trail()
    ward.apply(INGRESS % ("simulated", "api", 8080))
    assert "Service shop/api has no port 8080 (it has 80)" in ward.reach("client", URL, 0).trail()
    ward.apply(INGRESS % ("simulated", "api", 80))
    assert ward.reach("client", URL, 0).endpoint.endswith(":8080")
