"""What the wire refuses, and how: Status objects, pages that do not exist, and never a 500."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.http import core, flows
from tests.engine.http.wire_world import WireWorld, config_map

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


@pytest.mark.parametrize(
    ("method", "target", "status", "reason"),
    [
        ("GET", "/api/v1/namespaces/default/foos", 404, "NotFound"),
        ("GET", f"{CONFIGMAPS}/x/nosuch", 404, "NotFound"),
        ("POST", f"{CONFIGMAPS}/x", 405, "MethodNotAllowed"),
        ("PUT", CONFIGMAPS, 405, "MethodNotAllowed"),
        ("GET", "/api/v1/namespaces/default/bindings", 405, "MethodNotAllowed"),
        ("GET", f"{CONFIGMAPS}?labelSelector=%3D%3D", 400, "BadRequest"),
        ("GET", f"{CONFIGMAPS}?fieldSelector=spec.x%3D1", 400, "BadRequest"),
        ("GET", f"{CONFIGMAPS}?resourceVersion=abc", 400, "BadRequest"),
        ("GET", f"{CONFIGMAPS}?limit=many", 400, "BadRequest"),
        ("GET", f"{CONFIGMAPS}?timeoutSeconds=many", 400, "BadRequest"),
        ("GET", f"{CONFIGMAPS}?continue=bogus", 400, "BadRequest"),
        ("DELETE", f"{CONFIGMAPS}/x?propagationPolicy=Sideways", 422, "Invalid"),
        ("DELETE", f"{CONFIGMAPS}/x?dryRun=Some", 422, "Invalid"),
    ],
)
def test_refusals_are_statuses(world: WireWorld, method: str, target: str, status: int, reason: str) -> None:
    """Each refusal is a Status with code and reason."""
    body = config_map("x") if method in ("POST", "PUT") else None
    got, answer = world.ask(method, target, body)
    assert (got, answer["kind"], answer["reason"], answer["code"]) == (status, "Status", reason, status)


@pytest.mark.parametrize(
    "target", ["/nope", "/apis/nosuch.example/v1", "/apis/nosuch.example/v1/foos", "/healthz/nope"]
)
def test_a_page_that_does_not_exist(world: WireWorld, target: str) -> None:
    """Paths of no API answer plain text, as Go's mux does."""
    assert world.get(target) == (404, "404 page not found\n")


def test_unknown_content_types_are_415(world: WireWorld) -> None:
    """A body in an unknown form, and a patch of an unknown kind."""
    status, answer = world.ask("POST", CONFIGMAPS, b"<xml/>", content_type="text/xml")
    assert (status, answer["reason"]) == (415, "UnsupportedMediaType")
    status, answer = world.ask("PATCH", f"{CONFIGMAPS}/x", b"{}", content_type="text/plain")
    assert status == 415
    assert "application/strategic-merge-patch+json" in answer["message"]


def test_an_accept_that_nothing_meets_is_406(world: WireWorld) -> None:
    """Who reads neither JSON nor YAML gets nothing."""
    status, answer = world.get(CONFIGMAPS, accept="application/vnd.kubernetes.protobuf")
    assert (status, answer["reason"]) == (406, "NotAcceptable")


def test_a_large_body_is_413(world: WireWorld) -> None:
    """Bodies over 3 MB are refused."""
    status, answer = world.ask("POST", CONFIGMAPS, b" " * (core.MAX_BODY + 1))
    assert (status, answer["reason"]) == (413, "RequestEntityTooLarge")


def test_too_many_at_a_time_are_429(world: WireWorld) -> None:
    """Beyond its share of the requests in flight a client is told to come back; another is served."""
    taken = [world.wire.in_flight.take(("kubernetes-admin", "greedy")) for _ in range(flows.MAX_OF_FLOW)]
    try:
        answer = world.answer("GET", CONFIGMAPS, user_agent="greedy")
        assert (answer.status, ("Retry-After", "1") in answer.headers) == (429, True)
        assert world.answer("GET", CONFIGMAPS, user_agent="modest").status == 200
        taken += [world.wire.in_flight.take(number) for number in range(flows.MAX_IN_FLIGHT - flows.MAX_OF_FLOW)]
        assert world.answer("GET", CONFIGMAPS, user_agent="modest").status == 429
    finally:
        for give_back in taken:
            give_back()
    assert world.answer("GET", CONFIGMAPS, user_agent="greedy").status == 200


