"""The form of manifests, judged in the words of Kubernetes' decoder."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.api.decode import decode, decode_error, path_text
from engine.api.schema import Schema

SCHEMA = Schema()


def problems(manifest: str) -> list[tuple[tuple[str | int, ...], str]]:
    obj = yaml.safe_load(manifest)
    info = SCHEMA.of(obj["apiVersion"], obj["kind"])
    assert info is not None
    return [(problem.path, problem.message) for problem in decode(info, obj)[1]]


def refusal(manifest: str, strict: bool = True) -> str | None:
    obj = yaml.safe_load(manifest)
    info = SCHEMA.of(obj["apiVersion"], obj["kind"])
    assert info is not None
    return decode_error(obj["kind"], obj["apiVersion"].rpartition("/")[2], decode(info, obj)[1], strict)


def tidy(manifest: str) -> Any:
    obj = yaml.safe_load(manifest)
    info = SCHEMA.of(obj["apiVersion"], obj["kind"])
    assert info is not None
    return decode(info, obj)[0]


POD = "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: %s}"


def test_all_unknown_fields_are_named_in_kubectls_order() -> None:
    """Sorted by key at every level, whatever the manifest's order; each with its path."""
    manifest = POD % "{contaners: [], containers: [{name: c, image: i, imagePullPolcy: Always}]}"
    assert problems(manifest) == [
        (("spec", "containers", 0, "imagePullPolcy"), 'unknown field "spec.containers[0].imagePullPolcy"'),
        (("spec", "contaners"), 'unknown field "spec.contaners"'),
    ]
    assert refusal(manifest) == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: '
        'unknown field "spec.containers[0].imagePullPolcy", unknown field "spec.contaners"'
    )


def test_unknown_fields_are_no_refusal_unless_strict() -> None:
    """They are dropped."""
    manifest = POD % "{foo: 1, containers: []}"
    assert refusal(manifest, strict=False) is None
    assert "foo" not in tidy(manifest)["spec"]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("{containers: {name: c}}", "object into Go struct field PodSpec.spec.containers of type []v1.Container"),
        ("{containers: [5]}", "number into Go struct field PodSpec.spec.containers of type v1.Container"),
        ("{containers: [{image: 5}]}", "number into Go struct field Container.spec.containers.image of type string"),
        ("{hostNetwork: 'yes'}", "string into Go struct field PodSpec.spec.hostNetwork of type bool"),
        ("{restartPolicy: true}", "bool into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy"),
        ("{priority: 1.5}", "number 1.5 into Go struct field PodSpec.spec.priority of type int32"),
        ("{priority: 3000000000}", "number 3000000000 into Go struct field PodSpec.spec.priority of type int32"),
        ("{nodeSelector: {a: 1}}", "number into Go struct field PodSpec.spec.nodeSelector of type string"),
        ("{nodeSelector: [a]}", "array into Go struct field PodSpec.spec.nodeSelector of type map[string]string"),
        ("x", "string into Go struct field Pod.spec of type v1.PodSpec"),
        (
            "{containers: [{livenessProbe: {httpGet: {port: true}}}]}",
            "bool into Go struct field HTTPGetAction.spec.containers.livenessProbe.httpGet.port of type int32",
        ),
    ],
)
def test_wrong_types_read_as_from_go(spec: str, text: str) -> None:
    """The innermost struct, the path without indexes, and Go's type."""
    assert refusal(POD % spec) == f'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal {text}'


def test_wrong_types_keep_their_machine_path() -> None:
    """A place in a file can be found from it, list index and map key included."""
    assert [path for path, _ in problems(POD % "{nodeSelector: {a: 1}, containers: [{}, {image: 5}]}")] == [
        ("spec", "containers", 1, "image"), ("spec", "nodeSelector", "a"),
    ]  # fmt: skip


@pytest.mark.parametrize("amount", ["lots", "1 Gi", "", "1.2.3", "{}", "true", "Gi"])
def test_bad_quantities_stop_the_decoder(amount: str) -> None:
    """They are told before other complaints, which Go would not reach."""
    manifest = POD % f"{{containers: [{{image: 5, resources: {{requests: {{cpu: {amount or repr('')}}}}}}}]}}"
    assert refusal(manifest) == (
        'Pod in version "v1" cannot be handled as a Pod: '
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )


@pytest.mark.parametrize("amount", ["1", "100m", "1.5Gi", "1e3", "1E", "5k", "-1", "+.5", "1.", "0"])
def test_good_quantities(amount: str) -> None:
    """Every suffix, sign and exponent that Kubernetes reads."""
    assert refusal(POD % f"{{containers: [{{resources: {{requests: {{cpu: '{amount}'}}}}}}]}}") is None


