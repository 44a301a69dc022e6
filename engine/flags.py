"""Kubernetes' component flags that Kubarium honours, with Kubernetes' names, meanings and defaults.

Values are given as text, as on a command line; durations in Go's notation (`40s`, `1h30m`). A component reads its
own with `Flags.duration`, `.number`, `.boolean` or `.text`; an unknown name or a malformed value is refused when
`Flags` is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Final, Literal, NamedTuple

from engine.clock import HOUR, MINUTE, SECOND

_UNITS: Final = {"ns": 0.001, "us": 1, "µs": 1, "ms": 1_000, "s": SECOND, "m": MINUTE, "h": HOUR}
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


class Flag(NamedTuple):
    """One flag. `component` is the binary that has it in Kubernetes."""

    name: str
    kind: Literal["boolean", "duration", "number", "ports", "ranges", "text"]
    default: str
    component: str
    help: str


FLAGS: Final = (
    Flag(
        "node-monitor-period", "duration", "5s", "kube-controller-manager",
        "how often the node lifecycle controller looks at the nodes' heartbeats",
    ),
    Flag(
        "node-monitor-grace-period", "duration", "50s", "kube-controller-manager",
        "how long a node may be silent before it is marked Unknown (40s before v1.32)",
    ),
    Flag(
        "node-startup-grace-period", "duration", "1m", "kube-controller-manager",
        "the same for a node that has never reported",
    ),
    Flag(
        "node-eviction-rate", "number", "0.1", "kube-controller-manager",
        "nodes per second whose pods are evicted while a zone is healthy",
    ),
    Flag(
        "secondary-node-eviction-rate", "number", "0.01", "kube-controller-manager",
        "the same in an unhealthy zone of more than large-cluster-size-threshold nodes; 0 in a smaller one",
    ),
    Flag(
        "unhealthy-zone-threshold", "number", "0.55", "kube-controller-manager",
        "fraction of nodes not ready (at least 3) from which a zone counts as unhealthy",
    ),
    Flag(
        "large-cluster-size-threshold", "number", "50", "kube-controller-manager",
        "zones with more nodes than this are large",
    ),
    Flag(
        "terminated-pod-gc-threshold", "number", "12500", "kube-controller-manager",
        "finished pods kept before the oldest are collected; 0 keeps all",
    ),
    Flag(
        "default-not-ready-toleration-seconds", "number", "300", "kube-apiserver",
        "tolerationSeconds for not-ready:NoExecute that pods without one are given",
    ),
    Flag(
        "default-unreachable-toleration-seconds", "number", "300", "kube-apiserver",
        "the same for unreachable:NoExecute",
    ),
    Flag(
        "endpoint-updates-batch-period", "duration", "0s", "kube-controller-manager",
        "how long changes of pods are gathered before Endpoints are written",
    ),
    Flag(
        "endpointslice-updates-batch-period", "duration", "0s", "kube-controller-manager",
        "the same for EndpointSlices",
    ),
    Flag(
        "cloud-provider", "text", "simulated", "cloud-controller-manager",
        "the cloud that machines and load balancers come from; the simulated one is what Cloud and Machine objects "
        "declare, and without a Cloud object there is none",
    ),
    Flag(
        "allocate-node-cidrs", "boolean", "false", "kube-controller-manager",
        "nodes get their pod ranges from the controller manager, not each from its kubelet",
    ),
    Flag(
        "cluster-cidr", "text", "10.244.0.0/14", "kube-controller-manager",
        "ranges of pod addresses, one or, for dual stack, two with a comma between them",
    ),
    Flag(
        "node-cidr-mask-size", "number", "0", "kube-controller-manager",
        "mask size of a node's pod range; 0: 24 for IPv4, 64 for IPv6. Not with dual stack",
    ),
    Flag(
        "node-cidr-mask-size-ipv4", "number", "0", "kube-controller-manager",
        "mask size of a node's IPv4 pod range; 0: 24",
    ),
    Flag(
        "node-cidr-mask-size-ipv6", "number", "0", "kube-controller-manager",
        "mask size of a node's IPv6 pod range; 0: 64",
    ),
    Flag(
        "scheduler-config", "text", "", "kube-scheduler",
        "file with a KubeSchedulerConfiguration (`--config` of kube-scheduler); without one its defaults hold",
    ),
    Flag(
        "enable-admission-plugins", "text", "", "kube-apiserver",
        "admission plugins to run besides the default ones, with commas between them (AlwaysPullImages)",
    ),
    Flag(
        "service-cluster-ip-range", "ranges", "10.96.0.0/12", "kube-apiserver",
        "range of Services' cluster IPs, or, for dual stack, two with a comma between them, when a cluster begins "
        "(then the ServiceCIDR `kubernetes` holds); kubelets expect the cluster's DNS at 10.96.0.10",
    ),
    Flag(
        "service-node-port-range", "ports", "30000-32767", "kube-apiserver",
        "ports of nodes that Services are given",
    ),
    Flag("disable-admission-plugins", "text", "", "kube-apiserver", "admission plugins not to run"),
    Flag(
        "anonymous-auth", "boolean", "false", "kube-apiserver",
        "requests without credentials are of user system:anonymous, who may what roles say; false: they are refused",
    ),
    Flag(
        "token-auth-file", "text", "", "kube-apiserver",
        'file of bearer tokens, a line each: `token,user,uid` and optionally `,"group1,group2"`',
    ),
    Flag("event-ttl", "duration", "1h", "kube-apiserver", "how long events are kept"),
    Flag(
        "node-status-update-frequency", "duration", "10s", "kubelet",
        "how often a kubelet computes its node's status; it posts changes at once",
    ),
    Flag(
        "node-status-report-frequency", "duration", "5m", "kubelet",
        "how often a kubelet posts an unchanged status",
    ),
    Flag(
        "kubelet-config", "text", "", "kubelet",
        "file with a KubeletConfiguration (`--config` of kubelet) for all nodes; flags that are given go before it",
    ),
    Flag("max-pods", "number", "110", "kubelet", "pods that a node takes"),
    Flag(
        "eviction-hard", "text",
        "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%",
        "kubelet", "what must be left on a node; below, pods are evicted at once",
    ),
    Flag(
        "eviction-soft", "text", "", "kubelet",
        "what must be left on a node; below for longer than its grace period, pods are evicted",
    ),
    Flag("eviction-soft-grace-period", "text", "", "kubelet", "for each soft threshold, as `memory.available=1m30s`"),
    Flag(
        "eviction-minimum-reclaim", "text", "", "kubelet",
        "what must be left beyond a threshold before it counts as no longer met, as `nodefs.available=2Gi`",
    ),
    Flag(
        "eviction-max-pod-grace-period", "number", "0", "kubelet",
        "seconds that a pod has to end when a soft threshold is met",
    ),
    Flag(
        "eviction-pressure-transition-period", "duration", "5m", "kubelet",
        "how long a pressure condition stays after its threshold was last met",
    ),
    Flag(
        "image-gc-high-threshold", "number", "85", "kubelet",
        "percent of the disk from which unused images are deleted; 100 for never",
    ),
    Flag(
        "image-gc-low-threshold", "number", "80", "kubelet", "percent of the disk down to which they are deleted"
    ),
    Flag("minimum-image-ttl-duration", "duration", "2m", "kubelet", "a younger image is not deleted"),
    Flag(
        "shutdown-grace-period", "duration", "0s", "kubelet",
        "how long a machine that is rebooted waits for its pods to end",
    ),
    Flag(
        "shutdown-grace-period-critical-pods", "duration", "0s", "kubelet",
        "the part of shutdown-grace-period that is for critical pods",
    ),
    Flag(
        "maximum-dead-containers-per-container", "number", "1", "kubelet",
        "ended runs of a container that are kept, for its previous log and last state",
    ),
    Flag("maximum-dead-containers", "number", "-1", "kubelet", "the same for a whole node; -1 for no limit"),
    Flag("serialize-image-pulls", "boolean", "true", "kubelet", "pull one image after another on each node"),
    Flag(
        "max-parallel-image-pulls", "number", "0", "kubelet",
        "images pulled at once when they are not serialized; 0 for no limit",
    ),
    Flag("node-status-max-images", "number", "50", "kubelet", "most images told in a node's status; -1 for all"),
)  # fmt: skip
"""Every flag, in the order of `--help`."""

_UNLIMITED: Final = frozenset({"node-status-max-images", "maximum-dead-containers"})
"""Numbers of which -1 means: no limit."""
_BY_NAME: Final = {flag.name: flag for flag in FLAGS}
_BOOLEANS: Final = ("true", "false")
_PERIODS: Final = frozenset({"node-monitor-period", "node-status-update-frequency", "node-status-report-frequency"})
"""Durations after which something is done again: with 0 it would be done for ever at one instant."""


class BadFlag(ValueError):
    """An unknown flag or a malformed value; the text names both."""


def parse_duration(text: str) -> int:
    """Microseconds of a Go duration (`1h30m`, `300ms`, `0`). Raises ValueError."""
    if text in ("0", "+0", "-0"):
        return 0
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    total, position = 0.0, 0
    for part in _PART.finditer(rest):
        if part.start() != position:
            break
        total += float(part[1]) * _UNITS[part[2]]
        position = part.end()
    if not rest or position != len(rest):
        raise ValueError(f"time: invalid duration {text!r} (expected such as 300ms, 40s, 1h30m)")
    return sign * round(total)


def _check_duration(flag: Flag, span: int) -> None:
    if flag.name in _PERIODS and span <= 0:
        raise ValueError("must be greater than 0")
    if span < 0:
        raise ValueError("must be 0 or more")


def parse_ports(text: str) -> range:
    """`30000-32767`, `30000+100` or one port (apimachinery's PortRange). Raises ValueError."""
    first, sign, last = text.partition("-") if "-" in text else text.partition("+")
    try:
        low, more = int(first), int(last) if sign else 0
    except ValueError:
        raise ValueError(f"unable to parse port range: {text}: it is low-high, base+size or one port") from None
    high = more if sign == "-" else low + more
    if not 0 < low <= high <= 65535:
        raise ValueError("the port range must lie within 1-65535, and not end before it begins")
    return range(low, high + 1)


def _parse_ranges(text: str) -> list[str]:
    networks = [ip_network(part.strip(), strict=False) for part in text.split(",")]
    if len(networks) > 2 or len({network.version for network in networks}) < len(networks):
        raise ValueError("must be one range, or one of each IP family")
    return [str(network) for network in networks]


class Flags:
    """The flags of one cluster: given values over defaults."""

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        """Raises BadFlag for an unknown name or a malformed value."""
        self.given: Mapping[str, str] = dict(given or {})
        """The values that are not defaults."""
        self._values: dict[str, str] = {flag.name: flag.default for flag in FLAGS}
        for name, text in (given or {}).items():
            flag = _BY_NAME.get(name)
            if flag is None:
                raise BadFlag(f"unknown flag: --{name}")
            try:
                if flag.kind == "duration":
                    _check_duration(flag, parse_duration(text))
                elif flag.kind == "ports":
                    parse_ports(text)
                elif flag.kind == "ranges":
                    _parse_ranges(text)
                elif flag.kind == "boolean" and text not in _BOOLEANS:
                    raise ValueError("must be true or false")
                elif flag.kind == "number" and not float(text) >= (-1 if flag.name in _UNLIMITED else 0):
                    raise ValueError("must be 0 or more")
            except ValueError as error:
                raise BadFlag(f'invalid argument "{text}" for "--{name}": {error}') from error
            self._values[name] = text

    def duration(self, name: str) -> int:
        """Microseconds."""
        return parse_duration(self._values[name])

    def number(self, name: str) -> float:
        return float(self._values[name])

    def boolean(self, name: str) -> bool:
        return self._values[name] == "true"

    def ports(self, name: str) -> range:
        return parse_ports(self._values[name])

    def ranges(self, name: str) -> list[str]:
        """One CIDR, or one of each family, the primary one first."""
        return _parse_ranges(self._values[name])

    def text(self, name: str) -> str:
        return self._values[name]
