"""Declarative apply as kubectl does it on the client's side: three states in, one patch out.

`original` is what was applied last (the annotation kubectl.kubernetes.io/last-applied-configuration), `modified` what
is applied now, `current` the live object. What is in `modified` and differs from `current` is set; what was in
`original` and is no longer in `modified` is deleted; what others added to `current` stays. Built-in kinds get a
strategic merge patch (k8s.io/apimachinery strategicpatch.CreateThreeWayMergePatch), others a JSON merge patch
(jsonmergepatch).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from engine.api.patch_lists import DELETE_LIST, DIRECTIVE, ELEMENT_ORDER, RETAIN_KEYS, merges
from engine.api.schema import Field, Schema, TypeInfo
from store.types import JsonObject

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_HTML: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


# -- the annotation ------------------------------------------------------------------------------------------------


def last_applied(obj: JsonObject) -> str:
    """The annotation's text for a manifest: its JSON, keys sorted, without the annotation itself, and a newline."""
    meta = obj.get("metadata") or {}
    annotations = {key: value for key, value in (meta.get("annotations") or {}).items() if key != LAST_APPLIED}
    plain = {**obj, "metadata": {**meta, "annotations": annotations}}
    text = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()
    for char, escaped in _HTML.items():
        if char in text:
            text = text.replace(char, escaped)
    return text + "\n"


def annotated(obj: JsonObject) -> JsonObject:
    """The manifest with its own text in the annotation: what apply creates, and `modified` of `three_way`."""
    meta = obj.get("metadata") or {}
    annotations = {**(meta.get("annotations") or {}), LAST_APPLIED: last_applied(obj)}
    return {**obj, "metadata": {**meta, "annotations": annotations}}


