"""What a StatefulSet does next, given its pods (updateStatefulSet of stateful_set_control.go).

First every ordinal has its pod and the pod is well, then pods out of range go, highest ordinal first, then pods of an
earlier revision go, highest ordinal first and one at a time; scaling comes before updating. With OrderedReady each
pod waits for the one before it, and one write is made per sync; with Parallel, pods are made and condemned together,
but updates stay one at a time (maxUnavailable is behind a feature gate that v1.36 has off).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.controllers.statefulset import claims
from engine.controllers.statefulset.pods import PodControl
from engine.controllers.statefulset.revisions import Revisions
from engine.controllers.statefulset.roster import Member, Roster
from store.types import Envelope

STEP: Final = 16
"""Pods created or deleted in one step."""
_CLAIMS: Final = 64
"""Pods whose claims are compared with the policy in one step."""


class Outcome(enum.Enum):
    DONE = enum.auto()
    """Nothing more to do until something changes."""
    MORE = enum.auto()
    """The step was full: go on at once."""
    STALE = enum.auto()
    """A claim of an earlier pod is about to go: look again soon."""


@dataclass(frozen=True, slots=True)
class Sync:
    """One look at one set."""

    owner: Envelope
    roster: Roster
    revisions: Revisions
    pods: PodControl
    now: int
    step: int
    """How many pods may be made or deleted in this step (slow start)."""

    @property
    def start(self) -> int:
        """The first ordinal."""
        return int((self.owner.obj["spec"].get("ordinals") or {}).get("start", 0))

    @property
    def count(self) -> int:
        """spec.replicas"""
        return int(self.owner.obj["spec"].get("replicas", 1))

    @property
    def end(self) -> int:
        """One more than the last ordinal."""
        return self.start + self.count

    @property
    def ordered(self) -> bool:
        return bool(self.owner.obj["spec"].get("podManagementPolicy") != "Parallel")

    @property
    def partition(self) -> int | None:
        """How many of the lowest ordinals stay at the current revision; None when pods are updated by deleting them."""
        strategy: dict[str, Any] = self.owner.obj["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return None
        return int((strategy.get("rollingUpdate") or {}).get("partition", 0))

    def revision_for(self, ordinal: int) -> Envelope:
        """newVersionedStatefulSetPod: below the partition, pods come back as they were."""
        partition = self.partition
        below = partition is not None and ordinal < self.start + partition
        return self.revisions.current if below else self.revisions.update

    def is_well(self, member: Member) -> bool:
        """Available and not on its way out."""
        return not member.terminating and self.roster.is_available(member, self.now)


def advance(sync: Sync) -> Outcome:
    """Do what is next. Raises what the API refuses."""
    sync.roster.available(sync.now)
    if _keep_claims(sync) is Outcome.MORE:
        return Outcome.MORE
    outcome = _fill_in_order(sync) if sync.ordered else _fill_at_once(sync)
    if outcome is not None:
        return outcome
    outcome = _give_up(sync)
    if outcome is not None:
        return outcome
    _update(sync)
    return Outcome.DONE


# -- every ordinal has its pod -------------------------------------------------------------------------------------


def _fill_in_order(sync: Sync) -> Outcome | None:
    """None when all pods are available, so that scaling down and updating may go on."""
    roster = sync.roster
    gap = roster.first_gap(sync.start, sync.count)
    before_gap = sync.end if gap is None else gap
    for ordinal in sorted(o for o in roster.unsettled if sync.start <= o < before_gap):
        member = roster.members[ordinal]
        _attend(sync, member)
        if member.finished or not sync.is_well(member):
            return Outcome.DONE
        if not member.fits:
            sync.pods.put_right(member)
    if gap is None:
        return None
    if claims.has_stale_claim(sync.pods.api, sync.owner, gap):
        return Outcome.STALE
    sync.pods.create(gap, sync.revision_for(gap))
    return Outcome.DONE


def _fill_at_once(sync: Sync) -> Outcome | None:
    roster, writes, stale = sync.roster, 0, False
    members, unsettled = roster.members, roster.unsettled
    for ordinal in range(sync.start, sync.end):
        member = members.get(ordinal)
        if member is None:
            if writes >= sync.step:
                return Outcome.MORE
            if claims.has_stale_claim(sync.pods.api, sync.owner, ordinal):
                stale = True
                continue
            sync.pods.create(ordinal, sync.revision_for(ordinal))
            writes += 1
        elif ordinal in unsettled:
            _attend(sync, member)
            if not member.fits and not member.finished:
                sync.pods.put_right(member)
    return Outcome.STALE if stale else None


def _attend(sync: Sync, member: Member) -> None:
    """A pod that has finished makes room for another one; one that waits gets the claims that it lacks."""
    if member.finished:
        if not member.terminating:
            sync.pods.delete(member)
    elif member.phase == "Pending" and sync.roster.claims:
        pods = sync.pods
        claims.create_missing(pods.api, pods.caller, pods.recorder, sync.owner, member.ordinal)


# -- pods out of range go ------------------------------------------------------------------------------------------


def _give_up(sync: Sync) -> Outcome | None:
    """None when nothing is left to be given up, or only what is on its way out already."""
    condemned = _condemned(sync)
    if not condemned:
        return None
    if not sync.ordered:
        alive = [member for member in condemned if not member.terminating]
        for member in alive[: sync.step]:
            sync.pods.delete(member)
        return Outcome.MORE if len(alive) > sync.step else None
    highest = condemned[0]
    if highest.terminating:
        return Outcome.DONE
    first_ill = next((member for member in reversed(condemned) if not sync.is_well(member)), None)
    if first_ill is None or first_ill is highest:
        sync.pods.delete(highest)
    return Outcome.DONE


def _condemned(sync: Sync) -> Sequence[Member]:
    """Pods out of range, highest ordinal first."""
    members, start, end = sync.roster.members, sync.start, sync.end
    if len(members) <= sync.count and sync.roster.first_gap(start, sync.count) is None:
        return ()
    return [members[o] for o in sorted((o for o in members if not start <= o < end), reverse=True)]


# -- pods of an earlier revision go --------------------------------------------------------------------------------


def _update(sync: Sync) -> None:
    partition = sync.partition
    if partition is None:
        return
    members, unsettled, update = sync.roster.members, sync.roster.unsettled, sync.revisions.update.name
    if not unsettled and sync.roster.revisions.get(update) == len(members):
        return
    for ordinal in range(sync.end - 1, sync.start + partition - 1, -1):
        member = members.get(ordinal)
        if member is None:
            return
        if member.revision != update and not member.terminating:
            sync.pods.delete(member)
            return
        if ordinal in unsettled and not sync.is_well(member):
            return


# -- whose the claims are ------------------------------------------------------------------------------------------


def _keep_claims(sync: Sync) -> Outcome:
    roster = sync.roster
    if not roster.claims:
        return Outcome.DONE
    policy = (claims.policy_of(sync.owner), sync.start, sync.count)
    if roster.policy != policy:
        roster.policy = policy
        roster.unchecked.update(dict.fromkeys(roster.members))
    for ordinal in list(roster.unchecked)[:_CLAIMS]:
        condemned = not sync.start <= ordinal < sync.end
        claims.keep_policy(sync.pods.api, sync.pods.caller, sync.owner, ordinal, condemned)
        roster.unchecked.pop(ordinal, None)
    return Outcome.MORE if roster.unchecked else Outcome.DONE
