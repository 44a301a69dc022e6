"""batch/v1: Jobs and CronJobs, and what of them may change later."""

from __future__ import annotations

import zoneinfo
from functools import lru_cache
from typing import Any, Final

from engine.api.internal_form import pod_template, success_policy
from engine.api.names import dns_label_errors, qualified_name_errors
from engine.api.selectors import from_spec
from engine.api.validation.causes import (
    Causes,
    duplicate,
    each_message,
    immutable,
    immutable_struct,
    invalid,
    invalid_struct,
    not_negative,
    not_supported,
    omitted,
    one_of,
    required,
    too_long,
    too_many,
)
from engine.api.validation.cron import schedule_error
from engine.api.validation.label_selector import validate_selector
from engine.api.validation.metadata import domain_prefixed, validate_labels
from engine.api.validation.pod_spec import validate_template
from store.types import JsonObject

_NAME_MOST: Final = 52
"""A CronJob's Jobs get eleven characters more, and 63 is the most."""
_COUNTS: Final = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
)  # fmt: skip
_ACTIONS: Final = ("Count", "FailIndex", "FailJob", "Ignore")
_STATUSES: Final = ("False", "True", "Unknown")
_INDEXED_MOST: Final = 100_000
_RULES_MOST: Final = 20
_EXIT_CODES_MOST: Final = 255
_MANY_COMPLETIONS: Final = 100_000
_LIMIT_OF_MANY: Final = 10_000
"""Pods at once, and failed indexes, of a job with very many completions."""


def validate_job_spec(causes: Causes, spec: JsonObject, path: str) -> None:
    not_negative(causes, path, spec, *_COUNTS)
    if spec.get("maxFailedIndexes") is not None:
        not_negative(causes, path, spec, "maxFailedIndexes")
        if spec.get("backoffLimitPerIndex") is None:
            causes.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    manager = spec.get("managedBy")
    if manager is not None:
        domain_prefixed(causes, manager, f"{path}.managedBy")
        if len(manager) > 63:
            causes.append(too_long(f"{path}.managedBy", 63))
    _completion(causes, spec, path)
    if spec.get("podFailurePolicy") is not None:
        _failure_policy(causes, spec, f"{path}.podFailurePolicy")
    if spec.get("successPolicy") is not None:
        if spec.get("completionMode") != "Indexed":
            form = success_policy(spec["successPolicy"])
            causes.append(invalid_struct(f"{path}.successPolicy", form, "requires indexed completion mode"))
        else:
            _success_policy(causes, spec, f"{path}.successPolicy.rules")
    _replacement(causes, spec, f"{path}.podReplacementPolicy")
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


