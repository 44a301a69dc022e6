"""The patch and apply verbs: what they refuse, in the API server's words, and what they leave alone."""

from __future__ import annotations

import json

import pytest
import yaml

from engine.api.apply import LAST_APPLIED
from engine.api.errors import ApiError, BadRequest, Conflict, Invalid, NotFound
from engine.api.kinds import CONFIGMAPS, DEPLOYMENTS
from store.types import Envelope
from tests.engine.api.door import PERSON, Door
from tests.engine.api.test_api_writes import CONFIG, DEPLOYMENT


@pytest.fixture
def web(door: Door) -> Door:
    door.create(DEPLOYMENT)
    door.create(CONFIG)
    return door


def patch(door: Door, body: object, how: str = "strategic", name: str = "web", **options: object) -> Envelope:
    resource = DEPLOYMENTS if name == "web" else CONFIGMAPS
    return door.api.patch(PERSON, resource, "default", name, how, body, **options)  # type: ignore[arg-type]


def containers(env: Envelope) -> list[str]:
    return [c["name"] for c in env.obj["spec"]["template"]["spec"]["containers"]]


def test_the_three_patches_merge_lists_differently(web: Door) -> None:
    """Strategic adds a container, merge replaces the list, JSON addresses it."""
    pod = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "busybox"}]}}}}
    assert containers(patch(web, pod)) == ["side", "c"]
    assert containers(patch(web, pod, "merge")) == ["side"]
    path = "/spec/template/spec/containers/-"
    assert containers(patch(web, [{"op": "add", "path": path, "value": {"name": "x", "image": "i"}}], "json")) == [
        "side", "x",
    ]  # fmt: skip


def test_a_patch_that_changes_nothing_is_no_revision(web: Door) -> None:
    """The present envelope comes back."""
    before = web.store.revision
    patch(web, {"spec": {"replicas": 2}})
    patch(web, {"apiVersion": "apps/v2"})
    patch(web, {"metadata": {"creationTimestamp": "2020-01-01T00:00:00Z"}})
    assert web.store.revision == before


def test_unknown_fields_in_a_patch_are_a_warning(web: Door) -> None:
    """By default; nothing is written then."""
    before, said = web.store.revision, list[str]()
    patch(web, {"spec": {"foo": "x"}}, field_validation="Warn", warnings=said)
    assert said == ['unknown field "spec.foo"']
    assert web.store.revision == before
    with pytest.raises(BadRequest, match=r'strict decoding error: unknown field "spec\.foo"'):
        patch(web, {"spec": {"foo": "x"}}, field_validation="Strict")


@pytest.mark.parametrize(
    ("body", "how", "error", "text"),
    [
        ("not json", "strategic", BadRequest,
         "json: cannot unmarshal string into Go value of type map[string]interface {}"),
        (
            {"spec": {"replicas": "x"}}, "strategic", Invalid,
            ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:x]]": unrecognized type: int32',
        ),
        (
            {"spec": {"template": "x"}}, "strategic", Invalid,
            ' "" is invalid: patch: Invalid value: "map[spec:map[template:x]]": cannot restore struct from: string',
        ),
        (
            [{"op": "test", "path": "/spec/replicas", "value": 99}], "json", Invalid,
            "the server rejected our request due to an error in our request",
        ),
        (
            [{"op": "remove", "path": "/metadata/labels/nope"}], "json", Invalid,
            "the server rejected our request due to an error in our request",
        ),
        ({"metadata": {"name": "other"}}, "merge", BadRequest,
         "the name of the object (other) does not match the name on the URL (web)"),
        ({"metadata": {"namespace": "default2"}}, "merge", BadRequest,
         "the namespace of the provided object does not match the namespace sent on the request"),
        ({"metadata": {"uid": "abc"}}, "merge", Invalid,
         'Deployment.apps "web" is invalid: metadata.uid: Invalid value: "abc": field is immutable'),
        ({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 9}}, "merge", Conflict,
         'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; '
         "please apply your changes to the latest version and try again"),
    ],
)  # fmt: skip
def test_refusals(web: Door, body: object, how: str, error: type[ApiError], text: str) -> None:
    """Nothing is written, and the text is Kubernetes'."""
    before = web.store.revision
    with pytest.raises(error) as caught:
        patch(web, body, how, field_validation="Warn")
    assert caught.value.message == text
    assert web.store.revision == before


