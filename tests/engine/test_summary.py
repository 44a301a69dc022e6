"""The cluster's figures: kept event by event, they are what a count from scratch would be."""

from __future__ import annotations

from typing import Any

from engine.api.kinds import NODES, PODS
from engine.summary import Summary
from store.store import Store
from store.types import Author, Envelope, Micros, ObjectKey, Resource

AUTHOR = Author("tester")


def put(store: Store, resource: Resource, name: str, **fields: Any) -> Envelope:
    obj = {"metadata": {"name": name, "uid": f"uid-{name}"}, **fields}
    return store.put(ObjectKey(resource.group, resource.plural, "", name), obj, AUTHOR, Micros(0))


def figures(summary: Summary) -> tuple[object, ...]:
    return (
        +summary.pods_by_phase, summary.cpu_requested, summary.memory_requested, summary.cpu_allocatable,
        summary.memory_allocatable, summary.nodes, summary.nodes_ready,
    )  # fmt: skip


def test_a_pod_requests_while_it_is_bound_and_not_finished() -> None:
    """Its figures follow it from creation to binding, a resize, its end and its deletion."""
    store = Store()
    summary = Summary(store)
    requested = []

    def look() -> None:
        assert figures(summary) == figures(Summary(store))
        requested.append((dict(+summary.pods_by_phase), summary.cpu_requested, summary.memory_requested))

    container = {"name": "c", "resources": {"requests": {"cpu": "250m", "memory": "1Ki"}}}
    put(store, PODS, "p", spec={"containers": [container]}, status={"phase": "Pending"})
    look()
    spec = {"containers": [container], "nodeName": "n"}
    put(store, PODS, "p", spec=spec, status={"phase": "Pending"})
    look()
    put(store, PODS, "p", spec=spec, status={"phase": "Running"})
    look()
    larger = {**spec, "resources": {"requests": {"cpu": "1"}}}
    put(store, PODS, "p", spec=larger, status={"phase": "Running"})
    look()
    env = put(store, PODS, "p", spec=larger, status={"phase": "Succeeded"})
    look()
    store.delete(env.key, AUTHOR, Micros(0))
    look()
    assert requested == [
        ({"Pending": 1}, 0, 0),
        ({"Pending": 1}, 250, 1024),
        ({"Running": 1}, 250, 1024),
        ({"Running": 1}, 1000, 1024),
        ({"Succeeded": 1}, 0, 0),
        ({}, 0, 0),
    ]


def test_nodes_are_counted_with_what_they_offer() -> None:
    """Ready or not, grown, and gone."""
    store = Store()
    summary = Summary(store)
    ready = [{"type": "Ready", "status": "True"}]
    put(store, NODES, "n", status={"allocatable": {"cpu": "2", "memory": "4Gi"}})
    assert figures(summary)[3:] == (2000, 4 * 2**30, 1, 0)
    env = put(store, NODES, "n", status={"allocatable": {"cpu": "4", "memory": "4Gi"}, "conditions": ready})
    assert figures(summary)[3:] == (4000, 4 * 2**30, 1, 1)
    store.delete(env.key, AUTHOR, Micros(0))
    assert figures(summary)[3:] == (0, 0, 0, 0)
