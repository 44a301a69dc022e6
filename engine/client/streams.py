"""Values of the questions about running containers: logs that go on, commands, usage. All of it is simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

LogLine = tuple[int, str]
"""(cluster time in microseconds, text)."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which log, and how much of it."""

    namespace: str
    pod: str
    container: str = ""
    """"": the pod's only one, or its default container."""
    previous: bool = False
    """The run before the present one."""
    tail: int | None = 1000
    """Newest lines to begin with; None: all."""
    since: int | None = None
    """Only what is younger than so many seconds of cluster time; None: all."""


class LogReceiver(Protocol):
    """Called on the engine thread; must only store and wake."""

    def lines(self, lines: Sequence[LogLine]) -> None:
        """More of the log: first what it holds, then what is written."""

    def ended(self, why: Exception | None) -> None:
        """Once, nothing more will come: the container has ended, or a `ClientError` says what is wrong."""


class ExecAnswer(NamedTuple):
    """What a command did."""

    code: int
    """Exit code; 127 when the container has no such command."""
    out: str
    err: str


class Usage(NamedTuple):
    """What is used now."""

    cpu: int
    """Millicores."""
    memory: int
    """Bytes."""


class PodUsage(NamedTuple):
    """One pod with running containers."""

    namespace: str
    name: str
    total: Usage
    containers: Mapping[str, Usage]


class NodeUsage(NamedTuple):
    """One node whose kubelet runs."""

    name: str
    used: Usage
    allocatable: Usage
