"""The verbs on objects and collections: get, list, watch, create, update, patch, delete, deletecollection.

Reads show committed state only. Writes go through `Api` on the engine thread and are answered after their commit.
Sources: k8s.io/apiserver/pkg/endpoints/handlers (get.go, create.go, update.go, patch.go, delete.go, watch.go).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any, Final

import orjson

from engine.api import errors
from engine.api.errors import Cause
from engine.api.kinds import (
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    ENDPOINTS,
    EVENTS,
    LEASES,
    LIMITRANGES,
    ROLEBINDINGS,
    ROLES,
    SERVICES,
    Kind,
)
from engine.api.read import Listing, revision_of, too_large
from engine.api.requests import ListResult, PatchType
from engine.http.calls import Call
from engine.http.gate import FEW
from engine.http.messages import Answer, Response, Stream
from engine.http.negotiation import Accepted, accepted, decoded, encoded, media_type
from engine.http.negotiation import from_json as json_body
from engine.http.negotiation import from_yaml as yaml_body
from engine.http.parameters import delete_options, field_manager, flag, integer, refuse_force
from engine.http.shapes import many, one, served, served_raw
from engine.http.tables import include_object, partial, table
from engine.http.watching import Renderer, WatchOptions, event_line, watch_lines
from store.types import Envelope, EventType, Resource, Revision

_SLICE: Final = 500
"""Objects that a selector looks at in one go."""
_MIN_WATCH: Final = 1800
"""--min-request-timeout: a watch without timeoutSeconds ends after once to twice as many seconds."""
_RETURNED_WHEN_DELETED: Final = frozenset({
    "pods", "podtemplates", "persistentvolumeclaims", "persistentvolumes", "resourcequotas", "serviceaccounts",
    "csidrivers", "csinodes", "storageclasses", "volumeattachments", "volumeattributesclasses",
})  # fmt: skip
"""Kinds whose DELETE answers the object instead of a Status (registry.Store.ReturnDeletedObject)."""
_CREATED_BY_PUT: Final = frozenset({
    SERVICES, ENDPOINTS, EVENTS, Resource("events.k8s.io", "events"), LIMITRANGES, LEASES, ROLES, ROLEBINDINGS,
    CLUSTERROLES, CLUSTERROLEBINDINGS,
})  # fmt: skip
"""Kinds that a PUT creates when they are not there (AllowCreateOnUpdate of their strategies)."""
PATCH_TYPES: Final[dict[str, PatchType]] = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
}
APPLY: Final = frozenset({"application/apply-patch+yaml", "application/apply-patch+json"})


async def handle(call: Call) -> Answer:
    """Answer a request for a resource (without subresource)."""
    verb = call.info.verb
    if verb not in call.kind.verbs:
        raise not_allowed()
    if verb == "get":
        return await get(call)
    if verb == "list":
        return await list_(call)
    if verb == "watch":
        return await watch(call)
    call.begin_change()
    if verb == "create" and not call.name:
        return await create(call)
    if verb == "update" and call.name:
        return await update(call)
    if verb == "patch" and call.name:
        return await patch(call)
    if verb == "delete":
        return await delete(call)
    if verb == "deletecollection":
        return await delete_collection(call)
    raise not_allowed()


def not_allowed() -> errors.MethodNotAllowed:
    return errors.MethodNotAllowed("the server does not allow this method on the requested resource")


# -- reads -------------------------------------------------------------------------------------------------------------


async def get(call: Call) -> Response:
    form = accepted(call.request)
    return _shown(call, await present(call), form)


def _shown(call: Call, env: Envelope, form: Accepted, status: int = 200) -> Response:
    """An object with its owners. Lists and watches go without those of the cluster's own components."""
    return one(call, env if form.shape == "Table" else call.gate.owned(env), form, status)


