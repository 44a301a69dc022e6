"""The Service by which pods find the API."""

from __future__ import annotations

from engine.api.kinds import ENDPOINTSLICES, SERVICES
from engine.bootstrap import create_system_objects
from engine.flags import Flags
from tests.engine.controllers.world import USER, World

NAME = "kubernetes-service-controller"


def test_it_comes_back() -> None:
    """Within ten seconds, at its old address, with the addresses of the API server."""
    world = World([NAME])
    create_system_objects(world.api, Flags())
    before = world.api.get(SERVICES, "default", "kubernetes").obj["spec"]
    for resource in (SERVICES, ENDPOINTSLICES):
        world.api.delete(USER, resource, "default", "kubernetes")
    world.run(9)
    assert world.api.find(SERVICES, "default", "kubernetes") is None
    world.run(2)
    assert world.api.get(SERVICES, "default", "kubernetes").obj["spec"] == before
    assert world.api.find(ENDPOINTSLICES, "default", "kubernetes") is not None


def test_nothing_is_written_while_it_is_there() -> None:
    """Other deletions do not ask for it."""
    world = World([NAME])
    create_system_objects(world.api, Flags())
    world.create(SERVICES, {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})
    world.api.delete(USER, SERVICES, "default", "web")
    world.writes()
    world.run(60)
    assert world.writes() == []
