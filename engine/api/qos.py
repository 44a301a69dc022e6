"""The quality-of-service class of a pod, from its containers' requests and limits (component-helpers' qos.go).

Guaranteed: every container limits cpu and memory, and requests as much as it limits. BestEffort: nothing is asked for.
Burstable: everything between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from engine.api import quantity

QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]


def qos_class(spec: Mapping[str, Any]) -> QosClass:
    """Of a pod's spec."""
    anything = False
    guaranteed = True
    if spec.get("resources"):
        # Resources of the pod as a whole (PodLevelResources) decide alone.
        containers = [{"resources": spec["resources"]}]
    else:
        containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    for container in containers:
        resources = container.get("resources") or {}
        asked = _asked(resources.get("requests"))
        limited = _asked(resources.get("limits"))
        anything = anything or bool(asked) or bool(limited)
        if set(limited) != {"cpu", "memory"} or any(asked.get(n, v) != v for n, v in limited.items()):
            guaranteed = False
    if not anything:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _asked(amounts: Mapping[str, Any] | None) -> dict[str, int]:
    return {
        name: figure
        for name, amount in (amounts or {}).items()
        if name in ("cpu", "memory") and (figure := quantity.milli(amount)) > 0
    }
