"""Events as client-go records them: counting, combining, the spam filter, series, and their end after an hour."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.api.kinds import CONFIGMAPS, EVENTS
from engine.clock import HOUR, MINUTE
from engine.event_correlator import CAPACITY, Correlator
from engine.event_expiry import EventExpiry
from engine.events import EventRecorder, SeriesRecorder
from store.types import Envelope, Uid
from tests.engine.controllers.world import World


@pytest.fixture
def world() -> World:
    """Without controllers."""
    return World([])


def subject(world: World, name: str = "thing") -> Envelope:
    return world.create(CONFIGMAPS, {"metadata": {"name": name}})


def stored(world: World) -> list[dict[str, Any]]:
    return [env.obj for env in world.store.list(EVENTS)]


def test_an_event_has_the_form_of_a_real_one(world: World) -> None:
    """Name, reference, times and source as client-go writes them."""
    about = subject(world)
    EventRecorder(world.api, "deployment-controller").event(about, "Normal", "Scaled", "up")
    (event,) = stored(world)
    assert re.fullmatch(r"thing\.[0-9a-f]{16}", event["metadata"]["name"])
    assert event["involvedObject"] == {
        "kind": "ConfigMap", "namespace": "default", "name": "thing", "uid": about.uid, "apiVersion": "v1",
        "resourceVersion": str(about.revision),
    }  # fmt: skip
    assert event["source"] == {"component": "deployment-controller"}
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-11-23T09:00:00Z"
    assert (event["count"], event["type"], event["reason"], event["message"]) == (1, "Normal", "Scaled", "up")
    assert (event["reportingComponent"], event["reportingInstance"]) == ("deployment-controller", "")


def test_a_kubelet_names_its_node_and_the_container(world: World) -> None:
    """The host is in the source, the container in the field path; another container is another event."""
    recorder = EventRecorder(world.api, "kubelet", "node-1")
    about = subject(world)
    recorder.event(about, "Normal", "Started", "Container started", "spec.containers{a}")
    recorder.event(about, "Normal", "Started", "Container started", "spec.containers{b}")
    assert [event["involvedObject"]["fieldPath"] for event in stored(world)] == [
        "spec.containers{a}", "spec.containers{b}",
    ]  # fmt: skip
    assert stored(world)[0]["source"] == {"component": "kubelet", "host": "node-1"}
    assert stored(world)[0]["message"] == "Container started"


def test_repeats_are_counted(world: World) -> None:
    """The same message again raises count and lastTimestamp of the event that there is."""
    recorder, about = EventRecorder(world.api, "c"), subject(world)
    for _ in range(3):
        recorder.event(about, "Warning", "BackOff", "again")
        world.run(10)
    (event,) = stored(world)
    assert event["count"] == 3
    assert event["firstTimestamp"] == "2026-11-23T09:00:00Z"
    assert event["lastTimestamp"] == "2026-11-23T09:00:20Z"


def test_a_repeat_of_a_vanished_event_is_written_anew(world: World) -> None:
    """Somebody deleted it: it comes again, with the count that it had."""
    recorder, about = EventRecorder(world.api, "c"), subject(world)
    recorder.event(about, "Warning", "BackOff", "again")
    world.api.delete(recorder._caller, EVENTS, "default", stored(world)[0]["metadata"]["name"])
    recorder.event(about, "Warning", "BackOff", "again")
    assert [event["count"] for event in stored(world)] == [2]


def test_similar_events_are_combined(world: World) -> None:
    """The tenth different message of one reason and all after it become one event that is counted."""
    recorder, about = EventRecorder(world.api, "c"), subject(world)
    for number in range(15):
        recorder.event(about, "Normal", "Created", f"pod {number}")
    assert [message for _, _, message, _ in world.events()] == [
        *(f"pod {number}" for number in range(9)), "(combined from similar events): pod 14",
    ]  # fmt: skip
    assert world.events()[-1][3] == 6


def test_combining_ends_after_ten_quiet_minutes(world: World) -> None:
    """After more than ten minutes without any, messages stand for themselves again."""
    recorder, about = EventRecorder(world.api, "c"), subject(world)
    for number in range(10):
        recorder.event(about, "Normal", "Created", f"pod {number}")
    world.run(601)
    recorder.event(about, "Normal", "Created", "later")
    assert "later" in world.messages()


def test_spam_is_filtered(world: World) -> None:
    """Of many events about one object 25 are written at once, then one every five minutes; others are not hit."""
    recorder, about, other = EventRecorder(world.api, "c"), subject(world), subject(world, "other")
    for number in range(40):
        recorder.event(about, "Normal", f"Reason{number}", "m")
    assert len(stored(world)) == 25
    recorder.event(other, "Normal", "Reason", "m")
    assert len(stored(world)) == 26
    world.run(300)
    recorder.event(about, "Normal", "Later", "m")
    recorder.event(about, "Normal", "Latest", "m")
    assert len(stored(world)) == 27


def test_two_recorders_at_one_instant_do_not_collide(world: World) -> None:
    """Names differ although cluster time stands still."""
    about = subject(world)
    for component in ("a", "b", "c"):
        recorder = EventRecorder(world.api, component)
        for number in range(5):
            recorder.event(about, "Normal", f"R{number}", "m")
    assert len(stored(world)) == 15


def test_the_memory_is_bounded() -> None:
    """The least recently used object is forgotten when there are too many."""
    correlator = Correlator()
    for number in range(CAPACITY + 10):
        correlator.observe(Uid(str(number)), "Normal", "R", "m", number, "")
    assert len(correlator._reasons) == CAPACITY
    assert len(correlator._allowed_from) == CAPACITY


def test_the_scheduler_s_events_have_no_count(world: World) -> None:
    """eventTime, action and reporting instance instead of first, last and count."""
    about = subject(world)
    recorder = SeriesRecorder(world.api, "default-scheduler", "host")
    recorder.event(about, "Normal", "Scheduled", "Successfully assigned", "Binding")
    (event,) = stored(world)
    assert event["eventTime"] == "2026-11-23T09:00:00.000000Z"
    assert (event["firstTimestamp"], event["lastTimestamp"], event["source"]) == (None, None, {})
    assert (event["action"], event["reportingComponent"]) == ("Binding", "default-scheduler")
    assert event["reportingInstance"] == "default-scheduler-host"
    assert "count" not in event
    assert "series" not in event


def test_a_series_is_written_at_its_second_and_at_its_end(world: World) -> None:
    """What is said again within six minutes is counted in the first event; the final count comes when it is over."""
    about, recorder = subject(world), SeriesRecorder(world.api, "default-scheduler")
    for number in range(4):
        recorder.event(about, "Warning", "FailedScheduling", f"0/{number} nodes", "Scheduling")
        world.run(60)
    (event,) = stored(world)
    assert event["message"] == "0/0 nodes"
    assert event["series"] == {"count": 2, "lastObservedTime": "2026-11-23T09:01:00.000000Z"}
    world.run(15 * 60)
    assert stored(world)[0]["series"] == {"count": 4, "lastObservedTime": "2026-11-23T09:03:00.000000Z"}
    assert world.clock.next_due() is None
    recorder.event(about, "Warning", "FailedScheduling", "anew", "Scheduling")
    assert len(stored(world)) == 2


def test_a_changed_object_begins_another_series(world: World) -> None:
    """The reference has the object's revision: what is said of the object as it is now is a second event."""
    about, recorder = subject(world), SeriesRecorder(world.api, "default-scheduler")
    recorder.event(about, "Warning", "FailedScheduling", "no", "Scheduling")
    changed = world.edit(CONFIGMAPS, "thing", lambda obj: {**obj, "data": {"a": "b"}})
    for _ in range(2):
        recorder.event(changed, "Warning", "FailedScheduling", "no", "Scheduling")
    first, second = sorted(stored(world), key=lambda event: "series" in event)
    assert "series" not in first
    assert second["series"]["count"] == 2