async def present(call: Call) -> Envelope:
    """The object as it is committed. NotFound without one; a future resourceVersion is a timeout."""
    asked = revision_of(call.parameter("resourceVersion"))
    if asked > call.gate.store.revision:
        raise too_large(asked, call.gate.store.revision)
    env = call.gate.store.get(call.key)
    if env is None:
        raise errors.not_found(call.resource, call.name)
    return await call.gate.shown(env)


def _selection(call: Call) -> tuple[str | None, str, str]:
    """(namespace, labels, fields) of a list or watch."""
    fields = call.parameter("fieldSelector")
    if call.name:
        fields = f"metadata.name={call.name}" + (f",{fields}" if fields else "")
    namespace = call.namespace if call.kind.namespaced and call.info.namespace else None
    return namespace, call.parameter("labelSelector"), fields


async def list_(call: Call) -> Response:
    form = accepted(call.request)
    namespace, labels, fields = _selection(call)
    limit = integer(call.request, "limit") or 0
    integer(call.request, "timeoutSeconds")
    if limit < 0:
        text = f"Invalid value: {limit}: must be greater than or equal to 0"
        raise errors.invalid("meta.k8s.io", "ListOptions", "", [Cause("FieldValueInvalid", "limit", text)])
    match, token = call.parameter("resourceVersionMatch"), call.parameter("continue")
    version = call.parameter("resourceVersion")
    if call.request.query.get("sendInitialEvents"):
        raise _options_error("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list")
    if token and version not in ("", "0"):
        raise errors.BadRequest("specifying resource version is not allowed when using continue")

    def begin() -> ListResult | Listing:
        kind = call.api.kind_of(call.resource)
        return call.api.reader.begin(kind, namespace, labels, fields, limit, token, version, match)

    # What was is read from the file, which takes its time: not on the engine's thread.
    past = match == "Exact" and not token and revision_of(version) < call.gate.store.revision
    begun = await (asyncio.to_thread(begin) if past else call.gate.run(begin))
    result = begun if isinstance(begun, ListResult) else await chosen(call, begun)
    await call.gate.committed(result.revision)
    return await many(call, result, form)


async def chosen(call: Call, begun: Listing) -> ListResult:
    """The list of what its selectors match: asked beside the engine, a little at a time."""
    matches = begun.matches
    found: list[Envelope] = []
    for start in range(0, len(begun.items), _SLICE):
        if start:
            await asyncio.sleep(0)
        part = begun.items[start : start + _SLICE]
        found += part if matches is None else [env for env in part if matches(env)]
    return await call.gate.run(lambda: call.api.reader.end(begun, found))


