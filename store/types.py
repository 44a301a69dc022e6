"""The store's contract on one page: keys, revisions, authors, envelopes, events and errors.

An object comes in as a JSON dict and is kept as an `Envelope`: its identity, the canonical JSON bytes, and the
dict, which nobody mutates once it is stored. Each write makes one `Revision`, numbered by one counter per cluster
(it is the object's `resourceVersion`), with an `Author`. Watchers receive `WatchEvent`s in revision order.

Errors (each is ready to be shown to a person):

    StoreError
    ├── Expired          the revision asked for has left the ring or was compacted
    ├── FutureRevision   the revision asked for has not happened yet
    ├── Damaged          the file is no healthy Kubarium store; nothing was changed
    ├── NewerFormat      the file was written by a newer Kubarium; nothing was changed
    ├── InUse            another Kubarium has the file open; nothing was changed
    ├── CannotOpen       the path leads to no place where a store can be read and written
    ├── NoSnapshot       there is no snapshot of that name
    ├── SnapshotExists   the name is taken
    └── WriteFailed      a commit failed (disk full, I/O error): nothing more is acknowledged
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, NewType

import orjson

Uid = NewType("Uid", str)
Revision = NewType("Revision", int)
"""Position in the cluster's one revision log, from 1. 0 stands for the empty log."""
Micros = NewType("Micros", int)
"""An instant of cluster time: microseconds since the Unix epoch, UTC."""
JsonObject = dict[str, Any]
"""One Kubernetes object as JSON. Read-only once it is stored."""

Op = Literal["create", "update", "delete"]
EventType = Literal["ADDED", "MODIFIED", "DELETED"]
ADDED: Final = "ADDED"
MODIFIED: Final = "MODIFIED"
DELETED: Final = "DELETED"


class Resource(NamedTuple):
    """A kind's storage name: API group ("" is core) and plural, printed as kubectl does (`deployments.apps`)."""

    group: str
    plural: str

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @classmethod
    def parse(cls, text: str) -> Resource:
        """`deployments.apps` or `pods`."""
        plural, _, group = text.partition(".")
        return cls(group, plural)


class ObjectKey(NamedTuple):
    """Identity of an object while it lives. `namespace` is "" for cluster-scoped kinds."""

    group: str
    plural: str
    namespace: str
    name: str

    @property
    def resource(self) -> Resource:
        return Resource(self.group, self.plural)

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{Resource(self.group, self.plural)} {where}"


class Author(NamedTuple):
    """Who made a revision, and the one action that it belongs to."""

    who: str
    """A user, a component (`system:deployment-controller`), a folder file, a fault."""
    intent: str = ""
    """Id of the user action this write is part of; "" when a component acts of its own."""


def encode(obj: JsonObject) -> bytes:
    """Canonical JSON. Raises TypeError if `obj` is no JSON.

    The copy is what makes it worth keeping: orjson's own result holds on to its 8 KB buffer for as long as it lives.
    """
    return bytes(memoryview(orjson.dumps(obj)))


class Packed(bytes):
    """Canonical JSON as the log keeps it, compressed. A subclass for each dictionary knows how to unpack it."""

    __slots__ = ()

    def unpack(self) -> bytes:
        """The JSON. Any thread."""
        raise NotImplementedError


class Envelope:
    """A stored object: identity in slots, canonical bytes, and a dict decoded on demand that nobody mutates."""

    __slots__ = ("_body", "_obj", "created", "deleting", "key", "labels", "owner", "owners", "revision", "uid")

    def __init__(
        self,
        key: ObjectKey,
        revision: Revision,
        raw: bytes | None,
        obj: JsonObject | None,
        created: Revision | None = None,
    ) -> None:
        """Of `raw` and `obj` one may be None: the other one says the same."""
        meta = (obj if obj is not None else orjson.loads(raw or b"")).get("metadata", {})
        self.key = key
        self.revision = revision
        self.created: Revision = created or revision
        """The revision that created the object: no two objects of a store share it, whatever their names."""
        self._body: bytes | Packed | None = raw
        """None: the dict says it all."""
        self._obj = obj
        self.uid: Uid = meta.get("uid", "")
        self.labels: Mapping[str, str] = meta.get("labels") or _NO_LABELS
        self.deleting = "deletionTimestamp" in meta
        """It has a deletionTimestamp: it waits for its finalizers or for its grace period."""
        self.owner: Uid | None = None
        """uid of the controlling owner (ownerReferences with controller: true), None without one."""
        self.owners: tuple[Uid, ...] = ()
        """uids of all owners, controlling or not."""
        references = meta.get("ownerReferences")
        if references:
            self.owners = tuple([ref["uid"] for ref in references])
            for ref in references:
                if ref.get("controller"):
                    self.owner = ref["uid"]

    @property
    def raw(self) -> bytes:
        """Canonical JSON."""
        body = self._body
        if body is None:
            assert self._obj is not None
            return encode(self._obj)
        return body.unpack() if isinstance(body, Packed) else body

    @property
    def obj(self) -> JsonObject:
        """The object as a dict: read-only."""
        obj = self._obj
        if obj is None:
            obj = self._obj = orjson.loads(self.raw)
        return obj

    def settle(self, packed: type[Packed], body: bytes) -> None:
        """Take less room: it was written a while ago, few will ask for its bytes. Any thread.

        `body` is what the log holds of it, `packed` the kind of that.
        """
        if self._obj is not None:
            self._body = None

    def is_unmutated(self) -> bool:
        """Whether the dict still says what the bytes say. (client-go's mutation detector; for tests.)"""
        return self._obj is None or orjson.dumps(self._obj) == self.raw

    @property
    def namespace(self) -> str:
        return self.key.namespace

    @property
    def name(self) -> str:
        return self.key.name

    def __repr__(self) -> str:
        return f"<{self.key} @{self.revision}>"


