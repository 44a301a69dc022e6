"""Things that are no objects of the cluster, as rows of its tables: moments, revisions, snapshots, verdicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from engine.client import Item, Json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlainRow(Generic[T]):
    """A value with what a table asks of an item."""

    value: T
    uid: str
    name: str = ""
    namespace: str = ""
    revision: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    obj: Json = field(default_factory=dict)


def value_of(item: Item, kind: type[T]) -> T:
    """The value of a row that was made with one of this kind."""
    assert isinstance(item, PlainRow)
    assert isinstance(item.value, kind)
    return item.value
