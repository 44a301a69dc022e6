"""The three patches of the Kubernetes API: JSON patch, JSON merge patch, strategic merge patch.

Each takes an object and gives a new one; the input is never changed, and all parts that the patch does not touch are
shared with it. Rules and texts follow RFC 6902 (github.com/evanphx/json-patch), RFC 7386 and
k8s.io/apimachinery/pkg/util/strategicpatch; the latter's lists are in engine.api.patch_lists.

Raises BadRequest for a patch that cannot be read, Invalid for a JSON patch that does not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from engine.api import errors
from engine.api.go_types import go_text
from engine.api.patch_lists import DELETE_LIST, DIRECTIVE, ELEMENT_ORDER, RETAIN_KEYS, merge_lists, without_directives
from engine.api.schema import Field, Schema, TypeInfo
from store.types import JsonObject

_MOST_OPERATIONS: Final = 10_000
_MOST_COPIED: Final = 3 * 1024 * 1024
"""Bytes that all copies of a JSON patch may come to (jsonpatch.AccumulatedCopySizeLimit of the API server)."""
_REJECTED: Final = "the server rejected our request due to an error in our request"


class PatchFailed(Exception):
    """A JSON patch operation that does not apply, in json-patch's words."""


# -- JSON patch ----------------------------------------------------------------------------------------------------


def json_patch(obj: Any, operations: Any) -> Any:
    """RFC 6902. All operations apply or none does."""
    if not isinstance(operations, list):
        what = "object" if isinstance(operations, dict) else type(operations).__name__
        raise errors.BadRequest(f"json: cannot unmarshal {what} into Go value of type jsonpatch.Patch")
    if len(operations) > _MOST_OPERATIONS:
        raise errors.BadRequest(
            f"The allowed maximum operations in a JSON patch is {_MOST_OPERATIONS}, got {len(operations)}"
        )
    copied = [0]
    try:
        for operation in operations:
            obj = _apply(obj, operation, copied)
    except PatchFailed as failure:
        raise errors.Invalid(_REJECTED) from failure
    return obj


def _apply(doc: Any, operation: Any, copied: list[int]) -> Any:
    if not isinstance(operation, dict):
        raise errors.BadRequest("json: cannot unmarshal into Go value of type jsonpatch.Operation")
    name, path = operation.get("op"), operation.get("path")
    if not isinstance(path, str):
        raise PatchFailed(f"{name} operation does not apply: doc is missing path: : missing value")
    if name == "test":
        found = _find(doc, _steps(path))
        if not _same(None if found is _MISSING else found, operation.get("value")):
            raise PatchFailed(f"testing value {path} failed: test failed")
        return doc
    if name == "add":
        return _edited(doc, path, "add", lambda at, step: _added(at, step, path, operation.get("value")))
    if name == "replace":
        return _edited(doc, path, "replace", lambda at, step: _replaced(at, step, operation.get("value")))
    if name == "remove":
        return _edited(doc, path, "remove", lambda at, step: _removed(at, step, path))
    if name in ("move", "copy"):
        source = operation.get("from")
        if not isinstance(source, str):
            raise PatchFailed("copy operation does not apply: doc is missing from path: : missing value")
        value = _find(doc, _steps(source))
        if value is _MISSING:
            raise PatchFailed(f"error in {name} for path: '{source}': missing value")
        if name == "copy":
            # Copies share what they copy, but whoever writes the object out would write each of them in full.
            copied[0] += len(orjson.dumps(value))
            if copied[0] > _MOST_COPIED:
                raise PatchFailed(
                    f"Unable to complete the copy, the accumulated size increase of copy is {copied[0]}, exceeding "
                    f"the limit {_MOST_COPIED}"
                )
        elif not source:
            raise PatchFailed('move operation does not apply: doc is missing path: "": missing value')
        else:
            doc = _edited(doc, source, "move", lambda at, step: _removed(at, step, source))
        return _edited(doc, path, name, lambda at, step: _added(at, step, path, value))
    raise PatchFailed(f"Unexpected kind: {name}")


