"""Each plugin alone: what it refuses, in which words, what it scores, and which events make it reconsider."""

from __future__ import annotations

from typing import Any

import pytest

from engine.scheduler.framework import Arrived, FilterPlugin, Freed, ScorePlugin, normalized
from engine.scheduler.nodes import NodeChange, NodeTable
from engine.scheduler.plugins.balanced_allocation import NodeResourcesBalancedAllocation
from engine.scheduler.plugins.node_affinity import NodeAffinity
from engine.scheduler.plugins.node_name import NodeName
from engine.scheduler.plugins.node_ports import NodePorts
from engine.scheduler.plugins.node_resources_fit import NodeResourcesFit
from engine.scheduler.plugins.node_unschedulable import NodeUnschedulable
from engine.scheduler.plugins.taint_toleration import TaintToleration
from engine.scheduler.podclass import PodClass
from store.types import JsonObject, Uid
from tests.engine.scheduler.cluster_world import pod_spec

GPU = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


def node(
    name: str,
    *,
    labels: JsonObject | None = None,
    taints: Any = (),
    cordoned: bool = False,
    gpus: str = "",
    **offered: str,
) -> JsonObject:
    if gpus:
        offered["nvidia.com/gpu"] = gpus
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {"taints": list(taints), "unschedulable": cordoned},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110", **offered}},
    }


def table(*nodes: JsonObject) -> NodeTable:
    found = NodeTable()
    for obj in nodes:
        found.put_node(obj)
    return found


def pod(spec: JsonObject | None = None, number: int = 1, node_name: str = "") -> PodClass:
    return PodClass(number, pod_spec() if spec is None else spec, node_name)


def refused(plugin: FilterPlugin, pod_class: PodClass, nodes: NodeTable) -> list[tuple[str, ...]]:
    """Reasons by node; both ways of asking agree."""
    if not plugin.concerns(pod_class):
        return [() for _ in range(nodes.size)]
    codes = plugin.filter(pod_class, nodes, nodes.all_rows).tolist()
    assert codes == [plugin.refusal(pod_class, nodes, row) for row in range(nodes.size)]
    for row, code in enumerate(codes):
        if code:
            assert plugin.explain(pod_class, nodes, row)
    return [plugin.reasons(code, nodes) if code else () for code in codes]


def scored(plugin: ScorePlugin, pod_class: PodClass, nodes: NodeTable) -> list[int]:
    raw = plugin.score(pod_class, nodes, nodes.all_rows)
    assert raw.tolist() == [plugin.score_one(pod_class, nodes, row) for row in range(nodes.size)]
    scores: list[int] = normalized(raw, nodes.alive[: nodes.size], plugin.normalize).tolist()
    return scores


def affinity(*terms: JsonObject) -> JsonObject:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


def expressions(*requirements: tuple[str, str, list[str]]) -> JsonObject:
    return {"matchExpressions": [{"key": k, "operator": o, "values": v} for k, o, v in requirements]}


# -- NodeName, NodeUnschedulable -----------------------------------------------------------------------------------


def test_node_name() -> None:
    """Only the node that the pod names."""
    nodes = table(node("a"), node("b"))
    assert refused(NodeName(), pod(node_name="b"), nodes) == [("node(s) didn't match the requested node name",), ()]
    assert refused(NodeName(), pod(), nodes) == [(), ()]
    assert refused(NodeName(), pod(node_name="gone"), nodes)[0]


