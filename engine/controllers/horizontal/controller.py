"""HorizontalPodAutoscalers: every 15 s, as many replicas as the metrics ask for (horizontal.go).

An autoscaler reads its target's scale, asks its metrics (`metrics`), holds the answer within bounds and rates
(`normalise`) and writes the scale. Three conditions say how that went: AbleToScale, ScalingActive, ScalingLimited.
Nothing that happens brings the next look forward, and no failure puts it off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from engine.api import quantity, selectors
from engine.api.errors import ApiError, Conflict, NotFound
from engine.api.kinds import HPAS, PODS, Kind
from engine.api.selectors import LabelSelector
from engine.clock import rfc3339
from engine.controllers.controller import Key, Queue, Watch
from engine.controllers.horizontal import metrics
from engine.controllers.horizontal.calculator import Calculator, Tolerance
from engine.controllers.horizontal.config import HorizontalConfig
from engine.controllers.horizontal.normalise import Bounds, Memory, normalise
from store.types import DELETED, Envelope, JsonObject, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext


class _Unable(Exception):
    """This look is over: the conditions say why."""


class _Look:
    """One look at one autoscaler: its conditions as they come to be."""

    def __init__(self, hpa: Envelope, stamp: str) -> None:
        self.hpa, self.spec, self._stamp = hpa, hpa.obj["spec"], stamp
        self.status: JsonObject = hpa.obj.get("status") or {}
        self.conditions: list[JsonObject] = list(self.status.get("conditions") or ())
        self.metrics: list[JsonObject] | None = None
        """Statuses of the metrics; None when they were not asked."""

    def set(self, type_: str, status: bool, reason: str, message: str) -> None:
        """setCondition: the time moves with the status only."""
        new: dict[str, Any] = {
            "type": type_, "status": "True" if status else "False", "lastTransitionTime": self._stamp,
            "reason": reason, "message": message,
        }  # fmt: skip
        for index, present in enumerate(self.conditions):
            if present["type"] == type_:
                if present["status"] == new["status"]:
                    new["lastTransitionTime"] = present["lastTransitionTime"]
                self.conditions[index] = new
                return
        self.conditions.append(new)

    def told(self, current: int | None, desired: int, rescaled: bool) -> JsonObject:
        """The new status. `current` None: only the conditions are new."""
        if current is None:
            return {"currentMetrics": None, "desiredReplicas": 0, **self.status, "conditions": self.conditions}
        status: JsonObject = {"conditions": self.conditions, "currentMetrics": self.metrics or None}
        if current:
            status["currentReplicas"] = current
        status["desiredReplicas"] = desired
        when = self._stamp if rescaled else self.status.get("lastScaleTime")
        return status | {"lastScaleTime": when} if when else status


class HorizontalController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = context.recorder("horizontal-pod-autoscaler")
        self._config = HorizontalConfig()
        self._calculator = Calculator(context.usage, context.clock.now, self._config)
        self._queue: Queue | None = None
        self._memories: dict[Key, Memory] = {}
        self._selectors: dict[Key, LabelSelector] = {}
        """What the target of each autoscaler selects, as of its last look."""

    def watches(self) -> Sequence[Watch]:
        return (Watch(HPAS, self._changed),)

    def start(self, queue: Queue) -> None:
        """Start over: what was recommended before is not known."""
        self._queue = queue
        self._memories.clear()
        self._selectors.clear()

    def reconcile(self, key: Key) -> int | None:
        hpa = self._api.find(HPAS, *key)
        if hpa is None:
            self._memories.pop(key, None)
            self._selectors.pop(key, None)
            return None
        look = _Look(hpa, rfc3339(self._clock.now()))
        try:
            status = self._look(look, key)
        except _Unable:
            status = look.told(None, 0, False)
        self._write(hpa, status)
        return self._config.sync_period

    def _changed(self, event: WatchEvent) -> Iterable[Key]:
        """A look is due one period after the last, whatever happens; only a deletion is seen at once."""
        key = (event.now.namespace, event.now.name)
        if event.type == DELETED:
            return (key,)
        if self._queue is not None:
            self._queue.add_after(key, self._config.sync_period)
        return ()

    # -- one look --------------------------------------------------------------------------------------------------

    def _look(self, look: _Look, key: Key) -> JsonObject:
        spec, behavior = look.spec, look.spec.get("behavior")
        kind, scale = self._scale(look)
        current: int = scale["spec"]["replicas"]
        memory = self._memories.get(key)
        if memory is None:
            memory = self._memories[key] = Memory([(self._clock.now(), current)])
        bounds = Bounds(current, spec.get("minReplicas", 1), spec["maxReplicas"])
        why = ""
        if current == 0 and bounds.least != 0:
            message = "scaling is disabled since the replica count of the target is zero"
            look.set("ScalingActive", False, "ScalingDisabled", message)
            return look.told(current, current, False)
        if current > bounds.most:
            desired, why = bounds.most, "Current number of replicas above Spec.MaxReplicas"
        elif current < bounds.least:
            desired, why = bounds.least, "Current number of replicas below Spec.MinReplicas"
        else:
            outcome = self._ask(look, key, scale)
            if outcome is None:
                return look.told(current, look.status.get("desiredReplicas", 0), False)
            if outcome.replicas > current:
                why = f"{outcome.name} above target"
            elif outcome.replicas < current:
                why = "All metrics below target"
            now, window = self._clock.now(), self._config.downscale_stabilisation
            held = normalise(memory, behavior, bounds, outcome.replicas, now, window)
            look.set("AbleToScale", True, *held.able)
            look.set("ScalingLimited", held.limited, *held.limit)
            desired = held.replicas
            if desired == current:
                return look.told(current, current, False)
        return self._rescale(look, kind, scale, desired, why, memory)

    def _scale(self, look: _Look) -> tuple[Kind, JsonObject]:
        """The target's kind and its Scale. Raises _Unable."""
        target = look.spec["scaleTargetRef"]
        kind = self._api.kinds.by_kind(target.get("apiVersion") or "v1", target["kind"])
        try:
            if kind is None:
                group = (target.get("apiVersion") or "").rpartition("/")[0]
                where = f' in group "{group}"' if group else ""
                raise NotFound(f'no matches for kind "{target["kind"]}"{where}')
            scale = self._api.get_scale(kind.resource, look.hpa.namespace, target["name"])
        except ApiError as error:
            self._recorder.event(look.hpa, "Warning", "FailedGetScale", str(error))
            message = f"the HPA controller was unable to get the target's current scale: {error}"
            look.set("AbleToScale", False, "FailedGetScale", message)
            raise _Unable from error
        message = "the HPA controller was able to get the target's current scale"
        look.set("AbleToScale", True, "SucceededGetScale", message)
        return kind, scale

    def _ask(self, look: _Look, key: Key, scale: JsonObject) -> metrics.Outcome | None:
        """What the metrics ask for; None when that cannot be said."""

        def warn(reason: str, message: str) -> None:
            self._recorder.event(look.hpa, "Warning", reason, message)

        pods = self._pods(look, key, scale)
        if isinstance(pods, str):
            warn("FailedComputeMetricsReplicas", pods)
            return None
        outcome = metrics.compute(
            self._calculator, look.hpa, scale["spec"]["replicas"], pods, self._tolerance(look.spec), warn
        )
        look.metrics = outcome.statuses
        if outcome.replicas < 0:
            message = f"the HPA was unable to compute the replica count: {outcome.message}"
            look.set("ScalingActive", False, outcome.reason, message)
            warn("FailedComputeMetricsReplicas", outcome.failure)
            return None
        message = f"the HPA was able to successfully calculate a replica count from {outcome.name}"
        look.set("ScalingActive", True, "ValidMetricFound", message)
        return outcome

    def _pods(self, look: _Look, key: Key, scale: JsonObject) -> list[Envelope] | str:
        """Pods of the target; an error's text when its selector says nothing, or two autoscalers mean them."""
        text = scale["status"].get("selector") or ""
        if not text:
            self._recorder.event(look.hpa, "Warning", "SelectorRequired", "selector is required")
            message = "the HPA target's scale is missing a selector"
            look.set("ScalingActive", False, "InvalidSelector", message)
            return "selector is required"
        selector = self._selectors[key] = selectors.parse_labels(text)
        namespace = look.hpa.namespace
        pods = [pod for pod in self._api.store.list(PODS, namespace) if selector.matches(pod.labels)]
        rivals = [
            other
            for other, theirs in self._selectors.items()
            if other != key and other[0] == namespace and any(theirs.matches(pod.labels) for pod in pods)
        ]
        if pods and rivals:
            names = " ".join("/".join(one) for one in sorted([key, *rivals]))
            message = f"pods by selector {text} are controlled by multiple HPAs: [{names}]"
            self._recorder.event(look.hpa, "Warning", "AmbiguousSelector", message)
            look.set("ScalingActive", False, "AmbiguousSelector", message)
            return message
        return pods

    def _tolerance(self, spec: JsonObject) -> Tolerance:
        behavior = spec.get("behavior") or {}

        def of(direction: str) -> float:
            given = (behavior.get(direction) or {}).get("tolerance")
            return self._config.tolerance if given is None else quantity.parse(given).nano / quantity.NANO

        return Tolerance(of("scaleDown"), of("scaleUp"))

    def _rescale(
        self, look: _Look, kind: Kind, scale: JsonObject, desired: int, why: str, memory: Memory
    ) -> JsonObject:  # fmt: skip
        current: int = scale["spec"]["replicas"]
        name, namespace = look.spec["scaleTargetRef"]["name"], look.hpa.namespace
        try:
            wanted = {**scale, "spec": {**scale["spec"], "replicas": desired}}
            self._api.update(self._caller, kind.resource, namespace, name, wanted, subresource="scale")
        except ApiError as error:
            told = f"New size: {desired}; reason: {why}; error: {error}"
            self._recorder.event(look.hpa, "Warning", "FailedRescale", told)
            message = f"the HPA controller was unable to update the target scale: {error}"
            look.set("AbleToScale", False, "FailedUpdateScale", message)
            return look.told(current, look.status.get("desiredReplicas", 0), False)
        message = f"the HPA controller was able to update the target scale to {desired}"
        look.set("AbleToScale", True, "SucceededRescale", message)
        self._recorder.event(look.hpa, "Normal", "SuccessfulRescale", f"New size: {desired}; reason: {why}")
        memory.scaled(self._clock.now(), current, desired, look.spec.get("behavior"))
        return look.told(current, desired, True)

    def _write(self, hpa: Envelope, status: JsonObject) -> None:
        if status == hpa.obj.get("status"):
            return
        try:
            self._api.update_status(self._caller, hpa, status)
        except (Conflict, NotFound):
            return
