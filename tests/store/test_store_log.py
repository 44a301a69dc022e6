"""The log on disk: commits, acknowledgements, reopening, failures."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import orjson
import pytest

from store.store import Store, StoreOptions
from store.tables import prepare_connection
from store.types import Attempt, Author, FutureRevision, Micros, ThinEnvelope, Uid, WriteFailed
from tests.store.store_objects import AUTHOR, EVENTS, PODS, bodies, body, key, put

SLOW = StoreOptions(commit_interval=3600.0)
"""Commits only when somebody waits."""


def test_an_envelope_says_the_same_after_reopening(path: Path) -> None:
    """Labels, owners and a deletion that waits, also of kinds whose bodies are not decoded."""
    store = Store.open(path)
    owner = {"kind": "Node", "name": "n", "uid": "u-1", "controller": True}
    for resource in (PODS, EVENTS):
        put(store, "plain", resource=resource)
        for field, value in (
            ("labels", {"app": "web"}), ("ownerReferences", [owner]), ("deletionTimestamp", "2026-01-01T00:00:00Z"),
        ):  # fmt: skip
            obj = body(field.lower())
            obj["metadata"][field] = value
            store.put(key(field.lower(), resource=resource), obj, AUTHOR, Micros(0))

    def said(store: Store) -> list[object]:
        found = [env for resource in (PODS, EVENTS) for env in store.list(resource)]
        return [(env.key, env.uid, env.labels, env.owner, env.owners, env.deleting) for env in found]

    before = said(store)
    store.close()
    assert said(Store.open(path)) == before


def test_everything_is_there_after_reopening(path: Path) -> None:
    """Objects, the revision counter, cluster time, meta values and creation order."""
    store = Store.open(path)
    put(store, "b", at=1, author=Author("alice", "intent-1"))
    put(store, "a", at=2)
    put(store, "b", at=3, phase="Running")
    put(store, "gone", at=4)
    store.delete(key("gone"), AUTHOR, Micros(5))
    put(store, "event", at=6, resource=EVENTS)
    store.set_meta("seed", "7")
    before = bodies(store)
    store.close()

    again = Store.open(path)
    assert bodies(again) == before
    assert (again.revision, again.committed, again.cluster_time, again.get_meta("seed")) == (6, 6, 6, "7")
    assert [env.created for env in again.list(PODS)] == [2, 1]
    assert isinstance(again.get(key("event", resource=EVENTS)), ThinEnvelope)
    assert put(again, "b", at=7).revision == 7
    again.close()
    third = Store.open(path)
    assert [record.revision for record in third.history.past_of(key("b"))] == [7, 3, 1]
    third.close()


def test_the_present_is_readable_with_any_sqlite_tool(store: Store, path: Path) -> None:
    """`current` is plain JSON, and SQLite's own functions read it."""
    put(store, "web", phase="Running")
    store.flush()
    with sqlite3.connect(path) as connection:
        row = connection.execute(
            "SELECT name, json_extract(body, '$.phase') FROM current JOIN object USING (oid)"
        ).fetchone()
    assert row == ("web", "Running")


def test_an_acknowledgement_means_it_is_in_the_file(path: Path) -> None:
    """The future is done after the commit and not before; another connection then sees the row."""
    store = Store.open(path, options=SLOW)
    put(store, "a")
    assert store.committed == 0
    store.when_committed(store.revision).result(timeout=10)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT max(revision) FROM revision").fetchone() == (1,)
    assert store.when_committed(store.revision).done()
    store.close()


def test_what_has_not_happened_is_not_acknowledged() -> None:
    """Waiting for a revision beyond the head fails at once."""
    with pytest.raises(FutureRevision):
        Store().when_committed(put(Store(), "a").revision).result(timeout=10)


def test_one_wake_up_per_commit(path: Path) -> None:
    """A hundred writes in a group wake the watchers once; a removed callback is not called."""
    store = Store.open(path, options=SLOW)
    woken: list[int] = []
    remove = store.on_commit(lambda: woken.append(store.committed))
    for number in range(100):
        put(store, f"pod-{number}")
    store.flush()
    assert woken == [100]
    remove()
    put(store, "last")
    store.flush()
    assert woken == [100]
    store.close()


def test_groups_larger_than_any_block(store: Store) -> None:
    """Blocks of every size, objects written several times in a group, ones that begin and end in it."""
    for number in range(300):
        put(store, f"pod-{number:03}", at=number)
        put(store, f"pod-{number:03}", at=number, phase="Running")
        if number % 3 == 0:
            store.delete(key(f"pod-{number:03}"), AUTHOR, Micros(number))
    store.flush()
    state = {env.name: env.raw for env in store.history.state_at(store.revision, PODS)}
    assert state == bodies(store)
    assert len(state) == 200


