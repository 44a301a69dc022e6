"""What a kubelet remembers of one container: its state, its last end, its back-off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.clock import Timer, rfc3339
from engine.kubelet.backoff import Backoff
from engine.kubelet.config import KubeletConfig
from engine.kubelet.facts import ContainerFacts
from engine.kubelet.probes import Prober
from engine.kubelet.runtime import Cancel, Exit, Handle
from store.types import JsonObject

WAITING: Final = "waiting"
RUNNING: Final = "running"
TERMINATED: Final = "terminated"


class Container:
    """One container of one pod. Instants are microseconds of cluster time."""

    __slots__ = (
        "_backoff",
        "_config",
        "_pull_backoff",
        "actual",
        "busy",
        "facts",
        "fresh",
        "handle",
        "held",
        "hooking",
        "id",
        "image",
        "image_id",
        "killing",
        "last",
        "message",
        "probers",
        "pulling",
        "ready",
        "reason",
        "replaced",
        "restarts",
        "start_error",
        "started",
        "started_at",
        "state",
        "swept",
        "terminated",
        "timer",
    )  # fmt: skip

    def __init__(self, facts: ContainerFacts, waiting: str, config: KubeletConfig) -> None:
        self.facts = facts
        self.state = WAITING
        self.reason, self.message = waiting, ""
        """Why it waits; only while `state` is WAITING."""
        self.id = ""
        self.image, self.image_id = facts.image, ""
        self.started_at = 0
        self.terminated: JsonObject | None = None
        """The present end, as ContainerStateTerminated; only while `state` is TERMINATED."""
        self.last: JsonObject | None = None
        """The end before the present state."""
        self.restarts = 0
        self.ready = self.started = False
        self.fresh = True
        """Nothing was tried yet."""
        self.busy = False
        """Being started, or waiting for another try."""
        self.killing = False
        """Being stopped."""
        self.hooking = False
        """Its postStart hook runs: to the outside it has not come up yet."""
        self.start_error: tuple[str, str] | None = None
        """(reason, message) why it did not come up, until it has ended for that."""
        self.actual: Mapping[str, Any] | None = None
        """The resources it still has while others are allocated to it; None: it has what is allocated."""
        self.held = False
        """Being stopped, its preStop hook is done, and it waits for those that have to end before it."""
        self.swept = False
        """What is left of its last run was deleted from the machine."""
        self.replaced = False
        """Its definition changed: it is restarted whatever the policy says."""
        self.handle: Handle | None = None
        self.timer: Timer | None = None
        self.pulling: Cancel | None = None
        self.probers: tuple[Prober, ...] = ()
        self._config = config
        self._backoff: Backoff | None = None
        self._pull_backoff: Backoff | None = None

    @property
    def backoff(self) -> Backoff:
        """The waits between its restarts."""
        if self._backoff is None:
            self._backoff = Backoff(self._config.back_off_start, self._config.back_off_limit)
        return self._backoff

    @property
    def pull_backoff(self) -> Backoff:
        """The waits between failed pulls of its image."""
        if self._pull_backoff is None:
            self._pull_backoff = Backoff(self._config.back_off_start, self._config.back_off_limit)
        return self._pull_backoff

    @property
    def completed(self) -> bool:
        """Ended with exit code 0."""
        return self.terminated is not None and self.terminated["exitCode"] == 0

    def wait(self, reason: str, message: str) -> None:
        """Turn to waiting; an end that is shown becomes the last one."""
        if self.terminated is not None:
            self.last, self.terminated = self.terminated, None
        self.state, self.reason, self.message = WAITING, reason, message

    def run(self, handle: Handle) -> None:
        """Turn to running."""
        self.count_run()
        self.state, self.handle, self.started_at = RUNNING, handle, handle.started_at
        self.busy = self.killing = False

    def count_run(self) -> None:
        """It is started, for the first time or again."""
        if self.terminated is not None:
            self.last, self.terminated = self.terminated, None
        if self.last is not None:
            self.restarts += 1
            self.swept = False

    def end(self, ending: Exit) -> None:
        """Turn to terminated."""
        self.quiet()
        self.state, self.handle = TERMINATED, None
        self.ready = self.started = self.killing = self.busy = self.hooking = self.held = False
        self.terminated = {
            "containerID": self.id,
            "exitCode": ending.code,
            "finishedAt": rfc3339(ending.at),
            "reason": ending.reason,
            "startedAt": rfc3339(self.started_at),
        }
        if ending.message:
            self.terminated["message"] = ending.message

    def set_timer(self, timer: Timer) -> None:
        """Keep the one timer of this container, in place of an earlier one."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = timer

    def quiet(self) -> None:
        """No timer, probe or pull goes on."""
        if self.timer is not None:
            self.timer.cancel()
        if self.pulling is not None:
            self.pulling.cancel()
            self.pulling = None
        for prober in self.probers:
            prober.stop()
        self.probers = ()

    def status(self) -> JsonObject:
        """The ContainerStatus."""
        facts = self.facts
        state: JsonObject
        running = self.state == RUNNING and not self.hooking
        if running:
            state = {"running": {"startedAt": rfc3339(self.started_at)}}
        elif self.terminated is not None:
            state = {"terminated": self.terminated}
        else:
            waiting: dict[str, Any] = {"reason": self.reason}
            if self.message:
                waiting["message"] = self.message
            state = {"waiting": waiting}
        status: JsonObject = {
            "name": facts.name, "state": state,
            "lastState": {"terminated": self.last} if self.last and not self.swept else {},
            "ready": self.ready, "restartCount": self.restarts, "image": self.image, "imageID": self.image_id,
            "started": self.started,
        }  # fmt: skip
        if self.id:
            status["containerID"] = self.id
        if running:
            if facts.allocated:
                status["allocatedResources"] = facts.allocated
            status["resources"] = facts.resources if self.actual is None else self.actual
            if facts.stop_signal:
                status["stopSignal"] = facts.stop_signal
        return status
