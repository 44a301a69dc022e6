"""How many pods of an owner are in which state, counted as they change.

A sync of a ReplicaSet asks for five numbers. Listing its pods for them makes a rollout of n pods cost n² steps, so
the numbers are kept: the store tells of every revision of a pod as it is applied, and one pod's change costs a few
dictionary look-ups. Because the count is never behind the store, a controller sees its own creations at once and
needs no expectations.

A tally comes into being when its owner is first synced (by one look at the owner's pods) and is dropped with it.
Controllers that ask for more than numbers bring a tally of their own (`Tally`): StatefulSets one by ordinal,
DaemonSets one by node.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, Protocol, TypeVar

from engine.api.kinds import PODS
from engine.clock import SECOND, parse_time
from engine.controllers.ownership import Matches, label_selector
from store.store import Store
from store.types import DELETED, Envelope, JsonObject, ObjectKey, Uid, WatchEvent

_log = logging.getLogger(__name__)

ACTIVE: Final = 1
"""Neither finished nor being deleted."""
READY: Final = 2
TERMINATING: Final = 4
"""Being deleted and not finished."""
LABELED: Final = 8
"""Carries all labels of the template."""
FOREIGN: Final = 16
"""Not matched by the selector: to be released."""


class Tally(Protocol):
    """What is kept about one owner's pods."""

    key: tuple[str, str]
    """(namespace, name) of the owner."""
    matches: Matches
    """The owner's selector."""
    claim_due: bool
    """Objects without an owner may match: look for them at the next sync."""

    def fits(self, owner: Envelope) -> bool:
        """The owner's spec still counts in the same way."""

    def put(self, env: Envelope, same_labels: bool = False) -> bool:
        """A pod came or changed (its labels did not, with `same_labels`). True when something that counts may have
        changed."""

    def drop(self, key: ObjectKey) -> bool:
        """A pod went. True when it was counted."""


T = TypeVar("T", bound=Tally)


def selector_of(owner: Envelope) -> JsonObject | None:
    """spec.selector as a metav1.LabelSelector, which a ReplicationController writes as plain labels."""
    selector: JsonObject | None = owner.obj["spec"].get("selector")
    if selector and owner.key.plural == "replicationcontrollers":
        return {"matchLabels": selector}
    return selector


class PodTally:
    """The pods that one owner controls."""

    def __init__(self, owner: Envelope) -> None:
        spec = owner.obj["spec"]
        self.key = (owner.namespace, owner.name)
        self.selector = selector_of(owner)
        self.template_labels: Mapping[str, str] = spec["template"].get("metadata", {}).get("labels") or {}
        self.min_ready: int = spec.get("minReadySeconds", 0) * SECOND
        self.matches: Matches = label_selector(self.selector)
        self.claim_due = True
        """Objects without an owner may match: look for them at the next sync."""
        self.states: dict[ObjectKey, int] = {}
        self._counts = [0] * 32
        self._ready_since: dict[ObjectKey, int] = {}
        """Kept only with minReadySeconds, as are the next two."""
        self._maturing: list[tuple[int, ObjectKey]] = []
        self._mature: dict[ObjectKey, None] = {}

    def fits(self, owner: Envelope) -> bool:
        """The owner's spec still counts in the same way."""
        spec = owner.obj["spec"]
        return (
            selector_of(owner) == self.selector
            and (spec["template"].get("metadata", {}).get("labels") or {}) == self.template_labels
            and spec.get("minReadySeconds", 0) * SECOND == self.min_ready
        )

    # -- numbers ---------------------------------------------------------------------------------------------------

    @property
    def active(self) -> int:
        counts = self._counts
        return counts[1] + counts[3] + counts[9] + counts[11]

    @property
    def ready(self) -> int:
        return self._counts[3] + self._counts[11]

    @property
    def labeled(self) -> int:
        return self._counts[9] + self._counts[11]

    @property
    def terminating(self) -> int:
        return self._counts[4] + self._counts[12]

    @property
    def foreign(self) -> int:
        return sum(self._counts[17::2])

    def available(self, now: int) -> int:
        """Active pods that have been ready for minReadySeconds."""
        if not self.min_ready:
            return self.ready
        while self._maturing and self._maturing[0][0] <= now:
            when, key = heapq.heappop(self._maturing)
            if self._ready_since.get(key) == when - self.min_ready:
                self._mature[key] = None
        return len(self._mature)

    def next_available(self) -> int | None:
        """The next instant at which a pod becomes available just because time passes."""
        while self._maturing:
            when, key = self._maturing[0]
            if self._ready_since.get(key) == when - self.min_ready:
                return when
            heapq.heappop(self._maturing)
        return None

    # -- changes ---------------------------------------------------------------------------------------------------

    def put(self, env: Envelope, same_labels: bool = False) -> bool:
        """A pod came or changed, maybe with its labels as they were. True when a number may have changed."""
        key = env.key
        before = self.states.get(key)
        state = self._state(env, before if same_labels else None)
        changed = before != state
        if changed:
            if before is not None:
                self._counts[before] -= 1
            self._counts[state] += 1
            self.states[key] = state
        if self.min_ready:
            return self._time(env, state) or changed
        return changed

    def drop(self, key: ObjectKey) -> bool:
        """A pod went. True when it was counted."""
        before = self.states.pop(key, None)
        if before is None:
            return False
        self._counts[before] -= 1
        self._ready_since.pop(key, None)
        self._mature.pop(key, None)
        return True

    def _state(self, env: Envelope, before: int | None) -> int:
        obj = env.obj
        status: dict[str, Any] = obj.get("status") or {}
        if status.get("phase") in ("Succeeded", "Failed"):
            return 0
        if before:
            state = before & (FOREIGN | LABELED)
        else:
            labels = env.labels
            state = 0 if self.matches(labels) else FOREIGN
            if self.template_labels.items() <= labels.items():
                state |= LABELED
        if "deletionTimestamp" in obj["metadata"]:
            return state | TERMINATING
        for condition in status.get("conditions") or ():
            if condition["type"] == "Ready":
                return state | ACTIVE | READY if condition["status"] == "True" else state | ACTIVE
        return state | ACTIVE

    def _time(self, env: Envelope, state: int) -> bool:
        since = None
        if state & READY and not state & FOREIGN:
            for condition in env.obj["status"]["conditions"]:
                if condition["type"] == "Ready" and condition.get("lastTransitionTime"):
                    since = int(parse_time(condition["lastTransitionTime"]))
        if since == self._ready_since.get(env.key):
            return False
        self._mature.pop(env.key, None)
        if since is None:
            self._ready_since.pop(env.key, None)
        else:
            self._ready_since[env.key] = since
            heapq.heappush(self._maturing, (since + self.min_ready, env.key))
        return True


