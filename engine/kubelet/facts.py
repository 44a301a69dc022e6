"""What a pod's spec means to a kubelet, computed once per template.

Pods of one workload share their container lists in memory, so facts are cached by the identity of those lists (kept
alive by the cache, which makes the identity safe to compare). Facts are read-only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from engine.api.qos import qos_class
from engine.clock import SECOND
from engine.kubelet.amounts import units
from engine.scheduler.resources import pod_requests
from store.types import JsonObject

ContainerKind = Literal["init", "sidecar", "app", "ephemeral"]
ProbeKind = Literal["Startup", "Readiness", "Liveness"]
_NONE: Final[Mapping[str, Any]] = {}
_STORAGE: Final = "ephemeral-storage"
_CACHE_LIMIT: Final = 2048
_FIELDS: Final[Mapping[ContainerKind, str]] = {
    "app": "containers", "init": "initContainers", "sidecar": "initContainers", "ephemeral": "ephemeralContainers",
}  # fmt: skip


class ProbeFacts:
    """One probe with its defaults filled in; spans in microseconds."""

    __slots__ = ("delay", "failures", "grace", "kind", "period", "spec", "successes", "timeout")

    def __init__(self, kind: ProbeKind, spec: Mapping[str, Any]) -> None:
        self.kind: ProbeKind = kind
        self.spec = spec
        self.delay = (spec.get("initialDelaySeconds") or 0) * SECOND
        self.period = (spec.get("periodSeconds") or 10) * SECOND
        self.timeout = (spec.get("timeoutSeconds") or 1) * SECOND
        self.successes: int = spec.get("successThreshold") or 1
        self.failures: int = spec.get("failureThreshold") or 3
        self.grace: int | None = spec.get("terminationGracePeriodSeconds")
        """Seconds for the stop that a failure leads to; None: the pod's."""


class ContainerFacts:
    """One container of a pod's spec."""

    __slots__ = (
        "allocated", "command", "field_path", "image", "kind", "liveness", "memory_limit", "memory_request", "name",
        "policy", "ports", "post_start", "pre_stop", "readiness", "resources", "restart", "rules", "spec", "startup",
        "stop_signal", "storage_limit", "storage_request",
    )  # fmt: skip

    def __init__(self, spec: Mapping[str, Any], kind: ContainerKind, pod_restart: str) -> None:
        self.spec = spec
        self.kind: ContainerKind = kind
        self.name: str = spec["name"]
        self.image: str = spec.get("image") or ""
        tagless = ":" not in self.image.rpartition("/")[2] and "@" not in self.image
        self.policy: str = spec.get("imagePullPolicy") or (
            "Always" if tagless or self.image.endswith(":latest") else "IfNotPresent"
        )
        self.command: tuple[str, ...] = (*(spec.get("command") or ()), *(spec.get("args") or ()))
        self.field_path = f"spec.{_FIELDS[kind]}{{{self.name}}}"
        self.startup = _probe("Startup", spec.get("startupProbe"))
        self.readiness = _probe("Readiness", spec.get("readinessProbe"))
        self.liveness = _probe("Liveness", spec.get("livenessProbe"))
        self.restart: str = spec.get("restartPolicy") or ("OnFailure" if kind == "init" else pod_restart)
        """When this container is restarted: Always, OnFailure or Never."""
        if kind == "ephemeral" or (kind == "init" and not spec.get("restartPolicy") and pod_restart == "Never"):
            self.restart = "Never"
        self.rules: Sequence[Mapping[str, Any]] = spec.get("restartPolicyRules") or ()
        """Exit codes that restart it whatever its policy says."""
        resources = spec.get("resources") or _NONE
        requests, limits = resources.get("requests") or _NONE, resources.get("limits") or _NONE
        self.memory_limit: int | None = units(limits["memory"]) if "memory" in limits else None
        self.memory_request = units(requests["memory"]) if "memory" in requests else 0
        self.storage_limit = units(limits[_STORAGE]) if _STORAGE in limits else 0
        """Bytes; 0: no limit."""
        self.storage_request = units(requests[_STORAGE]) if _STORAGE in requests else 0
        self.resources = {name: resources[name] for name in ("limits", "requests") if resources.get(name)}
        """`status.containerStatuses[].resources`."""
        self.allocated: Mapping[str, Any] | None = dict(requests) or None
        lifecycle = spec.get("lifecycle") or _NONE
        self.post_start: Mapping[str, Any] | None = lifecycle.get("postStart")
        self.pre_stop: Mapping[str, Any] | None = lifecycle.get("preStop")
        self.stop_signal: str = lifecycle.get("stopSignal") or ""
        """"" for the image's own."""
        self.ports: Sequence[Mapping[str, Any]] = spec.get("ports") or ()

    def restarts(self, code: int) -> bool:
        """Whether it runs again after it ended with `code`: by the first rule that matches, else by policy."""
        for rule in self.rules:
            codes = rule.get("exitCodes") or _NONE
            if (code in (codes.get("values") or ())) == (codes.get("operator", "In") == "In"):
                return True
        return self.restart == "Always" or (self.restart == "OnFailure" and code != 0)

    def port(self, wanted: int | str | None) -> int:
        """The number of a port given by number or name; 80 when the name is unknown."""
        if isinstance(wanted, int):
            return wanted
        for port in self.ports:
            if port.get("name") == wanted:
                return int(port["containerPort"])
        return int(wanted) if isinstance(wanted, str) and wanted.isdigit() else 80


