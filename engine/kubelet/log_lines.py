"""The lines that a simulated container writes, as a function of the time since its start.

Nothing is kept: what a container has written up to an instant is computed when somebody asks. As on a machine, where
the kubelet rotates logs, only the newest lines of a long run are left. Lines are made one by one, as they are taken: a
long log is read in slices.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from typing import Final

from engine.clock import SECOND
from engine.kubelet.behaviour import Behaviour, LogRule
from engine.kubelet.runtime import ContainerSpec

Line = tuple[int, str]
_KEPT: Final = 50_000
"""Newest lines of each template that are left of a long run (a node keeps five files of 10 Mi)."""


def lines(
    behaviour: Behaviour, spec: ContainerSpec, started_at: int, until: int, after: int | None, tail: int | None
) -> Iterator[Line]:
    """See `engine.kubelet.runtime.Runtime.logs`."""
    kept = _KEPT if tail is None else min(tail, _KEPT)
    since = started_at - 1 if after is None else after
    runs = [(rule, _numbers(rule, started_at, until, since, kept)) for rule in _rules(behaviour, spec)]
    merged = heapq.merge(
        *(_written(rule, spec, started_at, numbers) for rule, numbers in runs), key=lambda line: line[0]
    )  # fmt: skip
    # Each template gave its own newest lines; of all together only the newest are meant.
    surplus = 0 if tail is None else max(0, sum(len(numbers) for _, numbers in runs) - tail)
    return itertools.islice(merged, surplus, None)


def next_line(behaviour: Behaviour, spec: ContainerSpec, started_at: int, after: int) -> int | None:
    """See `engine.kubelet.runtime.Runtime.next_line`."""
    coming = [at for rule in _rules(behaviour, spec) if (at := _next(rule, started_at, after)) is not None]
    return min(coming, default=None)


def _rules(behaviour: Behaviour, spec: ContainerSpec) -> Iterator[LogRule]:
    """The container's own templates, behind a line that says that they are made up."""
    image = spec.facts.image
    if not behaviour.logs:
        if not (behaviour.declared and behaviour.exit_after is not None):
            hint = "its log lines can be declared by an Image (kubarium.dev/v1alpha1)"
            yield LogRule(f"[simulated] container {spec.facts.name}, image {image}: {hint}")
        return
    if any(rule.every for rule in behaviour.logs):
        yield LogRule(f"[simulated] log of image {image}")
    yield from behaviour.logs


def _numbers(rule: LogRule, started_at: int, until: int, after: int, kept: int) -> range:
    """Which of a template's lines were written later than `after` and up to `until`; the newest `kept` of them."""
    first = started_at + rule.at
    if first > until:
        return range(0)
    end = (until - first) // rule.every + 1 if rule.every else 1
    begin = 0
    if after >= first:
        begin = (after - first) // rule.every + 1 if rule.every else 1
    return range(max(begin, end - kept), end)


def _written(rule: LogRule, spec: ContainerSpec, started_at: int, numbers: range) -> Iterator[Line]:
    first = started_at + rule.at
    for n in numbers:
        at = first + n * rule.every
        text = rule.text
        if "{" in text:
            for name, value in (
                ("{n}", n), ("{pod}", spec.pod.name), ("{container}", spec.facts.name),
                ("{seconds}", (at - started_at) // SECOND),
            ):  # fmt: skip
                text = text.replace(name, str(value))
        yield at, text


def _next(rule: LogRule, started_at: int, after: int) -> int | None:
    first = started_at + rule.at
    if first > after:
        return first
    return first + ((after - first) // rule.every + 1) * rule.every if rule.every else None
