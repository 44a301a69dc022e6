"""Answers to `why`: where a pod stands with the scheduler and the kubelet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple


@dataclass(frozen=True, slots=True)
class NodeVerdict:
    """Why one node does or does not take a pod."""

    node: str
    fits: bool
    plugin: str
    """The plugin that refused (`NodeResourcesFit`), "" when it fits."""
    reasons: tuple[str, ...]
    """Kubernetes' short words: `Insufficient cpu`, `node(s) had untolerated taint(s)`."""
    details: tuple[str, ...]
    """For people, with figures: `needs cpu 3, free 1.4 of 4`, `untolerated taint dedicated=gpu:NoSchedule`."""
    score: int | None = None
    """Total score; None when it does not fit."""
    scores: Mapping[str, int] = field(default_factory=dict)
    """Weighted score by plugin."""


@dataclass(frozen=True, slots=True)
class WhyReport:
    """Answer to `why`: where a pod stands with the scheduler and the kubelet, now."""

    headline: str
    """One line: `0/12 nodes are available: 3 Insufficient cpu, …` or `Back-off 40s restarting failed container …`."""
    explanation: tuple[str, ...]
    """What it means and what would help, a line each."""
    nodes: tuple[NodeVerdict, ...] = ()
    """Node by node, fitting ones first; empty when scheduling is not the question."""
    attempts: tuple[Mapping[str, Any], ...] = ()
    """Kept scheduling attempts, newest first: attempt, time, node, result, message."""


class Finding(NamedTuple):
    """One sentence of a diagnosis, and the object that it is about."""

    tone: Literal["bad", "warn", "ok", ""]
    text: str
    resource: str = ""
    """Where it leads: as kubectl writes it; "" nowhere."""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Answer to `diagnose`: what is the matter with an object, the cause first."""

    headline: str
    tone: Literal["bad", "warn", "ok"]
    findings: tuple[Finding, ...]


class NodeRoom(NamedTuple):
    """How many more pods like one a node would take."""

    node: str
    pods: int
    limit: str
    """What ends it: `cpu: 1.4 left, 0.5 each`, `10 places for pods are left`, or why it takes none."""


class Headroom(NamedTuple):
    """Answer to `headroom`: room for pods like one, now."""

    pods: int
    """On all nodes together."""
    nodes: tuple[NodeRoom, ...]
    note: str = ""
    """What was not taken into account; "" when nothing."""
