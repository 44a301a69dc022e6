"""Discovery, OpenAPI, health and the other paths that name no resource."""

from __future__ import annotations

from tests.engine.http.wire_world import WireWorld

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "gadgets.example.com"},
    "spec": {
        "group": "example.com", "scope": "Namespaced",
        "names": {"plural": "gadgets", "kind": "Gadget", "shortNames": ["gd"]},
        "versions": [{
            "name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"size": {"type": "integer", "description": "How big."}}},
            }}},
        }],
    },
}  # fmt: skip


def test_discovery_names_verbs_scopes_and_subresources(world: WireWorld) -> None:
    """Both forms tell the same of deployments."""
    _, classic = world.get("/apis/apps/v1")
    names = {entry["name"]: entry for entry in classic["resources"]}
    assert names["deployments"]["shortNames"] == ["deploy"]
    assert names["deployments/scale"]["kind"] == "Scale"
    assert names["deployments/scale"]["group"] == "autoscaling"
    _, whole = world.get("/apis", accept=AGGREGATED)
    apps = next(group for group in whole["items"] if group["metadata"]["name"] == "apps")
    found = next(entry for entry in apps["versions"][0]["resources"] if entry["resource"] == "deployments")
    assert (found["scope"], [sub["subresource"] for sub in found["subresources"]]) == (
        "Namespaced", ["scale", "status"],
    )  # fmt: skip


def test_the_preferred_version_comes_first(world: WireWorld) -> None:
    """autoscaling has two versions and prefers v2."""
    _, group = world.get("/apis/autoscaling")
    assert group["preferredVersion"] == {"groupVersion": "autoscaling/v2", "version": "v2"}
    assert [version["version"] for version in group["versions"]] == ["v2", "v1"]


def test_custom_kinds_come_and_go(world: WireWorld) -> None:
    """A CRD's kind is served, discovered and documented while its definition is there."""
    world.make("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD)
    where = "/apis/example.com/v1/namespaces/default/gadgets"
    made = world.make(where, {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "g"}})
    assert world.get(f"{where}/g") == (200, made)
    _, listed = world.get(where)
    assert (listed["kind"], listed["items"]) == ("GadgetList", [made])
    _, classic = world.get("/apis/example.com/v1")
    assert [entry["name"] for entry in classic["resources"]] == ["gadgets", "gadgets/status"]
    _, document = world.get("/openapi/v3/apis/example.com/v1")
    schema = document["components"]["schemas"]["com.example.v1.Gadget"]
    assert schema["properties"]["spec"]["properties"]["size"]["description"] == "How big."
    world.ask("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.example.com")
    assert world.get(where) == (404, "404 page not found\n")


def test_openapi_says_that_fields_are_validated(world: WireWorld) -> None:
    """kubectl looks for the fieldValidation parameter of the kind's operations, and follows references."""
    _, index = world.get("/openapi/v3")
    url = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
    answer = world.answer("GET", url)
    assert ("Cache-Control", "public, immutable") in answer.headers
    _, document = world.get(url)
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "kind": "Deployment", "version": "v1"}
    assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]
    schemas = document["components"]["schemas"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["items"] == {"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"}
    words = {name.rpartition(".")[2]: schema.get("description", "") for name, schema in schemas.items()}
    assert words["IntOrString"].startswith("A whole number or a text")
    assert words["Time"].startswith("Time is a wrapper around time.Time")


def test_what_may_be_anything_has_a_name(world: WireWorld) -> None:
    """In the schemas of definitions: `kubectl explain crd.spec.versions.schema.openAPIV3Schema`."""
    _, document = world.get("/openapi/v3/apis/apiextensions.k8s.io/v1")
    schemas = document["components"]["schemas"]
    props = next(name for name in schemas if name.endswith(".JSONSchemaProps"))
    fields = schemas[props]["properties"]
    assert fields["default"]["allOf"] == [{"$ref": f"#/components/schemas/{props.removesuffix('SchemaProps')}"}]
    assert fields["items"]["allOf"] == [{"$ref": f"#/components/schemas/{props}OrArray"}]
    assert fields["dependencies"]["additionalProperties"] == {"$ref": f"#/components/schemas/{props}OrStringArray"}


def test_every_reference_of_every_document_leads_somewhere(world: WireWorld) -> None:
    """No document mentions a schema that it does not have."""

    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*(references(each) for each in value.values()))
        if isinstance(value, list):
            return set().union(*(references(each) for each in value))
        return set()

    _, index = world.get("/openapi/v3")
    for path in index["paths"].values():
        _, document = world.get(path["serverRelativeURL"])
        known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        assert references(document) <= known


def test_the_index_of_documents_names_what_belongs_to_no_group(world: WireWorld) -> None:
    """Sorted; groups and the addresses of discovery have documents of their own."""
    _, index = world.get("/openapi/v3")
    paths = list(index["paths"])
    assert paths == sorted(paths)
    assert {".well-known/openid-configuration", "api", "apis", "apis/apps", "openid/v1/jwks", "version"} <= set(paths)
    _, document = world.get(index["paths"]["apis/apps"]["serverRelativeURL"])
    assert list(document["paths"]) == ["/apis/apps/"]
    assert "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroup" in document["components"]["schemas"]
    assert world.get("/openapi/v3/apis/nope")[0] == 404
    assert world.get("/openapi/v3/apis/apps/v9")[0] == 404


def test_health_has_checks_by_name(world: WireWorld) -> None:
    """Verbose lists them, each has a path of its own, and some can be left out."""
    status, text = world.get("/readyz?verbose")
    assert (status, text.splitlines()[0], text.splitlines()[-1]) == (200, "[+]ping ok", "readyz check passed")
    assert world.get("/livez/etcd") == (200, "ok")
    _, text = world.get("/healthz?verbose&exclude=etcd")
    assert "[+]etcd excluded: ok" in text.splitlines()


def test_version_and_metrics(world: WireWorld) -> None:
    """kubectl reads gitVersion; Prometheus reads what was answered."""
    assert world.get("/version")[1]["gitVersion"].startswith("v1.36.")
    status, text = world.get("/metrics")
    assert status == 200
    assert 'apiserver_request_total{code="200"' in text


def test_components_are_healthy_while_commits_succeed(world: WireWorld) -> None:
    """ComponentStatus is computed: the store stands for etcd."""
    status, found = world.get("/api/v1/componentstatuses")
    assert (status, [item["metadata"]["name"] for item in found["items"]]) == (
        200, ["controller-manager", "etcd-0", "scheduler"],
    )  # fmt: skip
    _, etcd = world.get("/api/v1/componentstatuses/etcd-0")
    assert etcd["conditions"] == [{"type": "Healthy", "status": "True", "message": "ok"}]
    assert world.get("/api/v1/componentstatuses/nope")[0] == 404


def test_endpoints_are_deprecated(world: WireWorld) -> None:
    """Reading them warns, in Kubernetes' words."""
    answer = world.answer("GET", "/api/v1/namespaces/default/endpoints")
    text = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
    assert [value for name, value in answer.headers if name == "Warning"] == [text]
