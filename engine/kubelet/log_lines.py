"""The lines that a simulated container writes, as a function of the time since its start.

Nothing is kept: what a container has written up to an instant is computed when somebody asks. As on a machine, where
the kubelet rotates logs, only the newest lines of a long run are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from engine.clock import SECOND
from engine.kubelet.behaviour import Behaviour, LogRule
from engine.kubelet.runtime import ContainerSpec

Line = tuple[int, str]
_KEPT: Final = 50_000
"""Newest lines of each template that are left of a long run (a node keeps five files of 10 Mi)."""


def lines(
    behaviour: Behaviour, spec: ContainerSpec, started_at: int, until: int, after: int | None, tail: int | None
) -> Sequence[Line]:
    """See `engine.kubelet.runtime.Runtime.logs`."""
    kept = _KEPT if tail is None else min(tail, _KEPT)
    found = [
        line
        for rule in _rules(behaviour, spec)
        for line in _written(rule, spec, started_at, until, started_at - 1 if after is None else after, kept)
    ]
    found.sort(key=lambda line: line[0])
    return found if tail is None else found[len(found) - min(tail, len(found)) :]


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


def _written(
    rule: LogRule, spec: ContainerSpec, started_at: int, until: int, after: int, kept: int
) -> Iterator[Line]:  # fmt: skip
    first = started_at + rule.at
    if first > until:
        return
    end = (until - first) // rule.every + 1 if rule.every else 1
    begin = max(0, end - kept)
    if after >= first:
        begin = max(begin, (after - first) // rule.every + 1 if rule.every else 1)
    for n in range(begin, end):
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
