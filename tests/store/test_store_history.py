"""What was: states, pasts, changes, instants, digests, compaction."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from store.store import Store, StoreOptions
from store.types import Author, Expired, FutureRevision, Micros, Revision
from tests.store.store_objects import AUTHOR, NODES, PODS, bodies, key, put

KEEP_FEW = StoreOptions(keep_newest=5)


def state(store: Store, at: int, namespace: str | None = None) -> dict[str, bytes]:
    return {env.name: env.raw for env in store.history.state_at(Revision(at), PODS, namespace)}


def test_the_state_at_every_revision(store: Store) -> None:
    """What a list said then is what history says now."""
    then: dict[int, dict[str, bytes]] = {0: {}}
    for number in range(40):
        name = f"pod-{number % 7}"
        if number % 5 == 4 and store.get(key(name)):
            store.delete(key(name), AUTHOR, Micros(number))
        else:
            put(store, name, at=number, number=number)
        then[store.revision] = bodies(store)
    for revision, objects in then.items():
        assert state(store, revision) == objects


def test_states_are_told_apart_by_kind_and_namespace(store: Store) -> None:
    """Ordered by namespace and name; other kinds are not mixed in."""
    put(store, "b", namespace="two")
    put(store, "a", namespace="two")
    put(store, "z", namespace="one")
    put(store, "n", namespace="", resource=NODES)
    assert [env.name for env in store.history.state_at(store.revision, PODS)] == ["z", "a", "b"]
    assert list(state(store, store.revision, "two")) == ["a", "b"]
    assert [env.name for env in store.history.state_at(store.revision, NODES)] == ["n"]


def test_the_past_of_a_name_and_of_an_object(store: Store) -> None:
    """Newest first, with author, intent, both times and what it replaced; a name's past has all who bore it."""
    put(store, "a", at=1, author=Author("alice", "intent-1"))
    put(store, "a", at=2)
    store.delete(key("a"), AUTHOR, Micros(3))
    env = put(store, "a", at=4, uid="second")
    past = store.history.past_of(key("a"))
    assert [(r.revision, r.op, r.previous) for r in past] == [
        (4, "create", None), (3, "delete", 2), (2, "update", 1), (1, "create", None),
    ]  # fmt: skip
    assert past[3].author == Author("alice", "intent-1")
    assert past[0].author == AUTHOR
    assert [r.cluster_time for r in past] == [4, 3, 2, 1]
    assert [r.uid for r in past] == ["second", "uid-a", "uid-a", "uid-a"]
    assert all(r.wall_time > 1_600_000_000_000_000 for r in past)
    assert [r.revision for r in store.history.past_of_object(env)] == [4]
    assert [r.revision for r in store.history.past_of(key("a"), limit=2, until=Revision(3))] == [3, 2]
    record = store.history.record(Revision(2))
    assert record is not None
    assert record.raw == past[2].raw


def test_changes_between_two_moments(store: Store) -> None:
    """All of them, of a kind, of one user action."""
    put(store, "a")
    put(store, "n", resource=NODES, author=Author("alice", "drain"))
    put(store, "b", author=Author("alice", "drain"))
    put(store, "c")
    changes = store.history.changes
    assert [r.revision for r in changes(Revision(1), Revision(3))] == [2, 3]
    assert [r.revision for r in changes(Revision(0), Revision(4), resource=PODS)] == [1, 3, 4]
    assert [r.revision for r in changes(Revision(0), Revision(4), intent="drain")] == [2, 3]
    assert [r.revision for r in changes(Revision(0), Revision(4), limit=1)] == [1]
    with pytest.raises(FutureRevision):
        changes(Revision(0), Revision(5))


def test_the_revision_at_an_instant(store: Store) -> None:
    """The newest one made then or before."""
    for at in (10, 20, 20, 30):
        put(store, f"pod-{at}", at=at)
    found = [store.history.revision_at(Micros(at)) for at in (9, 10, 19, 20, 29, 30, 99)]
    assert found == [0, 1, 1, 3, 3, 4, 4]


