"""Server-side apply: fields have owners, owners may conflict, and what is given up goes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.api import errors
from engine.api.kinds import CONFIGMAPS, NAMESPACES
from engine.api.managed.fields import FieldSet, decoded, encoded, text
from engine.api.managed.managers import Entry, Manager, capped
from store.types import Envelope, JsonObject, Resource
from tests.engine.api.door import COMPONENT, PERSON, Door

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1.27", ports: [{containerPort: 80}]}
"""
DEPLOYMENTS = Resource("apps", "deployments")


def apply(door: Door, manifest: str | JsonObject, manager: str = "team", **options: Any) -> Envelope:
    obj = yaml.safe_load(manifest) if isinstance(manifest, str) else manifest
    kind = door.kind(obj)
    namespace = "default" if kind.namespaced else ""
    return door.api.apply_server_side(
        PERSON, kind.resource, namespace, obj["metadata"]["name"], obj, field_manager=manager, **options
    )


def fields(env: Envelope, manager: str) -> JsonObject:
    entry = next(e for e in env.obj["metadata"]["managedFields"] if e["manager"] == manager)
    found: JsonObject = entry["fieldsV1"]
    return found


def config_map(**data: str) -> JsonObject:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def test_an_apply_owns_what_it_says(door: Door) -> None:
    """Leaves, entries of maps and items of keyed lists; defaults belong to nobody."""
    env = apply(door, DEPLOYMENT)
    assert [(e["manager"], e["operation"], e["apiVersion"], e["fieldsType"]) for e in
            env.obj["metadata"]["managedFields"]] == [("team", "Apply", "apps/v1", "FieldsV1")]  # fmt: skip
    assert fields(env, "team") == {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {
            "f:replicas": {}, "f:selector": {},
            "f:template": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {"f:containers": {'k:{"name":"web"}': {
                    ".": {}, "f:image": {}, "f:name": {},
                    "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                }}},
            },
        },
    }  # fmt: skip


def test_an_update_owns_what_it_makes(door: Door) -> None:
    """A create owns its fields and their defaults, as an update, maps and optional structs included."""
    obj = yaml.safe_load(DEPLOYMENT)
    env = door.api.create(PERSON, DEPLOYMENTS, "default", obj, field_validation="Strict", field_manager="kubectl")
    assert env.obj["metadata"]["managedFields"][0]["operation"] == "Update"
    found = fields(env, "kubectl")
    assert found["f:metadata"] == {"f:labels": {".": {}, "f:app": {}}}
    assert found["f:spec"]["f:strategy"] == {
        "f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}, "f:type": {},
    }  # fmt: skip
    assert "." not in found["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert "f:status" not in found


def test_who_makes_a_namespace_owns_the_label_with_its_name(door: Door) -> None:
    """A default like any other, if the name is known; a generated name is told by the server."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    env = door.api.create(PERSON, NAMESPACES, "", space, field_validation="Strict", field_manager="kubectl-create")
    label = "kubernetes.io/metadata.name"
    assert fields(env, "kubectl-create") == {"f:metadata": {"f:labels": {".": {}, f"f:{label}": {}}}}
    generated = {**space, "metadata": {"generateName": "shop-"}}
    env = door.api.create(PERSON, NAMESPACES, "", generated, field_validation="Strict", field_manager="kubectl-create")
    assert env.labels == {label: env.name}
    assert fields(env, "kubectl-create") == {"f:metadata": {"f:generateName": {}}}


def test_applying_twice_changes_nothing(door: Door) -> None:
    """No revision, no new time."""
    first = apply(door, DEPLOYMENT)
    door.wait(60)
    assert apply(door, DEPLOYMENT) is first


def test_a_revision_does_not_keep_an_apply_from_creating(door: Door) -> None:
    """It says which object may be changed; a uid says that there has to be one."""
    given = config_map(a="1")
    with pytest.raises(errors.Conflict, match="no existing object was found"):
        apply(door, {**given, "metadata": {"name": "c", "uid": "abc"}})
    env = apply(door, {**given, "metadata": {"name": "c", "resourceVersion": "1"}})
    assert env.obj["data"] == {"a": "1"}
    with pytest.raises(errors.Conflict, match="the object has been modified"):
        apply(door, {**config_map(a="2"), "metadata": {"name": "c", "resourceVersion": "1"}})


def test_a_conflict_names_field_and_owner(door: Door) -> None:
    """409 in Kubernetes' words, a cause for each field; nothing is written."""
    obj = yaml.safe_load(DEPLOYMENT)
    door.api.create(
        PERSON, DEPLOYMENTS, "default", obj, field_validation="Strict", field_manager="kubectl-client-side-apply"
    )
    obj["spec"]["replicas"] = 5
    before = door.store.revision
    with pytest.raises(errors.Conflict) as refused:
        apply(door, obj)
    assert refused.value.message == (
        'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas'
    )
    assert [tuple(cause) for cause in refused.value.causes] == [
        ("FieldManagerConflict", ".spec.replicas", 'conflict with "kubectl-client-side-apply" using apps/v1')
    ]
    assert door.store.revision == before
    obj["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2"
    with pytest.raises(errors.Conflict) as refused:
        apply(door, obj)
    assert refused.value.message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl-client-side-apply" using apps/v1:\n- .spec.replicas\n'
        '- .spec.template.spec.containers[name="web"].image'
    )


def test_force_takes_the_field_over(door: Door) -> None:
    """The former owner loses it, and conflicts when it wants it back."""
    apply(door, config_map(a="1", b="1"), "one")
    env = apply(door, config_map(a="2"), "two", force=True)
    assert env.obj["data"] == {"a": "2", "b": "1"}
    assert fields(env, "one") == {"f:data": {"f:b": {}}}
    assert fields(env, "two") == {"f:data": {"f:a": {}}}
    with pytest.raises(errors.Conflict, match=r'conflict with "two": \.data\.a'):
        apply(door, config_map(a="1", b="1"), "one")


def test_what_is_given_up_goes_unless_shared(door: Door) -> None:
    """A field leaves with its last owner."""
    apply(door, config_map(a="1", b="1"), "one")
    apply(door, config_map(a="1"), "two")
    assert apply(door, config_map(), "one").obj["data"] == {"a": "1"}
    env = apply(door, {**config_map(), "data": None}, "two")
    assert not env.obj.get("data")


def test_the_autoscaler_story(door: Door) -> None:
    """Replicas are handed over: a component's scaling owns them, the user gives them up, nothing is reset."""
    env = apply(door, DEPLOYMENT)
    scaled = {**env.obj, "spec": {**env.obj["spec"], "replicas": 7}}
    env = door.api.update(COMPONENT, DEPLOYMENTS, "default", "web", scaled)
    assert fields(env, "kube-controller-manager") == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in fields(env, "team")["f:spec"]
    with pytest.raises(errors.Conflict, match=r"\.spec\.replicas"):
        apply(door, DEPLOYMENT)
    without = yaml.safe_load(DEPLOYMENT)
    del without["spec"]["replicas"]
    assert apply(door, without).obj["spec"]["replicas"] == 7


def test_items_of_keyed_lists_are_owned_one_by_one(door: Door) -> None:
    """A sidecar by another manager stays when the first one applies again, and goes when its owner drops it."""
    apply(door, DEPLOYMENT)
    side: JsonObject = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "side", "image": "envoy"}]}}},
    }  # fmt: skip
    env = apply(door, side, "mesh")
    assert [c["name"] for c in env.obj["spec"]["template"]["spec"]["containers"]] == ["web", "side"]
    env = apply(door, DEPLOYMENT)
    assert [c["name"] for c in env.obj["spec"]["template"]["spec"]["containers"]] == ["web", "side"]
    env = apply(door, {**side, "spec": {}}, "mesh")
    assert [c["name"] for c in env.obj["spec"]["template"]["spec"]["containers"]] == ["web"]