def test_a_full_disk_is_told_and_nothing_more_is_acknowledged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits gets the error, `on_failure` is called, later waiters are refused, what was safe stays safe."""

    def on_a_small_disk(connection: sqlite3.Connection, synchronous: str) -> None:
        prepare_connection(connection, synchronous)
        connection.execute("PRAGMA max_page_count=40")

    monkeypatch.setattr("store.database.prepare_connection", on_a_small_disk)
    store = Store.open(path, options=SLOW)
    put(store, "safe")
    store.flush()
    failures: list[WriteFailed] = []
    store.on_failure(failures.append)
    for number in range(100):
        put(store, f"big-{number}", data="x" * 10_000)
    with pytest.raises(WriteFailed, match="full"):
        store.flush()
    assert [type(failure) for failure in failures] == [WriteFailed]
    assert store.failure is failures[0]
    put(store, "later")
    with pytest.raises(WriteFailed):
        store.when_committed(store.revision).result(timeout=10)
    with pytest.raises(WriteFailed):
        store.compact(store.revision).result(timeout=10)
    assert store.committed == 1
    late: list[WriteFailed] = []
    store.on_failure(late.append)
    assert late == failures
    store.close()
    again = Store.open(path)
    assert list(bodies(again)) == ["safe"]
    again.close()


def test_attempts_are_read_at_once_and_after_reopening(path: Path) -> None:
    """Newest first, of one pod; the oldest leave memory first, then the file."""

    def attempt(number: int, pod: str) -> Attempt:
        return Attempt(number, Micros(number), Uid(pod), "default", pod, "n1", "NodeResourcesFit", "Insufficient cpu")

    store = Store.open(path, options=StoreOptions(attempts=6, attempts_in_memory=4))
    store.record_attempts([attempt(number, "p") for number in range(1, 4)])
    store.record_attempts([attempt(1, "q")])
    assert [row.attempt for row in store.attempts(Uid("p"))] == [3, 2, 1]
    assert [row.attempt for row in store.attempts(Uid("p"), limit=1)] == [3]
    store.flush()
    store.record_attempts([attempt(number, "p") for number in range(4, 7)])
    store.flush()
    assert [row.attempt for row in store.attempts(Uid("p"))] == [6, 5, 4, 3, 2]
    store.close()
    again = Store.open(path, options=StoreOptions(attempts=6, attempts_in_memory=4))
    assert [row.attempt for row in again.attempts(Uid("p"))] == [6, 5, 4, 3, 2]
    assert again.attempts(Uid("q")) == [attempt(1, "q")]
    assert again.attempts(Uid("nobody")) == []
    again.close()


def test_a_store_without_a_path_has_a_log_too() -> None:
    """History works, and its temporary folder goes with it."""
    store = Store.open(None)
    put(store, "a")
    assert store.history.past_of(key("a"))[0].raw == store.list(PODS)[0].raw
    folder = store._writer.database().path.parent
    assert folder.is_dir()
    store.close()
    assert not folder.exists()
    store.close()
    put(store, "b")
    with pytest.raises(WriteFailed, match="closed"):
        store.flush()


def test_a_long_queue_makes_the_engine_wait(path: Path) -> None:
    """`put` never lets the writer fall behind by more than `queue_rows`."""
    store = Store.open(path, options=StoreOptions(commit_interval=3600.0, commit_rows=50, queue_rows=100))
    for number in range(1000):
        put(store, f"pod-{number}")
        assert store.revision - store.committed <= 200
    store.close()
    again = Store.open(path)
    assert again.count(PODS) == 1000
    again.close()


def test_bodies_are_compressed_with_a_dictionary_of_their_own(store: Store, path: Path) -> None:
    """Some hundred writes in, the log knows what an object looks like; every row still decodes to its bytes."""
    for number in range(1200):
        put(store, f"pod-{number % 40}", at=number, spec=SPEC, uid=f"uid-{number % 40}", number=number)
        if number % 200 == 0:
            store.flush()
    store.flush()
    with sqlite3.connect(path) as connection:
        plain, packed = (
            connection.execute(f"SELECT avg(length(body)) FROM revision WHERE dict_id {test}").fetchone()[0]
            for test in ("= 0", "> 0")
        )
    assert packed < plain / 2
    numbers = [orjson.loads(record.raw)["number"] for record in store.history.changes(0, store.revision)]  # type: ignore[arg-type]
    assert numbers == list(range(1200))


SPEC = {
    "containers": [
        {"name": "web", "image": "nginx:1.25", "imagePullPolicy": "IfNotPresent", "terminationMessagePolicy": "File"}
    ],
    "tolerations": [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "tolerationSeconds": 300}],
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
}  # fmt: skip
