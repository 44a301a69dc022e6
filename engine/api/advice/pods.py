"""Advice on pods and templates of pods (k8s.io/kubernetes/pkg/api/pod, warnings.go)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.api import quantity
from store.types import JsonObject

OLD_NODE_LABELS: Final[Mapping[str, str]] = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}
_OLD_ANNOTATIONS: Final[Mapping[str, str]] = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
OLD_VOLUMES: Final[Mapping[str, str]] = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_NO_SELECTOR: Final = "a null labelSelector results in matching no pod"
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


def pod(obj: JsonObject) -> list[str]:
    return template(obj, "")


def template(obj: JsonObject, path: str) -> list[str]:
    """`path`: of the template, "" when it is a pod."""
    spec, metadata = obj.get("spec") or {}, obj.get("metadata") or {}
    inside = f"{path}.spec" if path else "spec"
    annotations = f"{path}.metadata.annotations" if path else "metadata.annotations"
    found = [*_of_placement(spec, inside)]
    found += [
        f"{annotations}[{key}]: {text}"
        for key, text in _OLD_ANNOTATIONS.items()
        if key in (metadata.get("annotations") or {})
    ]
    found += _of_volumes(spec, inside)
    found += _of_names(spec, inside)
    for container, where in _containers(spec, inside):
        found += _of_container(container, where)
    found += _of_ports(spec, inside)
    found += _of_port_names(spec, inside)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        found.append(f"{inside}.terminationGracePeriodSeconds: {text}")
    found += _of_affinity(spec.get("affinity") or {}, f"{inside}.affinity")
    return found


def claim_spec(spec: JsonObject, path: str) -> list[str]:
    """A claim's spec."""
    amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return _fractional(amount, f"{path}.resources.requests[storage]")


def _fractional(amount: Any, path: str) -> list[str]:
    if amount is None or quantity.parse(amount).nano % quantity.NANO == 0:
        return []
    return [f'{path}: fractional byte value "{quantity.canonical(amount)}" is invalid, must be an integer']


def node_terms(terms: Any, path: str) -> Iterator[str]:
    """Labels of nodes that have newer names, in the terms of a node selector."""
    for index, term in enumerate(terms):
        yield from _node_term(term, f"{path}[{index}]")


def _node_term(term: JsonObject, path: str) -> Iterator[str]:
    for at, expression in enumerate(term.get("matchExpressions") or ()):
        key = expression.get("key") or ""
        if key in OLD_NODE_LABELS:
            yield f"{path}.matchExpressions[{at}].key: {key} is {OLD_NODE_LABELS[key]}"


def _of_placement(spec: JsonObject, path: str) -> Iterator[str]:
    for key in sorted(spec.get("nodeSelector") or {}):
        if key in OLD_NODE_LABELS:
            yield f"{path}.nodeSelector[{key}]: {OLD_NODE_LABELS[key]}"
    node, where = (spec.get("affinity") or {}).get("nodeAffinity") or {}, f"{path}.affinity.nodeAffinity"
    terms = (node.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()
    yield from node_terms(terms, f"{where}.{_REQUIRED}.nodeSelectorTerms")
    for index, preferred in enumerate(node.get(_PREFERRED) or ()):
        yield from _node_term(preferred.get("preference") or {}, f"{where}.{_PREFERRED}[{index}].preference")
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        where, key = f"{path}.topologySpreadConstraints[{index}]", constraint.get("topologyKey") or ""
        if key in OLD_NODE_LABELS:
            yield f"{where}.topologyKey: {key} is {OLD_NODE_LABELS[key]}"
        if constraint.get("labelSelector") is None:
            yield f"{where}.labelSelector: {_NO_SELECTOR}"


def _of_volumes(spec: JsonObject, path: str) -> Iterator[str]:
    for index, volume in enumerate(spec.get("volumes") or ()):
        where = f"{path}.volumes[{index}]"
        for key, text in OLD_VOLUMES.items():
            if volume.get(key) is not None:
                yield f"{where}.{key}: {text}"
        if volume.get("ephemeral") is not None:
            wanted = (volume["ephemeral"].get("volumeClaimTemplate") or {}).get("spec") or {}
            yield from claim_spec(wanted, f"{where}.ephemeral.volumeClaimTemplate.spec")


def _of_names(spec: JsonObject, path: str) -> Iterator[str]:
    """Host aliases and pull secrets that are there twice, or have no name."""
    addresses: set[str] = set()
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        address = alias.get("ip") or ""
        if address in addresses:
            yield f'{path}.hostAliases[{index}].ip: duplicate ip "{address}"'
        addresses.add(address)
    names: set[str] = set()
    secrets = spec.get("imagePullSecrets") or ()
    for index, secret in enumerate(secrets):
        name = secret.get("name") or ""
        if name in names:
            yield f'{path}.imagePullSecrets[{index}].name: duplicate name "{name}"'
        names.add(name)
    for index, secret in enumerate(secrets):
        if not secret.get("name"):
            yield f'{path}.imagePullSecrets[{index}].name: invalid empty name ""'


def _containers(spec: JsonObject, path: str) -> Iterator[tuple[JsonObject, str]]:
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(key) or ()):
            yield container, f"{path}.{key}[{index}]"