def test_status_has_owners_of_its_own(door: Door) -> None:
    """The main door neither writes nor owns status; the status door nothing else."""
    apply(door, DEPLOYMENT)
    status = {**yaml.safe_load(DEPLOYMENT), "spec": {"replicas": 9}, "status": {"replicas": 2}}
    env = apply(door, status, "observer", subresource="status")
    assert (env.obj["spec"]["replicas"], env.obj["status"]["replicas"]) == (3, 2)
    entry = next(e for e in env.obj["metadata"]["managedFields"] if e["manager"] == "observer")
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:replicas": {}}})


def test_kubectl_takes_over_what_it_applied_on_the_clients_side(door: Door) -> None:
    """The annotation is proof of ownership, and follows."""
    door.apply(DEPLOYMENT, field_manager="kubectl-client-side-apply")
    changed = DEPLOYMENT.replace("replicas: 3", "replicas: 4")
    with pytest.raises(errors.Conflict):
        apply(door, changed, "somebody")
    env = apply(door, changed, "kubectl")
    assert env.obj["spec"]["replicas"] == 4
    assert '"replicas":4' in env.obj["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]


def test_kubectl_does_not_take_over_what_was_changed_since(door: Door) -> None:
    """What kubectl scaled in between is a conflict, although kubectl had applied it."""
    env = door.apply(DEPLOYMENT, field_manager="kubectl-client-side-apply")
    scaled = {"spec": {"replicas": 5}}
    door.api.patch(
        PERSON, DEPLOYMENTS, "default", env.name, "merge", scaled, subresource="scale", field_manager="kubectl"
    )
    with pytest.raises(errors.Conflict) as refused:
        apply(door, DEPLOYMENT, "kubectl")
    assert refused.value.message == (
        'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas'
    )


def test_an_object_without_owners_belongs_to_before(door: Door) -> None:
    """What was there before the first apply conflicts under that name."""
    door.create(config_map(a="1"), validation=None)
    with pytest.raises(errors.Conflict, match=r'conflict with "before-first-apply" using v1: \.data\.a'):
        apply(door, config_map(a="2"))
    assert "before-first-apply" in str(apply(door, config_map(a="1", b="1")).obj["metadata"]["managedFields"])


def test_bookkeeping_can_be_reset(door: Door) -> None:
    """managedFields: [{}] forgets all owners; an apply may not bring any."""
    env = apply(door, config_map(a="1"))
    reset = {**env.obj, "metadata": {**env.obj["metadata"], "managedFields": [{}]}}
    env = door.api.update(PERSON, env.key.resource, "default", "c", reset, field_validation="Strict")
    assert "managedFields" not in env.obj["metadata"]
    with pytest.raises(errors.BadRequest, match=r"metadata\.managedFields must be nil"):
        apply(door, reset)


def test_components_pay_nothing(door: Door) -> None:
    """Objects that only the cluster writes carry no bookkeeping; status writes leave what is there as it is."""
    pod = door.api.create(COMPONENT, Resource("", "pods"), "default", {
        "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]},
    })  # fmt: skip
    assert "managedFields" not in door.api.update_status(COMPONENT, pod, {"phase": "Running"}).obj["metadata"]
    env = apply(door, DEPLOYMENT)
    after = door.api.update_status(COMPONENT, env, {"replicas": 1})
    assert after.obj["metadata"]["managedFields"] is env.obj["metadata"]["managedFields"]


def test_a_dry_run_tells_and_writes_nothing(door: Door) -> None:
    """The answer has the owners that there would be."""
    before = door.store.revision
    assert fields(apply(door, config_map(a="1"), dry_run=True), "team") == {"f:data": {"f:a": {}}}
    assert door.store.revision == before


def test_the_eleventh_updater_makes_the_oldest_ancient() -> None:
    """Ten updaters at most are told apart."""
    managers = {
        Manager(f"m{n:02}", "Update", "v1"): Entry(frozenset({(f"f:{n}",)}), f"2026-11-23T09:00:{n:02}Z")
        for n in range(12)
    }
    left = capped(managers)
    assert sorted(m.name for m in left) == ["ancient-changes", *(f"m{n:02}" for n in range(3, 12))]
    assert left[Manager("ancient-changes", "Update", "v1")].fields == {("f:0",), ("f:1",), ("f:2",)}


ELEMENTS = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
SETS = st.frozensets(st.lists(ELEMENTS, min_size=1, max_size=4).map(tuple), max_size=8)


@given(SETS)
def test_fields_v1_says_exactly_the_set(paths: FieldSet) -> None:
    """Written and read, a set is the same, nodes with parts included."""
    assert decoded(encoded(paths)) == paths


def test_paths_read_as_in_conflicts() -> None:
    """Fields, keys and values."""
    path = ("f:spec", "f:ports", 'k:{"containerPort":80,"protocol":"TCP"}', "f:name")
    assert text(path) == '.spec.ports[containerPort=80,protocol="TCP"].name'
    assert text(("f:metadata", "f:finalizers", 'v:"a/b"')) == '.metadata.finalizers[="a/b"]'


DATA = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("123"), max_size=4)


