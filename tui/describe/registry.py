"""Placeholder replaced below."""

from __future__ import annotations
from engine.client import Item
from tui.session import Session
from tui.texts import yaml_text


async def describe(session: Session, resource: str, item: Item) -> str:
    return yaml_text(item.obj)
