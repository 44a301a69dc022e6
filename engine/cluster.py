"""The one place that wires a cluster together: store, API, informers, controllers, scheduler, kubelets, folder.

(First cut.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.api.kinds import NAMESPACES, builtin_kinds
from engine.api.server import Api, Caller
from engine.clock import Clock
from engine.controllers.controller import ControllerRunner
from engine.controllers.registry import CONTROLLERS, ControllerContext
from engine.flags import Flags
from engine.informers import Informers
from engine.loop import Loop
from engine.seed import Seed
from store.store import Store

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    seed: int = 0
    controllers: Sequence[str] | None = None
    """Names of the controllers to run; None: all (`--controllers`)."""
    flags: Flags = field(default_factory=Flags)
    folder: str | None = None
    """Directory of manifests to watch; None: none."""


class Cluster:
    """A cluster on the calling thread. `loop.run_until(t)` plays it, `loop.run()` runs it at the clock's speed."""

    def __init__(self, store: Store, clock: Clock, options: ClusterOptions = ClusterOptions()) -> None:
        self.store, self.clock, self.options = store, clock, options
        self.seed = Seed(options.seed, store.revision)
        self.loop = Loop(clock)
        self.api = Api(store, clock, self.seed, builtin_kinds())
        self.informers = Informers(store, self.loop)
        names = CONTROLLERS if options.controllers is None else options.controllers
        self.controllers = [
            ControllerRunner(
                CONTROLLERS[name](ControllerContext(self.api, clock, self.seed, name, options.flags)),
                self.api, clock, self.loop, self.informers,
            )
            for name in names
        ]  # fmt: skip

    def start(self) -> None:
        """Create what every cluster has, and start all components."""
        caller = Caller("system:apiserver")
        for name in SYSTEM_NAMESPACES:
            if self.api.find(NAMESPACES, "", name) is None:
                self.api.create(caller, NAMESPACES, "", {"metadata": {"name": name}})
        for runner in self.controllers:
            runner.start()

    def run_for(self, span: int) -> None:
        """Play `span` microseconds of cluster time."""
        self.loop.run_until(self.clock.now() + span)
