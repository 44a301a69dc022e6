"""What the scheduler tells about a pod: events, and the condition PodScheduled while it has no node."""

from __future__ import annotations

import logging
from typing import Final, Literal, Protocol

from engine.api.errors import ApiError
from engine.api.kinds import PODS
from engine.api.requests import DeleteOptions
from engine.api.server import Api, Caller
from engine.api.subresources import with_condition
from engine.clock import Clock, rfc3339
from store.types import Envelope, JsonObject

_GATED: Final = "Scheduling is blocked due to non-empty scheduling gates"
_log = logging.getLogger(__name__)


class Recorder(Protocol):
    """An events.k8s.io recorder."""

    def event(
        self, about: Envelope, type_: Literal["Normal", "Warning"], reason: str, message: str, action: str,
        related: Envelope | None = None,
    ) -> None: ...  # fmt: skip


class Reporter:
    """Writes as the scheduler. Nothing that goes wrong here undoes a decision."""

    def __init__(self, api: Api, clock: Clock, recorder: Recorder, caller: Caller) -> None:
        self._api, self._clock, self.recorder, self._caller = api, clock, recorder, caller

    def scheduled(self, env: Envelope, node: str) -> None:
        """The pod was bound. (Its condition came with the binding.)"""
        text = f"Successfully assigned {env.namespace}/{env.name} to {node}"
        self._event(env, "Normal", "Scheduled", text, "Binding")

    def failed(
        self, env: Envelope, reason: Literal["Unschedulable", "SchedulerError"], message: str,
        nominated: str | None = None,
    ) -> None:  # fmt: skip
        """An attempt was in vain. The condition is written only if it changes. `nominated`: the node that room is made
        on; "" takes the nomination back, None leaves it."""
        self._event(env, "Warning", "FailedScheduling", message, "Scheduling")
        generation = env.obj["metadata"].get("generation", 1)
        self._condition(env, reason, message, {"observedGeneration": generation}, nominated)

    def preempted(self, victim: Envelope, preemptor: Envelope, node: str) -> None:
        """A pod has to go so that another gets its room. Raises ApiError when it cannot be removed."""
        if "deletionTimestamp" in victim.obj["metadata"]:
            return
        scheduler = preemptor.obj["spec"].get("schedulerName") or "default-scheduler"
        condition = {
            "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
            "message": f"{scheduler}: preempting to accommodate a higher priority pod",
            "observedGeneration": victim.obj["metadata"].get("generation", 1),
        }  # fmt: skip
        status = with_condition(victim.obj.get("status") or {}, condition, rfc3339(self._clock.now()))
        victim = self._api.update_status(self._caller, victim, status)
        self._api.delete(self._caller, PODS, victim.namespace, victim.name, DeleteOptions(uid=victim.uid))
        text = f"Preempted by pod {preemptor.uid} on node {node}"
        self._event(victim, "Normal", "Preempted", text, "Preempting", preemptor)

    def unnominated(self, env: Envelope) -> None:
        """A pod's room was given to a more important one."""
        status = env.obj.get("status") or {}
        if not status.get("nominatedNodeName"):
            return
        try:
            self._api.update_status(
                self._caller, env, {key: value for key, value in status.items() if key != "nominatedNodeName"}
            )
        except ApiError as error:
            _log.debug("%s: nomination not taken back: %s", env.key, error)

    def skipped(self, env: Envelope) -> None:
        """The pod is being deleted."""
        text = f"skip schedule deleting pod: {env.namespace}/{env.name}"
        self._event(env, "Warning", "FailedScheduling", text, "Scheduling")

    def gated(self, env: Envelope) -> None:
        """The pod has scheduling gates."""
        self._condition(env, "SchedulingGated", _GATED, {})

    # -- inside ----------------------------------------------------------------------------------------------------

    def _event(
        self, env: Envelope, kind: Literal["Normal", "Warning"], reason: str, message: str, action: str,
        related: Envelope | None = None,
    ) -> None:  # fmt: skip
        try:
            if related is None:
                self.recorder.event(env, kind, reason, message, action)
            else:
                self.recorder.event(env, kind, reason, message, action, related)
        except Exception:  # noqa: BLE001  events are best effort
            _log.exception("%s: event %s not recorded", env.key, reason)

    def _condition(
        self, env: Envelope, reason: str, message: str, more: JsonObject, nominated: str | None = None
    ) -> None:
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
        named = status.get("nominatedNodeName", "")
        if condition == before and nominated in (None, named):
            return
        others = [c for c in conditions if c["type"] != "PodScheduled"]
        changed = {"phase": "Pending", **status, "conditions": [*others, condition]}
        if nominated:
            changed["nominatedNodeName"] = nominated
        elif nominated == "":
            changed.pop("nominatedNodeName", None)
        try:
            self._api.update_status(self._caller, env, changed)
        except ApiError as error:
            # The pod changed or went in the meantime; its next attempt says it again.
            _log.debug("%s: condition not written: %s", env.key, error)
