"""Lists and watches: selectors, chunks, resourceVersion semantics, and what a watcher sees."""

from __future__ import annotations

import pytest

from engine.api.errors import BadRequest, Gone, Invalid, NotFound, ServerTimeout
from engine.api.kinds import CONFIGMAPS, EVENTS, PODS
from store.types import JsonObject, Resource
from tests.engine.api.door import COMPONENT, PERSON, Door


def config(name: str, **labels: str) -> JsonObject:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}


def names(door: Door, **options: object) -> list[str]:
    return [env.name for env in door.api.list(CONFIGMAPS, **options).items]  # type: ignore[arg-type]


@pytest.fixture
def five(door: Door) -> Door:
    for name in "ecabd":
        door.create(config(name, odd="yes" if name in "ace" else "no"))
    return door


def test_lists_are_in_order_of_namespace_and_name(five: Door) -> None:
    """Of one namespace or of all."""
    five.create({**config("a"), "metadata": {"name": "a", "namespace": "kube-system"}})
    assert names(five, namespace="default") == list("abcde")
    assert names(five) == [*"abcde", "a"]


def test_selectors_narrow_a_list(five: Door) -> None:
    """By labels and by fields."""
    assert names(five, labels="odd=yes") == list("ace")
    assert names(five, labels="odd!=yes", fields="metadata.name!=b") == ["d"]
    with pytest.raises(BadRequest, match=r'"foo" is not a known field selector: only "metadata\.name"'):
        names(five, fields="foo=bar")


def test_chunks_make_one_list(five: Door) -> None:
    """Every object once, whatever happens in between; the count of the rest is told."""
    first = five.api.list(CONFIGMAPS, "default", limit=2)
    assert (first.remaining, bool(first.continue_token)) == (3, True)
    five.delete(five.api.get(CONFIGMAPS, "default", "d"))
    five.create(config("cc"))
    second = five.api.list(CONFIGMAPS, "default", limit=2, continue_token=first.continue_token)
    third = five.api.list(CONFIGMAPS, "default", limit=2, continue_token=second.continue_token)
    assert [env.name for part in (first, second, third) for env in part.items] == list("abcde")
    assert (third.continue_token, third.remaining) == ("", None)
    assert first.revision == second.revision == third.revision


def test_the_rest_of_a_selected_list_is_not_counted(five: Door) -> None:
    """As in Kubernetes: with a selector nobody knows."""
    first = five.api.list(CONFIGMAPS, "default", labels="odd=yes", limit=2)
    assert first.remaining is None
    rest = five.api.list(CONFIGMAPS, "default", labels="odd=yes", limit=2, continue_token=first.continue_token)
    assert [env.name for env in rest.items] == ["e"]


def test_continue_tokens_must_be_ours_and_known(five: Door) -> None:
    """Nonsense is a BadRequest, a forgotten list an honest 410."""
    with pytest.raises(BadRequest, match="invalid continue token: continue key is not valid: illegal base64 data"):
        five.api.list(CONFIGMAPS, "default", continue_token="bogus")
    token = five.api.list(CONFIGMAPS, "default", limit=2).continue_token
    for number in range(40):
        five.create(config(f"x{number}"))
        five.api.list(CONFIGMAPS, "default", limit=2)
    with pytest.raises(Gone, match="The provided continue parameter is too old"):
        five.api.list(CONFIGMAPS, "default", limit=2, continue_token=token)


def test_resource_versions_of_lists(five: Door) -> None:
    """0 and the past are served by the present, the future is a timeout, nonsense a BadRequest."""
    assert names(five, resource_version="0") == list("abcde")
    assert names(five, resource_version="1") == list("abcde")
    head = five.store.revision
    with pytest.raises(ServerTimeout) as caught:
        names(five, resource_version="99999999")
    assert caught.value.message == f"Timeout: Too large resource version: 99999999, current: {head}"
    assert (caught.value.retry_after, caught.value.causes[0].reason) == (1, "ResourceVersionTooLarge")
    with pytest.raises(BadRequest, match='invalid resource version: resourceVersion: Invalid value: "abc"'):
        names(five, resource_version="abc")
    with pytest.raises(Invalid, match="resourceVersionMatch is forbidden unless resourceVersion is provided"):
        names(five, resource_version_match="Exact")


