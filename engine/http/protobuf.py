"""Kubernetes' protobuf bodies as the JSON they stand for.

kubectl sends typed objects only in this form: four magic bytes, then `runtime.Unknown` with apiVersion, kind and the
message. `data/protobuf-fields.txt` has the field numbers, which never change: a line a message, `number name:type` a
field (`*` repeated), type s string, i integer, u unsigned, b bool, B bytes, d double, or another message.

Go writes fields that are no pointers even when they are zero; those are left out again, as JSON's omitempty does.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from typing import Any, Final, NamedTuple

import orjson

MAGIC: Final = b"k8s\0"
_MAX_DEPTH: Final = 64
_GROUPS: Final = {
    "": "core", "rbac.authorization.k8s.io": "rbac", "internal.apiserver.k8s.io": "apiserverinternal",
    "flowcontrol.apiserver.k8s.io": "flowcontrol",
}  # fmt: skip
"""API groups whose package has another name than the group's first word."""
_INLINE: Final = frozenset({
    "core.v1.Volume.volumeSource", "core.v1.Probe.handler", "core.v1.PersistentVolumeSpec.persistentVolumeSource",
    "core.v1.EphemeralContainer.ephemeralContainerCommon", "networking.v1.IngressRule.ingressRuleValue",
    *(f"core.v1.{name}.localObjectReference" for name in (
        "ConfigMapKeySelector", "SecretKeySelector", "ConfigMapEnvSource", "SecretEnvSource", "ConfigMapVolumeSource",
        "ConfigMapProjection", "SecretProjection",
    )),
})  # fmt: skip
"""Embedded Go structs: messages of their own here, part of their owner in JSON."""
_OMITTED_ZEROS: Final = frozenset({
    "active", "availableReplicas", "count", "currentNumberScheduled", "currentReplicas", "failed", "failureThreshold",
    "fullyLabeledReplicas", "generation", "globalDefault", "healthCheckNodePort", "hostIPC", "hostNetwork", "hostPID",
    "hostPort", "initialDelaySeconds", "minReadySeconds", "nodePort", "numberAvailable", "numberMisscheduled",
    "numberUnavailable", "observedGeneration", "paused", "periodSeconds", "publishNotReadyAddresses", "readOnly",
    "readyReplicas", "restartCount", "stdin", "stdinOnce", "succeeded", "successThreshold", "timeoutSeconds", "tty",
    "unavailableReplicas", "unschedulable", "updatedNumberScheduled", "updatedReplicas",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
})  # fmt: skip
"""Numbers and flags that are no pointers and have omitempty: their zero means nothing was said."""


class CannotDecode(ValueError):
    """The body is no message that this server knows."""


class _Field(NamedTuple):
    name: str
    type: str
    repeated: bool


@lru_cache(maxsize=1)
def _messages() -> Mapping[str, Mapping[int, _Field]]:
    text = resources.files("engine.http").joinpath("data", "protobuf-fields.txt").read_text()
    found: dict[str, dict[int, _Field]] = {}
    for line in text.splitlines():
        message, *fields = line.split("\t")
        found[message] = {}
        for field in fields:
            repeated = "*" in field
            number, _, rest = field.replace("*", " ", 1).partition(" ")
            name, _, type_ = rest.partition(":")
            found[message][int(number)] = _Field(name, type_, repeated)
    return found


