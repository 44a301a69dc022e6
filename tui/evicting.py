"""Which pods a drain evicts, and how often it asks again, as `kubectl drain` does."""

from __future__ import annotations

from typing import Final

from engine.client import Item

RETRY_SECONDS: Final = 5.0
"""Wall seconds until an eviction that a disruption budget refused is asked for again."""


def evictable(pod: Item) -> bool:
    """No mirror pod, not of a daemon set."""
    meta = pod.obj["metadata"]
    if "kubernetes.io/config.mirror" in (meta.get("annotations") or {}):
        return False
    return not any(ref["kind"] == "DaemonSet" and ref.get("controller") for ref in meta.get("ownerReferences") or ())