def test_cordoned() -> None:
    """A cordoned node refuses, unless its taint is tolerated; uncordoning is the event that helps."""
    nodes = table(node("a", cordoned=True), node("b"))
    plugin = NodeUnschedulable()
    assert refused(plugin, pod(), nodes) == [("node(s) were unschedulable",), ()]
    tolerant = pod(pod_spec(tolerations=[{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]))
    assert refused(plugin, tolerant, nodes) == [(), ()]
    assert plugin.explain(pod(), nodes, 0) == ("cordoned",)
    assert not plugin.hint(NodeChange(0, unschedulable=True), pod(), nodes)
    assert plugin.hint(nodes.put_node(node("a")), pod(), nodes)


# -- TaintToleration -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({}, False),
        ({"operator": "Exists"}, True),
        ({"key": "dedicated", "operator": "Exists"}, True),
        ({"key": "dedicated", "operator": "Equal", "value": "gpu"}, True),
        ({"key": "dedicated", "value": "gpu"}, True),
        ({"key": "dedicated", "value": "cpu"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}, True),
        ({"key": "dedicated", "value": "gpu", "effect": "NoExecute"}, False),
    ],
)
def test_tolerations(toleration: JsonObject, fits: bool) -> None:
    """Key, value and effect match as in Toleration.ToleratesTaint; what is empty matches all."""
    nodes = table(node("a", taints=[GPU]))
    found = refused(TaintToleration(), pod(pod_spec(tolerations=[toleration] if toleration else [])), nodes)
    assert found == [() if fits else ("node(s) had untolerated taint(s)",)]


def test_taint_in_words() -> None:
    """The refusal names the taint as kubectl writes it."""
    nodes = table(
        node("a", taints=[GPU, {"key": "x", "effect": "NoExecute"}, {"key": "y", "effect": "PreferNoSchedule"}])
    )
    lines = TaintToleration().explain(pod(), nodes, 0)
    assert lines == ("untolerated taint dedicated=gpu:NoSchedule", "untolerated taint x:NoExecute")


def test_prefer_no_schedule_costs_score() -> None:
    """Nodes with fewer untolerated PreferNoSchedule taints score higher, 100 without any."""
    soft = [{"key": k, "effect": "PreferNoSchedule"} for k in "xy"]
    nodes = table(node("a"), node("b", taints=soft[:1]), node("c", taints=soft))
    assert refused(TaintToleration(), pod(), nodes) == [(), (), ()]
    assert scored(TaintToleration(), pod(), nodes) == [100, 50, 0]
    tolerant = pod(pod_spec(tolerations=[{"operator": "Exists"}]))
    assert scored(TaintToleration(), tolerant, nodes) == [100, 100, 100]


def test_taint_hint() -> None:
    """A taint that is removed helps; one that is added does not, nor does a label."""
    nodes = table(node("a", taints=[GPU]))
    plugin = TaintToleration()
    assert not plugin.hint(nodes.put_node(node("a", taints=[GPU], labels={"x": "y"})), pod(), nodes)
    assert plugin.hint(nodes.put_node(node("a")), pod(), nodes)
    assert not plugin.hint(nodes.put_node(node("a", taints=[GPU])), pod(), nodes)


# -- NodeAffinity --------------------------------------------------------------------------------------------------

LABELLED = (
    node("a", labels={"disk": "ssd", "gen": "3"}),
    node("b", labels={"disk": "hdd", "gen": "10"}),
    node("c", labels={"gen": "x"}),
)


@pytest.mark.parametrize(
    ("term", "fits"),
    [
        (expressions(("disk", "In", ["ssd", "nvme"])), "a"),
        (expressions(("disk", "NotIn", ["ssd"])), "bc"),
        (expressions(("disk", "Exists", [])), "ab"),
        (expressions(("disk", "DoesNotExist", [])), "c"),
        (expressions(("gen", "Gt", ["3"])), "b"),
        (expressions(("gen", "Lt", ["10"])), "a"),
        (expressions(("disk", "Exists", []), ("gen", "Gt", ["5"])), "b"),
        (expressions(("disk", "In", [str(n) for n in range(20)] + ["hdd"])), "b"),
        ({}, ""),
        ({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["c"]}]}, "c"),
        ({"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["c"]}]}, "ab"),
    ],
)
def test_required_terms(term: JsonObject, fits: str) -> None:
    """Every operator, on labels and on the node's name; an empty term matches nothing."""
    nodes = table(*LABELLED)
    found = refused(NodeAffinity(), pod(pod_spec(affinity=affinity(term))), nodes)
    assert "".join(name for name, reasons in zip("abc", found, strict=True) if not reasons) == fits
    assert set(found) <= {(), ("node(s) didn't match Pod's node affinity/selector",)}


