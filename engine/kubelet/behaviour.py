"""How a simulated container behaves: declared by annotations on its pod, by its command, or by the image catalogue.

Precedence: the pod's annotations, then the command line (`engine.kubelet.commands`), then the catalogue's Image, then
the default: it starts, answers its probes, heeds SIGTERM, and runs until it is stopped (an init container: exits 0;
the containers of a Job's pod too, after `JOB_RUN`).

Annotations (each also takes "false"):

    kubarium.dev/complete   "true" or a duration     exits 0 at once, or after it ("false": a Job's goes on for ever)
    kubarium.dev/fail       "true", a duration, or "exit=3 after=5s"    exits 1 (or 3) at once, or after it
    kubarium.dev/hang       "true"                   heeds no SIGTERM, and never ends by itself
    kubarium.dev/notready   "true"                   never ready, with a readiness probe or without one
    kubarium.dev/memory     "64Mi", or "start=64Mi growth=1Mi max=1Gi"   memory in use (growth is per second)
    kubarium.dev/storage    likewise                 disk in use
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from engine.clock import SECOND
from engine.kubelet.amounts import span, units
from engine.kubelet.commands import interpret
from engine.kubelet.facts import ContainerFacts

COMPLETE: Final = "kubarium.dev/complete"
FAIL: Final = "kubarium.dev/fail"
HANG: Final = "kubarium.dev/hang"
NOT_READY: Final = "kubarium.dev/notready"
MEMORY: Final = "kubarium.dev/memory"
STORAGE: Final = "kubarium.dev/storage"
_SHOWN_WHILE_RUNNING: Final = (NOT_READY, MEMORY, STORAGE)
"""Annotations that say nothing of an end but mean a container that goes on."""
AT_ONCE: Final = 100_000
"""The shortest run of a container: what "exits at once" takes."""
INIT_RUN: Final = 500_000
"""How long an init container runs that nobody declared."""
JOB_RUN: Final = 2 * SECOND
"""How long a container of a Job's pod runs of which nobody declared anything: the work that a Job does comes to an
end, and its image alone does not tell when."""


@dataclass(frozen=True, slots=True)
class ProbeRule:
    """What a container answers on one path, or (with no path) to every probe."""

    path: str = ""
    status: int = 200
    """HTTP status code; 400 and above is a failure for every kind of probe."""
    ready_after: int = 0
    """Microseconds after the start from which it answers so; before, the connection is refused."""
    fails_after: int | None = None
    """Microseconds after the start from which it answers 500; None: never."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What is in use (bytes, processes): `start`, growing by `growth` per second up to `limit`."""

    start: int = 0
    growth: int = 0
    limit: int | None = None

    def at(self, elapsed: int) -> int:
        """In use after `elapsed` microseconds."""
        amount = self.start + self.growth * elapsed // SECOND
        return amount if self.limit is None else min(amount, self.limit)

    def passes(self, bound: int) -> int | None:
        """Microseconds until more than `bound` is in use; None: never."""
        if self.start > bound:
            return AT_ONCE
        if self.growth <= 0 or (self.limit is not None and self.limit <= bound):
            return None
        return -(-(bound + 1 - self.start) * SECOND // self.growth)


@dataclass(frozen=True, slots=True)
class LogRule:
    """One template of log lines."""

    text: str
    """May hold {n} (the line's number from 0), {pod}, {container}, {seconds} (since the start)."""
    at: int = 0
    """Microseconds after the start of the first such line."""
    every: int = 0
    """Microseconds between lines; 0: once."""


@dataclass(frozen=True, slots=True)
class HttpRule:
    """What a container answers to HTTP requests."""

    path: str
    """A path, or a pattern such as /api/*."""
    status: int = 200
    body: str = ""
    """May hold {pod}, {namespace}, {container}, {address}, {path}, {port}."""
    content_type: str = ""
    """"": plain text."""


@dataclass(frozen=True, slots=True)
class CommandRule:
    """A command that exec finds in a container besides those that every one has."""

    words: tuple[str, ...]
    """It answers every command that begins with these words."""
    output: str = ""
    error: str = ""
    """What it writes to its standard error."""
    code: int = 0
    after: int = 0
    """Microseconds until it ends."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One container's life, from its start on. Spans in microseconds."""

    startup: int = 0
    """Until it listens: before, probes find nobody."""
    exit_after: int | None = None
    """None: it runs until it is stopped."""
    exit_code: int = 0
    deaf: bool = False
    """Heeds no SIGTERM: only SIGKILL ends it."""
    stop_after: int | None = None
    """From SIGTERM to its exit; None: the machine's."""
    stop_code: int = 0
    never_ready: bool = False
    requires: tuple[str, ...] = ()
    """Environment variables without which it says so and exits with 1."""
    executables: tuple[str, ...] = ()
    """The programs of its image, by name or path; empty: whatever is asked for."""
    memory: Curve = Curve()
    storage: Curve = Curve()
    """Bytes on the machine's disk: logs and whatever it writes outside of claims."""
    pids: Curve = Curve()
    """Processes and threads."""
    cpu: int = 0
    """Millicores in use."""
    probes: tuple[ProbeRule, ...] = ()
    logs: tuple[LogRule, ...] = ()
    http: tuple[HttpRule, ...] = ()
    commands: tuple[CommandRule, ...] = ()
    declared: bool = False
    """Somebody said how it behaves (an annotation, a command or the catalogue)."""


DEFAULT: Final = Behaviour()


def behaviour_of(
    facts: ContainerFacts, annotations: Mapping[str, str], catalogued: Behaviour | None, of_job: bool = False
) -> tuple[Behaviour, tuple[str, ...]]:
    """A container's behaviour, and complaints about annotations that say nothing (which are ignored).

    `of_job`: its pod is a Job's.
    """
    behaviour = catalogued or DEFAULT
    if facts.command:
        script = interpret(facts.command)
        if script is not None:
            behaviour = replace(
                behaviour, exit_after=script.after if script.after is None else max(script.after, AT_ONCE),
                exit_code=script.code, deaf=script.deaf, declared=True, startup=0,
                logs=tuple(LogRule(text, at) for at, text in script.lines),
            )  # fmt: skip
    if facts.kind == "init" and behaviour.exit_after is None and not behaviour.declared:
        behaviour = replace(behaviour, exit_after=INIT_RUN)
    if facts.kind != "app":
        return behaviour, ()
    if of_job and annotations.get(COMPLETE) != "false" and not any(key in annotations for key in _SHOWN_WHILE_RUNNING):
        behaviour = _ending_by_itself(behaviour)
    if not annotations:
        return behaviour, ()
    complaints: list[str] = []
    for key, code in ((COMPLETE, 0), (FAIL, 1)):
        text = annotations.get(key)
        if text is None or text == "false":
            continue
        try:
            after, code = parse_ending(text, code)
        except ValueError as error:
            complaints.append(f"annotation {key}: {error}")
            continue
        behaviour = replace(behaviour, exit_after=max(after, AT_ONCE), exit_code=code, declared=True)
    for key in (MEMORY, STORAGE):
        if key not in annotations:
            continue
        try:
            curve = parse_curve(annotations[key])
        except ValueError as error:
            complaints.append(f"annotation {key}: {error}")
            continue
        if key == MEMORY:
            behaviour = replace(behaviour, declared=True, memory=curve)
        else:
            behaviour = replace(behaviour, declared=True, storage=curve)
    for key in (HANG, NOT_READY):
        text = annotations.get(key, "false")
        if text not in ("true", "false"):
            complaints.append(f'annotation {key}: {text!r} is neither "true" nor "false"')
        elif text == "true":
            if key == NOT_READY:
                behaviour = replace(behaviour, never_ready=True)
            elif COMPLETE in annotations or FAIL in annotations:
                behaviour = replace(behaviour, deaf=True, declared=True)
            else:
                behaviour = replace(behaviour, deaf=True, declared=True, exit_after=None)
    return behaviour, tuple(complaints)


def _ending_by_itself(behaviour: Behaviour) -> Behaviour:
    if behaviour.declared or behaviour.exit_after is not None:
        return behaviour
    return replace(behaviour, exit_after=JOB_RUN)


def program_missing(facts: ContainerFacts, behaviour: Behaviour) -> str:
    """Why the image cannot run the container's command, in the runtime's words; "" when it can."""
    command = facts.spec.get("command")
    if not command or not behaviour.executables or command[0] in behaviour.executables:
        return ""
    if "/" not in command[0] and any(path.rpartition("/")[2] == command[0] for path in behaviour.executables):
        return ""
    why = f"stat {command[0]}: no such file or directory" if "/" in command[0] else "executable file not found in $PATH"
    return (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        f'unable to start container process: error during container init: exec: "{command[0]}": {why}'
    )


def parse_curve(text: str) -> Curve:
    """`64Mi` or `start=64Mi growth=1Mi max=1Gi`. Raises ValueError."""
    found: dict[str, int] = {}
    for word in text.split():
        name, equals, value = word.rpartition("=")
        if equals and name not in ("start", "growth", "max"):
            raise ValueError(f"unknown word {name!r} (expected start=, growth= and max=)")
        found[name or "start"] = units(value)
    return Curve(found.get("start", 0), found.get("growth", 0), found.get("max"))


def parse_ending(text: str, code: int) -> tuple[int, int]:
    """(microseconds, exit code) of `true`, `30s` or `exit=3 after=5s`. Raises ValueError."""
    if text == "true":
        return 0, code
    after = 0
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals:
            try:
                after = span(word)
            except ValueError as error:
                raise ValueError(f'{text!r} is neither "true", a duration nor "exit=3 after=5s"') from error
        elif name == "after":
            after = span(value)
        elif name == "exit":
            if not value.isdigit() or int(value) > 255:
                raise ValueError(f"exit code {value!r} is no number from 0 to 255")
            code = int(value)
        else:
            raise ValueError(f"unknown word {name!r} (expected exit= and after=)")
    return after, code
