"""apps/v1 and ReplicationControllers: selectors that match their templates, strategies, what may change later."""

from __future__ import annotations

from typing import Any, Final

from engine.api import selectors
from engine.api.internal_form import stateful_rolling_update, stateful_strategy, update_strategy
from engine.api.validation.causes import (
    Causes,
    forbidden,
    immutable,
    invalid,
    invalid_struct,
    not_negative,
    not_supported,
    not_supported_struct,
    required,
)
from engine.api.validation.label_selector import validate_selector
from engine.api.validation.metadata import validate_annotations, validate_labels
from engine.api.validation.pod_spec import validate_template
from store.types import JsonObject

_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")
_MISMATCH: Final = "`selector` does not match template `labels`"
_STATEFUL_FIXED: Final = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_STATEFUL_FREE: Final = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip


# -- shared --------------------------------------------------------------------------------------------------------


def _selector(causes: Causes, spec: JsonObject, kind: str) -> None:
    selector = spec.get("selector")
    if selector is None:
        causes.append(required("spec.selector"))
        return
    validate_selector(causes, selector, "spec.selector")
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        causes.append(invalid("spec.selector", selector, f"empty selector is invalid for {kind}"))
    if not _is_readable(selector):
        text = "" if kind == "statefulset" else "invalid label selector"
        causes.append(invalid("spec.selector", selector, text))


def _template(causes: Causes, spec: JsonObject, what: str, with_pods: bool = True) -> None:
    """The template of a workload. Without `with_pods` nobody looks into the pods' spec: a StatefulSet's pods get
    volumes that the template does not have, so what is wrong is told when a pod is made, as in Kubernetes
    (ValidatePodTemplateSpecForStatefulSet)."""
    template = spec.get("template") or {}
    if not _is_readable(spec.get("selector")):
        return
    labels = (template.get("metadata") or {}).get("labels")
    if not selectors.from_spec(spec.get("selector")).matches(labels or {}):
        causes.append(invalid("spec.template.metadata.labels", labels, _MISMATCH))
    if with_pods:
        validate_template(causes, template, "spec.template")
    else:
        meta = template.get("metadata") or {}
        validate_labels(causes, meta.get("labels") or {}, "spec.template.labels")
        validate_annotations(causes, meta.get("annotations") or {}, "spec.template.annotations")
    _always(causes, template, what)


def _always(causes: Causes, template: JsonObject, what: str) -> None:
    spec = template.get("spec") or {}
    policy = spec.get("restartPolicy")
    if policy and policy != "Always":
        causes.append(not_supported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        text = f"activeDeadlineSeconds in {what} is not Supported"
        causes.append(forbidden("spec.template.spec.activeDeadlineSeconds", text))


def _is_readable(selector: JsonObject | None) -> bool:
    """Whether it can be made a selector of (LabelSelectorAsSelector)."""
    for expression in (selector or {}).get("matchExpressions") or ():
        operator, values = expression.get("operator"), expression.get("values") or ()
        if operator not in _OPERATORS or (operator in ("In", "NotIn")) != bool(values):
            return False
    return True


def int_or_percent(causes: Causes, value: Any, path: str) -> None:
    """ValidatePositiveIntOrPercent."""
    if isinstance(value, str):
        if not (value.endswith("%") and value[:-1].isascii() and value[:-1].isdigit()):
            text = "a valid percent string must be a numeric string followed by an ending '%'"
            causes.append(
                invalid(path, value, f"{text} (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')")
            )
    elif value < 0:
        causes.append(invalid(path, value, "must be greater than or equal to 0"))


def _is_zero(value: Any) -> bool:
    return value is not None and str(value).rstrip("%") in ("0", "")


def _above_hundred(causes: Causes, value: Any, path: str) -> None:
    if isinstance(value, str) and value[:-1].isdigit() and int(value[:-1]) > 100:
        causes.append(invalid(path, value, "must not be greater than 100%"))


# -- deployments and replica sets ----------------------------------------------------------------------------------


def deployment(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    not_negative(causes, "spec", spec, "replicas")
    _selector(causes, spec, "deployment")
    _template(causes, spec, "ReplicaSet")
    _deployment_strategy(causes, spec.get("strategy") or {}, "spec.strategy")
    not_negative(causes, "spec", spec, "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    deadline, least = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds") or 0
    if deadline is not None and deadline <= least:
        causes.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))


def _deployment_strategy(causes: Causes, strategy: JsonObject, path: str) -> None:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            text = "may not be specified when strategy `type` is 'Recreate'"
            causes.append(forbidden(f"{path}.rollingUpdate", text))
    elif kind == "RollingUpdate":
        if rolling is None:
            causes.append(required(f"{path}.rollingUpdate", "this should be defaulted and never be nil"))
            return
        for key in ("maxUnavailable", "maxSurge"):
            if rolling.get(key) is not None:
                int_or_percent(causes, rolling[key], f"{path}.rollingUpdate.{key}")
        unavailable = rolling.get("maxUnavailable")
        if _is_zero(unavailable) and _is_zero(rolling.get("maxSurge")):
            text = "may not be 0 when `maxSurge` is 0"
            causes.append(invalid(f"{path}.rollingUpdate.maxUnavailable", unavailable, text))
        _above_hundred(causes, unavailable, f"{path}.rollingUpdate.maxUnavailable")
    else:
        causes.append(not_supported_struct(path, update_strategy(strategy), ("Recreate", "RollingUpdate")))


