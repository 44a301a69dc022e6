"""What `kubectl get` prints: columns and cells of every kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.kinds import builtin_kinds
from engine.api.table import printer_of
from engine.api.table.custom import custom_columns, results
from engine.api.table.times import SECOND
from engine.clock import parse_time
from store.types import Resource
from tests.engine.api.door import PERSON, Door

START = "2026-11-23T09:00:00Z"
NOW = parse_time(START) + 300 * SECOND


def cells(resource: str, obj: dict[str, Any], *, wide: bool = False) -> list[Any]:
    """The row of an object named x, made five minutes ago."""
    meta = {"name": "x", "creationTimestamp": START, **obj.get("metadata", {})}
    printer = printer_of(resource)
    row = printer.cells({**obj, "metadata": meta}, NOW)
    assert len(row) == len(printer.columns)
    return [cell for cell, column in zip(row, printer.columns, strict=True) if wide or column.priority == 0]


def columns(resource: str) -> list[str]:
    """`Name:name`, `IP+` for a wide one."""
    return [
        f"{c.name}{':' + c.format if c.format else ''}{'+' if c.priority else ''}" for c in printer_of(resource).columns
    ]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("pods", "Name:name Ready Status Restarts Age IP+ Node+ Nominated_Node+ Readiness_Gates+"),
        ("services", "Name:name Type Cluster-IP External-IP Port(s) Age Selector+"),
        ("events", "Last_Seen Type Reason Object Subobject+ Source+ Message First_Seen+ Count+ Name:name+"),
        ("persistentvolumes", "Name:name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass "
         "VolumeAttributesClass Reason Age VolumeMode+"),
        ("persistentvolumeclaims", "Name:name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass "
         "Age VolumeMode+"),
        ("deployments.apps", "Name:name Ready Up-to-date Available Age Containers+ Images+ Selector+"),
        ("statefulsets.apps", "Name:name Ready Age Containers+ Images+"),
        ("daemonsets.apps", "Name:name Desired Current Ready Up-to-date Available Node_Selector Age Containers+ "
         "Images+ Selector+"),
        ("cronjobs.batch", "Name:name Schedule Timezone Suspend Active Last_Schedule Age Containers+ Images+ "
         "Selector+"),
        ("limitranges", "Name:name Created_At"),
        ("serviceaccounts", "Name:name Age"),
        ("certificatesigningrequests.certificates.k8s.io", "Name:name Age SignerName Requestor RequestedDuration "
         "Condition"),
        ("volumeattachments.storage.k8s.io", "Name:name Attacher:name PV Node Attached Age"),
    ],
)  # fmt: skip
def test_columns_are_those_of_kubernetes(resource: str, expected: str) -> None:
    """Names, formats, order and priorities as v1.36 sends them."""
    assert [name.replace(" ", "_") for name in columns(resource)] == expected.split()


def running(**more: Any) -> dict[str, Any]:
    return {"name": "c", "ready": True, "restartCount": 0, "state": {"running": {}}, **more}


def terminated(code: int, reason: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": START}}


def pod(status: dict[str, Any], spec: dict[str, Any] | None = None, **meta: Any) -> list[Any]:
    return cells("pods", {"metadata": meta, "spec": {"containers": [{"name": "c"}], **(spec or {})}, "status": status})


INIT = {"initContainers": [{"name": "i"}, {"name": "j"}]}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (pod({"phase": "Pending"}), "0/1 Pending 0"),
        (pod({"phase": "Running", "containerStatuses": [running()]}), "1/1 Running 0"),
        (pod({"phase": "Failed", "reason": "Evicted"}), "0/1 Evicted 0"),
        (pod({"phase": "Succeeded", "containerStatuses": [running(ready=False, state=terminated(0, "Completed"))]}),
         "0/1 Completed 0"),
        (pod({"phase": "Running", "containerStatuses": [running(
            ready=False, restartCount=3, state={"waiting": {"reason": "CrashLoopBackOff"}},
            lastState=terminated(1, "Error"))]}), "0/1 CrashLoopBackOff 3 (5m ago)"),
        (pod({"phase": "Failed", "containerStatuses": [running(ready=False, state=terminated(137))]}),
         "0/1 ExitCode:137 0"),
        (pod({"phase": "Pending", "initContainerStatuses": [
            running(name="i", state=terminated(0)), running(name="j")]}, INIT), "0/1 Init:1/2 0"),
        (pod({"phase": "Pending", "initContainerStatuses": [running(name="i", state=terminated(1, "Error"))]}, INIT),
         "0/1 Init:Error 0"),
        (pod({"phase": "Running", "containerStatuses": [running()]}, deletionTimestamp=START), "1/1 Terminating 0"),
        (pod({"phase": "Failed", "reason": "Evicted"}, deletionTimestamp=START), "0/1 Evicted 0"),
        (pod({"phase": "Running", "reason": "NodeLost"}, deletionTimestamp=START), "0/1 Unknown 0"),
        (pod({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}), "0/1 SchedulingGated 0"),
    ],
)  # fmt: skip
def test_a_pods_word(row: list[Any], expected: str) -> None:
    """READY, STATUS and RESTARTS say what printPod says."""
    assert " ".join(row[1:4]) == expected


def test_a_pods_wide_columns() -> None:
    """Address, node, nominated node, and how many readiness gates are open."""
    obj = {
        "spec": {"containers": [], "nodeName": "n", "readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]},
        "status": {"podIPs": [{"ip": "10.0.0.1"}], "conditions": [{"type": "a", "status": "True"}]},
    }
    assert cells("pods", obj, wide=True)[5:] == ["10.0.0.1", "n", "<none>", "1/2"]
    assert cells("pods", {}, wide=True)[5:] == ["<none>"] * 4


@pytest.mark.parametrize(
    ("resource", "obj", "expected"),
    [
        ("services", {"spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.9", "ports": [
            {"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}},
         ["x", "LoadBalancer", "10.96.0.9", "<pending>", "80:30080/TCP,53/UDP", "5m"]),
        ("services", {"spec": {"type": "ExternalName", "externalName": "e.org"}},
         ["x", "ExternalName", "<none>", "e.org", "<none>", "5m"]),
        ("nodes", {"spec": {"unschedulable": True}, "metadata": {"labels": {"node-role.kubernetes.io/b": "",
                                                                          "kubernetes.io/role": "a"}},
                   "status": {"conditions": [{"type": "Ready", "status": "Unknown"}],
                              "nodeInfo": {"kubeletVersion": "v1.36.0"}}},
         ["x", "NotReady,SchedulingDisabled", "a,b", "5m", "v1.36.0"]),
        ("jobs.batch", {"spec": {"completions": 4}, "status": {
            "succeeded": 2, "startTime": START, "conditions": [{"type": "SuccessCriteriaMet", "status": "True"}]}},
         ["x", "SuccessCriteriaMet", "2/4", "5m", "5m"]),
        ("jobs.batch", {"spec": {"parallelism": 3}}, ["x", "Running", "0/1 of 3", "", "5m"]),
        ("deployments.apps", {"spec": {"replicas": 3}, "status": {"readyReplicas": 1}}, ["x", "1/3", 0, 0, "5m"]),
        ("controllerrevisions.apps", {"revision": 3, "metadata": {"ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "ds", "controller": True}]}},
         ["x", "daemonset.apps/ds", 3, "5m"]),
        ("ingresses.networking.k8s.io", {"spec": {"rules": [{"host": h} for h in "abcde"], "tls": [{}]}},
         ["x", "<none>", "a,b,c + 2 more...", "", "80, 443", "5m"]),
        ("networkpolicies.networking.k8s.io", {"spec": {"podSelector": {
            "matchLabels": {"app": "w"}, "matchExpressions": [{"key": "t", "operator": "In", "values": ["b", "a"]}]}}},
         ["x", "app=w,t in (a,b)", "5m"]),
        ("horizontalpodautoscalers.autoscaling", {"spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5, "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}}]}},
         ["x", "Deployment/web", "cpu: <unknown>/80%", "<unset>", 5, 0, "5m"]),
        ("poddisruptionbudgets.policy", {"spec": {"minAvailable": "50%"}}, ["x", "50%", "N/A", 0, "5m"]),
        ("persistentvolumeclaims", {"spec": {"storageClassName": "fast"}, "status": {
            "phase": "Pending", "capacity": {"storage": "1Gi"}}},
         ["x", "Pending", "", "", "", "fast", "<unset>", "5m"]),
        ("storageclasses.storage.k8s.io", {"provisioner": "p", "metadata": {
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}},
         ["x (default)", "p", "Delete", "Immediate", False, "5m"]),
        ("resourcequotas", {"status": {"hard": {"pods": "4", "limits.cpu": "2"}, "used": {"pods": "1"}}},
         ["x", "pods: 1/4", "limits.cpu: 0/2", "5m"]),
        ("endpoints", {"subsets": [{"addresses": [{"ip": f"10.0.0.{n}"} for n in range(5)], "ports": [{"port": 80}]}]},
         ["x", "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more...", "5m"]),
        ("events", {"lastTimestamp": START, "type": "Normal", "reason": "R", "message": " m ",
                    "involvedObject": {"kind": "Pod", "name": "p"}}, ["5m", "Normal", "R", "pod/p", "m"]),
        ("events.events.k8s.io", {"eventTime": START, "type": "Normal", "reason": "R", "note": "m",
                                  "regarding": {"kind": "Pod", "name": "p"}}, ["5m", "Normal", "R", "pod/p", "m"]),
        ("roles.rbac.authorization.k8s.io", {}, ["x", START]),
        ("certificatesigningrequests.certificates.k8s.io", {
            "spec": {"signerName": "s", "username": "u", "expirationSeconds": 86400},
            "status": {"conditions": [{"type": "Approved"}], "certificate": "Zg=="}},
         ["x", "5m", "s", "u", "24h", "Approved,Issued"]),
    ],
)  # fmt: skip
def test_cells_are_those_of_kubernetes(resource: str, obj: dict[str, Any], expected: list[Any]) -> None:
    """One row of each kind with rules of its own."""
    assert cells(resource, obj) == expected


def test_every_kind_prints_an_empty_object() -> None:
    """No printer needs a field that may be missing."""
    for kind in builtin_kinds().all():
        row = cells(str(kind.resource), {})
        assert row, kind.kind


COLUMNS: list[dict[str, Any]] = [
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
    {"name": "Hosts", "type": "string", "jsonPath": ".spec.hosts[*]", "priority": 1},
    {"name": "Since", "type": "date", "jsonPath": ".status.since"},
    {"name": "App", "type": "string", "jsonPath": ".metadata.labels['app.x/name']"},
]


def test_custom_columns() -> None:
    """Printer columns of a definition: paths, filters, lists, types; null where nothing is found."""
    obj = {
        "metadata": {"labels": {"app.x/name": "a"}},
        "spec": {"size": 3, "hosts": ["a", "b"]},
        "status": {
            "since": START,
            "conditions": [{"type": "Other", "status": "x"}, {"type": "Ready", "status": "True"}],
        },
    }
    made = custom_columns(COLUMNS)
    assert [c.cell(obj, NOW) for c in made] == ["True", 3, "a", "5m", "a"]
    assert [c.cell({}, NOW) for c in made] == [None] * 5
    (whole,) = custom_columns([{"name": "Spec", "type": "string", "jsonPath": ".spec"}])
    assert whole.cell(obj, NOW) == '{"hosts":["a","b"],"size":3}'
    assert [c.priority for c in made] == [0, 0, 1, 0, 0]


@given(st.text(alphabet=".[]*?@()'\"=ab0-{}$", max_size=24), st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab0"), inner, max_size=3),
))  # fmt: skip
def test_no_path_breaks_a_table(path: str, obj: Any) -> None:
    """Whatever a definition's author writes as jsonPath, a list of what it finds comes back."""
    assert isinstance(results(obj, path), list)


CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size, description: How big}]
"""


def test_tables_are_served_with_descriptions(door: Door) -> None:
    """Descriptions come from the schema; a definition's columns follow its changes."""
    table = door.api.tables.of(door.api.kind_of(Resource("", "pods")))
    texts = {d["name"]: d["description"] for d in table.definitions}
    assert texts["Name"].startswith("Name must be unique within a namespace.")
    assert all(texts.values())
    crd = door.create(CRD)
    kind = door.api.kind_of(Resource("example.com", "widgets"))
    assert [d["name"] for d in door.api.tables.of(kind).definitions] == ["Name", "Size"]
    spec = {**crd.obj["spec"], "versions": [{**crd.obj["spec"]["versions"][0], "additionalPrinterColumns": []}]}
    door.api.update(PERSON, crd.key.resource, "", crd.name, {**door.now(crd), "spec": spec})
    kind = door.api.kind_of(Resource("example.com", "widgets"))
    assert [d["name"] for d in door.api.tables.of(kind).definitions] == ["Name", "Age"]


def test_pods_that_are_done_say_so(door: Door) -> None:
    """kubectl greys rows out by the condition Completed."""
    table = door.api.tables.of(door.api.kind_of(Resource("", "pods")))
    row = table.row({"metadata": {"name": "p"}, "status": {"phase": "Succeeded"}}, NOW)
    assert [(c["type"], c["reason"]) for c in row["conditions"]] == [("Completed", "Succeeded")]
    assert "conditions" not in table.row({"metadata": {"name": "p"}, "status": {"phase": "Running"}}, NOW)


