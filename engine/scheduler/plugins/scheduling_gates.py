"""SchedulingGates: a pod with `spec.schedulingGates` is not tried until they are gone."""

from __future__ import annotations

from engine.scheduler.framework import PreEnqueuePlugin
from store.types import Envelope


class SchedulingGates(PreEnqueuePlugin):
    name = "SchedulingGates"

    def pre_enqueue(self, env: Envelope) -> bool:
        return not env.obj["spec"].get("schedulingGates")
