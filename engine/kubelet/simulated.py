"""The simulated container runtime: images arrive after a while, containers live as their behaviour says.

Nothing runs. A container is an instant at which it started and a behaviour; its exit is one timer, its answers to
probes, its log and its memory are functions of the time since its start. So it costs nothing while nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from engine.api.server import Api
from engine.clock import SECOND, Clock, Timer
from engine.faults.effects import Effects
from engine.kubelet import log_lines, serving, spread
from engine.kubelet.amounts import go_duration
from engine.kubelet.behaviour import AT_ONCE, Behaviour, LogRule, behaviour_of, program_missing
from engine.kubelet.catalogue import Catalogue
from engine.kubelet.commands import interpret
from engine.kubelet.config import KubeletConfig
from engine.kubelet.environment import environment_of
from engine.kubelet.exec.machine import Machine
from engine.kubelet.exec.process import Process
from engine.kubelet.facts import ContainerFacts, ProbeFacts
from engine.kubelet.hooks import run_hook
from engine.kubelet.inside import Inside
from engine.kubelet.moments import Moments
from engine.kubelet.pulling import Puller, pull_failure
from engine.kubelet.references import InvalidReference, Reference, parse
from engine.kubelet.runtime import (
    Answer,
    CannotStart,
    ContainerSpec,
    ExecOutput,
    ExecRequest,
    Exit,
    Growth,
    Handle,
    HookRun,
    HttpAnswer,
    HttpRequest,
    Pulled,
    PullFailed,
    Stats,
)
from store.types import Envelope

_NONE_FAILS: Final[frozenset[str]] = frozenset()
_KILLED = 137
_NO_HURRY = 1 << 62
"""A grace period that no container outlasts."""


class SimulatedRuntime:
    """Implements `engine.kubelet.runtime.Runtime`; one for all nodes."""

    def __init__(
        self, api: Api, clock: Clock, catalogue: Catalogue, config: KubeletConfig, inside: Inside, effects: Effects
    ) -> None:  # fmt: skip
        self.api, self.inside, self.effects = api, inside, effects
        self.clock, self.catalogue, self.config = clock, catalogue, config

    def pull(
        self, puller: Puller, reference: Reference, credentials: bool, present: bool,
        done: Callable[[Pulled | PullFailed], None],
    ) -> Timer:  # fmt: skip
        info = self.catalogue.find(reference)
        span = spread.within(self.config.pull_base, reference, puller.platform) + info.pull_delay
        outcome: Pulled | PullFailed
        why = pull_failure(info, reference, puller, credentials)
        if self.effects.active:
            trouble = self.effects.trouble(reference)
            span, why = span + trouble.delay, trouble.failure or why
        if why:
            outcome = PullFailed(why)
        else:
            outcome = Pulled(info.image_id, info.size)
            if not present:
                span += info.size * SECOND // self.config.pull_bandwidth
        return self.clock.call_later(span, lambda: done(outcome))

    def local(self, reference: Reference) -> Pulled:
        info = self.catalogue.find(reference)
        return Pulled(info.image_id, info.size)

    def start(self, spec: ContainerSpec, exited: Callable[[Exit], None]) -> SimulatedContainer:
        container = SimulatedContainer(self, spec, self.clock.now(), exited)
        if container.behaviour.executables and (why := program_missing(spec.facts, container.behaviour)):
            container.detach()
            raise CannotStart(why)
        return container

    def adopt(self, spec: ContainerSpec, started_at: int, exited: Callable[[Exit], None]) -> SimulatedContainer:
        return SimulatedContainer(self, spec, started_at, exited)

    def behaviour(self, pod: Envelope, facts: ContainerFacts) -> tuple[Behaviour, tuple[str, ...]]:
        """How a container of a pod behaves, and complaints about its annotations."""
        try:
            catalogued = self.catalogue.find(parse(facts.image)).behaviour
        except InvalidReference:
            catalogued = None
        meta = pod.obj["metadata"]
        of_job = any(ref["kind"] == "Job" and ref.get("controller") for ref in meta.get("ownerReferences") or ())
        behaviour, complaints = behaviour_of(facts, meta.get("annotations") or {}, catalogued, of_job)
        if behaviour.requires:
            behaviour = self._without(behaviour, pod, facts)
        return behaviour, complaints

    def _without(self, behaviour: Behaviour, pod: Envelope, facts: ContainerFacts) -> Behaviour:
        """A container that lacks a variable says so and ends."""
        known = environment_of(Moments(self.api.store), pod.obj, facts.spec, self.clock.now())
        lacking = [name for name in behaviour.requires if name not in known]
        if not lacking:
            return behaviour
        logs = tuple(LogRule(f"error: environment variable {name} is not set") for name in lacking)
        return replace(behaviour, exit_after=AT_ONCE, exit_code=1, logs=logs)

    def exec(
        self, spec: ContainerSpec, handle: Handle, request: ExecRequest, output: ExecOutput
    ) -> Process:  # fmt: skip
        machine = Machine(self.api, self.clock, spec, handle, self.inside, self.declared(spec).commands, self._behaves)
        return Process(machine, request, output)

    def logs(
        self, spec: ContainerSpec, started_at: int, until: int, *, after: int | None = None, tail: int | None = None
    ) -> Iterator[tuple[int, str]]:
        return log_lines.lines(self.declared(spec), spec, started_at, until, after, tail)

    def next_line(self, spec: ContainerSpec, started_at: int, after: int) -> int | None:
        return log_lines.next_line(self.declared(spec), spec, started_at, after)

    def _behaves(self, pod: Envelope, facts: ContainerFacts) -> Behaviour:
        return self.behaviour(pod, facts)[0]

    def declared(self, spec: ContainerSpec) -> Behaviour:
        """How a container behaves, its annotations as they were when it started."""
        return self.behaviour(spec.pod, spec.facts)[0]


class SimulatedContainer:
    """Implements `engine.kubelet.runtime.Handle`."""

    __slots__ = ("_exited", "_failing", "_runtime", "_timer", "behaviour", "complaints", "spec", "started_at")

    def __init__(
        self, runtime: SimulatedRuntime, spec: ContainerSpec, started_at: int, exited: Callable[[Exit], None]
    ) -> None:
        self._runtime, self._exited = runtime, exited
        self.spec, self.started_at = spec, started_at
        self.behaviour, self.complaints = runtime.behaviour(spec.pod, spec.facts)
        self._failing: frozenset[str] = _NONE_FAILS
        """Kinds of probes that it fails on purpose."""
        if runtime.effects.active:
            self.behaviour, self._failing = runtime.effects.altered(self.behaviour, spec.pod, spec.facts, started_at)
        self._timer: Timer | None = None
        ending = self._planned()
        if ending is not None:
            self._end(ending)

    @property
    def ready_unasked(self) -> bool:
        return not self.behaviour.never_ready

    def hook(self, hook: Mapping[str, Any]) -> HookRun:
        listens = self.started_at + self.behaviour.startup <= self._runtime.clock.now()
        return run_hook(self.spec, hook, listens)

    def stop(self, grace: int) -> None:
        now, behaviour = self._runtime.clock.now(), self.behaviour
        after = behaviour.stop_after
        if after is None:
            after = spread.within(self._runtime.config.stop_latency, self.spec.container_id)
        if self.spec.facts.stop_signal == "SIGKILL":
            ending = Exit(_KILLED, "Error", now)
        elif behaviour.deaf or after > grace:
            ending = Exit(_KILLED, "Error", now + grace)
        else:
            code = behaviour.stop_code
            ending = Exit(code, "Error" if code else "Completed", now + after)
        if self._timer is not None and self._timer.active and self._timer.when <= ending.at:
            return
        self._end(ending)

    def detach(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def stats(self) -> Stats:
        behaviour, elapsed = self.behaviour, self._runtime.clock.now() - self.started_at
        return Stats(
            behaviour.cpu, behaviour.memory.at(elapsed), behaviour.storage.at(elapsed), behaviour.pids.at(elapsed)
        )

    @property
    def consumes(self) -> bool:
        behaviour = self.behaviour
        return behaviour.declared and any(
            curve.start or curve.growth for curve in (behaviour.memory, behaviour.storage, behaviour.pids)
        )

    def growth(self) -> Growth:
        behaviour, elapsed = self.behaviour, self._runtime.clock.now() - self.started_at
        return Growth(*[
            0 if curve.limit is not None and curve.at(elapsed) >= curve.limit else max(curve.growth, 0)
            for curve in (behaviour.memory, behaviour.storage, behaviour.pids)
        ])  # fmt: skip

    def out_of_memory(self) -> None:
        self._end(Exit(_KILLED, "OOMKilled", self._runtime.clock.now()))

    def serve(self, request: HttpRequest) -> HttpAnswer | None:
        return serving.answer(self.behaviour, self.spec, self._runtime.clock.now() - self.started_at, request)

    def finish(self, code: int) -> None:
        self._end(Exit(code, "Error" if code else "Completed", self._runtime.clock.now()))

    def terminate(self) -> None:
        if not self.behaviour.deaf:
            self.stop(_NO_HURRY)

    def answer(self, probe: ProbeFacts, at: int) -> Answer:
        behaviour, elapsed = self.behaviour, at - self.started_at
        if behaviour.never_ready and probe.kind == "Readiness":
            return Answer(False, self._refusal(probe, 503), None)
        if probe.kind in self._failing:
            return Answer(False, self._refusal(probe, 500), None)
        command = (probe.spec.get("exec") or {}).get("command")
        if command and (script := interpret(command)) is not None:
            if script.after is None or script.after > probe.timeout:
                asked = " ".join(command)
                return Answer(False, f'command timed out: "{asked}" timed out after {go_duration(probe.timeout)}', None)
            if script.code:
                return Answer(False, "\n".join(text for _, text in script.lines), None)
        path = (probe.spec.get("httpGet") or {}).get("path") or "/"
        rule = next((r for r in behaviour.probes if r.path == path), None) or next(
            (r for r in behaviour.probes if not r.path), None
        )
        listens = max(behaviour.startup, rule.ready_after if rule else 0)
        if elapsed < listens:
            return Answer(False, self._refusal(probe, None), self.started_at + listens)
        if rule is None:
            return Answer(True, "", None)
        if rule.fails_after is not None and elapsed >= rule.fails_after:
            return Answer(False, self._refusal(probe, 500), None)
        until = None if rule.fails_after is None else self.started_at + rule.fails_after
        if rule.status >= 400:
            return Answer(False, self._refusal(probe, rule.status), until)
        return Answer(True, "", until)

    def _refusal(self, probe: ProbeFacts, status: int | None) -> str:
        """The kubelet's words for a failed probe; `status` None: nobody listens."""
        if "httpGet" in probe.spec:
            if status is not None:
                return f"HTTP probe failed with statuscode: {status}"
            get = probe.spec["httpGet"]
            where = f"{get.get('host') or self.spec.address}:{self.spec.facts.port(get.get('port'))}"
            url = f"{(get.get('scheme') or 'HTTP').lower()}://{where}{get.get('path') or '/'}"
            return f'Get "{url}": dial tcp {where}: connect: connection refused'
        if "tcpSocket" in probe.spec:
            port = self.spec.facts.port(probe.spec["tcpSocket"].get("port"))
            return f"dial tcp {self.spec.address}:{port}: connect: connection refused"
        if "grpc" in probe.spec:
            if status is not None:
                return 'service unhealthy (responded with "NOT_SERVING")'
            where = f"{self.spec.address}:{probe.spec['grpc'].get('port')}"
            waited = go_duration(probe.timeout)
            return f'timeout: failed to connect service "{where}" within {waited}: context deadline exceeded'
        return ""

    def _planned(self) -> Exit | None:
        """How the container ends if nobody stops it."""
        behaviour, ending = self.behaviour, None
        if behaviour.exit_after is not None:
            code = behaviour.exit_code
            ending = Exit(code, "Error" if code else "Completed", self.started_at + behaviour.exit_after)
        if self.spec.facts.memory_limit is not None:
            over = behaviour.memory.passes(self.spec.facts.memory_limit)
            if over is not None and (ending is None or self.started_at + over < ending.at):
                ending = Exit(_KILLED, "OOMKilled", self.started_at + over)
        return ending

    def _end(self, ending: Exit) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._runtime.clock.call_at(ending.at, lambda: self._exited(ending))
