"""KubeletConfiguration (kubelet.config.k8s.io/v1beta1) as a file: what `kubelet --config` reads, for all nodes.

Its fields are other names for flags; a flag that is given goes before them. What has no meaning for simulated machines
(authentication, cgroups, cluster DNS …) is accepted and has no effect; an unknown or malformed field is an error that
names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from engine.flags import BadFlag, Flags

_VERSION: Final = "kubelet.config.k8s.io/v1beta1"
_DURATIONS: Final = {
    "nodeStatusUpdateFrequency": "node-status-update-frequency",
    "nodeStatusReportFrequency": "node-status-report-frequency",
    "evictionPressureTransitionPeriod": "eviction-pressure-transition-period",
    "imageMinimumGCAge": "minimum-image-ttl-duration",
    "shutdownGracePeriod": "shutdown-grace-period",
    "shutdownGracePeriodCriticalPods": "shutdown-grace-period-critical-pods",
}
_NUMBERS: Final = {
    "maxPods": "max-pods",
    "imageGCHighThresholdPercent": "image-gc-high-threshold",
    "imageGCLowThresholdPercent": "image-gc-low-threshold",
    "maxParallelImagePulls": "max-parallel-image-pulls",
    "nodeStatusMaxImages": "node-status-max-images",
    "evictionMaxPodGracePeriod": "eviction-max-pod-grace-period",
}
_MAPS: Final = {
    "evictionHard": ("eviction-hard", "<"),
    "evictionSoft": ("eviction-soft", "<"),
    "evictionSoftGracePeriod": ("eviction-soft-grace-period", "="),
    "evictionMinimumReclaim": ("eviction-minimum-reclaim", "="),
}
_IDLE: Final = frozenset({
    "apiVersion", "kind", "address", "port", "readOnlyPort", "authentication", "authorization", "cgroupDriver",
    "cgroupRoot", "cgroupsPerQOS", "clusterDNS", "clusterDomain", "containerLogMaxFiles", "containerLogMaxSize",
    "containerRuntimeEndpoint", "cpuManagerPolicy", "cpuManagerReconcilePeriod", "crashLoopBackOff",
    "enableControllerAttachDetach", "enableServer", "enforceNodeAllocatable", "failSwapOn", "featureGates",
    "fileCheckFrequency", "healthzBindAddress", "healthzPort", "httpCheckFrequency", "imageMaximumGCAge",
    "kubeReserved", "logging", "memoryManagerPolicy", "memorySwap", "nodeLeaseDurationSeconds", "podPidsLimit",
    "protectKernelDefaults", "resolvConf", "rotateCertificates", "runtimeRequestTimeout", "serverTLSBootstrap",
    "staticPodPath", "streamingConnectionIdleTimeout", "syncFrequency", "systemReserved", "tlsCertFile",
    "tlsPrivateKeyFile", "topologyManagerPolicy", "volumeStatsAggPeriod",
})  # fmt: skip


class BadKubeletConfig(BadFlag):
    """The file cannot be read or says what cannot be; the text names the field."""


def with_file(flags: Flags) -> Flags:
    """The flags with the values of the file that `--kubelet-config` names beneath those that were given."""
    path = flags.text("kubelet-config")
    if not path:
        return flags
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadKubeletConfig(f"{path}: {error}") from error
    try:
        return Flags({**flag_values(document), **flags.given})
    except BadFlag as error:
        raise BadKubeletConfig(f"{path}: {error}") from error


def flag_values(document: Any) -> dict[str, str]:
    """Flag → value of a decoded document. Raises BadKubeletConfig."""
    if not isinstance(document, dict):
        raise BadKubeletConfig("the document: must be an object")
    if document.get("apiVersion") != _VERSION or document.get("kind") != "KubeletConfiguration":
        raise BadKubeletConfig(f"wants apiVersion: {_VERSION} and kind: KubeletConfiguration")
    found: dict[str, str] = {}
    for name, value in document.items():
        if value is None or name in _IDLE:
            continue
        if name in _DURATIONS and isinstance(value, str):
            found[_DURATIONS[name]] = value
        elif name in _NUMBERS and type(value) is int:
            found[_NUMBERS[name]] = str(value)
        elif name == "serializeImagePulls" and isinstance(value, bool):
            found["serialize-image-pulls"] = str(value).lower()
        elif name in _MAPS and isinstance(value, dict):
            flag, between = _MAPS[name]
            found[flag] = _joined(value, between)
        elif name in _DURATIONS or name in _NUMBERS or name in _MAPS or name == "serializeImagePulls":
            raise BadKubeletConfig(f"{name}: malformed value {value!r}")
        else:
            raise BadKubeletConfig(f'unknown field "{name}"')
    return found


def _joined(values: Mapping[str, Any], between: str) -> str:
    return ",".join(f"{signal}{between}{value}" for signal, value in values.items())
