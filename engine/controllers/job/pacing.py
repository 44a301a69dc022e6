"""How many pods a Job should have now, and what is to be made or removed for it (manageJob).

Removal goes before creation: a sync does one or the other. Creation waits for the back-off after failures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from engine.clock import SECOND
from engine.controllers.job.backoff import Backoff, remaining
from engine.controllers.job.pods import NO_INDEX, completion_index, finished_at, index_failures, index_ignored
from engine.controllers.job.standing import Standing, failures
from engine.controllers.pod_ranking import victims
from store.types import Envelope

MOST: Final = 500
"""Pods that one sync makes or removes (MaxPodCreateDeletePerSync)."""
BATCH: Final = SECOND
"""Changes of pods are looked at together, a second after the first (syncJobBatchPeriod)."""


@dataclass(frozen=True, slots=True)
class NewPod:
    """A pod to be made."""

    index: int = NO_INDEX
    failures: int | None = None
    """Failures of its index so far; None without backoffLimitPerIndex."""
    ignored: int = 0


class Pacing(NamedTuple):
    """What to do now."""

    create: Sequence[NewPod] = ()
    remove: Sequence[Envelope] = ()
    wait: int | None = None
    """Look again after so many microseconds; None: no need."""


IDLE: Final = Pacing()


def pacing(standing: Standing, record: Backoff, now: int) -> Pacing:
    active = len(standing.active)
    if standing.suspended:
        return Pacing(remove=_surplus(standing, active, now)) if active else IDLE
    wanted = _wanted(standing)
    surplus = _surplus(standing, max(0, active - wanted), now)[:MOST]
    if surplus:
        return Pacing(remove=surplus)
    missing = wanted - active - (len(standing.terminating) if standing.only_failed else 0)
    if missing <= 0:
        return IDLE
    if standing.per_index is None:
        wait = record.remaining(now)
        if wait:
            return Pacing(wait=max(wait, BATCH))
    count = min(missing, MOST)
    if not standing.indexed:
        return Pacing(create=[NewPod()] * count)
    indexes = _pending_indexes(standing, count)
    if standing.per_index is None:
        return Pacing(create=[NewPod(index) for index in indexes])
    return _independent(standing, indexes, now)


def _wanted(standing: Standing) -> int:
    parallelism: int = standing.spec.get("parallelism", 1)
    if standing.completions is None:
        return len(standing.active) if standing.succeeded else parallelism
    return max(0, min(standing.completions - standing.succeeded, parallelism))


def _pending_indexes(standing: Standing, count: int) -> list[int]:
    """The lowest indexes that neither run, nor succeeded, nor failed for good."""
    taken = [completion_index(pod) for pod in standing.active]
    if standing.only_failed:
        taken += [completion_index(pod) for pod in standing.terminating]
    covered = standing.done.with_indexes(index for index in taken if index != NO_INDEX)
    if standing.failed_indexes is not None:
        covered = covered.merged(standing.failed_indexes)
    return covered.first_missing(count, standing.completions or 0)


def _independent(standing: Standing, indexes: list[int], now: int) -> Pacing:
    """Each index has its own back-off."""
    create: list[NewPod] = []
    soonest: int | None = None
    for index in indexes:
        last = standing.delayed.get(index)
        if last is None:
            create.append(NewPod(index, 0))
            continue
        wait = remaining(failures(last) + 1, finished_at(last), now)
        if wait:
            soonest = wait if soonest is None else min(soonest, wait)
        else:
            counts = standing.counts(last)
            create.append(NewPod(index, index_failures(last) + counts, index_ignored(last) + (not counts)))
    if create or soonest is None:
        return Pacing(create=create)
    return Pacing(wait=max(soonest, BATCH))


def _surplus(standing: Standing, least: int, now: int) -> list[Envelope]:
    """activePodsForRemoval: pods of an index that another has, or of none, and then the least advanced."""
    if not standing.indexed:
        return victims(standing.active, (), least, now) if least else []
    by_index: dict[int, list[Envelope]] = {}
    for pod in standing.active:
        by_index.setdefault(standing.index_of(pod), []).append(pod)
    surplus = by_index.pop(NO_INDEX, [])
    left: list[Envelope] = []
    for _, pods in sorted(by_index.items()):
        doubles = victims(pods, (), len(pods) - 1, now) if len(pods) > 1 else []
        surplus += doubles
        left += [pod for pod in pods if pod not in doubles]
    if len(surplus) < least:
        surplus += victims(left, (), least - len(surplus), now)
    return surplus
