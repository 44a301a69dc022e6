"""Routes of the simulated cloud's network: one Route object per range of pod addresses."""

from __future__ import annotations

from collections.abc import Sequence

from engine.api.kinds import ROUTES
from engine.api.server import Api
from engine.cloud.provider import Route
from engine.cloud.simulated.declared import spec_of
from engine.cloud.simulated.load_balancers import CALLER


class SimulatedRoutes:
    """All of them."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def all(self) -> Sequence[Route]:
        return [
            Route(env.name, spec_of(env).get("node") or "", spec_of(env).get("destinationCIDR") or "",
                  spec_of(env).get("nextHop") or "")
            for env in self._api.store.list(ROUTES)
        ]  # fmt: skip

    def create(self, route: Route, hint: str) -> None:
        spec = {"node": route.node, "destinationCIDR": route.cidr, "nextHop": route.next_hop}
        # A node has one route per IP family: the hint is the node's uid and would name both of them alike.
        name = f"{hint}-6" if ":" in route.cidr else hint
        present = self._api.find(ROUTES, "", name)
        if present is not None:
            self._api.update(CALLER, ROUTES, "", name, {**present.obj, "spec": spec})
            return
        self._api.create(CALLER, ROUTES, "", {"metadata": {"name": name}, "spec": spec})

    def delete(self, route: Route) -> None:
        if self._api.find(ROUTES, "", route.name) is not None:
            self._api.delete(CALLER, ROUTES, "", route.name)