_MISSING: Final = object()
_Edit = Callable[[Any, str], Any]


def _steps(path: str) -> list[str]:
    if not path:
        return []
    if not path.startswith("/"):
        raise PatchFailed(f"doc is missing path: {path}: missing value")
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]


def _find(doc: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if isinstance(doc, dict):
            doc = doc.get(step, _MISSING)
        elif isinstance(doc, list):
            index = _index(step, len(doc))
            doc = _MISSING if index is None else doc[index]
        else:
            return _MISSING
        if doc is _MISSING:
            return _MISSING
    return doc


def _edited(doc: Any, path: str, name: str, edit: _Edit) -> Any:
    """`doc` with the container at the end of `path` replaced by `edit(container, last step)`."""
    steps = _steps(path)
    if not steps:
        if name == "remove":
            raise PatchFailed('remove operation does not apply: doc is missing path: "": missing value')
        return edit({"": doc}, "")[""]
    return _edited_at(doc, steps, path, name, edit)


def _edited_at(doc: Any, steps: Sequence[str], path: str, name: str, edit: _Edit) -> Any:
    if not isinstance(doc, dict | list):
        quoted = path if name == "replace" else f'"{path}"'
        raise PatchFailed(f"{name} operation does not apply: doc is missing path: {quoted}: missing value")
    if len(steps) == 1:
        return edit(doc, steps[0])
    inner = _find(doc, steps[:1])
    new = _edited_at(None if inner is _MISSING else inner, steps[1:], path, name, edit)
    if isinstance(doc, dict):
        return {**doc, steps[0]: new}
    index = int(steps[0])
    return [*doc[:index], new, *doc[index + 1 :]] if index >= 0 else [*doc[:index], new, *doc[len(doc) + index + 1 :]]


def _added(at: Any, step: str, path: str, value: Any) -> Any:
    if isinstance(at, dict):
        return {**at, step: value}
    index = len(at) if step == "-" else _index(step, len(at) + 1)
    if index is None:
        why = f"Unable to access invalid index: {step}: invalid index referenced"
        raise PatchFailed(f"error in add for path: '{path}': {why}")
    return [*at[:index], value, *at[index:]]


def _replaced(at: Any, step: str, value: Any) -> Any:
    if isinstance(at, dict):
        if step not in at:
            raise PatchFailed(f"replace operation does not apply: doc is missing key: /{step}: missing value")
        return {**at, step: value}
    index = _index(step, len(at))
    if index is None:
        raise PatchFailed(f"replace operation does not apply: doc is missing key: /{step}: missing value")
    return [*at[:index], value, *at[index + 1 :]]


def _removed(at: Any, step: str, path: str) -> Any:
    if isinstance(at, dict):
        if step not in at:
            why = f"unable to remove nonexistent key: {step}: missing value"
            raise PatchFailed(f"error in remove for path: '{path}': {why}")
        return {key: value for key, value in at.items() if key != step}
    index = _index(step, len(at))
    if index is None:
        why = f"Unable to access invalid index: {step}: invalid index referenced"
        raise PatchFailed(f"error in remove for path: '{path}': {why}")
    return [*at[:index], *at[index + 1 :]]


def _index(step: str, length: int) -> int | None:
    """The position that a step names in a list; negative ones count from the end, as json-patch allows."""
    digits = step[1:] if step.startswith("-") else step
    if not (digits.isascii() and digits.isdigit()):
        return None
    index = int(step)
    if index < 0:
        index += length
    return index if 0 <= index < length else None


def _same(a: Any, b: Any) -> bool:
    """JSON equality: true is not 1."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(value, b[key]) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return a == b and isinstance(a, bool) is isinstance(b, bool)


# -- JSON merge patch ----------------------------------------------------------------------------------------------


def merge_patch(obj: Any, patch: Any) -> Any:
    """RFC 7386: maps are merged, null deletes, everything else is replaced."""
    if not isinstance(patch, dict):
        return patch
    out = dict(obj) if isinstance(obj, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict):
            out[key] = merge_patch(out.get(key), value)
        else:
            out[key] = value
    return out


# -- strategic merge patch -----------------------------------------------------------------------------------------


def strategic_merge(obj: JsonObject, patch: Any, schema: Schema, api_version: str, kind: str) -> JsonObject:
    """Merge by the schema's merge keys and patch strategies, with the directives `$patch`, `$retainKeys`,
    `$deleteFromPrimitiveList/…` and `$setElementOrder/…`. A kind without a schema merges as plain maps.
    """
    if not isinstance(patch, dict):
        what = "string" if isinstance(patch, str) else "array" if isinstance(patch, list) else "number"
        raise errors.BadRequest(f"json: cannot unmarshal {what} into Go value of type map[string]interface {{}}")
    return merge_maps(obj, patch, schema.of(api_version, kind))


def merge_maps(original: Mapping[str, Any], patch: Mapping[str, Any], info: TypeInfo | None) -> JsonObject:
    """`original` with `patch` merged into it, as a struct of type `info` (None: a plain map)."""
    directive = patch.get(DIRECTIVE)
    if directive is not None:
        if directive == "replace":
            return {key: without_directives(value) for key, value in patch.items() if key != DIRECTIVE}
        if directive == "delete":
            return {}
        if directive != "merge":
            raise errors.BadRequest(f"unknown patch type found: {directive}")
    out = dict(original)
    retained = patch.get(RETAIN_KEYS)
    if retained is not None:
        _retain(out, retained, patch)
    lists = _lists_of(patch)
    for key in lists:
        merged = merge_lists(
            original.get(key), patch.get(key), _field(info, key), merge_items,
            delete=patch.get(f"{DELETE_LIST}/{key}"), order=patch.get(f"{ELEMENT_ORDER}/{key}"), name=key,
        )  # fmt: skip
        if merged is None:
            out.pop(key, None)
        else:
            out[key] = merged
    for key, value in patch.items():
        if key.startswith("$") and (key in (DIRECTIVE, RETAIN_KEYS) or "/" in key):
            continue
        if key in lists:
            continue
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict):
            out[key] = _merged_map(original.get(key), value, _field(info, key))
        else:
            out[key] = value
    return out


def merge_items(original: Mapping[str, Any], patch: Mapping[str, Any], field: Field | None) -> JsonObject:
    """Two items of one list."""
    element = field.element if field is not None else None
    return merge_maps(original, patch, element)


def _merged_map(original: Any, patch: Mapping[str, Any], field: Field | None) -> JsonObject:
    if field is not None and field.strategy == "replace":
        return {key: without_directives(v) for key, v in patch.items() if key != DIRECTIVE}
    info = field.type if field is not None and field.form == "struct" else None
    if not isinstance(original, dict):
        if patch.get(DIRECTIVE) == "delete":
            return {}
        original = {}
    return merge_maps(original, patch, info)


def _lists_of(patch: Mapping[str, Any]) -> dict[str, None]:
    """Keys whose list the patch touches, by a list or by a directive, in the patch's order."""
    keys: dict[str, None] = {}
    for key, value in patch.items():
        if key.startswith((f"{DELETE_LIST}/", f"{ELEMENT_ORDER}/")):
            name = key.partition("/")[2]
            if name not in patch or isinstance(patch[name], list):
                keys[name] = None
        elif isinstance(value, list) and not key.startswith("$"):
            keys[key] = None
    return keys


def _field(info: TypeInfo | None, key: str) -> Field | None:
    return info.fields.get(key) if info is not None else None


def _retain(out: JsonObject, retained: Any, patch: Mapping[str, Any]) -> None:
    """`$retainKeys`: drop every other key of the original. The patch may set no key that is not listed."""
    if not isinstance(retained, list):
        raise errors.BadRequest(f"invalid patch format of {RETAIN_KEYS} list: {go_text(retained)}")
    for key, value in patch.items():
        if value is not None and not key.startswith("$") and key not in retained:
            raise errors.BadRequest("Invalid $retainKeys: the keys of the patch and of $retainKeys don't match")
    for key in [key for key in out if key not in retained]:
        del out[key]
