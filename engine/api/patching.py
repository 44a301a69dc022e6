"""Patches: JSON, merge and strategic, applied to the present state; and three-way apply as kubectl does it.

What a patch may not be is said in the API server's words: a JSON patch that does not fit is 422 without details, a
strategic patch with a value of the wrong type names the patch as Go prints it. A patched object goes the way of an
update; apiVersion, kind and what the server owns stay.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from engine.api import errors
from engine.api.decode import decode
from engine.api.errors import ApiError, Cause
from engine.api.kinds import Kind
from engine.api.requests import PatchType
from engine.api.schema import Field, Schema
from engine.api.seam import applying, patch
from store.types import JsonObject

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def patched(
    kind: Kind, obj: JsonObject, patch_type: PatchType, body: Any, schema: Schema, *, scale: bool = False
) -> JsonObject:
    """`obj` (with `scale`: the kind's Scale) after the patch.

    BadRequest, Invalid or UnsupportedMediaType when it cannot be applied.
    """
    if patch_type == "json":
        new = _json(obj, body)
    else:
        if not isinstance(body, dict):
            names = {str: "string", list: "array", bool: "bool", int: "number", float: "number"}
            what = names.get(type(body), "object")
            raise errors.BadRequest(f"json: cannot unmarshal {what} into Go value of type map[string]interface {{}}")
        if patch_type == "merge":
            new = patch.merge_patch(obj, body)
        else:
            new = _strategic(kind, obj, body, schema, scale)
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
        cause = Cause("FieldValueInvalid", "patch", "Invalid value: the object needs metadata")
        raise errors.invalid("", "", "", [cause])
    return {**new, "apiVersion": obj.get("apiVersion"), "kind": obj.get("kind")}


def _json(obj: JsonObject, body: Any) -> Any:
    if not isinstance(body, list):
        raise errors.BadRequest(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        )  # fmt: skip
    try:
        return patch.json_patch(obj, body)
    except ApiError:
        raise
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise errors.Invalid("the server rejected our request due to an error in our request") from error


def _strategic(kind: Kind, obj: JsonObject, body: JsonObject, schema: Schema, scale: bool) -> Any:
    if kind.custom or kind.resource.group == "kubarium.dev":
        raise errors.UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml, "
            "application/apply-patch+cbor"
        )
    version, name = ("autoscaling/v1", "Scale") if scale else (kind.api_version, kind.kind)
    info = schema.of(version, name)
    new = patch.strategic_merge(obj, body, info)
    if info is not None and isinstance(new, dict):
        _, problems = decode(info, new)
        wrong = next((p for p in problems if not p.unknown), None)
        if wrong is not None:
            entry = schema.find(version, name, wrong.path)
            text = f'Invalid value: "{go_text(body)}": {_unconvertible(entry, wrong.message)}'
            raise errors.invalid("", "", "", [Cause("FieldValueInvalid", "patch", text)])
    return new


def _unconvertible(entry: Field | None, message: str) -> str:
    """The words of runtime.DefaultUnstructuredConverter."""
    if entry is None or "cannot unmarshal" not in message:
        return message
    got = message.split("cannot unmarshal ")[1].split(" ")[0]
    got = {"array": "slice", "object": "map", "number": "int64"}.get(got, got)
    if entry.form == "struct":
        return f"cannot restore struct from: {got}"
    if entry.form in ("list", "map"):
        return f"cannot restore {'slice' if entry.form == 'list' else 'map'} from {got}"
    return f"unrecognized type: {entry.form}"


def go_text(value: Any) -> str:
    """A JSON value as Go's `%+v` prints it: `map[spec:map[replicas:x]]`."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(go_text(each) for each in value)}]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


# -- apply -----------------------------------------------------------------------------------------------------------


def last_applied_text(manifest: JsonObject, namespace: str) -> str:
    """The annotation's value as kubectl writes it: the manifest without the annotation, sorted, with a line end."""
    meta = dict(manifest.get("metadata") or {})
    meta["annotations"] = {k: v for k, v in (meta.get("annotations") or {}).items() if k != LAST_APPLIED}
    if namespace:
        meta["namespace"] = namespace
    return orjson.dumps({**manifest, "metadata": meta}, option=orjson.OPT_SORT_KEYS).decode() + "\n"


def annotated(manifest: JsonObject, text: str, namespace: str) -> JsonObject:
    """The manifest with the annotation, in its namespace."""
    meta = dict(manifest.get("metadata") or {})
    meta["annotations"] = {**(meta.get("annotations") or {}), LAST_APPLIED: text}
    if namespace:
        meta["namespace"] = namespace
    return {**manifest, "metadata": meta}


def three_way(kind: Kind, modified: JsonObject, current: JsonObject, schema: Schema) -> JsonObject | None:
    """What to patch so that `current` becomes `modified`, without what others set; None: nothing."""
    text = (current["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    original: JsonObject | None = None
    if text:
        try:
            original = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            name = current["metadata"]["name"]
            raise errors.BadRequest(f"the last applied configuration of {name} cannot be read: {error}") from error
    found: JsonObject | None = applying.three_way(original, modified, current, kind, schema)
    return found or None
