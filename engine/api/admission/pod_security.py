"""PodSecurity: pods keep to the Pod Security Standard that their namespace's labels name.

`pod-security.kubernetes.io/enforce` refuses, `/warn` warns; `privileged` (the default) asks for nothing, `baseline`
and `restricted` ask for what engine.api.admission.pod_security_checks lists. Workloads are never refused, their
templates are warned about. `audit` has no effect: there is no audit log.
"""

from __future__ import annotations

from typing import Any, Final

from engine.api import errors
from engine.api.admission.pod_security_checks import BASELINE, RESTRICTED, Violation
from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import CRONJOBS, NAMESPACES, PODS
from store.types import JsonObject

_PREFIX: Final = "pod-security.kubernetes.io/"
_LEVELS: Final = {"baseline": BASELINE, "restricted": RESTRICTED}


def validate(request: AdmissionRequest) -> None:
    """Pods and workloads. Raises Forbidden for a pod that violates what is enforced."""
    namespace = request.find(NAMESPACES, "", request.namespace)
    if namespace is None or not namespace.labels:
        return
    labels = namespace.labels
    enforced, warned = labels.get(_PREFIX + "enforce"), labels.get(_PREFIX + "warn")
    if enforced not in _LEVELS and warned not in _LEVELS:
        return
    metadata, spec = _pod_of(request)
    if not spec:
        return
    if request.kind.resource == PODS:
        if request.old is not None and request.old.get("spec") == request.obj.get("spec"):
            return
        if enforced in _LEVELS:
            found = _violations(enforced, metadata, spec)
            if found:
                text = _text("violates", enforced, labels.get(_PREFIX + "enforce-version"), found)
                raise errors.forbidden(request.kind.resource, request.name, text)
    if warned in _LEVELS and request.warnings is not None:
        found = _violations(warned, metadata, spec)
        if found:
            request.warnings.append(_text("would violate", warned, labels.get(_PREFIX + "warn-version"), found))


def _violations(level: str | None, metadata: JsonObject, spec: JsonObject) -> list[Violation]:
    found = (check(metadata, spec) for check in _LEVELS[level or ""])
    return [violation for violation in found if violation is not None]


def _text(verb: str, level: str | None, version: str | None, violations: list[Violation]) -> str:
    listed = ", ".join(f"{what} ({detail})" if detail else what for what, detail in violations)
    return f'{verb} PodSecurity "{level}:{version or "latest"}": {listed}'


def _pod_of(request: AdmissionRequest) -> tuple[JsonObject, dict[str, Any]]:
    """Metadata and spec of the pod, or of a workload's template."""
    if request.kind.resource == PODS:
        return request.obj["metadata"], spec_of(request.obj)
    spec = spec_of(request.obj)
    if request.kind.resource == CRONJOBS:
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    template = spec.get("template") or {}
    return template.get("metadata") or {}, template.get("spec") or {}
