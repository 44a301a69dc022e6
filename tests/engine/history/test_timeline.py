"""The log told as news, and the past looked at."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.api.kinds import CONFIGMAPS, DEPLOYMENTS, NODES, PODS
from engine.client import Change, MomentFilter, Query, Relist
from engine.history.requests import HistoryRequests
from tests.engine.history.past_world import SHOP, PastWorld, workload

EVERYTHING = MomentFilter()


class Shown:
    """A mailbox that keeps what a table would show."""

    def __init__(self) -> None:
        self.items: dict[str, int] = {}

    def deliver(self, news: Relist | Sequence[Change]) -> None:
        if isinstance(news, Relist):
            self.items = {item.name: item.revision for item in news.items}
            return
        for change in news:
            if change.type == "DELETED":
                del self.items[change.item.name]
            else:
                self.items[change.item.name] = change.item.revision


@pytest.fixture
def world() -> PastWorld:
    world = PastWorld()
    world.create(DEPLOYMENTS, workload("Deployment", "web"))
    world.run(20)
    return world


def titles(past: HistoryRequests, only: MomentFilter = EVERYTHING, **where: int) -> list[str]:
    found = past.moments(where.get("before"), where.get("after"), where.get("limit", 100), only)
    return [moment.title for moment in found]


def test_routine_is_not_told(world: PastWorld) -> None:
    """Heartbeats, reports and what controllers make of a workload are no news; what a person did is, once."""
    after = world.store.revision
    patch = {"spec": {"template": {"metadata": {"annotations": {"restarted": "yes"}}}}}
    world.patch(DEPLOYMENTS, "web", patch)
    world.run(120)
    assert titles(world.past, after=after) == ["edit web"]
    assert world.store.revision - after > 40


def test_a_node_that_stops_and_what_follows_is_told_in_order(world: PastWorld) -> None:
    """Action, Ready turning, taints, evicted pods' workloads; newest first when looked at from the end."""
    after = world.store.revision
    world.patch(NODES, "one", {"metadata": {"annotations": {"kubarium.dev/kubelet": "stopped"}}}, namespace="")
    world.run(120)
    told = titles(world.past, MomentFilter(kinds=frozenset({"action", "node"})), after=after)
    assert told[0] == "edit one"
    assert told[1].startswith("node one Ready True → Unknown")
    assert "tainted node.kubernetes.io/unreachable:NoExecute" in " ".join(told)
    assert titles(world.past, MomentFilter(kinds=frozenset({"action", "node"})))[: len(told)] == told[::-1]


def test_crashes_and_warnings_are_told(world: PastWorld) -> None:
    """By container, reason and exit code; the event in its words."""
    bad = workload("Deployment", "bad", 1)
    bad["spec"]["template"]["metadata"]["annotations"] = {"kubarium.dev/fail": "exit=3 after=1s"}
    world.create(DEPLOYMENTS, bad)
    world.run(30)
    assert any("main restarted (Error, exit 3)" in title for title in titles(world.past))
    assert any(title.startswith("BackOff Pod bad-") for title in titles(world.past))


def test_the_next_change_in_either_direction(world: PastWorld) -> None:
    """By author, by object."""
    world.create(CONFIGMAPS, {"metadata": {"name": "a"}})
    here = world.store.revision
    world.run(30)
    world.create(CONFIGMAPS, {"metadata": {"name": "b"}})
    assert titles(world.past, after=here, limit=1) == ["create b"]
    assert titles(world.past, before=here, limit=1) == ["create a"]
    only = MomentFilter(who="kubernetes-admin", name="web", resource="deployments.apps")
    assert titles(world.past, only) == ["create web"]


def test_an_objects_past_with_what_each_write_changed(world: PastWorld) -> None:
    """Who, when, which fields."""
    world.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 4}}, subresource="scale")
    past = world.past.past_of("deployments.apps", SHOP, "web", 100)
    scaled = next(each for each in past if each.intent.endswith("edit web"))
    assert ("spec.replicas", 2, 4) in [tuple(change) for change in scaled.changes]
    assert past[-1].op == "create"
    assert past[-1].changes == ()
    assert [each.revision for each in past] == sorted((each.revision for each in past), reverse=True)


def test_views_and_figures_of_the_past(world: PastWorld) -> None:
    """A view moved back and forth shows what was there; the header's figures follow."""
    early = world.store.revision
    world.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 6}}, subresource="scale")
    world.run(20)
    late = world.store.revision
    world.run(20)
    shown = Shown()
    view = world.past.view(Query("pods", SHOP), shown)
    for revision, pods in ((late, 6), (early, 2), (late, 6), (0, 0)):
        world.past.move(view, revision)
        assert len(shown.items) == pods
        listed = {env.name: env.revision for env in world.past.list_at(Query("pods", SHOP), revision)}
        assert shown.items == listed
        figures = world.past.summary_at(revision)
        assert figures.pods_by_phase.get("Running", 0) == pods
        assert figures.nodes_ready == (3 if revision else 0)
    assert world.past.object_at("pods", SHOP, world.names(PODS)[0], late) is not None
    assert world.past.object_at("pods", SHOP, "nobody", late) is None


def test_what_differs_between_two_moments(world: PastWorld) -> None:
    """In what people declare, in either direction."""
    one = world.store.revision
    world.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 3}}, subresource="scale")
    world.create(CONFIGMAPS, {"metadata": {"name": "a"}})
    world.run(10)
    other = world.store.revision
    forth = [change for change in world.past.changes_between(one, other) if change.resource != "pods"]
    assert [(c.action, c.name) for c in forth if c.resource in ("configmaps", "deployments.apps")] == [
        ("created", "a"), ("changed", "web"),
    ]  # fmt: skip
    back = world.past.changes_between(other, one)
    web = next(change for change in back if change.name == "web")
    assert ("spec.replicas", 3, 2) in [tuple(change) for change in web.changes]
    assert next(change.action for change in back if change.name == "a") == "deleted"


def test_how_much_happened_when(world: PastWorld) -> None:
    """Every revision is in one stretch; actions are counted apart."""
    world.run(100)
    span = world.past.span(10)
    assert sum(span.writes) == world.store.revision == span.newest
    assert sum(span.actions) == 1
    assert len(span.writes) == 10
