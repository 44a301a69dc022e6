"""Undo: what an action of a person wrote is taken back, and what it tore down is put up again.

An action is an intent: all revisions that carry it. Objects that it created are deleted, fields that it changed get
back what they had (unless somebody changed them again since: those are kept, and said), objects that it deleted are
created anew from what was declared. A deletion has consequences that others wrote: the namespace controller empties a
namespace, the garbage collector follows owners. What was declared of those comes back too; what a living controller
makes by itself (pods of a ReplicaSet, ReplicaSets of a Deployment) is left to it. What is still terminating is put
back as soon as it is gone.

An undo is an action like any other, named after what it undid, so it can be undone in turn.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from engine.api.errors import AlreadyExists, ApiError, NotFound
from engine.api.kinds import NAMESPACES
from engine.api.server import Api, Caller, DeleteOptions
from engine.client.history import Intent, UndoPlan, UndoResult, UndoStep
from engine.clock import SECOND
from engine.folder.fields import differences
from engine.history.declared import UNDECLARED, declared, recreatable
from engine.history.reversal import reversed_in
from engine.loop import Loop
from store.history import History
from store.types import (
    DELETED,
    Envelope,
    IntentRecord,
    JsonObject,
    ObjectKey,
    Revision,
    RevisionRecord,
    Uid,
    WatchEvent,
)

UNDO: Final = "undo "
_LOOK_BACK: Final = 1_000
"""Intents among which the last one that can be undone is looked for."""
_MADE_BY_ITSELF: Final = frozenset(
    {("", "serviceaccounts", "default"), ("", "configmaps", "kube-root-ca.crt")}
)  # fmt: skip
"""What every namespace has without anybody's doing: (group, plural, name)."""
_ENDPOINTS: Final = ("", "endpoints")
_TRIES: Final = 5
"""Times that putting an object back is tried when the API refuses it, a second apart."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Touched:
    """What one intent did to one object."""

    key: ObjectKey
    uid: Uid
    before: JsonObject | None
    """Its state before the first write; None if the intent created it, or if that state is kept no longer."""
    after: JsonObject
    """Its state after the last write."""
    created: bool = False
    deleted: bool = False
    """The intent deleted it, or marked it for deletion."""
    lost: bool = False
    """The state before is needed and is kept no longer."""
    heirs: frozenset[Uid] = frozenset()
    """Objects that a later undo put in its place: they stand for it."""

    def is_(self, present: Envelope) -> bool:
        """Whether it is this object, or one that stands for it."""
        return present.uid == self.uid or present.uid in self.heirs


@dataclass(slots=True)
class Deeds:
    """All that an intent did, and what followed from its deletions."""

    intent: Intent
    touched: list[Touched]
    followed: list[Touched] = field(default_factory=list)
    """Deleted by the cluster because of it, in the order in which they were created."""


# -- reading the log (any thread) --------------------------------------------------------------------------------------


def title_of(intent: str) -> str:
    """An intent's words, without its id."""
    return intent.partition(" ")[2] or intent


def undone_intent(intent: str) -> str | None:
    """The intent that this one undid; None if it is no undo."""
    title = title_of(intent)
    return title.removeprefix(UNDO) if title.startswith(UNDO) else None


def intents(history: History, limit: int = 50) -> list[Intent]:
    """People's actions, newest first."""
    records = history.intents(max(limit, _LOOK_BACK))
    undone: set[str] = set()
    result = []
    for record in records:
        taken_back = undone_intent(record.intent)
        if taken_back is not None and record.intent not in undone:
            undone.add(taken_back)
        result.append(_intent(record, record.intent in undone))
    return result[:limit]


def last_undoable(history: History) -> Intent | None:
    """The newest action that is not undone: no undo itself, and not the folder's first load."""
    for intent in intents(history, _LOOK_BACK):
        if not intent.undone and undone_intent(intent.id) is None and not _is_load(intent):
            return intent
    return None


def _is_load(intent: Intent) -> bool:
    return intent.who.startswith("folder:") and intent.title.startswith("load ")


