"""The store: the present in memory, every revision on its way to SQLite, and a ring of events for watchers.

(First cut: memory only. The SQLite half lands beside it in tables.py, sql.py, history.py.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import orjson

from store.types import (
    ADDED,
    DELETED,
    MODIFIED,
    Author,
    Envelope,
    JsonObject,
    Micros,
    ObjectKey,
    Resource,
    Revision,
    Uid,
    WatchEvent,
)

IndexFunction = Callable[[Envelope], Iterable[str]]


class Store:
    """Owned by the engine thread; other threads may read envelopes they were given."""

    def __init__(self) -> None:
        self._objects: dict[Resource, dict[tuple[str, str], Envelope]] = {}
        self._sorted: dict[Resource, list[tuple[str, str]]] = {}
        self._owned: dict[Uid, dict[ObjectKey, None]] = {}
        self._indexes: dict[Resource, dict[str, tuple[IndexFunction, dict[str, dict[ObjectKey, None]]]]] = {}
        self._listeners: list[Callable[[WatchEvent], None]] = []
        self._head = Revision(0)

    @property
    def revision(self) -> Revision:
        """The newest revision, committed or not: what the engine itself sees."""
        return self._head

    # -- reads -----------------------------------------------------------------------------------------------------

    def get(self, key: ObjectKey) -> Envelope | None:
        return self._objects.get(key.resource, {}).get((key.namespace, key.name))

    def list(self, resource: Resource, namespace: str | None = None) -> Sequence[Envelope]:
        """Objects of one kind ordered by (namespace, name); all namespaces with None."""
        table = self._objects.get(resource)
        if not table:
            return []
        order = self._sorted.get(resource)
        if order is None:
            order = self._sorted[resource] = sorted(table)
        if namespace is None:
            return [table[key] for key in order]
        return [table[key] for key in order if key[0] == namespace]

    def count(self, resource: Resource) -> int:
        return len(self._objects.get(resource, ()))

    def owned_by(self, uid: Uid) -> Sequence[Envelope]:
        """Objects with an ownerReference to `uid`, controlling or not, oldest first."""
        return [env for key in self._owned.get(uid, ()) if (env := self.get(key)) is not None]

    def add_index(self, resource: Resource, name: str, function: IndexFunction) -> None:
        """Keep objects findable by the values that `function` yields."""
        self._indexes.setdefault(resource, {})[name] = (function, {})
        for env in self.list(resource):
            for value in function(env):
                self._indexes[resource][name][1].setdefault(value, {})[env.key] = None

    def by_index(self, resource: Resource, name: str, value: str) -> Sequence[Envelope]:
        """Objects whose index function yielded `value`, in the order in which they came to it."""
        table = self._objects.get(resource, {})
        return [table[key.namespace, key.name] for key in self._indexes[resource][name][1].get(value, ())]

    # -- writes ----------------------------------------------------------------------------------------------------

    def put(self, key: ObjectKey, obj: JsonObject, author: Author, at: Micros) -> Envelope:
        """Create or replace. `obj` and `obj["metadata"]` must be fresh dicts; they belong to the store from now on."""
        self._head = revision = Revision(self._head + 1)
        obj["metadata"]["resourceVersion"] = str(revision)
        env = Envelope(key, revision, orjson.dumps(obj), obj)
        before = self.get(key)
        table = self._objects.setdefault(key.resource, {})
        if before is None:
            self._sorted.pop(key.resource, None)
        table[key.namespace, key.name] = env
        self._reindex(before, env)
        self._emit(WatchEvent(ADDED if before is None else MODIFIED, env, before, revision))
        return env

    def delete(self, key: ObjectKey, author: Author, at: Micros) -> Envelope:
        """Remove. Returns the last state, stamped with the deleting revision. KeyError if there is none."""
        before = self._objects[key.resource].pop((key.namespace, key.name))
        self._sorted.pop(key.resource, None)
        self._head = revision = Revision(self._head + 1)
        obj = {**before.obj, "metadata": {**before.obj["metadata"], "resourceVersion": str(revision)}}
        env = Envelope(key, revision, orjson.dumps(obj), obj)
        self._reindex(before, None)
        self._emit(WatchEvent(DELETED, env, before, revision))
        return env

    def listen(self, listener: Callable[[WatchEvent], None]) -> None:
        """Call with every event as it is applied (on the engine thread, before commit). Listeners only enqueue."""
        self._listeners.append(listener)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _emit(self, event: WatchEvent) -> None:
        for listener in self._listeners:
            listener(event)

    def _reindex(self, before: Envelope | None, now: Envelope | None) -> None:
        some = now or before
        assert some is not None
        key = some.key
        old = {ref["uid"]: None for ref in before.obj["metadata"].get("ownerReferences", ())} if before else {}
        new = {ref["uid"]: None for ref in now.obj["metadata"].get("ownerReferences", ())} if now else {}
        if old != new:
            for uid in old:
                self._owned[uid].pop(key, None)
                if not self._owned[uid]:
                    del self._owned[uid]
            for uid in new:
                self._owned.setdefault(uid, {})[key] = None
        for function, values in self._indexes.get(key.resource, {}).values():
            was = list(function(before)) if before else []
            are = list(function(now)) if now else []
            if was != are:
                for value in was:
                    values[value].pop(key, None)
                for value in are:
                    values.setdefault(value, {})[key] = None
