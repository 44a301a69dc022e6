"""PodSecurity: pods keep to the Pod Security Standard that their namespace's labels name.

`pod-security.kubernetes.io/enforce` refuses, `/warn` warns; `privileged` (the default) asks for nothing, `baseline`
and `restricted` ask for what engine.api.admission.pod_security_checks lists. Workloads are never refused, their
templates are warned about. `audit` has no effect: there is no audit log. A namespace whose labels name no level or no
version is refused; one that asks for more than before is told which of its pods violate it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from engine.api import errors
from engine.api.admission.pod_security_checks import BASELINE, RESTRICTED, Violation
from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import CRONJOBS, NAMESPACES, PODS
from engine.api.validation.causes import Causes, invalid
from store.types import JsonObject

_PREFIX: Final = "pod-security.kubernetes.io/"
_LEVELS: Final = {"privileged": (), "baseline": BASELINE, "restricted": RESTRICTED}
"""From the loosest to the strictest."""
_VERSION: Final = re.compile(r"v1\.(0|[1-9][0-9]*)\Z", re.ASCII)
_MODES: Final = ("enforce", "audit", "warn")
_POD_CHECKS_MOST: Final = 3000
"""Pods of a namespace that are looked at when its level rises (namespaceMaxPodsToCheck)."""


class _Policy(NamedTuple):
    """A standard: its level, and of which version of Kubernetes."""

    level: str
    version: str

    @classmethod
    def of(cls, labels: Mapping[str, str], mode: str) -> _Policy:
        level = labels.get(_PREFIX + mode, "privileged")
        # A level that is none may stand in a namespace only when nobody checked its labels: be strict.
        return cls(level if level in _LEVELS else "restricted", labels.get(f"{_PREFIX}{mode}-version", "latest"))

    def violations(self, metadata: JsonObject, spec: JsonObject) -> list[Violation]:
        named = _VERSION.match(self.version)
        minor = int(named[1]) if named else None
        found = (check.run(metadata, spec) for check in _LEVELS[self.level] if minor is None or check.since <= minor)
        return [violation for violation in found if violation is not None]

    def text(self, verb: str, violations: list[Violation]) -> str:
        listed = ", ".join(f"{what} ({detail})" if detail else what for what, detail in violations)
        return f'{verb} PodSecurity "{self}": {listed}'

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"


def validate(request: AdmissionRequest) -> None:
    """Pods and workloads. Raises Forbidden for a pod that violates what is enforced."""
    namespace = request.find(NAMESPACES, "", request.namespace)
    if namespace is None or not namespace.labels:
        return
    enforced, warned = (_Policy.of(namespace.labels, mode) for mode in ("enforce", "warn"))
    if enforced.level == warned.level == "privileged":
        return
    metadata, spec = _pod_of(request)
    if not spec:
        return
    if request.kind.resource == PODS:
        if request.old is not None and request.old.get("spec") == request.obj.get("spec"):
            return
        found = enforced.violations(metadata, spec)
        if found:
            raise errors.forbidden(request.kind.resource, request.name, enforced.text("violates", found))
    if request.warnings is not None:
        found = warned.violations(metadata, spec)
        if found:
            request.warnings.append(warned.text("would violate", found))


def validate_namespace(request: AdmissionRequest) -> None:
    """Raises Invalid for labels that name no standard. Warns of the pods that violate what is newly enforced."""
    labels = request.obj["metadata"].get("labels") or {}
    before = ((request.old or {}).get("metadata") or {}).get("labels") or {}
    causes = _faulty_labels(labels)
    if causes and (request.old is None or causes != _faulty_labels(before)):
        raise errors.invalid("", request.kind.kind, request.name, causes)
    if request.old is None or request.warnings is None:
        return
    new, old = _Policy.of(labels, "enforce"), _Policy.of(before, "enforce")
    order = list(_LEVELS)
    looser = new.version == old.version and order.index(new.level) <= order.index(old.level)
    if new.level != "privileged" and not looser:
        request.warnings.extend(_existing_pods(request, new))


def _faulty_labels(labels: Mapping[str, str]) -> Causes:
    causes: Causes = []
    for mode in _MODES:
        level, version = labels.get(_PREFIX + mode), labels.get(f"{_PREFIX}{mode}-version")
        if level is not None and level not in _LEVELS:
            text = f"must be one of {', '.join(_LEVELS)}"
            causes.append(invalid(f"metadata.labels[{_PREFIX}{mode}]", level, text))
        if version is not None and version != "latest" and not _VERSION.match(version):
            text = 'must be "latest" or "v1.x"'
            causes.append(invalid(f"metadata.labels[{_PREFIX}{mode}-version]", version, text))
    return causes


def _existing_pods(request: AdmissionRequest, policy: _Policy) -> list[str]:
    """What the namespace's pods violate: one line for those that violate the same, under the name of the first."""
    pods = sorted(request.store.list(PODS, request.name), key=lambda env: env.name)
    same: dict[str, list[str]] = {}
    for env in pods[:_POD_CHECKS_MOST]:
        found = policy.violations(env.obj["metadata"], spec_of(env.obj))
        if found:
            same.setdefault(", ".join(what for what, _ in found), []).append(env.name)
    lines = []
    if len(pods) > _POD_CHECKS_MOST:
        lines.append(
            f"new PodSecurity enforce level only checked against the first {_POD_CHECKS_MOST} of {len(pods)} existing "
            "pods"
        )
    if same:
        lines.append(
            f'existing pods in namespace "{request.name}" violate the new PodSecurity enforce level "{policy}"'
        )
    others = {1: "", 2: " (and 1 other pod)"}
    return lines + sorted(
        f"{names[0]}{others.get(len(names), f' (and {len(names) - 1} other pods)')}: {what}"
        for what, names in same.items()
    )


def _pod_of(request: AdmissionRequest) -> tuple[JsonObject, dict[str, Any]]:
    """Metadata and spec of the pod, or of a workload's template."""
    if request.kind.resource == PODS:
        return request.obj["metadata"], spec_of(request.obj)
    spec = spec_of(request.obj)
    if request.kind.resource == CRONJOBS:
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    template = spec.get("template") or {}
    return template.get("metadata") or {}, template.get("spec") or {}
