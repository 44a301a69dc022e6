"""A whole cluster for the broken ones: scheduler, controllers, kubelets, DNS, on virtual time.

Three nodes of 4 cpu and 16Gi in zones a, b and c, namespace `shop`. Manifests are given as YAML, as a person would
write them, and applied as `kubectl apply` would: created when new, changed when there. A test breaks something, asserts
what people would see, mends it, and asserts that it heals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from engine.api.kinds import EVENTS, NAMESPACES, NODES, PODS, Kind
from engine.api.server import Caller, DeleteOptions
from engine.client import Reach, WhyReport
from engine.clock import SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.flags import Flags
from engine.network.reach import reach
from store.store import Store
from store.types import Envelope, JsonObject

START = parse_time("2026-11-23T09:00:00Z")
USER = Caller("admin", "kubectl", ("system:masters",))
ZONE = "topology.kubernetes.io/zone"
DNS = """
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  clusterIP: 10.96.0.10
  selector: {k8s-app: kube-dns}
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  replicas: 2
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec:
      containers:
      - name: coredns
        image: registry.k8s.io/coredns/coredns:v1.13.1
        ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53, protocol: TCP}]
"""


class Ward:
    """The cluster and the hands of a person at it. Names are of namespace `shop` unless told."""

    def __init__(self, nodes: str = "abc", flags: dict[str, str] | None = None, seed: int = 5) -> None:
        self.store = Store()
        self.cluster = Cluster(self.store, Clock(START), ClusterOptions(seed=seed, flags=Flags(flags)))
        self.api = self.cluster.api
        self.cluster.start(stepped=True)
        for letter in nodes:
            labels = {ZONE: f"zone-{letter}"}
            notes = {"kubarium.dev/capacity": "cpu=4,memory=16Gi,pods=110"}
            self.api.create(
                USER, NODES, "", {"metadata": {"name": f"node-{letter}", "labels": labels, "annotations": notes}}
            )
        self.api.create(USER, NAMESPACES, "", {"metadata": {"name": "shop"}})
        self.run(15)

    # -- time --------------------------------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Play cluster time."""
        self.cluster.run_for(round(seconds * SECOND))
        assert self.cluster.crashes == 0

    def until(self, holds: Callable[[], object], limit: float = 600, step: float = 1) -> float:
        """Play until something holds; seconds that took. Fails after `limit` seconds."""
        passed = 0.0
        while not holds():
            assert passed < limit, f"not within {limit} s"
            self.run(step)
            passed += step
        return passed

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return (self.cluster.clock.now() - START) / SECOND

    # -- writing -----------------------------------------------------------------------------------------------------

    def apply(self, text: str, namespace: str = "shop", caller: Caller = USER) -> None:
        """`kubectl apply -f`. Raises what the API answers."""
        for obj in yaml.safe_load_all(text):
            kind = self.api.kinds.by_kind(obj["apiVersion"], obj["kind"])
            assert kind is not None, obj["kind"]
            where = self._where(kind, obj["metadata"].get("namespace", namespace))
            self.api.apply(caller, kind.resource, where, obj)

    def deploy(self, name: str, replicas: int = 1, namespace: str = "shop", **pod: Any) -> None:
        """A Deployment of `app=<name>`; `pod` are fields of its pods' spec, `container` those of its container."""
        container = {"name": "c", "image": f"{name}:1", **pod.pop("container", {})}
        labels = {"app": name}
        self.api.create(
            USER, self.kind("Deployment").resource, namespace,
            {
                "metadata": {"name": name},
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], **pod}},
                },
            },
        )  # fmt: skip

    def patch(self, kind: str, name: str, patch: JsonObject, namespace: str = "shop") -> None:
        """A strategic merge patch, as `kubectl patch`."""
        found = self.kind(kind)
        self.api.patch(
            USER, found.resource, self._where(found, namespace), name, "merge" if found.custom else "strategic", patch
        )

    def scale(self, name: str, replicas: int, namespace: str = "shop") -> None:
        self.patch("Deployment", name, {"spec": {"replicas": replicas}}, namespace)

    def delete(self, kind: str, name: str, namespace: str = "shop", grace: int | None = None) -> None:
        found = self.kind(kind)
        options = DeleteOptions(grace_period_seconds=grace)
        self.api.delete(USER, found.resource, self._where(found, namespace), name, options)

    def annotate_node(self, name: str, **notes: str | None) -> None:
        """`kubelet="stopped"`, `kubelet=None` …: a node's kubarium.dev annotations."""
        self.patch("Node", name, {"metadata": {"annotations": {f"kubarium.dev/{k}": v for k, v in notes.items()}}})

    # -- reading -----------------------------------------------------------------------------------------------------

    def kind(self, word: str) -> Kind:
        found = self.api.kinds.resolve(word)
        assert found is not None, word
        return found

    def _where(self, kind: Kind, namespace: str) -> str:
        return namespace if kind.namespaced else ""

    def get(self, kind: str, name: str, namespace: str = "shop") -> JsonObject:
        found = self.kind(kind)
        return self.api.get(found.resource, self._where(found, namespace), name).obj

    def find(self, kind: str, name: str, namespace: str = "shop") -> Envelope | None:
        found = self.kind(kind)
        return self.api.find(found.resource, self._where(found, namespace), name)

    def status(self, kind: str, name: str, namespace: str = "shop") -> JsonObject:
        status: JsonObject = self.get(kind, name, namespace).get("status") or {}
        return status

    def available(self, name: str, namespace: str = "shop") -> int:
        """Available replicas of a Deployment."""
        return int(self.status("Deployment", name, namespace).get("availableReplicas") or 0)

    def condition(self, kind: str, name: str, type: str, namespace: str = "shop") -> JsonObject:
        """A condition of an object; empty without it."""
        conditions = self.status(kind, name, namespace).get("conditions") or ()
        found: JsonObject = next((c for c in conditions if c["type"] == type), {})
        return found

    def pods(self, app: str = "", namespace: str = "shop") -> list[Envelope]:
        """Living pods of an app (or all), in the order of their names."""
        found = [p for p in self.store.list(PODS, namespace) if not app or p.labels.get("app") == app]
        return sorted(found, key=lambda pod: pod.name)

    def pod(self, app: str, namespace: str = "shop") -> Envelope:
        """The only pod of an app."""
        (found,) = self.pods(app, namespace)
        return found

    def phases(self, app: str, namespace: str = "shop") -> list[str]:
        return sorted(str(pod.obj["status"].get("phase")) for pod in self.pods(app, namespace))

    def waiting(self, app: str, namespace: str = "shop") -> str:
        """Why the first container of an app's only pod waits: `ImagePullBackOff`; "" when it does not."""
        status = self.pod(app, namespace).obj["status"]
        states = status.get("containerStatuses") or [{}]
        return str((states[0].get("state") or {}).get("waiting", {}).get("reason", ""))

    def nodes(self, app: str, namespace: str = "shop") -> list[str]:
        """Nodes of an app's pods, "" for those without."""
        return sorted(str(pod.obj["spec"].get("nodeName", "")) for pod in self.pods(app, namespace))

    def unscheduled(self, app: str, namespace: str = "shop") -> str:
        """The scheduler's message about an app's only pod that has no node."""
        (pod,) = [pod for pod in self.pods(app, namespace) if not pod.obj["spec"].get("nodeName")]
        return str(self.condition("Pod", pod.name, "PodScheduled", namespace).get("message", ""))

    def events(self, reason: str = "", name: str = "") -> list[tuple[str, str, str]]:
        """(type, reason, message) of events, oldest first; `name`: how the involved object's name begins."""
        found = [
            env.obj for env in self.store.list(EVENTS)
            if (not reason or env.obj["reason"] == reason)
            and env.obj["involvedObject"].get("name", "").startswith(name)
        ]  # fmt: skip
        found.sort(key=lambda obj: str(obj.get("firstTimestamp") or obj.get("eventTime") or ""))
        return [(obj["type"], obj["reason"], obj.get("message", "")) for obj in found]

    def messages(self, reason: str, name: str = "") -> list[str]:
        return [message for _, _, message in self.events(reason, name)]

    def why(self, app: str, namespace: str = "shop") -> WhyReport:
        """Answer of `why` about an app's only pod that has no node."""
        (pod,) = [pod for pod in self.pods(app, namespace) if not pod.obj["spec"].get("nodeName")]
        return self.cluster.why(namespace, pod.name)

    # -- the network -------------------------------------------------------------------------------------------------

    def dns(self) -> None:
        """Install CoreDNS and wait for it."""
        self.apply(DNS)
        self.until(lambda: self.available("coredns", "kube-system") == 2, 60)

    def reach(self, app: str, target: str, port: int = 80, protocol: str = "TCP", namespace: str = "shop") -> Reach:
        """From the first pod of an app to a name or an address."""
        return reach(self.api, (namespace, self.pods(app, namespace)[0].name), target, port, protocol)

    def ready_addresses(self, service: str, namespace: str = "shop") -> list[str]:
        """What `kubectl get endpointslices` shows as ready behind a Service."""
        found = self.store.list(self.kind("EndpointSlice").resource, namespace)
        return sorted(
            address
            for env in found if env.labels.get("kubernetes.io/service-name") == service
            for endpoint in env.obj.get("endpoints") or () if (endpoint.get("conditions") or {}).get("ready")
            for address in endpoint["addresses"]
        )  # fmt: skip
