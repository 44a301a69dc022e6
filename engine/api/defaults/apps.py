"""Defaults of apps/v1: Deployments, ReplicaSets, StatefulSets, DaemonSets (pkg/apis/apps/v1/defaults.go)."""

from __future__ import annotations

from typing import Final

from engine.api.defaults.core import claim
from engine.api.defaults.filling import each, filled, within
from engine.api.defaults.pods import spec_with_template
from store.types import JsonObject


def _deployment(obj: JsonObject) -> JsonObject:
    return {**obj, "spec": _deployment_spec(obj.get("spec") or {})}


def _deployment_spec(spec: JsonObject) -> JsonObject:
    spec = filled(spec, {"progressDeadlineSeconds": 600, "replicas": 1, "revisionHistoryLimit": 10, "strategy": {}})
    strategy = spec["strategy"]
    new = strategy if strategy.get("type") else {**strategy, "type": "RollingUpdate"}
    if new["type"] == "RollingUpdate":
        rolling = filled(new.get("rollingUpdate") or {}, {"maxSurge": "25%", "maxUnavailable": "25%"})
        if rolling is not new.get("rollingUpdate"):
            new = {**new, "rollingUpdate": rolling}
    if new is not strategy:
        spec = {**spec, "strategy": new}
    return spec_with_template(spec)


def _replicaset(obj: JsonObject) -> JsonObject:
    spec = filled(obj.get("spec") or {}, {"replicas": 1})
    return {**obj, "spec": spec_with_template(spec)}


def _statefulset(obj: JsonObject) -> JsonObject:
    spec = filled(
        obj.get("spec") or {},
        {
            "persistentVolumeClaimRetentionPolicy": {},
            "podManagementPolicy": "OrderedReady",
            "replicas": 1,
            "revisionHistoryLimit": 10,
            "updateStrategy": {},
        },
    )
    spec = within(
        spec,
        "persistentVolumeClaimRetentionPolicy",
        lambda policy: filled(policy, {"whenDeleted": "Retain", "whenScaled": "Retain"}),
    )
    strategy = spec["updateStrategy"]
    if not strategy.get("type"):
        strategy = {**strategy, "type": "RollingUpdate"}
    if strategy["type"] == "RollingUpdate":
        rolling = filled(strategy.get("rollingUpdate") or {}, {"partition": 0})
        if rolling is not strategy.get("rollingUpdate"):
            strategy = {**strategy, "rollingUpdate": rolling}
    if strategy is not spec["updateStrategy"]:
        spec = {**spec, "updateStrategy": strategy}
    spec = each(spec, "volumeClaimTemplates", _claim_template)
    return {**obj, "spec": spec_with_template(spec)}


def _claim_template(obj: JsonObject) -> JsonObject:
    return filled(claim(obj), {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}})


def _daemonset(obj: JsonObject) -> JsonObject:
    spec = filled(obj.get("spec") or {}, {"revisionHistoryLimit": 10, "updateStrategy": {}})
    strategy = spec["updateStrategy"]
    if not strategy.get("type"):
        strategy = {**strategy, "type": "RollingUpdate"}
    if strategy["type"] == "RollingUpdate":
        rolling = filled(strategy.get("rollingUpdate") or {}, {"maxSurge": 0, "maxUnavailable": 1})
        if rolling is not strategy.get("rollingUpdate"):
            strategy = {**strategy, "rollingUpdate": rolling}
    if strategy is not spec["updateStrategy"]:
        spec = {**spec, "updateStrategy": strategy}
    return {**obj, "spec": spec_with_template(spec)}


DEFAULTERS: Final = {
    "deployments": _deployment,
    "replicasets": _replicaset,
    "statefulsets": _statefulset,
    "daemonsets": _daemonset,
}
