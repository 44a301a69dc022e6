"""The verbs on objects, by plain requests to the core."""

from __future__ import annotations

import pytest
import yaml

from tests.engine.http.wire_world import WireWorld, config_map

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"


def test_an_object_is_created_read_changed_and_deleted(world: WireWorld) -> None:
    """The round of verbs, each with Kubernetes' status code."""
    made = world.make(CONFIGMAPS, config_map("round", a="1"))
    assert made["metadata"]["uid"]
    assert world.get(f"{CONFIGMAPS}/round") == (200, made)
    status, changed = world.ask("PATCH", f"{CONFIGMAPS}/round", {"data": {"a": "2"}}, content_type=MERGE)
    assert (status, changed["data"]) == (200, {"a": "2"})
    status, replaced = world.ask("PUT", f"{CONFIGMAPS}/round", {**changed, "data": {"b": "3"}})
    assert (status, replaced["data"]) == (200, {"b": "3"})
    status, gone = world.ask("DELETE", f"{CONFIGMAPS}/round")
    assert (status, gone["status"]) == (200, "Success")
    assert gone["details"] == {"name": "round", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    status, answer = world.get(f"{CONFIGMAPS}/round")
    assert (status, answer["reason"], answer["message"]) == (404, "NotFound", 'configmaps "round" not found')


def test_a_list_says_its_revision_and_leaves_kinds_out_of_items(world: WireWorld) -> None:
    """Items of built-in lists carry neither kind nor apiVersion, as Go encodes them."""
    made = world.make(CONFIGMAPS, config_map("listed"))
    status, found = world.get(f"{CONFIGMAPS}?fieldSelector=metadata.name%3Dlisted")
    assert (status, found["kind"], found["apiVersion"]) == (200, "ConfigMapList", "v1")
    assert int(found["metadata"]["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])
    assert found["items"] == [{key: value for key, value in made.items() if key not in ("kind", "apiVersion")}]


def test_a_list_comes_in_chunks(world: WireWorld) -> None:
    """limit and continue show each object once."""
    for name in ("chunk-a", "chunk-b", "chunk-c"):
        world.make(CONFIGMAPS, {**config_map(name), "metadata": {"name": name, "labels": {"chunk": "y"}}})
    base = f"{CONFIGMAPS}?labelSelector=chunk%3Dy&limit=2"
    _, first = world.get(base)
    _, second = world.get(f"{base}&continue={first['metadata']['continue']}")
    names = [item["metadata"]["name"] for page in (first, second) for item in page["items"]]
    assert names == ["chunk-a", "chunk-b", "chunk-c"]
    assert "continue" not in second["metadata"]


def test_exact_shows_what_was(world: WireWorld) -> None:
    """resourceVersionMatch=Exact is a look into the past."""
    made = world.make(CONFIGMAPS, config_map("past", a="then"))
    then = made["metadata"]["resourceVersion"]
    world.ask("PATCH", f"{CONFIGMAPS}/past", {"data": {"a": "now"}}, content_type=MERGE)
    where = f"{CONFIGMAPS}?fieldSelector=metadata.name%3Dpast&resourceVersion={then}&resourceVersionMatch=Exact"
    status, found = world.get(where)
    assert (status, found["items"][0]["data"]) == (200, {"a": "then"})
    assert found["metadata"]["resourceVersion"] == then


def test_a_dry_run_changes_nothing(world: WireWorld) -> None:
    """dryRun=All answers as if, and no revision is made."""
    before = world.store.revision
    status, made = world.ask("POST", f"{CONFIGMAPS}?dryRun=All", config_map("dry"))
    assert (status, made["metadata"]["name"]) == (201, "dry")
    assert world.store.revision == before


@pytest.mark.parametrize(
    ("strictness", "status", "warned"), [("Strict", 400, False), ("Warn", 201, True), ("Ignore", 201, False)]
)
def test_unknown_fields_are_refused_told_or_dropped(
    world: WireWorld, strictness: str, status: int, warned: bool
) -> None:
    """fieldValidation: Strict refuses, Warn says so in a header, Ignore is silent."""
    obj = {**config_map(f"fields-{strictness.lower()}"), "dataa": {"x": "y"}}
    answer = world.answer("POST", f"{CONFIGMAPS}?fieldValidation={strictness}", obj)
    assert answer.status == status
    warnings = [value for name, value in answer.headers if name == "Warning"]
    assert warnings == (['299 - "unknown field \\"dataa\\""'] if warned else [])


def test_a_table_has_columns_and_partial_rows(world: WireWorld) -> None:
    """What kubectl get asks for: cells, and each row's metadata."""
    made = world.make(CONFIGMAPS, config_map("tabled"))
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    status, table = world.get(f"{CONFIGMAPS}?fieldSelector=metadata.name%3Dtabled", accept=accept)
    assert (status, table["kind"], table["columnDefinitions"][0]["name"]) == (200, "Table", "Name")
    row = table["rows"][0]
    assert row["cells"][0] == "tabled"
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert row["object"]["metadata"] == made["metadata"]


def test_a_scale_has_a_table_of_its_own(world: WireWorld) -> None:
    """`kubectl get deployment web --subresource=scale`."""
    path = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    world.make(path, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "scaled"}, "spec": spec})
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    status, table = world.get(f"{path}/scaled/scale", accept=accept)
    assert (status, [each["name"] for each in table["columnDefinitions"]]) == (
        200, ["Name", "Desired", "Available", "Age"],
    )  # fmt: skip
    assert table["rows"][0]["cells"][:3] == ["scaled", 3, 0]


def test_a_collection_is_deleted_by_selector(world: WireWorld) -> None:
    """DELETE of a collection takes what the selectors match, and answers the list of it."""
    for name, label in (("gone-1", "y"), ("gone-2", "y"), ("kept", "n")):
        world.make(CONFIGMAPS, {**config_map(name), "metadata": {"name": name, "labels": {"gone": label}}})
    status, found = world.ask("DELETE", f"{CONFIGMAPS}?labelSelector=gone%3Dy")
    assert (status, [item["metadata"]["name"] for item in found["items"]]) == (200, ["gone-1", "gone-2"])
    _, left = world.get(f"{CONFIGMAPS}?labelSelector=gone")
    assert [item["metadata"]["name"] for item in left["items"]] == ["kept"]


def test_yaml_comes_and_goes(world: WireWorld) -> None:
    """Bodies may be YAML, and answers too."""
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yamled}\ndata: {a: 'yes'}\n"
    status, made = world.ask("POST", CONFIGMAPS, body, content_type="application/yaml")
    assert (status, made["data"]) == (201, {"a": "yes"})
    status, text = world.get(f"{CONFIGMAPS}/yamled", accept="application/yaml")
    assert (status, yaml.safe_load(text)) == (200, made)