def _intent(record: IntentRecord, undone: bool) -> Intent:
    return Intent(
        record.intent, title_of(record.intent), record.who, record.cluster_time, record.first, record.last,
        record.writes, undone,
    )  # fmt: skip


def deeds_of(history: History, intent: Intent, now: Revision) -> Deeds:
    """What it did, from the log. Raises Expired when the log has forgotten it."""
    records = history.changes(Revision(intent.first - 1), Revision(intent.last), intent=intent.id)
    touched: dict[Uid, Touched] = {}
    for record in records:
        if record.key[:2] in UNDECLARED:
            continue
        obj = orjson.loads(record.raw)
        entry = touched.get(record.uid)
        if entry is None:
            before, lost = _state_before(history, record)
            entry = touched[record.uid] = Touched(record.key, record.uid, before, obj, record.previous is None)
            entry.lost = lost
        entry.after = obj
        entry.deleted = entry.deleted or record.op == "delete" or "deletionTimestamp" in obj["metadata"]
    for each in touched.values():
        each.heirs = _heirs(history, each.key)
    deeds = Deeds(intent, list(touched.values()))
    if any(each.deleted for each in deeds.touched):
        deeds.followed = _consequences(history, deeds.touched, intent, now)
    return deeds


def _heirs(history: History, key: ObjectKey) -> frozenset[Uid]:
    """Objects of this name that an undo created."""
    return frozenset(
        record.uid
        for record in history.past_of(key, limit=1_000)
        if record.op == "create" and undone_intent(record.author.intent) is not None
    )


def _state_before(history: History, record: RevisionRecord) -> tuple[JsonObject | None, bool]:
    if record.previous is None:
        return None, False
    previous = history.record(record.previous)
    return (orjson.loads(previous.raw), False) if previous is not None else (None, True)


def _consequences(
    history: History, touched: Iterable[Touched], intent: Intent, now: Revision
) -> list[Touched]:  # fmt: skip
    """Objects that the cluster deleted because what they were in, or whose they were, was deleted."""
    gone = {each.uid for each in touched if each.deleted}
    namespaces = {each.key.name for each in touched if each.deleted and each.key.resource == NAMESPACES}
    found: list[tuple[int, Touched]] = []
    for record in history.changes(Revision(intent.first - 1), now):
        if record.op != "delete" or record.uid in gone or record.author.intent or record.key[:2] in UNDECLARED:
            continue
        obj = orjson.loads(record.raw)
        owners = {owner["uid"] for owner in obj["metadata"].get("ownerReferences") or ()}
        if record.key.namespace in namespaces or owners & gone:
            gone.add(record.uid)
            created = history.past_of(record.key, limit=1_000, until=record.revision)
            birth = min((past.revision for past in created if past.uid == record.uid), default=record.revision)
            found.append((birth, Touched(record.key, record.uid, obj, obj, deleted=True)))
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]


# -- planning and doing (engine thread) --------------------------------------------------------------------------------


