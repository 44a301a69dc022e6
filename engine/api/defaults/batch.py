"""Defaults of batch/v1: Jobs and CronJobs (pkg/apis/batch/v1/defaults.go, and the Job strategy's selector)."""

from __future__ import annotations

from typing import Final

from engine.api.defaults.filling import changed, filled
from engine.api.defaults.pods import spec_with_template
from store.types import JsonObject

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
    """Jobs select their pods by their own uid, unless manualSelector says otherwise (jobStrategy.generateSelector)."""
    meta, spec = obj.get("metadata") or {}, obj["spec"]
    uid, name = meta.get("uid"), meta.get("name")
    if spec.get("manualSelector") or spec.get("selector") is not None or not uid or not name:
        return obj
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    template = spec["template"]
    template_meta = {**template["metadata"], "labels": {**(template["metadata"].get("labels") or {}), **labels}}
    return {
        **obj,
        "metadata": {**meta, "labels": {**template_meta["labels"], **(meta.get("labels") or {})}},
        "spec": {
            **spec,
            "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}},
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
