"""HorizontalPodAutoscalers in a small world whose pods use what the test says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from engine.api.kinds import DEPLOYMENTS, HPAS, PODS
from engine.clock import rfc3339
from engine.controllers.controller import ControllerRunner
from engine.controllers.horizontal.calculator import Used
from engine.controllers.horizontal.controller import HorizontalController
from engine.controllers.registry import ControllerContext
from engine.flags import Flags
from store.types import Envelope
from tests.engine.controllers.world import KUBELET, World, workload

SYNC = 15.5
"""Seconds in which one look is sure to happen."""


class Use(NamedTuple):
    cpu: int
    memory: int = 0


class Gauge(World):
    """A world with an autoscaler controller that measures `use` in each running container."""

    def __init__(self, cpu: int = 50) -> None:
        super().__init__(["deployment-controller", "replicaset-controller"])
        self.use = Use(cpu)
        self.unmeasured = 0
        """So many of the pods (the last by name) have no sample."""
        name = "horizontal-pod-autoscaler-controller"
        context = ControllerContext(self.api, self.clock, self.seed, name, Flags(), usage=self.usage)
        self.runner = ControllerRunner(
            HorizontalController(context), self.api, self.clock, self.loop, self.informers,
            on_crash=lambda _, error: self.crashes.append(error),
        )  # fmt: skip
        self.runner.start()

    def usage(self, pod: Envelope) -> Mapping[str, Used]:
        names = [one.name for one in self.live_pods()]
        if pod.name not in names or names.index(pod.name) >= len(names) - self.unmeasured:
            return {}
        return {"c": self.use} if (pod.obj.get("status") or {}).get("phase") == "Running" else {}

    def ready(self) -> None:
        """Every pod has been ready for an hour."""
        stamp = rfc3339(self.clock.now() - 3_600_000_000)
        for pod in self.live_pods():
            condition = {"type": "Ready", "status": "True", "lastTransitionTime": stamp}
            status = {"phase": "Running", "startTime": stamp, "conditions": [condition]}
            self.api.update_status(KUBELET, pod, status)
        self.settle()

    def deploy(self, replicas: int, requests: dict[str, str] | None = None) -> None:
        obj = workload(replicas)
        container = obj["spec"]["template"]["spec"]["containers"][0]
        container["resources"] = {"requests": {"cpu": "100m", "memory": "100Mi"} if requests is None else requests}
        self.create(DEPLOYMENTS, obj)
        self.settle()
        self.ready()

    def scale(self, most: int = 10, least: int = 1, **spec: Any) -> None:
        """An autoscaler that wants 50% of the cpu request used."""
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        body = {"scaleTargetRef": reference, "minReplicas": least, "maxReplicas": most, "metrics": [cpu(50)], **spec}
        self.create(HPAS, {"apiVersion": "autoscaling/v2", "metadata": {"name": "web"}, "spec": body})

    def look(self, times: int = 1) -> None:
        """So many looks, each with all pods ready."""
        for _ in range(times):
            self.run(SYNC - 0.5)
            self.ready()
        self.settle()

    @property
    def replicas(self) -> int:
        return int(self.deployment()["spec"]["replicas"])

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.api.get(HPAS, "default", "web").obj.get("status") or {})

    def conditions(self) -> dict[str, tuple[str, str, str]]:
        return {c["type"]: (c["status"], c["reason"], c["message"]) for c in self.status["conditions"]}


def cpu(percent: int) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def test_too_much_work_brings_pods() -> None:
    """75% used where 50% is wanted: 2 become 3, with event, status and conditions; not before the first look."""
    world = Gauge(75)
    world.deploy(2)
    world.scale()
    world.run(14.9)
    assert world.replicas == 2
    world.run(0.2)
    assert world.replicas == 3
    assert world.events("SuccessfulRescale") == [
        ("Normal", "SuccessfulRescale", "New size: 3; reason: cpu resource utilization (percentage of request) above "
         "target", 1)
    ]  # fmt: skip
    status = world.status
    assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 3)
    assert status["lastScaleTime"] == rfc3339(world.clock.now() - 100_000)
    assert status["currentMetrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 75, "averageValue": "75m"}}}
    ]
    assert world.conditions() == {
        "AbleToScale": (
            "True", "SucceededRescale", "the HPA controller was able to update the target scale to 3"
        ),
        "ScalingActive": (
            "True", "ValidMetricFound",
            "the HPA was able to successfully calculate a replica count from cpu resource utilization "
            "(percentage of request)",
        ),
        "ScalingLimited": (
            "False", "DesiredWithinRange", "the desired count is within the acceptable range"
        ),
    }  # fmt: skip


@pytest.mark.parametrize("used", [46, 50, 55])
def test_does_nothing_within_the_tolerance(used: int) -> None:
    """A tenth more or less is no reason to scale; once it is told, nothing more is written."""
    world = Gauge(used)
    world.deploy(4)
    world.scale()
    world.run(SYNC)
    assert world.conditions()["AbleToScale"][1:] == ("ReadyForNewScale", "recommended size matches current size")
    world.writes()
    world.run(600)
    assert world.writes() == []
    assert world.replicas == 4


def test_little_work_takes_pods_away_after_five_minutes() -> None:
    """Until then the highest recent recommendation holds; then at most to the minimum."""
    world = Gauge(10)
    world.deploy(6)
    world.scale(least=2)
    world.run(SYNC)
    assert world.conditions()["AbleToScale"][1:] == (
        "ScaleDownStabilized",
        "recent recommendations were higher than current one, applying the highest recent recommendation",
    )
    world.run(290)
    assert world.replicas == 6
    world.run(30)
    assert world.replicas == 2
    assert world.messages("SuccessfulRescale") == ["New size: 2; reason: All metrics below target"]
    world.run(310)
    assert world.conditions()["ScalingLimited"] == (
        "True", "TooFewReplicas", "the desired replica count is less than the minimum replica count"
    )  # fmt: skip


def test_bounds_come_before_metrics() -> None:
    """A count outside of minReplicas and maxReplicas is set right, whatever is used."""
    world = Gauge()
    world.deploy(1)
    world.scale(least=3, most=5)
    world.look()
    assert world.replicas == 3
    world.spec(DEPLOYMENTS, "web", replicas=8)
    world.look()
    assert world.replicas == 5
    assert world.messages("SuccessfulRescale") == [
        "New size: 3; reason: Current number of replicas below Spec.MinReplicas",
        "New size: 5; reason: Current number of replicas above Spec.MaxReplicas",
    ]


def test_one_step_up_doubles_at_most() -> None:
    """Without behaviour a step goes to twice the count, 4 from a small one; then to the maximum."""
    world = Gauge(1000)
    world.deploy(1)
    world.scale(most=10)
    seen = []
    for _ in range(4):
        world.look()
        seen.append((world.replicas, world.conditions()["ScalingLimited"][1]))
    assert seen == [
        (4, "ScaleUpLimit"), (8, "ScaleUpLimit"), (10, "TooManyReplicas"), (10, "TooManyReplicas")
    ]  # fmt: skip


def test_policies_say_how_fast() -> None:
    """One pod a minute up, and none down."""
    world = Gauge(1000)
    world.deploy(2)
    up = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    world.scale(behavior={"scaleUp": up, "scaleDown": {"selectPolicy": "Disabled"}})
    world.look()
    assert world.replicas == 3
    world.look(3)
    assert world.replicas == 3
    assert world.conditions()["ScalingLimited"] == (
        "True", "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate"
    )  # fmt: skip
    world.look(1)
    assert world.replicas == 4
    world.use = Use(1)
    world.look(40)
    assert world.replicas == 4
    assert world.conditions()["ScalingLimited"][1] == "ScaleDownLimit"


def test_a_window_upwards_waits_for_the_lowest_recommendation() -> None:
    """A peak shorter than stabilizationWindowSeconds brings no pods."""
    world = Gauge(50)
    world.deploy(2)
    world.scale(behavior={"scaleUp": {"stabilizationWindowSeconds": 60}})
    world.look()
    world.use = Use(100)
    world.look(3)
    assert world.replicas == 2
    assert world.conditions()["AbleToScale"][1] == "ScaleUpStabilized"
    world.look(2)
    assert world.replicas == 4


def test_zero_replicas_switch_it_off() -> None:
    """A target that was scaled to nothing is left alone."""
    world = Gauge()
    world.deploy(0)
    world.scale()
    world.run(SYNC)
    assert world.replicas == 0
    assert world.conditions()["ScalingActive"] == (
        "False", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero"
    )  # fmt: skip


def test_a_target_that_is_not_there() -> None:
    """FailedGetScale, as event and condition; found as soon as it is there."""
    world = Gauge(75)
    world.scale()
    world.run(SYNC)
    assert world.conditions() == {
        "AbleToScale": (
            "False", "FailedGetScale",
            "the HPA controller was unable to get the target's current scale: deployments.apps \"web\" not found",
        )
    }  # fmt: skip
    assert world.messages("FailedGetScale") == ['deployments.apps "web" not found']
    world.deploy(2)
    world.look()
    assert world.replicas == 3


def test_pods_that_nobody_measures() -> None:
    """No sample at all: the metrics API has nothing, and nothing is scaled."""
    world = Gauge()
    world.deploy(2)
    world.unmeasured = 2
    world.scale()
    world.run(SYNC)
    why = (
        "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource "
        "metrics API"
    )
    assert world.conditions()["ScalingActive"] == (
        "False", "FailedGetResourceMetric", f"the HPA was unable to compute the replica count: {why}"
    )  # fmt: skip
    assert world.messages("FailedGetResourceMetric") == [why]
    assert world.messages("FailedComputeMetricsReplicas") == [
        f"invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {why}"
    ]
    assert world.status["currentMetrics"] == [{"type": ""}]
    assert (world.status["currentReplicas"], world.status["desiredReplicas"]) == (2, 0)


def test_pods_without_requests() -> None:
    """A percentage of nothing cannot be had."""
    world = Gauge()
    world.deploy(1, {})
    world.scale()
    world.run(SYNC)
    (pod,) = world.pods()
    assert world.messages("FailedGetResourceMetric") == [
        f"failed to get cpu utilization: missing request for cpu in container c of Pod {pod.name}"
    ]


def test_pods_that_have_just_become_ready_do_not_count() -> None:
    """Their cpu tells of their start."""
    world = Gauge(100)
    world.deploy(1)
    now = rfc3339(world.clock.now() + 10_000_000)
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": now}
    (pod,) = world.pods()
    world.api.update_status(KUBELET, pod, {"phase": "Running", "startTime": now, "conditions": [condition]})
    world.scale()
    world.run(SYNC)
    assert world.messages("FailedGetResourceMetric") == [
        "failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)"
    ]
    world.run(SYNC)
    assert world.replicas == 2


def test_pods_without_a_sample_slow_things_down() -> None:
    """Upwards they count as idle, downwards as busy."""
    world = Gauge(100)
    world.deploy(4)
    world.unmeasured = 1
    world.scale()
    world.look()
    assert world.replicas == 6
    world.use = Use(10)
    world.unmeasured = 2
    world.look(25)
    assert world.replicas == 5


def test_two_autoscalers_for_one_target() -> None:
    """Both stop and say so."""
    world = Gauge(75)
    world.deploy(2)
    world.scale()
    env = world.api.get(HPAS, "default", "web")
    world.create(HPAS, {"apiVersion": "autoscaling/v2", "metadata": {"name": "xeb"}, "spec": env.obj["spec"]})
    world.look(3)
    assert world.conditions()["ScalingActive"] == (
        "False", "AmbiguousSelector",
        "pods by selector app=web are controlled by multiple HPAs: [default/web default/xeb]",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "reason", "why"),
    [
        (
            {"type": "Pods", "pods": {"metric": {"name": "hits"}, "target": {"type": "AverageValue",
                                                                             "averageValue": "10"}}},
            "FailedGetPodsMetric",
            "unable to get metric hits: unable to fetch metrics from custom metrics API: no custom metrics API "
            "(custom.metrics.k8s.io) registered",
        ),
        (
            {"type": "Object", "object": {"metric": {"name": "hits"}, "target": {"type": "Value", "value": "10"},
                                          "describedObject": {"kind": "Service", "name": "web", "apiVersion": "v1"}}},
            "FailedGetObjectMetric",
            "unable to get metric hits: Service on default web/unable to fetch metrics from custom metrics API: no "
            "custom metrics API (custom.metrics.k8s.io) registered",
        ),
        (
            {"type": "External", "external": {"metric": {"name": "hits"}, "target": {"type": "Value", "value": "10"}}},
            "FailedGetExternalMetric",
            "failed to get external metric hits: unable to get external metric default/hits/nil: unable to fetch "
            "metrics from external metrics API: the server could not find the requested resource "
            "(get hits.external.metrics.k8s.io)",
        ),
    ],
)  # fmt: skip
def test_metrics_that_need_an_adapter(metric: dict[str, Any], reason: str, why: str) -> None:
    """There is none; what the other metrics ask for is still done, but only upwards."""
    world = Gauge(75)
    world.deploy(2)
    world.scale(metrics=[metric, cpu(50)])
    world.look()
    assert world.messages(reason) == [why]
    assert world.replicas == 3
    assert world.conditions()["ScalingActive"][0] == "True"
    world.use = Use(1)
    world.look(30)
    assert world.replicas == 3
    assert world.conditions()["ScalingActive"] == (
        "False", reason, f"the HPA was unable to compute the replica count: {why}"
    )  # fmt: skip


def test_average_values_and_single_containers() -> None:
    """Memory by amount, and one container's cpu by percentage; the larger count wins."""
    world = Gauge()
    world.use = Use(60, 150 << 20)
    world.deploy(2)
    memory = {"type": "Resource", "resource": {"name": "memory",
                                               "target": {"type": "AverageValue", "averageValue": "50Mi"}}}  # fmt: skip
    one = {"type": "ContainerResource", "containerResource": {**cpu(50)["resource"], "container": "c"}}
    world.scale(metrics=[memory, one], behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    world.look()
    assert world.replicas == 6
    assert world.messages("SuccessfulRescale") == ["New size: 6; reason: memory resource above target"]
    value = {"averageUtilization": 60, "averageValue": "60m"}
    assert world.status["currentMetrics"] == [
        {"type": "Resource", "resource": {"name": "memory", "current": {"averageValue": "157286400"}}},
        {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "c", "current": value}},
    ]


def test_a_container_that_no_pod_has() -> None:
    """The metrics API does not know it."""
    world = Gauge()
    world.deploy(1)
    world.scale(
        metrics=[{"type": "ContainerResource", "containerResource": {**cpu(50)["resource"], "container": "x"}}]
    )  # fmt: skip
    world.look()
    (pod,) = world.pods()
    assert world.messages("FailedGetContainerResourceMetric") == [
        "failed to get cpu utilization: unable to get metrics for resource cpu: failed to get container metrics: "
        f"container x not present in metrics for pod default/{pod.name}"
    ]


def test_deleted_it_is_forgotten() -> None:
    """No look comes any more."""
    world = Gauge(75)
    world.deploy(2)
    world.scale()
    world.settle()
    world.api.delete(KUBELET, HPAS, "default", "web")
    world.run(60)
    assert world.replicas == 2
    assert len(world.live_pods()) == len(world.store.list(PODS)) == 2