class PodTallies(Generic[T]):
    """The tallies of one controller's owners, by uid."""

    def __init__(
        self, store: Store, begin: Callable[[Envelope], T], on_change: Callable[[Uid, T], None],
        on_orphan: Callable[[Envelope], None],
    ) -> None:  # fmt: skip
        """`begin` makes an owner's empty tally. `on_change` is called when a tally changes, `on_orphan` for a labelled
        pod that nobody controls; both while the revision is being applied: they may only enqueue.
        """
        self._store, self._begin, self._on_change, self._on_orphan = store, begin, on_change, on_orphan
        self._tallies: dict[Uid, T] = {}
        store.listen(self._listen, PODS)

    def of(self, owner: Envelope) -> T:
        """The tally of an owner, counted anew if there is none yet or if the owner's spec counts otherwise now."""
        tally = self._tallies.get(owner.uid)
        if tally is None or not tally.fits(owner):
            tally = self._begin(owner)
            for env in self._store.owned_by(owner.uid):
                if env.owner == owner.uid and env.key.resource == PODS:
                    tally.put(env)
            self._tallies[owner.uid] = tally
        return tally

    def all(self) -> Mapping[Uid, T]:
        """Every tally, in the order in which their owners were first synced."""
        return self._tallies

    def drop(self, uid: Uid) -> None:
        """The owner is gone."""
        self._tallies.pop(uid, None)

    def clear(self) -> None:
        """Forget everything; what is asked for is counted anew."""
        self._tallies.clear()

    def _listen(self, event: WatchEvent) -> None:
        now, before = event.now, event.before
        owner = now.owner
        if owner is None or (before is not None and before.owner != owner):
            if owner is None and event.type != DELETED and now.labels:
                self._on_orphan(now)
            if before is not None and before.owner is not None and before.owner != owner:
                self._apply(before.owner, now, gone=True)
            if owner is None:
                return
        same_labels = before is not None and before.labels is now.labels and before.owner == owner
        self._apply(owner, now, event.type == DELETED, same_labels)

    def _apply(self, owner: Uid, env: Envelope, gone: bool, same_labels: bool = False) -> None:
        tally = self._tallies.get(owner)
        if tally is None:
            return
        try:
            changed = tally.drop(env.key) if gone else tally.put(env, same_labels)
        except Exception:  # noqa: BLE001  whoever wrote the pod is not to suffer: it is counted anew at the next sync
            _log.exception("could not count %s", env.key)
            del self._tallies[owner]
            changed = True
        if changed:
            self._on_change(owner, tally)
