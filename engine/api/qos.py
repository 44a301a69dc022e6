"""The quality-of-service class of a pod, from its containers' requests and limits (component-helpers' qos.go).

Guaranteed: every container limits cpu and memory, and requests as much as it limits. BestEffort: nothing is asked for.
Burstable: everything between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]


def qos_class(spec: Mapping[str, Any]) -> QosClass:
    """Of a pod's spec."""
    requests: dict[str, list[str]] = {}
    limits: dict[str, list[str]] = {}
    guaranteed = True
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    for container in containers:
        resources = container.get("resources") or {}
        asked = _asked(resources.get("requests"))
        limited = _asked(resources.get("limits"))
        for name, value in asked.items():
            requests.setdefault(name, []).append(value)
        for name, value in limited.items():
            limits.setdefault(name, []).append(value)
        if set(limited) != {"cpu", "memory"} or any(asked.get(n, v) != v for n, v in limited.items()):
            guaranteed = False
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _asked(amounts: Mapping[str, Any] | None) -> dict[str, str]:
    return {
        name: str(amount)
        for name, amount in (amounts or {}).items()
        if name in ("cpu", "memory") and str(amount).strip("0.KMGTPEmiunk") != ""
    }
