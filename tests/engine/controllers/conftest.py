"""Worlds with the controllers that most tests here need."""

from __future__ import annotations

import pytest

from tests.engine.controllers.world import World


@pytest.fixture
def apps() -> World:
    """Deployments and ReplicaSets are served."""
    return World(["deployment-controller", "replicaset-controller"])


@pytest.fixture
def sets() -> World:
    """ReplicaSets are served."""
    return World(["replicaset-controller"])
