"""What the scheduler tells about a pod: events, and the condition PodScheduled while it has no node."""

from __future__ import annotations

import logging
from typing import Final, Literal, Protocol

from engine.api.errors import ApiError
from engine.api.server import Api, Caller
from engine.clock import Clock, rfc3339
from store.types import Envelope, JsonObject

_GATED: Final = "Scheduling is blocked due to non-empty scheduling gates"
_log = logging.getLogger(__name__)


class Recorder(Protocol):
    """An events.k8s.io recorder."""

    def event(
        self, about: Envelope, type_: Literal["Normal", "Warning"], reason: str, message: str, action: str
    ) -> None: ...


class Reporter:
    """Writes as the scheduler. Nothing that goes wrong here undoes a decision."""

    def __init__(self, api: Api, clock: Clock, recorder: Recorder, caller: Caller) -> None:
        self._api, self._clock, self.recorder, self._caller = api, clock, recorder, caller

    def scheduled(self, env: Envelope, node: str) -> None:
        """The pod was bound. (Its condition came with the binding.)"""
        text = f"Successfully assigned {env.namespace}/{env.name} to {node}"
        self._event(env, "Normal", "Scheduled", text, "Binding")

    def failed(self, env: Envelope, reason: Literal["Unschedulable", "SchedulerError"], message: str) -> None:
        """An attempt was in vain. The condition is written only if it changes."""
        self._event(env, "Warning", "FailedScheduling", message, "Scheduling")
        self._condition(env, reason, message, {"observedGeneration": env.obj["metadata"].get("generation", 1)})

    def skipped(self, env: Envelope) -> None:
        """The pod is being deleted."""
        text = f"skip schedule deleting pod: {env.namespace}/{env.name}"
        self._event(env, "Warning", "FailedScheduling", text, "Scheduling")

    def gated(self, env: Envelope) -> None:
        """The pod has scheduling gates."""
        self._condition(env, "SchedulingGated", _GATED, {})

    # -- inside ----------------------------------------------------------------------------------------------------

    def _event(self, env: Envelope, kind: Literal["Normal", "Warning"], reason: str, message: str, action: str) -> None:
        try:
            self.recorder.event(env, kind, reason, message, action)
        except Exception:  # noqa: BLE001  events are best effort
            _log.exception("%s: event %s not recorded", env.key, reason)

    def _condition(self, env: Envelope, reason: str, message: str, more: JsonObject) -> None:
        status = env.obj.get("status") or {}
        conditions = status.get("conditions") or []
        before = next((c for c in conditions if c["type"] == "PodScheduled"), None)
        since = rfc3339(self._clock.now())
        if before is not None and before["status"] == "False":
            since = before["lastTransitionTime"]
        condition = {
            "lastProbeTime": None, "lastTransitionTime": since, "message": message, **more, "reason": reason,
            "status": "False", "type": "PodScheduled",
        }  # fmt: skip
        if condition == before:
            return
        others = [c for c in conditions if c["type"] != "PodScheduled"]
        changed = {"phase": "Pending", **status, "conditions": [*others, condition]}
        try:
            self._api.update_status(self._caller, env, changed)
        except ApiError as error:
            # The pod changed or went in the meantime; its next attempt says it again.
            _log.debug("%s: condition not written: %s", env.key, error)