def test_numbers_become_quantities() -> None:
    """`cpu: 2` is stored as the string "2"."""
    out = tidy(POD % "{containers: [{resources: {requests: {cpu: 2}}}]}")
    assert out["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "2"}


def test_times_and_bytes() -> None:
    """Times must be RFC 3339, data base64."""
    assert refusal("{apiVersion: v1, kind: Event, metadata: {name: x}, firstTimestamp: 'soon'}") == (
        'Event in version "v1" cannot be handled as a Event: '
        'parsing time "soon" as "2006-01-02T15:04:05Z07:00": cannot parse "soon" as "2006"'
    )
    assert refusal("{apiVersion: v1, kind: Secret, data: {a: 'aGVs!G8='}}") == (
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 4'
    )
    assert refusal("{apiVersion: v1, kind: Secret, data: {a: aGVsbG8=}}") is None


def test_nulls_and_empties_are_dropped() -> None:
    """As Go's omitempty does; structs stay, and what is left is shared."""
    manifest = "{apiVersion: v1, kind: Pod, metadata: {creationTimestamp: null, labels: {}}, spec: {volumes: [], \
        securityContext: {}, containers: [{name: c, args: null}]}}"
    assert tidy(manifest) == {
        "apiVersion": "v1", "kind": "Pod", "metadata": {},
        "spec": {"securityContext": {}, "containers": [{"name": "c"}]},
    }  # fmt: skip


def test_a_good_manifest_is_not_copied() -> None:
    """Nothing to tidy: the very same object comes back."""
    obj = yaml.safe_load(POD % "{containers: [{name: c, image: i}]}")
    info = SCHEMA.of("v1", "Pod")
    assert info is not None
    assert decode(info, obj)[0] is obj


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "spec", "containers", "ports", "metadata", "labels", "x"]), inner)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status", "data", "x"]), _JSON))
def test_any_json_is_judged_without_a_crash(obj: dict[str, Any]) -> None:
    """And what comes out has no unknown fields left."""
    info = SCHEMA.of("v1", "Pod")
    assert info is not None
    out, found = decode(info, obj)
    for problem in found:
        assert path_text(problem.path)
    assert not [p for p in decode(info, out)[1] if p.unknown]


def test_lookup_and_documentation() -> None:
    """Merge keys, fields and docs are found by path."""
    ports = SCHEMA.find("v1", "Pod", ["spec", "containers", 0, "ports"])
    assert ports is not None
    assert (ports.merge_key, ports.list_type, list(ports.map_keys)) == (
        "containerPort", "map", ["containerPort", "protocol"],
    )  # fmt: skip
    names = [doc.name for doc in SCHEMA.fields("apps/v1", "Deployment", ["spec", "strategy"])]
    assert names == ["rollingUpdate", "type"]
    doc = SCHEMA.describe("v1", "Pod", ["spec", "containers"])
    assert doc is not None
    assert (doc.type, doc.required) == ("[]Container", True)
    assert doc.description.startswith("List of containers belonging to the pod.")
    values = [doc.name for doc in SCHEMA.fields("v1", "Pod", ["spec", "containers", "[]", "imagePullPolicy"])]
    assert values == ["Always", "Never", "IfNotPresent"]
    assert SCHEMA.describe("v1", "Pod", ["spec", "nope"]) is None
    assert SCHEMA.describe("v1", "Pod", ["metadata", "labels", "app"]) is not None


def test_what_the_schema_calls_required_is_found() -> None:
    """For hints in the editor."""
    info = SCHEMA.of("apps/v1", "Deployment")
    assert info is not None
    assert list(SCHEMA.missing(info, {"spec": {"template": {"spec": {}}}})) == [
        ("spec", "selector"), ("spec", "template", "spec", "containers"),
    ]  # fmt: skip


def test_nulls_in_maps_and_silent_conditions_are_zero_values() -> None:
    """Go's zero values: "" for a null of a map, and for the type and status that a condition does not say."""
    schema = Schema()
    secret, pod = schema.of("v1", "Secret"), schema.of("v1", "Pod")
    assert secret is not None
    assert pod is not None
    assert decode(secret, {"data": {"a": None}, "stringData": {"b": None}})[0] == {
        "data": {"a": ""}, "stringData": {"b": ""},
    }  # fmt: skip
    given = {"status": {"conditions": [{"reason": "x"}]}}
    assert decode(pod, given)[0] == {"status": {"conditions": [{"reason": "x", "type": "", "status": ""}]}}
