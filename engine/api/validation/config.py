"""ConfigMaps and Secrets: keys, sizes, types, and objects that declare themselves immutable."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import orjson

from engine.api.names import config_key_errors
from engine.api.validation.causes import Causes, each_message, forbidden, immutable, invalid, required, too_long
from store.types import JsonObject

MOST_BYTES: Final = 1024 * 1024
_FROZEN: Final = "field is immutable when `immutable` is set"
_REDACTED: Final = "<secret contents redacted>"
_ACCOUNT_NAME: Final = "kubernetes.io/service-account.name"


# -- config maps ---------------------------------------------------------------------------------------------------


def config_map(causes: Causes, obj: JsonObject) -> None:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    size = 0
    for key in sorted(data):
        each_message(causes, f"data[{key}]", key, config_key_errors(key))
        if key in binary:
            causes.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        size += _length(data[key])
    for key in sorted(binary):
        each_message(causes, f"binaryData[{key}]", key, config_key_errors(key))
        size += _decoded_length(binary[key])
    if size > MOST_BYTES:
        causes.append(too_long("[]", MOST_BYTES))


def config_map_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    _frozen(causes, new, old, ("data", "binaryData"))
    config_map(causes, new)


def _frozen(causes: Causes, new: JsonObject, old: JsonObject, keys: tuple[str, ...]) -> None:
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        causes.append(forbidden("immutable", _FROZEN))
    for key in keys:
        if (new.get(key) or {}) != (old.get(key) or {}):
            causes.append(forbidden(key, _FROZEN))


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _decoded_length(text: str) -> int:
    return len(text) * 3 // 4 - text[-2:].count("=")


# -- secrets -------------------------------------------------------------------------------------------------------


def secret(causes: Causes, obj: JsonObject) -> None:
    data = obj.get("data") or {}
    size = 0
    for key in sorted(data):
        each_message(causes, f"data[{key}]", key, config_key_errors(key))
        size += _decoded_length(data[key])
    if size > MOST_BYTES:
        causes.append(too_long("data", MOST_BYTES))
    kind = obj.get("type") or "Opaque"
    if kind == "kubernetes.io/service-account-token":
        if not (obj["metadata"].get("annotations") or {}).get(_ACCOUNT_NAME):
            causes.append(required(f"metadata.annotations[{_ACCOUNT_NAME}]"))
    elif kind == "kubernetes.io/dockercfg":
        _json_key(causes, data, ".dockercfg")
    elif kind == "kubernetes.io/dockerconfigjson":
        _json_key(causes, data, ".dockerconfigjson")
    elif kind == "kubernetes.io/basic-auth":
        if "username" not in data and "password" not in data:
            causes += [required("data[username]"), required("data[password]")]
    elif kind == "kubernetes.io/ssh-auth":
        if not data.get("ssh-privatekey"):
            causes.append(required("data[ssh-privatekey]"))
    elif kind == "kubernetes.io/tls":
        for key in ("tls.crt", "tls.key"):
            if key not in data:
                causes.append(required(f"data[{key}]"))


def _json_key(causes: Causes, data: JsonObject, key: str) -> None:
    if key not in data:
        causes.append(required(f"data[{key}]"))
        return
    try:
        found: Any = orjson.loads(base64.b64decode(data[key]))
    except (orjson.JSONDecodeError, binascii.Error) as wrong:
        causes.append(invalid(f"data[{key}]", _REDACTED, str(wrong)))
        return
    if not isinstance(found, dict):
        causes.append(invalid(f"data[{key}]", _REDACTED, "json: cannot unmarshal into a map"))


def secret_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    immutable(causes, "type", new.get("type") or "Opaque", old.get("type") or "Opaque")
    _frozen(causes, new, old, ("data",))
    secret(causes, new)
