"""Fixtures of the kubelet's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.kubelet.machines import Machines


@pytest.fixture
def machines() -> Iterator[Machines]:
    """A cluster with one ready node n1."""
    made = Machines()
    made.node()
    yield made
    assert not made.crashes