@given(DATA, DATA)
def test_laws_of_apply(one: dict[str, str], two: dict[str, str]) -> None:
    """Forced or disjoint, each manager gets what it says; twice is once; what both gave up is gone."""
    door = Door()
    apply(door, config_map(**one), "one")
    fought = any(two[key] != value for key, value in one.items() if key in two)
    if fought:
        with pytest.raises(errors.Conflict):
            apply(door, config_map(**two), "two")
    env = apply(door, config_map(**two), "two", force=fought)
    assert env.obj.get("data", {}) == {**one, **two}
    assert apply(door, config_map(**two), "two") is env
    apply(door, config_map(), "one", force=True)
    assert not apply(door, config_map(), "two", force=True).obj.get("data")
    door.store.close()


# -- what does not fit -----------------------------------------------------------------------------------------------

_POD: JsonObject = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}


@pytest.mark.parametrize(("obj", "said"), [
    ({**_POD, "foo": 1, "spec": {"containers": [{"name": "c", "image": 1}]}},
     "errors:\n  .foo: field not declared in schema\n"
     '  .spec.containers[name="c"].image: expected string, got &value.valueUnstructured{Value:1}'),
    ({**_POD, "spec": {"containers": {"name": "c"}}}, ".spec.containers: expected list, got &{map[name:c]}"),
    ({**_POD, "spec": []}, ".spec: expected map, got &{[]}"),
    ({**_POD, "spec": {"priority": "x"}}, ".spec.priority: expected numeric (int or float), got string"),
    ({**_POD, "spec": {"hostNetwork": {"a": [None, "b"]}}}, ".spec.hostNetwork: expected boolean, got "
     '&value.valueUnstructured{Value:map[string]interface {}{"a":[]interface {}{interface {}(nil), "b"}}}'),
    ({**_POD, "spec": {"containers": [{"image": "i"}]}},
     '.spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"] '
     "(and doesn't have default values for any key fields)"),
    ({**_POD, "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}, {"containerPort": 80}]}]}},
     '.spec.containers[name="c"].ports: duplicate entries for key [containerPort=80,protocol="TCP"]'),
    ({**_POD, "metadata": {"name": "p", "finalizers": ["a/b", "a/b"]}},
     '.metadata.finalizers: duplicate entries for key [="a/b"]'),
])  # fmt: skip
def test_what_does_not_fit_its_schema_is_an_error_of_the_server(door: Door, obj: JsonObject, said: str) -> None:
    """500 without a reason, in the words of structured-merge-diff; strictness of validation has no say."""
    with pytest.raises(errors.ServerError) as refused:
        apply(door, obj)
    assert refused.value.message == f"failed to create typed patch object (default/p; /v1, Kind=Pod): {said}"
    assert "reason" not in refused.value.status()


def test_a_value_that_fits_its_schema_but_not_its_type_cannot_be_converted(door: Door) -> None:
    """A quantity is any scalar to the schema."""
    limits = {"limits": {"cpu": "lots"}}
    with pytest.raises(errors.ServerError) as refused:
        apply(door, {**_POD, "spec": {"containers": [{"name": "c", "image": "i", "resources": limits}]}})
    assert refused.value.message.startswith(
        "failed to convert new object (default/p; /v1, Kind=Pod) to proper version: unable to convert unstructured "
        "object to /v1, Kind=Pod: quantities must match the regular expression"
    )


def test_a_client_may_move_ownership_by_an_update(door: Door) -> None:
    """kubectl merges what it owned by client-side apply into its server-side entry with a patch of managedFields."""
    env = apply(door, config_map(a="1"), "kubectl")
    moved = [{**env.obj["metadata"]["managedFields"][0], "manager": "other"}]
    path = "/metadata/managedFields"
    new = door.api.patch(
        PERSON, env.key.resource, "default", "c", "json", [{"op": "replace", "path": path, "value": moved}],
        field_validation="Ignore", field_manager="mover",
    )  # fmt: skip
    assert [e["manager"] for e in new.obj["metadata"]["managedFields"]] == ["other"]
    assert fields(new, "other") == {"f:data": {"f:a": {}}}


def test_kubectl_is_told_only_of_what_it_did_not_apply_before(door: Door) -> None:
    """Fields of its last client-side apply are taken over; those that changed since are conflicts."""
    first = {**config_map(a="1", b="2"), "metadata": {"name": "c"}}
    door.api.apply(PERSON, CONFIGMAPS, "default", first, field_manager="kubectl-client-side-apply")
    door.api.patch(
        PERSON, CONFIGMAPS, "default", "c", "merge", {"data": {"b": "9"}}, field_validation="Strict",
        field_manager="kubectl-edit",
    )  # fmt: skip
    with pytest.raises(errors.Conflict) as refused:
        apply(door, config_map(a="3", b="3"), "kubectl")
    assert refused.value.message == 'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.b'
    assert apply(door, config_map(a="3", b="9"), "kubectl").obj["data"] == {"a": "3", "b": "9"}


def test_who_scales_owns_replicas_by_the_scale_subresource(door: Door) -> None:
    """An apply that disagrees names the door by which they were changed."""
    apply(door, DEPLOYMENT)
    door.api.patch(
        PERSON, DEPLOYMENTS, "default", "web", "merge", {"spec": {"replicas": 9}}, subresource="scale",
        field_manager="kubectl",
    )  # fmt: skip
    with pytest.raises(errors.Conflict) as refused:
        apply(door, DEPLOYMENT)
    assert refused.value.message == (
        'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas'
    )
