"""Defaults of batch/v1: Jobs and CronJobs (pkg/apis/batch/v1/defaults.go, and the Job strategy's selector)."""

from __future__ import annotations

from typing import Final

from engine.api.defaults.filling import changed, filled
from engine.api.defaults.pods import spec_with_template
from store.types import JsonObject

_UID_LABEL: Final = "batch.kubernetes.io/controller-uid"
_UNLIMITED: Final = 2**31 - 1


def _job(obj: JsonObject) -> JsonObject:
    spec = obj.get("spec") or {}
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec = {**spec, "completions": 1, "parallelism": 1}
    spec = filled(
        spec,
        {
            "backoffLimit": 6 if spec.get("backoffLimitPerIndex") is None else _UNLIMITED,
            "completionMode": "NonIndexed",
            "manualSelector": False,
            "parallelism": 1,
            "podReplacementPolicy": "TerminatingOrFailed" if spec.get("podFailurePolicy") is None else "Failed",
            "suspend": False,
        },
    )
    spec = _failure_policy(spec_with_template(spec))
    return _with_generated_selector({**obj, "spec": spec})


def _failure_policy(spec: JsonObject) -> JsonObject:
    policy = spec.get("podFailurePolicy")
    if not policy:
        return spec
    rules = []
    for rule in policy.get("rules") or ():
        conditions = rule.get("onPodConditions")
        filled_in = [filled(c, {"status": "True"}) for c in conditions or ()]
        rules.append({**rule, "onPodConditions": filled_in} if conditions else rule)
    return {**spec, "podFailurePolicy": {**policy, "rules": rules}}


def _with_generated_selector(obj: JsonObject) -> JsonObject:
    """Jobs select their pods by their own uid, unless manualSelector says otherwise (jobStrategy.generateSelector).
    What is there already stays: whether it may, validation says. A Job without labels has its template's."""
    meta, spec = obj.get("metadata") or {}, obj["spec"]
    uid, name = meta.get("uid"), meta.get("name")
    if spec.get("manualSelector") or not uid or not name:
        return obj
    selector, template = spec.get("selector") or {}, spec["template"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    given = template["metadata"].get("labels") or {}
    chosen = selector.get("matchLabels") or {}
    if _UID_LABEL in chosen and labels.keys() <= given.keys():
        return obj
    template_meta = {**template["metadata"], "labels": {**given, **{k: v for k, v in labels.items() if k not in given}}}
    return {
        **obj,
        "metadata": meta if meta.get("labels") else {**meta, "labels": template_meta["labels"]},
        "spec": {
            **spec,
            "selector": {**selector, "matchLabels": {**chosen, _UID_LABEL: chosen.get(_UID_LABEL, uid)}},
            "template": {**template, "metadata": template_meta},
        },
    }


def _cronjob(obj: JsonObject) -> JsonObject:
    spec = filled(
        obj.get("spec") or {},
        {
            "concurrencyPolicy": "Allow",
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {},
            "successfulJobsHistoryLimit": 3,
            "suspend": False,
        },
    )
    template = filled(spec["jobTemplate"], {"metadata": {}, "spec": {}})
    template = changed(template, "spec", spec_with_template(template["spec"]))
    return {**obj, "spec": changed(spec, "jobTemplate", template)}


DEFAULTERS: Final = {"jobs": _job, "cronjobs": _cronjob}
