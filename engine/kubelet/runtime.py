"""The seam between a kubelet and what really runs: pull, start, adopt, stop, exec, logs, stats.

A kubelet decides what shall run; a `Runtime` makes it so and reports back by callback, on the engine's loop. The
simulated runtime (`engine.kubelet.simulated`) is the first implementation; it labels what it makes up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from engine.kubelet.facts import ContainerFacts, ProbeFacts
from engine.kubelet.pulling import Puller
from engine.kubelet.references import Reference
from store.types import Envelope


class Pulled(NamedTuple):
    """An image is on the node."""

    image_id: str
    size: int
    """Bytes."""


class PullFailed(NamedTuple):
    """Why it is not, in containerd's words."""

    message: str


class Exit(NamedTuple):
    """How a container ended."""

    code: int
    reason: str
    """Completed, Error, OOMKilled."""
    at: int
    """Instant of cluster time; may lie in the past for an adopted container."""
    message: str = ""


class Answer(NamedTuple):
    """A container's answer to a probe at one instant."""

    ok: bool
    message: str
    """Why it failed, as the kubelet's event tells it; "" when it passed."""
    until: int | None
    """Instant of cluster time until which the answer stays the same; None: for good."""


class HookRun(NamedTuple):
    """What became of a lifecycle hook."""

    after: int | None
    """Microseconds that it takes; None: it never comes back."""
    error: str = ""
    """Why it failed, as the container's waiting message tells it; "" when it did not."""


class CannotStart(Exception):
    """A container could not be started. The message is the runtime's."""


class Stats(NamedTuple):
    """What a container uses."""

    cpu: int
    """Millicores."""
    memory: int
    """Bytes."""
    storage: int = 0
    """Bytes of the machine's disk, besides the image."""
    pids: int = 0
    """Processes and threads."""


class Growth(NamedTuple):
    """How fast a container's use grows, per second; it never grows faster later."""

    memory: int
    storage: int
    pids: int


class ContainerSpec(NamedTuple):
    """What to run."""

    pod: Envelope
    facts: ContainerFacts
    restarts: int
    """Earlier runs of this container in this pod."""
    container_id: str
    address: str
    """The pod's IP."""


class ExecRequest(NamedTuple):
    """A command to run in a container."""

    command: Sequence[str]
    stdin: bool = False
    """Somebody will write to its standard input."""
    tty: bool = False
    """It has a terminal, which echoes; its standard error goes to its standard output."""


class ExecEnd(NamedTuple):
    """How a command ended."""

    code: int
    failure: str = ""
    """Why it could not be started at all, in the container runtime's words; "" when it ran."""


class ExecOutput(Protocol):
    """Who listens to a command. Called on the engine's loop."""

    def out(self, data: bytes) -> None: ...
    def err(self, data: bytes) -> None: ...
    def ended(self, end: ExecEnd) -> None:
        """Once, and nothing after it."""


class ExecSession(Protocol):
    """A command under way."""

    @property
    def active(self) -> bool:
        """It has not ended."""

    def feed(self, data: bytes) -> None:
        """What was written to its standard input."""

    def close_input(self) -> None:
        """Its standard input is at its end."""

    def cancel(self) -> None:
        """Nobody listens any longer: it ends, and tells nobody."""

    def kill(self) -> None:
        """Its container has ended: so does it."""


class HttpRequest(NamedTuple):
    """A request to a port of a container."""

    method: str
    path: str
    """Without the query."""
    port: int


class HttpAnswer(NamedTuple):
    """What the container answers."""

    status: int
    content_type: str
    body: bytes


class Handle(Protocol):
    """A running container."""

    @property
    def started_at(self) -> int:
        """Instant of cluster time."""

    @property
    def complaints(self) -> Sequence[str]:
        """What was declared about this container and could not be understood."""

    @property
    def ready_unasked(self) -> bool:
        """Ready as soon as it runs, when it has no readiness probe."""

    def answer(self, probe: ProbeFacts, at: int) -> Answer:
        """What the container answers at `at`."""

    def hook(self, hook: Mapping[str, Any]) -> HookRun:
        """Run a LifecycleHandler now."""

    def stop(self, grace: int) -> None:
        """SIGTERM now and SIGKILL after `grace` microseconds; the exit is reported as any other."""

    def detach(self) -> None:
        """Report nothing more; the container goes on running."""

    @property
    def consumes(self) -> bool:
        """Whether it uses memory, disk or processes at all."""

    def stats(self) -> Stats: ...

    def serve(self, request: HttpRequest) -> HttpAnswer | None:
        """What the container answers now; None: it does not listen yet."""

    def finish(self, code: int) -> None:
        """Its process ends by itself now, with this exit code."""

    def terminate(self) -> None:
        """SIGTERM from inside of the container: it ends as if by itself, unless it heeds no SIGTERM."""

    def growth(self) -> Growth:
        """From now on."""

    def out_of_memory(self) -> None:
        """The machine's kernel kills it."""


class Cancel(Protocol):
    def cancel(self) -> None: ...


class Runtime(Protocol):
    """What a machine's container runtime offers to its kubelet."""

    def pull(
        self, puller: Puller, reference: Reference, credentials: bool, present: bool,
        done: Callable[[Pulled | PullFailed], None],
    ) -> Cancel:  # fmt: skip
        """Fetch an image; `present`: its layers are on the node already. `done` is called once."""

    def local(self, reference: Reference) -> Pulled:
        """An image that is on the node."""

    def start(self, spec: ContainerSpec, exited: Callable[[Exit], None]) -> Handle:
        """Run a container now. `exited` is called when it ends. Raises CannotStart."""

    def adopt(self, spec: ContainerSpec, started_at: int, exited: Callable[[Exit], None]) -> Handle:
        """Take over a container that has been running since `started_at`; it may have ended meanwhile."""

    def exec(self, spec: ContainerSpec, handle: Handle, request: ExecRequest, output: ExecOutput) -> ExecSession:
        """Begin a command in a running container. What it writes and how it ends is told to `output`."""

    def logs(
        self, spec: ContainerSpec, started_at: int, until: int, *, after: int | None = None, tail: int | None = None
    ) -> Iterator[tuple[int, str]]:
        """(instant, line) of what a container wrote from its start up to `until`, oldest first; made as it is taken.

        `after`: only lines later than this instant; `tail`: only the last so many. What was rotated away is missing.
        """

    def next_line(self, spec: ContainerSpec, started_at: int, after: int) -> int | None:
        """The instant of the first line later than `after`; None when there will be none."""