def test_nobody_gets_in_without_credentials(world: WireWorld) -> None:
    """401 in Kubernetes' form; health and version are told to everybody."""
    status, answer = world.ask("GET", CONFIGMAPS, certificate=None)
    assert (status, answer["reason"], answer["message"]) == (401, "Unauthorized", "Unauthorized")
    assert world.ask("GET", "/livez", certificate=None) == (200, "ok")


def test_a_put_creates_where_kubernetes_does(world: WireWorld) -> None:
    """201 for the kinds whose strategy allows it, under the path's name; 404 for all others."""
    leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    lease = {"metadata": {"name": "new", "resourceVersion": "7"}, "spec": {"holderIdentity": "me"}}
    status, made = world.ask("PUT", f"{leases}/new", lease)
    assert (status, made["metadata"]["name"], made["spec"]) == (201, "new", {"holderIdentity": "me"})
    assert world.ask("PUT", f"{leases}/new", made)[0] == 200
    assert world.ask("PUT", f"{leases}/other", lease)[0] == 400
    assert world.ask("PUT", f"{CONFIGMAPS}/new", config_map("new"))[0] == 404


@pytest.mark.parametrize(
    ("query", "status"), [("", 200), ("?orphanDependents=false", 202), ("?propagationPolicy=Foreground", 200)]
)
def test_a_delete_that_takes_time(world: WireWorld, query: str, status: int) -> None:
    """202 only to who asked in the old words (orphanDependents=false); else 200 with the object that is leaving."""
    meta = {"name": "held", "finalizers": ["example.com/hold"]}
    world.make(CONFIGMAPS, {**config_map("held"), "metadata": meta})
    got, left = world.ask("DELETE", f"{CONFIGMAPS}/held{query}")
    assert (got, "deletionTimestamp" in left["metadata"]) == (status, True)
    world.ask("PATCH", f"{CONFIGMAPS}/held", {"metadata": {"finalizers": None}}, content_type=MERGE)


def test_a_get_shows_all_owners(world: WireWorld) -> None:
    """managedFields of components are in a GET of one object, and its bytes begin as ever."""
    answer = world.answer("GET", "/api/v1/namespaces/default")
    assert isinstance(answer.body, bytes)
    assert answer.body.startswith(b'{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"default",')
    _, found = world.get("/api/v1/namespaces/default")
    assert [(each["manager"], each["operation"]) for each in found["metadata"]["managedFields"]] == [
        ("kube-apiserver", "Update")
    ]


def test_bytes_are_in_the_order_of_go(world: WireWorld) -> None:
    """kind first and metadata in its struct's order, after a create and after a change; a list's items likewise."""
    meta = {"annotations": {"a": "b"}, "labels": {"c": "d"}, "name": "ordered"}
    made = {"data": {"k": "v"}, "metadata": meta, "apiVersion": "v1", "kind": "ConfigMap"}
    world.ask("POST", CONFIGMAPS, made)
    world.ask("PATCH", f"{CONFIGMAPS}/ordered", {"metadata": {"finalizers": ["x/y"]}}, content_type=MERGE)
    fields = ["name", "namespace", "uid", "resourceVersion", "creationTimestamp", "labels", "annotations", "finalizers"]
    _, found = world.get(f"{CONFIGMAPS}/ordered")
    assert list(found) == ["kind", "apiVersion", "metadata", "data"]
    assert [key for key in found["metadata"] if key != "managedFields"] == fields
    _, listed = world.get(f"{CONFIGMAPS}?fieldSelector=metadata.name=ordered")
    assert list(listed) == ["kind", "apiVersion", "metadata", "items"]
    assert list(listed["items"][0]) == ["metadata", "data"]


def test_field_managers_are_short_and_printable(world: WireWorld) -> None:
    """Whoever names one; and only server-side apply can be forced."""
    _, refused = world.ask("POST", f"{CONFIGMAPS}?fieldManager={'x' * 129}", config_map("managed"))
    assert refused["message"] == (
        'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes'
    )
    world.make(f"{CONFIGMAPS}?fieldManager={'x' * 128}", config_map("managed"))
    where = f"{CONFIGMAPS}/managed"
    _, refused = world.ask("PUT", f"{where}?fieldManager=a%09", config_map("managed"))
    assert refused["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid", "field": "fieldManager",
            "message": 'Invalid value: "a\\t": invalid character U+0009 (at position 1)',
        }
    ]  # fmt: skip
    code, refused = world.ask("PATCH", f"{where}?force=true", {"data": {"a": "b"}}, content_type=MERGE)
    assert (code, refused["details"]["causes"][0]["message"]) == (
        422, "Forbidden: may not be specified for non-apply patch",
    )  # fmt: skip
