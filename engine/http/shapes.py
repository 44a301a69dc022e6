"""One object or a list of them as the body of an answer, in the version and the shape that the client asked for.

Stored bytes are sent as they are whenever they say what is wanted; a list is its head, the bytes of its items and its
end, joined in parts. Tables and partial objects are made in slices with a pause between them, so that a long list holds
nobody up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import orjson

from engine.api.convert import to_served
from engine.api.kinds import FLOWSCHEMAS, Kind
from engine.api.requests import ListResult
from engine.http.calls import Call
from engine.http.gate import FEW
from engine.http.go_order import ordered_bytes
from engine.http.messages import JSON, Response
from engine.http.negotiation import Accepted, encoded, encoded_raw
from engine.http.tables import include_object, partial, table
from store.types import Envelope, JsonObject

_PART: Final = 500
"""Items that are joined into one block."""
_SLICE: Final = 200
"""Rows that are made between two pauses."""


def prefix_of(kind: Kind) -> bytes:
    """How the stored bytes of a kind begin (strategy.in_written_order)."""
    if kind.custom:
        return b'{"apiVersion":"%b","kind":"%b",' % (kind.api_version.encode(), kind.kind.encode())
    return b'{"kind":"%b","apiVersion":"%b",' % (kind.kind.encode(), kind.api_version.encode())


def served(kind: Kind, env: Envelope) -> JsonObject:
    """The object in the version of `kind`; the envelope's own dict when it is that already."""
    obj = env.obj
    if obj.get("apiVersion") == kind.api_version:
        return obj
    obj = to_served(kind, obj)
    return obj if obj.get("apiVersion") == kind.api_version else {**obj, "apiVersion": kind.api_version}


def served_raw(kind: Kind, env: Envelope) -> bytes:
    """The same as bytes."""
    raw = env.raw
    if raw.startswith(prefix_of(kind)):
        return raw
    obj = served(kind, env)
    return raw if obj is env.obj else orjson.dumps(obj)


def one(call: Call, env: Envelope, form: Accepted, status: int = 200) -> Response:
    """An object as answer."""
    if not form.shape:
        readable = form.read and form.content_type == JSON
        raw = ordered_bytes(call.kind, served(call.kind, env)) if readable else served_raw(call.kind, env)
        return encoded_raw(raw, form, status)
    return shaped(call, env, served(call.kind, env), form, status)


def shaped(call: Call, env: Envelope, obj: JsonObject, form: Accepted, status: int = 200) -> Response:
    """An object as Table or PartialObjectMetadata."""
    if form.shape == "Table":
        include = include_object(call.parameter("includeObject"))
        meta = {"resourceVersion": obj.get("metadata", {}).get("resourceVersion", "")}
        found = table(call.api.tables.of(call.kind), [(env, obj)], call.gate.now(), include, meta, version=form.version)
        return encoded(found, form, status)
    return encoded(partial(obj, form.version), form, status)


def list_meta(result: ListResult) -> JsonObject:
    meta: JsonObject = {"resourceVersion": str(result.revision)}
    if result.continue_token:
        meta["continue"] = result.continue_token
        if result.remaining is not None:
            meta["remainingItemCount"] = result.remaining
    return meta


async def many(call: Call, result: ListResult, form: Accepted) -> Response:
    """A list as answer."""
    kind, meta = call.kind, list_meta(result)
    if form.shape == "Table":
        return await _table_list(call, result.items, meta, form)
    if form.shape:
        items = [partial(served(kind, env), form.version) for env in result.items]
        head = {"kind": "PartialObjectMetadataList", "apiVersion": f"meta.k8s.io/{form.version}", "metadata": meta}
        return encoded({**head, "items": items}, form)
    head = {"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": meta}
    shown = call.gate.few(result.items)
    if form.content_type != JSON:
        return encoded({**head, "items": [served(kind, env) for env in shown]}, form)
    if form.read and len(shown) <= FEW:
        parts = [b",".join(ordered_bytes(kind, served(kind, env), listed=not kind.custom) for env in shown)]
    else:
        parts = await _joined(kind, shown)
    if not kind.custom:
        return Response(200, [orjson.dumps(head)[:-1] + b',"items":[', *parts, b"]}\n"])
    opening = b'{"apiVersion":"%b","items":[' % kind.api_version.encode()
    ending = orjson.dumps({"kind": kind.list_kind, "metadata": {"continue": "", **meta}})
    return Response(200, [opening, *parts, b"]," + ending[1:] + b"\n"])


async def _joined(kind: Kind, items: Sequence[Envelope]) -> list[bytes]:
    """The items' bytes with commas between them. Built-in kinds leave out what the list says already, as Go does."""
    prefix = prefix_of(kind)
    cut = 0 if kind.custom else len(prefix)
    parts: list[bytes] = []
    for start in range(0, len(items), _PART):
        if start:
            await asyncio.sleep(0)
        raws = [
            env.raw[cut:] if env.raw.startswith(prefix) else _rewritten(kind, env, prefix)[cut:]
            for env in items[start : start + _PART]
        ]
        opening = b"{" if cut else b""
        parts.append((b"," if start else b"") + opening + (b"," + opening).join(raws))
    return parts


def _rewritten(kind: Kind, env: Envelope, prefix: bytes) -> bytes:
    obj = {key: value for key, value in served(kind, env).items() if key not in ("apiVersion", "kind")}
    return prefix + orjson.dumps(obj)[1:]


def _by_precedence(env: Envelope) -> tuple[int, str]:
    """Flow schemas are printed as they are tried (printFlowSchemaList)."""
    return env.obj["spec"].get("matchingPrecedence", 0), env.name


async def _table_list(call: Call, items: Sequence[Envelope], meta: JsonObject, form: Accepted) -> Response:
    include, now = include_object(call.parameter("includeObject")), call.gate.now()
    if call.kind.resource == FLOWSCHEMAS:
        items = sorted(items, key=_by_precedence)
    whole: Any = None
    for start in range(0, max(1, len(items)), _SLICE):
        if start:
            await asyncio.sleep(0)
        shown = [(env, served(call.kind, env)) for env in items[start : start + _SLICE]]
        found = table(call.api.tables.of(call.kind), shown, now, include, meta, version=form.version)
        if whole is None:
            whole = found
        else:
            whole["rows"].extend(found["rows"])
    return encoded(whole, form)