def test_terms_are_alternatives() -> None:
    """One matching term is enough; the node selector must hold as well."""
    nodes = table(*LABELLED)
    either = affinity(expressions(("disk", "In", ["ssd"])), expressions(("disk", "In", ["hdd"])))
    assert [bool(r) for r in refused(NodeAffinity(), pod(pod_spec(affinity=either)), nodes)] == [False, False, True]
    both = pod(pod_spec(affinity=either, nodeSelector={"gen": "10"}))
    assert [bool(r) for r in refused(NodeAffinity(), both, nodes)] == [True, False, True]


def test_affinity_in_words() -> None:
    """The refusal says what the label is and what was wanted."""
    nodes = table(*LABELLED)
    wanted = pod(pod_spec(affinity=affinity(expressions(("disk", "In", ["ssd"])))))
    assert NodeAffinity().explain(wanted, nodes, 1) == ("label disk is hdd, wants In [ssd]",)
    assert NodeAffinity().explain(pod(pod_spec(nodeSelector={"disk": "ssd"})), nodes, 2) == (
        "label disk is missing, wants ssd",
    )


def test_preferred_terms() -> None:
    """Weights of matching terms add up; the best node gets 100."""
    nodes = table(*LABELLED)
    preferred = [
        {"weight": 30, "preference": expressions(("disk", "Exists", []))},
        {"weight": 10, "preference": expressions(("disk", "In", ["ssd"]))},
        {"weight": 50, "preference": {}},
    ]
    wishes = pod(pod_spec(affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}))
    assert NodeAffinity().scores(wishes, nodes)
    assert scored(NodeAffinity(), wishes, nodes) == [100, 75, 0]
    assert not NodeAffinity().scores(pod(), nodes)


def test_affinity_hint() -> None:
    """A label that makes the node match helps."""
    nodes = table(node("a"))
    wanted = pod(pod_spec(nodeSelector={"disk": "ssd"}))
    assert not NodeAffinity().hint(nodes.put_node(node("a", labels={"disk": "hdd"})), wanted, nodes)
    assert NodeAffinity().hint(nodes.put_node(node("a", labels={"disk": "ssd"})), wanted, nodes)


def test_named_nodes() -> None:
    """PreFilter takes names from the terms only when every term has one."""
    by_name = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}
    assert NodeAffinity().node_names(pod(pod_spec(affinity=affinity(by_name)))) == frozenset({"a"})
    assert (
        NodeAffinity().node_names(pod(pod_spec(affinity=affinity(by_name, expressions(("x", "Exists", [])))))) is None
    )


# -- NodePorts -----------------------------------------------------------------------------------------------------


def with_ports(*ports: JsonObject, number: int = 1) -> PodClass:
    return pod({"containers": [{"name": "c", "ports": [{"containerPort": 80, **p} for p in ports]}]}, number)


@pytest.mark.parametrize(
    ("taken", "wanted", "meets"),
    [
        ({"hostPort": 80}, {"hostPort": 80}, True),
        ({"hostPort": 80}, {"hostPort": 81}, False),
        ({"hostPort": 80}, {"hostPort": 80, "protocol": "UDP"}, False),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80, "hostIP": "10.0.0.2"}, False),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80}, True),
        ({"hostPort": 80}, {}, False),
    ],
)
def test_host_ports(taken: JsonObject, wanted: JsonObject, meets: bool) -> None:
    """Ports meet by number, protocol and address; 0.0.0.0 is every address."""
    nodes = table(node("a"), node("b"))
    holder = with_ports(taken, number=2)
    nodes.assign(Uid("holder"), holder, "a")
    reason = ("node(s) didn't have free ports for the requested pod ports",)
    assert refused(NodePorts(), with_ports(wanted), nodes) == [reason if meets else (), ()]
    if wanted:
        assert NodePorts().hint(Freed(0, holder), with_ports(wanted), nodes) == meets
    nodes.remove_pod(Uid("holder"))
    assert refused(NodePorts(), with_ports(wanted), nodes) == [(), ()]


# -- NodeResourcesFit ----------------------------------------------------------------------------------------------


def test_insufficient() -> None:
    """Each resource that falls short is named, in the table's order."""
    nodes = table(node("a"), node("b", cpu="16", memory="64Gi"))
    big = pod(pod_spec("5", "10Gi"))
    assert refused(NodeResourcesFit(), big, nodes) == [("Insufficient cpu", "Insufficient memory"), ()]
    assert NodeResourcesFit().explain(big, nodes, 0) == (
        "needs cpu 5, free 4 of 4",
        "needs memory 10Gi, free 8Gi of 8Gi",
    )


