"""Instants of the tests' cluster time."""

from __future__ import annotations

from fake_client import START
from tui.times import rfc3339


def ago(seconds: int) -> str:
    return rfc3339(START - seconds * 1_000_000)
