"""Snapshots, going back to them, forks; and moments that are scrubbed through."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import branches
from store.asof import AsOf
from store.store import Store, StoreOptions
from store.types import CannotOpen, Expired, Micros, NoSnapshot, Revision, SnapshotExists
from tests.store.store_objects import AUTHOR, NODES, PODS, key, put

KEEP_FEW = StoreOptions(keep_newest=2)


def numbers(store: Store) -> dict[str, int]:
    """The figure that tests write into objects, by name."""
    return {env.name: env.obj["number"] for env in store.list(PODS)}


def go_back(store: Store, name: str, **options: object) -> tuple[int, int]:
    difference = store.difference(name)
    return branches.go_back(store, difference, AUTHOR, Micros(99), **options)  # type: ignore[arg-type]


def test_going_back_undoes_creation_change_and_deletion(store: Store) -> None:
    """What came is deleted, what changed is as it was, what went is there again; the log keeps all of it."""
    for name, number in (("stays", 1), ("changes", 2), ("goes", 3)):
        put(store, name, number=number)
    taken = store.snapshot("before").result()
    put(store, "changes", number=20)
    store.delete(key("goes"), AUTHOR, Micros(5))
    put(store, "comes", number=4)
    head = store.revision
    assert go_back(store, "before") == (1, 2)
    assert numbers(store) == {"stays": 1, "changes": 2, "goes": 3}
    assert (taken.name, taken.objects) == ("before", 3)
    assert [env.name for env in store.history.state_at(head, PODS)] == ["changes", "comes", "stays"]
    assert go_back(store, "before") == (0, 0)


def test_kinds_may_be_left_alone_and_others_are_put_back_anew(store: Store) -> None:
    """Left kinds stay as they are; renewed ones are seen to go and to come."""
    put(store, "node", namespace="", resource=NODES, number=1)
    put(store, "pod", number=1)
    store.snapshot("s").result()
    put(store, "node", namespace="", resource=NODES, number=2)
    put(store, "pod", number=2)
    seen: list[tuple[str, str]] = []
    store.listen(lambda event: seen.append((event.type, event.now.name)))
    difference = store.difference("s", leaving=[NODES])
    branches.go_back(store, difference, AUTHOR, Micros(9), anew=[PODS])
    assert seen == [("DELETED", "pod"), ("ADDED", "pod")]
    assert store.list(NODES)[0].obj["number"] == 2


def test_another_object_of_the_same_name_gives_way(store: Store) -> None:
    """The name's present bearer has another uid: it goes before the old one comes back."""
    put(store, "a", uid="first", number=1)
    store.snapshot("s").result()
    store.delete(key("a"), AUTHOR, Micros(2))
    put(store, "a", uid="second", number=2)
    go_back(store, "s")
    assert store.list(PODS)[0].uid == "first"


def test_names_of_snapshots(store: Store) -> None:
    """A taken name is refused, an unknown one too; a dropped one is free again."""
    put(store, "a")
    store.snapshot("one").result()
    with pytest.raises(SnapshotExists):
        store.snapshot("one").result()
    with pytest.raises(NoSnapshot):
        store.difference("two")
    with pytest.raises(NoSnapshot):
        store.drop_snapshot("two").result()
    store.drop_snapshot("one").result()
    assert store.snapshots() == []
    store.snapshot("one").result()
    assert [snapshot.name for snapshot in store.snapshots()] == ["one"]


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_compaction_leaves_what_is_pinned_and_dropping_frees_it(tmp_path: Path) -> None:
    """A snapshot can be gone back to after everything else of its time is forgotten; without it the file shrinks."""
    path = tmp_path / "pins.db"
    store = Store.open(path, options=KEEP_FEW)
    for name in ("stays", "goes", "changes"):
        put(store, name, number=1)
    store.snapshot("old").result()
    store.delete(key("goes"), AUTHOR, Micros(2))
    for number in range(20):
        put(store, "changes", number=number)
    store.compact(store.revision).result()
    assert store.history.oldest() > 4
    kept = rows(path, "revision")
    go_back(store, "old")
    assert numbers(store) == {"stays": 1, "goes": 1, "changes": 1}
    for number in range(20):
        put(store, "changes", number=number)
    store.delete(key("goes"), AUTHOR, Micros(3))
    store.compact(store.revision).result()
    with_pins = rows(path, "revision"), rows(path, "object")
    store.drop_snapshot("old").result()
    assert (rows(path, "revision"), rows(path, "object")) == (with_pins[0] - 2, with_pins[1] - 1)
    assert rows(path, "pin") == 0
    assert kept > 0
    store.close()
    reopened = Store.open(path)
    assert numbers(reopened) == {"stays": 1, "changes": 19}
    reopened.close()


