"""Which controllers run: one line each, in the order in which they start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.api.server import Api, Caller
from engine.clock import Clock
from engine.controllers.controller import Controller
from engine.controllers.deployment.controller import DeploymentController
from engine.controllers.replicaset import ReplicaSetController
from engine.events import EventRecorder
from engine.flags import Flags
from engine.seed import Seed


@dataclass(frozen=True, slots=True)
class ControllerContext:
    """What a controller is given."""

    api: Api
    clock: Clock
    seed: Seed
    name: str
    flags: Flags

    @property
    def caller(self) -> Caller:
        return Caller(f"system:serviceaccount:kube-system:{self.name}")

    def recorder(self, component: str = "") -> EventRecorder:
        """Events of this controller; `component` where Kubernetes uses another name than the controller's."""
        return EventRecorder(self.api, component or self.name)


CONTROLLERS: dict[str, Callable[[ControllerContext], Controller]] = {
    "deployment-controller": DeploymentController,
    "replicaset-controller": ReplicaSetController,
}
"""Controller name → factory."""
