"""Whether a node takes a pod that was bound to it: the checks that a kubelet makes, with its words.

Order and texts: pkg/kubelet/lifecycle/predicate.go (generalFilter: resources, then node affinity, then taints).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.kubelet.amounts import milli, units
from engine.kubelet.facts import PodFacts
from store.types import JsonObject

if TYPE_CHECKING:
    from engine.kubelet.allocation import Usage

_AFFINITY: Final = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
_TAINTS: Final = "Predicate TaintToleration failed: node(s) had taints that the pod doesn't tolerate"
_PORTS: Final = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
_SYSTEM: Final = "Failed to admit pod as the OS field doesn't match node OS"
_NONE: Final[Mapping[str, Any]] = {}


def refusal(pod: JsonObject, facts: PodFacts, node: JsonObject, usage: Usage) -> tuple[str, str] | None:
    """(reason, message) why the node refuses the pod; None when it takes it. `usage` is without the pod."""
    spec = pod["spec"]
    system = (spec.get("os") or _NONE).get("name")
    if system and system != (node["metadata"].get("labels") or _NONE).get("kubernetes.io/os", "linux"):
        return "PodOSNotSupported", _SYSTEM
    short = too_much(facts, node, usage)
    if short is not None:
        return short
    if any(_clash(port, taken) for port in facts.host_ports for taken in usage.ports):
        return "NodePorts", _PORTS
    if (spec.get("nodeSelector") or spec.get("affinity")) and not _matches(spec, node):
        return "NodeAffinity", _AFFINITY
    for taint in (node.get("spec") or _NONE).get("taints") or ():
        if taint.get("effect") == "NoExecute" and not any(_tolerates(t, taint) for t in spec.get("tolerations") or ()):
            return "TaintToleration", _TAINTS
    return None


def _clash(port: tuple[str, str, int], taken: tuple[str, str, int]) -> bool:
    return port[1:] == taken[1:] and (port[0] == taken[0] or "0.0.0.0" in (port[0], taken[0]))


def capacity_of(node: JsonObject, resource: str) -> int:
    """What a node can give of a resource: millicores, bytes, units."""
    allocatable = (node.get("status") or _NONE).get("allocatable") or _NONE
    return milli(allocatable.get(resource, 0)) if resource == "cpu" else units(allocatable.get(resource, 0))


def too_much(facts: PodFacts, node: JsonObject, usage: Usage) -> tuple[str, str] | None:
    """(reason, message) of the first resource that the node has too little left of; None when it has enough."""
    allocatable = (node.get("status") or _NONE).get("allocatable") or _NONE
    wanted = [
        ("pods", 1, usage.pods, units(allocatable.get("pods", 0))),
        ("cpu", facts.cpu, usage.cpu, milli(allocatable.get("cpu", 0))),
        ("memory", facts.memory, usage.memory, units(allocatable.get("memory", 0))),
        ("ephemeral-storage", facts.storage, usage.storage, units(allocatable.get("ephemeral-storage", 0))),
    ]
    if facts.extended:
        wanted += [
            (name, amount, usage.extended.get(name, 0), units(allocatable.get(name, 0)))
            for name, amount in facts.extended.items()
        ]
    for name, amount, used, capacity in wanted:
        if amount and used + amount > capacity:
            return (
                f"OutOf{name}",
                f"Node didn't have enough resource: {name}, requested: {amount}, used: {used}, capacity: {capacity}",
            )
    return None


def _matches(spec: Mapping[str, Any], node: JsonObject) -> bool:
    """nodeSelector and required node affinity."""
    labels = node["metadata"].get("labels") or _NONE
    for name, value in (spec.get("nodeSelector") or _NONE).items():
        if labels.get(name) != value:
            return False
    affinity = ((spec.get("affinity") or _NONE).get("nodeAffinity") or _NONE).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if not affinity:
        return True
    fields = {"metadata.name": node["metadata"]["name"]}
    for term in affinity.get("nodeSelectorTerms") or ():
        expressions = [(labels, e) for e in term.get("matchExpressions") or ()]
        expressions += [(fields, e) for e in term.get("matchFields") or ()]
        if expressions and all(_holds(e, among) for among, e in expressions):
            return True
    return False


def _holds(expression: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    operator: str = expression["operator"]
    wanted: list[str] = expression.get("values") or []
    value = values.get(expression["key"])
    if operator == "In":
        return value in wanted
    if operator == "NotIn":
        return value not in wanted
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    try:
        number, bound = int(value or ""), int(wanted[0])
    except (ValueError, IndexError):
        return False
    return number > bound if operator == "Gt" else number < bound


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")
