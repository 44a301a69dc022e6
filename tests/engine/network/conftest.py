"""A network with DNS and a client."""

from __future__ import annotations

import pytest

from tests.engine.network.network_world import NetworkWorld


@pytest.fixture
def net() -> NetworkWorld:
    return NetworkWorld()
