"""Which node has which image, by `status.images` of the nodes: names as rows of sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


class ImageTable:
    """Sizes in bytes by image name and row; 0 where a node does not have the image."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._sizes: dict[str, npt.NDArray[np.int64]] = {}
        self._versions: dict[str, int] = {}
        self._names = 0
        """Counts names that came up or went."""
        self._known: dict[int, Mapping[str, int]] = {}
        """What each row has."""

    def put(self, row: int, images: Iterable[Mapping[str, Any]]) -> bool:
        """All images of a node (`status.images`). True if a name came up or went that no other node has."""
        if not images and row not in self._known:
            return False
        names = self._names
        now = {name: int(image.get("sizeBytes") or 0) for image in images for name in image.get("names") or ()}
        before = self._known.get(row, {})
        if now == before:
            return False
        for name, size in now.items():
            if before.get(name) != size:
                self._set(name, row, size)
        for name in before:
            if name not in now:
                self._set(name, row, 0)
        self._known[row] = now
        return self._names != names

    def sizes(self, name: str) -> npt.NDArray[np.int64] | None:
        """By row; None if no node has it."""
        return self._sizes.get(name)

    def versions(self, names: Iterable[str]) -> tuple[int, ...]:
        """Changes when where one of them is does."""
        get = self._versions.get
        return tuple([get(name, 0) for name in names])

    def grow(self, rows: int) -> None:
        for name, sizes in self._sizes.items():
            wider = np.zeros(rows, np.int64)
            wider[: len(sizes)] = sizes
            self._sizes[name] = wider
        self._rows = rows

    def _set(self, name: str, row: int, size: int) -> None:
        sizes = self._sizes.get(name)
        if sizes is None:
            sizes = self._sizes[name] = np.zeros(self._rows, np.int64)
            self._names += 1
        sizes[row] = size
        self._versions[name] = self._versions.get(name, 0) + 1
        if not size and not sizes.any():
            del self._sizes[name]
            self._names += 1

    def knows(self, names: Iterable[str]) -> bool:
        """Does any node have any of them?"""
        return any(name in self._sizes for name in names)