def _completion(causes: Causes, spec: JsonObject, path: str) -> None:
    mode = spec.get("completionMode")
    if mode not in (None, "NonIndexed", "Indexed"):
        causes.append(not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed")))
    elif mode == "Indexed":
        _indexed(causes, spec, path)
    else:
        for key in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(key) is not None:
                causes.append(invalid(f"{path}.{key}", spec[key], "requires indexed completion mode"))


def _indexed(causes: Causes, spec: JsonObject, path: str) -> None:
    completions, parallelism = spec.get("completions"), spec.get("parallelism") or 0
    failed, where = spec.get("maxFailedIndexes"), f"{path}.maxFailedIndexes"
    if completions is None:
        causes.append(required(f"{path}.completions", "when completion mode is Indexed"))
    if parallelism > _INDEXED_MOST:
        text = f"must be less than or equal to {_INDEXED_MOST} when completion mode is Indexed"
        causes.append(invalid(f"{path}.parallelism", parallelism, text))
    if failed is not None and completions is not None and failed > completions:
        causes.append(invalid(where, failed, "must be less than or equal to completions"))
    if failed is not None and failed > _INDEXED_MOST:
        causes.append(invalid(where, failed, f"must be less than or equal to {_INDEXED_MOST}"))
    if (completions or 0) <= _MANY_COMPLETIONS or spec.get("backoffLimitPerIndex") is None:
        return
    text = (
        f"must be less than or equal to {_LIMIT_OF_MANY} when completions are above {_MANY_COMPLETIONS} and used with "
        "backoff limit per index"
    )
    if failed is None:
        causes.append(required(where, f"must be specified when completions is above {_MANY_COMPLETIONS}"))
    if parallelism > _LIMIT_OF_MANY:
        causes.append(invalid(f"{path}.parallelism", parallelism, text))
    if failed is not None and failed > _LIMIT_OF_MANY:
        causes.append(invalid(where, failed, text))


def _replacement(causes: Causes, spec: JsonObject, path: str) -> None:
    """Pods that a policy judges are replaced only when they have failed."""
    policy = spec.get("podReplacementPolicy")
    supported = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    if policy is not None and policy not in supported:
        causes.append(not_supported(path, policy, supported))


def _failure_policy(causes: Causes, spec: JsonObject, path: str) -> None:
    rules = spec["podFailurePolicy"].get("rules") or ()
    if len(rules) > _RULES_MOST:
        causes.append(too_many(f"{path}.rules", len(rules), _RULES_MOST))
    pod = (spec.get("template") or {}).get("spec") or {}
    names = {each.get("name") for key in ("containers", "initContainers") for each in pod.get(key) or ()}
    for index, rule in enumerate(rules):
        where = f"{path}.rules[{index}]"
        action, codes, conditions = rule.get("action"), rule.get("onExitCodes"), rule.get("onPodConditions") or ()
        if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            causes.append(invalid(f"{where}.action", action, "requires the backoffLimitPerIndex to be set"))
        _choice(causes, f"{where}.action", action, _ACTIONS)
        if codes is not None:
            _exit_codes(causes, codes, f"{where}.onExitCodes", names)
        for at, pattern in enumerate(conditions):
            kind = pattern.get("type") or ""
            each_message(causes, f"{where}.onPodConditions[{at}].type", kind, qualified_name_errors(kind))
            _choice(causes, f"{where}.onPodConditions[{at}].status", pattern.get("status"), _STATUSES)
        if codes is not None and conditions:
            causes.append(omitted(where, "specifying both OnExitCodes and OnPodConditions is not supported"))
        elif codes is None and not conditions:
            causes.append(omitted(where, "specifying one of OnExitCodes and OnPodConditions is required"))


def _choice(causes: Causes, path: str, value: str | None, supported: tuple[str, ...]) -> None:
    """An enumeration that is told when nothing is chosen."""
    if not value:
        listed = " ".join(f'"{each}"' for each in supported)
        causes.append(required(path, f"valid values: [{listed}]"))
    elif value not in supported:
        causes.append(not_supported(path, value, supported))


def _exit_codes(causes: Causes, codes: JsonObject, path: str, containers: set[Any]) -> None:
    operator, name, values = codes.get("operator"), codes.get("containerName"), codes.get("values")
    _choice(causes, f"{path}.operator", operator, ("In", "NotIn"))
    if name is not None and name not in containers:
        text = "must be one of the container or initContainer names in the pod template"
        causes.append(invalid(f"{path}.containerName", name, text))
    if not values:
        causes.append(invalid(f"{path}.values", values, "at least one value is required"))
        return
    if len(values) > _EXIT_CODES_MOST:
        causes.append(too_many(f"{path}.values", len(values), _EXIT_CODES_MOST))
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            causes.append(invalid(f"{path}.values[{index}]", value, "must not be 0 for the In operator"))
        if value in values[:index]:
            causes.append(duplicate(f"{path}.values[{index}]", value))
    if values != sorted(values):
        causes.append(invalid(f"{path}.values", values, "must be ordered"))


def _success_policy(causes: Causes, spec: JsonObject, path: str) -> None:
    rules, completions = spec["successPolicy"].get("rules") or (), spec.get("completions") or 0
    if not rules:
        causes.append(required(path, "at least one rules must be specified when the successPolicy is specified"))
    if len(rules) > _RULES_MOST:
        causes.append(too_many(path, len(rules), _RULES_MOST))
    for index, rule in enumerate(rules):
        count, indexes, where = rule.get("succeededCount"), rule.get("succeededIndexes"), f"{path}[{index}]"
        if count is None and indexes is None:
            text = "at least one of succeededCount or succeededIndexes must be specified"
            causes.append(required(where, text))
        listed = None
        if indexes is not None:
            listed, wrong = _parsed_indexes(indexes, completions)
            if wrong:
                text = f"error parsing succeededIndexes: {wrong}"
                causes.append(invalid(f"{where}.succeededIndexes", indexes, text))
        if count is None:
            continue
        not_negative(causes, where, rule, "succeededCount")
        of_indexes = "indexes in the specified succeededIndexes field"
        for most, what in ((completions, "specified completions"), (listed, of_indexes)):
            if most is not None and count > most:
                text = f"must be less than or equal to {most} (the number of {what})"
                causes.append(invalid(f"{where}.succeededCount", count, text))


def _parsed_indexes(text: str, completions: int) -> tuple[int, str]:
    """How many indexes `0,2-4` names, and what is wrong with it (validateIndexesFormat)."""
    if not text:
        return 0, ""
    last, total = None, 0
    for interval in text.split(","):
        limits = interval.split("-")
        if len(limits) > 2:
            text = "violates the requirement that an index interval can have at most two parts separated by '-'"
            return 0, f'the fragment "{interval}" {text}'
        numbers = []
        for limit in limits:
            if not limit.isdecimal():
                return 0, f'cannot convert string to integer for index: "{limit}"'
            if int(limit) >= completions:
                return 0, f'too large index: "{limit}"'
            numbers.append(int(limit))
        if last is not None and last >= numbers[0]:
            return 0, f"non-increasing order, previous: {last}, current: {numbers[0]}"
        if len(numbers) == 2 and numbers[0] >= numbers[1]:
            return 0, f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}"
        total += numbers[-1] - numbers[0] + 1
        last = numbers[-1]
    return total, ""


