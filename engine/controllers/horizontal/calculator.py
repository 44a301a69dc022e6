"""From what pods use to how many there should be (pkg/controller/podautoscaler/replica_calculator.go).

The count follows the ratio of what is used to what is wanted, unless that is within the tolerance. Pods that cannot be
judged are handled so that the count moves less, never more: on the way up those without a sample and those not yet
ready count as idle, on the way down those without a sample count as busy; a result that would turn the direction
around changes nothing. Amounts are thousandths of the unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from engine.api import quantity
from engine.clock import parse_time
from engine.controllers.controller import being_deleted
from engine.controllers.horizontal.config import HorizontalConfig
from store.types import Envelope


class Used(Protocol):
    """What one container uses now."""

    @property
    def cpu(self) -> int:
        """Millicores."""

    @property
    def memory(self) -> int:
        """Bytes."""


Usage = Callable[[Envelope], Mapping[str, Used]]
"""What a pod's running containers use, by name; empty when nobody measures it."""


def no_usage(pod: Envelope) -> Mapping[str, Used]:
    """Nothing is measured."""
    return {}


Ratio = tuple[float, int, int]
"""Used to wanted, percent of the requests, average per pod."""


class NoMetric(Exception):
    """There is no replica count to be had. The text is Kubernetes' own."""


