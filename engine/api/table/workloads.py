"""Tables of what runs pods: deployments and their kin, jobs, autoscalers, disruption budgets."""

from __future__ import annotations

from typing import Any, Final

from engine.api.table.columns import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Column,
    Printer,
    age_of,
    at,
    container_columns,
    count,
    field,
    labels_text,
    limited,
    number,
    selector_column,
)
from engine.api.table.times import human_duration, parse_time

_CONTAINERS: Final = container_columns()


def _ready(obj: dict[str, Any], now: int) -> str:
    return f"{at(obj, 'status.readyReplicas') or 0}/{at(obj, 'spec.replicas') or 0}"


def _replicas(selector: Column) -> Printer:
    return Printer(
        (
            NAME,
            Column("Desired", number("spec.replicas"), ".spec.replicas", "integer"),
            Column("Current", number("status.replicas"), ".status.replicas", "integer"),
            Column("Ready", number("status.readyReplicas"), ".status.readyReplicas", "integer"),
            AGE, *_CONTAINERS, selector,
        )
    )  # fmt: skip


def _controller(obj: dict[str, Any], now: int) -> str:
    """`statefulset.apps/web`: the controlling owner."""
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            group = owner["apiVersion"].rpartition("/")[0]
            kind = f"{owner['kind']}.{group}" if group else owner["kind"]
            return f"{kind.lower()}/{owner['name']}"
    return NONE


# -- jobs ------------------------------------------------------------------------------------------------------------


def _job_status(obj: dict[str, Any], now: int) -> str:
    true = {c["type"] for c in at(obj, "status.conditions") or () if c["status"] == "True"}
    for type_ in ("Complete", "Failed"):
        if type_ in true:
            return type_
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((type_ for type_ in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if type_ in true), "Running")


