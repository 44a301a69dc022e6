"""Describe prints what kubectl prints: columns, sections, events."""

from __future__ import annotations

from textwrap import dedent

from tui.describe.core import describe_namespace, describe_secret
from tui.describe.generic import describe_generic, label
from tui.describe.node import describe_node
from tui.describe.pod import describe_pod
from tui.describe.workloads import describe_deployment
from tui.describe.writer import align
from tui.times import parse_time

NOW = parse_time("2026-11-23T10:00:00Z") or 0


def text(block: str) -> str:
    return dedent(block).strip("\n")


def test_tabs_are_elastic_per_block() -> None:
    """Go's tabwriter: a column lasts as long as neighbouring lines have it; the last cell pads nothing."""
    lines = [line.split("\t") for line in ["a:\tone", "long name:\ttwo", "section", "b:\tx\ty", "ccc:\tz"]]
    assert align(lines) == ["a:          one", "long name:  two", "section", "b:    x  y", "ccc:  z"]


def test_an_unplaced_pod() -> None:
    """Requests, conditions, tolerations and its refusal, column by column."""
    pod = {
        "metadata": {"name": "report", "namespace": "team", "labels": {"app": "report", "tier": "batch"}},
        "spec": {
            "priority": 0,
            "containers": [{"name": "main", "image": "r:1", "resources": {"requests": {"cpu": "3"}},
                            "ports": [{"containerPort": 80, "name": "http"}],
                            "readinessProbe": {"httpGet": {"path": "/ready", "port": 80}}}],
            "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
        },
        "status": {"phase": "Pending", "qosClass": "Burstable",
                   "conditions": [{"type": "PodScheduled", "status": "False"}]},
    }  # fmt: skip
    event = {
        "metadata": {}, "type": "Warning", "reason": "FailedScheduling", "message": "0/2 nodes are available",
        "eventTime": "2026-11-23T09:59:30Z", "reportingComponent": "default-scheduler",
    }  # fmt: skip
    wanted = text("""
        Name:         report
        Namespace:    team
        Priority:     0
        Node:         <none>
        Labels:       app=report
                      tier=batch
        Annotations:  <none>
        Status:       Pending
        IP:{pad}
        IPs:          <none>
        Containers:
          main:
            Image:      r:1
            Port:       80/TCP (http)
            Host Port:  0/TCP (http)
            Requests:
              cpu:        3
            Readiness:    http-get http://:80/ready delay=0s timeout=1s period=10s #success=1 #failure=3
            Environment:  <none>
            Mounts:       <none>
        Conditions:
          Type           Status
          PodScheduled   False{space}
        Volumes:         <none>
        QoS Class:       Burstable
        Node-Selectors:  <none>
        Tolerations:     gpu:NoExecute op=Exists for 300s
        Events:
          Type     Reason            Age   From               Message
          ----     ------            ----  ----               -------
          Warning  FailedScheduling  30s   default-scheduler  0/2 nodes are available
    """)
    assert describe_pod(pod, [event], NOW) == wanted.replace("{pad}", " " * 11).replace("{space}", " ")


def test_a_node_adds_up_its_pods() -> None:
    """Requests and limits of the pods that are not finished, in percent of what is allocatable, rounded down."""
    node = {
        "metadata": {"name": "n1", "creationTimestamp": "2026-11-23T09:00:00Z"},
        "spec": {"taints": [{"key": "b", "effect": "NoSchedule"}, {"key": "a", "value": "x", "effect": "NoExecute"}]},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "100Gi"}},
    }
    requests = {"requests": {"cpu": "250m", "memory": "128Mi"}}
    pods = [
        {"metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-11-23T09:59:00Z"},
         "spec": {"containers": [{"name": "c", "resources": requests}]}, "status": {"phase": phase}}
        for name, phase in (("b", "Running"), ("a", "Running"), ("done", "Succeeded"))
    ]  # fmt: skip
    described = describe_node(node, None, pods, [], NOW)
    assert (
        text("""
        Taints:             a=x:NoExecute
                            b:NoSchedule
        Unschedulable:      false
    """)
        in described
    )
    assert (
        text("""
        Non-terminated Pods:          (2 in total)
          Namespace                   Name    CPU Requests  CPU Limits  Memory Requests  Memory Limits  Age
          ---------                   ----    ------------  ----------  ---------------  -------------  ---
          shop                        a       250m (6%)     0 (0%)      128Mi (1%)       0 (0%)         60s
          shop                        b       250m (6%)     0 (0%)      128Mi (1%)       0 (0%)         60s
        Allocated resources:
          (Total limits may be over 100 percent, i.e., overcommitted.)
          Resource           Requests    Limits
          --------           --------    ------
          cpu                500m (12%)  0 (0%)
          memory             256Mi (3%)  0 (0%)
          ephemeral-storage  0 (0%)      0 (0%)
        Events:              <none>
    """)
        in described
    )


def test_a_deployment_names_its_replica_sets() -> None:
    """The one of the present revision is new, the others are old; somebody else's are not its own."""
    ref = [{"uid": "d", "controller": True}]
    revision = "deployment.kubernetes.io/revision"

    def replica_set(name: str, number: str, owner: list[dict[str, object]]) -> dict[str, object]:
        return {
            "metadata": {"name": name, "annotations": {revision: number}, "ownerReferences": owner},
            "spec": {"replicas": 2},
            "status": {"replicas": 2},
        }

    deployment = {
        "metadata": {"name": "web", "namespace": "shop", "uid": "d", "annotations": {revision: "2"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {}},
    }
    sets = [replica_set("web-a", "1", ref), replica_set("web-b", "2", ref), replica_set("other", "2", [])]
    described = " ".join(describe_deployment(deployment, sets, [], NOW).split())
    assert "OldReplicaSets: web-a (2/2 replicas created)" in described
    assert "NewReplicaSet: web-b (2/2 replicas created)" in described
    assert "other" not in described


def test_a_secret_never_shows_its_values() -> None:
    """Keys and sizes only."""
    described = describe_secret({"metadata": {"name": "s", "namespace": "d"}, "data": {"pw": "aHVudGVyMg=="}})
    assert "pw:  7 bytes" in described
    assert "hunter2" not in described
    assert "aHVudGVyMg" not in described


def test_a_namespace_without_limits_says_so() -> None:
    """As kubectl does."""
    described = describe_namespace({"metadata": {"name": "shop"}, "status": {"phase": "Active"}}, [], [])
    assert described.endswith("Status:       Active\n\nNo resource quota.\n\nNo LimitRange resource.")


def test_unknown_kinds_are_described_field_by_field() -> None:
    """Sorted fields with words for labels; what was told above is not told twice."""
    described = describe_generic(
        {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "labels": {"a": "b"}},
         "spec": {"podIPs": ["1", "2"], "on": True}}, [], NOW,
    )  # fmt: skip
    assert "API Version:  example.com/v1" in described
    assert "  On:  true\n  Pod I Ps:" in described
    assert described.count("a=b") == 1
    assert label("apiVersion") == "API Version"
