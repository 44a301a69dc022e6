"""Workloads: deployments, replica, stateful and daemon sets, jobs, cron jobs, disruption budgets, autoscalers."""

from __future__ import annotations

from typing import Any

from engine.client import Item, Query
from tui.kinds.spec import (
    AGE,
    LABELS,
    NAME,
    NAMESPACE,
    Cell,
    Column,
    Facts,
    KindView,
    age_of,
    selector_text,
    spec,
    status,
)
from tui.theme import GLYPHS, Tone
from tui.times import age, human_duration, parse_time


def _count(item: Item, field: str) -> int:
    return int(status(item).get(field) or 0)


def _wanted(item: Item) -> int:
    return int(spec(item).get("replicas", 1))


def _ready(item: Item, facts: Facts) -> Cell:
    ready, wanted = _count(item, "readyReplicas"), _wanted(item)
    return Cell(f"{ready}/{wanted}", "" if ready >= wanted else "warn")


def _ready_key(item: Item, facts: Facts) -> float:
    return _count(item, "readyReplicas") / _wanted(item) if _wanted(item) else 1.0


def number(field: str) -> Column:
    """A column of one number of the status."""
    header = {"updatedReplicas": "UP-TO-DATE", "availableReplicas": "AVAILABLE"}[field]
    return Column(header, lambda item, facts: str(_count(item, field)), lambda item, facts: _count(item, field), rank=2)


def _template_containers(item: Item) -> list[dict[str, Any]]:
    own = spec(item)
    template = ((own.get("jobTemplate") or {}).get("spec") or own).get("template") or {}
    return (template.get("spec") or {}).get("containers") or []


CONTAINERS = Column(
    "CONTAINERS", lambda item, facts: ",".join(c["name"] for c in _template_containers(item)), wide=True, max=40
)
IMAGES = Column(
    "IMAGES",
    lambda item, facts: ",".join(c.get("image", "") for c in _template_containers(item)),
    wide=True,
    max=60,
    search=True,
)
SELECTOR = Column(
    "SELECTOR", lambda item, facts: selector_text(spec(item).get("selector")) or "<none>", wide=True, max=60
)


def selected_pods(item: Item) -> Query | None:
    """The pods that a workload's selector picks."""
    selector = selector_text(spec(item).get("selector"))
    return Query("pods", namespace=item.namespace, labels=selector) if selector else None


def _behind(item: Item, facts: Facts) -> bool:
    return _count(item, "readyReplicas") < _wanted(item)


DEPLOYMENTS = KindView(
    resource="deployments.apps",
    columns=(
        NAMESPACE,
        NAME,
        Column("READY", _ready, _ready_key),
        number("updatedReplicas"),
        number("availableReplicas"),
        CONTAINERS,
        IMAGES,
        LABELS,
        AGE,
    ),
    fault=_behind,
    enter=selected_pods,
)


def _desired(item: Item, facts: Facts) -> str:
    return str(_wanted(item))


REPLICASETS = KindView(
    resource="replicasets.apps",
    columns=(
        NAMESPACE,
        NAME,
        Column("DESIRED", _desired, lambda item, facts: _wanted(item)),
        Column(
            "CURRENT", lambda item, facts: str(_count(item, "replicas")), lambda item, facts: _count(item, "replicas")
        ),
        Column(
            "READY",
            lambda item, facts: Cell(str(_count(item, "readyReplicas")), "warn" if _behind(item, facts) else ""),
            lambda item, facts: _count(item, "readyReplicas"),
        ),
        CONTAINERS,
        IMAGES,
        SELECTOR,
        AGE,
    ),
    fault=_behind,
    enter=selected_pods,
)

STATEFULSETS = KindView(
    resource="statefulsets.apps",
    columns=(NAMESPACE, NAME, Column("READY", _ready, _ready_key), CONTAINERS, IMAGES, AGE),
    fault=_behind,
    enter=selected_pods,
)


def _daemon_number(header: str, field: str, rank: int) -> Column:
    return Column(
        header, lambda item, facts: str(_count(item, field)), lambda item, facts: _count(item, field), rank=rank
    )


DAEMONSETS = KindView(
    resource="daemonsets.apps",
    columns=(
        NAMESPACE,
        NAME,
        _daemon_number("DESIRED", "desiredNumberScheduled", 0),
        _daemon_number("CURRENT", "currentNumberScheduled", 4),
        _daemon_number("READY", "numberReady", 0),
        _daemon_number("UP-TO-DATE", "updatedNumberScheduled", 3),
        _daemon_number("AVAILABLE", "numberAvailable", 3),
        Column(
            "NODE SELECTOR",
            lambda item, facts: (
                selector_text(((spec(item).get("template") or {}).get("spec") or {}).get("nodeSelector")) or "<none>"
            ),
            rank=5,
            max=40,
        ),
        CONTAINERS,
        IMAGES,
        SELECTOR,
        AGE,
    ),
    fault=lambda item, facts: _count(item, "numberReady") < _count(item, "desiredNumberScheduled"),
    enter=selected_pods,
)


def _job_word(item: Item) -> str:
    conditions = {c["type"]: c["status"] for c in status(item).get("conditions") or ()}
    for word in ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if conditions.get(word) == "True":
            return word
    return "Terminating" if item.obj["metadata"].get("deletionTimestamp") else "Running"


