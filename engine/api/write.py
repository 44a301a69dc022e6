"""Writing: create and update, from a request to a revision.

    decode → default → admit → prepare (engine.api.strategy) → validate → store

How much of it runs depends on how far the request is trusted. With `field_validation` given (kubectl, the console, a
folder's file) everything runs. Without, the caller is a component of the cluster itself: its objects have the right
form, so decoding is left out, and what was admitted before is not looked at again: a pod whose spec is, by identity,
a template's spec that went through once takes the same admitted spec (or, as a variant of it, that spec with some
fields of its own); an update that shares its spec with the stored
object is not validated anew; events and leases are taken as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from engine.api import errors, parts, strategy, structural
from engine.api.admission.admission_policies import BINDINGS
from engine.api.convert import to_stored
from engine.api.crd import CustomKinds
from engine.api.decode import OBJECT_META, Problem, decode, decode_error
from engine.api.errors import Cause
from engine.api.kinds import (
    EVENTS,
    LEASES,
    LIMITRANGES,
    NAMESPACES,
    PODS,
    PRIORITYCLASSES,
    RESOURCEQUOTAS,
    RUNTIMECLASSES,
    SERVICEACCOUNTS,
    SERVICES,
    Kind,
)
from engine.api.managed.books import RESET, Book, component_of, enter, update_book
from engine.api.managed.managers import read as read_managers
from engine.api.mistaken_kind import mistaken_kind
from engine.api.pipeline import Pipeline
from engine.api.requests import Caller, Context, FieldValidation
from engine.clock import rfc3339
from store.types import Envelope, JsonObject, ObjectKey, Revision, WatchEvent

_NAME_TRIES: Final = 8
"""Generated names tried before AlreadyExists (create's RetryGenerateName)."""
_TAKEN_AS_IS: Final = frozenset({EVENTS, LEASES})
_TEMPLATES: Final = 4096
"""Admitted template specs that are remembered."""
_ADMISSION_READS: Final = (LIMITRANGES, PRIORITYCLASSES, RUNTIMECLASSES, SERVICEACCOUNTS, NAMESPACES)
"""What admission of a pod looks at: a change of any of them forgets the remembered specs."""


class _Admitted(NamedTuple):
    """What admission made of a pod template's spec."""

    template: JsonObject
    """Kept, so that its id stays its own."""
    admitted: JsonObject
    qos: str
    volumes: list[JsonObject]
    """The volumes that admission added, behind the template's own ones."""


def _variant(known: _Admitted, spec: JsonObject) -> JsonObject:
    """The admitted spec with the fields that `spec` has of its own."""
    template = known.template
    own = {name: value for name, value in spec.items() if value is not template.get(name)}
    if "volumes" in own:
        own["volumes"] = [*own["volumes"], *known.volumes]
    return {**known.admitted, **own}


class Writer:
    """Creates and updates."""

    def __init__(self, context: Context, pipeline: Pipeline, customs: CustomKinds) -> None:
        self._context, self._pipeline, self._customs = context, pipeline, customs
        self._store, self._clock, self._seed = context.store, context.clock, context.seed
        self._templates: dict[tuple[int, str, bool], _Admitted] = {}
        """(id of a template's spec, namespace, whether pods are variants of it) → what became of it."""
        self._now_at, self._now_text = -1, ""
        context.store.listen(self._forget_templates, *_ADMISSION_READS)

    # -- create ----------------------------------------------------------------------------------------------------

    def create(
        self, caller: Caller, kind: Kind, namespace: str, obj: JsonObject, *, dry_run: bool = False,
        field_validation: FieldValidation | None = None, warnings: list[str] | None = None,
        variant_of: JsonObject | None = None, book: Book | None = None,
    ) -> Envelope:  # fmt: skip
        trusted = field_validation is None
        if not trusted:
            obj = self.decoded(kind, obj, field_validation, warnings)
        obj, kind = self.stored_version(kind, obj)
        asked: JsonObject = obj.get("metadata") or {}
        namespace = strategy.namespace_of(kind, namespace, asked)
        name = self._name(kind, namespace, asked)
        if kind.namespaced:
            self._require_namespace(kind, namespace, name)
        stored = kind.stored_as
        if kind.custom:
            self._customs.require_creatable(kind)
        meta = strategy.create_metadata(kind, namespace, name, asked, self._seed.uid(), self._now())
        new = {"apiVersion": kind.api_version, "kind": kind.kind, **obj, "metadata": meta}
        # Owned is what the client says and what defaults make of it; what admission adds is nobody's.
        asked_for = self._pipeline.default(kind, new) if book is not None else new
        template = variant_of if variant_of is not None else obj.get("spec")
        mark = (id(template), namespace, variant_of is not None)
        known = self._templates.get(mark) if trusted and stored == PODS else None
        if known is not None:
            new["spec"] = known.admitted if variant_of is None else _variant(known, obj["spec"])
            new["status"] = {"phase": "Pending", "qosClass": known.qos}
            if self._store.count(RESOURCEQUOTAS) or self._store.count(BINDINGS):
                self._pipeline.admit("CREATE", caller, kind, new, None, dry_run, warnings)
        elif not (trusted and stored in _TAKEN_AS_IS):
            base = "" if asked.get("name") else asked.get("generateName") or ""
            new = self._admit(caller, kind, new, base, dry_run, warnings)
            if trusted and stored == PODS and template is not None:
                self._remember(mark, template, obj["spec"], meta, new)
        key = ObjectKey(stored.group, stored.plural, namespace, name)
        if not dry_run and _is_revision(asked.get("resourceVersion")):
            raise errors.ServerError("resourceVersion should not be set on objects to be created")
        if self._store.get(key) is not None:
            raise errors.already_exists(kind.resource, name)
        if book is not None:
            self._enter(book, kind, {}, asked_for, new["metadata"])
        if dry_run:
            return Envelope(key, Revision(0), orjson.dumps(new), new)
        new = strategy.in_written_order(kind, new)
        env = self._store.put(key, new, caller.author, self._clock.now())
        if stored == SERVICES:
            self._context.addresses.follow(key, None, new)
        return env

    def _admit(
        self, caller: Caller, kind: Kind, new: JsonObject, base: str, dry_run: bool, warnings: list[str] | None
    ) -> JsonObject:
        new = self._pipeline.default(kind, new)
        new = dict(self._pipeline.mutate("CREATE", caller, kind, new, None, dry_run, warnings, base))
        new["metadata"] = dict(new["metadata"])
        new = strategy.prepare_create(kind, new)
        causes = self._pipeline.validate_create(kind, new)
        if causes:
            raise errors.invalid(kind.resource.group, kind.kind, new["metadata"]["name"], causes)
        self._pipeline.admit("CREATE", caller, kind, new, None, dry_run, warnings)
        return new

    def _remember(
        self, mark: tuple[int, str, bool], template: JsonObject, spec: JsonObject, meta: JsonObject, new: JsonObject
    ) -> None:  # fmt: skip
        if meta.get("annotations") != new["metadata"].get("annotations"):
            return  # admission left a note on the pod itself: it must do so again on the next
        if len(self._templates) >= _TEMPLATES:
            self._templates.clear()
        added = (new["spec"].get("volumes") or [])[len(spec.get("volumes") or ()) :]
        self._templates[mark] = _Admitted(template, new["spec"], new["status"]["qosClass"], added)

    def _forget_templates(self, event: WatchEvent) -> None:
        self._templates.clear()

    def _name(self, kind: Kind, namespace: str, asked: JsonObject) -> str:
        name: str = asked.get("name") or ""
        base = asked.get("generateName")
        if name or not base:
            if not name:
                cause = Cause("FieldValueRequired", "metadata.name", "Required value: name or generateName is required")
                raise errors.invalid(kind.resource.group, kind.kind, "", [cause])
            return name
        group, plural = kind.stored_as
        for _ in range(_NAME_TRIES):
            name = strategy.generated_name(base, self._seed.suffix())
            if self._store.get(ObjectKey(group, plural, namespace, name)) is None:
                break
        return name

    def _require_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        """NamespaceLifecycle: nothing is created in a namespace that is not there or is going away."""
        found = self._store.get(ObjectKey("", "namespaces", "", namespace))
        if found is None:
            raise errors.not_found(NAMESPACES, namespace)
        if "deletionTimestamp" in found.obj["metadata"] and kind.resource.plural != "localsubjectaccessreviews":
            cause = Cause(
                "NamespaceTerminating", "metadata.namespace", f"namespace {namespace} is being terminated"
            )  # fmt: skip
            error = errors.forbidden(
                kind.resource, name,
                f"unable to create new content in namespace {namespace} because it is being terminated",
            )  # fmt: skip
            error.causes = (cause,)
            raise error

    # -- update ----------------------------------------------------------------------------------------------------

    def update(
        self, caller: Caller, kind: Kind, before: Envelope, obj: JsonObject, *, subresource: str = "",
        dry_run: bool = False, field_validation: FieldValidation | None = None, warnings: list[str] | None = None,
        book: Book | None = None,
    ) -> Envelope:  # fmt: skip
        """Replace `before`, the present state, by `obj`. Conflict when obj names another resourceVersion."""
        trusted = field_validation is None
        if not trusted:
            obj = self.decoded(kind, obj, field_validation, warnings)
        obj, kind = self.stored_version(kind, obj)
        old, asked = before.obj, obj.get("metadata") or {}
        old_meta = old["metadata"]
        name, namespace = asked.get("name") or before.name, asked.get("namespace") or before.namespace
        if name != before.name:
            raise errors.BadRequest(
                f"the name of the object ({name}) does not match the name on the URL ({before.name})"
            )  # fmt: skip
        if namespace != before.namespace:
            raise errors.BadRequest(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        wanted = asked.get("resourceVersion")
        if wanted and wanted != old_meta["resourceVersion"]:
            raise errors.conflict(kind.resource, before.name)
        if kind.custom and not trusted and not wanted:
            cause = Cause(
                "FieldValueInvalid", "metadata.resourceVersion", "Invalid value: 0: must be specified for an update"
            )  # fmt: skip
            raise errors.invalid(kind.resource.group, kind.kind, before.name, [cause])
        if subresource in parts.POD_PARTS:
            obj = parts.merged(subresource, old, obj)
            asked = obj["metadata"]
        if subresource == "status":
            new = strategy.prepare_status(kind, old, obj if trusted else self._pipeline.default(kind, obj))
            if not trusted and (causes := self._pipeline.validate_status(kind, new, old)):
                raise errors.invalid(kind.resource.group, kind.kind, before.name, causes)
        elif subresource == parts.APPROVAL:
            new = parts.approved(old, obj, self._now())
        elif trusted and not caller.outside and _shares_state(old, obj):
            new = {**obj, "metadata": strategy.update_metadata(kind, old_meta, asked)}
            if kind.generation and strategy.changes_desired_state(kind, old, new):
                new["metadata"]["generation"] = old_meta.get("generation", 0) + 1
        else:
            new = self._changed(caller, kind, before, obj, subresource, dry_run, warnings)
        if book is None and "managedFields" in old_meta and subresource != "status":
            book = update_book(component_of(caller), kind, subresource)
        if asked.get("managedFields") == RESET:
            new["metadata"].pop("managedFields", None)
        elif book is not None:
            self._enter(book, kind, _as_booked(old, asked), new, new["metadata"])
        return self.put_changed(caller, kind, before, new, dry_run)

    def _enter(self, book: Book, kind: Kind, old: JsonObject, new: JsonObject, meta: JsonObject) -> None:
        """Write who owns what into the object's (fresh) metadata `meta`."""
        enter(meta, book(old, new, self._context.schema.of(kind.api_version, kind.kind), self._now()))

    def _changed(
        self, caller: Caller, kind: Kind, before: Envelope, obj: JsonObject, subresource: str, dry_run: bool,
        warnings: list[str] | None,
    ) -> JsonObject:  # fmt: skip
        old = before.obj
        obj = {"apiVersion": old["apiVersion"], "kind": old["kind"], **obj}
        new = self._pipeline.default(kind, obj)
        meta = strategy.update_metadata(kind, old["metadata"], new.get("metadata") or {})
        new = strategy.prepare_update(kind, old, new, meta)
        new = self._pipeline.mutate("UPDATE", caller, kind, new, old, dry_run, warnings)
        if subresource in parts.POD_PARTS:
            causes = parts.problems(subresource, new, old)
        else:
            causes = self._pipeline.validate_update(kind, new, old)
        if causes:
            raise errors.invalid(kind.resource.group, kind.kind, before.name, causes)
        self._pipeline.admit("UPDATE", caller, kind, new, old, dry_run, warnings)
        return new

    def admit_deletion(self, caller: Caller, kind: Kind, env: Envelope, dry_run: bool) -> None:
        """What admission says to the end of an object: only policies that somebody declared speak."""
        if self._store.count(BINDINGS):
            self._pipeline.admit("DELETE", caller, kind, env.obj, None, dry_run, None)

    def update_status(self, caller: Caller, env: Envelope, status: JsonObject) -> Envelope:
        """The components' short way: replace the status of the object as it was read in `env`."""
        before = self._store.get(env.key)
        if before is None:
            raise errors.not_found(env.key.resource, env.name)
        if before is not env and before.revision != env.revision:
            raise errors.conflict(env.key.resource, env.name)
        old = before.obj
        if old.get("status") == status:
            return before
        new = {**old, "metadata": dict(old["metadata"]), "status": status}
        return self._store.put(before.key, new, caller.author, self._clock.now())

    def put_changed(
        self, caller: Caller, kind: Kind, before: Envelope, new: JsonObject, dry_run: bool = False
    ) -> Envelope:
        """Store an object unless it is as it was; remove it when nothing holds it any longer.

        `new["metadata"]` must be a fresh dict.
        """
        meta = new["metadata"]
        old = before.obj
        meta["resourceVersion"] = old["metadata"]["resourceVersion"]
        if new == old and (not kind.custom or _same_json(new, before.obj)):
            return before
        if dry_run:
            return Envelope(before.key, before.revision, orjson.dumps(new), new)
        gone = "deletionTimestamp" in meta and self.unheld(kind, new)
        if caller.outside:
            new = strategy.in_written_order(kind, new)
        now = self._clock.now()
        env = (
            self._store.delete(before.key, caller.author, now)
            if gone
            else self._store.put(before.key, new, caller.author, now)
        )
        if kind.stored_as == SERVICES:
            self._context.addresses.follow(before.key, old, None if gone else new)
        return env

    def unheld(self, kind: Kind, obj: JsonObject) -> bool:
        """Whether an object that is being deleted may go: no finalizers, no grace left (ShouldDeleteDuringUpdate)."""
        meta = obj["metadata"]
        if meta.get("finalizers") or meta.get("deletionGracePeriodSeconds"):
            return False
        return kind.stored_as != NAMESPACES or not (obj.get("spec") or {}).get("finalizers")

    def stored_version(self, kind: Kind, obj: JsonObject) -> tuple[JsonObject, Kind]:
        """The manifest and its kind in the version that is stored."""
        new = to_stored(kind, obj)
        if new is obj:
            stored = self._context.kinds.get(kind.resource) if kind.custom else None
            if stored is None or stored.version == kind.version:
                return obj, kind
            return {**obj, "apiVersion": stored.api_version}, stored
        return new, self._context.kinds.get(kind.stored_as) or kind

    # -- shared ----------------------------------------------------------------------------------------------------

    def decoded(
        self, kind: Kind, obj: JsonObject, field_validation: FieldValidation | None, warnings: list[str] | None
    ) -> JsonObject:
        """The manifest with the form of its kind. BadRequest when it cannot have it."""
        if not isinstance(obj, dict):
            raise errors.BadRequest("the object provided is unrecognized (must be of type Object)")
        version, named = obj.get("apiVersion") or kind.api_version, obj.get("kind") or kind.kind
        if (version, named) != (kind.api_version, kind.kind):
            raise errors.BadRequest(mistaken_kind(self._context.kinds, kind, str(version), str(named)))
        openapi = self._customs.schema(kind)
        if openapi is not None:
            obj, problems = self._decode_custom(openapi, obj)
        else:
            info = self._context.schema.of(kind.api_version, kind.kind)
            if info is None:
                return obj
            obj, problems = decode(info, obj)
        if problems:
            text = decode_error(kind.kind, kind.version, problems, field_validation == "Strict")
            if text is not None:
                raise DecodeError(text, problems)
            if field_validation == "Warn" and warnings is not None:
                warnings.extend(dict.fromkeys(problem.message for problem in problems))
        return obj

    def _decode_custom(self, openapi: Mapping[str, Any], obj: JsonObject) -> tuple[JsonObject, list[Problem]]:
        """Metadata is decoded as everywhere; the rest is only pruned here, and validated later."""
        pruned, problems = structural.prune(openapi, obj)
        meta = pruned.get("metadata")
        if not isinstance(meta, dict):
            return pruned, problems
        _, found = decode(self._context.schema.type(OBJECT_META), meta)
        placed = [p._replace(path=("metadata", *p.path), message=_under_metadata(p.message)) for p in found]
        if any(p.unknown for p in found):
            known = self._context.schema.type(OBJECT_META).fields
            pruned = {**pruned, "metadata": {key: value for key, value in meta.items() if key in known}}
        return pruned, [*placed, *problems]

    def _now(self) -> str:
        now = self._clock.now()
        if now != self._now_at:
            self._now_at, self._now_text = now, rfc3339(now)
        return self._now_text


class DecodeError(errors.BadRequest):
    """A manifest whose form is wrong. Kubernetes names the first problem; `problems` has them all, with their paths."""

    def __init__(self, text: str, problems: Sequence[Problem]) -> None:
        super().__init__(text)
        self.problems = tuple(problems)


def _under_metadata(message: str) -> str:
    return message.replace('unknown field "', 'unknown field "metadata.').replace("ObjectMeta.", "ObjectMeta.metadata.")


def _is_revision(text: object) -> bool:
    """Whether it names a revision of an object; what is no number, and 0, names none."""
    return isinstance(text, str) and text.isascii() and text.isdigit() and int(text) != 0


def _as_booked(old: JsonObject, asked: JsonObject) -> JsonObject:
    """The object before an update, with the owners that the request gives it, if it gives any: a client may move them
    (kubectl does, when it goes over from client-side to server-side apply)."""
    moved, present = asked.get("managedFields"), old["metadata"].get("managedFields")
    if not moved or moved == present or not read_managers(asked):
        return old
    return {**old, "metadata": {**old["metadata"], "managedFields": moved}}


def _shares_state(old: JsonObject, new: JsonObject) -> bool:
    """Everything but metadata is the stored object's own, by identity."""
    if len(old) != len(new):
        return False
    for key, value in new.items():
        if key != "metadata" and value is not old.get(key) and (type(value) is not str or value != old.get(key)):
            return False
    return True


def _same_json(a: JsonObject, b: JsonObject) -> bool:
    """Python finds 1, 1.0 and True equal; JSON does not."""
    option = orjson.OPT_SORT_KEYS
    return orjson.dumps(a, option=option) == orjson.dumps(b, option=option)
