"""Complaints in Kubernetes' words (k8s.io/apimachinery/pkg/util/validation/field): one function per kind of error.

Paths are the texts that Kubernetes prints: `spec.containers[0].image`, `data[key]`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from engine.api.errors import Cause
from store.types import JsonObject

Causes = list[Cause]

IMMUTABLE: Final = "field is immutable"
NOT_NEGATIVE: Final = "must be greater than or equal to 0"


def shown(value: Any) -> str:
    """A bad value as it stands in a message: strings quoted, everything else as JSON."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def required(path: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", path, f"Required value: {detail}" if detail else "Required value")


def invalid(path: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", path, f"Invalid value: {shown(value)}: {detail}")


def invalid_struct(path: str, form: JsonObject, detail: str) -> Cause:
    """A struct that is wrong. `form`: as Go holds it (engine.api.internal_form), its keys in that order."""
    return Cause("FieldValueInvalid", path, f"Invalid value: {orjson.dumps(form).decode()}: {detail}")


def omitted(path: str, detail: str) -> Cause:
    """Invalid, without showing what."""
    return Cause("FieldValueInvalid", path, f"Invalid value: {detail}")


def immutable_struct(path: str, form: JsonObject) -> Cause:
    """A struct that may not change."""
    return invalid_struct(path, form, IMMUTABLE)


def not_supported(path: str, value: Any, supported: Iterable[str]) -> Cause:
    listed = ", ".join(f'"{each}"' for each in supported)
    return Cause("FieldValueNotSupported", path, f"Unsupported value: {shown(value)}: supported values: {listed}")


def not_supported_struct(path: str, form: JsonObject, supported: Iterable[str]) -> Cause:
    """As `invalid_struct`, of a struct whose kind is unknown."""
    listed = ", ".join(f'"{each}"' for each in supported)
    text = f"Unsupported value: {orjson.dumps(form).decode()}: supported values: {listed}"
    return Cause("FieldValueNotSupported", path, text)


def forbidden(path: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", path, f"Forbidden: {detail}")


def difference(old: Any, new: Any) -> str:
    """Where two values differ, as a unified diff of their JSON, to follow the text of a refusal."""
    before, after = (json.dumps(each, indent=1, ensure_ascii=False) for each in (old, new))
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm=""))[2:]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def duplicate(path: str, value: Any) -> Cause:
    return Cause("FieldValueDuplicate", path, f"Duplicate value: {shown(value)}")


def duplicate_struct(path: str, form: JsonObject, detail: str = "") -> Cause:
    """As `invalid_struct`, of a struct that is there twice."""
    text = f"Duplicate value: {orjson.dumps(form).decode()}"
    return Cause("FieldValueDuplicate", path, f"{text}: {detail}" if detail else text)


def not_found(path: str, value: Any) -> Cause:
    return Cause("FieldValueNotFound", path, f"Not found: {shown(value)}")


def too_long(path: str, most: int) -> Cause:
    return Cause("FieldValueTooLong", path, f"Too long: may not be more than {most} bytes")


def too_many(path: str, count: int, most: int) -> Cause:
    return Cause("FieldValueTooMany", path, f"Too many: {count}: must have at most {most} items")


# -- common checks -------------------------------------------------------------------------------------------------


def each_message(causes: Causes, path: str, value: Any, messages: Sequence[str]) -> None:
    """One Invalid per message of a check of engine.api.names."""
    for message in messages:
        causes.append(invalid(path, value, message))


def not_negative(causes: Causes, path: str, obj: Mapping[str, Any], *keys: str) -> None:
    """Numbers that may be missing but not below zero."""
    for key in keys:
        value = obj.get(key)
        if value is not None and value < 0:
            causes.append(invalid(f"{path}.{key}" if path else key, value, NOT_NEGATIVE))


def one_of(causes: Causes, path: str, value: str | None, supported: Sequence[str], *, optional: bool = False) -> None:
    """An enumeration. Empty is Required, unless optional."""
    if not value:
        if not optional:
            causes.append(required(path))
    elif value not in supported:
        causes.append(not_supported(path, value, supported))


def immutable(causes: Causes, path: str, new: Any, old: Any) -> None:
    """apimachineryvalidation.ValidateImmutableField."""
    if new != old and not (not new and not old):
        causes.append(invalid(path, new, IMMUTABLE))