def test_snapshots_survive_a_reopening(tmp_path: Path) -> None:
    """They are in the file."""
    path = tmp_path / "kept.db"
    store = Store.open(path)
    put(store, "a", number=1)
    store.snapshot("s").result()
    put(store, "a", number=2)
    store.close()
    store = Store.open(path)
    go_back(store, "s")
    assert numbers(store) == {"a": 1}
    store.close()


def test_a_fork_goes_its_own_way(tmp_path: Path) -> None:
    """The copy has everything that was committed; what is written to one is not in the other."""
    store = Store.open(tmp_path / "trunk.db")
    put(store, "a", number=1)
    store.snapshot("s").result()
    store.fork(tmp_path / "fork.db")
    with pytest.raises(CannotOpen):
        store.fork(tmp_path / "fork.db")
    put(store, "a", number=2)
    fork = Store.open(tmp_path / "fork.db")
    put(fork, "b", number=3)
    assert (numbers(store), numbers(fork)) == ({"a": 2}, {"a": 1, "b": 3})
    assert [snapshot.name for snapshot in fork.snapshots()] == ["s"]
    assert [record.revision for record in fork.history.past_of(key("a"))] == [1]
    fork.close()
    store.close()


def test_a_file_of_format_1_is_brought_up(tmp_path: Path) -> None:
    """What was in it is there, and snapshots can be taken."""
    path = tmp_path / "old.db"
    store = Store.open(path)
    put(store, "a", number=1)
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "DROP TABLE pin; DROP TABLE snapshot; DROP INDEX revision_by_intent; PRAGMA user_version=1"
        )
    store = Store.open(path)
    store.snapshot("s").result()
    assert numbers(store) == {"a": 1}
    assert store.history.intents() == []
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT 1 FROM sqlite_master WHERE name='revision_by_intent'").fetchone()


WRITES = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=25)


@given(WRITES, st.lists(st.integers(0, 25), min_size=1, max_size=6))
def test_scrubbing_shows_the_state_of_each_moment(writes: list[tuple[str, bool]], stops: list[int]) -> None:
    """Whatever way a moment is reached, near or far, the state is what history says of it."""
    store = Store()
    for at, (name, delete) in enumerate(writes):
        if delete and store.get(key(name)) is not None:
            store.delete(key(name), AUTHOR, Micros(at))
        else:
            put(store, name, at=at, number=at)
    scrub = AsOf(store.history, PODS, store.list(PODS))
    shown: dict[str, bytes] = {}
    for stop in stops:
        at = Revision(min(stop, store.revision))
        came, left = scrub.move(at)
        for env in left:
            del shown[env.uid]
        shown |= {env.uid: env.raw for env in came}
        told = {env.uid: env.raw for env in store.history.state_at(at, PODS)}
        assert shown == told == {env.uid: env.raw for env in scrub.state.values()}
    store.close()


def test_a_moment_that_was_compacted_cannot_be_shown(tmp_path: Path) -> None:
    """Expired, and the view stays where it was."""
    store = Store.open(tmp_path / "short.db", options=KEEP_FEW)
    for number in range(30):
        put(store, "a", number=number)
    scrub = AsOf(store.history, PODS)
    scrub.move(store.revision)
    store.compact(store.revision).result()
    with pytest.raises(Expired):
        scrub.move(Revision(3))
    assert scrub.revision == store.revision
    store.close()