_NO_LABELS: Final[Mapping[str, str]] = {}


class ThinEnvelope(Envelope):
    """An envelope that keeps the bytes only: `obj` is decoded at each access: for the many and seldom read."""

    __slots__ = ()

    @property
    def obj(self) -> JsonObject:
        """The object as a dict: read-only, and a fresh one each time."""
        obj = self._obj
        if obj is None:
            obj = orjson.loads(self.raw)
        return obj

    def drop_obj(self) -> None:
        """Forget the dict; the store calls this once the write that brought it is through."""
        self._obj = None

    def settle(self, packed: type[Packed], body: bytes) -> None:
        self._body = packed(body)


class WatchEvent(NamedTuple):
    """One revision as a watcher sees it. For DELETED, `now` holds the object's last state at the deleting revision."""

    type: EventType
    now: Envelope
    before: Envelope | None
    """The state before this revision: None for ADDED. Selectors need it to tell who leaves a view."""
    revision: Revision


class RevisionRecord(NamedTuple):
    """One row of the revision log, as history reads it."""

    revision: Revision
    key: ObjectKey
    uid: Uid
    op: Op
    author: Author
    cluster_time: Micros
    wall_time: Micros
    previous: Revision | None
    """The object's revision before this one; None for its first. It may have been compacted since."""
    raw: bytes


class IntentRecord(NamedTuple):
    """One action of a person: all revisions that carry its intent."""

    intent: str
    who: str
    first: Revision
    last: Revision
    writes: int
    cluster_time: Micros
    """Of the first one."""


class Density(NamedTuple):
    """How much happened when."""

    oldest: Revision
    """The oldest revision whose state can be told."""
    newest: Revision
    start: Micros
    end: Micros
    """Cluster time of these."""
    writes: list[int]
    """Revisions per equal stretch of cluster time, oldest first."""
    actions: list[int]
    """Of these, those that carry an intent."""


class Snapshot(NamedTuple):
    """A named moment of the cluster. What it is made of stays, whatever is compacted."""

    name: str
    revision: Revision
    """The cluster as of this revision."""
    cluster_time: Micros
    wall_time: Micros
    objects: int


class Attempt(NamedTuple):
    """What one plugin said about one node (or about the pod as a whole) in one scheduling attempt."""

    attempt: int
    """1 for the pod's first attempt."""
    cluster_time: Micros
    pod_uid: Uid
    namespace: str
    pod: str
    node: str
    """"" when the verdict is about no single node."""
    plugin: str
    """`NodeResourcesFit`, `TaintToleration` …"""
    verdict: str
    """The plugin's own words (`Insufficient cpu`), or `Scheduled`."""
    needed: str = ""
    """What the pod asked for, as a quantity; "" where that has no meaning."""
    had: str = ""
    """What the node had to give."""
    score: int | None = None
    """The node's final score, None when it was filtered out."""


class StoreError(Exception):
    """Base of all errors of this package."""


class Expired(StoreError):
    """The revision has left the ring or was compacted: list again."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")
        self.asked, self.oldest = asked, oldest


class FutureRevision(StoreError):
    """The revision has not happened yet."""

    def __init__(self, asked: int, current: int) -> None:
        super().__init__(f"Too large resource version: {asked}, current: {current}")
        self.asked, self.current = asked, current


class Damaged(StoreError):
    """The file is no healthy Kubarium store. It was left as it was."""


class NewerFormat(StoreError):
    """The file was written by a newer Kubarium. It was left as it was."""


class InUse(StoreError):
    """Another Kubarium has the file open. It was left as it was."""


class CannotOpen(StoreError):
    """The path leads to no place where a store can be read and written: a missing folder, no permission."""


class NoSnapshot(StoreError):
    """There is no snapshot of that name."""


class SnapshotExists(StoreError):
    """A snapshot of that name was taken before."""


class WriteFailed(StoreError):
    """A commit failed. What was acknowledged is safe; nothing more will be acknowledged."""