def _completions(obj: dict[str, Any], now: int) -> str:
    done, wanted = at(obj, "status.succeeded") or 0, at(obj, "spec.completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    parallelism = at(obj, "spec.parallelism") or 0
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _duration(obj: dict[str, Any], now: int) -> str:
    start = parse_time(at(obj, "status.startTime"))
    if start is None:
        return ""
    end = parse_time(at(obj, "status.completionTime"))
    return human_duration((now if end is None else end) - start)


def _suspend(obj: dict[str, Any], now: int) -> str:
    value = at(obj, "spec.suspend")
    return UNSET if value is None else str(bool(value))


# -- autoscalers -----------------------------------------------------------------------------------------------------


def _reference(obj: dict[str, Any], now: int) -> str:
    ref = at(obj, "spec.scaleTargetRef") or {}
    return f"{ref.get('kind', '')}/{ref.get('name', '')}"


def _targets(obj: dict[str, Any], now: int) -> str:
    """formatHPAMetrics: the first two metrics, current/target."""
    if "targetCPUUtilizationPercentage" in (obj.get("spec") or {}):
        current = at(obj, "status.currentCPUUtilizationPercentage")
        shown = "<unknown>" if current is None else f"{current}%"
        return f"cpu: {shown}/{obj['spec']['targetCPUUtilizationPercentage']}%"
    metrics = at(obj, "spec.metrics") or ()
    if not metrics:
        return NONE
    current = at(obj, "status.currentMetrics") or ()
    texts = [_metric(metric, current[i] if i < len(current) else {}) for i, metric in enumerate(metrics)]
    return limited(texts, 2, ", ")


def _metric(metric: dict[str, Any], status: dict[str, Any]) -> str:
    source = {
        "Resource": "resource", "ContainerResource": "containerResource", "Pods": "pods", "Object": "object",
        "External": "external",
    }.get(metric.get("type", ""))  # fmt: skip
    if source is None:
        return "<unknown type>"
    declared, seen = metric.get(source) or {}, status.get(source) or {}
    target, current = declared.get("target") or {}, seen.get("current") or {}
    average = target.get("averageValue")
    if source in ("resource", "containerResource"):
        name = declared.get("name", "")
        if average is not None:
            return f"{name}: {current.get('averageValue', '<unknown>')}/{average}"
        used, wanted = current.get("averageUtilization"), target.get("averageUtilization")
        return f"{name}: {'<unknown>' if used is None else f'{used}%'}/{'<auto>' if wanted is None else f'{wanted}%'}"
    if source == "pods":
        return f"{current.get('averageValue', '<unknown>')}/{average}"
    if average is not None:
        return f"{current.get('averageValue', '<unknown>')}/{average} (avg)"
    return f"{current.get('value', '<unknown>')}/{target.get('value', '')}"


PRINTERS: Final[dict[str, Printer]] = {
    "replicationcontrollers": _replicas(
        Column(
            "Selector", lambda obj, now: labels_text(at(obj, "spec.selector")), ".spec.selector", priority=1
        )
    ),
    "replicasets.apps": _replicas(selector_column()),
    "scales.autoscaling": Printer(
        (
            NAME,
            Column("Desired", number("spec.replicas"), ".spec.replicas", "integer"),
            Column("Available", number("status.replicas"), ".status.replicas", "integer"),
            AGE,
        )
    ),
    "deployments.apps": Printer(
        (
            NAME,
            Column("Ready", _ready, "Number of the pod with ready state"),
            Column("Up-to-date", number("status.updatedReplicas"), ".status.updatedReplicas"),
            Column("Available", number("status.availableReplicas"), ".status.availableReplicas"),
            AGE, *_CONTAINERS, selector_column(),
        )
    ),
    "statefulsets.apps": Printer(
        (NAME, Column("Ready", _ready, "Number of the pod with ready state"), AGE, *_CONTAINERS)
    ),
    "daemonsets.apps": Printer(
        (
            NAME,
            *(
                Column(name, number(f"status.{path}"), f".status.{path}", "integer")
                for name, path in (
                    ("Desired", "desiredNumberScheduled"), ("Current", "currentNumberScheduled"),
                    ("Ready", "numberReady"), ("Up-to-date", "updatedNumberScheduled"),
                    ("Available", "numberAvailable"),
                )
            ),
            Column(
                "Node Selector", lambda obj, now: labels_text(at(obj, "spec.template.spec.nodeSelector")),
                ".spec.template.spec.nodeSelector",
            ),
            AGE, *_CONTAINERS, selector_column(),
        )
    ),
    "controllerrevisions.apps": Printer(
        (
            NAME, Column("Controller", _controller, "Controller of the object"),
            Column("Revision", number("revision"), ".revision"), AGE,
        )
    ),
    "jobs.batch": Printer(
        (
            NAME, Column("Status", _job_status, "Status of the job."),
            Column("Completions", _completions, ".status.succeeded"),
            Column("Duration", _duration, "Time required to complete the job."),
            AGE, *_CONTAINERS, selector_column(),
        )
    ),
    "cronjobs.batch": Printer(
        (
            NAME, Column("Schedule", field("spec.schedule"), ".spec.schedule"),
            Column("Timezone", field("spec.timeZone", NONE), ".spec.timeZone"),
            Column("Suspend", _suspend, ".spec.suspend", "boolean"),
            Column("Active", count("status.active"), ".status.active", "integer"),
            Column("Last Schedule", age_of("status.lastScheduleTime", NONE), ".status.lastScheduleTime"),
            AGE, *container_columns("spec.jobTemplate.spec.template"),
            selector_column("spec.jobTemplate.spec.selector"),
        )
    ),
    "horizontalpodautoscalers.autoscaling": Printer(
        (
            NAME, Column("Reference", _reference, ".spec.scaleTargetRef"),
            Column("Targets", _targets, ".spec.metrics"),
            Column("MinPods", lambda obj, now: str(field("spec.minReplicas", UNSET)(obj, now)), ".spec.minReplicas"),
            Column("MaxPods", number("spec.maxReplicas"), ".spec.maxReplicas"),
            Column("Replicas", number("status.currentReplicas"), ".status.currentReplicas"), AGE,
        )
    ),
    "poddisruptionbudgets.policy": Printer(
        (
            NAME,
            Column(
                "Min Available", lambda obj, now: str(field("spec.minAvailable", "N/A")(obj, now)),
                "The minimum number of pods that must be available.",
            ),
            Column(
                "Max Unavailable", lambda obj, now: str(field("spec.maxUnavailable", "N/A")(obj, now)),
                "The maximum number of pods that may be unavailable.",
            ),
            Column(
                "Allowed Disruptions", number("status.disruptionsAllowed"),
                "Calculated number of pods that may be disrupted at this time.", "integer",
            ),
            AGE,
        )
    ),
}  # fmt: skip