def decode(body: bytes) -> dict[str, Any]:
    """The object in a request body, apiVersion and kind included. Raises CannotDecode, nothing else."""
    if body[:4] != MAGIC:
        raise CannotDecode("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        envelope = dict(_fields(body[4:]))
        about = {number: _text(value) for number, value in _fields(_bytes(envelope.get(1, b"")))}
        api_version, kind = about.get(1, ""), about.get(2, "")
        decoded = _message(_name(api_version, kind), _bytes(envelope.get(2, b"")), 0)
    except (IndexError, ValueError, struct.error, OverflowError) as error:
        if isinstance(error, CannotDecode):
            raise
        raise CannotDecode(f"unable to decode the protobuf body: {error}") from error
    return {"apiVersion": api_version, "kind": kind, **decoded}


def _name(api_version: str, kind: str) -> str:
    if kind == "DeleteOptions":
        return "meta.v1.DeleteOptions"
    group, _, version = api_version.rpartition("/")
    package = _GROUPS.get(group) or group.partition(".")[0]
    name = f"{package}.{version}.{kind}"
    if name not in _messages():
        raise CannotDecode(f'no kind "{kind}" is registered for version "{api_version}"')
    return name


def message_of(api_version: str, kind: str) -> str:
    """The message of a kind; "" when there is none."""
    try:
        return _name(api_version, kind)
    except CannotDecode:
        return ""


def fields_of(message: str) -> Iterator[tuple[str, str, bool]]:
    """(name, what it holds, embedded) of the fields of a message, by their numbers. What it holds: another message,
    `*` for a map, "" for what is no struct in JSON."""
    for _, field in sorted(_messages()[message].items()):
        holds = "" if len(field.type) == 1 or field.type in _SPECIAL else field.type
        if holds and field.repeated and _is_map(holds):
            holds = "*"
        elif holds not in _messages():
            holds = ""
        yield field.name, holds, f"{message}.{field.name}" in _INLINE


# -- the wire format --------------------------------------------------------------------------------------------------


def _varint(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise ValueError("proto: integer overflow")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        wire = tag & 7
        value: int | bytes
        if wire == 0:
            value, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            value, at = data[at : at + size], at + size
        elif wire == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"proto: illegal wireType {wire}")
        if at > end:
            raise ValueError("unexpected EOF")
        yield tag >> 3, value


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("proto: wrong wireType")
    return value


def _number(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("proto: wrong wireType")
    return value - (1 << 64) if value >> 63 else value


def _text(value: int | bytes) -> str:
    return _bytes(value).decode()


# -- messages ---------------------------------------------------------------------------------------------------------


def _scalar(type_: str, value: int | bytes) -> Any:
    if type_ == "s":
        return _text(value)
    if type_ == "i":
        return _number(value)
    if type_ == "b":
        return bool(_number(value))
    if type_ == "B":
        return base64.b64encode(_bytes(value)).decode()
    if type_ == "u":
        return _number(value) & 0xFFFFFFFFFFFFFFFF
    return struct.unpack("<d", _bytes(value))[0]


def _message(name: str, data: bytes, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("exceeded max depth")
    special = _SPECIAL.get(name)
    if special is not None:
        return special(data)
    known = _messages()[name]
    out: dict[str, Any] = {}
    for number, raw in _fields(data):
        field = known.get(number)
        if field is None:
            continue
        if len(field.type) == 1:
            value = _scalar(field.type, raw)
        else:
            value = _message(field.type, _bytes(raw), depth + 1)
        if field.repeated:
            if _is_map(field.type):
                out.setdefault(field.name, {})[value.get("key", "")] = value.get("value", _empty(field.type))
            else:
                out.setdefault(field.name, []).append(value)
        elif f"{name}.{field.name}" in _INLINE:
            out.update(value)
        elif value is None or value == "" or (value in (0, False) and field.name in _OMITTED_ZEROS):
            continue
        else:
            out[field.name] = value
    if name.endswith(".ExtraValue"):
        return out.get("items", [])
    return out


def _is_map(type_: str) -> bool:
    """Whether a repeated message is the entries of a map: it is made of a key and a value."""
    return type_.endswith("Entry") and {field.name for field in _messages()[type_].values()} == {"key", "value"}


def _empty(entry: str) -> Any:
    """The value of a map entry that was left out."""
    type_ = next((f.type for f in _messages()[entry].values() if f.name == "value"), "s")
    return "" if type_ in ("s", "B") else 0 if len(type_) == 1 else {}


def _time(data: bytes) -> str | None:
    found = {number: _number(value) for number, value in _fields(data)}
    if not found.get(1):
        return None
    return datetime.fromtimestamp(found[1], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(data: bytes) -> str | None:
    second = _time(data)
    found = dict(_fields(data))
    return None if second is None else f"{second[:-1]}.{_number(found.get(2, 0)) // 1000:06d}Z"


def _quantity(data: bytes) -> str:
    return next((_text(value) for number, value in _fields(data) if number == 1), "0")


def _int_or_string(data: bytes) -> int | str:
    found = dict(_fields(data))
    return _text(found.get(3, b"")) if found.get(1) else _number(found.get(2, 0))


def _json(data: bytes) -> Any:
    return orjson.loads(_bytes(dict(_fields(data)).get(1, b"null")) or b"null")


_SPECIAL: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "pkg.api.resource.Quantity": _quantity,
    "meta.v1.Time": _time,
    "meta.v1.MicroTime": _micro_time,
    "pkg.util.intstr.IntOrString": _int_or_string,
    "meta.v1.FieldsV1": _json,
    "pkg.runtime.RawExtension": _json,
}
"""Types with a JSON form of their own."""
