"""batch/v1: Jobs and CronJobs, and what of them may change later."""

from __future__ import annotations

import zoneinfo
from functools import lru_cache
from typing import Any, Final

from engine.api.internal_form import pod_template
from engine.api.validation.causes import (
    Causes,
    immutable,
    immutable_struct,
    invalid,
    not_negative,
    not_supported,
    one_of,
    required,
)
from engine.api.validation.cron import schedule_error
from engine.api.validation.label_selector import validate_selector
from engine.api.validation.metadata import validate_labels
from engine.api.validation.pod_spec import validate_template
from store.types import JsonObject

_NAME_MOST: Final = 52
"""A CronJob's Jobs get eleven characters more, and 63 is the most."""
_COUNTS: Final = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
_ACTIONS: Final = ("Count", "FailIndex", "FailJob", "Ignore")
_INDEXED_MOST: Final = 100_000


def validate_job_spec(causes: Causes, spec: JsonObject, path: str) -> None:
    not_negative(causes, path, spec, *_COUNTS)
    mode = spec.get("completionMode")
    if mode is not None:
        if mode not in ("NonIndexed", "Indexed"):
            causes.append(not_supported(f"{path}.completionMode", mode, ("Indexed", "NonIndexed")))
        elif mode == "Indexed":
            if spec.get("completions") is None:
                text = "when completion mode is Indexed"
                causes.append(required(f"{path}.completions", text))
            elif (spec.get("parallelism") or 0) > _INDEXED_MOST:
                text = f"must be less than or equal to {_INDEXED_MOST} when completion mode is Indexed"
                causes.append(invalid(f"{path}.parallelism", spec["parallelism"], text))
    if mode != "Indexed":
        for key in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(key) is not None:
                causes.append(invalid(f"{path}.{key}", spec[key], "requires indexed completion mode"))
    _failure_policy(causes, spec, path)
    one_of(
        causes, f"{path}.podReplacementPolicy", spec.get("podReplacementPolicy"), ("Failed", "TerminatingOrFailed"),
        optional=True,
    )  # fmt: skip
    template = spec.get("template") or {}
    validate_template(causes, template, f"{path}.template")
    policy = (template.get("spec") or {}).get("restartPolicy")
    where = f"{path}.template.spec.restartPolicy"
    if policy in (None, "Always"):
        causes.append(required(where, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        causes.append(not_supported(where, policy, ("OnFailure", "Never")))
    elif policy == "OnFailure" and spec.get("podFailurePolicy") is not None:
        text = 'only "Never" is supported when podFailurePolicy is specified'
        causes.append(invalid(where, policy, text))


def _failure_policy(causes: Causes, spec: JsonObject, path: str) -> None:
    policy = spec.get("podFailurePolicy")
    if policy is None:
        return
    for index, rule in enumerate(policy.get("rules") or ()):
        where = f"{path}.podFailurePolicy.rules[{index}]"
        one_of(causes, f"{where}.action", rule.get("action"), _ACTIONS)
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        if codes is not None and conditions:
            text = "specifying both OnExitCodes and OnPodConditions is not supported"
            causes.append(invalid(where, rule, text))
        elif codes is None and not conditions:
            text = "specifying one of OnExitCodes and OnPodConditions is required"
            causes.append(invalid(where, rule, text))
        elif codes is not None:
            one_of(causes, f"{where}.onExitCodes.operator", codes.get("operator"), ("In", "NotIn"))
            if not codes.get("values"):
                causes.append(
                    invalid(f"{where}.onExitCodes.values", codes.get("values"), "at least one value is required")
                )


def job(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    selector = spec.get("selector")
    if selector is None:
        causes.append(required("spec.selector"))
    else:
        validate_selector(causes, selector, "spec.selector")
        labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
        wanted = selector.get("matchLabels") or {}
        if any(labels.get(key) != value for key, value in wanted.items()):
            causes.append(
                invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
            )
    validate_job_spec(causes, spec, "spec")


def job_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if spec == before:
        return
    validate_job_spec(causes, spec, "spec")
    if spec.get("completions") != before.get("completions") and not _elastic(spec, before):
        causes.append(invalid("spec.completions", spec.get("completions"), "field is immutable"))
    immutable(causes, "spec.selector", spec.get("selector"), before.get("selector"))
    template, was = spec.get("template") or {}, before.get("template") or {}
    if template != was and not _only_placement(template, was, old):
        causes.append(immutable_struct("spec.template", pod_template(template)))
    for key in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        immutable(causes, f"spec.{key}", spec.get(key), before.get(key))


def _elastic(spec: JsonObject, before: JsonObject) -> bool:
    """An Indexed job may be resized as long as completions and parallelism stay equal."""
    return (
        before.get("completionMode") == "Indexed"
        and spec.get("completions") is not None
        and spec.get("completions") == spec.get("parallelism")
    )


_PLACEMENT: Final = ("nodeSelector", "affinity", "tolerations", "schedulingGates")


def _only_placement(template: JsonObject, was: JsonObject, old: JsonObject) -> bool:
    """While a job is suspended and none of its pods runs, where its pods may run and what they ask for can be changed
    (MutableSchedulingDirectivesForSuspendedJobs, MutablePodResourcesForSuspendedJobs)."""
    status = old.get("status") or {}
    if not (old.get("spec") or {}).get("suspend") or status.get("startTime") or status.get("active"):
        return False
    return _without_placement(template) == _without_placement(was)


def _without_placement(template: JsonObject) -> JsonObject:
    spec: dict[str, Any] = {k: v for k, v in (template.get("spec") or {}).items() if k not in _PLACEMENT}
    for key in ("containers", "initContainers"):
        if key in spec:
            spec[key] = [{k: v for k, v in container.items() if k != "resources"} for container in spec[key]]
    return {**template, "metadata": {}, "spec": spec}


# -- cron jobs -----------------------------------------------------------------------------------------------------


def cronjob(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    _schedule(causes, spec)
    not_negative(causes, "spec", spec, "startingDeadlineSeconds")
    one_of(causes, "spec.concurrencyPolicy", spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"))
    template = spec.get("jobTemplate") or {}
    labels = (template.get("metadata") or {}).get("labels")
    if labels:
        validate_labels(causes, labels, "spec.jobTemplate.metadata.labels")
    inner = template.get("spec") or {}
    if inner.get("manualSelector"):
        causes.append(not_supported("spec.jobTemplate.spec.manualSelector", True, ("nil", "false")))
    validate_job_spec(causes, inner, "spec.jobTemplate.spec")
    not_negative(causes, "spec", spec, "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    name = obj["metadata"].get("name") or ""
    if len(name) > _NAME_MOST:
        causes.append(invalid("metadata.name", name, "must be no more than 52 characters"))


def _schedule(causes: Causes, spec: JsonObject) -> None:
    schedule, zone = spec.get("schedule") or "", spec.get("timeZone")
    if not schedule:
        causes.append(required("spec.schedule"))
    elif "TZ=" in schedule:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        causes.append(invalid("spec.schedule", schedule, text))
    else:
        wrong = schedule_error(schedule)
        if wrong is not None:
            causes.append(invalid("spec.schedule", schedule, wrong))
    if zone is None:
        return
    if not zone:
        causes.append(invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string"))
    elif zone.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        causes.append(invalid("spec.timeZone", zone, text))
    elif not _is_zone(zone):
        causes.append(invalid("spec.timeZone", zone, f"unknown time zone {zone}"))


@lru_cache(maxsize=64)
def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def cronjob_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if (new.get("spec") or {}) != (old.get("spec") or {}):
        cronjob(causes, new)
