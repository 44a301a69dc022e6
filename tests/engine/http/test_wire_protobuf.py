"""Protobuf bodies as kubectl writes them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.http.protobuf import MAGIC, CannotDecode, decode
from tests.engine.http.wire_world import WireWorld


def varint(value: int) -> bytes:
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        if not value:
            return out + bytes([low])
        out += bytes([low | 0x80])


def field(number: int, value: Any) -> bytes:
    """One field: an int as varint, text and bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def body(api_version: str, kind: str, message: bytes) -> bytes:
    return MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, message)


META = field(1, field(1, "p") + field(11, field(1, "app") + field(2, "web")) + field(7, 0) + field(8, b""))


def test_a_pod_is_what_its_json_says() -> None:
    """Maps, embedded structs, quantities and zeros that were never said."""
    quantity = field(1, "cpu") + field(2, field(1, "100m"))
    probe = field(1, field(2, field(1, "/ok") + field(2, field(1, 1) + field(3, "http")))) + field(2, 0)
    container = field(1, "c") + field(2, "nginx") + field(8, field(2, quantity)) + field(10, probe)
    volume = field(1, "v") + field(2, field(2, b""))
    spec = field(1, volume) + field(2, container) + field(4, 0) + field(11, 0)
    assert decode(body("v1", "Pod", META + field(2, spec) + field(3, b""))) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {"app": "web"}},
        "spec": {
            "volumes": [{"name": "v", "emptyDir": {}}],
            "containers": [
                {
                    "name": "c",
                    "image": "nginx",
                    "resources": {"requests": {"cpu": "100m"}},
                    "livenessProbe": {"httpGet": {"path": "/ok", "port": "http"}},
                }
            ],
            "terminationGracePeriodSeconds": 0,
        },
        "status": {},
    }


def test_bytes_are_base64_and_negative_numbers_negative() -> None:
    """Secret data is base64; a varint of 64 bits is signed."""
    secret = decode(body("v1", "Secret", META + field(2, field(1, "k") + field(2, b"\0\xff"))))
    assert secret["data"] == {"k": "AP8="}
    options = decode(body("policy/v1", "DeleteOptions", field(1, 2**64 - 1)))
    assert options == {"apiVersion": "policy/v1", "kind": "DeleteOptions", "gracePeriodSeconds": -1}


def test_an_object_is_created_from_protobuf(world: WireWorld) -> None:
    """What kubectl create sends is stored as if it had been JSON."""
    sent = body("v1", "ConfigMap", META + field(2, field(1, "a") + field(2, "b")))
    where = "/api/v1/namespaces/default/configmaps"
    status, made = world.ask("POST", where, sent, content_type="application/vnd.kubernetes.protobuf")
    assert (status, made["data"], made["metadata"]["labels"]) == (201, {"a": "b"}, {"app": "web"})


@pytest.mark.parametrize("wrong", [b"", b"k8s\0", b"xxxx", MAGIC + b"\xff" * 20, body("v1", "Nosuch", b"")])
def test_what_cannot_be_read_is_said(wrong: bytes) -> None:
    """No body of any form is anything but decoded or refused."""
    with pytest.raises(CannotDecode):
        decode(wrong)


@given(st.binary(max_size=200), st.sampled_from(["Pod", "Secret", "Service"]))
def test_no_bytes_break_the_decoder(data: bytes, kind: str) -> None:
    """Random messages are decoded or refused."""
    with suppress(CannotDecode):
        assert decode(body("v1", kind, data))["kind"] == kind


def test_managed_fields_are_a_list() -> None:
    """Their message is called an entry too, but it is none of a map's."""
    entry = field(1, "kubectl") + field(2, "Update") + field(7, field(1, '{"f:data":{}}'))
    found = decode(body("v1", "ConfigMap", field(1, field(1, "c") + field(17, entry))))
    assert found["metadata"]["managedFields"] == [
        {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {}}}
    ]
