"""Equivalence classes of pods: what a scheduling decision depends on, computed once for all pods of one template.

Two pods of one class get the same masks and scores. A pod finds its class twice over: by the identity of the
subtrees that a template shares in memory (about a microsecond), else by the canonical JSON of the same parts. What
differs between the pods of a template without mattering here (the token volume's name, say) is in neither key.

Labels and namespace are in neither key either. Where a pod's place depends on other pods (topology spread, inter-pod
affinity), what its labels and its namespace make of that is its `Relations` (engine.scheduler.relations); pods of one
class with the same relations share a class of their own, `base` being the one without.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from engine.scheduler.resources import CPU, MEMORY, nonzero_requests, pod_requests
from store.types import Envelope, JsonObject

if TYPE_CHECKING:
    from engine.scheduler.relations import Relations
    from engine.scheduler.volumes import Mounts

_KEPT: Final = 4096
"""Identity keys and classes kept; past it the tables start over."""
_PARTS: Final = (
    "priority", "preemptionPolicy", "nodeSelector", "affinity", "overhead", "resources", "tolerations",
    "topologySpreadConstraints", "schedulerName",
)  # fmt: skip
"""Fields of a pod's spec that count, beside its containers' resources, ports and images. The node's name does not: a
pod keeps its class when it is bound."""
_NO_TERMS: Final[tuple[tuple[JsonObject, bool, int], ...]] = ()


class HostPort(NamedTuple):
    """A port that a pod takes on its node; ip "0.0.0.0" is every address."""

    ip: str
    protocol: str
    port: int


class Toleration(NamedTuple):
    """core/v1 Toleration; "" matches every key, value or effect as Kubernetes has it."""

    key: str
    operator: str
    value: str
    effect: str

    def tolerates(self, key: str, value: str, effect: str) -> bool:
        """Toleration.ToleratesTaint."""
        if self.effect and self.effect != effect:
            return False
        if self.key and self.key != key:
            return False
        return self.operator == "Exists" or self.value == value


class PodClass:
    """Everything about a pod that decides where it can go. Immutable."""

    __slots__ = (
        "base",
        "best_effort",
        "images",
        "load_key",
        "memory_counted",
        "milli_cpu_counted",
        "mounts",
        "node_name",
        "number",
        "pod_terms",
        "ports",
        "preemption_policy",
        "preferred_terms",
        "priority",
        "relations",
        "requests",
        "required_terms",
        "scheduler",
        "selector",
        "spec",
        "spread",
        "term_label_keys",
        "tolerations",
    )  # fmt: skip

    def __init__(self, number: int, spec: JsonObject, node_name: str = "") -> None:
        self.number = number
        """Identity: classes are numbered as they come."""
        self.spec = spec
        """Of the first pod of the class."""
        self.requests = pod_requests(spec)
        self.milli_cpu_counted, self.memory_counted = nonzero_requests(spec)
        """Non-zero requests, as scores count them."""
        self.ports = host_ports(spec)
        self.node_name = node_name
        """The one node that the pod asks for, as long as it is not on it; "" for any."""
        self.tolerations = tuple(
            Toleration(t.get("key") or "", t.get("operator") or "Equal", t.get("value") or "", t.get("effect") or "")
            for t in spec.get("tolerations") or ()
        )
        self.selector: dict[str, str] = spec.get("nodeSelector") or {}
        affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
        self.required_terms: list[JsonObject] | None = (
            None if required is None else required.get("nodeSelectorTerms") or []
        )
        """None: no required node affinity; an empty list matches no node."""
        self.preferred_terms: list[JsonObject] = [
            term
            for term in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
            if term.get("weight")
            and (term["preference"].get("matchExpressions") or term["preference"].get("matchFields"))
        ]
        self.priority: int = spec.get("priority") or 0
        self.preemption_policy: str = spec.get("preemptionPolicy") or "PreemptLowerPriority"
        self.best_effort = not self.requests.get(CPU) and not self.requests.get(MEMORY)
        """Asks neither for cpu nor for memory."""
        self.load_key = (
            *sorted(self.requests.items()), self.milli_cpu_counted, self.memory_counted, *sorted(self.ports),
        )  # fmt: skip
        """What the pod takes from a node: classes with the same one weigh alike on every node."""
        self.scheduler: str = spec.get("schedulerName") or ""
        """Name of the profile; "" is the first one."""
        self.images: tuple[str, ...] = tuple(
            normalized_image(c.get("image") or "")
            for c in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
        )
        self.spread: list[JsonObject] = spec.get("topologySpreadConstraints") or []
        self.pod_terms = _pod_terms(spec.get("affinity") or {})
        """Its terms of inter-pod affinity: (PodAffinityTerm, required, weight); a weight below 0 is anti-affinity."""
        self.term_label_keys: tuple[str, ...] = tuple(
            key
            for term, _, _ in self.pod_terms
            for key in (*(term.get("matchLabelKeys") or ()), *(term.get("mismatchLabelKeys") or ()))
        )
        """Labels of its own whose values its terms refer to."""
        self.base: PodClass = self
        """The class without relations: what a pod is counted as on its node."""
        self.relations: Relations | None = None
        """How its place depends on other pods; None: it does not."""
        self.mounts: Mounts | None = None
        """Its claims; None without any."""

    def tolerates(self, key: str, value: str, effect: str) -> bool:
        return any(t.tolerates(key, value, effect) for t in self.tolerations)

    def related(self, number: int, relations: Relations) -> PodClass:
        """This class with relations."""
        found = copy.copy(self)
        found.number, found.relations = number, relations
        return found


def normalized_image(name: str) -> str:
    """With a tag: `nginx` is `nginx:latest` (normalizedImageName)."""
    return name if name.rfind(":") > name.rfind("/") else f"{name}:latest"


def _pod_terms(affinity: JsonObject) -> tuple[tuple[JsonObject, bool, int], ...]:
    found: list[tuple[JsonObject, bool, int]] = []
    for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
        part = affinity.get(kind)
        if part:
            found += [(term, True, sign) for term in part.get("requiredDuringSchedulingIgnoredDuringExecution") or ()]
            found += [
                (term["podAffinityTerm"], False, sign * term["weight"])
                for term in part.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
                if term.get("weight")
            ]
    return tuple(found) if found else _NO_TERMS


def host_ports(spec: JsonObject) -> tuple[HostPort, ...]:
    """Ports that the pod takes on its node (containers and sidecars), without repeats."""
    containers = [*(spec.get("containers") or ())]
    containers += [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    found: dict[HostPort, None] = {}
    for container in containers:
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                key = HostPort(port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"])
                found[key] = None
    return tuple(found)


class Classifier:
    """Finds the class of a pod."""

    def __init__(self) -> None:
        self._count = 0
        self._by_identity: dict[tuple[object, ...], tuple[PodClass, object]] = {}
        self._by_content: dict[bytes, PodClass] = {}
        self._by_relations: dict[tuple[int, Relations], PodClass] = {}
        self._by_mounts: dict[tuple[int, Mounts], PodClass] = {}

    def classify(self, env: Envelope) -> PodClass:
        """The pod's class. ValueError for a quantity that is none."""
        spec: JsonObject = env.obj["spec"]
        get = spec.get
        selector, inits = get("nodeSelector"), get("initContainers")
        key: tuple[object, ...] = (
            get("priority"), get("preemptionPolicy"), get("schedulerName"), id(get("affinity")),
            id(get("topologySpreadConstraints")), id(get("overhead")), id(get("resources")),
            *(selector.items() if selector else ()),
            *[id(t) for t in get("tolerations") or ()],
            *[x for c in get("containers") or ()
              for x in (id(c.get("resources") or None), id(c.get("ports") or None), c.get("image"))],
            *([x for c in inits
               for x in (id(c.get("resources") or None), id(c.get("ports") or None), c.get("restartPolicy"),
                        c.get("image"))]
              if inits else ()),
        )  # fmt: skip
        hit = self._by_identity.get(key)
        if hit is not None:
            return hit[0]
        found = self._by_shape(spec)
        if len(self._by_identity) >= _KEPT:
            self._by_identity.clear()
        # The spec is kept with the key: while it lives, no id in the key can come to mean another object.
        self._by_identity[key] = (found, spec)
        return found

    def with_relations(self, base: PodClass, relations: Relations) -> PodClass:
        """The class of pods of `base` with these relations."""
        key = base.number, relations
        found = self._by_relations.get(key)
        if found is None:
            if len(self._by_relations) >= _KEPT:
                self._by_relations.clear()
            self._count += 1
            found = self._by_relations[key] = base.related(self._count, relations)
        return found

    def with_mounts(self, pod: PodClass, mounts: Mounts) -> PodClass:
        """The class of pods of this class that mount these claims."""
        key = pod.number, mounts
        found = self._by_mounts.get(key)
        if found is None:
            if len(self._by_mounts) >= _KEPT:
                self._by_mounts.clear()
            self._count += 1
            found = self._by_mounts[key] = copy.copy(pod)
            found.number, found.mounts = self._count, mounts
        return found

    def _by_shape(self, spec: JsonObject) -> PodClass:
        parts: list[Any] = [
            [spec.get(part) for part in _PARTS],
            [[c.get("resources"), c.get("ports"), c.get("image")] for c in spec.get("containers") or ()],
            [
                [c.get("resources"), c.get("ports"), c.get("restartPolicy"), c.get("image")]
                for c in spec.get("initContainers") or ()
            ],
        ]
        key = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
        found = self._by_content.get(key)
        if found is None:
            if len(self._by_content) >= _KEPT:
                self._by_content.clear()
                self._by_identity.clear()
            self._count += 1
            found = self._by_content[key] = PodClass(self._count, spec)
        return found
