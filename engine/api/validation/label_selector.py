"""metav1.LabelSelector: keys, values and operators (ValidateLabelSelector)."""

from __future__ import annotations

from typing import Final

from engine.api.names import label_value_errors, qualified_name_errors
from engine.api.validation.causes import Causes, each_message, forbidden, invalid, required
from engine.api.validation.metadata import validate_labels
from store.types import JsonObject

_WITH_VALUES: Final = ("In", "NotIn")
_WITHOUT: Final = ("Exists", "DoesNotExist")


def validate_selector(causes: Causes, selector: JsonObject | None, path: str) -> None:
    if not selector:
        return
    validate_labels(causes, selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        validate_requirement(causes, expression, f"{path}.matchExpressions[{index}]")


def validate_requirement(causes: Causes, expression: JsonObject, path: str) -> None:
    operator, values = expression.get("operator") or "", expression.get("values") or []
    if operator in _WITH_VALUES:
        if not values:
            causes.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in _WITHOUT:
        if values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            causes.append(forbidden(f"{path}.values", text))
    else:
        causes.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    key = expression.get("key") or ""
    each_message(causes, f"{path}.key", key, qualified_name_errors(key))
    for index, value in enumerate(values):
        each_message(causes, f"{path}.values[{index}]", value, label_value_errors(value))