def original_of(current: JsonObject) -> JsonObject | None:
    """What was applied last; None when the object was not made by apply, or the annotation is unreadable."""
    text = ((current.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if not text:
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


# -- the patch -----------------------------------------------------------------------------------------------------


def three_way(
    original: JsonObject | None, modified: JsonObject, current: JsonObject, schema: Schema, api_version: str, kind: str,
    *, custom: bool = False,
) -> JsonObject | None:  # fmt: skip
    """The patch that takes `current` to where `modified` wants it; None when there is nothing to do.

    A strategic merge patch, or a JSON merge patch for a custom resource (`custom`, or a kind without a schema).
    """
    info = schema.of(api_version, kind)
    if custom or info is None:
        patch = _merge(_json_deletions(original or {}, modified), _json_changes(current, modified))
    else:
        changes = _changes(current, modified, info, False)
        deletions = _deletions(original or {}, modified, info)
        patch = _combine(deletions, changes, info)
    return patch or None


def _differ(a: Any, b: Any) -> bool:
    return bool(a != b) or isinstance(a, bool) is not isinstance(b, bool)


def _json_changes(current: Mapping[str, Any], modified: Mapping[str, Any]) -> JsonObject:
    out: JsonObject = {}
    for key, value in modified.items():
        if key not in current:
            if value is not None:
                out[key] = value
        elif isinstance(value, dict) and isinstance(current[key], dict):
            inner = _json_changes(current[key], value)
            if inner:
                out[key] = inner
        elif value is not None and _differ(value, current[key]):
            out[key] = value
    return out


def _json_deletions(original: Mapping[str, Any], modified: Mapping[str, Any]) -> JsonObject:
    out: JsonObject = {}
    for key, value in original.items():
        if key not in modified or (modified[key] is None and value is not None):
            out[key] = None
        elif isinstance(value, dict) and isinstance(modified[key], dict):
            inner = _json_deletions(value, modified[key])
            if inner:
                out[key] = inner
    return out


def _merge(under: JsonObject, over: JsonObject) -> JsonObject:
    """Two patches as one; nulls are kept."""
    out = dict(under)
    for key, value in over.items():
        before = out.get(key)
        out[key] = _merge(before, value) if isinstance(value, dict) and isinstance(before, dict) else value
    return out


# -- strategic: what changed ---------------------------------------------------------------------------------------


def _changes(
    current: Mapping[str, Any], modified: Mapping[str, Any], info: TypeInfo | None, retain: bool
) -> JsonObject:
    """Additions and changes from `current` to `modified`, no deletions."""
    out: JsonObject = {}
    for key, value in modified.items():
        before = current.get(key)
        field = info.fields.get(key) if info is not None else None
        if value is None or not _differ(value, before):
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            if field is not None and field.strategy == "replace":
                out[key] = value
                continue
            inner = _changes(before, value, _struct(field), _retains(field))
            if inner:
                out[key] = inner
        elif isinstance(value, list) and isinstance(before, list) and merges(field):
            assert field is not None
            _list_changes(out, key, before, value, field)
        else:
            out[key] = value
    if retain and out:
        out[RETAIN_KEYS] = sorted(key for key, value in modified.items() if value is not None)
    return out


def _list_changes(out: JsonObject, name: str, current: Sequence[Any], modified: Sequence[Any], field: Field) -> None:
    order: list[Any]
    changed: list[Any]
    if field.merge_key and all(isinstance(item, dict) for item in [*current, *modified]):
        key, retain = field.merge_key, _retains(field)
        live = {item.get(key): item for item in current}
        changed, order, wanted = [], [], []
        for item in modified:
            value = item.get(key)
            if value is None or isinstance(value, dict | list):
                out[name] = list(modified)
                return
            wanted.append(value)
            order.append({key: value})
            before = live.get(value)
            if before is None:
                changed.append(item)
                continue
            inner = _changes(before, item, field.element, retain)
            if inner:
                changed.append({**inner, key: value})
        here = set(wanted)
        reordered = [v for v in live if v in here] != [v for v in dict.fromkeys(wanted) if v in live]
    else:
        order = list(modified)
        changed = [item for item in modified if item not in current]
        reordered = [v for v in current if v in modified] != [v for v in modified if v in current]
    if changed or reordered:
        out[f"{ELEMENT_ORDER}/{name}"] = order
    if changed:
        out[name] = changed


def _struct(field: Field | None) -> TypeInfo | None:
    return field.type if field is not None and field.form == "struct" else None


def _retains(field: Field | None) -> bool:
    return field is not None and "retainKeys" in field.strategy.split(",")


# -- strategic: what is gone ---------------------------------------------------------------------------------------


def _deletions(original: Mapping[str, Any], modified: Mapping[str, Any], info: TypeInfo | None) -> JsonObject:
    """Deletions from `original` to `modified`, nothing else."""
    out: JsonObject = {}
    for key, before in original.items():
        if key not in modified or (modified[key] is None and before is not None):
            out[key] = None
            continue
        value = modified[key]
        field = info.fields.get(key) if info is not None else None
        if isinstance(value, dict) and isinstance(before, dict):
            if field is not None and field.strategy == "replace":
                continue
            inner = _deletions(before, value, _struct(field))
            if inner:
                out[key] = inner
        elif isinstance(value, list) and isinstance(before, list) and merges(field):
            assert field is not None
            _list_deletions(out, key, before, value, field)
    return out


def _list_deletions(out: JsonObject, name: str, original: Sequence[Any], modified: Sequence[Any], field: Field) -> None:
    if field.merge_key and all(isinstance(item, dict) for item in [*original, *modified]):
        key = field.merge_key
        wanted = {item.get(key): item for item in modified if not isinstance(item.get(key), dict | list)}
        items: list[Any] = []
        for item in original:
            value = item.get(key)
            if value is None or isinstance(value, dict | list):
                return
            if value not in wanted:
                items.append({DIRECTIVE: "delete", key: value})
                continue
            inner = _deletions(item, wanted[value], field.element)
            if inner:
                items.append({**inner, key: value})
        if items:
            places = {value: place for place, value in enumerate(wanted)}
            out[f"{ELEMENT_ORDER}/{name}"] = [{key: value} for value in wanted]
            out[name] = sorted(items, key=lambda item: places.get(item[key], len(places)))
        return
    gone = [item for item in original if item not in modified]
    if gone:
        out[f"{DELETE_LIST}/{name}"] = gone
        out[f"{ELEMENT_ORDER}/{name}"] = list(modified)


# -- strategic: both in one ----------------------------------------------------------------------------------------


def _combine(deletions: Mapping[str, Any], changes: Mapping[str, Any], info: TypeInfo | None) -> JsonObject:
    """One patch that says both. Where they speak of the same thing, the change wins."""
    out: JsonObject = dict(deletions)
    for key, value in changes.items():
        before = out.get(key)
        field = info.fields.get(key) if info is not None else None
        if isinstance(value, dict) and isinstance(before, dict):
            out[key] = _combine(before, value, _struct(field))
        elif isinstance(value, list) and isinstance(before, list) and not key.startswith("$") and merges(field):
            assert field is not None
            out[key] = _combined_items(before, value, field, changes.get(f"{ELEMENT_ORDER}/{key}") or ())
        else:
            out[key] = value
    return out


def _combined_items(deletions: Sequence[Any], changes: Sequence[Any], field: Field, order: Sequence[Any]) -> list[Any]:
    """Items in the order of `$setElementOrder`, those to delete after them."""
    key = field.merge_key
    if not key:
        return list(changes)
    items = {item[key]: item for item in deletions if item.get(DIRECTIVE) != "delete"}
    gone = [item for item in deletions if item.get(DIRECTIVE) == "delete"]
    for item in changes:
        before = items.get(item[key])
        items[item[key]] = item if before is None else _combine(before, item, field.element)
    places = {item[key]: index for index, item in enumerate(order)}
    kept = sorted(items.values(), key=lambda item: places.get(item[key], len(places)))
    return [*kept, *gone]
