"""OpenAPI v2: every type's definition, as JSON and in the protobuf form that kubectl reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.http.openapi_v2 import PROTOBUF, PROTOBUF_TYPE, definitions, encoded
from tests.engine.http.wire_world import WireWorld

SCHEMAS: dict[str, Any] = {
    "b.Part": {"type": "object", "properties": {"n": {"type": "integer", "format": "int32", "minLength": 300}}},
    "a.Whole": {
        "description": "A thing.", "type": "object", "required": ["part"],
        "properties": {
            "part": {"allOf": [{"$ref": "#/components/schemas/b.Part"}], "description": "Its part."},
            "list": {
                "type": "array", "items": {"$ref": "#/components/schemas/b.Part"}, "x-kubernetes-list-type": "set",
            },
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "either": {"oneOf": [{"type": "string"}, {"type": "number"}]},
        },
        "x-kubernetes-group-version-kind": [{"group": "", "kind": "Whole", "version": "v1"}],
    },
}  # fmt: skip


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(number, int or bytes) of each field of a message."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        else:
            size = varint()
            yield tag >> 3, data[at : at + size]
            at += size


def named(data: bytes) -> dict[str, bytes]:
    """The entries of a map of NamedSchemas."""
    return {dict(fields(each))[1].decode(): dict(fields(each)).get(2, b"") for _, each in fields(data)}


def test_references_lead_to_definitions() -> None:
    """And what v2 cannot say is left out."""
    made = definitions(SCHEMAS)
    assert list(made) == ["a.Whole", "b.Part"]
    assert made["a.Whole"]["properties"] == {
        "either": {"type": "string"},
        "list": {"type": "array", "items": {"$ref": "#/definitions/b.Part"}, "x-kubernetes-list-type": "set"},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "part": {"$ref": "#/definitions/b.Part", "description": "Its part."},
    }


def test_the_message_is_gnostics() -> None:
    """Document 9 definitions; Schema 1 $ref, 4 description, 19 required, 22 type, 25 properties, 31 extensions."""
    top = dict(fields(encoded(definitions(SCHEMAS))))
    assert top[1] == b"2.0"
    whole = dict(fields(named(top[9])["a.Whole"]))
    assert (whole[4], whole[19], whole[22]) == (b"A thing.", b"part", b"\n\x06object")
    properties = named(whole[25])
    assert dict(fields(properties["part"])) == {1: b"#/definitions/b.Part", 4: b"Its part."}
    assert dict(fields(dict(fields(properties["list"]))[23])) == {1: b"\n\x14#/definitions/b.Part"}
    assert b"Whole" in dict(fields(whole[31]))[2]
    assert dict(fields(named(dict(fields(named(top[9])["b.Part"]))[25])["n"]))[12] == 300


def test_the_server_defines_every_kind(world: WireWorld) -> None:
    """In both forms; kubectl finds a kind by its group, version and name."""
    status, found = world.get("/openapi/v2")
    pod = found["definitions"]["io.k8s.api.core.v1.Pod"]
    assert (status, found["swagger"]) == (200, "2.0")
    assert pod["x-kubernetes-group-version-kind"] == [{"group": "", "kind": "Pod", "version": "v1"}]
    assert pod["properties"]["spec"]["$ref"] == "#/definitions/io.k8s.api.core.v1.PodSpec"
    answer = world.answer("GET", "/openapi/v2", accept=PROTOBUF)
    assert answer.content_type == PROTOBUF_TYPE
    assert isinstance(answer.body, bytes)
    assert sorted(named(dict(fields(answer.body))[9])) == sorted(found["definitions"])
