"""A front door with nothing behind it but a store: no controllers, a clock that stands still."""

from __future__ import annotations

import pytest

from tests.engine.api.door import Door


@pytest.fixture
def door() -> Door:
    return Door()
