"""Deleting, as Kubernetes' generic registry does it: grace, preconditions, finalizers and propagation.

The rules are those of k8s.io/apiserver: rest.BeforeDelete (grace) and registry.Store.Delete (finalizers):

- only pods have grace; one that runs nowhere, or has ended, has none; a second delete may only shorten it;
- `orphan` and `foregroundDeletion` finalizers follow from the propagation policy; the garbage collector serves them;
- an object with finalizers is marked (deletionTimestamp, grace 0) and stays until they are gone;
- a namespace is marked Terminating and stays until the finalize subresource has emptied spec.finalizers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from engine.api import errors
from engine.api.admission.priority import SYSTEM_CLASSES
from engine.api.kinds import EVENTS, JOBS, NAMESPACES, PODS, PRIORITYCLASSES, REPLICATIONCONTROLLERS, SERVICES, Kind
from engine.api.requests import Caller, Context, DeleteOptions
from engine.clock import SECOND, parse_time, rfc3339
from store.types import Envelope, JsonObject, Resource

ORPHAN: Final = "orphan"
FOREGROUND: Final = "foregroundDeletion"
_IMMORTAL: Final = frozenset({"default", "kube-system", "kube-public"})
_NO_GARBAGE_COLLECTION: Final = frozenset({EVENTS})
_ORPHANS_BY_DEFAULT: Final = frozenset({JOBS, REPLICATIONCONTROLLERS})
"""Kinds whose dependents stay when no policy is given, for old clients' sake."""


class _Grace(NamedTuple):
    """Outcome of BeforeDelete."""

    obj: JsonObject
    """The object with its deletion metadata; the stored one when nothing is to be written."""
    graceful: bool
    """Deletion metadata was set: write it."""
    pending: bool
    """A graceful deletion is under way already and this one changes nothing."""
    period: int