def test_all_descriptions_are_found(door: Door) -> None:
    """No column of a built-in kind goes undescribed."""
    for kind in door.api.kinds.all():
        for definition in door.api.tables.of(kind).definitions:
            assert definition["description"], (kind.kind, definition["name"])


def test_a_nodes_kernel_says_what_it_was_built_for() -> None:
    """kubectl get nodes -o wide: the architecture stands in brackets behind the kernel."""
    info = {"kernelVersion": "6.1", "architecture": "amd64", "osImage": "OS", "containerRuntimeVersion": "c://1"}
    assert cells("nodes", {"status": {"nodeInfo": info}}, wide=True)[-3:] == ["OS", "6.1 (amd64)", "c://1"]


def test_what_is_simulated_tells_itself_in_a_line() -> None:
    """Kubarium's own kinds: what an image takes, where a machine stands, whom a load balancer serves."""
    image = {"spec": {"image": "shop/cart", "size": "31Mi", "cpu": "20m", "memory": {"start": "70Mi", "max": "110Mi"}}}
    assert cells("images.kubarium.dev", image, wide=True) == ["x", "shop/cart", "31Mi", "5m", "20m", "70Mi"]
    machine = {
        "spec": {"instanceType": "gpu-8", "zone": "north-b"},
        "status": {"phase": "Running", "providerID": "simulated:///north-b/x",
                   "addresses": [{"type": "Hostname", "address": "x"}, {"type": "InternalIP", "address": "10.0.0.1"}]},
    }  # fmt: skip
    assert cells("machines.kubarium.dev", machine, wide=True) == [
        "x", "Running", "gpu-8", "north-b", "5m", "10.0.0.1", "simulated:///north-b/x",
    ]  # fmt: skip
    balancer = {"spec": {"service": "shop/front", "addresses": ["203.0.113.1", "2001:db8::1"], "nodes": ["a", "b"]}}
    assert cells("loadbalancers.kubarium.dev", balancer, wide=True) == [
        "x", "shop/front", "", "203.0.113.1,2001:db8::1", "5m", 2,
    ]  # fmt: skip
    cloud = {"spec": {"region": "north", "zones": ["north-a", "north-b"]}}
    assert cells("clouds.kubarium.dev", cloud) == ["x", "north", "north-a,north-b", "5m"]
    route = {"spec": {"node": "a", "destinationCIDR": "10.244.0.0/24", "nextHop": "192.168.0.1"}}
    assert cells("routes.kubarium.dev", route) == ["x", "a", "10.244.0.0/24", "192.168.0.1", "5m"]
