"""The node table and the classes of pods: rows stay, columns follow, each pod counts once, equal pods are one class."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.scheduler.nodes import NodeTable, distinct
from engine.scheduler.podclass import Classifier, PodClass
from store.types import Envelope, JsonObject, ObjectKey, Revision, Uid
from tests.engine.scheduler.cluster_world import pod_spec


def node(name: str, **labels: str) -> JsonObject:
    return {"metadata": {"name": name, "labels": labels}, "status": {"allocatable": {"cpu": "4", "pods": "10"}}}


def env(spec: JsonObject, name: str = "p") -> Envelope:
    obj = {"metadata": {"name": name, "uid": name}, "spec": spec}
    return Envelope(ObjectKey("", "pods", "ns", name), Revision(1), b"", obj)


ONE = PodClass(1, pod_spec("1"))
TWO = PodClass(2, pod_spec("2"))


def test_grows() -> None:
    """Hundreds of nodes, with label columns that were asked for before."""
    nodes = NodeTable()
    nodes.put_node(node("n0", zone="a"))
    column = nodes.column("zone")
    for number in range(1, 300):
        nodes.put_node(node(f"n{number}", zone="ab"[number % 2]))
        nodes.assign(Uid(f"u{number}"), ONE, f"n{number}")
    assert nodes.count == nodes.size == 300
    assert [column.codes[row] for row in (0, 1, 298, 299)] == [0, 1, 0, 1]
    assert nodes.requested[0, :300].tolist() == [0] + [1000] * 299
    assert nodes.allocatable[0, :300].tolist() == [4000] * 300


def test_a_heartbeat_changes_nothing() -> None:
    """The same facts again: no change, no new epoch."""
    nodes = NodeTable()
    assert nodes.put_node(node("a")).added
    epoch = nodes.epoch
    assert not nodes.put_node(node("a")).any
    assert nodes.epoch == epoch


def test_a_pod_counts_once() -> None:
    """Assumed, then confirmed: once. On another node, or with other requests: moved."""
    nodes = NodeTable()
    nodes.put_node(node("a"))
    nodes.put_node(node("b"))
    nodes.assign(Uid("x"), ONE, "a")
    version = nodes.version
    nodes.assign(Uid("x"), ONE, "a")
    assert nodes.version == version
    nodes.assign(Uid("x"), TWO, "a")
    assert nodes.requested[0, :2].tolist() == [2000, 0]
    nodes.assign(Uid("x"), TWO, "b")
    assert nodes.requested[0, :2].tolist() == [0, 2000]
    assert nodes.changed_since(version) == [0, 1]
    gone = nodes.remove_pod(Uid("x"))
    assert gone is not None
    assert gone.pod is TWO
    assert nodes.remove_pod(Uid("x")) is None


def test_rows_are_used_again() -> None:
    """A deleted node's row goes to the next new one, clean, unless pods are left on it."""
    nodes = NodeTable()
    nodes.put_node(node("a", zone="x"))
    nodes.column("zone")
    nodes.remove_node("a")
    nodes.put_node(node("b"))
    assert nodes.size == 1
    assert nodes.column("zone").codes[0] == -1
    nodes.assign(Uid("x"), ONE, "b")
    nodes.remove_node("b")
    nodes.put_node(node("c"))
    assert nodes.row("c") == 1
    assert nodes.row("b") is None
    nodes.remove_pod(Uid("x"))
    nodes.put_node(node("d"))
    assert nodes.row("d") == 0


def test_the_log_is_bounded() -> None:
    """Who comes back after too many changes has to look at all rows."""
    nodes = NodeTable()
    nodes.put_node(node("a"))
    for _ in range(10_000):
        nodes.assign(Uid("x"), ONE, "a")
        nodes.remove_pod(Uid("x"))
    assert nodes.changed_since(0) is None
    assert nodes.changed_since(nodes.version) == []


@given(st.lists(st.tuples(st.sampled_from(["put", "remove", "assign", "free"]), st.integers(0, 5), st.integers(0, 5))))
def test_sums_are_right(steps: list[tuple[str, int, int]]) -> None:
    """Whatever happens, each node's figures are the sum of the pods on it."""
    nodes = NodeTable()
    there: dict[str, str] = {}
    for step, which, other in steps:
        if step == "put":
            nodes.put_node(node(f"n{which}"))
        elif step == "remove":
            nodes.remove_node(f"n{which}")
        elif step == "assign":
            nodes.assign(Uid(f"u{other}"), ONE if other % 2 else TWO, f"n{which}")
            there[f"u{other}"] = f"n{which}"
        else:
            nodes.remove_pod(Uid(f"u{other}"))
            there.pop(f"u{other}", None)
    for row in nodes.rows():
        mine = [uid for uid, name in there.items() if name == nodes.names[row]]
        assert nodes.requested[0, row] == sum(1000 if int(uid[1:]) % 2 else 2000 for uid in mine)
        assert nodes.requested[3, row] == len(mine)
    assert nodes.count == len(nodes.rows())


# -- classes -------------------------------------------------------------------------------------------------------


def test_pods_of_a_template_are_one_class() -> None:
    """By identity of what they share, and by content when they share nothing; other volumes or a node do not matter."""
    template: Any = pod_spec("1", tolerations=[{"operator": "Exists"}])
    classes = Classifier()
    first = classes.classify(env(template))
    mount = [{**template["containers"][0], "volumeMounts": [{"name": "kube-api-access-x"}]}]
    assert classes.classify(env({**template, "containers": mount})) is first
    assert classes.classify(env({**template, "nodeName": "a"})) is first
    assert classes.classify(env(pod_spec("1", tolerations=[{"operator": "Exists"}]))) is first
    assert classes.classify(env({**template, "volumes": [{"name": "v"}]})) is first


def test_what_matters_makes_another_class() -> None:
    """Requests, tolerations, selector, affinity, ports and priority tell classes apart."""
    classes = Classifier()
    specs: list[Any] = [
        pod_spec(),
        pod_spec("1"),
        pod_spec(tolerations=[{"operator": "Exists"}]),
        pod_spec(nodeSelector={"a": "b"}),
        pod_spec(affinity={"nodeAffinity": {}}),
        pod_spec(priority=5),
        pod_spec(overhead={"cpu": "1"}),
        pod_spec(initContainers=[{"name": "i", "resources": {"requests": {"cpu": "1"}}}]),
        {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 1, "hostPort": 1}]}]},
    ]
    assert len({classes.classify(env(spec)).number for spec in specs}) == len(specs)


def test_ids_that_are_used_again_do_no_harm() -> None:
    """Thousands of short-lived specs: every class has the requests of its own pod."""
    classes = Classifier()
    for number in range(10_000):
        spec = pod_spec(f"{number % 97 + 1}m")
        assert classes.classify(env(spec)).requests["cpu"] == number % 97 + 1


@given(st.lists(st.integers(-1, 5), max_size=12))
def test_distinct_codes_are_counted(codes: list[int]) -> None:
    """Each code once, in order, with its number; none of none."""
    found, counts = distinct(np.array(codes, np.int32))
    assert found.tolist() == sorted(set(codes))
    assert counts.tolist() == [codes.count(code) for code in found.tolist()]
