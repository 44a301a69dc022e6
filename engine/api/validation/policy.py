"""policy/v1: PodDisruptionBudgets."""

from __future__ import annotations

from typing import Any

from engine.api.internal_form import budget_spec
from engine.api.validation.causes import Causes, invalid, invalid_struct, one_of
from engine.api.validation.label_selector import validate_selector
from engine.api.validation.workloads import int_or_percent
from store.types import JsonObject


def budget(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        text = "minAvailable and maxUnavailable cannot be both set"
        causes.append(invalid_struct("spec", budget_spec(spec), text))
    for key, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            _amount(causes, value, f"spec.{key}")
    validate_selector(causes, spec.get("selector"), "spec.selector")
    one_of(
        causes, "spec.unhealthyPodEvictionPolicy", spec.get("unhealthyPodEvictionPolicy"),
        ("AlwaysAllow", "IfHealthyBudget"), optional=True,
    )  # fmt: skip


def _amount(causes: Causes, value: Any, path: str) -> None:
    before = len(causes)
    int_or_percent(causes, value, path)
    if len(causes) == before and isinstance(value, str) and int(value[:-1]) > 100:
        causes.append(invalid(path, value, "must not be greater than 100%"))


def budget_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if new.get("spec") != old.get("spec"):
        budget(causes, new)
