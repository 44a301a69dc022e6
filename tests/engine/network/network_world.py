"""A cluster's network: nodes in zones, the cluster's DNS, two namespaces, and pods that a test makes run."""

from __future__ import annotations

from typing import Any

import yaml

from engine.api.kinds import NAMESPACES, NETWORKPOLICIES, PODS
from engine.bootstrap import create_system_objects
from engine.client import Reach
from engine.flags import Flags
from engine.network.reach import reach
from store.types import Envelope
from tests.engine.controllers.service_world import ServiceWorld
from tests.engine.controllers.world import USER

DNS_PORTS = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]


class NetworkWorld(ServiceWorld):
    """With namespaces `shop` and `data`, and a client `shop/client`."""

    def __init__(self) -> None:
        super().__init__()
        create_system_objects(self.api, Flags())
        for name in ("shop", "data"):
            self.namespace(name)
            self.edit(NAMESPACES, name, lambda o: o, namespace="")
        self.service(
            "kube-dns", "kube-system", clusterIP="10.96.0.10", selector={"k8s-app": "kube-dns"}, ports=DNS_PORTS
        )
        self.pod("coredns", labels={"k8s-app": "kube-dns"}, namespace="kube-system", node="node-2")
        self.client = self.pod("client", app="client", namespace="shop")
        self.run(1)

    def policy(self, text: str, namespace: str = "shop") -> Envelope:
        obj = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **yaml.safe_load(text)}
        return self.api.create(USER, NETWORKPOLICIES, namespace, obj, field_validation="Strict")

    def backend(self, **spec: Any) -> None:
        """Service shop/api on port 80 → http, with two pods that listen on 8080."""
        ports = [{"name": "http", "containerPort": 8080}]
        for number in range(2):
            self.pod(f"api-{number}", app="api", namespace="shop", node=f"node-{number}", ports=ports)
        self.service("api", "shop", **{"ports": [{"name": "web", "port": 80, "targetPort": "http"}], **spec})
        self.run(1)

    def reach(
        self, target: str, port: int = 80, protocol: str = "TCP", source: str | tuple[str, str] | None = "client"
    ) -> Reach:
        """From a pod of shop, or (None) from outside of the cluster."""
        return reach(self.api, ("shop", source) if isinstance(source, str) else source, target, port, protocol)

    def address(self, name: str, namespace: str = "shop") -> str:
        return str(self.api.get(PODS, namespace, name).obj["status"]["podIP"])
