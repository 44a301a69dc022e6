"""What a pod's endpoint is: its ports, addresses, conditions, place and hints (endpointslice/utils.go, trafficdist)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from engine.api.kinds import NODES
from engine.network.pod_endpoints import (
    address_of,
    find_port,
    has_endpoint,
    has_hostname,
    is_headless,
    is_ready,
    pod_reference,
)
from engine.network.slices import SERVICE_NAME
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey

ZONE: Final = "topology.kubernetes.io/zone"
MANAGED_BY: Final = "endpointslice.kubernetes.io/managed-by"
HEADLESS: Final = "service.kubernetes.io/headless"
CONTROLLER: Final = "endpointslice-controller.k8s.io"
_RESERVED: Final = (SERVICE_NAME, MANAGED_BY, HEADLESS)
_CLOSE: Final = ("PreferClose", "PreferSameZone", "PreferSameNode")

PortKey = tuple[tuple[str, int, str, str], ...]
"""What slices are grouped by: (name, port, protocol, appProtocol) of each port, sorted."""


class Ports(NamedTuple):
    """Ports of a slice."""

    key: PortKey
    listed: list[JsonObject]
    """As they are written, in the Service's order."""


NO_PORTS: Final = Ports((), [])


class NodeMissing(Exception):
    """A pod's node is not there."""


class Desired:
    """Endpoints of one Service, as it is now."""

    def __init__(self, store: Store, service: Envelope) -> None:
        self._store, self._service = store, service
        self.spec: JsonObject = service.obj["spec"]
        self._named = any(isinstance(port.get("targetPort"), str) for port in self.spec.get("ports") or ())
        self._ports: dict[int, tuple[Any, Ports]] = {}
        """Named ports are looked up once per list of containers, which the pods of a template share."""
        self._zones: dict[str, str | None] = {}
        self._publishes = bool(self.spec.get("publishNotReadyAddresses"))
        distribution = self.spec.get("trafficDistribution")
        self._close = distribution in _CLOSE and not hints_by_annotation(service)
        self._to_node = distribution == "PreferSameNode"

    def endpoint(self, pod: Envelope, family: str) -> tuple[Ports, JsonObject] | None:
        """Ports and endpoint of a pod; None when it has none of that family. Raises NodeMissing."""
        obj = pod.obj
        if not has_endpoint(obj, terminating=True):
            return None
        addresses = address_of(obj, family)
        if not addresses:
            return None
        node = obj["spec"].get("nodeName") or ""
        zone = self._zone(node)
        serving, terminating = is_ready(obj["status"]), "deletionTimestamp" in obj["metadata"]
        ready = self._publishes or (serving and not terminating)
        endpoint: JsonObject = {
            "addresses": addresses, "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        }  # fmt: skip
        if self._close and ready:
            hints: JsonObject = {}
            if zone:
                hints["forZones"] = [{"name": zone}]
            if node and self._to_node:
                hints["forNodes"] = [{"name": node}]
            if hints:
                endpoint["hints"] = hints
        if has_hostname(obj, self._service):
            endpoint["hostname"] = obj["spec"]["hostname"]
        if node:
            endpoint["nodeName"] = node
        endpoint["targetRef"] = pod_reference(pod)
        if zone:
            endpoint["zone"] = zone
        return self._ports_of(obj), endpoint

    def _ports_of(self, pod: JsonObject) -> Ports:
        containers = pod["spec"].get("containers")
        mark = id(containers) if self._named else 0
        known = self._ports.get(mark)
        if known is not None and (not self._named or known[0] is containers):
            return known[1]
        listed: list[JsonObject] = []
        for port in self.spec.get("ports") or ():
            number = find_port(pod, port)
            if number is None:
                continue
            made = {"name": port.get("name") or "", "port": number, "protocol": port.get("protocol", "TCP")}
            if port.get("appProtocol"):
                made["appProtocol"] = port["appProtocol"]
            listed.append(made)
        ports = Ports(port_key(listed), listed)
        self._ports[mark] = (containers, ports)
        return ports

    def _zone(self, node: str) -> str:
        zone = self._zones.get(node)
        if zone is None:
            env = self._store.get(ObjectKey(NODES.group, NODES.plural, "", node))
            if env is None:
                if not self._publishes:
                    raise NodeMissing(node)
                return ""
            zone = self._zones[node] = env.labels.get(ZONE, "")
        return zone


def port_key(ports: list[JsonObject]) -> PortKey:
    return tuple(
        sorted(
            (p.get("name") or "", p.get("port") or 0, p.get("protocol", "TCP"), p.get("appProtocol") or "")
            for p in ports
        )
    )


def slice_labels(service: Envelope) -> dict[str, str]:
    """The Service's own labels and the reserved ones."""
    labels = {key: value for key, value in service.labels.items() if key not in _RESERVED}
    labels[MANAGED_BY] = CONTROLLER
    labels[SERVICE_NAME] = service.name
    if is_headless(service.obj["spec"]):
        labels[HEADLESS] = ""
    return labels


def hints_by_annotation(service: Envelope) -> bool:
    """Topology aware hints by annotation (hintsEnabled): then trafficDistribution does not count."""
    notes = service.obj["metadata"].get("annotations") or {}
    old = notes.get("service.kubernetes.io/topology-aware-hints")
    value = old if old is not None else notes.get("service.kubernetes.io/topology-mode")
    return value in ("Auto", "auto")
