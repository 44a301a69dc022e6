"""Names that are offered while one types: what exists, what files declare, what the text itself declares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.api.schema import Field, Schema, TypeInfo
from engine.client import FolderFile, Json
from tests.tui.console import console
from tests.tui.fake_client import FakeClient, kind
from tests.tui.fake_world import deployment, world
from tui.yaml_names import names_at
from tui.yaml_place import declared, keys_under, place_at
from tui.yaml_words import WORDS

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: p
  namespace: shop
spec:
  containers:
  - name: c
    ports:
    - name: web
      containerPort: 8080
"""
AFTER = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: mine, namespace: shop}
data:
  here: |
    not: this
  "there": x
---
kind: Secret
metadata:
  labels:
    name: not-this
  name: word
  namespace: shop
stringData: {user: me, password: "a: b"}
"""


def obj(name: str, namespace: str = "shop", **more: Json) -> Json:
    meta = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"metadata": meta, **more}


def cluster(folder: Path) -> FakeClient:
    client = FakeClient(world(2))
    client.folder = str(folder)
    client.served = [
        *client.served, kind("priorityclasses.scheduling.k8s.io", "PriorityClass", namespaced=False),
        kind("storageclasses.storage.k8s.io", "StorageClass", namespaced=False),
        kind("persistentvolumeclaims", "PersistentVolumeClaim"),
        kind("clusterroles.rbac.authorization.k8s.io", "ClusterRole", namespaced=False),
    ]  # fmt: skip
    client.put("configmaps", obj("settings", data={"colour": "red"}, binaryData={"logo": "AA=="}))
    client.put("configmaps", obj("settings", "other", data={"elsewhere": "x"}))
    client.put("secrets", obj("token", data={"key": "AA=="}))
    client.put("serviceaccounts", obj("robot"))
    client.put("serviceaccounts", obj("stranger", "other"))
    client.put("persistentvolumeclaims", obj("disk"))
    client.put("priorityclasses.scheduling.k8s.io", obj("urgent", ""))
    client.put("storageclasses.storage.k8s.io", obj("fast", ""))
    client.put("clusterroles.rbac.authorization.k8s.io", obj("reader", ""))
    taint = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    client.put(
        "nodes", obj("gpu-1", "", spec={"taints": [taint]}, status={"allocatable": {"cpu": "8", "nvidia.com/gpu": "2"}})
    )
    web = deployment("web")
    web["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 80}]
    client.put("deployments.apps", web)
    (folder / "extra.yaml").write_text(
        "kind: ConfigMap\nmetadata:\n  name: filed\n  namespace: shop\ndata:\n  inside: x\n"
    )
    client.files = (FolderFile("extra.yaml", "waiting", objects=(("configmaps", "shop", "filed", 1),)),)
    return client


ENV = "    env:\n    - valueFrom:\n        "
VOLUME = "  volumes:\n  - name: v\n    "
CASES = {
    # the place, as it is typed behind POD → what is offered there
    "    envFrom:\n    - configMapRef:\n        name: |": {"filed", "mine", "settings"},
    ENV + "configMapKeyRef:\n          name: settings\n          key: |": {
        "colour",
        "logo",
    },
    ENV + "configMapKeyRef:\n          key: |\n          name: filed": {"inside"},
    ENV + "configMapKeyRef:\n          name: mine\n          key: |": {"here", "there"},
    ENV + "secretKeyRef:\n          name: token\n          key: |": {"key"},
    ENV + "secretKeyRef:\n          name: word\n          key: |": {"password", "user"},
    VOLUME + "configMap:\n      name: settings\n      items:\n      - key: |": {"colour", "logo"},
    VOLUME + "secret:\n      secretName: token\n      items:\n      - path: x\n        key: |": {"key"},
    VOLUME + "projected:\n      sources:\n      - configMap:\n          name: filed\n          items:\n"
    "          - key: |": {"inside"},
    VOLUME + "persistentVolumeClaim:\n      claimName: |": {"disk"},
    "  serviceAccountName: |": {"robot"},
    "  priorityClassName: |": {"urgent"},
    "  nodeName: |": {"gpu-1"},
    "  tolerations:\n  - key: |": {"dedicated"},
    "  tolerations:\n  - key: dedicated\n    value: |": {"gpu"},
    "    resources:\n      requests:\n        |": {"cpu", "ephemeral-storage", "memory", "nvidia.com/gpu"},
    "    livenessProbe:\n      httpGet:\n        port: |": {"web"},
}
ALONE = {
    "kind: PersistentVolumeClaim\nspec:\n  storageClassName: |": {"fast"},
    "kind: Service\nmetadata: {namespace: shop}\nspec:\n  ports:\n  - targetPort: |": {"http"},
    "kind: RoleBinding\nmetadata: {namespace: shop}\nroleRef:\n  kind: |": {"ClusterRole", "Role"},
    "kind: RoleBinding\nmetadata: {namespace: shop}\nroleRef:\n  kind: ClusterRole\n  name: |": {"reader"},
    "kind: RoleBinding\nsubjects:\n- kind: ServiceAccount\n  namespace: other\n  name: |": {"stranger"},
}


async def test_what_can_be_named_is_offered(tmp_path: Path) -> None:
    """At each place just what fits: of the namespace, of the object named beside, applied or only declared."""
    places = {POD + text + "\n" + AFTER: wanted for text, wanted in CASES.items()} | ALONE
    async with console(cluster(tmp_path)) as (app, _, _client):
        for text, wanted in places.items():
            before, after = text.split("|\n", 1) if "|\n" in text else (text.rstrip("|"), "")
            lines = f"{before}\n{after}".split("\n")
            row = before.count("\n")
            place = place_at(lines, row, len(lines[row]))
            offered = {offer.name for offer in await names_at(app.session, place, lines, row)}
            known = offered - {item.name for item in _client.objects["nodes"].values() if item.name != "gpu-1"}
            assert known == wanted, before[-120:]


async def test_texts_that_yaml_would_misread_are_quoted(tmp_path: Path) -> None:
    """A label `true` of a node, a key `1.0` of a ConfigMap; a port stays a number."""
    client = cluster(tmp_path)
    labels = {"name": "odd", "labels": {"gpu": "true"}}
    client.put("nodes", {"metadata": labels})
    client.put("configmaps", obj("odd", data={"1.0": "x"}))
    client.put("services", obj("web", spec={"ports": [{"name": "on", "port": 80}]}))
    backend = "kind: Ingress\nmetadata: {namespace: shop}\nspec:\n  defaultBackend:\n    service:\n      name: web\n"
    async with console(client) as (app, _, _client):
        for text, wanted in {
            "kind: Pod\nspec:\n  nodeSelector:\n    gpu: ": '"true"',
            POD + ENV + "configMapKeyRef:\n          name: odd\n          key: ": '"1.0"',
            backend + "      port:\n        number: ": "80",
            backend + "      port:\n        name: ": '"on"',
        }.items():
            lines = text.split("\n")
            row = len(lines) - 1
            offers = await names_at(app.session, place_at(lines, row, len(lines[row])), lines, row)
            assert [offer.name for offer in offers] == [wanted]


async def test_a_role_speaks_of_what_is_served(tmp_path: Path) -> None:
    """Verbs, groups and resources of rules."""
    async with console(cluster(tmp_path)) as (app, _, _client):
        for field, wanted in (("verbs", "watch"), ("resources", "deployments"), ("apiGroups", "apps")):
            lines = f"kind: Role\nrules:\n- {field}:\n  - ".split("\n")
            offers = await names_at(app.session, place_at(lines, 3, 4), lines, 3)
            assert wanted in {offer.name for offer in offers}


def test_what_a_text_declares() -> None:
    """Kind, namespace and name of each document, in block and flow style; keys of their data."""
    lines = (POD + AFTER).split("\n")
    found = declared(lines)
    assert [each[:3] for each in found] == [
        ("Pod", "shop", "p"), ("ConfigMap", "shop", "mine"), ("Secret", "shop", "word"),
    ]  # fmt: skip
    assert keys_under(lines, found[1].first, found[1].last, "data") == ["here", "there"]
    assert keys_under(lines, found[2].first, found[2].last, "stringData") == ["user", "password"]
    assert keys_under(lines, found[0].first, found[0].last, "data") == []


def test_words_stand_where_the_schema_has_a_text() -> None:
    """Each place of the table is a field of some type of Kubernetes that takes a text; none is spelled wrong."""
    schema = Schema()
    kinds = {kind: api_version for api_version, kind in schema._kinds}
    for end in WORDS:
        if end[0] in kinds:
            found = [schema.find(kinds[end[0]], end[0], end[1:])]
        else:
            found = [followed(schema.type(name), end) for name in schema._lines]
        assert "string" in {field.form for field in found if field is not None}, end


def followed(info: TypeInfo, path: Sequence[str]) -> Field | None:
    """The field at a path that begins in a type."""
    field = info.fields.get(path[0])
    for step in path[1:]:
        if field is not None and step == "[]":
            field = field.item
        elif field is not None and field.form == "struct" and field.type is not None:
            field = field.type.fields.get(step)
        else:
            return None
    return field
