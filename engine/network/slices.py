"""EndpointSlices by the Service they belong to: one index of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.api.kinds import ENDPOINTSLICES
from store.store import Store
from store.types import Envelope

_INDEX: Final = "service"
SERVICE_NAME: Final = "kubernetes.io/service-name"


def index_slices(store: Store) -> None:
    """Keep the index from now on. Harmless when repeated."""
    store.add_index(ENDPOINTSLICES, _INDEX, _service)


def slices_of(store: Store, namespace: str, service: str) -> Sequence[Envelope]:
    """Slices of a Service, whoever manages them, oldest first."""
    return store.by_index(ENDPOINTSLICES, _INDEX, f"{namespace}/{service}")


def _service(env: Envelope) -> Sequence[str]:
    name = env.labels.get(SERVICE_NAME)
    return (f"{env.namespace}/{name}",) if name else ()
