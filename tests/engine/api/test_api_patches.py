"""The three patches, and apply: the right result, and never a change of what they were given."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import apply, patch
from engine.api.errors import BadRequest, Invalid
from engine.api.schema import Schema
from store.types import JsonObject

SCHEMA = Schema()
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text("abc", max_size=2))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abc~/", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text("abc", min_size=1, max_size=2), JSON, max_size=4)


def strategic(obj: JsonObject, change: Any, version: str = "apps/v1", kind: str = "Deployment") -> JsonObject:
    before = copy.deepcopy(obj)
    out = patch.strategic_merge(obj, change, SCHEMA, version, kind)
    assert obj == before
    return out


# -- JSON patch ----------------------------------------------------------------------------------------------------


def difference(a: Any, b: Any, path: str = "") -> list[JsonObject]:
    """A JSON patch from a to b, the plain way."""
    if isinstance(a, dict) and isinstance(b, dict):
        out = []
        for key in [*a, *(key for key in b if key not in a)]:
            where = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in b:
                out.append({"op": "remove", "path": where})
            elif key not in a:
                out.append({"op": "add", "path": where, "value": b[key]})
            else:
                out += difference(a[key], b[key], where)
        return out
    return [] if patch._same(a, b) else [{"op": "replace" if path else "add", "path": path, "value": b}]


@given(OBJECTS, OBJECTS)
def test_json_patch_reaches_the_target(a: JsonObject, b: JsonObject) -> None:
    """A difference, applied, gives the target and leaves the source alone."""
    before = copy.deepcopy(a)
    assert patch.json_patch(a, difference(a, b)) == b
    assert a == before


def test_json_patch_operations() -> None:
    """Lists take positions, `-` and negative ones; move and copy take what is there."""
    obj = {"l": [1, 2], "m": {"x": 1}}
    operations = [
        {"op": "add", "path": "/l/-", "value": 3}, {"op": "add", "path": "/l/0", "value": 0},
        {"op": "replace", "path": "/l/-1", "value": 9}, {"op": "move", "from": "/m/x", "path": "/n"},
        {"op": "copy", "from": "/l/1", "path": "/c"}, {"op": "test", "path": "/c", "value": 1},
    ]  # fmt: skip
    assert patch.json_patch(obj, operations) == {"l": [0, 1, 2, 9], "m": {}, "n": 1, "c": 1}
    assert obj == {"l": [1, 2], "m": {"x": 1}}


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ({"op": "test", "path": "/a", "value": 2}, "testing value /a failed: test failed"),
        ({"op": "test", "path": "/a", "value": True}, "testing value /a failed: test failed"),
        (
            {"op": "remove", "path": "/b/nope"},
            "error in remove for path: '/b/nope': unable to remove nonexistent key: nope: missing value",
        ),
        (
            {"op": "replace", "path": "/b/nope", "value": 1},
            "replace operation does not apply: doc is missing key: /nope: missing value",
        ),
        (
            {"op": "add", "path": "/x/y/z", "value": 1},
            'add operation does not apply: doc is missing path: "/x/y/z": missing value',
        ),
        ({"op": "frob", "path": "/x"}, "Unexpected kind: frob"),
    ],
)
def test_json_patch_refusals(operation: JsonObject, why: str) -> None:
    """422 in the server's one sentence; the reason is the exception's cause."""
    with pytest.raises(Invalid) as caught:
        patch.json_patch({"a": 1, "b": {}}, [{"op": "replace", "path": "/a", "value": 1}, operation])
    assert str(caught.value) == "the server rejected our request due to an error in our request"
    assert str(caught.value.__cause__) == why


def test_json_patch_must_be_a_list() -> None:
    """A map is no JSON patch."""
    with pytest.raises(BadRequest):
        patch.json_patch({}, {"op": "add"})


# -- merge patch ---------------------------------------------------------------------------------------------------


def merge_difference(a: JsonObject, b: JsonObject) -> JsonObject:
    out: JsonObject = {key: None for key in a if key not in b}
    for key, value in b.items():
        if key not in a or a[key] != value:
            both = isinstance(value, dict) and isinstance(a.get(key), dict)
            out[key] = merge_difference(a[key], value) if both else value
    return out


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return value


@given(OBJECTS.map(without_nulls), OBJECTS.map(without_nulls))
def test_merge_patch_reaches_the_target(a: JsonObject, b: JsonObject) -> None:
    """A difference, applied, gives the target and leaves the source alone."""
    before = copy.deepcopy(a)
    assert patch.merge_patch(a, merge_difference(a, b)) == b
    assert a == before


# -- strategic merge patch -----------------------------------------------------------------------------------------


def deployment(*containers: JsonObject) -> JsonObject:
    return {"spec": {"template": {"spec": {"containers": list(containers)}}}}


def names(obj: JsonObject) -> list[str]:
    return [container["name"] for container in obj["spec"]["template"]["spec"]["containers"]]


def test_lists_merge_by_key() -> None:
    """A container of the patch is merged into its namesake; new ones stand first, as in Kubernetes."""
    obj = deployment({"name": "nginx", "image": "a", "ports": [{"containerPort": 80}]})
    out = strategic(obj, deployment({"name": "side", "image": "b"}, {"name": "nginx", "image": "c"}))
    assert names(out) == ["side", "nginx"]
    nginx = out["spec"]["template"]["spec"]["containers"][1]
    assert nginx == {"name": "nginx", "image": "c", "ports": [{"containerPort": 80}]}
    assert nginx["ports"] is obj["spec"]["template"]["spec"]["containers"][0]["ports"]


def test_directives() -> None:
    """Items are deleted, lists replaced and ordered, maps replaced and emptied."""
    obj = deployment({"name": "a", "image": "1"}, {"name": "b", "image": "2"}, {"name": "c", "image": "3"})
    assert names(strategic(obj, deployment({"name": "b", "$patch": "delete"}))) == ["a", "c"]
    assert names(strategic(obj, deployment({"$patch": "replace"}, {"name": "x"}))) == ["x"]
    order = {"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}}}}
    assert names(strategic(obj, order)) == ["b", "c", "a"]
    assert strategic(
        {"metadata": {"labels": {"a": "b"}}}, {"metadata": {"labels": {"$patch": "replace", "c": "d"}}}
    ) == {"metadata": {"labels": {"c": "d"}}}
    assert strategic({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}}, {
        "spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}
    }) == {"spec": {"strategy": {"type": "Recreate"}}}  # fmt: skip
    finalizers = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}}
    assert strategic({"metadata": {"finalizers": ["a", "b"]}}, finalizers) == {"metadata": {"finalizers": ["c", "b"]}}


def test_lists_without_a_key_are_replaced() -> None:
    """Commands and tolerations have no merge key."""
    obj = deployment({"name": "a", "command": ["x", "y"]})
    out = strategic(obj, deployment({"name": "a", "command": ["z"]}))
    assert out["spec"]["template"]["spec"]["containers"][0]["command"] == ["z"]


def test_null_deletes() -> None:
    """In a map, and not as a value of something new."""
    assert strategic({"spec": {"replicas": 1}}, {"spec": {"replicas": None, "paused": None}}) == {"spec": {}}


@pytest.mark.parametrize(
    "bad",
    [
        "text", [1], {"$patch": "frob"}, {"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}},
        {"metadata": {"finalizers": [{"a": 1}]}},
        {"spec": {"template": {"spec": {"$setElementOrder/containers": [], "containers": [{"name": "a"}]}}}},
    ],
)  # fmt: skip
def test_strategic_refusals(bad: Any) -> None:
    """What cannot be a patch is a BadRequest, whatever it is."""
    with pytest.raises(BadRequest):
        strategic({**deployment({"name": "a"}), "metadata": {"finalizers": ["x"]}}, bad)


# -- apply ---------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c", "d"])
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES, "image": st.sampled_from(["i", "j"])},
        optional={
            "env": st.lists(
                st.fixed_dictionaries({"name": NAMES, "value": st.sampled_from(["1", "2"])}),
                max_size=3, unique_by=lambda e: e["name"],
            ),
            "command": st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=2),
            "resources": st.fixed_dictionaries({}, optional={"limits": st.just({"cpu": "1"})}),
        },
    ),
    min_size=1, max_size=4, unique_by=lambda c: c["name"],
)  # fmt: skip
MANIFESTS = st.builds(
    lambda labels, finalizers, containers, strategy, replicas: {
        "metadata": {"name": "x", "labels": labels, "finalizers": finalizers},
        "spec": {
            **({"replicas": replicas} if replicas else {}),
            "strategy": strategy,
            "template": {"spec": {"containers": containers}},
        },
    },
    st.dictionaries(NAMES, st.sampled_from(["1", "2"]), max_size=3),
    st.lists(NAMES, max_size=3, unique=True),
    CONTAINERS,
    st.sampled_from([{"type": "Recreate"}, {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}]),
    st.integers(0, 3),
)


def applied(original: JsonObject | None, modified: JsonObject, current: JsonObject) -> JsonObject:
    states = copy.deepcopy((original, modified, current))
    change = apply.three_way(original, modified, current, SCHEMA, "apps/v1", "Deployment")
    assert (original, modified, current) == states
    return current if change is None else strategic(current, change)


@given(MANIFESTS, MANIFESTS)
def test_apply_reaches_the_manifest(first: JsonObject, second: JsonObject) -> None:
    """Where nobody else wrote, the live object becomes the manifest, and a second apply has nothing to do."""
    live = applied(first, second, first)
    assert normal(live) == normal(second)
    assert apply.three_way(second, second, live, SCHEMA, "apps/v1", "Deployment") is None


def normal(value: Any) -> Any:
    """Empty maps and lists are as good as none."""
    if isinstance(value, dict):
        inner = {key: normal(each) for key, each in value.items()}
        return {key: each for key, each in inner.items() if each not in ({}, [])}
    return [normal(each) for each in value] if isinstance(value, list) else value


@given(MANIFESTS, MANIFESTS)
def test_apply_keeps_what_others_added(first: JsonObject, second: JsonObject) -> None:
    """A label, a default and a sidecar that the manifests never named survive."""
    live = copy.deepcopy(first)
    live["metadata"]["labels"]["z"] = "theirs"
    live["spec"]["paused"] = False
    live["spec"]["template"]["spec"]["containers"].append({"name": "z", "image": "theirs"})
    after = applied(first, second, live)
    assert after["metadata"]["labels"]["z"] == "theirs"
    assert after["spec"]["paused"] is False
    assert {"name": "z", "image": "theirs"} in after["spec"]["template"]["spec"]["containers"]
    assert set(names(after)) == {*names(second), "z"}


@given(OBJECTS.map(without_nulls), OBJECTS.map(without_nulls))
def test_apply_of_custom_resources(first: JsonObject, second: JsonObject) -> None:
    """The same by a JSON merge patch, which knows no merge keys."""
    change = apply.three_way(first, second, first, SCHEMA, "example.com/v1", "Thing", custom=True)
    live = first if change is None else patch.merge_patch(first, change)
    assert live == second


def test_last_applied_text() -> None:
    """Sorted JSON without the annotation itself, `annotations` always there, HTML escaped as Go does."""
    manifest = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"a": "<&>"}}
    text = apply.last_applied(manifest)
    assert text == (
        '{"apiVersion":"v1","data":{"a":"\\u003c\\u0026\\u003e"},"kind":"ConfigMap",'
        '"metadata":{"annotations":{},"name":"a"}}\n'
    )
    marked = apply.annotated(manifest)
    assert apply.last_applied(marked) == text
    assert apply.original_of(marked) == {**manifest, "metadata": {"annotations": {}, "name": "a"}}
    assert apply.original_of({"metadata": {"annotations": {apply.LAST_APPLIED: "{"}}}) is None


def test_an_entry_without_its_key() -> None:
    """It is shown as Go prints it."""
    change = {"spec": {"template": {"spec": {"containers": [{"image": "x", "stdin": True}]}}}}
    with pytest.raises(BadRequest) as refusal:
        strategic({"spec": {"template": {"spec": {"containers": [{"name": "c"}]}}}}, change)
    assert str(refusal.value) == "map: map[image:x stdin:true] does not contain declared merge key: name"