class Undoing:
    """Plans and does the undoing of one intent, against the present."""

    def __init__(self, api: Api, loop: Loop, deeds: Deeds) -> None:
        self._api, self._loop, self._deeds = api, loop, deeds
        self._new_uids: dict[Uid, Uid] = {}
        """Old uid → that of the object that took its place."""
        self._waiting: dict[ObjectKey, Touched] = {}
        self._tries: dict[ObjectKey, int] = {}
        self._end: Callable[[], None] = lambda: None

    def plan(self) -> UndoPlan:
        """What `perform` would do now."""
        return UndoPlan(self._deeds.intent, tuple(step for step, _ in self._steps()))

    def perform(self, caller: Caller) -> UndoResult:
        """Do it. Objects that still terminate are put back when they are gone."""
        done, problems = 0, []
        for step, action in self._steps():
            if action is None:
                continue
            try:
                action(caller)
                done += 1
            except (AlreadyExists, NotFound):
                continue
            except ApiError as error:
                problems.append(f"{step.resource} {step.name}: {error}")
        if self._waiting:
            self._end = self._api.store.listen(lambda event: self._on_event(event, caller))
            self._retry(caller)
        return UndoResult(caller.intent, done, len(self._waiting), tuple(problems))

    def _steps(self) -> list[tuple[UndoStep, Callable[[Caller], object] | None]]:
        steps: list[tuple[UndoStep, Callable[[Caller], object] | None]] = []
        self._waiting.clear()
        changed: list[Touched] = []
        created: list[Touched] = []
        deleted: list[Touched] = []
        for each in self._deeds.touched:
            (deleted if each.deleted else created if each.created else changed).append(each)
        # What was made last goes first; what was there first comes back first.
        steps += [self._remove(each) for each in reversed(created)]
        steps += [self._change(each) for each in reversed(changed)]
        steps += [self._put_back(each) for each in _namespaces_first(each for each in deleted if not each.created)]
        for each in (*self._deeds.followed, *self._doomed()):
            step, action = self._put_back(each)
            if step.action != "keep":
                steps.append((step, action))
        return steps

    def _doomed(self) -> list[Touched]:
        """What still lives in a namespace, or of an owner, that the intent deleted: it will have gone soon."""
        store = self._api.store
        namespaces = {each.key.name for each in self._deeds.touched if each.deleted and each.key.resource == NAMESPACES}
        gone = [each.uid for each in (*self._deeds.touched, *self._deeds.followed) if each.deleted]
        found: dict[ObjectKey, Envelope] = {}
        for kind in self._api.kinds.all() if namespaces else ():
            if kind.namespaced and kind.stored and kind.stored_as not in UNDECLARED:
                for namespace in sorted(namespaces):
                    if self._namespace_is_leaving(ObjectKey("", "", namespace, "")):
                        found |= {env.key: env for env in store.list(kind.stored_as, namespace)}
        for uid in gone:
            for env in store.owned_by(uid):
                if all(owner in gone for owner in env.owners):
                    found[env.key] = env
                    gone.append(env.uid)
        for each in self._deeds.touched:
            found.pop(each.key, None)
        doomed = sorted(found.values(), key=lambda env: env.created)
        return [Touched(env.key, env.uid, env.obj, env.obj, deleted=True) for env in doomed]

    def _remove(self, each: Touched) -> tuple[UndoStep, Callable[[Caller], object] | None]:
        present = self._api.store.get(each.key)
        if present is None or not each.is_(present) or present.deleting:
            return _step("keep", each, note="it is gone already"), None
        options = DeleteOptions(uid=present.uid)
        return _step("delete", each), lambda caller: self._api.delete(
            caller, each.key.resource, each.key.namespace, each.key.name, options
        )

    def _change(self, each: Touched) -> tuple[UndoStep, Callable[[Caller], object] | None]:
        present = self._api.store.get(each.key)
        if present is None or not each.is_(present):
            return _step("keep", each, note="it is gone by now"), None
        if each.before is None:
            return _step("keep", each, note="what it was before is kept no longer"), None
        was, is_now = declared(each.before), declared(present.obj)
        new, kept = reversed_in(is_now, was, declared(each.after))
        note = f"changed since by others and kept: {', '.join(kept)}" if kept else ""
        changes = tuple(differences(is_now, new))
        if not changes:
            return _step("keep", each, note=note or "it is as it was"), None
        own = present.obj["metadata"]
        obj = {**new, "metadata": {**new["metadata"], "resourceVersion": own["resourceVersion"], "uid": own["uid"]}}
        if "status" in present.obj:
            obj["status"] = present.obj["status"]
        return _step("change", each, changes, note), lambda caller: self._api.update(
            caller, each.key.resource, each.key.namespace, each.key.name, obj
        )

    def _put_back(self, each: Touched) -> tuple[UndoStep, Callable[[Caller], object] | None]:
        source = each.before if each.before is not None else each.after
        reason = self._stays_away(each, source)
        if reason:
            return _step("keep", each, note=reason), None
        present = self._api.store.get(each.key)
        if present is not None and present.uid == each.uid:
            self._waiting[each.key] = each
            return _step("create", each, note="when it is gone: it is still terminating"), None
        if present is not None:
            return _step("keep", each, note="another of that name is there"), None
        if self._namespace_is_leaving(each.key):
            self._waiting[each.key] = each
            return _step("create", each, note="when its namespace is there again"), None
        return _step("create", each), lambda caller: self._create_or_wait(each, caller)

    def _create_or_wait(self, each: Touched, caller: Caller) -> None:
        try:
            self._create(each, caller)
        except AlreadyExists:
            raise
        except ApiError:
            # A pod may come before the service account that the cluster makes for its new namespace.
            self._waiting[each.key] = each

    def _create(self, each: Touched, caller: Caller) -> None:
        source = each.before if each.before is not None else each.after
        obj = recreatable(each.key.resource, source)
        meta = dict(obj["metadata"])
        owners = [self._owner(owner, each.key.namespace) for owner in meta.pop("ownerReferences", None) or ()]
        if any(owners):
            meta["ownerReferences"] = [owner for owner in owners if owner]
        env = self._api.create(caller, each.key.resource, each.key.namespace, {**obj, "metadata": meta})
        self._new_uids[each.uid] = env.uid

    def _owner(self, reference: Mapping[str, Any], namespace: str) -> JsonObject | None:
        """An owner reference to whoever is there now; None if nobody is."""
        kind = self._api.kinds.by_kind(reference["apiVersion"], reference["kind"])
        if kind is None:
            return None
        env = self._api.find(kind.stored_as, namespace if kind.namespaced else "", reference["name"])
        if env is None or env.uid not in (reference["uid"], self._new_uids.get(reference["uid"])):
            return None
        return {**reference, "uid": env.uid}

    def _stays_away(self, each: Touched, obj: JsonObject) -> str:
        """Why an object is not put back; "" when it is."""
        if each.lost:
            return "what it was before is kept no longer"
        if each.key[:2] == _ENDPOINTS or (each.key.group, each.key.plural, each.key.name) in _MADE_BY_ITSELF:
            return "the cluster makes it by itself"
        for owner in obj["metadata"].get("ownerReferences") or ():
            if owner.get("controller"):
                return f"its {owner['kind']} {owner['name']} makes it anew"
        return ""

    # -- what has to wait ------------------------------------------------------------------------------------------

    def _namespace_is_leaving(self, key: ObjectKey) -> bool:
        """Its namespace is being deleted, or was and will be put back."""
        if not key.namespace:
            return False
        holder = ObjectKey("", "namespaces", "", key.namespace)
        env = self._api.store.get(holder)
        return env.deleting if env is not None else holder in self._waiting

    def _on_event(self, event: WatchEvent, caller: Caller) -> None:
        if event.type == DELETED and (event.now.key in self._waiting or event.now.key.resource == NAMESPACES):
            self._loop.call_soon(lambda: self._retry(caller))

    def _retry(self, caller: Caller) -> None:
        """Put back what is free now: namespaces first, so that what is in them finds them."""
        refused = False
        for each in _namespaces_first(list(self._waiting.values())):
            present = self._api.store.get(each.key)
            if (present is not None and present.uid == each.uid) or self._without_namespace(each.key):
                continue
            del self._waiting[each.key]
            try:
                self._create(each, caller)
            except ApiError as error:
                self._tries[each.key] = tries = self._tries.get(each.key, 0) + 1
                if tries < _TRIES:
                    self._waiting[each.key] = each
                    refused = True
                else:
                    _log.warning("undo: %s was not put back: %s", each.key, error)
        if refused:
            self._api.clock.call_later(SECOND, lambda: self._retry(caller))
        if not self._waiting:
            self._end()

    def _without_namespace(self, key: ObjectKey) -> bool:
        if not key.namespace:
            return False
        env = self._api.store.get(ObjectKey("", "namespaces", "", key.namespace))
        return env is None or env.deleting


def _namespaces_first(all_of: Iterable[Touched]) -> list[Touched]:
    return sorted(all_of, key=lambda each: each.key.resource != NAMESPACES)


def _step(action: str, each: Touched, changes: Sequence[Any] = (), note: str = "") -> UndoStep:
    key = each.key
    return UndoStep(action, str(key.resource), key.namespace, key.name, tuple(changes), note)  # type: ignore[arg-type]
