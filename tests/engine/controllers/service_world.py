"""A world with nodes, Services and the pods behind them; a test plays the kubelets."""

from __future__ import annotations

from typing import Any

from engine.api.kinds import ENDPOINTS, ENDPOINTSLICES, NODES, PODS, SERVICES
from engine.clock import rfc3339
from store.types import Envelope, JsonObject
from tests.engine.controllers.world import KUBELET, USER, World

ZONES = ("a", "b", "c")


class ServiceWorld(World):
    """Endpoints and EndpointSlices are served; node-0, node-1 and node-2 are in three zones."""

    def __init__(self, *controllers: str, flags: dict[str, str] | None = None) -> None:
        super().__init__(controllers or ("endpoints-controller", "endpointslice-controller"), flags)
        for number, zone in enumerate(ZONES):
            labels = {"topology.kubernetes.io/zone": f"zone-{zone}", "kubernetes.io/hostname": f"node-{number}"}
            self.api.create(USER, NODES, "", {"metadata": {"name": f"node-{number}", "labels": labels}})
        self._last = 0
        self.settle()

    def service(self, name: str = "web", namespace: str = "default", **spec: Any) -> Envelope:
        """A Service; by default of the pods labelled app=<name>, on port 80."""
        wanted = {"selector": {"app": name}, "ports": [{"port": 80}], **spec}
        obj = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": wanted}
        env = self.api.create(USER, SERVICES, namespace, obj)
        self.settle()
        return env

    def pod(
        self, name: str, app: str = "web", ready: bool = True, node: str = "node-0", namespace: str = "default",
        labels: dict[str, str] | None = None, ip: str | None = None, ports: list[JsonObject] | None = None, **spec: Any,
    ) -> Envelope:  # fmt: skip
        """A pod that runs on a node, with an address."""
        container: JsonObject = {"name": "c", "image": "i"}
        if ports is not None:
            container["ports"] = ports
        self.api.create(
            USER, PODS, namespace,
            {
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels or {"app": app}},
                "spec": {"containers": [container], **spec},
            },
        )  # fmt: skip
        self.api.bind(USER, namespace, name, node)
        if ip is None:
            self._last += 1
            ip = f"10.244.{self._last // 250}.{self._last % 250 + 2}"
        return self.kubelet_says(name, ready, namespace, ip)

    def kubelet_says(self, name: str, ready: bool, namespace: str = "default", ip: str | None = None) -> Envelope:
        """The pod runs, ready or not."""
        env = self.api.get(PODS, namespace, name)
        before = env.obj.get("status") or {}
        condition = {
            "type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": rfc3339(self.clock.now()),
        }  # fmt: skip
        status = {**before, "phase": "Running", "conditions": [condition]}
        if ip:
            status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
        return self.api.update_status(KUBELET, env, status)

    def slices(self, service: str = "web", namespace: str = "default") -> list[JsonObject]:
        found = self.store.list(ENDPOINTSLICES, namespace)
        return [env.obj for env in found if env.labels.get("kubernetes.io/service-name") == service]

    def listed(self, service: str = "web", namespace: str = "default") -> dict[str, tuple[bool, bool, bool]]:
        """Pod → (ready, serving, terminating), over all slices."""
        out = {}
        for each in self.slices(service, namespace):
            for endpoint in each.get("endpoints") or ():
                conditions = endpoint["conditions"]
                name = endpoint["targetRef"]["name"]
                assert name not in out
                out[name] = (conditions["ready"], conditions["serving"], conditions["terminating"])
        return out

    def endpoints(self, service: str = "web", namespace: str = "default") -> JsonObject:
        return self.api.get(ENDPOINTS, namespace, service).obj