def test_what_is_taken_counts() -> None:
    """Requests of pods on the node are taken off; a pod that leaves gives them back."""
    nodes = table(node("a"))
    nodes.assign(Uid("x"), pod(pod_spec("2600m"), 2), "a")
    one = pod(pod_spec("1500m"))
    assert refused(NodeResourcesFit(), one, nodes) == [("Insufficient cpu",)]
    assert NodeResourcesFit().explain(one, nodes, 0) == ("needs cpu 1.5, free 1.4 of 4",)
    assert NodeResourcesFit().resolvable(NodeResourcesFit().refusal(one, nodes, 0))
    nodes.remove_pod(Uid("x"))
    assert refused(NodeResourcesFit(), one, nodes) == [()]


def test_beyond_the_whole_node_is_not_resolvable() -> None:
    """No eviction makes a node larger."""
    nodes = table(node("a"))
    code = NodeResourcesFit().refusal(pod(pod_spec("5")), nodes, 0)
    assert not NodeResourcesFit().resolvable(code)


def test_too_many_pods() -> None:
    """The node's pod count is a resource, also for pods that ask for nothing."""
    nodes = table(node("a", pods="1"))
    nodes.assign(Uid("x"), pod(number=2), "a")
    assert refused(NodeResourcesFit(), pod(), nodes) == [("Too many pods",)]
    assert NodeResourcesFit().explain(pod(), nodes, 0) == ("runs 1 of 1 pods",)


def test_extended_resources() -> None:
    """`nvidia.com/gpu` is counted like any other; a node without it has none."""
    nodes = table(node("a", gpus="1"), node("b"))
    spec = {"containers": [{"name": "c", "resources": {"requests": {"nvidia.com/gpu": "1"}}}]}
    assert refused(NodeResourcesFit(), pod(spec), nodes) == [(), ("Insufficient nvidia.com/gpu",)]
    nodes.assign(Uid("x"), pod(spec, 2), "a")
    assert refused(NodeResourcesFit(), pod(spec), nodes)[0] == ("Insufficient nvidia.com/gpu",)


def test_least_allocated() -> None:
    """Mean of the free shares of cpu and memory with the pod there; who asks for nothing counts 100m and 200Mi."""
    nodes = table(node("a"), node("b", cpu="10", memory="10Gi"), node("c", cpu="0", memory="0"))
    assert scored(NodeResourcesFit(), pod(pod_spec("1", "2Gi")), nodes) == [75, 85, 0]
    assert scored(NodeResourcesFit(), pod(), nodes)[0] == (97 + 97) // 2


def test_fit_hint() -> None:
    """A node that grows helps if it could hold the pod, and any pod that leaves a node; a heartbeat never."""
    nodes = table(node("a"))
    plugin, big = NodeResourcesFit(), pod(pod_spec("6"))
    assert not plugin.hint(nodes.put_node(node("a", cpu="5")), big, nodes)
    assert plugin.hint(nodes.put_node(node("a", cpu="8")), big, nodes)
    assert not nodes.put_node(node("a", cpu="8")).any
    assert plugin.hint(Freed(0, pod(number=2)), big, nodes)
    nodes.assign(Uid("x"), pod(pod_spec("3"), 2), "a")
    assert plugin.hint(Freed(0, pod(number=2)), big, nodes)
    assert not plugin.hint(Arrived(0, pod(number=2)), big, nodes)


def test_balanced_allocation() -> None:
    """100 when cpu and memory are used alike, less by half of the difference of shares; best effort is not scored."""
    nodes = table(node("a"), node("b", cpu="8"))
    plugin = NodeResourcesBalancedAllocation()
    assert scored(plugin, pod(pod_spec("2", "4Gi")), nodes) == [100, 87]
    assert scored(plugin, pod(pod_spec("8", "8Gi")), nodes) == [100, 100]
    assert not plugin.scores(pod(), nodes)
    assert plugin.scores(pod(pod_spec("1m")), nodes)
