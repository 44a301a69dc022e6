"""The scheduler as a whole: placing, refusing, waiting, moving on events, and trouble that stays with one pod."""

from __future__ import annotations

import pytest

from engine.api.errors import Conflict, InternalError
from engine.api.kinds import NODES, PODS
from engine.api.server import Api, Caller
from engine.clock import MINUTE, SECOND
from engine.scheduler.config import SchedulerConfig
from engine.scheduler.framework import BindPlugin, FilterPlugin, Plugin
from engine.scheduler.nodes import Ints, NodeTable, Rows
from engine.scheduler.plugins import default_plugins
from engine.scheduler.podclass import PodClass
from store.types import Envelope
from tests.engine.scheduler.cluster_world import NAMESPACE, START, SchedulerWorld, pod_spec

GPU = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


@pytest.fixture
def world() -> SchedulerWorld:
    return SchedulerWorld()


def test_a_pod_is_bound_and_an_event_says_so(world: SchedulerWorld) -> None:
    """spec.nodeName, the condition, and `Successfully assigned ns/name to node`."""
    world.node("a")
    world.pod("web")
    world.settle()
    assert world.node_of("web") == "a"
    assert world.condition("web")["status"] == "True"
    [event] = world.events()
    assert (event["type"], event["reason"]) == ("Normal", "Scheduled")
    assert event["message"] == "Successfully assigned default/web to a"
    assert event["reportingComponent"] == "default-scheduler"
    assert event["action"] == "Binding"
    assert world.where("web") == ""


def test_pending_until_a_node_gets_room(world: SchedulerWorld) -> None:
    """A pod that finds no room waits, and is scheduled when a pod on the node ends."""
    world.node("a")
    world.pod("first", pod_spec("3"))
    world.settle()
    world.pod("second", pod_spec("2"))
    world.settle()
    assert world.message("second").startswith("0/1 nodes are available: 1 Insufficient cpu.")
    assert world.where("second") == "unschedulable"
    world.play(3 * MINUTE)
    assert world.node_of("second") == ""
    world.end("first")
    world.settle()
    assert world.node_of("second") == "a"
    assert [e["reason"] for e in world.events()].count("FailedScheduling") == 1


@pytest.mark.parametrize("makes_room", ["delete", "grow", "uncordon", "untaint", "label", "add"])
def test_moved_by_what_helps(world: SchedulerWorld, makes_room: str) -> None:
    """Each way in which a pod can come to fit has it tried at once."""
    selector = {"disk": "ssd"} if makes_room == "label" else {}
    world.node(
        "a",
        cpu="1" if makes_room == "grow" else "4",
        unschedulable=makes_room == "uncordon",
        taints=[GPU] if makes_room in ("untaint", "add") else [],
    )
    if makes_room == "delete":
        world.pod("first", pod_spec("3"))
        world.settle()
    world.pod("waits", pod_spec("2", nodeSelector=selector))
    world.play(20 * SECOND)
    assert world.node_of("waits") == ""
    if makes_room == "delete":
        world.delete("first")
    elif makes_room == "grow":
        world.change(NODES, "a", status={"allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"}})
    elif makes_room == "uncordon":
        world.change(NODES, "a", spec={"unschedulable": False})
    elif makes_room == "untaint":
        world.change(NODES, "a", spec={"taints": []})
    elif makes_room == "label":
        world.change(NODES, "a", metadata={"labels": {"disk": "ssd"}})
    else:
        world.node("b")
    world.settle()
    assert world.node_of("waits") == ("b" if makes_room == "add" else "a")


def test_what_does_not_help_moves_nobody(world: SchedulerWorld) -> None:
    """A label does not help who lacks cpu: no further attempt."""
    world.node("a", cpu="1")
    world.pod("big", pod_spec("2"))
    world.settle()
    world.change(NODES, "a", metadata={"labels": {"x": "y"}})
    world.play(MINUTE)
    queued = world.scheduler.queue.get(world.api.get(PODS, NAMESPACE, "big").uid)
    assert queued is not None
    assert queued.attempts == 1


