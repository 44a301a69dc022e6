"""What a real v1.36 answered to changes that it refused, and to patches that it did not understand."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.errors import ApiError, Invalid
from engine.api.kinds import NODES
from engine.api.server import PatchType
from tests.engine.api.door import PERSON, Door

WORLD = (
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, "
    "template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}}}",
    "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: ds}, spec: {selector: {matchLabels: {app: ds}}, "
    "template: {metadata: {labels: {app: ds}}, spec: {containers: [{name: c, image: i}]}}}}",
    "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: sts}, spec: {serviceName: s, selector: {matchLabels: "
    "{app: sts}}, template: {metadata: {labels: {app: sts}}, spec: {containers: [{name: c, image: i}]}}}}",
    "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {template: {spec: {restartPolicy: Never, "
    "containers: [{name: c, image: i}]}}}}",
    "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {clusterIP: 10.96.3.4, ports: [{port: 80}]}}",
    "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}]}}",
    "{apiVersion: v1, kind: Secret, metadata: {name: sec}, immutable: true, stringData: {a: b}}",
    "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: claim}, spec: {accessModes: [ReadWriteOnce], "
    "storageClassName: none, resources: {requests: {storage: 1Gi}}}}",
)
POD = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
STS = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
CLAIM = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


@pytest.fixture
def world(door: Door) -> Door:
    for manifest in WORLD:
        door.apply(manifest)
    return door


def refused(door: Door, word: str, name: str, patch: Any, how: PatchType = "strategic") -> ApiError:
    kind = door.api.kinds.resolve(word)
    assert kind is not None
    before = door.store.revision
    with pytest.raises(ApiError) as caught:
        door.api.patch(PERSON, kind.resource, "default", name, how, patch, field_validation="Warn")
    assert door.store.revision == before
    return caught.value


@pytest.mark.parametrize(
    ("word", "name", "patch", "complaint"),
    [
        ("deploy", "web", {"spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {
            "app": "x"}}}}}, 'spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable'),
        ("svc", "s", {"spec": {"clusterIP": "10.96.5.6"}},
         'spec.clusterIPs[0]: Invalid value: ["10.96.5.6"]: may not change once set'),
        ("sts", "sts", {"spec": {"serviceName": "t"}}, f"spec: Forbidden: {STS}"),
        ("secret", "sec", {"stringData": {"a": "c"}}, "data: Forbidden: field is immutable when `immutable` is set"),
        ("secret", "sec", {"type": "foo"}, 'type: Invalid value: "foo": field is immutable'),
        ("deploy", "web", {"metadata": {"uid": "abc"}}, 'metadata.uid: Invalid value: "abc": field is immutable'),
    ],
)  # fmt: skip
def test_immutable_fields(world: Door, word: str, name: str, patch: Any, complaint: str) -> None:
    """One complaint, on the field."""
    error = refused(world, word, name, patch, "merge")
    assert isinstance(error, Invalid)
    assert [str(cause) for cause in error.causes] == [complaint]


@pytest.mark.parametrize(
    ("word", "name", "patch", "rule"),
    [
        ("pod", "p", {"spec": {"containers": [{"name": "c", "command": ["x"]}]}}, POD),
        ("pod", "p", {"spec": {"nodeName": "n"}}, POD),
        ("pvc", "claim", {"spec": {"storageClassName": "x"}}, CLAIM),
    ],
)
def test_specs_of_which_little_may_change(world: Door, word: str, name: str, patch: Any, rule: str) -> None:
    """The rule says what may."""
    (cause,) = refused(world, word, name, patch).causes
    assert str(cause).startswith(f"spec: Forbidden: {rule}")


def test_a_selector_is_complained_about_twice(world: Door) -> None:
    """It is immutable, and it does not match the template any more."""
    error = refused(world, "ds", "ds", {"spec": {"selector": {"matchLabels": {"app": "x"}}}}, "merge")
    assert [str(cause) for cause in error.causes] == [
        'spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable',
        'spec.template.metadata.labels: Invalid value: {"app":"ds"}: `selector` does not match template `labels`',
    ]


def test_a_jobs_template_stays(world: Door) -> None:
    """It is immutable."""
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "z"}]}}}}
    (cause,) = refused(world, "job", "j", patch).causes
    assert str(cause).startswith("spec.template: Invalid value: {")
    assert str(cause).endswith("}: field is immutable")


def test_deleting_the_last_container(world: Door) -> None:
    """The patch is understood, its outcome refused."""
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "$patch": "delete"}]}}}}
    (cause,) = refused(world, "deploy", "web", patch).causes
    assert str(cause) == "spec.template.spec.containers: Required value"


def test_some_changes_are_allowed(world: Door) -> None:
    """A pod's image, for one."""
    kind = world.api.kinds.resolve("pod")
    assert kind is not None
    patch = {"spec": {"containers": [{"name": "c", "image": "i2"}]}}
    env = world.api.patch(PERSON, kind.resource, "default", "p", "strategic", patch, field_validation="Warn")
    assert env.obj["spec"]["containers"][0]["image"] == "i2"
    assert env.obj["metadata"]["generation"] == 2


@pytest.mark.parametrize("index", range(len(WORLD)))
def test_applying_twice_changes_nothing(world: Door, index: int) -> None:
    """Defaults and what admission added are no difference (stringData is: kubectl cannot see it)."""
    before = world.store.revision
    world.apply(WORLD[index])
    assert world.store.revision == before


def test_a_nodes_range_stays(door: Door) -> None:
    """Whichever of the two fields names another one."""
    ranges = "spec: {podCIDR: 10.244.0.0/24, podCIDRs: [10.244.0.0/24]}"
    door.apply(f"{{apiVersion: v1, kind: Node, metadata: {{name: n}}, {ranges}}}")
    text = 'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'
    for patch in ({"podCIDR": "10.1.0.0/24"}, {"podCIDRs": ["10.1.0.0/24"], "podCIDR": "10.1.0.0/24"}):
        with pytest.raises(Invalid) as caught:
            door.api.patch(PERSON, NODES, "", "n", "merge", {"spec": patch}, field_validation="Warn")
        assert [str(cause) for cause in caught.value.causes] == [text]
    door.api.patch(PERSON, NODES, "", "n", "merge", {"spec": {"unschedulable": True}}, field_validation="Warn")


def test_a_deadline_below_zero_is_refused_twice(world: Door) -> None:
    """By what holds for every pod, and by what may change."""
    error = refused(world, "pod", "p", {"spec": {"activeDeadlineSeconds": -1}})
    assert [str(cause).partition("-1: ")[2] for cause in error.causes] == [
        "must be between 1 and 2147483647, inclusive", "must be between 0 and 2147483647, inclusive",
    ]  # fmt: skip
