"""OpenAPI v2: the definitions of every type, as Swagger and in the protobuf form that kubectl asks for.

kubectl reads it for `explain --output=plaintext-openapiv2`. Definitions are made from the schemas of the v3 documents:
references lead to `#/definitions/`, and what v2 has no words for (oneOf, nullable) is left out. There are no paths.
The numbers of the fields are those of gnostic's OpenAPIv2.proto (Document, Schema, NamedSchema …).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

Json = dict[str, Any]
PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
PROTOBUF_TYPE: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""What the answer says of itself: @ may not stand in a media type."""
_V3: Final = "#/components/schemas/"
_V2: Final = "#/definitions/"
_INFO: Final = {"title": "Kubernetes", "version": "v1.36.2"}
_KEPT: Final = (
    "description", "format", "title", "type", "pattern", "maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum",
    "maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties", "multipleOf", "required",
)  # fmt: skip
"""Keywords that both versions have."""
_TEXTS: Final = (("$ref", 1), ("format", 2), ("title", 3), ("description", 4))
_NUMBERS: Final = (
    ("maxLength", 11), ("minLength", 12), ("maxItems", 14), ("minItems", 15), ("maxProperties", 17),
    ("minProperties", 18),
)  # fmt: skip


def definitions(schemas: Mapping[str, Json]) -> dict[str, Json]:
    """The schemas of v3 as definitions of v2, by name."""
    return {name: _schema(schemas[name]) for name in sorted(schemas)}


def document(made: Mapping[str, Json]) -> bytes:
    """The document as JSON."""
    return orjson.dumps({"swagger": "2.0", "info": _INFO, "paths": {}, "definitions": made})


def encoded(made: Mapping[str, Json]) -> bytes:
    """The document as gnostic's Document message."""
    info = _text(1, _INFO["title"]) + _text(2, _INFO["version"])
    named = b"".join(_named(1, name, schema) for name, schema in made.items())
    return _text(1, "2.0") + _part(2, info) + (_part(9, named) if named else b"")


# -- schemas ---------------------------------------------------------------------------------------------------------


def _schema(schema: Mapping[str, Any]) -> Json:
    reference = _reference(schema)
    if reference:
        out: Json = {"$ref": reference}
        if schema.get("description"):
            out["description"] = schema["description"]
        return out | {key: value for key, value in schema.items() if key.startswith("x-kubernetes-")}
    out = {key: schema[key] for key in _KEPT if key in schema}
    if "type" not in out and schema.get("oneOf"):
        out["type"] = "string"  # a number or a text
    if schema.get("properties"):
        out["properties"] = {name: _schema(schema["properties"][name]) for name in sorted(schema["properties"])}
    if isinstance(schema.get("items"), Mapping):
        out["items"] = _schema(schema["items"])
    if isinstance(schema.get("additionalProperties"), Mapping):
        out["additionalProperties"] = _schema(schema["additionalProperties"])
    return out | {key: value for key, value in schema.items() if key.startswith("x-kubernetes-")}


def _reference(schema: Mapping[str, Any]) -> str:
    whole: list[Json] = schema.get("allOf") or []
    found: str = schema.get("$ref") or (whole[0].get("$ref") if len(whole) == 1 else None) or ""
    return found.replace(_V3, _V2)


# -- the wire --------------------------------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _part(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _text(number: int, value: str) -> bytes:
    return _part(number, value.encode())


def _named(number: int, name: str, schema: Json) -> bytes:
    """A NamedSchema as one of the entries of a map."""
    return _part(number, _text(1, name) + _part(2, b"".join(_message(schema))))


def _message(schema: Json) -> Iterator[bytes]:
    """The fields of a Schema message, in the order of their numbers."""
    for key, number in _TEXTS:
        if schema.get(key):
            yield _text(number, schema[key])
    for key, number in _NUMBERS:
        if schema.get(key):
            yield _varint(number << 3) + _varint(schema[key])
    if schema.get("pattern"):
        yield _text(13, schema["pattern"])
    for name in schema.get("required") or ():
        yield _text(19, name)
    if "additionalProperties" in schema:
        yield _part(21, _part(1, b"".join(_message(schema["additionalProperties"]))))
    if schema.get("type"):
        yield _part(22, _text(1, schema["type"]))
    if "items" in schema:
        yield _part(23, _part(1, b"".join(_message(schema["items"]))))
    if schema.get("properties"):
        yield _part(25, b"".join(_named(1, name, each) for name, each in schema["properties"].items()))
    for key in sorted(schema):
        if key.startswith("x-kubernetes-"):
            # NamedAny: an Any whose yaml (2) says the value; JSON is YAML.
            yield _part(31, _text(1, key) + _part(2, _part(2, orjson.dumps(schema[key]) + b"\n")))
