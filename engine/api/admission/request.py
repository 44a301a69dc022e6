"""What an admission plugin sees of a request."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from engine.api.kinds import Kind, KindRegistry
from engine.api.requests import Caller
from engine.seed import Seed
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey, Resource

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


class AdmissionRequest(NamedTuple):
    """One write on its way in. Plugins read the cluster's state through it; they write nothing.

    A tuple, because one is made for every write and frozen dataclasses are slow to make.
    """

    operation: Operation
    kind: Kind
    namespace: str
    name: str
    obj: JsonObject
    """After the write. For DELETE the object as it is. Never changed in place."""
    caller: Caller
    store: Store
    seed: Seed
    kinds: KindRegistry
    old: JsonObject | None = None
    """Before the write; None for CREATE."""
    subresource: str = ""
    dry_run: bool = False
    warnings: list[str] | None = None
    """Where texts for the caller go (`Warning:` headers); None: nobody listens."""

    @property
    def resource(self) -> Resource:
        return self.kind.resource

    def find(self, resource: Resource, namespace: str, name: str) -> Envelope | None:
        """Another object of the cluster, or None."""
        return self.store.get(ObjectKey(resource.group, resource.plural, namespace, name))


def spec_of(obj: JsonObject) -> dict[str, Any]:
    """The object's spec, {} when it has none."""
    return obj.get("spec") or {}
