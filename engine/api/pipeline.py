"""The steps between a decoded object and a stored one that belong to single kinds: defaults, admission, validation.

Kubernetes' own kinds have theirs in engine.api.defaults, .admission and .validation; kinds with a structural schema
(custom resources, Kubarium's own) take defaults and validation from the schema.
"""

from __future__ import annotations

from engine.api import crd, structural, validation
from engine.api.admission import Admission, AdmissionRequest, Operation
from engine.api.advice import advice
from engine.api.defaults import apply_defaults
from engine.api.errors import Cause
from engine.api.kinds import Kind
from engine.api.requests import Caller, Context
from engine.network.service_allocation import index_services
from engine.network.slices import index_slices
from store.types import JsonObject


class Pipeline:
    """Defaults, admission and validation of every kind."""

    def __init__(self, context: Context, customs: crd.CustomKinds, admission: Admission) -> None:
        self._context, self._customs, self._admission = context, customs, admission
        index_services(context.store)
        index_slices(context.store)

    def default(self, kind: Kind, obj: JsonObject) -> JsonObject:
        """The object with defaults filled in; shares what stays."""
        openapi = self._customs.schema(kind)
        if openapi is not None:
            filled: JsonObject = structural.default(openapi, obj)
            return filled
        return apply_defaults(kind, obj)

    def mutate(
        self, operation: Operation, caller: Caller, kind: Kind, obj: JsonObject, old: JsonObject | None, dry_run: bool,
        warnings: list[str] | None, name: str = "",
    ) -> JsonObject:  # fmt: skip
        """The object with what the cluster adds. Raises Forbidden and its like, which call it `name`: an object whose
        name is generated has none yet, and goes by its generateName."""
        request = self._request(operation, caller, kind, obj, old, dry_run, warnings)
        return self._admission.mutate(request._replace(name=name) if name else request)

    def admit(
        self, operation: Operation, caller: Caller, kind: Kind, obj: JsonObject, old: JsonObject | None, dry_run: bool,
        warnings: list[str] | None,
    ) -> None:  # fmt: skip
        """Raises Forbidden and its like. Whoever listens to warnings is advised first."""
        if warnings is not None:
            warnings.extend(advice(kind, obj, old))
        self._admission.validate(self._request(operation, caller, kind, obj, old, dry_run, warnings))

    def _request(
        self, operation: Operation, caller: Caller, kind: Kind, obj: JsonObject, old: JsonObject | None, dry_run: bool,
        warnings: list[str] | None,
    ) -> AdmissionRequest:  # fmt: skip
        meta = obj["metadata"]
        return AdmissionRequest(
            operation, kind, meta.get("namespace") or "", meta["name"], obj, caller, self._context.store,
            self._context.seed, self._context.kinds, old, dry_run=dry_run,
            warnings=[] if warnings is None else warnings,
        )  # fmt: skip

    def validate_create(self, kind: Kind, obj: JsonObject) -> list[Cause]:
        return [*validation.validate_create(kind, obj), *self._customs.judge(kind, obj, None)]

    def validate_update(self, kind: Kind, obj: JsonObject, old: JsonObject) -> list[Cause]:
        return [*validation.validate_update(kind, obj, old), *self._customs.judge(kind, obj, old)]

    def validate_status(self, kind: Kind, obj: JsonObject, old: JsonObject) -> list[Cause]:
        """What may be said against a changed status; a structural schema judges the whole object."""
        return [*validation.validate_status(kind, obj, old), *self._customs.judge(kind, obj, old)]