def test_events_end_after_their_time(world: World) -> None:
    """An hour after an event was last written it goes, within the minute that leases are shared for."""
    expiry = EventExpiry(world.api, world.informers, HOUR)
    expiry.start()
    recorder, about = EventRecorder(world.api, "c"), subject(world)
    recorder.event(about, "Normal", "Once", "m")
    recorder.event(about, "Normal", "Twice", "m")
    world.run(30 * 60)
    recorder.event(about, "Normal", "Twice", "m")
    world.run(30 * 60 - 1)
    assert len(stored(world)) == 2
    world.run(62)
    assert [event["reason"] for event in stored(world)] == ["Twice"]
    world.run(31 * 60)
    assert stored(world) == []
    assert world.clock.next_due() is None


def test_events_of_an_earlier_run_end_too(world: World) -> None:
    """Taken up from the store, they go by the times that they carry; many of them in batches."""
    recorder = EventRecorder(world.api, "c")
    for number in range(300):
        recorder.event(subject(world, f"s{number}"), "Normal", "R", "m")
    world.run(59 * 60)
    EventExpiry(world.api, world.informers, HOUR).start()
    world.run(3 * 60)
    assert stored(world) == []


def test_events_of_an_earlier_run_go_before_those_that_came_since(world: World) -> None:
    """Events may come before the old ones are taken up: each still goes in its own time."""
    recorder, about = EventRecorder(world.api, "c"), subject(world)
    recorder.event(about, "Normal", "Old", "m")
    world.run(30 * 60)
    expiry = EventExpiry(world.api, world.informers, HOUR)
    recorder.event(about, "Normal", "New", "m")
    world.run(1)
    expiry.start()
    world.run(31 * 60)
    assert [event["reason"] for event in stored(world)] == ["New"]
    world.run(31 * 60)
    assert stored(world) == []
    assert world.clock.next_due() is None


def test_without_a_time_to_live_events_stay(world: World) -> None:
    """0 keeps them."""
    EventExpiry(world.api, world.informers, 0).start()
    EventRecorder(world.api, "c").event(subject(world), "Normal", "R", "m")
    world.run(5 * MINUTE)
    assert len(stored(world)) == 1