def test_any_pod_that_leaves_a_node_has_those_short_of_resources_tried(world: SchedulerWorld) -> None:
    """However little it left, there is a further attempt; a new label of a pod gives none."""
    world.node("a")
    world.pod("small", pod_spec("1"))
    world.pod("big", pod_spec("64"))
    world.settle()
    queued = world.scheduler.queue.get(world.api.get(PODS, NAMESPACE, "big").uid)
    assert queued is not None
    assert queued.attempts == 1
    world.change(PODS, "small", metadata={"labels": {"x": "y"}})
    world.play(MINUTE)
    assert queued.attempts == 1
    world.delete("small")
    world.settle()
    assert queued.attempts == 2
    assert world.where("big") == "unschedulable"


def test_tried_again_after_five_minutes(world: SchedulerWorld) -> None:
    """Unschedulable pods are flushed after 5 minutes; an unchanged condition is not written again."""
    world.node("a", cpu="1")
    world.pod("big", pod_spec("2"))
    world.settle()
    before = world.api.get(PODS, NAMESPACE, "big").revision
    world.play(5 * MINUTE)
    queued = world.scheduler.queue.get(world.api.get(PODS, NAMESPACE, "big").uid)
    assert queued is not None
    assert queued.attempts == 2
    assert world.api.get(PODS, NAMESPACE, "big").revision == before


def test_no_nodes(world: SchedulerWorld) -> None:
    """Without any node the message is its own, and the first node ends the wait."""
    world.pod("web")
    world.settle()
    assert world.message("web") == "no nodes available to schedule pods"
    assert world.condition("web")["reason"] == "Unschedulable"
    world.node("a")
    world.play(SECOND)
    assert world.node_of("web") == "a"


def test_gated(world: SchedulerWorld) -> None:
    """A gated pod is not tried; when the gates go, it is."""
    world.node("a")
    world.pod("web", pod_spec(schedulingGates=[{"name": "example.com/wait"}]))
    world.settle()
    assert world.node_of("web") == ""
    assert world.where("web") == "gated"
    assert world.condition("web")["reason"] == "SchedulingGated"
    assert world.message("web") == "Scheduling is blocked due to non-empty scheduling gates"
    assert not world.events()
    world.change(PODS, "web", spec={"schedulingGates": []})
    world.settle()
    assert world.node_of("web") == "a"


def test_other_schedulers_pods_are_left_alone(world: SchedulerWorld) -> None:
    """spec.schedulerName decides."""
    world.node("a")
    world.pod("web", pod_spec(schedulerName="mine"))
    world.settle()
    assert world.node_of("web") == ""
    assert not world.events()


def test_a_pod_with_a_node_counts_but_is_not_scheduled(world: SchedulerWorld) -> None:
    """A pod created with spec.nodeName takes its room."""
    world.node("a")
    world.pod("static", pod_spec("3", nodeName="a"))
    world.pod("web", pod_spec("2"))
    world.settle()
    assert world.node_of("web") == ""
    assert "1 Insufficient cpu" in world.message("web")


def test_priority_goes_first(world: SchedulerWorld) -> None:
    """Of two that wait for one place the more important gets it."""
    world.pod("low", pod_spec("3", priority=1))
    world.pod("high", pod_spec("3", priority=100))
    world.node("a")
    world.settle()
    assert world.node_of("high") == "a"
    assert world.node_of("low") == ""


def test_deleted_while_waiting(world: SchedulerWorld) -> None:
    """A pod that is gone leaves the queue."""
    world.node("a", cpu="1")
    world.pod("big", pod_spec("2"))
    world.settle()
    world.delete("big")
    world.settle()
    assert len(world.scheduler.queue) == 0


