"""What an admission plugin sees of a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from engine.api.kinds import Kind
from engine.api.requests import Caller
from engine.seed import Seed
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey, Resource

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """One write on its way in. Plugins read the cluster's state through it; they write nothing."""

    operation: Operation
    kind: Kind
    namespace: str
    name: str
    obj: JsonObject
    """After the write. For DELETE the object as it is. Never changed in place."""
    caller: Caller
    store: Store
    seed: Seed
    old: JsonObject | None = None
    """Before the write; None for CREATE."""
    subresource: str = ""
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    """Texts for the caller (`Warning:` headers)."""

    @property
    def resource(self) -> Resource:
        return self.kind.resource

    def find(self, resource: Resource, namespace: str, name: str) -> Envelope | None:
        """Another object of the cluster, or None."""
        return self.store.get(ObjectKey(resource.group, resource.plural, namespace, name))


def spec_of(obj: JsonObject) -> dict[str, Any]:
    """The object's spec, {} when it has none."""
    return obj.get("spec") or {}
