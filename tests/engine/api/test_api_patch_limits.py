"""Patches that would grow without end."""

from __future__ import annotations

import pytest

from engine.api import errors
from engine.api.patch import json_patch


def test_copies_of_copies_are_bounded() -> None:
    """Each copy of the whole object doubles it: a handful of bytes may not become gigabytes."""
    doubling = [{"op": "copy", "from": "", "path": f"/{index}"} for index in range(60)]
    with pytest.raises(errors.Invalid):
        json_patch({"a": "b" * 100}, doubling)


def test_the_whole_object_cannot_move() -> None:
    """A move from the root does not apply."""
    with pytest.raises(errors.Invalid):
        json_patch({"a": 1}, [{"op": "move", "from": "", "path": "/b"}])
