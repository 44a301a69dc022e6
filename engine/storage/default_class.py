"""The default storage class: the newest of those marked, and among equals the first by name (util.GetDefaultClass)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from store.types import Envelope

DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
_BETA_DEFAULT: Final = "storageclass.beta.kubernetes.io/is-default-class"


def default_class(classes: Iterable[Envelope]) -> str | None:
    """Its name, None when no class is marked."""
    marked = [env for env in classes if _is_default(env)]
    if not marked:
        return None
    newest = max(env.obj["metadata"].get("creationTimestamp") or "" for env in marked)
    return min(env.name for env in marked if (env.obj["metadata"].get("creationTimestamp") or "") == newest)


def _is_default(env: Envelope) -> bool:
    annotations = env.obj["metadata"].get("annotations") or {}
    return "true" in (annotations.get(DEFAULT_CLASS), annotations.get(_BETA_DEFAULT))
