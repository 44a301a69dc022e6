"""What each metric of an autoscaler asks for, and what its status says of it (computeReplicasForMetrics).

Resource and ContainerResource metrics come from the pods' usage. Pods, Object and External metrics need an adapter that
serves them, which no cluster has by itself: they fail in the words of a cluster without one. Of several metrics the
largest count wins; one that fails keeps the others from scaling down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.api import quantity
from engine.controllers.horizontal.calculator import Calculator, NoMetric, Proposal, Tolerance
from engine.controllers.selector_text import go_text
from store.types import Envelope, JsonObject

_NO_CUSTOM = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"


class Outcome(NamedTuple):
    """What the metrics together ask for."""

    replicas: int
    """-1: none of them could be had, or one that failed might have kept the count up."""
    name: str
    """The metric that asks for most."""
    statuses: list[JsonObject]
    """One for each metric, an empty one for each that failed."""
    failure: str
    """Why metrics failed; "" when none did."""
    reason: str
    """Reason of the first failure (`FailedGetResourceMetric`)."""
    message: str
    """The first failure itself."""


def compute(
    calculator: Calculator, hpa: Envelope, current: int, pods: Sequence[Envelope], tolerance: Tolerance,
    warn: Callable[[str, str], None],
) -> Outcome:  # fmt: skip
    """`warn(reason, message)` is called for each metric that fails."""
    specs: list[JsonObject] = hpa.obj["spec"].get("metrics") or []
    replicas, name, failed, first = 0, "", 0, ("", "", "")
    statuses: list[JsonObject] = []
    for spec in specs:
        try:
            proposal, metric_name, status = _one(calculator, hpa.namespace, spec, current, pods, tolerance)
        except NoMetric as error:
            reason = f"FailedGet{spec['type']}Metric"
            warn(reason, str(error))
            if not failed:
                first = (reason, str(error), _where(spec))
            failed += 1
            statuses.append({"type": ""})
            continue
        statuses.append(status)
        if not replicas or proposal.replicas > replicas:
            replicas, name = proposal.replicas, metric_name
    reason, message, where = first
    failure = ""
    if failed:
        failure = f"invalid metrics ({failed} invalid out of {len(specs)}), first error is: {where}: {message}"
    if failed >= len(specs) or (failed and replicas < current):
        return Outcome(-1, "", statuses, failure, reason, message)
    return Outcome(replicas, name, statuses, failure, reason, message)


def _where(spec: JsonObject) -> str:
    kind = spec["type"]
    if kind == "Resource":
        return f"failed to get {spec['resource']['name']} resource metric value"
    if kind == "ContainerResource":
        return f"failed to get {spec['containerResource']['container']} container metric value"
    if kind == "External":
        return f"failed to get {spec['external']['metric']['name']} external metric value"
    return f"failed to get {kind.lower()} metric value"


def _one(
    calculator: Calculator, namespace: str, spec: JsonObject, current: int, pods: Sequence[Envelope],
    tolerance: Tolerance,
) -> tuple[Proposal, str, JsonObject]:  # fmt: skip
    """(proposal, name of the metric, its status). Raises NoMetric."""
    kind = spec["type"]
    if kind == "Resource":
        source = spec["resource"]
        proposal, name, value = _resource(calculator, source, "", current, pods, tolerance)
        return proposal, name, {"type": kind, "resource": {"name": source["name"], "current": value}}
    if kind == "ContainerResource":
        source = spec["containerResource"]
        proposal, name, value = _resource(calculator, source, source["container"], current, pods, tolerance)
        told = {"name": source["name"], "container": source["container"], "current": value}
        return proposal, name, {"type": kind, "containerResource": told}
    if kind == "Pods":
        raise NoMetric(f"unable to get metric {spec['pods']['metric']['name']}: {_NO_CUSTOM}")
    if kind == "Object":
        raise NoMetric(_object(namespace, spec["object"]))
    raise NoMetric(_external(namespace, spec["external"]))


def _resource(
    calculator: Calculator, source: JsonObject, container: str, current: int, pods: Sequence[Envelope],
    tolerance: Tolerance,
) -> tuple[Proposal, str, JsonObject]:  # fmt: skip
    resource, target = source["name"], source["target"]
    if target.get("averageValue") is not None:
        wanted = quantity.milli(target["averageValue"])
        try:
            proposal = calculator.by_average(current, wanted, resource, container, pods, tolerance)
        except NoMetric as error:
            raise NoMetric(f"failed to get {resource} usage: {error}") from error
        return proposal, f"{resource} resource", {"averageValue": _printed(proposal.average)}
    if target.get("averageUtilization") is None:
        raise NoMetric(
            "invalid resource metric source: neither an average utilization target nor an average value (usage) "
            "target was set"
        )
    percent = target["averageUtilization"]
    try:
        proposal = calculator.by_utilization(current, percent, resource, container, pods, tolerance)
    except NoMetric as error:
        raise NoMetric(f"failed to get {resource} utilization: {error}") from error
    word = "container resource" if container else "resource"
    value: dict[str, Any] = {
        "averageUtilization": proposal.utilization, "averageValue": _printed(proposal.average)
    }  # fmt: skip
    return proposal, f"{resource} {word} utilization (percentage of request)", value


def _printed(thousandths: int) -> str:
    return str(quantity.Quantity(thousandths * 10**6))


def _object(namespace: str, source: JsonObject) -> str:
    metric, what = source["metric"]["name"], source["describedObject"]
    # Kubernetes puts kind and namespace where the cause should be, and the cause last.
    text = f"unable to get metric {metric}: {what['kind']} on {namespace} {what['name']}/{_NO_CUSTOM}"
    return f"failed to get {metric} object metric: {text}" if source["target"]["type"] == "AverageValue" else text


def _external(namespace: str, source: JsonObject) -> str:
    metric, target = source["metric"]["name"], source["target"]
    text = (
        f"unable to get external metric {namespace}/{metric}/{go_text(source['metric'].get('selector'))}: "
        "unable to fetch metrics from external metrics API: "
        f"the server could not find the requested resource (get {metric}.external.metrics.k8s.io)"
    )
    if target.get("averageValue") is not None:
        return f"failed to get {metric} external metric: {text}"
    return f"failed to get external metric {metric}: {text}"
