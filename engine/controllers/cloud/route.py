"""node-route-controller: one route of the cloud's network for each range of pod addresses that a node has.

Routes of nodes that are gone, or that lead elsewhere, are deleted; a node's condition NetworkUnavailable tells whether
its routes are there, and the node lifecycle controller taints nodes by it. What cannot be made is tried again every
10 s (`--route-reconciliation-period`). (cloud-provider/controllers/route/route_controller.go)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final

from engine.api.errors import ApiError
from engine.api.kinds import NODES
from engine.clock import SECOND, rfc3339
from engine.cloud.provider import CloudError, Route, Routes
from engine.controllers.cloud.frame import CALLER, SOON, CloudController
from engine.controllers.controller import Key
from engine.network.pod_ranges import cluster_ranges
from store.types import ADDED, DELETED, Envelope, Resource, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_PERIOD: Final = 10 * SECOND
_CREATED: Final = ("False", "RouteCreated", "RouteController created a route")
_FAILED: Final = ("True", "NoRouteCreated", "RouteController failed to create a route")
_TYPE: Final = "NetworkUnavailable"


class RouteController(CloudController):
    """One per cluster. Its only work is to look at everything."""

    period = _PERIOD

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._recorder = context.recorder("route_controller")
        self._ours = cluster_ranges(context.flags)

    def watched(self) -> Sequence[tuple[Resource, Callable[[WatchEvent], Iterable[Key]]]]:
        return ((NODES, _network_changed),)

    def everything(self) -> int | None:
        routes = self.cloud.routes()
        return _PERIOD if routes is not None and self._reconcile(routes) else None

    def _reconcile(self, routes: Routes) -> bool:
        """All nodes and all routes. True when something failed."""
        nodes = [node for node in self.api.store.list(NODES) if _ranges(node)]
        wanted = {(node.name, cidr): node for node in nodes for cidr in _ranges(node)}
        present: dict[tuple[str, str], Route] = {}
        for route in routes.all():
            node = wanted.get((route.node, route.cidr))
            if node is not None and (not route.next_hop or route.next_hop in _addresses(node)):
                present[route.node, route.cidr] = route
            elif self._is_ours(route):
                routes.delete(route)
        failed = False
        for node in nodes:
            missing = [cidr for cidr in _ranges(node) if (node.name, cidr) not in present]
            created = sum(self._create(routes, node, cidr) for cidr in missing) == len(missing)
            failed = not (self._condition(node, created) and created) or failed
        return failed

    def _create(self, routes: Routes, node: Envelope, cidr: str) -> bool:
        version = ip_network(cidr).version
        hops = [address for address in _addresses(node) if (":" in address) == (version == 6)]
        try:
            routes.create(Route("", node.name, cidr, next(iter(hops), "")), node.uid)
        except CloudError as error:
            text = f"Could not create route {node.uid} {cidr} for node {node.name} after 0s: {error}"
            self._recorder.event(node, "Warning", "FailedToCreateRoute", text)
            return False
        return True

    def _condition(self, node: Envelope, created: bool) -> bool:
        """Write the condition where it is another. False when that must be tried again."""
        status, reason, message = _CREATED if created else _FAILED
        node_status = node.obj.get("status") or {}
        conditions = list(node_status.get("conditions") or ())
        present = next((c for c in conditions if c["type"] == _TYPE), None)
        if present is not None and present["status"] == status:
            return True
        stamp = rfc3339(self.clock.now())
        condition: dict[str, Any] = {
            "type": _TYPE, "status": status, "lastHeartbeatTime": stamp, "lastTransitionTime": stamp,
            "reason": reason, "message": message,
        }  # fmt: skip
        new = [condition if c["type"] == _TYPE else c for c in conditions]
        if present is None:
            new.append(condition)
        try:
            self.api.update_status(CALLER, node, {**node_status, "conditions": new})
        except ApiError:
            return False
        return True

    def _is_ours(self, route: Route) -> bool:
        """Routes for other ranges than the cluster's are somebody else's."""
        try:
            network = ip_network(route.cidr, strict=False)
        except ValueError:
            return False
        return any(network.version == ours.version and network.overlaps(ours) for ours in self._ours)


def _network_changed(event: WatchEvent) -> Iterable[Key]:
    """A node with other ranges or addresses, or that is gone."""
    before, now = event.before, event.now
    if event.type in (ADDED, DELETED) or before is None:
        return (SOON,) if _ranges(now) else ()
    return (SOON,) if _ranges(before) != _ranges(now) or _addresses(before) != _addresses(now) else ()


def _ranges(node: Envelope) -> Sequence[str]:
    return (node.obj.get("spec") or {}).get("podCIDRs") or ()


def _addresses(node: Envelope) -> list[str]:
    found = (node.obj.get("status") or {}).get("addresses") or ()
    return [address["address"] for address in found if address["type"] == "InternalIP"]
