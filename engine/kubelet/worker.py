"""One pod on one node: from its admission to its end.

The order of steps is the kubelet's: admit, sandbox, init containers one after another (a sidecar only has to start),
then the containers one after another; a container that ends is restarted by policy and back-off, or the pod ends.
Ending a pod (deleted, past its deadline, or completed with sidecars left) is in `engine.kubelet.ending`.

Everything here reacts to a timer, to the runtime or to a change of the pod object; each step ends with `post`, and
the posts of one instant become one write of the pod's status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.clock import SECOND, Timer
from engine.kubelet import ending, preemption, sandbox, spread, starting
from engine.kubelet.amounts import go_duration
from engine.kubelet.container import RUNNING, TERMINATED, Container
from engine.kubelet.credentials import access_of
from engine.kubelet.facts import ContainerFacts, PodFacts, ProbeFacts
from engine.kubelet.images import ImageError
from engine.kubelet.probes import Prober
from engine.kubelet.references import InvalidReference, Reference, parse
from engine.kubelet.runtime import CannotStart, ContainerSpec, Exit, Handle, Pulled
from store.types import Envelope, JsonObject, Uid

if TYPE_CHECKING:
    from engine.kubelet.node import Node
    from engine.kubelet.resize import Resize

DEADLINE: Final = "Pod was active on the node longer than the specified deadline"
_ATTACH_TIMEOUT: Final = 123 * SECOND
"""podAttachAndMountTimeout: how long a pod's sync waits for its volumes."""
_RESYNC: Final = (10 * SECOND, 15 * SECOND)
"""Wait between two looks at a pod whose sync failed."""


