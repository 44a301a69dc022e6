"""The present in memory: names, owners, indexes, listeners."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from store.store import Store
from store.types import Micros, ThinEnvelope, Uid, WatchEvent
from tests.store.store_objects import AUTHOR, EVENTS, NODES, PODS, body, key, put

ROOT = Path(__file__).parents[2]


def test_a_write_is_seen_at_once() -> None:
    """The engine reads its own writes, stamped with the revision, before anything is committed."""
    store = Store()
    env = put(store, "web", at=7)
    assert store.get(key("web")) is env
    assert env.obj["metadata"]["resourceVersion"] == "1"
    assert (store.revision, store.committed, store.cluster_time) == (1, 0, 7)


def test_lists_are_ordered_by_namespace_and_name() -> None:
    """Also when names come, go and come again between listings."""
    store = Store()
    for name in "cab":
        put(store, name, namespace="two")
    put(store, "z", namespace="one")
    assert [e.name for e in store.list(PODS)] == ["z", "a", "b", "c"]
    put(store, "aa", namespace="two")
    store.delete(key("b", "two"), AUTHOR, Micros(1))
    put(store, "b", namespace="two")
    store.delete(key("a", "two"), AUTHOR, Micros(1))
    assert [e.name for e in store.list(PODS, "two")] == ["aa", "b", "c"]
    store.delete(key("b", "two"), AUTHOR, Micros(1))
    assert [e.name for e in store.list(PODS, "two")] == ["aa", "c"]
    assert store.list(PODS, "three") == [] == store.list(NODES)
    assert (store.count(PODS), store.count(NODES)) == (3, 0)


def test_owners_find_what_they_own() -> None:
    """By any ownerReference, oldest first, until it is taken away."""
    store = Store()

    def owned(name: str, *uids: str) -> None:
        store.put(
            key(name),
            {"metadata": {"name": name, "ownerReferences": [{"uid": uid} for uid in uids]}},
            AUTHOR, Micros(0),
        )  # fmt: skip

    owned("b", "x")
    owned("a", "x", "y")
    assert [e.name for e in store.owned_by(Uid("x"))] == ["b", "a"]
    owned("b", "y")
    assert [e.name for e in store.owned_by(Uid("x"))] == ["a"]
    assert [e.name for e in store.owned_by(Uid("y"))] == ["a", "b"]
    store.delete(key("a"), AUTHOR, Micros(0))
    assert list(store.owned_by(Uid("x"))) == []


def test_indexes_follow_the_objects() -> None:
    """Objects from before the index, moves and deletions included."""
    store = Store()
    put(store, "a", node="n1")
    store.add_index(PODS, "node", lambda env: [env.obj["node"]])
    put(store, "b", node="n1")
    put(store, "a", node="n2")
    assert [e.name for e in store.by_index(PODS, "node", "n1")] == ["b"]
    assert [e.name for e in store.by_index(PODS, "node", "n2")] == ["a"]
    store.delete(key("b"), AUTHOR, Micros(0))
    assert list(store.by_index(PODS, "node", "n1")) == []


def test_an_index_that_is_added_again_stays() -> None:
    """Who else needs it neither pays for it again nor changes the order in which objects came."""
    store = Store()
    store.add_index(PODS, "node", lambda env: [env.obj["node"]])
    put(store, "b", node="n1")
    put(store, "a", node="n1")
    store.add_index(PODS, "node", lambda env: [env.obj["node"]])
    assert [e.name for e in store.by_index(PODS, "node", "n1")] == ["b", "a"]


def test_a_refused_write_changes_nothing() -> None:
    """No JSON, an index function that raises, another object's uid: the store is as it was, and goes on."""
    store = Store()
    store.add_index(PODS, "node", lambda env: [env.obj["node"]])
    put(store, "a", node="n")
    with pytest.raises(TypeError):
        put(store, "a", node=object())
    with pytest.raises(KeyError):
        put(store, "a")
    with pytest.raises(ValueError, match="delete it before another takes its name"):
        put(store, "a", uid="other", node="n")
    with pytest.raises(KeyError):
        store.delete(key("b"), AUTHOR, Micros(0))
    assert (store.revision, store.count(PODS)) == (1, 1)
    assert put(store, "b", node="n").revision == 2


def test_listeners_hear_everything_before_the_commit() -> None:
    """Added, modified with the state before, deleted with the last state at the deleting revision."""
    store = Store()
    heard: list[WatchEvent] = []
    store.listen(heard.append)
    first = put(store, "a")
    second = put(store, "a", phase="Running")
    store.delete(key("a"), AUTHOR, Micros(0))
    assert [(e.type, e.revision) for e in heard] == [("ADDED", 1), ("MODIFIED", 2), ("DELETED", 3)]
    assert [e.before for e in heard] == [None, first, second]
    assert heard[2].now.obj["metadata"]["resourceVersion"] == "3"
    assert heard[2].now.obj["phase"] == "Running"


def test_listeners_hear_of_the_kinds_they_asked_for() -> None:
    """In the order in which they came, also one that came after the kind was first written."""
    store = Store()
    heard: list[str] = []
    store.listen(lambda event: heard.append(f"pods {event.now.name}"), PODS)
    put(store, "a")
    put(store, "n", resource=NODES)
    store.listen(lambda event: heard.append(f"all {event.now.name}"))
    store.listen(lambda event: heard.append(f"both {event.now.name}"), NODES, PODS)
    put(store, "b")
    put(store, "m", resource=NODES)
    assert heard == ["pods a", "pods b", "all b", "both b", "all m", "both m"]


def test_events_are_kept_as_bytes() -> None:
    """Of kinds that are many no decoded dict stays in memory."""
    store = Store()
    env = put(store, "started", resource=EVENTS, reason="Started")
    assert isinstance(env, ThinEnvelope)
    assert env._obj is None
    assert env.obj["reason"] == "Started"
    assert env.obj is not env.obj
    assert put(store, "started", resource=EVENTS, count=2).created == env.revision


def test_mutation_is_detected() -> None:
    """A dict changed in place is told by name."""
    store = Store()
    env = put(store, "a", spec={})
    store.assert_unmutated()
    env.obj["spec"]["nodeName"] = "n"
    with pytest.raises(AssertionError, match="pods default/a"):
        store.assert_unmutated()


@pytest.mark.parametrize("module", ["store.types", "store.store"])
def test_a_store_without_a_file_needs_no_sqlalchemy(module: str) -> None:
    """The import costs half a second, which is paid when the log is first written."""
    code = f"import {module}, sys; print('sqlmodel' in sys.modules or 'sqlalchemy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"


def test_one_body_for_a_name() -> None:
    """`put` keeps the very dict it was given: nothing is copied on the engine's thread."""
    store = Store()
    obj = body("a")
    assert store.put(key("a"), obj, AUTHOR, Micros(0)).obj is obj
