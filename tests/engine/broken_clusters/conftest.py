"""A cluster that is well, to be broken."""

from __future__ import annotations

import pytest

from tests.engine.broken_clusters.ward import Ward


@pytest.fixture
def ward() -> Ward:
    return Ward()