class PodWorker:
    """Runs one pod."""

    __slots__ = (
        "address",
        "apps",
        "containers",
        "deadline",
        "disruption",
        "env",
        "ephemerals",
        "facts",
        "failure_message",
        "failure_phase",
        "failure_reason",
        "finished",
        "grace_until",
        "hooking",
        "initialized",
        "inits",
        "node",
        "posted",
        "rejected",
        "resize",
        "sandbox",
        "seen",
        "start_time",
        "terminating",
        "timer",
    )  # fmt: skip

    def __init__(self, node: Node, env: Envelope, facts: PodFacts) -> None:
        self.node, self.env, self.facts = node, env, facts
        self.seen: JsonObject = env.obj
        """The pod as the kubelet last looked at it; `env` may be newer, by its own writes."""
        self.posted: JsonObject | None = None
        """The status that the kubelet last wrote; None: it wrote none yet."""
        waiting = "PodInitializing" if facts.inits else "ContainerCreating"
        self.inits = [Container(c, waiting, node.config) for c in facts.inits]
        self.apps = [Container(c, waiting, node.config) for c in facts.apps]
        self.ephemerals: list[Container] = []
        """Added to the running pod for debugging; they count for nothing."""
        self.containers = [*self.inits, *self.apps]
        self.hooking: Container | None = None
        """The container whose postStart hook runs: nothing else is started meanwhile."""
        self.start_time = 0
        self.address = ""
        """The pod's IP, "" before it has one."""
        self.sandbox = False
        self.initialized = not self.inits
        """All init containers are done: the others may run."""
        self.terminating = False
        """Its containers are being stopped for good."""
        self.finished = False
        """Nothing runs and nothing will."""
        self.rejected = False
        """Not admitted."""
        self.failure_phase = self.failure_reason = self.failure_message = ""
        self.resize: Resize | None = None
        """Where a change of its resources stands; None: it has what its spec asks for."""
        self.disruption = ""
        """Why the kubelet itself ends the pod; "" when it does not."""
        self.grace_until = 0
        """While terminating: the instant of SIGKILL."""
        self.timer: Timer | None = None
        """The step of the pod as a whole that is to come."""
        self.deadline: Timer | None = None

        if env.obj["spec"].get("ephemeralContainers"):
            self.add_ephemerals(env.obj["spec"]["ephemeralContainers"])

    @property
    def uid(self) -> Uid:
        return self.env.uid

    # -- beginning -------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Admit the pod and start its sandbox; a refusal fails it for good."""
        if self.finished or self.terminating:
            return
        self.start_time = self.node.clock.now()
        refusal = self.node.admit(self)
        if refusal is not None and preemption.make_room(self, refusal[0]):
            self.node.allocation.waiting[self.uid] = self
            return
        if refusal is not None:
            self.rejected = self.finished = True
            self.failure_phase, self.failure_reason = "Failed", refusal[0]
            self.failure_message = f"Pod was rejected: {refusal[1]}"
            self.say("Warning", *refusal)
            self.post()
            return
        self.watch_deadline()
        self.post()
        self._later(spread.within(self.node.config.sandbox_latency, self.uid, "sandbox"), self.make_sandbox)

    def make_sandbox(self) -> None:
        """The pod gets its network, when its volumes are there."""
        missing = self.node.volumes.missing(self.env)
        if missing:
            for volume in missing:
                self.say("Warning", "FailedMount", volume.message)
            self._later(self.node.volumes.wait(self.uid), self.make_sandbox)
            return
        if self.env.obj["spec"].get("volumes") and not self._attached():
            return
        problem = sandbox.problem(self.node.api, self.env.obj, self.node.env.obj)
        if problem:
            self.say("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {problem}")
            self._later(spread.within(_RESYNC, self.uid, "sandbox"), self.make_sandbox)
            return
        self.sandbox = True
        self.address = self.node.address if self.facts.host_network else self.node.addresses_of_pods.take(self.uid)
        self._later(self.node.config.sandbox_post, self.post)
        self.advance()

    def _attached(self) -> bool:
        """The pod's volumes are attached. Else the node wakes the pod when more are; a long wait is told of."""
        self.node.uses_volumes(self)
        missing = self.node.attachments.unattached(self.uid)
        if not missing:
            return True
        self.node.waiting_for_volumes[self.uid] = self

        def overdue() -> None:
            if self.node.waiting_for_volumes.get(self.uid) is self:
                left = ", ".join(self.node.attachments.unattached(self.uid))
                self.say(
                    "Warning", "FailedMount", f"Unable to attach or mount volumes: unmounted volumes=[{left}], "
                    "unattached volumes=[], failed to process volumes=[]: context deadline exceeded",
                )  # fmt: skip
                self.make_sandbox()

        self._later(_ATTACH_TIMEOUT, overdue)
        return False

    def watch_deadline(self) -> None:
        """activeDeadlineSeconds counts from the pod's start."""
        seconds = self.env.obj["spec"].get("activeDeadlineSeconds")
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        if seconds is not None:
            self.deadline = self.node.clock.call_at(self.start_time + seconds * SECOND, self._overdue)

    def _overdue(self) -> None:
        self.failure_phase, self.failure_reason, self.failure_message = "Failed", "DeadlineExceeded", DEADLINE
        self.say("Normal", "DeadlineExceeded", DEADLINE)
        ending.terminate(self, self.facts.grace)

    def evict(self, why: str, grace: int) -> None:
        """The node is short of something: the pod fails, within `grace` seconds."""
        self.say("Warning", "Evicted", why)
        self.fail("Evicted", why, grace)

    def fail(self, reason: str, why: str, grace: int) -> None:
        """The kubelet ends the pod for its node's sake."""
        self.failure_phase, self.failure_reason, self.failure_message = "Failed", reason, why
        self.disruption = why
        self.post()
        ending.terminate(self, grace)

    # -- starting containers ---------------------------------------------------------------------------------------

    def add_ephemerals(self, specs: Sequence[Mapping[str, Any]]) -> None:
        """Ephemeral containers of the pod's spec; those that are new start at once."""
        known = {c.facts.name for c in self.ephemerals}
        for spec in specs:
            if spec["name"] not in known:
                facts = ContainerFacts(spec, "ephemeral", "Never")
                c = Container(facts, "ContainerCreating", self.node.config)
                self.ephemerals.append(c)
                self.containers.append(c)

    def advance(self) -> None:
        """Start what may start now."""
        if self.terminating or self.finished or not self.sandbox or self.hooking is not None:
            return
        for c in self.ephemerals:
            if c.fresh:
                self.launch(c)
        if not self.initialized:
            for c in self.inits:
                if c.facts.kind == "init":
                    if c.completed:
                        continue
                elif c.started:
                    continue
                if c.fresh:
                    self.launch(c)
                return
            self.initialized = True
            for c in self.apps:
                c.reason = "PodInitializing"
        for c in self.apps:
            if c.fresh:
                self.launch(c)
                return

    def launch(self, c: Container) -> None:
        """Create and start a container: first its image."""
        c.fresh, c.busy = False, True
        try:
            reference = parse(c.facts.image)
        except InvalidReference as error:
            self.say("Warning", "InspectFailed", str(error), c)
            self._create_failed(c, ImageError("InvalidImageName", str(error)))
            return

        def say(type_: str, reason: str, message: str) -> None:
            self.say(type_, reason, message, c)

        c.pulling = self.node.images.ensure(
            c.facts.image, reference, c.facts.policy, access_of(self, reference), say,
            lambda outcome: self._image_came(c, reference, outcome),
        )  # fmt: skip

    def _image_came(self, c: Container, reference: Reference, outcome: Pulled | ImageError) -> None:
        c.pulling = None
        if isinstance(outcome, ImageError):
            self._create_failed(c, outcome)
            return
        problem = self.node.volumes.config_problem(self.env, c.facts)
        if problem is not None:
            self._create_failed(c, ImageError("CreateContainerConfigError", problem))
            return
        latency = spread.within(self.node.config.start_latency, self.uid, c.facts.name, c.restarts)
        image, image_id = str(reference), outcome.image_id
        c.set_timer(self.node.clock.call_later(latency, lambda: self._start(c, image, image_id)))

    def _create_failed(self, c: Container, error: ImageError) -> None:
        """The container cannot be created now; look again later."""
        now = self.node.clock.now()
        shown = error.message if error.reason == "CreateContainerConfigError" else error.reason
        self.say("Warning", "Failed", f"Error: {shown}", c)
        c.wait(error.reason, error.message)
        if error.reason == "ErrImagePull":
            c.pull_backoff.advance(now)
            back_off = f'Back-off pulling image "{c.facts.image}"'
            self._wait(
                c, c.pull_backoff.until(now), "ImagePullBackOff", f"{back_off}: ErrImagePull: {error.message}",
                (("Normal", "BackOff", back_off), ("Warning", "Failed", "Error: ImagePullBackOff")),
                lambda: self.launch(c),
            )  # fmt: skip
        else:
            c.set_timer(self.node.clock.call_later(self._resync(c), lambda: self.launch(c)))
        self.post()
        self.advance()

    def _start(self, c: Container, image: str, image_id: str) -> None:
        restarts = c.restarts + (c.terminated is not None or c.last is not None)
        c.id = f"containerd://{spread.hex_id(self.uid, c.facts.name, restarts)}"
        c.image, c.image_id = image, image_id
        spec = ContainerSpec(self.env, c.facts, restarts, c.id, self.address)
        try:
            handle = self.node.runtime.start(spec, lambda ending: self.exited(c, ending))
        except CannotStart as error:
            self.say("Normal", "Created", "Container created", c)
            starting.not_started(self, c, str(error))
            return
        self.say("Normal", "Created", "Container created", c)
        self.say("Normal", "Started", "Container started", c)
        for complaint in handle.complaints:
            self.say("Warning", "InvalidBehaviour", complaint, c)
        c.run(handle)
        if c.restarts:
            self.node.sweeper.consider()
        if handle.consumes:
            self.node.pressure.touch()
        if c.facts.post_start is not None:
            starting.run_post_start(self, c, handle, c.facts.post_start)
        else:
            self.came_up(c, handle)

    def came_up(self, c: Container, handle: Handle) -> None:
        """A container runs, and its postStart hook is done: it is probed, and the next one may start."""
        if self.timer is not None and self.initialized and all(other.state == RUNNING for other in self.apps):
            self.timer.cancel()
        self.start_probes(c, handle)
        self.post()
        self.advance()

    # -- probes ----------------------------------------------------------------------------------------------------

    def start_probes(self, c: Container, handle: Handle) -> None:
        """A container has started: probe it, or take it for started and ready."""
        facts = c.facts
        if facts.startup is not None:
            c.probers = (prober,) = (self.prober(c, facts.startup, handle),)
            prober.begin()
            return
        self._started(c, handle)

    def _started(self, c: Container, handle: Handle) -> None:
        c.started = True
        wanted = [probe for probe in (c.facts.readiness, c.facts.liveness) if probe is not None]
        c.probers = tuple(self.prober(c, probe, handle) for probe in wanted)
        if c.facts.readiness is None:
            c.ready = handle.ready_unasked
        for prober in c.probers:
            prober.begin()

    def prober(self, c: Container, probe: ProbeFacts, handle: Handle) -> Prober:
        """A prober for one probe, not yet begun."""

        def failed(prober: Prober, message: str) -> None:
            self.say("Warning", "Unhealthy", f"{prober.probe.kind} probe failed: {message}", c)

        return Prober(self.node.clock, probe, handle, failed, lambda prober: self._probed(c, handle, prober))

    def _probed(self, c: Container, handle: Handle, prober: Prober) -> None:
        kind = prober.probe.kind
        if kind == "Readiness":
            c.ready = bool(prober.result)
            self.post()
        elif prober.result:
            if kind == "Startup":
                prober.stop()
                self._started(c, handle)
                self.post()
                self.advance()
        elif not self.terminating:
            for each in c.probers:
                each.stop()
            grace = prober.probe.grace if prober.probe.grace is not None else self.facts.grace
            text = f"Container {c.facts.name} failed {kind.lower()} probe, will be restarted"
            ending.kill(self, c, grace * SECOND, text)

    # -- ends and restarts -----------------------------------------------------------------------------------------

    def exited(self, c: Container, exit_: Exit) -> None:
        """A container ended."""
        c.end(starting.with_message(self, c, exit_))
        if self.hooking is c:
            self.hooking = None
        self.post()
        if c.facts.kind == "ephemeral" and not self.terminating:
            return
        if self.terminating:
            ending.proceed(self)
        elif c.replaced:
            c.replaced = False
            self.launch(c)
        elif c.facts.restarts(exit_.code):
            if c.start_error is not None:
                c.wait(*c.start_error)
                c.start_error = None
            self.restart(c, exit_.at)
        elif c.facts.kind == "init":
            if exit_.code == 0:
                self.advance()
            else:
                ending.complete(self)
        elif all(a.state == TERMINATED and not a.busy for a in self.apps):
            ending.complete(self)

    def restart(self, c: Container, since: int) -> None:
        """Run an ended container again: at once, or after its back-off."""
        c.busy = True
        until = c.backoff.until(since)
        if until <= self.node.clock.now():
            c.backoff.advance(since)
            self.launch(c)
            return
        which = f"{self.env.name}_{self.env.namespace}({self.uid})"
        event = f"Back-off restarting failed container {c.facts.name} in pod {which}"
        shown = f"back-off {go_duration(c.backoff.delay)} restarting failed container={c.facts.name} pod={which}"

        def again() -> None:
            c.backoff.advance(since)
            self.launch(c)

        self._wait(c, until, "CrashLoopBackOff", shown, (("Warning", "BackOff", event),), again)

    def _wait(
        self, c: Container, until: int, reason: str, message: str, events: tuple[tuple[str, str, str], ...],
        then: Callable[[], None],
    ) -> None:  # fmt: skip
        """Try again at `until`; from the kubelet's next look on, the container is shown as backing off."""
        clock = self.node.clock

        def look() -> None:
            if clock.now() >= until:
                then()
                return
            for type_, why, text in events:
                self.say(type_, why, text, c)
            c.wait(reason, message)
            self.post()
            c.set_timer(clock.call_at(min(until, clock.now() + self._resync(c)), look))

        c.set_timer(clock.call_at(min(until, clock.now() + self.node.config.sync_period), look))

    def _resync(self, c: Container) -> int:
        return spread.within(_RESYNC, self.uid, c.facts.name)

    # -- the outside -----------------------------------------------------------------------------------------------

    def say(self, type_: str, reason: str, message: str, c: Container | None = None) -> None:
        """An event about the pod or one of its containers."""
        self.node.say(self.env, type_, reason, message, c.facts.field_path if c is not None else "")

    def post(self) -> None:
        """Write the pod's status, once at this instant."""
        self.node.post(self)

    def quiet(self) -> None:
        """No timer goes on."""
        for timer in (self.timer, self.deadline):
            if timer is not None:
                timer.cancel()
        for c in self.containers:
            c.quiet()

    def suspend(self) -> None:
        """The kubelet stops; the containers run on."""
        self.quiet()
        for c in self.containers:
            if c.handle is not None:
                c.handle.detach()

    def _later(self, span: int, step: Callable[[], None]) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.node.clock.call_later(span, step)
