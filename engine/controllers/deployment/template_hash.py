"""The name of a pod template: a 32-bit FNV-1a hash in the alphabet of generated names (controller.ComputeHash).

Kubernetes hashes its own printed form of the template, here it is the canonical JSON: the same template always gets
the same name, in the shape of a real one (`77684f4864`), though not letter for letter the real one.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_OFFSET: Final = 0x811C9DC5
_PRIME: Final = 0x01000193


def template_hash(template: dict[str, Any], collisions: int | None = None) -> str:
    """Value of `pod-template-hash`; `collisions` (status.collisionCount) gives another one for the same template."""
    data = orjson.dumps(template, option=orjson.OPT_SORT_KEYS)
    if collisions is not None:
        data += collisions.to_bytes(8, "little")
    return safe_encode(str(fnv1a(data)))


def fnv1a(data: bytes) -> int:
    """32-bit FNV-1a."""
    value = _OFFSET
    for byte in data:
        value = (value ^ byte) * _PRIME & 0xFFFFFFFF
    return value


def safe_encode(text: str) -> str:
    """rand.SafeEncodeString: no vowels, so no words."""
    return "".join([_ALPHABET[ord(character) % len(_ALPHABET)] for character in text])
