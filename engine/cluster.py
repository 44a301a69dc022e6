"""The one place that wires a cluster together: store, API, informers, controllers, scheduler, kubelets, folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.api.kinds import builtin_kinds
from engine.api.server import Api
from engine.auth.bootstrap_roles import reconcile_roles
from engine.bootstrap import create_system_objects
from engine.client import WhyReport
from engine.clock import MINUTE, Clock
from engine.cloud.registry import chosen_provider
from engine.controllers.controller import ControllerRunner
from engine.controllers.registry import CONTROLLERS, ControllerContext
from engine.event_expiry import EventExpiry
from engine.events import SeriesRecorder
from engine.flags import Flags
from engine.folder.folder import Folder
from engine.informers import Informers
from engine.kubelet.config import KubeletConfig
from engine.kubelet.kubelets import Kubelets
from engine.kubelet.metrics import Metrics
from engine.kubelet.streams import Streams
from engine.loop import Loop
from engine.scheduler import explain
from engine.scheduler.config import SchedulerConfig
from engine.scheduler.config_file import load_scheduler_config
from engine.scheduler.scheduler import Scheduler
from engine.seed import Seed
from engine.summary import Summary
from store.store import Store

_RETAIN_EVERY: Final = 5 * MINUTE
_RETAIN_SLACK: Final = 0.1
"""Share of the kept history that may gather before it is worth compacting."""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    seed: int = 0
    controllers: Sequence[str] | None = None
    """Names of the controllers to run; None: all (`--controllers`)."""
    flags: Flags = field(default_factory=Flags)
    folder: str | None = None
    """Directory of manifests to watch; None: none."""
    history: int = 200_000
    """Newest revisions that are kept; older ones are compacted now and then. 0 keeps all."""


class Cluster:
    """A cluster on the calling thread. `loop.run_until(t)` plays it, `loop.run()` runs it at the clock's speed."""

    def __init__(self, store: Store, clock: Clock, options: ClusterOptions = ClusterOptions()) -> None:
        self.store, self.clock, self.options = store, clock, options
        self.seed = Seed(options.seed, store.revision)
        self._retained = 0
        """Revision up to which history was compacted by this process."""
        self.crashes = 0
        """Callbacks that failed and controllers that were restarted."""
        self.loop = Loop(clock, self._crashed)
        self.api = Api(store, clock, self.seed, builtin_kinds(), options.flags)
        self.informers = Informers(store, self.loop)
        self.summary = Summary(store)
        scheduler_config = options.flags.text("scheduler-config")
        self.scheduler = Scheduler(
            self.api, clock, self.loop, self.informers, self.seed,
            SeriesRecorder(self.api, "default-scheduler", "kubarium"), store,
            load_scheduler_config(scheduler_config) if scheduler_config else SchedulerConfig(),
        )  # fmt: skip
        self.kubelets = Kubelets(
            self.api,
            clock,
            self.loop,
            self.informers,
            self.seed,
            KubeletConfig.from_flags(options.flags),
            self._crashed,
        )
        self.streams = Streams(self.api, clock, self.informers, self.kubelets)
        self.metrics = Metrics(self.api, self.kubelets)
        self.event_expiry = EventExpiry(self.api, self.informers, options.flags.duration("event-ttl"))
        self.cloud = chosen_provider(options.flags, self.api)
        names = CONTROLLERS if options.controllers is None else options.controllers
        self.controllers = [
            ControllerRunner(
                CONTROLLERS[name](
                    ControllerContext(
                        self.api, clock, self.seed, name, options.flags, usage=self.kubelets.stats, cloud=self.cloud
                    )
                ),
                self.api, clock, self.loop, self.informers, lambda _, error: self._crashed(error),
            )
            for name in names
        ]  # fmt: skip
        self.kubelets.effects.listen(lambda _: self._hold_controllers())
        self.folder = (
            Folder(self.api, clock, self.loop, self.informers, options.folder) if options.folder is not None else None
        )

    def start(self, stepped: bool = False) -> None:
        """Create what every cluster has, and start all components. `stepped`: read the folder once, in this thread."""
        self._prepare()
        for begin in self._components(stepped):
            begin()

    def start_soon(self) -> None:
        """The same, but each component starts as a callback of the loop: requests are answered before and in between.

        Until its turn a component has seen nothing; it then takes up what is there, as after any restart.
        """
        self._prepare()
        components = self._components(stepped=False)

        def start_next() -> None:
            begin = next(components, None)
            if begin is not None:
                self.loop.call_soon(start_next)
                begin()

        self.loop.call_soon(start_next)

    def _prepare(self) -> None:
        create_system_objects(self.api, self.options.flags)
        reconcile_roles(self.api)
        self._retain()

    def _components(self, stepped: bool) -> Iterator[Callable[[], None]]:
        """How each is started, in order."""
        yield self.scheduler.start
        yield self.kubelets.start
        for runner in self.controllers:
            yield runner.start
        yield self.event_expiry.start  # it looks at all Events, and nobody waits for it
        yield self._hold_controllers
        if self.folder is not None:
            yield self.folder.load_once if stepped else self.folder.start

    def _hold_controllers(self) -> None:
        """Controllers that faults keep down."""
        down = self.kubelets.effects.down()
        for runner in self.controllers:
            fault = down.get(runner.controller.name)
            runner.hold(f"fault {fault}" if fault else "")

    def stop(self) -> None:
        """Stop what runs beside the engine thread."""
        if self.folder is not None:
            self.folder.stop()

    def folder_states(self) -> dict[str, int]:
        """Files of the watched folder by state; empty without one."""
        return self.folder.states() if self.folder is not None else {}

    def why(self, namespace: str, pod: str) -> WhyReport:
        """Where a pod stands with the scheduler and its kubelet. Raises NotFound."""
        return explain.why(self.api, self.scheduler, namespace, pod)

    def _crashed(self, error: BaseException) -> None:
        self.crashes += 1

    def _retain(self) -> None:
        keep = self.options.history
        if keep and self.store.revision - self._retained > keep * (1 + _RETAIN_SLACK):
            self._retained = self.store.revision - keep
            self.store.retain(keep)
        self.clock.call_later(_RETAIN_EVERY, self._retain)

    def run_for(self, span: int) -> None:
        """Play `span` microseconds of cluster time."""
        self.loop.run_until(self.clock.now() + span)