class Tolerance(NamedTuple):
    """How far the ratio may be off before anything is done, either way."""

    down: float
    up: float

    def holds(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Proposal(NamedTuple):
    """What one metric asks for."""

    replicas: int
    average: int
    """What a pod uses on average, in thousandths."""
    utilization: int | None = None
    """The same in percent of the requests; None when the target is no percentage."""


class Groups(NamedTuple):
    """Pods by what their samples are worth, each by name."""

    ready: int
    unready: list[str]
    missing: list[str]
    ignored: list[str]


class Calculator:
    """One per cluster."""

    def __init__(self, usage: Usage, now: Callable[[], int], config: HorizontalConfig) -> None:
        self._usage, self._now, self._config = usage, now, config

    def by_utilization(
        self, current: int, target: int, resource: str, container: str, pods: Sequence[Envelope], tolerance: Tolerance
    ) -> Proposal:
        """Replicas that use `target` percent of their requests. Raises NoMetric."""
        metrics = self._samples(pods, resource, container)
        requests: dict[str, int] = {}

        def ratio_of(samples: Mapping[str, int]) -> tuple[float, int, int]:
            known = {name: value for name, value in samples.items() if name in requests}
            used, requested = sum(known.values()), sum(requests[name] for name in known)
            if not requested:
                raise NoMetric("no metrics returned matched known pods")
            percent = used * 100 // requested
            return percent / target, percent, used // len(known)

        groups = self._grouped(pods, metrics, resource)
        requests.update(_requests(pods, resource, container))
        busy = {name: requests[name] * max(100, target) // 100 for name in groups.missing}
        replicas, (_, percent, average) = _replicas(current, metrics, groups, ratio_of, busy, tolerance)
        return Proposal(replicas, average, percent)

    def by_average(
        self, current: int, target: int, resource: str, container: str, pods: Sequence[Envelope], tolerance: Tolerance
    ) -> Proposal:
        """Replicas that use `target` thousandths each. Raises NoMetric."""
        metrics = self._samples(pods, resource, container)

        def ratio_of(samples: Mapping[str, int]) -> tuple[float, int, int]:
            average = sum(samples.values()) // len(samples)
            return average / target, 0, average

        groups = self._grouped(pods, metrics, resource)
        busy = dict.fromkeys(groups.missing, target)
        replicas, (_, _, average) = _replicas(current, metrics, groups, ratio_of, busy, tolerance)
        return Proposal(replicas, average)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _samples(self, pods: Sequence[Envelope], resource: str, container: str) -> dict[str, int]:
        """Pod → what it uses, of those that are measured."""
        samples: dict[str, int] = {}
        measured = False
        for pod in pods:
            used = self._usage(pod)
            if not used:
                continue
            measured = True
            if container:
                if container not in used:
                    raise NoMetric(
                        f"unable to get metrics for resource {resource}: failed to get container metrics: "
                        f"container {container} not present in metrics for pod {pod.namespace}/{pod.name}"
                    )
                used = {container: used[container]}
            if resource == "cpu":
                samples[pod.name] = sum(one.cpu for one in used.values())
            elif resource == "memory":
                samples[pod.name] = sum(one.memory for one in used.values()) * 1000
        if not measured:
            raise NoMetric(
                f"unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
            )
        return samples

    def _grouped(self, pods: Sequence[Envelope], metrics: dict[str, int], resource: str) -> Groups:
        """groupPods; takes the samples of pods that do not count out of `metrics`. Raises NoMetric."""
        ready, unready, missing, ignored = 0, [], [], []
        for pod in pods:
            status: dict[str, Any] = pod.obj.get("status") or {}
            if being_deleted(pod.obj) or status.get("phase") == "Failed":
                ignored.append(pod.name)
            elif status.get("phase", "Pending") == "Pending":
                unready.append(pod.name)
            elif pod.name not in metrics:
                missing.append(pod.name)
            elif resource == "cpu" and self._starting(status):
                unready.append(pod.name)
            else:
                ready += 1
        for name in (*unready, *ignored):
            metrics.pop(name, None)
        if not metrics:
            raise NoMetric("did not receive metrics for targeted pods (pods might be unready)")
        return Groups(ready, unready, missing, ignored)

    def _starting(self, status: dict[str, Any]) -> bool:
        """Its cpu sample tells of its start, not of its work."""
        condition = next((one for one in status.get("conditions") or () if one["type"] == "Ready"), None)
        if condition is None or not status.get("startTime"):
            return True
        started, now, config = parse_time(status["startTime"]), self._now(), self._config
        moved = parse_time(condition["lastTransitionTime"]) if condition.get("lastTransitionTime") else 0
        if started + config.cpu_initialization_period > now:
            return bool(condition["status"] == "False") or now < moved + config.metric_window
        return condition["status"] == "False" and started + config.initial_readiness_delay > moved


def _replicas(
    current: int, metrics: Mapping[str, int], groups: Groups, ratio_of: Callable[[Mapping[str, int]], Ratio],
    busy: Mapping[str, int], tolerance: Tolerance,
) -> tuple[int, Ratio]:  # fmt: skip
    """The count, and the ratio as it was measured. `busy`: what a pod without a sample uses at the most."""
    measured = ratio_of(metrics)
    ratio = measured[0]
    include_unready = bool(groups.unready) and ratio > 1.0
    if not include_unready and not groups.missing:
        return (current if tolerance.holds(ratio) else math.ceil(ratio * groups.ready)), measured
    assumed = dict(metrics)
    if groups.missing and ratio < 1.0:
        assumed.update(busy)
    elif groups.missing and ratio > 1.0:
        assumed.update(dict.fromkeys(groups.missing, 0))
    if include_unready:
        assumed.update(dict.fromkeys(groups.unready, 0))
    new = ratio_of(assumed)[0]
    if tolerance.holds(new) or (ratio < 1.0 < new) or (new < 1.0 < ratio):
        return current, measured
    replicas = math.ceil(new * len(assumed))
    if (new < 1.0 and replicas > current) or (new > 1.0 and replicas < current):
        return current, measured
    return replicas, measured


def _requests(pods: Sequence[Envelope], resource: str, container: str) -> dict[str, int]:
    """Pod → what its containers (and sidecars) ask for, in thousandths. Raises NoMetric when one asks for nothing."""
    found: dict[str, int] = {}
    for pod in pods:
        spec = pod.obj["spec"]
        asked = 0
        sidecars = [one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"]
        for one in (*spec["containers"], *sidecars):
            if container and one["name"] != container:
                continue
            request = ((one.get("resources") or {}).get("requests") or {}).get(resource)
            if request is None:
                raise NoMetric(f"missing request for {resource} in container {one['name']} of Pod {pod.name}")
            asked += quantity.milli(request)
        found[pod.name] = asked
    return found
