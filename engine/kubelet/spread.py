"""Deterministic variety: values that differ from pod to pod and node to node, and are the same in every run.

They come from a uid (which the cluster's seed chose) and not from the shared generator, so they depend neither on the
order of work nor on a restart of the process.
"""

from __future__ import annotations

import hashlib
from zlib import crc32

from engine.kubelet.config import Range


def within(span: Range, *parts: object) -> int:
    """A value of `span`, fixed by `parts`."""
    low, high = span
    return low + crc32("/".join([str(part) for part in parts]).encode()) % (high - low + 1)


def hex_id(*parts: object) -> str:
    """64 hexadecimal digits fixed by `parts`: container and image ids."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()
