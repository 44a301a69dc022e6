"""What a store keeps in memory: equal parts once, seldom read kinds packed, and those only when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.codec import packed_by
from store.commit import _FRESH
from store.sharing import Sharing
from store.store import Store
from store.types import Micros, Packed, Uid
from tests.store.store_objects import AUTHOR, EVENTS, PODS, bodies, key, put

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "b" * 70]) | st.floats(allow_nan=False),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from("xyz"), parts, max_size=3),
    max_leaves=20,
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), _JSON, max_size=3), max_size=6))
def test_sharing_changes_nothing_that_an_object_says(objects: list[dict[str, Any]]) -> None:
    """Whatever came before, an object's canonical bytes are what they were: 1, 1.0 and true are not taken for equal."""
    sharing = Sharing()
    for obj in objects:
        raw = orjson.dumps(obj)
        assert orjson.dumps(sharing.share(orjson.loads(raw))) == raw


def test_equal_parts_are_one() -> None:
    """Two pods of a template have one list of containers; what differs has its own, and the rest below it is shared."""
    sharing = Sharing()
    first, second = (
        sharing.share({"spec": {"containers": [{"image": "web:1"}], "volumes": [{"name": name, "secret": {"a": "b"}}]}})
        for name in ("x-1", "x-2")
    )
    assert first["spec"]["containers"] is second["spec"]["containers"]
    assert first["spec"]["volumes"] is not second["spec"]["volumes"]
    assert first["spec"]["volumes"][0]["secret"] is second["spec"]["volumes"][0]["secret"]


@pytest.fixture
def reopened(tmp_path: Path) -> Iterator[Store]:
    """A store with a pod and events, one of them owned and labelled, opened again."""
    path = tmp_path / "cluster.db"
    with_events = Store.open(path)
    put(with_events, "web")
    for name in ("late", "early"):
        put(with_events, name, resource=EVENTS, note="pulled")
    meta = {"name": "owned", "uid": "uid-owned", "labels": {"a": "b"}, "ownerReferences": [{"uid": "uid-web"}]}
    with_events.put(key("owned", resource=EVENTS), {"kind": "Event", "metadata": meta}, AUTHOR, Micros(0))
    with_events.close()
    store = Store.open(path)
    yield store
    store.close()


def test_events_come_when_they_are_asked_for(reopened: Store) -> None:
    """Until then they are in the file only; each way to ask finds all of them."""
    assert reopened._present._expected
    assert [env.name for env in reopened.list(PODS)] == ["web"]
    assert EVENTS in reopened._present._expected
    assert [env.name for env in reopened.list(EVENTS)] == ["early", "late", "owned"]
    assert EVENTS not in reopened._present._expected
    assert reopened.list(EVENTS)[1].obj["note"] == "pulled"
    assert reopened.list(EVENTS)[1].uid == "uid-late"


@pytest.mark.parametrize("way", ["get", "count", "owner", "index", "put", "delete", "snapshot"])
def test_no_way_to_ask_overlooks_what_is_still_in_the_file(reopened: Store, way: str) -> None:
    """Reads find it, writes replace it, an index added before knows it afterwards."""
    owned = key("owned", resource=EVENTS)
    reopened.add_index(EVENTS, "label", lambda env: env.labels.values())
    assert EVENTS in reopened._present._expected, "an index alone brings nothing"
    if way == "get":
        env = reopened.get(owned)
        assert env is not None
        assert env.labels == {"a": "b"}
    elif way == "count":
        assert reopened.count(EVENTS) == 3
    elif way == "owner":
        assert [env.name for env in reopened.owned_by(Uid("uid-web"))] == ["owned"]
    elif way == "index":
        assert [env.name for env in reopened.by_index(EVENTS, "label", "b")] == ["owned"]
    elif way == "put":
        env = put(reopened, "late", resource=EVENTS, note="again")
        assert env.created < env.revision
        assert reopened.count(EVENTS) == 3
    elif way == "delete":
        reopened.delete(owned, AUTHOR, Micros(1))
        assert [env.name for env in reopened.list(EVENTS)] == ["early", "late"]
    else:
        assert reopened.snapshot("all").result().objects == 4


def test_a_kind_left_out_of_a_snapshot_is_not_read_for_it(reopened: Store) -> None:
    """Taking a snapshot without events stays quick on a store that has many."""
    assert reopened.snapshot("pods", leaving=[EVENTS]).result().objects == 1
    assert EVENTS in reopened._present._expected


def test_written_long_ago_an_object_says_what_it_said() -> None:
    """Its bytes go, or are packed, once thousands of others were committed; nobody can tell."""
    store = Store()
    put(store, "pod", note="ä", number=1.0)
    put(store, "event", resource=EVENTS, note="ä" * 100)
    was = bodies(store), bodies(store, EVENTS)
    for number in range(_FRESH):
        put(store, "busy", at=number)
    store.flush()
    put(store, "busy")
    store.flush()
    pod, event = store.list(PODS)[1], store.list(EVENTS)[0]
    assert pod.name == "pod"
    assert pod._body is None
    assert isinstance(event._body, Packed)
    assert bodies(store)["pod"] == was[0]["pod"]
    assert bodies(store, EVENTS) == was[1]
    assert event.obj["note"] == "ä" * 100
    store.close()


def test_packed_by_a_dictionary_unpacks_by_it() -> None:
    """Each dictionary has a kind of its own, so a body needs no number beside it."""
    import zstandard

    data = b'{"kind":"Event","reason":"Pulled"}' * 20
    body = zstandard.ZstdCompressor(dict_data=zstandard.ZstdCompressionDict(data)).compress(b'{"kind":"Event"}')
    assert packed_by(data)(body).unpack() == b'{"kind":"Event"}'
    with pytest.raises(zstandard.ZstdError):
        packed_by(None)(body).unpack()