def _job_status(item: Item, facts: Facts) -> Cell:
    word = _job_word(item)
    tones: dict[str, Tone] = {"Complete": "dim", "Failed": "bad", "FailureTarget": "bad", "Suspended": "warn"}
    tone = tones.get(word, "busy")
    return Cell(f"{GLYPHS[tone]} {word}", tone)


def _completions(item: Item, facts: Facts) -> str:
    own, done = spec(item), _count(item, "succeeded")
    if own.get("completions") is not None:
        return f"{done}/{own['completions']}"
    parallelism = own.get("parallelism") or 0
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _duration(item: Item, facts: Facts) -> str:
    start = parse_time(status(item).get("startTime"))
    end = parse_time(status(item).get("completionTime"))
    return "" if start is None else human_duration((end or facts.now()) - start)


JOBS = KindView(
    resource="jobs.batch",
    columns=(
        NAMESPACE,
        NAME,
        Column("STATUS", _job_status, search=True),
        Column("COMPLETIONS", _completions),
        Column("DURATION", _duration, live=True, rank=2),
        CONTAINERS,
        IMAGES,
        SELECTOR,
        AGE,
    ),
    fault=lambda item, facts: _job_word(item) == "Failed",
    enter=selected_pods,
)


def _last_schedule(item: Item, facts: Facts) -> str:
    last = status(item).get("lastScheduleTime")
    return age(last, facts.now()) if last else "<none>"


CRONJOBS = KindView(
    resource="cronjobs.batch",
    columns=(
        NAMESPACE,
        NAME,
        Column("SCHEDULE", lambda item, facts: spec(item).get("schedule") or "", search=True),
        Column("TIMEZONE", lambda item, facts: spec(item).get("timeZone") or "<none>", rank=4),
        Column("SUSPEND", lambda item, facts: str(bool(spec(item).get("suspend"))), rank=3),
        Column("ACTIVE", lambda item, facts: str(len(status(item).get("active") or ()))),
        Column("LAST SCHEDULE", _last_schedule, live=True, rank=2),
        CONTAINERS,
        IMAGES,
        AGE,
    ),
)


def _or_none(value: Any, none: str = "N/A") -> str:
    return none if value is None else str(value)


PODDISRUPTIONBUDGETS = KindView(
    resource="poddisruptionbudgets.policy",
    columns=(
        NAMESPACE,
        NAME,
        Column("MIN AVAILABLE", lambda item, facts: _or_none(spec(item).get("minAvailable"))),
        Column("MAX UNAVAILABLE", lambda item, facts: _or_none(spec(item).get("maxUnavailable"))),
        Column("ALLOWED DISRUPTIONS", lambda item, facts: str(_count(item, "disruptionsAllowed")), rank=2),
        AGE,
    ),
    fault=lambda item, facts: _count(item, "disruptionsAllowed") == 0,
    enter=selected_pods,
)


def _reference(item: Item, facts: Facts) -> str:
    target = spec(item).get("scaleTargetRef") or {}
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _targets(item: Item, facts: Facts) -> str:
    current = {
        (m.get("resource") or {}).get("name"): (m.get("resource") or {}).get("current") or {}
        for m in status(item).get("currentMetrics") or ()
    }
    texts = []
    for metric in spec(item).get("metrics") or ():
        resource = metric.get("resource") or {}
        name, target = resource.get("name", metric.get("type", "")), resource.get("target") or {}
        now = (current.get(name) or {}).get("averageUtilization")
        if "averageUtilization" in target:
            texts.append(f"{name}: {f'{now}%' if now is not None else '<unknown>'}/{target['averageUtilization']}%")
        else:
            value = (current.get(name) or {}).get("averageValue")
            texts.append(f"{name}: {value or '<unknown>'}/{target.get('averageValue', '<auto>')}")
    return ", ".join(texts) or "<none>"


HORIZONTALPODAUTOSCALERS = KindView(
    resource="horizontalpodautoscalers.autoscaling",
    columns=(
        NAMESPACE,
        NAME,
        Column("REFERENCE", _reference, search=True),
        Column("TARGETS", _targets, max=60),
        Column("MINPODS", lambda item, facts: _or_none(spec(item).get("minReplicas"), "1"), rank=2),
        Column("MAXPODS", lambda item, facts: _or_none(spec(item).get("maxReplicas"))),
        Column("REPLICAS", lambda item, facts: str(_count(item, "currentReplicas"))),
        AGE,
    ),
)


def _owner_of(item: Item, facts: Facts) -> str:
    for ref in item.obj["metadata"].get("ownerReferences") or ():
        if ref.get("controller"):
            group = ref["apiVersion"].rpartition("/")[0]
            return f"{ref['kind'].lower()}{'.' + group if group else ''}/{ref['name']}"
    return "<none>"


CONTROLLERREVISIONS = KindView(
    resource="controllerrevisions.apps",
    columns=(
        NAMESPACE,
        NAME,
        Column("CONTROLLER", _owner_of, search=True),
        Column("REVISION", lambda item, facts: str(item.obj.get("revision", 0))),
        Column("AGE", age_of, AGE.sort, live=True),
    ),
)