def test_an_exact_list_is_the_past(five: Door) -> None:
    """The state as of that revision, from the log."""
    then = five.store.revision
    five.delete(five.api.get(CONFIGMAPS, "default", "a"))
    found = five.api.list(CONFIGMAPS, "default", resource_version=str(then), resource_version_match="Exact")
    assert [env.name for env in found.items] == list("abcde")
    assert found.revision == then


def test_get_says_what_is_missing(door: Door) -> None:
    """The object, or the whole resource."""
    with pytest.raises(NotFound, match='pods "nope" not found'):
        door.api.get(PODS, "default", "nope")
    with pytest.raises(NotFound, match="the server could not find the requested resource"):
        door.api.get(Resource("example.com", "foos"), "default", "nope")


def test_events_are_one_resource_with_two_faces(door: Door) -> None:
    """What the core group stores is found in events.k8s.io."""
    other = Resource("events.k8s.io", "events")
    door.api.create(COMPONENT, EVENTS, "default", {"metadata": {"name": "e"}, "reason": "A"})
    assert door.api.get(other, "default", "e") is door.api.get(EVENTS, "default", "e")
    assert len(door.api.list(other, "default").items) == 1


# -- watches ---------------------------------------------------------------------------------------------------------


def seen(door: Door, watch: object) -> list[tuple[str, str]]:
    door.store.flush()
    return [(notice.type, notice.now.name) for notice in watch.poll()]  # type: ignore[attr-defined]


def test_a_watch_tells_what_happened_since(door: Door) -> None:
    """In order, of one resource and namespace, each event once."""
    since = door.store.revision
    watch = door.api.watch(CONFIGMAPS, "default", since=since)
    env = door.create(config("a"))
    door.pod()
    door.create({**config("b"), "metadata": {"name": "b", "namespace": "kube-system"}})
    door.api.patch(PERSON, CONFIGMAPS, "default", "a", "merge", {"data": {"x": "y"}})
    door.delete(env)
    assert seen(door, watch) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert seen(door, watch) == []
    assert watch.revision == door.store.revision


def test_a_watch_sees_through_its_selector(door: Door) -> None:
    """What comes to match is ADDED, what ceases to match DELETED with its last matching state."""
    watch = door.api.watch(CONFIGMAPS, "default", since=door.store.revision, labels="on=yes")
    door.create(config("a", on="no"))
    for value in ("yes", "yes", "no"):
        door.api.patch(
            PERSON, CONFIGMAPS, "default", "a", "merge", {"metadata": {"labels": {"on": value}}, "data": {"n": value}}
        )
        door.api.patch(PERSON, CONFIGMAPS, "default", "a", "merge", {"data": {"more": str(door.store.revision)}})
    door.store.flush()
    notices = watch.poll()
    assert [notice.type for notice in notices] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    last = notices[-1].now
    assert last.labels == {"on": "yes"}
    assert last.obj["metadata"]["resourceVersion"] == str(notices[-1].revision)


def test_polls_are_bounded(door: Door) -> None:
    """At most as many as asked for, none lost."""
    watch = door.api.watch(CONFIGMAPS, since=door.store.revision)
    for number in range(25):
        door.pod(f"p{number}")
        door.create(config(f"c{number:02}"))
    door.store.flush()
    sizes = []
    while found := watch.poll(10):
        sizes.append(len(found))
    assert sizes == [10, 10, 5]


def test_the_future_cannot_be_watched(door: Door) -> None:
    """504 with a hint to come back."""
    with pytest.raises(ServerTimeout, match="Too large resource version"):
        door.api.watch(PODS, since=10_000)
