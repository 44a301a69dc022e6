"""Creating and updating: what the server itself writes, refuses and leaves alone."""

from __future__ import annotations

import base64

import pytest

from engine.api.errors import AlreadyExists, BadRequest, Conflict, Invalid, NotFound
from engine.api.kinds import CONFIGMAPS, DEPLOYMENTS, NODES, PODS, SECRETS
from store.types import JsonObject
from tests.engine.api.door import COMPONENT, PERSON, Door

CONFIG: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}
"""


def changed(obj: JsonObject, **parts: object) -> JsonObject:
    return {**obj, **parts}


# -- create ----------------------------------------------------------------------------------------------------------


def test_the_server_names_and_dates_an_object(door: Door) -> None:
    """uid, creationTimestamp and resourceVersion are its own, whatever the manifest says."""
    env = door.create({**CONFIG, "metadata": {"name": "c", "uid": "mine", "creationTimestamp": None, "generation": 9}})
    meta = env.obj["metadata"]
    assert meta["uid"] != "mine"
    assert meta["creationTimestamp"] == "2026-11-23T09:00:00Z"
    assert meta["resourceVersion"] == str(env.revision) == str(door.store.revision)
    assert "generation" not in meta


def test_a_pod_starts_pending(door: Door) -> None:
    """Its status is the server's, with the quality-of-service class; generation counts from 1."""
    env = door.create({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "status": {"phase": "Running"},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]},
    })  # fmt: skip
    assert env.obj["status"] == {"phase": "Pending", "qosClass": "Burstable"}
    assert env.obj["metadata"]["generation"] == 1


def test_a_node_comes_with_its_status(door: Door) -> None:
    """Kubelets register with it."""
    env = door.api.create(COMPONENT, NODES, "", {"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "4"}}})
    assert env.obj["status"]["capacity"] == {"cpu": "4"}


def test_generated_names(door: Door) -> None:
    """A suffix of five safe characters; long bases are cut so that the name fits a label."""
    one = door.create({**CONFIG, "metadata": {"generateName": "web-"}})
    assert one.name.startswith("web-")
    assert len(one.name) == 9
    long = door.create({**CONFIG, "metadata": {"generateName": "x" * 70}})
    assert len(long.name) == 63


def test_names_are_needed_and_taken_once(door: Door) -> None:
    """Without any it is Invalid; a second of the same name is refused."""
    error = door.refusal({**CONFIG, "metadata": {}})
    assert isinstance(error, Invalid)
    assert error.message.endswith("is invalid: metadata.name: Required value: name or generateName is required")
    door.create(CONFIG)
    error = door.refusal(CONFIG)
    assert isinstance(error, AlreadyExists)
    assert error.message == 'configmaps "c" already exists'


def test_namespaces_must_exist_and_agree(door: Door) -> None:
    """A missing one is NotFound, another one than the request's a BadRequest."""
    error = door.refusal({**CONFIG, "metadata": {"name": "c", "namespace": "nope"}})
    assert isinstance(error, NotFound)
    assert error.message == 'namespaces "nope" not found'
    with pytest.raises(BadRequest, match="the namespace of the provided object does not match the namespace sent on"):
        door.api.create(
            PERSON, CONFIGMAPS, "default", {**CONFIG, "metadata": {"name": "c", "namespace": "kube-system"}}
        )


def test_cluster_scoped_kinds_refuse_a_namespace(door: Door) -> None:
    """metadata.namespace is not allowed on them."""
    error = door.refusal({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "namespace": "default"}})
    assert isinstance(error, Invalid)
    assert "metadata.namespace: Forbidden: not allowed on this type" in error.message


def test_a_resource_version_has_no_place_in_a_new_object(door: Door) -> None:
    """What claims to exist cannot be created, be it there or not."""
    error = door.refusal({**CONFIG, "metadata": {"name": "c", "resourceVersion": "1"}})
    assert (error.code, error.reason) == (500, "")
    assert error.message == "resourceVersion should not be set on objects to be created"


def test_strict_warn_and_ignore(door: Door) -> None:
    """Unknown fields are refused, dropped with a warning, or dropped."""
    manifest = {**CONFIG, "dat": {}}
    assert isinstance(door.refusal(manifest), BadRequest)
    said: list[str] = []
    env = door.create(manifest, validation="Warn", warnings=said)
    assert said == ['unknown field "dat"']
    assert "dat" not in env.obj
    assert "dat" not in door.create({**manifest, "metadata": {"name": "d"}}, validation="Ignore").obj


def test_a_dry_run_answers_and_writes_nothing(door: Door) -> None:
    """The object is as it would be; a refusal is the same refusal."""
    before = door.store.revision
    env = door.create(CONFIG, dry_run=True)
    assert env.obj["data"] == {"a": "1"}
    assert door.store.revision == before
    assert door.api.find(CONFIGMAPS, "default", "c") is None


def test_string_data_becomes_data(door: Door) -> None:
    """stringData is write-only."""
    env = door.create({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "hällo"},
    })  # fmt: skip
    assert "stringData" not in env.obj
    assert base64.b64decode(env.obj["data"]["a"]).decode() == "hällo"
    new = door.api.patch(PERSON, SECRETS, "default", "s", "merge", {"stringData": {"b": "x"}})
    assert set(new.obj["data"]) == {"a", "b"}


