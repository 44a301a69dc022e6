"""Objects as they were at an instant: what a container was given when it started, what a mounted volume was last told.

A container's environment and its subPath files are made once, at its start; mounted ConfigMaps and Secrets follow at
the kubelet's next look. Nothing of that is kept: it is read from the store's log when somebody asks. What was
compacted away is answered from the present.
"""

from __future__ import annotations

import orjson

from store.store import Store
from store.types import Envelope, Expired, JsonObject, Micros, ObjectKey, Resource, Revision


class Moments:
    """Reads of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._revisions: dict[int, Revision | None] = {}
        """Instant → the newest revision made until then, None: the present is asked. For the run of one question."""

    def find(self, resource: Resource, namespace: str, name: str, at: int) -> JsonObject | None:
        """An object as it was at an instant of cluster time; None when there was none."""
        key = ObjectKey(resource.group, resource.plural, namespace, name)
        present = self._store.get(key)
        revision = self._revision(at)
        if revision is None or (present is not None and present.revision <= revision):
            return present.obj if present is not None else None
        records = self._store.history.past_of(key, 1, revision)
        if not records:
            # Either there was none, or the log no longer reaches back.
            old = present is not None and present.created <= revision
            return present.obj if present is not None and old else None
        found: JsonObject | None = None if records[0].op == "delete" else orjson.loads(records[0].raw)
        return found

    def list(self, resource: Resource, namespace: str, at: int) -> list[JsonObject]:
        """Objects of a namespace as they were at an instant, by name."""
        revision = self._revision(at)
        found: list[Envelope] | None = None
        if revision is not None:
            try:
                found = self._store.history.state_at(revision, resource, namespace)
            except Expired:
                found = None
        if found is None:
            found = sorted(self._store.list(resource, namespace), key=lambda env: env.name)
        return [env.obj for env in found]

    def _revision(self, at: int) -> Revision | None:
        """None: the present says it, or nothing does."""
        if at not in self._revisions:
            if at >= (self._store.cluster_time or 0):
                self._revisions[at] = None
                return None
            try:
                self._revisions[at] = self._store.history.revision_at(Micros(at))
            except Expired:
                self._revisions[at] = None
        return self._revisions[at]
