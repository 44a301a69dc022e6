"""Who reads the bytes finds them as Kubernetes writes them: curl and kubectl --raw, which take anything."""

from __future__ import annotations

from tests.engine.http.wire_world import WireWorld

_ANYTHING = "application/json, */*"
_SETS = "/apis/apps/v1/namespaces/default/replicasets"


def test_fields_stand_as_in_their_struct(world: WireWorld) -> None:
    """Whatever order they came in; keys of maps by the alphabet; new fields where Go has them."""
    container = {
        "env": [{"value": "a", "name": "A"}], "image": "i", "envFrom": [{"configMapRef": {"name": "x"}}], "name": "c",
    }  # fmt: skip
    pod = {"containers": [container], "initContainers": [{"image": "i", "name": "i"}]}
    world.make(_SETS, {
        "spec": {
            "template": {"spec": pod, "metadata": {"labels": {"z": "1", "b": "2"}}},
            "selector": {"matchLabels": {"z": "1"}}, "replicas": 0,
        },
        "metadata": {"name": "r"}, "kind": "ReplicaSet", "apiVersion": "apps/v1",
    })  # fmt: skip
    _, found = world.get(f"{_SETS}/r", accept=_ANYTHING)
    assert list(found) == ["kind", "apiVersion", "metadata", "spec", "status"]
    assert list(found["spec"]) == ["replicas", "selector", "template"]
    template = found["spec"]["template"]
    assert list(template["metadata"]["labels"]) == ["b", "z"]
    assert list(template["spec"])[:3] == ["initContainers", "containers", "restartPolicy"]
    assert list(template["spec"]["containers"][0])[:4] == ["name", "image", "envFrom", "env"]
    assert list(template["spec"]["containers"][0]["env"][0]) == ["name", "value"]
    _, listed = world.get(_SETS, accept=_ANYTHING)
    assert list(listed["items"][0]) == ["metadata", "spec", "status"]
    assert listed["items"][0]["spec"] == found["spec"]


def test_what_looks_like_html_is_escaped(world: WireWorld) -> None:
    """As Go's encoder does it; a decoder sees no difference."""
    target = "/api/v1/namespaces/default/configmaps"
    world.make(target, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "<&>"}})
    body = world.answer("GET", f"{target}/c", accept=_ANYTHING).body
    assert isinstance(body, bytes)
    assert b'"a":"\\u003c\\u0026\\u003e"' in body
    assert world.get(f"{target}/c", accept=_ANYTHING)[1]["data"] == {"a": "<&>"}
