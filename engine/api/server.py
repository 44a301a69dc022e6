"""The front door: every read and write of the cluster's objects, as the verbs of the Kubernetes API.

Reads of the engine's own present cost nothing; writes go through decoding, defaults, admission and validation into a
revision of the store. This class only knows the way: the work is done in read, write, delete, subresources, patching
and crd of this package.

`field_validation` says what a request from outside is worth: "Strict" refuses unknown fields, "Warn" drops them and
says so in `warnings`, "Ignore" drops them. None, the default, is for the cluster's own components: their objects are
taken to have the right form (see engine.api.write).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from engine.api import errors, patching, strategy
from engine.api.admission import Admission
from engine.api.admission.certificate_requests import require_signer_right
from engine.api.admission.node_restriction import check_subresource
from engine.api.apply import annotated
from engine.api.crd import SERVER, CustomKinds
from engine.api.definitions import Definitions
from engine.api.delete import Deleter
from engine.api.kinds import BINDINGS, CRDS, CSRS, PODS, SERVICEACCOUNTS, Kind, KindRegistry
from engine.api.kubarium_kinds import KUBARIUM_SCHEMAS
from engine.api.managed.applying import Applying
from engine.api.managed.books import update_book
from engine.api.managed.checking import require_fit, unconvertible
from engine.api.managed.components import with_owners
from engine.api.managed.managers import Manager
from engine.api.pipeline import Pipeline
from engine.api.read import Reader, Watch, matcher
from engine.api.requests import Caller, Context, DeleteOptions, FieldValidation, ListResult, PatchType, Warnings
from engine.api.schema import Schema
from engine.api.subresources import Subresources
from engine.api.table.served import Tables
from engine.api.write import DecodeError, Writer
from engine.auth import token_request
from engine.auth.authorizer import attributes, authorizer_of
from engine.auth.certificates import Keys
from engine.auth.reviews import Reviews
from engine.auth.tokens import Tokens
from engine.clock import Clock, rfc3339
from engine.flags import Flags
from engine.network.ip_addresses import AddressBook
from engine.seed import Seed
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey, Resource

__all__ = ["Api", "Caller", "DeleteOptions", "FieldValidation", "ListResult", "PatchType"]


class Api:
    """The API server, in process. Verbs raise `ApiError`; envelopes they return are read-only."""

    def __init__(self, store: Store, clock: Clock, seed: Seed, kinds: KindRegistry, flags: Flags = Flags()) -> None:
        self.store, self.clock, self.seed, self.kinds = store, clock, seed, kinds
        self.schema = Schema()
        context = Context(store, clock, seed, kinds, self.schema, AddressBook(store, clock, seed))
        self._customs = CustomKinds(context)
        self._customs.serve_built_in(KUBARIUM_SCHEMAS, "kubarium.dev/v1alpha1")
        self.reader = Reader(context)
        """Lists in two steps, for who chooses among the items elsewhere."""
        self._writer = Writer(context, Pipeline(context, self._customs, Admission(flags)), self._customs)
        self._deleter = Deleter(context)
        self._definitions = Definitions(context, self._customs, self._writer, self._deleter)
        self._subresources = Subresources(context, self._writer, self._deleter)
        self._context = context
        self.tables = Tables(self.schema, self._customs)
        """How each kind is printed."""
        self.authorizer = authorizer_of(store)
        self.keys = Keys.derived(seed.secret("keys"))
        """What this cluster signs with (see engine.auth.certificates)."""
        self.tokens = Tokens(store, clock, self.keys)
        """Tokens of service accounts."""
        self._reviews = Reviews(self.authorizer, self.tokens)
        self._on_keys: list[Callable[[], None]] = []

    def adopt_keys(self, keys: Keys) -> None:
        """Sign with other keys from now on: what was signed before is worth nothing."""
        self.keys = self.tokens.keys = keys
        for told in self._on_keys:
            told()

    def on_keys(self, told: Callable[[], None]) -> None:
        """Call when the keys are others."""
        self._on_keys.append(told)

    # -- names -----------------------------------------------------------------------------------------------------

    def kind_of(self, resource: Resource) -> Kind:
        kind = self.kinds.get(resource)
        if kind is None:
            raise errors.NotFound("the server could not find the requested resource")
        return kind

    def key(self, resource: Resource, namespace: str, name: str) -> ObjectKey:
        """Where the object is stored."""
        kind = self.kinds.get(resource)
        if kind is not None and kind.storage is not None:
            resource = kind.storage
        return ObjectKey(resource.group, resource.plural, namespace, name)

    def authorize(self, caller: Caller, verb: str, kind: Kind, namespace: str, name: str, subresource: str) -> None:
        """Raise Forbidden when the caller may not. The cluster's own components are not asked."""
        if caller.outside:
            self.authorizer.require(caller, attributes(verb, kind, namespace, name, subresource))

    # -- reads -----------------------------------------------------------------------------------------------------

    def find(self, resource: Resource, namespace: str, name: str) -> Envelope | None:
        """The object, or None."""
        return self.store.get(ObjectKey(resource.group, resource.plural, namespace, name))

    def get(self, resource: Resource, namespace: str, name: str) -> Envelope:
        """The object. NotFound when there is none."""
        found = self.store.get(self.key(resource, namespace, name))
        if found is None:
            self.kind_of(resource)
            raise errors.not_found(resource, name)
        return found

    def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = "", limit: int = 0,
        continue_token: str = "", resource_version: str = "", resource_version_match: str = "",
    ) -> ListResult:  # fmt: skip
        """Objects by (namespace, name). Gone (410) for a continue token or exact revision that is kept no longer."""
        return self.reader.list(
            self.kind_of(resource), namespace, labels, fields, limit, continue_token, resource_version,
            resource_version_match,
        )  # fmt: skip

    def watch(
        self, resource: Resource, namespace: str | None = None, *, since: int, labels: str = "", fields: str = ""
    ) -> Watch:
        """What happens after revision `since`, as the selectors see it. Gone (410) when the ring has lost it."""
        kind = self.kind_of(resource)
        return Watch(self._context, kind, namespace, since, matcher(kind, labels, fields))

    def owners(self, env: Envelope) -> Envelope:
        """The object with all of its managedFields, also those of the cluster's own components. Any thread."""
        kind = self.kinds.get(env.key.resource)
        if kind is None or not kind.stored:
            return env
        obj = with_owners(kind, env.obj, self.schema.of(kind.api_version, kind.kind))
        return env if obj is env.obj else Envelope(env.key, env.revision, orjson.dumps(obj), obj)

    # -- create and update -------------------------------------------------------------------------------------------

    def create(
        self, caller: Caller, resource: Resource, namespace: str, obj: JsonObject, *, dry_run: bool = False,
        field_validation: FieldValidation | None = None, warnings: Warnings = None,
        variant_of: JsonObject | None = None, field_manager: str = "",
    ) -> Envelope:  # fmt: skip
        """Create from a manifest, which is not modified. A dry run answers the same and writes nothing.

        `field_manager`: who is to own the fields, here and in the other verbs; "": nobody asks (engine.api.managed).

        `variant_of`: the spec of the template that the cluster's own component made this pod from. The pod's spec has
        the template's parts, by identity, but for a few of its own that admission does not look at (hostname,
        affinity, volumes of claims): every pod of a template must name the same ones.
        """
        kind = self._version_of(resource, obj)
        if resource == BINDINGS:
            pod = (obj.get("metadata") or {}).get("name") or ""
            self.authorize(caller, "create", self.kind_of(PODS), namespace, pod, "binding")
        else:
            self.authorize(caller, "create", kind, namespace, "", "")
        if not kind.stored:
            return self._create_unstored(caller, kind, namespace, obj)
        book = update_book(field_manager, kind) if field_manager else None
        env = self._writer.create(
            caller, kind, namespace, obj, dry_run=dry_run, field_validation=field_validation, warnings=warnings,
            variant_of=variant_of, book=book,
        )  # fmt: skip
        return self._after_create(resource, env, dry_run)

    def _after_create(self, resource: Resource, env: Envelope, dry_run: bool) -> Envelope:
        if resource == CRDS and not dry_run:
            return self._writer.update_status(SERVER, env, self._customs.accepted_status(env))
        return env

    def update(
        self, caller: Caller, resource: Resource, namespace: str, name: str, obj: JsonObject, *, subresource: str = "",
        dry_run: bool = False, field_validation: FieldValidation | None = None, warnings: Warnings = None,
        field_manager: str = "",
    ) -> Envelope:  # fmt: skip
        """Replace. With metadata.resourceVersion set, only if the object is still at that revision (else Conflict).

        `subresource`: `status` replaces status only, without it status is kept; `ephemeralcontainers`, `resize` and
        `approval` change what their names say; `scale` takes a Scale and returns the
        workload, `finalize` a namespace's finalizers. An update that changes nothing makes no revision and returns the
        present envelope; one that removes the last finalizer of an object being deleted removes the object.
        """
        kind = self._version_of(resource, obj) if not subresource else self.kind_of(resource)
        self.authorize(caller, "update", kind, namespace, name, subresource)
        return self._update(
            caller, kind, namespace, name, obj, subresource, dry_run, field_validation, warnings, field_manager
        )

    def _update(
        self, caller: Caller, kind: Kind, namespace: str, name: str, obj: JsonObject, subresource: str, dry_run: bool,
        field_validation: FieldValidation | None, warnings: Warnings, field_manager: str,
    ) -> Envelope:  # fmt: skip
        before = self.get(kind.resource, namespace, name)
        self._require_subresource(kind, subresource)
        self._check_part(caller, kind, before, subresource)
        if subresource == "finalize":
            return self._subresources.finalize(caller, kind, before, obj, dry_run)
        if subresource != "scale":
            strategy.require_same(kind, before, obj)
        book = update_book(field_manager, kind, subresource) if field_manager else None
        if subresource == "scale":
            obj, subresource = self._subresources.scaled(kind, before, obj), ""
            field_validation = None
        env = self._writer.update(
            caller, kind, before, obj, subresource=subresource, dry_run=dry_run, field_validation=field_validation,
            warnings=warnings, book=book,
        )  # fmt: skip
        return self._after_update(kind, env, dry_run)

    def update_status(self, caller: Caller, env: Envelope, status: JsonObject) -> Envelope:
        """Replace the status of the object as it was read in `env`; Conflict if it changed since."""
        return self._writer.update_status(caller, env, status)

    def patch(
        self, caller: Caller, resource: Resource, namespace: str, name: str, patch_type: PatchType, patch: Any, *,
        subresource: str = "", dry_run: bool = False, field_validation: FieldValidation | None = None,
        warnings: Warnings = None, field_manager: str = "",
    ) -> Envelope:  # fmt: skip
        """Patch the present state. `patch`: a list of operations for "json", else a partial object."""
        kind = self.kind_of(resource)
        self.authorize(caller, "patch", kind, namespace, name, subresource)
        before = self.get(resource, namespace, name)
        self._require_subresource(kind, subresource)
        self._check_part(caller, kind, before, subresource)
        present = self._subresources.scale_of(before) if subresource == "scale" else before.obj
        new = patching.patched(
            kind, present, patch_type, patch, self.schema, structural=self._customs.schema(kind) is not None,
            scale=subresource == "scale",
        )  # fmt: skip
        if subresource in ("scale", "finalize"):
            return self._update(caller, kind, namespace, name, new, subresource, dry_run, None, None, field_manager)
        env = self._writer.update(
            caller, kind, before, new, subresource=subresource, dry_run=dry_run, field_validation=field_validation,
            warnings=warnings, book=update_book(field_manager, kind, subresource) if field_manager else None,
        )  # fmt: skip
        return self._after_update(kind, env, dry_run)

    def apply(
        self, caller: Caller, resource: Resource, namespace: str, obj: JsonObject, *, field_manager: str = "",
        dry_run: bool = False, field_validation: FieldValidation = "Strict", warnings: Warnings = None,
    ) -> Envelope:  # fmt: skip
        """What `kubectl apply` does: create, or patch three ways against the last applied configuration.

        The live envelope comes back as it is when nothing has to change.
        """
        kind = self._version_of(resource, obj)
        name = (obj.get("metadata") or {}).get("name") or ""
        if not name:
            raise errors.BadRequest("resource name may not be empty")
        namespace = namespace if kind.namespaced else ""
        modified = annotated(patching.in_namespace(obj, namespace))
        before = self.store.get(self.key(resource, namespace, name))
        if before is None:
            return self.create(
                caller, resource, namespace, modified, dry_run=dry_run, field_validation=field_validation,
                warnings=warnings, field_manager=field_manager,
            )  # fmt: skip
        self.authorize(caller, "patch", kind, namespace, name, "")
        self._writer.decoded(kind, obj, field_validation, warnings)
        custom = self._customs.schema(kind) is not None
        patch = patching.three_way(kind, modified, before.obj, self.schema, custom)
        if patch is None:
            return before
        return self.patch(
            caller, resource, namespace, name, "merge" if custom else "strategic", patch, dry_run=dry_run,
            field_validation=field_validation, warnings=None, field_manager=field_manager,
        )  # fmt: skip

    def apply_server_side(
        self, caller: Caller, resource: Resource, namespace: str, name: str, obj: JsonObject, *, field_manager: str,
        force: bool = False, subresource: str = "", dry_run: bool = False, warnings: Warnings = None,
    ) -> Envelope:  # fmt: skip
        """Make `obj` what this manager wants of the object; create it if there is none (not through a subresource).

        ServerError (500) when it does not fit the kind's schema. Conflict (409) with a cause for each field of another
        manager that it would change; `force` takes them over. The present envelope comes back when nothing changes,
        ownership included.
        """
        kind = self._version_of(resource, obj)
        self.authorize(caller, "patch", kind, namespace, name, subresource)
        self._require_subresource(kind, subresource)
        meta = obj.get("metadata")
        if isinstance(meta, dict) and meta.get("managedFields") is not None:
            raise errors.BadRequest("metadata.managedFields must be nil")
        applying, stored = self._applying(kind, namespace, name, obj, field_manager, force, subresource)
        before = self.store.get(self.key(resource, namespace, name))
        if before is None:
            if subresource:
                raise errors.not_found(resource, name)
            return self._create_applied(caller, resource, namespace, name, applying, dry_run, warnings)
        self._check_part(caller, kind, before, subresource)
        applied = applying.to(before.obj)
        env = self._writer.update(
            caller, stored, before, applied.obj, subresource=subresource, dry_run=dry_run, field_validation="Ignore",
            warnings=warnings, book=lambda *_: applied.managers,
        )  # fmt: skip
        return self._after_update(kind, env, dry_run)

    def _applying(
        self, kind: Kind, namespace: str, name: str, obj: JsonObject, manager: str, force: bool, subresource: str
    ) -> tuple[Applying, Kind]:
        """The apply in the stored version, and the kind in that version."""
        require_fit(kind, namespace, name, obj, self.schema.of(kind.api_version, kind.kind))
        try:
            config = self._writer.decoded(kind, obj, "Ignore", None)
        except DecodeError as error:
            raise unconvertible(
                kind, namespace, name, next(each.message for each in error.problems if not each.unknown)
            ) from None
        config, stored = self._writer.stored_version(kind, config)
        if subresource == "status":
            config = {
                key: value for key, value in config.items() if key in ("apiVersion", "kind", "metadata", "status")
            }
        elif "status" in kind.subresources:
            config = {key: value for key, value in config.items() if key != "status"}
        node = self.schema.of(stored.api_version, stored.kind)
        by = Manager(manager, "Apply", kind.api_version, subresource)
        return Applying(kind, stored, by, config, node, force, rfc3339(self.clock.now())), stored

    def _create_applied(
        self, caller: Caller, resource: Resource, namespace: str, name: str, applying: Applying, dry_run: bool,
        warnings: Warnings,
    ) -> Envelope:  # fmt: skip
        meta = applying.config.get("metadata") or {}
        if meta.get("uid"):
            why = f"uid mismatch: the provided object specified uid {meta['uid']}, and no existing object was found"
            raise errors.conflict(resource, name, why)
        kind = self.kind_of(resource)
        self.authorize(caller, "create", kind, namespace, "", "")
        meta = {key: value for key, value in meta.items() if key != "resourceVersion"}
        config = {**applying.config, "metadata": {**meta, "name": meta.get("name") or name}}
        env = self._writer.create(
            caller, kind, namespace, config, dry_run=dry_run, field_validation="Ignore", warnings=warnings,
            book=lambda *_: applying.created(),
        )  # fmt: skip
        return self._after_create(resource, env, dry_run)

    # -- subresources ------------------------------------------------------------------------------------------------

    def bind(self, caller: Caller, namespace: str, pod: str, node: str) -> Envelope:
        """POST pods/binding: assign a pod to a node. Conflict when it has one, or is being deleted."""
        self.authorize(caller, "create", self.kind_of(PODS), namespace, pod, "binding")
        return self._subresources.bind(caller, self.get(PODS, namespace, pod), node)

    def create_token(self, caller: Caller, namespace: str, account: str, request: JsonObject) -> JsonObject:
        """POST serviceaccounts/token: the TokenRequest with a token in its status."""
        self.authorize(caller, "create", self.kind_of(SERVICEACCOUNTS), namespace, account, "token")
        env = self.get(SERVICEACCOUNTS, namespace, account)
        return token_request.answer(self.store, self.clock, self.tokens, caller, env, request)

    def evict(
        self, caller: Caller, namespace: str, pod: str, options: DeleteOptions = DeleteOptions()
    ) -> Envelope | None:
        """POST pods/eviction: delete if the disruption budget allows, else TooManyRequests (429)."""
        self.authorize(caller, "create", self.kind_of(PODS), namespace, pod, "eviction")
        env = self.get(PODS, namespace, pod)
        if caller.outside:
            check_subresource(caller, PODS, env.obj, "evict")
        return self._subresources.evict(caller, self.kind_of(PODS), env, options)

    def get_scale(self, resource: Resource, namespace: str, name: str) -> JsonObject:
        """autoscaling/v1 Scale of a workload."""
        self._require_subresource(self.kind_of(resource), "scale")
        return self._subresources.scale_of(self.get(resource, namespace, name))

    def scale_of(self, env: Envelope) -> JsonObject:
        """autoscaling/v1 Scale of a workload that was read. Any thread."""
        return self._subresources.scale_of(env)

    # -- delete ------------------------------------------------------------------------------------------------------

    def delete(
        self, caller: Caller, resource: Resource, namespace: str, name: str, options: DeleteOptions = DeleteOptions()
    ) -> Envelope | None:
        """Delete, or mark for deletion (grace, finalizers). None if it is gone at once, else the marked object."""
        kind = self.kind_of(resource)
        self.authorize(caller, "delete", kind, namespace, name, "")
        return self._delete(caller, kind, namespace, name, options)

    def _delete(self, caller: Caller, kind: Kind, namespace: str, name: str, options: DeleteOptions) -> Envelope | None:
        resource = kind.resource
        env = self.get(resource, namespace, name)
        if caller.outside:
            check_subresource(caller, resource, env.obj, "delete")
            self._writer.admit_deletion(caller, kind, env, options.dry_run)
        if resource == CRDS:
            return self._definitions.delete(
                caller, kind, env, options, lambda custom, each: self._delete(
                    SERVER, custom, each.namespace, each.name, DeleteOptions()
                )
            )  # fmt: skip
        left = self._deleter.delete(caller, kind, env, options)
        if left is None and kind.custom and not options.dry_run:
            self._definitions.release(self.kind_of(CRDS), f"{kind.resource.plural}.{kind.resource.group}")
        return left

    def delete_collection(
        self, caller: Caller, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = "",
        options: DeleteOptions = DeleteOptions(),
    ) -> ListResult:  # fmt: skip
        """Delete everything that the selectors match; returns what was there."""
        kind = self.kind_of(resource)
        self.authorize(caller, "deletecollection", kind, namespace or "", "", "")
        found = self.list(resource, namespace, labels=labels, fields=fields)
        for env in found.items:
            if self.store.get(env.key) is not None:
                self._delete(caller, kind, env.namespace, env.name, options)
        return found

    # -- inside ------------------------------------------------------------------------------------------------------

    def _version_of(self, resource: Resource, obj: JsonObject) -> Kind:
        """The kind in the version that the object names, else in its storage version."""
        kind = self.kind_of(resource)
        version = obj.get("apiVersion") if isinstance(obj, dict) else None
        if version is None or version == kind.api_version:
            return kind
        return self.kinds.version(resource, str(version).rpartition("/")[2]) or kind

    def _check_part(self, caller: Caller, kind: Kind, before: Envelope, subresource: str) -> None:
        """Admission of what is no whole object: a kubelet writes what is its own, a signer what it may sign."""
        if caller.outside and subresource:
            if kind.resource == CSRS:
                require_signer_right(self.authorizer, caller, before.obj, subresource)
            check_subresource(caller, kind.resource, before.obj, f"update {subresource} for")

    def _require_subresource(self, kind: Kind, subresource: str) -> None:
        if subresource and subresource not in kind.subresources:
            raise errors.NotFound("the server could not find the requested resource")

    def _create_unstored(self, caller: Caller, kind: Kind, namespace: str, obj: JsonObject) -> Envelope:
        if kind.resource == BINDINGS:
            env = self.get(PODS, namespace, (obj.get("metadata") or {}).get("name") or "")
            return self._subresources.create_binding(caller, env, obj)
        review = self._reviews.answer(caller, kind, namespace, self._writer.decoded(kind, obj, "Ignore", None))
        return Envelope(self.key(kind.resource, namespace, ""), self.store.revision, orjson.dumps(review), review)

    def _after_update(self, kind: Kind, env: Envelope, dry_run: bool) -> Envelope:
        if dry_run:
            return env
        present = self.store.get(env.key) is env and "deletionTimestamp" not in env.obj["metadata"]
        if kind.resource == CRDS and present:
            return self._writer.update_status(SERVER, env, self._customs.accepted_status(env))
        if kind.custom and self.store.get(env.key) is None:
            self._definitions.release(self.kind_of(CRDS), f"{kind.resource.plural}.{kind.resource.group}")
        return env