def test_patching_nothing(web: Door) -> None:
    """There must be something to patch."""
    with pytest.raises(NotFound, match='configmaps "nope" not found'):
        patch(web, {"data": {}}, "merge", "nope")


def test_null_deletes(web: Door) -> None:
    """In a merge patch."""
    assert patch(web, {"data": {"a": None, "b": "2"}}, "merge", "c").obj["data"] == {"b": "2"}


def test_a_dry_run_patch(web: Door) -> None:
    """Answers with the patched object at its present version."""
    env = patch(web, {"data": {"q": "1"}}, "merge", "c", dry_run=True)
    assert env.obj["data"] == {"a": "1", "q": "1"}
    assert web.api.get(CONFIGMAPS, "default", "c").obj["data"] == {"a": "1"}


def test_status_is_patched_through_its_door(web: Door) -> None:
    """And without it, is left as it was."""
    body = {"status": {"observedGeneration": 5}}
    assert patch(web, body, "merge").obj["status"] == {}
    assert patch(web, body, "merge", subresource="status").obj["status"] == {"observedGeneration": 5}


# -- apply -----------------------------------------------------------------------------------------------------------


def test_apply_creates_with_the_last_applied_configuration(door: Door) -> None:
    """The annotation is kubectl's, byte for byte."""
    env = door.apply(DEPLOYMENT)
    text = env.obj["metadata"]["annotations"][LAST_APPLIED]
    assert text == (
        '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{},"name":"web","namespace":"default"},'
        '"spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},'
        '"spec":{"containers":[{"image":"i","name":"c"}]}}}}\n'
    )


def test_applying_again_changes_nothing(door: Door) -> None:
    """The same envelope, no revision."""
    env = door.apply(DEPLOYMENT)
    assert door.apply(DEPLOYMENT) is env


def test_apply_leaves_alone_what_others_set(door: Door) -> None:
    """What was applied and is no longer is deleted; what somebody else added stays."""
    door.apply(DEPLOYMENT)
    door.api.patch(PERSON, DEPLOYMENTS, "default", "web", "merge", {"metadata": {"labels": {"mine": "1"}}})
    manifest = yaml.safe_load(DEPLOYMENT)
    del manifest["spec"]["replicas"]
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2"
    env = door.apply(yaml.safe_dump(manifest))
    assert env.obj["metadata"]["labels"] == {"mine": "1"}
    assert env.obj["spec"]["replicas"] == 1
    assert env.obj["spec"]["template"]["spec"]["containers"][0]["image"] == "i:2"
    assert json.loads(env.obj["metadata"]["annotations"][LAST_APPLIED])["spec"].get("replicas") is None


def test_apply_is_strict(door: Door) -> None:
    """Also for an object that exists and would not change."""
    door.apply(DEPLOYMENT)
    with pytest.raises(BadRequest, match=r'unknown field "spec\.replcas"'):
        door.apply(DEPLOYMENT.replace("replicas: 2", "replcas: 2"))


def test_a_dry_run_apply(door: Door) -> None:
    """Says what would be and writes nothing."""
    before = door.store.revision
    assert door.apply(DEPLOYMENT, dry_run=True).obj["spec"]["replicas"] == 2
    assert door.store.revision == before
    door.apply(DEPLOYMENT)
    before = door.store.revision
    assert door.apply(DEPLOYMENT.replace("replicas: 2", "replicas: 5"), dry_run=True).obj["spec"]["replicas"] == 5
    assert door.store.revision == before
