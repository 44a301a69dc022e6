"""The watched folder on the engine thread: news of files come in, documents are applied in order, states go out.

Reading and parsing happen elsewhere (watch.py); this side only sees `FileNews` with parsed documents. News become
work: documents to apply, in the order that their kinds need, and objects to take back. A few are done per callback of
the loop, so a load of a thousand files never holds the engine up. All that one save does is one intent, written in the
file's name (`folder:shop/web.yaml`).

What must wait (a namespace, a definition, an account) is tried again when such objects change, never on a timer; what
goes away together with its namespace or definition waits for it again. Only refusals that pass by themselves
(conflicts, 429, 5xx) are retried after a while of cluster time.
A file that broke keeps what it declared: nothing is pruned until it can be read again.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from engine.api.apply import original_of
from engine.api.errors import ApiError
from engine.api.kinds import CRDS, NAMESPACES, PRIORITYCLASSES, SERVICEACCOUNTS
from engine.api.server import Api, Caller
from engine.client import Diagnostic, DriftedObject, FolderFile, FolderReceiver, Plan, Subscription, TakenLive
from engine.clock import SECOND, Clock
from engine.folder.apply import (
    Waits,
    apply,
    key_of,
    lost_ground,
    manifest,
    no_match,
    owner_mark,
    owning_file,
    prune,
    rank,
    same_config,
    transient,
)
from engine.folder.diagnose import diagnostics_of
from engine.folder.documents import read_text
from engine.folder.drift import DriftWatch, declared_differences, drift_of, judge, take_live
from engine.folder.intake import Intake
from engine.folder.plan import make_plan
from engine.folder.records import Claims, DocumentRecord
from engine.folder.watch import FileNews, Watcher
from engine.informers import Informers
from engine.loop import Loop
from store.types import DELETED, ObjectKey, Resource, WatchEvent

_log = logging.getLogger(__name__)
_PER_SLICE: Final = 4
"""Documents per callback of the loop: a number and not a time, for the order of the log must not depend on the wall."""
_SLICES_PER_REPORT: Final = 25
_RETRY: Final = SECOND
_RETRY_MAX: Final = 60 * SECOND
_AWAITED: Final = (NAMESPACES, CRDS, SERVICEACCOUNTS, PRIORITYCLASSES, Resource("", "resourcequotas"),
                   Resource("", "limitranges"), Resource("storage.k8s.io", "storageclasses"))  # fmt: skip
_GROUPS: Final = ("system:masters", "system:authenticated")


class _Prune(NamedTuple):
    key: ObjectKey
    file: str
    intent: str


class Folder:
    """The desired state in a directory. Everything but the constructor's watcher runs on the engine thread."""

    def __init__(self, api: Api, clock: Clock, loop: Loop, informers: Informers, path: str) -> None:
        self._api, self._clock, self._loop = api, clock, loop
        self._claims = Claims()
        self._drift = DriftWatch(informers, self._claims, self._on_suspect)
        self._intake = Intake(api, self._claims, self._drift.watch)
        self._files = self._intake.files
        self._queue: list[tuple[tuple[int, str, int, int], DocumentRecord]] = []
        self._queued = 0
        self._prunes: list[_Prune] = []
        self._suspects: dict[DocumentRecord, None] = {}
        self._retries: dict[DocumentRecord, None] = {}
        self._scheduled = self._retrying = self._announced = False
        self._slices = 0
        self._receivers: list[FolderReceiver] = []
        self.watcher = Watcher(path, loop, self.load)
        for resource in _AWAITED:
            informers.on_event(resource, self._on_awaited)

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Load the folder and follow it, on a thread of its own."""
        self.watcher.start()

    def load_once(self) -> None:
        """Load the folder as it is now, for a run that does not follow it. The loop does the applying."""
        self.load(self.watcher.read_all(), first=True)

    def stop(self) -> None:
        """Stop following. What is queued is still applied if the loop goes on."""
        self.watcher.stop()

    # -- questions -------------------------------------------------------------------------------------------------

    def files(self) -> tuple[FolderFile, ...]:
        """All files in path order."""
        return tuple(self._files[path].report() for path in sorted(self._files))

    def states(self) -> dict[str, int]:
        """Number of files by state."""
        counts: dict[str, int] = {}
        for record in self._files.values():
            state = record.report().state
            counts[state] = counts.get(state, 0) + 1
        return counts

    def subscribe(self, receive: FolderReceiver) -> Subscription:
        """`receive` gets all files now and whenever one of them changed."""
        self._receivers.append(receive)
        receive(self.files())
        return _Receiver(self._receivers, receive)

    def plan(self, path: str, text: str) -> Plan:
        """What saving `text` as the file at `path` would do. Writes nothing, raises nothing."""
        record = self._files.get(path)
        parsed = read_text(text, record.parsed if record is not None else None)
        declared: dict[ObjectKey, None] = {}
        if record is not None:
            declared = {r.key: None for r in record.documents if r.key is not None} | record.kept
        caller = Caller(f"folder:{path}", groups=_GROUPS)
        return make_plan(self._api, self._claims, caller, path, parsed, declared)

    def drift(self, path: str) -> tuple[DriftedObject, ...]:
        """Objects of a file that somebody else changed."""
        file = self._files.get(path)
        return () if file is None else drift_of(self._api, file)

    def take_live(self, path: str, text: str) -> TakenLive:
        """`text` as the file at `path`, with the live values of its drifted fields. Writes nothing."""
        file = self._files.get(path)
        return TakenLive(text, (), ()) if file is None else take_live(self._api, file, text)

    def manifest_of(self, resource: str, namespace: str, name: str) -> tuple[str, int] | None:
        """(file, line) that declares an object, or the nearest of its controlling owners; None when none does."""
        key: ObjectKey | None = self._api.key(Resource.parse(resource), namespace, name)
        for _ in range(10):
            if key is None:
                return None
            record = self._claims.owner(key)
            if record is not None:
                return record.file, record.document.line
            key = self._controller_of(key)
        return None

    def _controller_of(self, key: ObjectKey) -> ObjectKey | None:
        env = self._api.store.get(key)
        if env is None:
            return None
        for ref in env.obj["metadata"].get("ownerReferences", ()):
            if ref.get("controller"):
                kind = self._api.kinds.by_kind(ref["apiVersion"], ref["kind"])
                if kind is not None:
                    return self._api.key(kind.resource, key.namespace if kind.namespaced else "", ref["name"])
        return None

    # -- news ------------------------------------------------------------------------------------------------------

    def load(self, news: Sequence[FileNews], first: bool = False) -> None:
        """Take over what changed in the folder and queue the work. `first`: all that there is, after a start."""
        self._announced = False
        intent = self._intent(news, first)
        taken = self._intake.take_over(news, first)
        for record in taken.fresh:
            record.at_start = first
            self._enqueue(record, intent)
        for key, path in taken.dropped.items():
            successors = self._claims.all(key)
            if successors:
                if successors[0].state == "error":
                    self._enqueue(successors[0], intent)  # it was a duplicate of what is gone now
            elif not self._claims.claimed(key):
                self._prunes.append(_Prune(key, path, intent))
        self._prunes.sort(key=self._prune_order, reverse=True)
        self._schedule()

    # -- work ------------------------------------------------------------------------------------------------------

    def _enqueue(self, record: DocumentRecord, intent: str) -> None:
        record.intent = intent
        record.settle("pending")
        self._retries.pop(record, None)
        self._put(record)
        self._changed(record)

    def _put(self, record: DocumentRecord) -> None:
        """Queue in the order in which kinds are applied, then by file and position."""
        if not record.queued:
            record.queued = True
            self._queued += 1
            kind = self._api.kinds.by_kind(record.document.api_version, record.document.kind)
            heapq.heappush(self._queue, ((rank(kind), record.file, record.position, self._queued), record))

    def _schedule(self) -> None:
        """See that what is queued gets done."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._work)

    def _work(self) -> None:
        self._scheduled = False
        for _ in range(_PER_SLICE):
            if self._queue:
                _, record = heapq.heappop(self._queue)
                record.queued = False
                if self._alive(record):
                    self._guarded(record)
            elif self._prunes:
                self._prune(self._prunes.pop())
            elif self._suspects:
                record = next(iter(self._suspects))
                del self._suspects[record]
                self._judge(record)
            else:
                break
        self._slices += 1
        if self._queue or self._prunes or self._suspects:
            if not self._scheduled:
                self._scheduled = True
                self._loop.call_soon(self._work)
            if self._slices % _SLICES_PER_REPORT:
                return
        self._report()

    def _guarded(self, record: DocumentRecord) -> None:
        """Apply one document. Whatever happens to it stays with it."""
        try:
            self._apply(record)
        except ApiError as error:
            diagnostics = diagnostics_of(error, record.document)
            record.settle("error", diagnostics[0].message, diagnostics)
            if transient(error):
                self._retry_later(record)
            elif error.code == 403:
                self._retries[record] = None
        except Waits as wait:
            record.settle("waiting", str(wait), (self._note(record, str(wait)),))
            self._retries[record] = None
        except Exception as error:  # noqa: BLE001  one document's crash must not stop the folder
            _log.error("applying %s %s failed", record.file, record.key, exc_info=error)
            record.settle(
                "error", f"internal error: {error}", (self._note(record, f"internal error: {error}", "error"),)
            )
        self._changed(record)

    def _apply(self, record: DocumentRecord) -> None:
        found = key_of(self._api, record.document)
        if found is None:
            text, may_come = no_match(self._api, record.document)
            if may_come:
                raise Waits(text)
            place = record.document.place(("kind",))
            record.settle("error", text, (Diagnostic(*place, "error", "kind", text, record.document.index),))
            return
        if record.key is None:
            record.key = found[1]
            self._claims.add(record)
            self._drift.watch(record.key.resource)
        key = record.key
        owner = self._claims.owner(key)
        if owner is not None and owner is not record:
            text = _duplicate_of(key, owner)
            record.settle("error", text, (self._note(record, text, "error"),))
            return
        for later in self._claims.all(key)[1:]:
            if later.message != _duplicate_of(key, record):
                self._enqueue(later, record.intent)
                self._schedule()
        if self._stands(record, key):
            return
        env = apply(self._api, self._caller(record.file, record.intent), record.file, record.document, key)
        record.failures = 0
        record.revision = env.revision
        record.baseline = declared_differences(record, env)
        record.settle("applied")

    def _stands(self, record: DocumentRecord, key: ObjectKey) -> bool:
        """After a restart: this very document was applied before, so what differs now is drift and not a wish."""
        if not record.at_start:
            return False
        record.at_start = False
        live = self._api.store.get(key)
        if live is None or owning_file(live) not in (record.file, None):
            return False
        mark = owner_mark(record.file, key) if owning_file(live) is not None else None
        last = original_of(live.obj)
        if last is None or not same_config(last, manifest(record.document, key, mark)):
            return False
        now = declared_differences(record, live)
        if now:
            caller = self._caller(record.file, record.intent)
            applied = apply(self._api, caller, record.file, record.document, key, dry_run=True)
            record.baseline = declared_differences(record, applied)
        judge(self._api, record, key)
        return True

    def _prune(self, item: _Prune) -> None:
        if self._claims.claimed(item.key):
            return
        try:
            prune(self._api, self._caller(item.file, item.intent), item.key)
        except ApiError as error:
            _log.warning("%s is no longer declared but could not be deleted: %s", item.key, error)
            if transient(error):
                self._clock.call_later(_RETRY, lambda: self._prune(item))

    def _judge(self, record: DocumentRecord) -> None:
        if (
            record.key is not None
            and record.state in ("applied", "drifted")
            and self._claims.owner(record.key) is record
        ):
            before = (record.state, record.message)
            missing = lost_ground(self._api, record.document, record.key)
            if missing is None:
                judge(self._api, record, record.key)
            else:  # nobody took this object away by itself: it comes again with what it stood on
                record.settle("waiting", missing, (self._note(record, missing),))
                self._retries[record] = None
            if before != (record.state, record.message):
                self._changed(record)

    # -- what happens elsewhere ------------------------------------------------------------------------------------

    def _on_suspect(self, record: DocumentRecord, event: WatchEvent) -> None:
        deleted = event.type == DELETED
        if event.revision <= record.revision:
            return  # our own writing, or older
        if deleted and record in self._retries:
            self._on_awaited(None)
        elif deleted and record.state == "error":
            self._enqueue(record, self._next_intent(f"apply {record.file} again"))
            self._schedule()
        elif record.state in ("applied", "drifted"):
            self._suspects[record] = None
            self._schedule()

    def _on_awaited(self, event: WatchEvent | None) -> None:
        if self._retries and not self._retrying:
            self._retrying = True
            self._loop.call_soon(self._retry)

    def _retry(self) -> None:
        self._retrying = False
        records, self._retries = self._retries, {}
        for record in records:
            if self._alive(record):
                self._put(record)
        self._schedule()

    def _retry_later(self, record: DocumentRecord) -> None:
        span = min(_RETRY * 2 ** min(record.failures, 10), _RETRY_MAX)
        record.failures += 1

        def again() -> None:
            if self._alive(record) and record.state == "error":
                self._enqueue(record, record.intent)
                self._schedule()

        self._clock.call_later(span, again)

    def _alive(self, record: DocumentRecord) -> bool:
        """Still part of the folder, not replaced by a later save."""
        file = self._files.get(record.file)
        return file is not None and record.position < len(file.documents) and file.documents[record.position] is record

    # -- inside ----------------------------------------------------------------------------------------------------

    def _prune_order(self, item: _Prune) -> tuple[int, ObjectKey]:
        return -rank(self._api.kinds.get(item.key.resource)), item.key

    def _note(self, record: DocumentRecord, text: str, severity: str = "info") -> Diagnostic:
        path = ("metadata", "namespace") if text.startswith("namespaces ") else ()
        place = record.document.place(path, value=True)
        return Diagnostic(*place, severity, "", text, record.document.index)  # type: ignore[arg-type]

    def _caller(self, path: str, intent: str) -> Caller:
        return Caller(f"folder:{path}", intent, _GROUPS)

    def _intent(self, news: Sequence[FileNews], first: bool) -> str:
        if first:
            return self._next_intent(f"load {len(news)} files")
        what = news[0].path if len(news) == 1 else f"{len(news)} files"
        return self._next_intent(f"save {what}")

    def _next_intent(self, what: str) -> str:
        """The revision makes it unique: what was written under an earlier intent moved it on."""
        return f"r{self._api.store.revision} {what}"

    def _changed(self, record: DocumentRecord) -> None:
        file = self._files.get(record.file)
        if file is not None:
            file.changed()
        self._announced = False

    def _report(self) -> None:
        if self._receivers and not self._announced:
            files = self.files()
            for receive in list(self._receivers):
                receive(files)
        self._announced = True


def _duplicate_of(key: ObjectKey, owner: DocumentRecord) -> str:
    return f"{key} is already declared in {owner.file}:{owner.document.line}"


class _Receiver:
    """One subscription."""

    def __init__(self, receivers: list[FolderReceiver], receive: FolderReceiver) -> None:
        self._receivers, self._receive = receivers, receive

    def close(self) -> None:
        if self._receive in self._receivers:
            self._receivers.remove(self._receive)