class Deleter:
    """Deletes."""

    def __init__(self, context: Context) -> None:
        self._store, self._clock = context.store, context.clock
        self._addresses = context.addresses

    def delete(self, caller: Caller, kind: Kind, env: Envelope, options: DeleteOptions) -> Envelope | None:
        """None when the object is gone at once, else the marked object."""
        if kind.stored_as == NAMESPACES:
            return self._delete_namespace(caller, kind, env, options)
        if kind.stored_as == PRIORITYCLASSES and env.name in SYSTEM_CLASSES:
            why = "this is a system priority class and cannot be deleted"
            raise errors.forbidden(kind.resource, env.name, why)
        self._check_preconditions(kind, env, options)
        grace = self._before_delete(kind, env.obj, options)
        if grace.pending:
            return env
        meta = grace.obj["metadata"]
        finalizers = self._finalizers(kind, meta.get("finalizers") or (), options)
        obj = grace.obj
        changed = list(finalizers) != list(meta.get("finalizers") or ())
        if changed:
            obj = {**obj, "metadata": {**meta, "finalizers": list(finalizers)}}
            if not finalizers:
                del obj["metadata"]["finalizers"]
        if finalizers and not grace.graceful:
            obj = self._mark(obj)
        if finalizers or grace.graceful:
            marked = self._put(caller, env, obj, options.dry_run)
            if finalizers or grace.period > 0:
                return marked
        if not options.dry_run:
            self._store.delete(env.key, caller.author, self._clock.now())
            if kind.stored_as == SERVICES:
                self._addresses.follow(env.key, env.obj, None)
        return None

    # -- the steps -------------------------------------------------------------------------------------------------

    def _check_preconditions(self, kind: Kind, env: Envelope, options: DeleteOptions) -> None:
        if options.uid is not None and options.uid != env.uid:
            raise errors.conflict(
                _told(kind), env.name,
                f"the UID in the precondition ({options.uid}) does not match the UID in record ({env.uid}). "
                "The object might have been deleted and then recreated",
            )  # fmt: skip
        if options.resource_version is not None and options.resource_version != str(env.revision):
            raise errors.conflict(
                _told(kind), env.name,
                f"the ResourceVersion in the precondition ({options.resource_version}) does not match the "
                f"ResourceVersion in record ({env.revision}). The object might have been modified",
            )  # fmt: skip

    def _before_delete(self, kind: Kind, obj: JsonObject, options: DeleteOptions) -> _Grace:
        if kind.stored_as != PODS:
            return _Grace(obj, False, False, 0)
        meta = obj["metadata"]
        asked = options.grace_period_seconds
        if asked is not None and asked < 0:
            asked = 1
        if "deletionTimestamp" in meta:
            left = meta.get("deletionGracePeriodSeconds") or 0
            if left == 0:
                return _Grace(obj, False, False, 0)
            if asked is None or asked >= left:
                return _Grace(obj, False, True, left)
            until = parse_time(meta["deletionTimestamp"]) - (left - asked) * SECOND
            return _Grace(_with_deletion(obj, rfc3339(until), asked), True, False, asked)
        period = asked
        if period is None:
            period = (obj.get("spec") or {}).get("terminationGracePeriodSeconds", 30)
        ended = (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if ended or not (obj.get("spec") or {}).get("nodeName"):
            period = 0
        if period < 0:
            period = 1
        until = self._clock.now() + period * SECOND
        return _Grace(_bumped(_with_deletion(obj, rfc3339(until), period)), True, False, period)

    def _finalizers(self, kind: Kind, present: Sequence[str], options: DeleteOptions) -> Sequence[str]:
        """deletionFinalizersForGarbageCollection."""
        if kind.stored_as in _NO_GARBAGE_COLLECTION:
            return present
        policy = options.propagation
        if policy is None:
            if ORPHAN in present:
                policy = "Orphan"
            elif FOREGROUND in present:
                policy = "Foreground"
            elif kind.stored_as in _ORPHANS_BY_DEFAULT:
                policy = "Orphan"
        wanted = [f for f in present if f not in (ORPHAN, FOREGROUND)]
        if policy == "Orphan":
            wanted.append(ORPHAN)
        elif policy == "Foreground":
            wanted.append(FOREGROUND)
        return present if sorted(wanted) == sorted(present) else wanted

    def _mark(self, obj: JsonObject) -> JsonObject:
        """markAsDeleting: what has finalizers and knows no grace."""
        meta = obj["metadata"]
        now = self._clock.now()
        if meta.get("deletionGracePeriodSeconds") is None:
            obj = _bumped(obj)
        until = meta.get("deletionTimestamp")
        if until is None or parse_time(until) > now:
            until = rfc3339(now)
        return _with_deletion(obj, until, 0)

    def _put(self, caller: Caller, env: Envelope, obj: JsonObject, dry_run: bool) -> Envelope:
        if obj is env.obj or obj == env.obj:
            return env
        if obj["metadata"] is env.obj["metadata"]:
            obj = {**obj, "metadata": dict(obj["metadata"])}
        if dry_run:
            return Envelope(env.key, env.revision, orjson.dumps(obj), obj)
        return self._store.put(env.key, obj, caller.author, self._clock.now())

    def _delete_namespace(self, caller: Caller, kind: Kind, env: Envelope, options: DeleteOptions) -> Envelope | None:
        if env.name in _IMMORTAL:
            raise errors.forbidden(kind.resource, env.name, "this namespace may not be deleted")
        self._check_preconditions(kind, env, options)
        obj = env.obj
        finalizers = self._finalizers(kind, obj["metadata"].get("finalizers") or (), options)
        meta = {**obj["metadata"], "finalizers": list(finalizers)}
        if not finalizers:
            del meta["finalizers"]
        if "deletionTimestamp" not in meta:
            meta["deletionTimestamp"] = rfc3339(self._clock.now())
            obj = {**obj, "metadata": meta, "status": {**(obj.get("status") or {}), "phase": "Terminating"}}
            env = self._put(caller, env, obj, options.dry_run)
        if (obj.get("spec") or {}).get("finalizers") or finalizers:
            return env
        if not options.dry_run:
            self._store.delete(env.key, caller.author, self._clock.now())
        return None


def _told(kind: Kind) -> Resource:
    """What a refused precondition calls a kind: by its name, not by its resource."""
    return Resource(kind.resource.group, kind.kind)


def _with_deletion(obj: JsonObject, until: str, grace: int) -> JsonObject:
    meta = {**obj["metadata"], "deletionTimestamp": until, "deletionGracePeriodSeconds": grace}
    return {**obj, "metadata": meta}


def _bumped(obj: JsonObject) -> JsonObject:
    """Generation counts the first mark of deletion."""
    generation = obj["metadata"].get("generation")
    if not generation:
        return obj
    return {**obj, "metadata": {**obj["metadata"], "generation": generation + 1}}