class PodFacts:
    """A pod's spec in the kubelet's terms."""

    __slots__ = (
        "apps", "containers", "cpu", "extended", "gates", "grace", "host_network", "host_ports", "inits", "memory",
        "qos", "restart_policy", "storage", "storage_limit",
    )  # fmt: skip

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.restart_policy: str = spec.get("restartPolicy") or "Always"
        self.inits = [
            ContainerFacts(c, "sidecar" if c.get("restartPolicy") == "Always" else "init", self.restart_policy)
            for c in spec.get("initContainers") or ()
        ]
        """Init containers and sidecars, in order."""
        self.apps = [ContainerFacts(c, "app", self.restart_policy) for c in spec.get("containers") or ()]
        self.containers = [*self.inits, *self.apps]
        self.host_network = bool(spec.get("hostNetwork"))
        self.host_ports = tuple(
            (port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"])
            for c in self.containers if c.kind != "init" for port in c.ports if port.get("hostPort")
        )  # fmt: skip
        """(address, protocol, port) of the machine that it takes."""
        self.grace: int = spec.get("terminationGracePeriodSeconds", 30)
        self.gates: list[str] = [gate["conditionType"] for gate in spec.get("readinessGates") or ()]
        self.qos = qos_class(spec)
        totals = pod_requests(spec)
        self.cpu = totals.pop("cpu", 0)
        """Millicores."""
        self.memory = totals.pop("memory", 0)
        """Bytes."""
        self.storage = totals.pop(_STORAGE, 0)
        limits = [c.storage_limit for c in self.apps]
        self.storage_limit = sum(limits) if all(limits) else 0
        """Bytes of disk that all containers may use together; 0: no limit."""
        self.extended = totals
        """Every other resource by name, in units."""


_cache: OrderedDict[tuple[int, int, str, bool, int], tuple[Any, Any, PodFacts]] = OrderedDict()


def facts_of(spec: JsonObject) -> PodFacts:
    """The facts of a pod's spec: from the cache when its container lists are those of an earlier pod."""
    containers, inits = spec.get("containers"), spec.get("initContainers")
    key = (
        id(containers), id(inits), spec.get("restartPolicy") or "", bool(spec.get("hostNetwork")),
        spec.get("terminationGracePeriodSeconds", 30),
    )  # fmt: skip
    plain = not (spec.get("readinessGates") or spec.get("overhead") or spec.get("resources"))
    if plain:
        found = _cache.get(key)
        if found is not None:
            return found[2]
    facts = PodFacts(spec)
    if plain:
        _cache[key] = (containers, inits, facts)
        if len(_cache) > _CACHE_LIMIT:
            _cache.popitem(last=False)
    return facts


def _probe(kind: ProbeKind, spec: Mapping[str, Any] | None) -> ProbeFacts | None:
    return ProbeFacts(kind, spec) if spec else None