async def watch(call: Call) -> Answer:
    form = accepted(call.request)
    namespace, labels, fields = _selection(call)
    version, match = call.parameter("resourceVersion"), call.parameter("resourceVersionMatch")
    since = revision_of(version)
    bookmarks = flag(call.request, "allowWatchBookmarks")
    initial_given = bool(call.request.query.get("sendInitialEvents"))
    initial_wanted = flag(call.request, "sendInitialEvents")
    if initial_given and match != "NotOlderThan":
        raise _options_error(
            "resourceVersionMatch",
            "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        )
    if match and not initial_given:
        text = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        raise _options_error("resourceVersionMatch", text)
    timeout = integer(call.request, "timeoutSeconds")
    begins_with_all = initial_wanted or (not initial_given and since == 0)
    items: Any = ()
    if begins_with_all:
        if since > call.gate.store.revision:
            raise too_large(since, call.gate.store.revision)
        kind = call.api.kind_of(call.resource)
        begun = await call.gate.run(lambda: call.api.reader.begin(kind, namespace, labels, fields, 0, "", "", ""))
        result = begun if isinstance(begun, ListResult) else await chosen(call, begun)
        await call.gate.committed(result.revision)
        items, since = result.items, result.revision
    elif initial_given and since == 0:
        since = call.gate.store.committed
    try:
        cursor = call.api.watch(call.resource, namespace, since=since, labels=labels, fields=fields)
    except errors.Gone as error:
        return Stream(_single(event_line("ERROR", orjson.dumps(error.status()))))
    options = WatchOptions(
        bookmarks, float(timeout) if timeout else _MIN_WATCH * (1 + random.random()), bookmarks and begins_with_all,
        call.kind.api_version, call.kind.kind,
    )  # fmt: skip
    render, bookmark = _renderers(call, form)
    return Stream(watch_lines(call.hub, cursor, items, options, render, bookmark))


async def _single(line: bytes) -> AsyncIterator[bytes]:
    yield line


def _renderers(call: Call, form: Accepted) -> tuple[Renderer | None, Any]:
    kind = call.kind
    if form.shape == "Table":
        return _table_events(call, form)

    def bookmark(revision: Revision, initial_end: bool) -> bytes:
        meta: dict[str, Any] = {"resourceVersion": str(revision)}
        if initial_end:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        if form.shape:
            return orjson.dumps(partial({"metadata": meta}, form.version))
        return orjson.dumps({"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta})

    if form.shape:
        return (lambda _, env: orjson.dumps(partial(served(kind, env), form.version))), bookmark
    stored = kind.storage is None and call.api.kinds.get(kind.resource) is kind and not kind.custom
    if stored and _is_small(call):
        return (lambda _, env: served_raw(kind, call.gate.owned(env) if _is_small(call) else env)), bookmark
    return (None if stored else lambda _, env: served_raw(kind, env)), bookmark


def _is_small(call: Call) -> bool:
    """There are few objects of the kind: watchers are told all of their owners."""
    return call.gate.store.count(call.kind.resource) <= FEW


def _table_events(call: Call, form: Accepted) -> tuple[Renderer, Any]:
    """A one-row Table per event; only the first one names the columns."""
    include = include_object(call.parameter("includeObject"))
    first = [True]

    def row(_: EventType, env: Envelope) -> bytes:
        obj = served(call.kind, env)
        meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        found = table(
            call.api.tables.of(call.kind), [(env, obj)], call.gate.now(), include, meta, version=form.version,
            columns=first[0],
        )  # fmt: skip
        first[0] = False
        return orjson.dumps(found)

    def bookmark(revision: Revision, initial_end: bool) -> bytes:
        meta: dict[str, Any] = {"resourceVersion": str(revision)}
        if initial_end:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        rows = [{"cells": [], "object": partial({"metadata": meta}, form.version)}]
        head = {"kind": "Table", "apiVersion": f"meta.k8s.io/{form.version}", "metadata": {"resourceVersion": ""}}
        return orjson.dumps({**head, "columnDefinitions": None, "rows": rows})

    return row, bookmark


def _options_error(field: str, text: str) -> errors.Invalid:
    return errors.invalid("meta.k8s.io", "ListOptions", "", [Cause("FieldValueForbidden", field, text)])


# -- writes ------------------------------------------------------------------------------------------------------------


def body_object(call: Call, kind: Kind | None = None) -> Any:
    """The object in a request body. BadRequest when there is none."""
    kind = kind or call.kind
    try:
        obj = decoded(call.request)
    except errors.BadRequest as error:
        if error.message.startswith(_NO_KIND):
            raise _unrecognized(call, kind, error.message) from None
        raise
    if not isinstance(obj, dict):
        text = f"{_NO_KIND}; json parse error: json: cannot unmarshal {_json_name(obj)} into Go value of type {_HEAD}"
        raise _unrecognized(call, kind, text)
    meta = obj.get("metadata")
    if meta is not None and not isinstance(meta, dict):
        raise errors.BadRequest(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: json: cannot unmarshal '
            f"{_json_name(meta)} into Go struct field {kind.kind}.metadata of type v1.ObjectMeta"
        )
    return obj


def _unrecognized(call: Call, kind: Kind, text: str) -> errors.BadRequest:
    """With the beginning of what was sent: as it is when it may be JSON, else in hexadecimal (summarizeData)."""
    body = call.request.body
    if not body:
        shown = "<empty>"
    else:
        start = body[:_SHOWN]
        shown = start.decode("utf-8", "replace") if body[:1] == b"{" else start.hex()
        shown += " ..." if len(body) > _SHOWN else ""
    return errors.BadRequest(f"the object provided is unrecognized (must be of type {kind.kind}): {text} ({shown})")


_NO_KIND: Final = "couldn't get version/kind"
_HEAD: Final = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_SHOWN: Final = 30


def _json_name(value: Any) -> str:
    names = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _form(call: Call) -> Accepted:
    """What the answer to a change shall look like: refused, if it must be, before anything is written."""
    form = accepted(call.request)
    if form.shape == "Table":
        include_object(call.parameter("includeObject"))
    return form


async def create(call: Call) -> Response:
    form, obj = _form(call), body_object(call)
    dry, strictness = call.dry_run, call.field_validation
    if "apiVersion" not in obj:
        obj = {"apiVersion": call.kind.api_version, **obj}
    env = await call.gate.write(
        lambda: call.api.create(
            call.caller, call.resource, call.namespace, obj, dry_run=dry, field_validation=strictness,
            warnings=call.warnings, field_manager=call.field_manager,
        )
    )  # fmt: skip
    return one(call, env, form, 201)


async def update(call: Call) -> Response:
    form, obj = _form(call), body_object(call)
    dry, strictness, subresource = call.dry_run, call.field_validation, call.info.subresource
    if "apiVersion" not in obj and not subresource:
        obj = {"apiVersion": call.kind.api_version, **obj}

    def work() -> tuple[Envelope, int]:
        if not subresource and call.resource in _CREATED_BY_PUT and call.gate.store.get(call.key) is None:
            made = call.api.create(
                call.caller, call.resource, call.namespace, _named(call, obj), dry_run=dry,
                field_validation=strictness, warnings=call.warnings, field_manager=call.field_manager,
            )  # fmt: skip
            return made, 201
        changed = call.api.update(
            call.caller, call.resource, call.namespace, call.name, obj, subresource=subresource, dry_run=dry,
            field_validation=strictness, warnings=call.warnings, field_manager=call.field_manager,
        )  # fmt: skip
        return changed, 200

    env, status = await call.gate.write(work)
    return _shown(call, env, form, status)


def _named(call: Call, obj: Any) -> Any:
    """What a PUT creates: it has the name of the path, and no revision yet."""
    meta = obj.get("metadata") or {}
    if meta.get("name") != call.name:
        raise errors.BadRequest(
            f"the name of the object ({meta.get('name', '')}) does not match the name on the URL ({call.name})"
        )
    return {**obj, "metadata": {key: value for key, value in meta.items() if key != "resourceVersion"}}


async def patch(call: Call) -> Response:
    """All four kinds of patch."""
    form, media = _form(call), media_type(call.request)
    if media in APPLY:
        return await _server_side_apply(call, form)
    kind_of_patch = PATCH_TYPES.get(media)
    if kind_of_patch is None or (kind_of_patch == "strategic" and call.kind.custom):
        raise _unknown_patch(call)
    refuse_force(call.request)
    document = patch_document(call, kind_of_patch)
    dry, strictness, subresource = call.dry_run, call.field_validation, call.info.subresource
    env = await call.gate.write(
        lambda: call.api.patch(
            call.caller, call.resource, call.namespace, call.name, kind_of_patch, document, subresource=subresource,
            dry_run=dry, field_validation=strictness, warnings=call.warnings, field_manager=call.field_manager,
        )
    )  # fmt: skip
    return _shown(call, env, form)


def patch_document(call: Call, kind_of_patch: PatchType) -> Any:
    """A patch body as JSON values. BadRequest for what is no patch; a strategic one is refused in fewer words."""
    prefix = "" if kind_of_patch == "strategic" else "error decoding patch: "
    try:
        document = json_body(call.request.body)
    except errors.BadRequest as error:
        text = error.message.removeprefix("couldn't get version/kind; json parse error: ")
        raise errors.BadRequest(f"{prefix}{text}") from None
    wanted = list if kind_of_patch == "json" else dict
    if not isinstance(document, wanted):
        into = "jsonpatch.Patch" if kind_of_patch == "json" else "map[string]interface {}"
        raise errors.BadRequest(f"{prefix}json: cannot unmarshal {_json_name(document)} into Go value of type {into}")
    return document


async def _server_side_apply(call: Call, form: Accepted) -> Response:
    manager = field_manager(call.request)
    if not manager:
        text = "Required value: is required for apply patch"
        raise errors.invalid("meta.k8s.io", "PatchOptions", "", [Cause("FieldValueRequired", "fieldManager", text)])
    obj = yaml_body(call.request.body)
    if not isinstance(obj, dict):
        raise errors.BadRequest("error decoding YAML: the patch must be an object")
    dry, force = call.dry_run, flag(call.request, "force")
    subresource, existed = call.info.subresource, call.gate.store.get(call.key) is not None
    env = await call.gate.write(
        lambda: call.api.apply_server_side(
            call.caller, call.resource, call.namespace, call.name, obj, field_manager=manager, force=force,
            subresource=subresource, dry_run=dry, warnings=call.warnings,
        )
    )  # fmt: skip
    return _shown(call, env, form, 200 if existed else 201)


def _unknown_patch(call: Call) -> errors.UnsupportedMediaType:
    types = [name for name, which in PATCH_TYPES.items() if which != "strategic" or not call.kind.custom]
    return errors.UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: "
        f"{', '.join([*types, 'application/apply-patch+yaml'])}"
    )


# -- deletes -----------------------------------------------------------------------------------------------------------


async def delete(call: Call) -> Response:
    form = _form(call)
    body = decoded(call.request) if call.request.body else None
    options = delete_options(call.request, body)

    def work() -> tuple[Envelope, Envelope | None]:
        before = call.api.get(call.resource, call.namespace, call.name)
        return before, call.api.delete(call.caller, call.resource, call.namespace, call.name, options)

    before, left = await call.gate.write(work)
    if left is not None:
        # That it is not gone yet is said only to who asks for its dependents in the old words, as Kubernetes does.
        return one(call, left, form, 202 if _dependents_too(call, body) else 200)
    if call.resource.plural in _RETURNED_WHEN_DELETED and not call.resource.group.endswith("kubarium.dev"):
        return one(call, before, form)
    return encoded(deleted_status(call, before), Accepted(form.content_type))


def _dependents_too(call: Call, body: Any) -> bool:
    """orphanDependents=false, the spelling before there were propagation policies."""
    if isinstance(body, dict):
        return body.get("orphanDependents") is False
    return bool(call.request.query.get("orphanDependents")) and not flag(call.request, "orphanDependents")


def deleted_status(call: Call, before: Envelope) -> dict[str, Any]:
    """The Status that a DELETE answers when the object is gone."""
    details: dict[str, Any] = {"name": call.name}
    if call.resource.group:
        details["group"] = call.resource.group
    details |= {"kind": call.resource.plural, "uid": before.uid}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


async def delete_collection(call: Call) -> Response:
    form = accepted(call.request)
    options = delete_options(call.request, decoded(call.request) if call.request.body else None)
    namespace, labels, fields = _selection(call)
    result = await call.gate.write(
        lambda: call.api.delete_collection(
            call.caller, call.resource, namespace, labels=labels, fields=fields, options=options
        )
    )  # fmt: skip
    return await many(call, result, Accepted(form.content_type))
