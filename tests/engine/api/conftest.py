"""A front door with nothing behind it but a store: no controllers, a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.api.door import Door


@pytest.fixture
def door() -> Iterator[Door]:
    """At the end, what was stored must still be what was written: no verb may change an object in place."""
    door = Door()
    yield door
    door.store.assert_unmutated()
    door.store.close()
