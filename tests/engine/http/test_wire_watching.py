"""Watches through the core: what was there, what happens, bookmarks, and what is too old or has not happened yet."""

from __future__ import annotations

from typing import Any

from tests.engine.http.wire_world import WireWorld, config_map

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


def labelled(name: str, value: str) -> dict[str, Any]:
    return {**config_map(name), "metadata": {"name": name, "labels": {"watched": value}}}


def brief(events: list[Any]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


def test_a_watch_without_a_revision_begins_with_everything(world: WireWorld) -> None:
    """ADDED for what is there, then a bookmark that says so to who asked for bookmarks."""
    world.make(CONFIGMAPS, labelled("w1", "begin"))
    events = world.watch(f"{CONFIGMAPS}?watch=1&labelSelector=watched%3Dbegin&allowWatchBookmarks=true", 2)
    assert brief(events) == [("ADDED", "w1"), ("BOOKMARK", "")]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_goes_on_after_a_revision_without_loss_or_repeats(world: WireWorld) -> None:
    """A watcher that comes back with its last revision sees exactly what came after it."""
    made = world.make(CONFIGMAPS, labelled("w2", "go-on"))
    since = made["metadata"]["resourceVersion"]
    where = f"{CONFIGMAPS}?watch=1&labelSelector=watched%3Dgo-on&resourceVersion="
    world.make(CONFIGMAPS, labelled("w3", "go-on"))
    first = world.watch(where + since, 1)
    assert brief(first) == [("ADDED", "w3")]
    world.ask("DELETE", f"{CONFIGMAPS}/w3")
    world.make(CONFIGMAPS, labelled("w4", "go-on"))
    second = world.watch(where + first[0]["object"]["metadata"]["resourceVersion"], 2)
    assert brief(second) == [("DELETED", "w3"), ("ADDED", "w4")]


def test_leaving_a_selector_is_a_deletion(world: WireWorld) -> None:
    """A selector's view: what no longer matches is DELETED from it."""
    made = world.make(CONFIGMAPS, labelled("w5", "in"))
    patch = {"metadata": {"labels": {"watched": "out"}}}
    world.ask("PATCH", f"{CONFIGMAPS}/w5", patch, content_type="application/merge-patch+json")
    since = made["metadata"]["resourceVersion"]
    events = world.watch(f"{CONFIGMAPS}?watch=1&labelSelector=watched%3Din&resourceVersion={since}", 1)
    assert brief(events) == [("DELETED", "w5")]


def test_tables_name_their_columns_once(world: WireWorld) -> None:
    """Each event of a watch by kubectl is a one-row Table; only the first says what the columns are."""
    for name in ("w6", "w7"):
        world.make(CONFIGMAPS, labelled(name, "table"))
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    events = world.watch(f"{CONFIGMAPS}?watch=1&labelSelector=watched%3Dtable", 2, accept=accept)
    assert [event["object"]["rows"][0]["cells"][0] for event in events] == ["w6", "w7"]
    assert [event["object"]["columnDefinitions"] is None for event in events] == [False, True]


def test_a_revision_that_has_not_happened_is_a_timeout(world: WireWorld) -> None:
    """504 with the cause ResourceVersionTooLarge and Retry-After."""
    answer = world.answer("GET", f"{CONFIGMAPS}?watch=1&resourceVersion=99999999")
    assert (answer.status, ("Retry-After", "1") in answer.headers) == (504, True)
    status, body = world.get(f"{CONFIGMAPS}?resourceVersion=99999999")
    assert (status, body["details"]["causes"][0]["reason"]) == (504, "ResourceVersionTooLarge")


def test_a_watch_ends_after_its_timeout(world: WireWorld) -> None:
    """timeoutSeconds ends a quiet watch, properly."""
    events = world.watch(f"{CONFIGMAPS}?watch=1&labelSelector=watched%3Dnobody&timeoutSeconds=1", 1)
    assert events == []


def test_a_bookmark_comes_before_the_end_of_a_watch_that_lasts(world: WireWorld) -> None:
    """2 s before its end a watcher learns up to where it has seen everything; a shorter watch ends without."""
    since = world.store.revision
    world.make(CONFIGMAPS, labelled("unseen", "other"))
    where = f"{CONFIGMAPS}?watch=1&labelSelector=watched%3Dnobody&allowWatchBookmarks=1&resourceVersion={since}"
    events = world.watch(f"{where}&timeoutSeconds=3", 1)
    assert [event["type"] for event in events] == ["BOOKMARK"]
    assert int(events[0]["object"]["metadata"]["resourceVersion"]) > since
    assert world.watch(f"{where}&timeoutSeconds=1", 1) == []


def test_initial_events_need_their_match(world: WireWorld) -> None:
    """sendInitialEvents without resourceVersionMatch=NotOlderThan is invalid."""
    status, answer = world.get(f"{CONFIGMAPS}?watch=1&sendInitialEvents=true")
    assert (status, answer["reason"]) == (422, "Invalid")
    assert "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" in answer["message"]


def test_a_slow_watcher_is_cut_and_nobody_else() -> None:
    """Who falls behind the ring gets an ERROR event of code 410 and the end of the watch; writes never wait for it."""
    world = WireWorld(ring=64)
    try:
        world.make(CONFIGMAPS, labelled("first", "slow"))
        many = [labelled(f"slow-{index}", "slow") for index in range(100)]
        events = world.watch_slowly(
            f"{CONFIGMAPS}?watch=1&labelSelector=watched%3Dslow", lambda: world.make_many(CONFIGMAPS, many)
        )
    finally:
        world.close()
    assert brief(events[:1]) == [("ADDED", "first")]
    assert (events[-1]["type"], events[-1]["object"]["code"], events[-1]["object"]["reason"]) == (
        "ERROR", 410, "Expired",
    )  # fmt: skip
    assert len(events) == 2


def test_an_old_revision_is_an_error_event() -> None:
    """A watch from before the ring is answered 200, with one ERROR event of code 410."""
    world = WireWorld(ring=64)
    try:
        for index in range(80):
            world.make(CONFIGMAPS, config_map(f"old-{index}"))
        events = world.watch(f"{CONFIGMAPS}?watch=1&resourceVersion=1", 5)
    finally:
        world.close()
    assert [(event["type"], event["object"]["code"]) for event in events] == [("ERROR", 410)]


def test_few_objects_are_shown_with_all_their_owners(world: WireWorld) -> None:
    """Lists and watches of a kind that has few objects tell what the cluster's components own, as a GET does."""
    chosen = "fieldSelector=metadata.name%3Ddefault"
    one = world.get("/api/v1/namespaces/default")[1]["metadata"]["managedFields"]
    assert world.get(f"/api/v1/namespaces?{chosen}")[1]["items"][0]["metadata"]["managedFields"] == one
    seen = world.watch(f"/api/v1/namespaces?watch=1&{chosen}", 1)[0]["object"]["metadata"]
    assert seen["managedFields"] == one
