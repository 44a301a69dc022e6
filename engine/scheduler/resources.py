"""What a pod asks of a node and what a node offers, as integers: millicores, bytes, and counts.

Follows k8s.io/component-helpers/resource: containers add up, sidecars (init containers that restart Always) stay,
other init containers count at their peak, pod-level requests override, the overhead comes on top. Scores use
non-zero requests: a container that says nothing about cpu or memory counts as 100m and 200Mi.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.api.quantity import milli, value

CPU: Final = "cpu"
MEMORY: Final = "memory"
EPHEMERAL_STORAGE: Final = "ephemeral-storage"
PODS: Final = "pods"
DEFAULT_MILLI_CPU: Final = 100
"""schedutil.DefaultMilliCPURequest"""
DEFAULT_MEMORY: Final = 200 * 1024 * 1024
"""schedutil.DefaultMemoryRequest, bytes"""


def amount(resource: str, quantity: str) -> int:
    """A quantity as an integer, rounded up: millicores for cpu, else units (bytes). ValueError for no quantity."""
    return milli(quantity) if resource == CPU else value(quantity)


def amounts(quantities: Mapping[str, Any] | None) -> dict[str, int]:
    """A ResourceList as integers."""
    return {name: amount(name, text) for name, text in (quantities or {}).items()}


def text_of(resource: str, number: int) -> str:
    """For people: cpu in cores (`1.4`), memory in the largest binary unit that keeps one decimal (`1.5Gi`)."""
    if resource == CPU:
        return f"{number / 1000:.3f}".rstrip("0").rstrip(".")
    if resource in (MEMORY, EPHEMERAL_STORAGE) or resource.startswith("hugepages-"):
        for unit, power in (("Ti", 4), ("Gi", 3), ("Mi", 2), ("Ki", 1)):
            if abs(number) >= 1024**power:
                return f"{number / 1024**power:.1f}".removesuffix(".0") + unit
    return str(number)


def pod_requests(spec: Mapping[str, Any]) -> dict[str, int]:
    """What the pod takes from a node (PodRequests)."""
    return _requests(spec, {})


def nonzero_requests(spec: Mapping[str, Any]) -> tuple[int, int]:
    """(millicores, bytes) as scores count them (NonMissingContainerRequests)."""
    counted = _requests(spec, {CPU: DEFAULT_MILLI_CPU, MEMORY: DEFAULT_MEMORY})
    return counted.get(CPU, 0), counted.get(MEMORY, 0)


def _requests(spec: Mapping[str, Any], defaults: Mapping[str, int]) -> dict[str, int]:
    total = _sum(_container(c, defaults) for c in spec.get("containers") or ())
    sidecars: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        own = _container(container, defaults)
        if container.get("restartPolicy") == "Always":
            total = _sum((total, own))
            sidecars = _sum((sidecars, own))
            own = sidecars
        else:
            own = _sum((sidecars, own))
        peak = {name: max(peak.get(name, 0), own.get(name, 0)) for name in {**peak, **own}}
    total = {name: max(total.get(name, 0), peak.get(name, 0)) for name in {**total, **peak}}
    total |= amounts((spec.get("resources") or {}).get("requests"))
    overhead = spec.get("overhead")
    return _sum((total, amounts(overhead))) if overhead else total


def _container(container: Mapping[str, Any], defaults: Mapping[str, int]) -> dict[str, int]:
    return {**defaults, **amounts((container.get("resources") or {}).get("requests"))}


def _sum(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for name, number in part.items():
            total[name] = total.get(name, 0) + number
    return total