def job(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    if not spec.get("manualSelector") and spec.get("selector") is not None:
        _generated_selector(causes, obj, spec["selector"])
    validate_job_spec(causes, spec, "spec")
    _selector(causes, spec)
    completions = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and completions > 0:
        name = obj["metadata"].get("name") or ""
        host = f"{name}-{completions - 1}"
        if dns_label_errors(host):
            text = f"will not able to create pod with invalid DNS label: {host}"
            causes.append(invalid("metadata.name", name, text))


def _generated_selector(causes: Causes, obj: JsonObject, selector: JsonObject) -> None:
    """Whoever chooses a selector, or its labels, has to say so (validateGeneratedSelector)."""
    uid, name = obj["metadata"].get("uid") or "", obj["metadata"].get("name") or ""
    labels = {
        f"{prefix}{key}": value
        for prefix in ("", "batch.kubernetes.io/")
        for key, value in (("controller-uid", uid), ("job-name", name))
    }
    given = ((obj["spec"].get("template") or {}).get("metadata") or {}).get("labels") or {}
    for key, value in labels.items():
        where = f"spec.template.metadata.labels[{key}]"
        if key not in given:
            causes.append(required(where, f"must be '{value}'"))
        elif given[key] != value:
            causes.append(invalid(where, given, f"must be '{value}'"))
    if not from_spec(selector).matches(labels):
        causes.append(invalid("spec.selector", selector, "`selector` not auto-generated"))


def _selector(causes: Causes, spec: JsonObject) -> None:
    selector = spec.get("selector")
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if selector is None:
        causes.append(required("spec.selector"))
    else:
        before = len(causes)
        validate_selector(causes, selector, "spec.selector")
        if len(causes) > before:
            return
    if selector is None or not from_spec(selector).matches(labels or {}):
        causes.append(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))


def job_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if spec == before:
        return
    validate_job_spec(causes, spec, "spec")
    _selector(causes, spec)
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
    _zone(causes, spec)
    one_of(causes, "spec.concurrencyPolicy", spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"))
    template = spec.get("jobTemplate") or {}
    labels = (template.get("metadata") or {}).get("labels")
    if labels:
        validate_labels(causes, labels, "spec.jobTemplate.metadata.labels")
    inner = template.get("spec") or {}
    validate_job_spec(causes, inner, "spec.jobTemplate.spec")
    if inner.get("selector") is not None:
        causes.append(invalid("spec.jobTemplate.spec.selector", inner["selector"], "`selector` will be auto-generated"))
    if inner.get("manualSelector"):
        causes.append(not_supported("spec.jobTemplate.spec.manualSelector", True, ("nil", "false")))
    not_negative(causes, "spec", spec, "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    name = obj["metadata"].get("name") or ""
    if len(name) > _NAME_MOST:
        causes.append(invalid("metadata.name", name, "must be no more than 52 characters"))


def _schedule(causes: Causes, spec: JsonObject) -> None:
    schedule = spec.get("schedule") or ""
    if not schedule:
        causes.append(required("spec.schedule"))
        return
    # robfig/cron reads a zone in front of the fields; that Kubernetes does not want one there is told besides.
    zone, _, fields = schedule.partition(" ") if schedule.startswith(("TZ=", "CRON_TZ=")) else ("", "", schedule)
    name = zone.partition("=")[2]
    wrong = schedule_error(fields.strip())
    if name and not _is_zone(name):
        wrong = f"provided bad location {name}: unknown time zone {name}"
    if wrong is not None:
        causes.append(invalid("spec.schedule", schedule, wrong))
    if "TZ" in schedule:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        causes.append(invalid("spec.schedule", schedule, text))


def _zone(causes: Causes, spec: JsonObject) -> None:
    zone = spec.get("timeZone")
    if zone is None:
        return
    if not zone:
        causes.append(invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string"))
        return
    if zone.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        causes.append(invalid("spec.timeZone", zone, text))
    # Go's LoadLocation takes the host's own zone by exactly this name.
    if zone != "Local" and not _is_zone(zone):
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
