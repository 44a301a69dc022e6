"""What a node's service proxy does with a connection to a Service: which endpoints it may choose from, and why.

Rules of kube-proxy (pkg/proxy/topology.go, v1.36): ready endpoints, or, when there are none, those that still serve
while they terminate; only those of the client's node where the traffic policy is Local; else by the slices' hints, for
the node, then for the zone, unless a hint is missing or nobody is meant. Which of them it takes is chance, or by the
client's address (sessionAffinity): here they keep the order of the slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from engine.api.kinds import NODES, PODS
from engine.api.selectors import from_labels
from engine.network.pod_endpoints import has_endpoint
from engine.network.slices import slices_of
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey

_ZONE: Final = "topology.kubernetes.io/zone"


class Backend(NamedTuple):
    """One endpoint of a Service's port."""

    address: str
    port: int
    pod: ObjectKey | None
    """None for endpoints that are no pods."""
    node: str
    zones: tuple[str, ...]
    """Zones that it is hinted for."""
    nodes: tuple[str, ...]


class Choice(NamedTuple):
    """What is left to choose from, and the steps that led there, as sentences."""

    backends: tuple[Backend, ...]
    steps: tuple[str, ...]
    why_none: str = ""
    """Why there is none; "" when there is one."""


def choose(store: Store, service: Envelope, port: JsonObject, node: str, external: bool = False) -> Choice:
    """Endpoints for a connection to one port of a Service that comes from `node` ("": from outside of the cluster).

    `external`: it came by a node port or a load balancer, so that externalTrafficPolicy counts.
    """
    name = f"{service.namespace}/{service.name}"
    ready, serving, others = _backends(store, service, port)
    known = len(ready) + len(serving) + others
    steps: list[str] = []
    if not ready and not serving:
        if not known:
            return Choice((), (), f"Service {name} has no endpoints: {_why_empty(store, service)}")
        return Choice((), (), f"Service {name} has {_count(known, 'endpoint')}, none of them ready")
    backends = ready or serving
    if ready:
        steps.append(f"{len(ready)} of {_count(known, 'endpoint')} ready")
    else:
        steps.append(f"no endpoint is ready; {_count(len(serving), 'terminating one')} still serving")
    spec = service.obj["spec"]
    field = "externalTrafficPolicy" if external else "internalTrafficPolicy"
    if spec.get(field) == "Local":
        local = [backend for backend in backends if backend.node == node]
        if not local:
            return Choice((), tuple(steps), f"{field} is Local, and node {node or '<none>'} has no endpoint of {name}")
        steps.append(f"{field} is Local: {len(local)} on node {node}")
        backends = local
    elif ready and node:
        backends, step = _by_hints(store, backends, node)
        steps += step
    if spec.get("sessionAffinity") == "ClientIP":
        steps.append("sessionAffinity is ClientIP: a client stays with its endpoint")
    return Choice(tuple(backends), tuple(steps))


def _by_hints(store: Store, backends: list[Backend], node: str) -> tuple[list[Backend], list[str]]:
    """Hints count only when every endpoint has them and some are meant for this node, or its zone."""
    if all(backend.nodes for backend in backends):
        mine = [backend for backend in backends if node in backend.nodes]
        if mine:
            return mine, [f"hints keep it on node {node}: {len(mine)}"]
    env = store.get(ObjectKey(NODES.group, NODES.plural, "", node))
    zone = env.labels.get(_ZONE, "") if env is not None else ""
    if zone and all(backend.zones for backend in backends):
        mine = [backend for backend in backends if zone in backend.zones]
        if mine:
            return mine, [f"hints keep it in zone {zone}: {len(mine)}"]
    return backends, []


def _backends(store: Store, service: Envelope, port: JsonObject) -> tuple[list[Backend], list[Backend], int]:
    """Ready ones, serving ones that terminate, and the number of the others."""
    ready: list[Backend] = []
    serving: list[Backend] = []
    others = 0
    for env in slices_of(store, service.namespace, service.name):
        number = _port_in(env.obj, port)
        for endpoint in env.obj.get("endpoints") or ():
            conditions: dict[str, Any] = endpoint.get("conditions") or {}
            is_ready = conditions.get("ready") is not False
            still = bool(conditions.get("terminating")) and conditions.get("serving") is not False
            if number is None or not (is_ready or still):
                others += 1
                continue
            target, hints = endpoint.get("targetRef") or {}, endpoint.get("hints") or {}
            backend = Backend(
                endpoint["addresses"][0], number,
                ObjectKey("", "pods", target["namespace"], target["name"]) if target.get("kind") == "Pod" else None,
                endpoint.get("nodeName") or "", tuple(zone["name"] for zone in hints.get("forZones") or ()),
                tuple(each["name"] for each in hints.get("forNodes") or ()),
            )  # fmt: skip
            (ready if is_ready else serving).append(backend)
    return ready, serving, others


def _port_in(obj: JsonObject, port: JsonObject) -> int | None:
    for each in obj.get("ports") or ():
        if (each.get("name") or "") == (port.get("name") or "") and each.get("protocol", "TCP") == port.get(
            "protocol", "TCP"
        ):
            number: int | None = each.get("port")
            return number
    return None


def _why_empty(store: Store, service: Envelope) -> str:
    selector = service.obj["spec"].get("selector")
    if not selector:
        return "it has no selector, and nobody wrote endpoints for it"
    matches = from_labels(selector).matches
    if any(matches(pod.labels) and has_endpoint(pod.obj, True) for pod in store.list(PODS, service.namespace)):
        return "its EndpointSlices are not written yet"
    return f"no pod in {service.namespace} with an address matches {','.join(f'{k}={v}' for k, v in selector.items())}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def service_ports(service: Envelope) -> Sequence[JsonObject]:
    ports: Sequence[JsonObject] = service.obj["spec"].get("ports") or ()
    return ports