def test_too_many_streams_are_429(world: WireWorld) -> None:
    """A user who has taken their share of streams gets no other; what ends gives its place back."""
    places = [world.wire.streams.take("kubernetes-admin") for _ in range(flows.MAX_STREAMS_OF_USER - 1)]
    watch = f"{CONFIGMAPS}?watch=1&resourceVersion={world.store.revision}&timeoutSeconds=1"
    assert world.answer_any("GET", watch) == 200
    places.append(world.wire.streams.take("kubernetes-admin"))
    assert world.answer_any("GET", watch) == 429
    assert world.answer_any("GET", CONFIGMAPS) == 200, "what is no stream goes on"
    for give_back in places:
        give_back()
    assert world.wire.streams.total == 0


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]),
    path=st.lists(st.sampled_from(["api", "apis", "v1", "apps", "namespaces", "default", "pods", "watch", "", "x\0"])),
    query=st.sampled_from(["", "?watch=1&timeoutSeconds=1&resourceVersion=0&labelSelector=!!", "?limit=-1", "?dryRun"]),
    body=st.one_of(st.none(), st.binary(max_size=40), st.sampled_from([b"null", b"[]", b'{"metadata":3}', b'"x"'])),
    content_type=st.sampled_from(
        ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "application/json-patch+json",
         "application/strategic-merge-patch+json", "x/y;;=", ""]
    ),
)  # fmt: skip
def test_nonsense_is_never_our_fault(
    world: WireWorld, method: str, path: list[str], query: str, body: bytes | None, content_type: str
) -> None:
    """Whatever is asked, the answer is no 500, and what was refused changed nothing."""
    before = world.store.revision
    answer = world.answer_any(method, "/" + "/".join(path) + query, body, content_type=content_type)
    assert answer < 500
    assert answer < 300 or world.store.revision == before


def test_what_the_answer_cannot_be_is_refused_before_the_write(world: WireWorld) -> None:
    """A Table with an includeObject that there is not: 400, and nothing was created."""
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    status, _ = world.ask("POST", f"{CONFIGMAPS}?includeObject=Nope", config_map("unwanted"), accept=table)
    assert (status, world.get(f"{CONFIGMAPS}/unwanted")[0]) == (400, 404)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a":', "couldn't get version/kind; json parse error: unexpected end of JSON input ({\"a\":)"),
        (b"", "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"),
        (b"[1]", "of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
                 "\"json:\\\"kind,omitempty\\\"\" } (5b315d)"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_object(world: WireWorld, body: bytes, message: str) -> None:
    """Kubernetes tells what it wanted and how what it got begins."""
    status, answer = world.ask("POST", CONFIGMAPS, body)
    assert status == 400
    assert answer["message"].startswith("the object provided is unrecognized (must be of type ConfigMap): couldn't get")
    assert answer["message"].endswith(message)


@pytest.mark.parametrize(
    ("version", "kind", "message"),
    [
        ("v1", "Foo", 'Foo in version "v1" cannot be handled as a ConfigMap: no kind "Foo" is registered for version '
                      '"v1" in scheme "pkg/api/legacyscheme/scheme.go:30"'),
        ("apps/v1", "Deployment", 'Deployment in version "v1" cannot be handled as a ConfigMap: converting '
                                  "(v1.Deployment) to (core.ConfigMap): unknown conversion"),
        ("v1", "ConfigMapList", 'ConfigMapList in version "v1" cannot be handled as a ConfigMap: converting '
                                "(v1.ConfigMapList) to (core.ConfigMap): unknown conversion"),
    ],
)  # fmt: skip
def test_an_object_of_another_kind(world: WireWorld, version: str, kind: str, message: str) -> None:
    """What is known cannot be converted; what is not known is in no scheme."""
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}}
    assert world.ask("POST", CONFIGMAPS, body)[1]["message"] == message


def test_another_version_of_a_kind(world: WireWorld) -> None:
    """Both are one kind in two versions: only the place is wrong."""
    body = {"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "x"}}
    message = "the API version in the data (events.k8s.io/v1) does not match the expected API version (v1)"
    assert world.ask("POST", "/api/v1/namespaces/default/events", body)[1]["message"] == message