def test_a_template_is_admitted_once(door: Door) -> None:
    """Pods made from one template share their spec with each other, in memory too."""
    spec = {"containers": [{"name": "c", "image": "i"}]}
    pods = [
        door.api.create(COMPONENT, PODS, "default", {"metadata": {"generateName": "w-"}, "spec": spec})
        for _ in range(3)
    ]  # fmt: skip
    assert pods[1].obj["spec"] is pods[2].obj["spec"]
    assert pods[0].obj["spec"] == pods[1].obj["spec"]
    assert pods[1].obj["status"] is not pods[2].obj["status"]


# -- update ----------------------------------------------------------------------------------------------------------


def test_an_update_that_changes_nothing_is_no_revision(door: Door) -> None:
    """The present envelope comes back."""
    env = door.create(DEPLOYMENT)
    assert door.api.update(PERSON, DEPLOYMENTS, "default", "web", dict(env.obj)) is env
    assert door.api.update(PERSON, DEPLOYMENTS, "default", "web", dict(env.obj), field_validation="Strict") is env


def test_a_stale_resource_version_is_a_conflict(door: Door) -> None:
    """Without one, the update is unconditional."""
    env = door.create(CONFIG)
    door.api.update(PERSON, CONFIGMAPS, "default", "c", changed(env.obj, data={"a": "2"}))
    with pytest.raises(Conflict) as caught:
        door.api.update(PERSON, CONFIGMAPS, "default", "c", changed(env.obj, data={"a": "3"}))
    assert caught.value.message == (
        'Operation cannot be fulfilled on configmaps "c": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    new = door.api.update(PERSON, CONFIGMAPS, "default", "c", {"metadata": {"name": "c"}, "data": {"a": "4"}})
    assert (new.obj["data"], new.uid) == ({"a": "4"}, env.uid)


def test_generation_counts_desired_state_only(door: Door) -> None:
    """A changed spec counts, labels and status do not."""
    env = door.create(DEPLOYMENT)
    new = door.api.update(
        PERSON, DEPLOYMENTS, "default", "web", changed(env.obj, spec={**env.obj["spec"], "replicas": 3})
    )
    assert new.obj["metadata"]["generation"] == 2
    labelled = changed(new.obj, metadata={**new.obj["metadata"], "labels": {"a": "b"}})
    new = door.api.update(COMPONENT, DEPLOYMENTS, "default", "web", labelled)
    new = door.api.update_status(COMPONENT, new, {"replicas": 3})
    assert new.obj["metadata"]["generation"] == 2


def test_a_deployments_annotations_count_as_generation(door: Door) -> None:
    """Unless they come through the status, as the Deployment controller's revision does."""
    env = door.create(DEPLOYMENT)
    noted = changed(env.obj, metadata={**env.obj["metadata"], "annotations": {"r": "1"}})
    new = door.api.update(COMPONENT, DEPLOYMENTS, "default", "web", noted, subresource="status")
    assert (new.obj["metadata"]["annotations"], new.obj["metadata"]["generation"]) == ({"r": "1"}, 1)
    noted = changed(new.obj, metadata={**new.obj["metadata"], "annotations": {"r": "2"}})
    new = door.api.update(COMPONENT, DEPLOYMENTS, "default", "web", noted)
    assert new.obj["metadata"]["generation"] == 2


def test_status_and_the_rest_have_separate_doors(door: Door) -> None:
    """An update keeps the status, a status update keeps the spec."""
    env = door.create(DEPLOYMENT)
    both = changed(env.obj, spec={**env.obj["spec"], "replicas": 9}, status={"replicas": 9})
    new = door.api.update(PERSON, DEPLOYMENTS, "default", "web", both)
    assert new.obj["status"] == env.obj["status"]
    both = changed(new.obj, spec={"replicas": 1}, status={"replicas": 9})
    new = door.api.update(PERSON, DEPLOYMENTS, "default", "web", both, subresource="status")
    assert (new.obj["status"], new.obj["spec"]["replicas"]) == ({"replicas": 9}, 9)


def test_a_status_read_too_early_is_a_conflict(door: Door) -> None:
    """update_status writes only onto the state that it was computed from."""
    env = door.create(DEPLOYMENT)
    door.api.update_status(COMPONENT, env, {"replicas": 1})
    with pytest.raises(Conflict):
        door.api.update_status(COMPONENT, env, {"replicas": 2})


def test_an_object_keeps_its_identity(door: Door) -> None:
    """Name and namespace must match the request, uid is immutable, creation time is the server's."""
    env = door.create(CONFIG)
    meta = env.obj["metadata"]
    with pytest.raises(BadRequest, match=r"the name of the object \(d\) does not match the name on the URL \(c\)"):
        door.api.update(PERSON, CONFIGMAPS, "default", "c", changed(env.obj, metadata={**meta, "name": "d"}))
    with pytest.raises(BadRequest, match="the namespace of the provided object does not match"):
        door.api.update(PERSON, CONFIGMAPS, "default", "c", changed(env.obj, metadata={**meta, "namespace": "x"}))
    other = f"Key: /registry/configmaps/default/c, .*UID in precondition: abc, UID in object meta: {env.uid}"
    with pytest.raises(Conflict, match=other):
        door.api.update(PERSON, CONFIGMAPS, "default", "c", changed(env.obj, metadata={**meta, "uid": "abc"}))
    with pytest.raises(Invalid, match=r'metadata\.uid: Invalid value: "abc": field is immutable'):
        door.api.patch(PERSON, CONFIGMAPS, "default", "c", "merge", {"metadata": {"uid": "abc"}})
    later = changed(env.obj, metadata={**meta, "creationTimestamp": "2020-01-01T00:00:00Z"})
    assert door.api.update(PERSON, CONFIGMAPS, "default", "c", later) is env


def test_what_is_not_served_is_not_found(door: Door) -> None:
    """Unknown resources and subresources."""
    with pytest.raises(NotFound, match="the server could not find the requested resource"):
        door.api.list(CONFIGMAPS._replace(plural="nopes"))
    door.create(CONFIG)
    with pytest.raises(NotFound, match="the server could not find the requested resource"):
        door.api.update(PERSON, CONFIGMAPS, "default", "c", CONFIG, subresource="status")


def test_a_namespaces_own_finalizers_are_standard_or_qualified(door: Door) -> None:
    """Those of its spec are judged like those of its metadata."""
    wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}, "spec": {"finalizers": ["mine"]}}
    error = door.refusal(wanted)
    assert isinstance(error, Invalid)
    assert error.causes[0].message.endswith("name is neither a standard finalizer name nor is it fully qualified")
    assert error.causes[0].field == "spec.finalizers"