def deployment_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    _fixed_selector(causes, new, old)
    deployment(causes, new)


def _fixed_selector(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    selector, before = (new.get("spec") or {}).get("selector"), (old.get("spec") or {}).get("selector")
    immutable(causes, "spec.selector", selector, before)


def replicaset(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    not_negative(causes, "spec", spec, "replicas", "minReadySeconds")
    _selector(causes, spec, "deployment")
    if spec.get("template") is None:
        causes.append(required("spec.template"))
    else:
        _template(causes, spec, "ReplicaSet")


def replicaset_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    _fixed_selector(causes, new, old)
    replicaset(causes, new)


def controller(causes: Causes, obj: JsonObject) -> None:
    """A ReplicationController."""
    spec = obj.get("spec") or {}
    not_negative(causes, "spec", spec, "minReadySeconds")
    selector = spec.get("selector")
    if not selector:
        causes.append(required("spec.selector"))
    not_negative(causes, "spec", spec, "replicas")
    template = spec.get("template")
    if template is None:
        causes.append(required("spec.template"))
        return
    labels = (template.get("metadata") or {}).get("labels") or {}
    if selector and any(labels.get(key) != value for key, value in selector.items()):
        causes.append(invalid("spec.template.metadata.labels", labels, _MISMATCH))
    validate_template(causes, template, "spec.template")
    _always(causes, template, "ReplicationController")


# -- stateful sets -------------------------------------------------------------------------------------------------


def statefulset(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    policy = spec.get("podManagementPolicy")
    if not policy:
        causes.append(required("spec.podManagementPolicy"))
    elif policy not in ("OrderedReady", "Parallel"):
        causes.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    strategy = spec.get("updateStrategy") or {}
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if not kind:
        causes.append(required("spec.updateStrategy"))
    elif kind == "OnDelete":
        if rolling is not None:
            text = "only allowed for updateStrategy 'RollingUpdate'"
            causes.append(invalid_struct("spec.updateStrategy.rollingUpdate", stateful_rolling_update(rolling), text))
    elif kind == "RollingUpdate":
        not_negative(causes, "spec.updateStrategy.rollingUpdate", rolling or {}, "partition")
        unavailable = (rolling or {}).get("maxUnavailable")
        if unavailable is not None:
            where = "spec.updateStrategy.rollingUpdate.maxUnavailable"
            int_or_percent(causes, unavailable, where)
            if _is_zero(unavailable):
                causes.append(invalid(where, unavailable, "cannot be 0"))
            _above_hundred(causes, unavailable, where)
    else:
        text = "must be 'RollingUpdate' or 'OnDelete'"
        causes.append(invalid_struct("spec.updateStrategy", stateful_strategy(strategy), text))
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for key in ("whenDeleted", "whenScaled"):
        where = f"spec.persistentVolumeClaimRetentionPolicy.{key}"
        value = retention.get(key, "Retain")
        if value not in ("Retain", "Delete"):
            causes.append(not_supported(where, value, ("Delete", "Retain")))
    not_negative(causes, "spec", spec, "replicas", "minReadySeconds")
    not_negative(causes, "spec.ordinals", spec.get("ordinals") or {}, "start")
    _selector(causes, spec, "statefulset")
    _template(causes, spec, "StatefulSet", with_pods=False)


def statefulset_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    statefulset(causes, new)
    fixed = {key: value for key, value in spec.items() if key not in _STATEFUL_FREE}
    if fixed != {key: value for key, value in before.items() if key not in _STATEFUL_FREE}:
        causes.append(forbidden("spec", _STATEFUL_FIXED))


# -- daemon sets ---------------------------------------------------------------------------------------------------


def daemonset(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    selector = spec.get("selector")
    validate_selector(causes, selector, "spec.selector")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    if _is_readable(selector) and not selectors.from_spec(selector).matches(labels or {}):
        causes.append(invalid("spec.template.metadata.labels", labels, _MISMATCH))
    if selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions"):
        causes.append(invalid("spec.selector", selector, "empty selector is invalid for daemonset"))
    validate_template(causes, template, "spec.template")
    _always(causes, template, "DaemonSet")
    not_negative(causes, "spec", spec, "minReadySeconds")
    _daemon_strategy(causes, spec.get("updateStrategy") or {}, "spec.updateStrategy")
    not_negative(causes, "spec", spec, "revisionHistoryLimit")


def _daemon_strategy(causes: Causes, strategy: JsonObject, path: str) -> None:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind not in ("RollingUpdate", "OnDelete"):
        causes.append(not_supported_struct(path, update_strategy(strategy), ("RollingUpdate", "OnDelete")))
    if kind != "RollingUpdate":
        return
    if rolling is None:
        causes.append(required(f"{path}.rollingUpdate"))
        return
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    for key, value in (("maxUnavailable", unavailable), ("maxSurge", surge)):
        int_or_percent(causes, value, f"{path}.rollingUpdate.{key}")
        _above_hundred(causes, value, f"{path}.rollingUpdate.{key}")
    if _is_zero(unavailable) and _is_zero(surge):
        causes.append(required(f"{path}.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    elif not _is_zero(unavailable) and not _is_zero(surge):
        text = "may not be set when maxUnavailable is non-zero"
        causes.append(invalid(f"{path}.rollingUpdate.maxSurge", surge, text))


def daemonset_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    _fixed_selector(causes, new, old)
    daemonset(causes, new)