def test_a_pod_that_is_being_deleted_is_skipped(world: SchedulerWorld) -> None:
    """A pod held by a finalizer after its deletion is not scheduled, and an event says so."""
    world.pod("web", finalizers=["example.com/hold"], deletionTimestamp="2026-11-23T09:00:00Z")
    world.node("a")
    world.settle()
    assert world.node_of("web") == ""
    assert world.events("FailedScheduling")[-1]["message"] == "skip schedule deleting pod: default/web"


def test_a_pod_resized_in_place_makes_room(world: SchedulerWorld) -> None:
    """Smaller requests of a running pod are counted at once, and who waits for them is tried."""
    world.node("a")
    world.pod("big", pod_spec("3"))
    world.settle()
    world.pod("web", pod_spec("2"))
    world.settle()
    world.change(PODS, "big", spec=pod_spec("1"))
    world.play(SECOND)
    assert world.node_of("web") == "a"


def test_a_pod_that_grows_in_place_moves_nobody(world: SchedulerWorld) -> None:
    """Who waits for cpu is not tried because another pod takes more of it."""
    world.node("a")
    world.pod("big", pod_spec("1"))
    world.pod("web", pod_spec("64"))
    world.settle()
    queued = world.scheduler.queue.get(world.api.get(PODS, NAMESPACE, "web").uid)
    world.change(PODS, "big", spec=pod_spec("2"))
    world.play(MINUTE)
    assert queued is not None
    assert queued.attempts == 1


def test_same_name_again(world: SchedulerWorld) -> None:
    """A pod deleted and created anew under its name is another pod."""
    world.node("a", cpu="1")
    world.pod("web", pod_spec("2"))
    world.settle()
    world.delete("web")
    world.pod("web", pod_spec("1"))
    world.settle()
    assert world.node_of("web") == "a"
    assert len(world.scheduler.queue) == 0


def test_restart_takes_in_what_exists() -> None:
    """A scheduler that starts late counts bound pods and schedules the others."""
    world = SchedulerWorld()
    world.node("a")
    world.pod("old", pod_spec("3", nodeName="a"))
    late = type(world.scheduler)(
        world.api, world.clock, world.loop, world.informers, world.seed, world.scheduler.reports.recorder, world.store,
    )  # fmt: skip
    late.start()
    world.settle()
    row = late.nodes.row("a")
    assert row is not None
    assert late.nodes.requested[:, row].tolist()[0] == 3000


def test_deleted_node_takes_no_pods(world: SchedulerWorld) -> None:
    """A node that is deleted is out of question at once; its pods count again when it returns."""
    world.node("a")
    world.pod("first", pod_spec("3"))
    world.settle()
    world.delete("a", NODES)
    world.settle()
    world.pod("second", pod_spec("2"))
    world.settle()
    assert world.message("second") == "no nodes available to schedule pods"
    world.node("a")
    world.play(SECOND)
    assert world.node_of("second") == ""
    assert "1 Insufficient cpu" in world.message("second")


def test_same_seed_same_places() -> None:
    """Ties are broken by the seed alone: two runs agree, another seed differs."""

    def places(seed: int) -> list[str]:
        world = SchedulerWorld(seed=seed)
        for number in range(8):
            world.node(f"n{number}")
        for number in range(16):
            world.pod(f"p{number}", pod_spec("100m"))
        world.settle()
        return [world.node_of(f"p{number}") for number in range(16)]

    assert places(1) == places(1)
    assert places(1) != places(2)


# -- trouble -------------------------------------------------------------------------------------------------------


class Explosive(FilterPlugin):
    """Fails on pods that ask for it."""

    name = "Explosive"

    def concerns(self, pod: PodClass) -> bool:
        return "explode" in pod.selector

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        raise RuntimeError("boom")


class Stubborn(BindPlugin):
    """Refuses twice, then binds."""

    name = "DefaultBinder"

    def __init__(self, api: Api, caller: Caller) -> None:
        self._api, self._caller, self.refusals = api, caller, 2

    def bind(self, env: Envelope, node: str) -> Envelope:
        if self.refusals:
            self.refusals -= 1
            raise InternalError("etcdserver: request timed out") if self.refusals else Conflict("changed")
        return self._api.bind(self._caller, env.namespace, env.name, node)


