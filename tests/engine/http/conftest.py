"""One world for the tests of a file: starting a cluster costs more than asking it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.http.wire_world import WireWorld


@pytest.fixture(scope="module")
def world() -> Iterator[WireWorld]:
    world = WireWorld()
    yield world
    world.close()
