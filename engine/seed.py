"""The one source of chance: names, UIDs and tie-breaks come from here, so the same seed gives the same run.

A reopened store continues from its revision, so that names are not handed out twice.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Final, TypeVar

from store.types import Uid

_T = TypeVar("_T")
_SAFE: Final = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' alphabet for generated names: no vowels, no look-alikes (util/rand)."""
_RANDOM_BITS: Final = ~(0xF << 76 | 0x3 << 62)
_VERSION_4: Final = 4 << 76 | 2 << 62
"""Version and variant of a random UUID (RFC 9562)."""


class Seed:
    """A seeded generator in Kubernetes' terms."""

    def __init__(self, seed: int, revision: int = 0) -> None:
        self._random = random.Random(f"kubarium:{seed}:{revision}")
        self._number = seed

    def secret(self, purpose: str) -> bytes:
        """32 bytes that follow from the seed and the purpose alone, whatever was drawn before."""
        return hashlib.sha256(f"kubarium:{self._number}:{purpose}".encode()).digest()

    def uid(self) -> Uid:
        """A random UUID (version 4)."""
        digits = f"{self._random.getrandbits(128) & _RANDOM_BITS | _VERSION_4:032x}"
        return Uid(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")

    def suffix(self, length: int = 5) -> str:
        """The random tail of a generated name."""
        pick = self._random.random
        return "".join([_SAFE[int(pick() * 27)] for _ in range(length)])

    def below(self, limit: int) -> int:
        """An integer in [0, limit)."""
        return int(self._random.random() * limit)

    def fraction(self) -> float:
        """A float in [0, 1)."""
        return self._random.random()

    def choice(self, options: Sequence[_T]) -> _T:
        return options[int(self._random.random() * len(options))]
