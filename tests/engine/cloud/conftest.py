"""Worlds with a cloud."""

from __future__ import annotations

import pytest

from engine.cloud.registry import PROVIDERS
from tests.engine.cloud.tiny_cloud import TinyCloud
from tests.engine.controllers.world import World

CONTROLLERS = (
    "cloud-node-controller", "cloud-node-lifecycle-controller", "node-route-controller", "service-lb-controller",
    "machine-controller",
)  # fmt: skip


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> World:
    """The cloud controllers, with a provider that the package does not know."""
    monkeypatch.setitem(PROVIDERS, "tiny", TinyCloud)
    return World(CONTROLLERS, {"cloud-provider": "tiny"})


@pytest.fixture
def tiny(outside: World) -> TinyCloud:
    assert isinstance(outside.cloud, TinyCloud)
    return outside.cloud


@pytest.fixture
def declared() -> World:
    """The cloud controllers with the simulated provider, before anything is declared."""
    return World(CONTROLLERS)