def test_a_crashing_plugin_concerns_its_pod_alone() -> None:
    """The pod gets SchedulerError and backs off; the others are scheduled."""
    world = SchedulerWorld(plugins=lambda api, caller: [Explosive(), *default_plugins(api, caller)])
    world.node("a")
    world.pod("bad", pod_spec(nodeSelector={"explode": "yes"}))
    world.pod("good")
    world.settle()
    assert world.node_of("good") == "a"
    assert world.condition("bad")["reason"] == "SchedulerError"
    assert world.message("bad") == 'running "Explosive" filter plugin: boom'
    assert world.where("bad") == "backoff"
    world.play(7 * SECOND)
    queued = world.scheduler.queue.get(world.api.get(PODS, NAMESPACE, "bad").uid)
    assert queued is not None
    assert queued.attempts == 4


def test_a_refused_binding_is_repeated_and_nothing_stays_counted() -> None:
    """What the API refuses is tried again after 1 and 2 s; the assumed pod is taken back."""

    def plugins(api: Api, caller: Caller) -> list[Plugin]:
        return [*(p for p in default_plugins(api, caller) if p.name != "DefaultBinder"), Stubborn(api, caller)]

    world = SchedulerWorld(plugins=plugins)
    world.node("a")
    world.pod("web", pod_spec("3"))
    world.settle()
    assert world.message("web") == 'running Bind plugin "DefaultBinder": etcdserver: request timed out'
    assert world.scheduler.nodes.requested[0, 0] == 0
    world.play(3 * SECOND)
    assert world.node_of("web") == "a"
    assert world.clock.now() == START + 3 * SECOND
    assert world.scheduler.nodes.requested[0, 0] == 3000


def test_an_event_that_cannot_be_recorded_changes_nothing() -> None:
    """The decision stands, whatever happens to the event."""

    class Broken:
        def event(
            self, about: Envelope, type_: str, reason: str, message: str, action: str, related: Envelope | None = None
        ) -> None:
            raise RuntimeError("no events today")

    world = SchedulerWorld()
    world.scheduler.reports.recorder = Broken()
    world.node("a", cpu="1")
    world.pod("small", pod_spec("1"))
    world.pod("big", pod_spec("2"))
    world.settle()
    assert world.node_of("small") == "a"
    assert world.condition("big")["reason"] == "Unschedulable"


def test_without_popping_from_backoff_the_wait_is_kept() -> None:
    """With the gate SchedulerPopFromBackoffQ off, a pod moved by an event waits for its back-off to end."""
    world = SchedulerWorld(SchedulerConfig(pop_from_backoff=False))
    world.node("a", cpu="1")
    world.pod("web", pod_spec("2"))
    world.settle()
    world.node("b")
    world.play(SECOND - 1)
    assert world.node_of("web") == ""
    world.play(1)
    assert world.node_of("web") == "b"


def test_every_attempt_is_kept(world: SchedulerWorld) -> None:
    """A failed attempt leaves a row per node with figures, a placed pod one for its node and its runners-up."""
    world.node("a", cpu="1")
    env = world.pod("web", pod_spec("2"))
    world.settle()
    for name in "bcdef":
        world.node(name)
    world.play(SECOND)
    rows = world.scheduler.attempts.of(env.uid)
    failed = [row for row in rows if row.attempt == 1]
    assert failed[0].verdict == world.events("FailedScheduling")[0]["message"]
    assert [(r.node, r.plugin, r.verdict, r.needed, r.had) for r in failed[1:]] == [
        ("a", "NodeResourcesFit", "Insufficient cpu", "cpu 2", "cpu 1")
    ]
    placed = [row for row in rows if row.attempt == 2]
    assert (placed[0].verdict, placed[0].node) == ("Scheduled", world.node_of("web"))
    assert len(placed) <= 4
    assert all(row.score is not None and row.score <= (placed[0].score or 0) for row in placed)
