"""The patch verb's half of patching: the right patch for the media type, its refusals, and what apply patches.

What a patch may not be is said in the API server's words: a JSON patch that does not fit is 422, a strategic patch
with a value of the wrong type names the patch as Go prints it. A patched object then goes the way of an update;
apiVersion and kind stay. The patches themselves are in engine.api.patch, kubectl's three-way diff in engine.api.apply.
"""

from __future__ import annotations

from typing import Any

from engine.api import apply as kubectl
from engine.api import errors, patch
from engine.api.decode import decode
from engine.api.errors import Cause
from engine.api.go_types import go_text
from engine.api.kinds import Kind
from engine.api.requests import PatchType
from engine.api.schema import Field, Schema
from store.types import JsonObject

_NO_STRATEGIC = (
    "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, "
    "application/merge-patch+json, application/apply-patch+yaml, application/apply-patch+cbor"
)


def patched(
    kind: Kind, obj: JsonObject, patch_type: PatchType, body: Any, schema: Schema, *, structural: bool, scale: bool
) -> JsonObject:
    """`obj` (with `scale`: the kind's Scale) after the patch.

    `structural`: the kind's schema is a CRD's, there is no strategic patch. BadRequest, Invalid or
    UnsupportedMediaType when the patch cannot be applied.
    """
    version, name = ("autoscaling/v1", "Scale") if scale else (kind.api_version, kind.kind)
    if patch_type == "json":
        new = patch.json_patch(obj, body)
    elif not isinstance(body, dict):
        raise errors.BadRequest(
            f"json: cannot unmarshal {_json_type(body)} into Go value of type map[string]interface {{}}"
        )
    elif patch_type == "merge":
        new = patch.merge_patch(obj, body)
    elif structural and not scale:
        raise errors.UnsupportedMediaType(_NO_STRATEGIC)
    else:
        new = patch.strategic_merge(obj, body, schema, version, name)
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
        cause = Cause("FieldValueInvalid", "patch", "Invalid value: the object needs metadata")
        raise errors.invalid("", "", "", [cause])
    new = {**new, "apiVersion": obj["apiVersion"], "kind": obj["kind"]}
    if patch_type == "strategic":
        _require_types(new, body, schema, version, name)
    return new


def _json_type(value: Any) -> str:
    names = {str: "string", list: "array", bool: "bool", int: "number", float: "number"}
    return names.get(type(value), "object")


def _require_types(new: JsonObject, body: JsonObject, schema: Schema, version: str, name: str) -> None:
    """A strategic patch whose values have the wrong types is refused as a whole."""
    info = schema.of(version, name)
    if info is None:
        return
    _, problems = decode(info, new)
    wrong = next((problem for problem in problems if not problem.unknown), None)
    if wrong is None:
        return
    why = _unconvertible(schema.find(version, name, wrong.path), wrong.message)
    text = f'Invalid value: "{go_text(body)}": {why}'
    raise errors.invalid("", "", "", [Cause("FieldValueInvalid", "patch", text)])


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


# -- apply -----------------------------------------------------------------------------------------------------------


def in_namespace(manifest: JsonObject, namespace: str) -> JsonObject:
    """The manifest as kubectl sends it: with the namespace of the request, if the kind has one."""
    meta = manifest.get("metadata") or {}
    return {**manifest, "metadata": {**meta, "namespace": namespace}} if namespace else manifest


def three_way(kind: Kind, modified: JsonObject, current: JsonObject, schema: Schema, custom: bool) -> JsonObject | None:
    """What to patch so that `current` becomes `modified`, without undoing what others set; None: nothing.

    A version of `modified` other than the stored one is no difference.
    """
    original = kubectl.original_of(current)
    same = {"apiVersion": current["apiVersion"], "kind": current["kind"]}
    found = kubectl.three_way(
        None if original is None else {**original, **same}, {**modified, **same}, current, schema,
        kind.api_version, kind.kind, custom=custom,
    )  # fmt: skip
    return found or None
