"""What holds for every cluster: no node is overfilled, and the class shortcut changes no decision."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api.kinds import NODES, PODS
from engine.clock import SECOND
from engine.scheduler.config import SchedulerConfig
from store.types import JsonObject
from tests.engine.scheduler.cluster_world import NAMESPACE, SchedulerWorld

_ZONES = ("a", "b", "c")

nodes = st.fixed_dictionaries(
    {
        "cpu": st.sampled_from(["1", "2", "4"]),
        "memory": st.sampled_from(["1Gi", "4Gi", "8Gi"]),
        "pods": st.sampled_from(["2", "5", "110"]),
        "zone": st.sampled_from(_ZONES),
        "taint": st.sampled_from(["", "", "NoSchedule", "PreferNoSchedule"]),
        "cordoned": st.sampled_from([False, False, False, True]),
    }
)


@st.composite
def templates(draw: st.DrawFn) -> JsonObject:
    requests = {
        name: value
        for name, value in (
            ("cpu", draw(st.sampled_from(["", "100m", "700m", "2"]))),
            ("memory", draw(st.sampled_from(["", "100Mi", "1500Mi"]))),
        )
        if value
    }
    container: JsonObject = {"name": "c", "image": "i", "resources": {"requests": requests}}
    if draw(st.integers(0, 4)) == 0:
        container["ports"] = [{"containerPort": 80, "hostPort": 80}]
    spec: JsonObject = {"containers": [container]}
    if draw(st.booleans()):
        spec["tolerations"] = [{"key": "t", "operator": "Exists"}]
    if draw(st.integers(0, 2)) == 0:
        spec["nodeSelector"] = {"zone": draw(st.sampled_from(_ZONES))}
    if draw(st.booleans()):
        zone = {"key": "zone", "operator": "In", "values": [draw(st.sampled_from(_ZONES))]}
        term = {"weight": draw(st.integers(1, 100)), "preference": {"matchExpressions": [zone]}}
        spec["affinity"] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
    own = {"matchLabels": {"app": draw(st.sampled_from("xy"))}}
    key = draw(st.sampled_from(["zone", "kubernetes.io/hostname"]))
    if draw(st.integers(0, 2)) == 0:
        when = draw(st.sampled_from(["DoNotSchedule", "ScheduleAnyway"]))
        constraint = {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": when, "labelSelector": own}
        spec["topologySpreadConstraints"] = [constraint]
    if draw(st.integers(0, 2)) == 0:
        pod_term = {"topologyKey": key, "labelSelector": own}
        hard = {"requiredDuringSchedulingIgnoredDuringExecution": [pod_term]}
        soft = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 5, "podAffinityTerm": pod_term}]}
        side = draw(st.sampled_from(["podAffinity", "podAntiAffinity"]))
        spec["affinity"] = {**spec.get("affinity", {}), side: draw(st.sampled_from([hard, soft]))}
    if draw(st.integers(0, 2)) == 0:
        spec["priority"] = draw(st.integers(1, 3))
    return spec


steps = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.integers(0, 4), st.integers(1, 25)),
        st.tuples(st.just("delete"), st.integers(0, 200), st.just(0)),
        st.tuples(st.just("cordon"), st.integers(0, 200), st.just(0)),
        st.tuples(st.just("uncordon"), st.integers(0, 200), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)
clusters = st.tuples(
    st.lists(nodes, min_size=1, max_size=30), st.lists(templates(), min_size=5, max_size=5), steps, st.integers(0, 99)
)


def play(cluster: tuple[Any, ...], shortcut: bool) -> SchedulerWorld:
    """The same story, with or without the class shortcut."""
    node_specs, specs, story, seed = cluster
    world = SchedulerWorld(SchedulerConfig(class_shortcut=shortcut), seed=seed)
    for number, spec in enumerate(node_specs):
        taints = [{"key": "t", "effect": spec["taint"]}] if spec["taint"] else []
        world.node(
            f"n{number}", spec["cpu"], spec["memory"], spec["pods"], {"zone": spec["zone"]}, taints, spec["cordoned"]
        )
    made = 0
    for step, which, many in story:
        if step == "create":
            for _ in range(many):
                world.pod(f"p{made}", specs[which], labels={"app": "xyz"[(which + made % 2) % 3]})
                made += 1
        elif step == "delete":
            present = world.store.list(PODS, NAMESPACE)
            if present:
                world.delete(present[which % len(present)].name)
        else:
            world.change(NODES, f"n{which % len(node_specs)}", spec={"unschedulable": step == "cordon"})
        world.play(SECOND)
    return world


def outcome(world: SchedulerWorld) -> list[tuple[str, str, str]]:
    return [(env.name, world.node_of(env.name), world.message(env.name)) for env in world.store.list(PODS, NAMESPACE)]


@settings(max_examples=60, deadline=None)
@given(clusters)
def test_the_shortcut_changes_nothing(cluster: tuple[Any, ...]) -> None:
    """Every pod is on the same node, or has the same message, with and without the class shortcut."""
    assert outcome(play(cluster, shortcut=True)) == outcome(play(cluster, shortcut=False))


@settings(max_examples=60, deadline=None)
@given(clusters)
def test_no_node_is_overfilled(cluster: tuple[Any, ...]) -> None:
    """What is counted on a node never exceeds its allocatable, and is the sum of its pods."""
    world = play(cluster, shortcut=True)
    table = world.scheduler.nodes
    for row in table.rows():
        assert (table.requested[:, row] <= table.allocatable[:, row]).all()
        on_it = [env for env in world.store.list(PODS, NAMESPACE) if world.node_of(env.name) == table.names[row]]
        assert table.requested[3, row] == len(on_it) == len(table.pods[row])
        vectors = [table.vector(pod) for pod in table.pods[row].values()]
        assert table.requested[:, row].tolist() == [int(n) for n in sum(vectors, start=0 * table.requested[:, row])]
        ports = [port for pod in table.pods[row].values() for port in pod.ports]
        assert len(ports) == len(set(ports))