def _of_container(container: JsonObject, path: str) -> Iterator[str]:
    resources = container.get("resources") or {}
    for name in ("memory", "ephemeral-storage"):
        for key in ("limits", "requests"):
            amount = (resources.get(key) or {}).get(name)
            yield from _fractional(amount, f"{path}.resources.{key}[{name}]")
    names: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        name, value = variable.get("name") or "", variable.get("value") or ""
        reference = f"$({name})"
        # A value that builds on the former one hides nothing.
        hides = variable.get("valueFrom") is not None or value == reference or reference not in value
        if name in names and hides:
            text = f'hides previous definition of "{name}", which may be dropped when using apply'
            yield f"{path}.env[{index}]: {text}"
        names.add(name)


def _of_ports(spec: JsonObject, path: str) -> Iterator[str]:
    known: dict[tuple[Any, Any], list[tuple[str, JsonObject]]] = {}
    ports = [
        (f"{where}.ports[{index}]", port)
        for container, where in _containers(spec, path)
        for index, port in enumerate(container.get("ports") or ())
    ]
    for where, port in ports:
        same = known.setdefault((port.get("containerPort"), port.get("protocol")), [])
        for other_where, other in same:
            how = _conflict(port, other)
            if how:
                yield f"{where}: {how} port definition with {other_where}"
        same.append((where, port))


def _of_port_names(spec: JsonObject, path: str) -> Iterator[str]:
    """Containers that run side by side: who asks for a port by name gets the first."""
    first: dict[str, str] = {}
    for container, where in _containers(spec, path):
        beside = ".containers[" in where or container.get("restartPolicy") == "Always"
        for index, port in enumerate(container.get("ports") or ()) if beside else ():
            name, place = port.get("name"), f"{where}.ports[{index}].name"
            if name and first.setdefault(name, place) != place:
                text = f'duplicate port name "{name}" with {first[name]}, services and probes that select ports by name'
                yield f"{place}: {text} will use {first[name]}"


def _conflict(one: JsonObject, other: JsonObject) -> str:
    addresses = [port.get("hostIP") or "" for port in (one, other)]
    numbers = [port.get("hostPort") or 0 for port in (one, other)]
    if addresses[0] == addresses[1] and numbers[0] == numbers[1]:
        return "duplicate"
    if 0 in numbers:
        return "overlapping"
    return "dangerously ambiguous" if numbers[0] == numbers[1] and "" in addresses else ""


def _of_affinity(affinity: JsonObject, path: str) -> Iterator[str]:
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(kind) or {}
        for index, term in enumerate(terms.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                yield f"{path}.{kind}.{_REQUIRED}[{index}].labelSelector: {_NO_SELECTOR}"
        for index, weighted in enumerate(terms.get(_PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                yield f"{path}.{kind}.{_PREFERRED}[{index}].podAffinityTerm.labelSelector: {_NO_SELECTOR}"
