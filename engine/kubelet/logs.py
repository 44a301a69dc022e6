"""What `kubectl logs` gets: which run of which container is meant, its lines, and the refusals.

`find_run` decides as the API server and the kubelet do together; `encode` gives the lines the form in which they are
sent; `Follower` goes on delivering while cluster time passes, until the container ends.

Sources: ValidatePodLogOptions (pkg/apis/core/validation), validateContainerLogStatus (pkg/kubelet/kubelet_pods.go) and
ReadLogs (k8s.io/cri-client/pkg/logs): the tail is taken first, then what is too old is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from engine.api import errors
from engine.api.errors import BadRequest, Cause
from engine.clock import SECOND, Clock, Timer, parse_time, rfc3339
from engine.kubelet.facts import ContainerFacts
from engine.kubelet.runtime import ContainerSpec, Runtime
from store.types import Envelope

Line = tuple[int, str]
_BREATH: Final = 0.05
"""Wall seconds of cluster time that a follower lets pass, at least, between two deliveries."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """PodLogOptions."""

    container: str = ""
    """"": the only one."""
    follow: bool = False
    previous: bool = False
    """The last run that ended before the present one."""
    since_seconds: int | None = None
    since_time: int | None = None
    """Instant; None: from the beginning."""
    timestamps: bool = False
    tail: int | None = None
    """None: all."""
    limit_bytes: int | None = None

    def validate(self, pod: str) -> None:
        """Raises Invalid."""
        causes = []
        if self.tail is not None and self.tail < 0:
            causes.append(_invalid("tailLines", self.tail, "greater than or equal to 0"))
        if self.limit_bytes is not None and self.limit_bytes < 1:
            causes.append(_invalid("limitBytes", self.limit_bytes, "greater than 0"))
        if self.since_seconds is not None and self.since_time is not None:
            text = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
            causes.append(Cause("FieldValueForbidden", "", text))
        elif self.since_seconds is not None and self.since_seconds < 1:
            causes.append(_invalid("sinceSeconds", self.since_seconds, "greater than 0"))
        if causes:
            raise errors.invalid("", "PodLogOptions", pod, causes)

    def since(self, now: int) -> int | None:
        """The instant of the oldest line that is wanted; None: all."""
        return now - self.since_seconds * SECOND if self.since_seconds is not None else self.since_time


def _invalid(field: str, value: int, must: str) -> Cause:
    return Cause("FieldValueInvalid", field, f"Invalid value: {value}: must be {must}")


class Run(NamedTuple):
    """One run of a container."""

    spec: ContainerSpec
    began: int
    ended: int | None
    """None: it runs."""


def find_run(env: Envelope, facts: ContainerFacts, previous: bool) -> Run:
    """The run whose log is asked for. Raises BadRequest."""
    status = env.obj.get("status") or {}
    found = container_status(env, facts.name)
    if found is None:
        raise BadRequest(f'container "{facts.name}" in pod "{env.name}" is not available')
    run = _state(found, facts.name, env.name, previous)
    restarts = max(0, found.get("restartCount", 0) - previous)
    spec = ContainerSpec(env, facts, restarts, run.get("containerID", ""), status.get("podIP", ""))
    finished = run.get("finishedAt")
    # Status times are whole seconds: what was written within the last one belongs to the run.
    ended = parse_time(finished) + SECOND - 1 if finished else None
    return Run(spec, parse_time(run["startedAt"]), ended)


def container_status(env: Envelope, name: str) -> dict[str, Any] | None:
    """The ContainerStatus of a container of any kind."""
    status = env.obj.get("status") or {}
    for key in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for each in status.get(key) or ():
            if each["name"] == name:
                return dict(each)
    return None


def _state(status: dict[str, Any], name: str, pod: str, previous: bool) -> dict[str, Any]:
    """The ContainerStateRunning or ContainerStateTerminated that is meant."""
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
    if previous:
        if last is None:
            raise BadRequest(f'previous terminated container "{name}" in pod "{pod}" not found')
        return dict(last)
    for kind in ("running", "terminated"):
        if kind in state:
            return dict(state[kind])
    if last is not None:
        return dict(last)
    reason = (state.get("waiting") or {}).get("reason", "")
    why = {
        "": "no logs yet", "ErrImagePull": "image can't be pulled",
        "ImagePullBackOff": "trying and failing to pull image",
    }.get(reason, reason)  # fmt: skip
    between = ":" if reason else " -"
    raise BadRequest(f'container "{name}" in pod "{pod}" is waiting to start{between} {why}')


def read(runtime: Runtime, run: Run, now: int, options: LogOptions) -> Iterator[Line]:
    """What the log holds now, oldest first; made as it is taken."""
    until, since = run.ended if run.ended is not None else now, options.since(now)
    if since is None or options.tail is None:
        after = since - 1 if since is not None else None
        return runtime.logs(run.spec, run.began, until, after=after, tail=options.tail)
    return (line for line in runtime.logs(run.spec, run.began, until, tail=options.tail) if line[0] >= since)


def encode(lines: Iterable[Line], options: LogOptions) -> bytes:
    """Lines as they are sent, with timestamps if they are wanted."""
    if options.timestamps:
        return "".join(f"{_timestamp(at)} {line}\n" for at, line in lines).encode()
    return "".join(f"{line}\n" for _, line in lines).encode()


class Limit:
    """No more bytes than wanted."""

    def __init__(self, options: LogOptions) -> None:
        self._left = options.limit_bytes

    @property
    def reached(self) -> bool:
        return self._left == 0

    def cut(self, data: bytes) -> bytes:
        """What of the next bytes is wanted."""
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        return data


def _timestamp(instant: int) -> str:
    return f"{rfc3339(instant)[:-1]}.{instant % SECOND * 1000:09d}Z"


class Follower:
    """Delivers what a running container writes, from an instant on. It has a timer only while a line is to come."""

    def __init__(
        self, clock: Clock, runtime: Runtime, run: Run, after: int, receive: Callable[[Sequence[Line]], None],
        ended: Callable[[], None],
    ) -> None:  # fmt: skip
        """Lines later than `after`. `ended` is called once, when no more will come."""
        self._clock, self._runtime, self._run, self._after = clock, runtime, run, after
        self._receive, self._ended = receive, ended
        self._timer: Timer | None = None
        self.active = True
        self._wait()

    def look(self, env: Envelope | None) -> None:
        """The pod has changed; None: it is gone."""
        status = container_status(env, self._run.spec.facts.name) if env is not None else None
        state = (status or {}).get("state") or {}
        running = state.get("running")
        if running and parse_time(running["startedAt"]) == self._run.began:
            return
        finished = (state.get("terminated") or {}).get("finishedAt")
        self._deliver(min(self._clock.now(), parse_time(finished) + SECOND - 1 if finished else self._clock.now()))
        self.close()
        self._ended()

    def close(self) -> None:
        self.active = False
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        due = self._runtime.next_line(self._run.spec, self._run.began, self._after)
        if due is not None:
            breath = round((self._clock.speed or 0.0) * _BREATH * SECOND)
            self._timer = self._clock.call_at(max(due, self._after + breath), self._step)

    def _step(self) -> None:
        self._deliver(self._clock.now())
        if self.active:
            self._wait()

    def _deliver(self, until: int) -> None:
        lines = list(self._runtime.logs(self._run.spec, self._run.began, until, after=self._after))
        self._after = max(self._after, until)
        if lines:
            self._receive(lines)