def test_the_digest_says_whether_two_runs_are_one(tmp_path: Path) -> None:
    """The same writes give the same digest, whatever the wall clock and the groups; anything else another."""

    def run(name: str, phase: str, author: Author, at: int) -> str:
        store = Store.open(tmp_path / name)
        put(store, "a", at=1)
        if name == "second":
            store.flush()
        put(store, "a", at=at, author=author, phase=phase)
        digest = store.history.digest(store.revision)
        store.close()
        return digest

    same = run("first", "Running", AUTHOR, 2)
    assert run("second", "Running", AUTHOR, 2) == same
    others = [
        run("third", "Failed", AUTHOR, 2), run("fourth", "Running", Author("x"), 2), run("fifth", "Running", AUTHOR, 3),
    ]  # fmt: skip
    assert len({same, *others}) == 4


def test_compaction_forgets_the_old_and_keeps_the_rest(path: Path) -> None:
    """Every state from the target on is told as before; older ones are Expired; deleted objects leave no trace."""
    store = Store.open(path, options=KEEP_FEW)
    then = {}
    for number in range(60):
        name = f"pod-{number % 7}"
        if number % 10 == 9 and store.get(key(name)):
            store.delete(key(name), AUTHOR, Micros(number))
        else:
            put(store, name, at=number, number=number)
        then[store.revision] = bodies(store)
    digest_before = store.history.digest(store.revision)
    assert digest_before
    assert store.compact(Revision(40)).result(timeout=10) == 40
    for revision in range(40, 61):
        assert state(store, revision) == then[Revision(revision)]
    assert store.history.oldest() == 40
    for expired in (
        lambda: state(store, 39),
        lambda: store.history.changes(Revision(39), Revision(50)),
        lambda: store.history.digest(store.revision),
        lambda: store.history.revision_at(Micros(20)),
    ):
        with pytest.raises(Expired):
            expired()
    assert store.history.revision_at(Micros(44)) == 45
    assert bodies(store) == then[store.revision]
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        orphans = "SELECT count(*) FROM object WHERE oid NOT IN (SELECT oid FROM revision)"
        assert connection.execute(orphans).fetchone() == (0,)
    again = Store.open(path, options=KEEP_FEW)
    assert state(again, 45) == then[Revision(45)]
    with pytest.raises(Expired):
        state(again, 39)
    again.close()


def test_the_newest_revisions_are_never_compacted(path: Path) -> None:
    """Whatever the target says; the retention helper asks for no more than its policy."""
    store = Store.open(path, options=KEEP_FEW)
    for number in range(20):
        put(store, "a", number=number)
    assert store.retain(keep=10).result(timeout=10) == 10
    assert store.compact(Revision(99)).result(timeout=10) == 15
    assert [r.revision for r in store.history.past_of(key("a"))] == [20, 19, 18, 17, 16, 15]
    assert store.compact(Revision(3)).result(timeout=10) == 15
    store.close()


def test_compaction_goes_in_batches_beside_commits(path: Path) -> None:
    """Thousands of revisions: writes that come meanwhile are committed, none is lost."""
    store = Store.open(path, options=StoreOptions(keep_newest=5, commit_interval=0.001))
    for number in range(3500):
        put(store, f"pod-{number % 10}", number=number)
    future = store.compact(Revision(3400))
    for number in range(100):
        put(store, f"pod-{number % 10}", number=number)
        store.when_committed(store.revision).result(timeout=10)
    assert future.result(timeout=30) == 3400
    assert state(store, store.revision) == bodies(store)
    assert len(store.history.past_of(key("pod-3"), limit=1000)) == 21
    store.close()


def test_compaction_keeps_up_with_a_burst(path: Path) -> None:
    """A log that grew by thousands in one commit is compacted by as much after it, also when it is closed at once."""
    store = Store.open(path, options=StoreOptions(keep_newest=5, commit_interval=60))
    for number in range(3500):
        put(store, f"pod-{number % 10}", number=number)
    compacted = store.compact(Revision(3000))
    store.close()
    assert compacted.result(timeout=0) == 3000
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM revision").fetchone() == (500 + 10,)


def test_seeks_use_the_indexes(store: Store, path: Path) -> None:
    """The state at a revision costs one seek per object, not a scan of the log."""
    put(store, "a")
    store.flush()
    from store import sql

    text = str(sql.STATE_AT)
    with sqlite3.connect(path) as connection:
        plan = " / ".join(
            row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", {"at": 1, "plural": "", "api_group": ""})
        )
    assert "SEARCH object USING INDEX object_by_name" in plan
    assert "SEARCH later USING COVERING INDEX revision_by_object (oid=? AND rowid<?)" in plan
    assert "SCAN revision" not in plan
