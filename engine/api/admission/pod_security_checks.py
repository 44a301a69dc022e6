"""The checks of the Pod Security Standards, in the words of k8s.io/pod-security-admission/policy.

Each takes a pod's metadata and spec and gives a `Violation` or None. `BASELINE` and `RESTRICTED` list them in the
order in which Kubernetes reports them (baseline first, then by the check's id). AppArmor, the hosts of probes, Windows
pods and user namespaces are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from store.types import JsonObject


class Violation(NamedTuple):
    what: str
    """`privileged`, `hostPath volumes` …"""
    detail: str
    """Which parts of the pod, and what they must say."""


Check = Callable[[JsonObject, JsonObject], Violation | None]

_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
    }
)  # fmt: skip
_SELINUX_TYPES: Final = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
_VOLUMES: Final = frozenset(
    {
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected",
        "secret",
    }
)  # fmt: skip


# -- helpers of the checks -----------------------------------------------------------------------------------------


def _containers(spec: JsonObject) -> Iterator[JsonObject]:
    for part in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(part) or ()


def _context(owner: Mapping[str, Any]) -> JsonObject:
    return owner.get("securityContext") or {}


def _named(names: Iterable[str], word: str = "container") -> str:
    """`container "a"`, `containers "a", "b"`"""
    listed = list(names)
    return f"{word}{'s' if len(listed) > 1 else ''} {', '.join(chr(34) + name + chr(34) for name in listed)}"


# -- baseline ------------------------------------------------------------------------------------------------------


def _capabilities_baseline(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad: list[str] = []
    added: dict[str, None] = {}
    for container in _containers(spec):
        extra = [c for c in (_context(container).get("capabilities") or {}).get("add") or () if c not in _CAPABILITIES]
        if extra:
            bad.append(container["name"])
            added |= dict.fromkeys(extra)
    if not bad:
        return None
    listed = ", ".join(f'"{name}"' for name in sorted(added))
    return Violation(
        "non-default capabilities", f"{_named(bad)} must not include {listed} in securityContext.capabilities.add"
    )


def _host_namespaces(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    used = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return Violation("host namespaces", ", ".join(used)) if used else None


def _host_path(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = [volume["name"] for volume in spec.get("volumes") or () if "hostPath" in volume]
    return Violation("hostPath volumes", _named(bad, "volume")) if bad else None


def _host_ports(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad: list[str] = []
    ports: dict[str, None] = {}
    for container in _containers(spec):
        used = [str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")]
        if used:
            bad.append(container["name"])
            ports |= dict.fromkeys(used)
    if not bad:
        return None
    word = "hostPorts" if len(ports) > 1 else "hostPort"
    verb = "use" if len(bad) > 1 else "uses"
    return Violation("hostPort", f"{_named(bad)} {verb} {word} {', '.join(sorted(ports, key=int))}")


def _privileged(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = [container["name"] for container in _containers(spec) if _context(container).get("privileged")]
    return Violation("privileged", f"{_named(bad)} must not set securityContext.privileged=true") if bad else None


def _proc_mount(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = [c["name"] for c in _containers(spec) if _context(c).get("procMount", "Default") != "Default"]
    if not bad:
        return None
    kinds = sorted({_context(c)["procMount"] for c in _containers(spec) if c["name"] in bad})
    listed = ", ".join(f'"{kind}"' for kind in kinds)
    return Violation("procMount", f"{_named(bad)} must not set securityContext.procMount to {listed}")


def _seccomp_baseline(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad: list[str] = []
    if (_context(spec).get("seccompProfile") or {}).get("type") == "Unconfined":
        bad.append("pod")
    unconfined = [
        c["name"] for c in _containers(spec) if (_context(c).get("seccompProfile") or {}).get("type") == "Unconfined"
    ]
    if unconfined:
        bad.append(_named(unconfined))
    if not bad:
        return None
    text = 'must not set securityContext.seccompProfile.type to "Unconfined"'
    return Violation("seccompProfile", f"{' and '.join(bad)} {text}")


def _selinux(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = ["pod"] if _forbidden_label(_context(spec)) else []
    bad += [f'container "{c["name"]}"' for c in _containers(spec) if _forbidden_label(_context(c))]
    text = f"{', '.join(bad)} set forbidden securityContext.seLinuxOptions"
    return Violation("seLinuxOptions", text) if bad else None


def _forbidden_label(context: JsonObject) -> bool:
    options = context.get("seLinuxOptions") or {}
    return (options.get("type") or "") not in _SELINUX_TYPES or bool(options.get("user") or options.get("role"))


def _sysctls(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = [s["name"] for s in _context(spec).get("sysctls") or () if s["name"] not in _SYSCTLS]
    return Violation("forbidden sysctls", ", ".join(bad)) if bad else None


# -- restricted ----------------------------------------------------------------------------------------------------


def _escalation(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = [c["name"] for c in _containers(spec) if _context(c).get("allowPrivilegeEscalation") is not False]
    if not bad:
        return None
    text = "must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", f"{_named(bad)} {text}")


def _capabilities_restricted(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    keeping, adding, details = [], [], []
    added: dict[str, None] = {}
    for container in _containers(spec):
        capabilities = _context(container).get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            keeping.append(container["name"])
        extra = [c for c in capabilities.get("add") or () if c != "NET_BIND_SERVICE"]
        if extra:
            adding.append(container["name"])
            added |= dict.fromkeys(extra)
    if keeping:
        details.append(f'{_named(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        listed = ", ".join(f'"{name}"' for name in sorted(added))
        details.append(f"{_named(adding)} must not include {listed} in securityContext.capabilities.add")
    return Violation("unrestricted capabilities", "; ".join(details)) if details else None


def _volume_types(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad, kinds = [], []
    for volume in spec.get("volumes") or ():
        kind = next((key for key in volume if key != "name"), "emptyDir")
        if kind not in _VOLUMES:
            bad.append(volume["name"])
            kinds.append(kind)
    if not bad:
        return None
    listed = ", ".join(f'"{kind}"' for kind in sorted(set(kinds)))
    word = "types" if len(set(kinds)) > 1 else "type"
    verb = "use" if len(bad) > 1 else "uses"
    return Violation("restricted volume types", f"{_named(bad, 'volume')} {verb} restricted volume {word} {listed}")


def _non_root(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    pod = _context(spec).get("runAsNonRoot")
    wrong = [c["name"] for c in _containers(spec) if _context(c).get("runAsNonRoot") is False]
    silent = [c["name"] for c in _containers(spec) if _context(c).get("runAsNonRoot") is None]
    details = []
    if pod is False:
        details.append("pod must not set securityContext.runAsNonRoot=false")
    if wrong:
        details.append(f"{_named(wrong)} must not set securityContext.runAsNonRoot=false")
    if not details and silent and not pod:
        details.append(f"pod or {_named(silent)} must set securityContext.runAsNonRoot=true")
    return Violation("runAsNonRoot != true", "; ".join(details)) if details else None


def _user(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = ["pod"] if _context(spec).get("runAsUser") == 0 else []
    root = [c["name"] for c in _containers(spec) if _context(c).get("runAsUser") == 0]
    if root:
        bad.append(_named(root))
    return Violation("runAsUser=0", f"{' and '.join(bad)} must not set runAsUser=0") if bad else None


def _seccomp_restricted(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    allowed = ("RuntimeDefault", "Localhost")
    pod = (_context(spec).get("seccompProfile") or {}).get("type")
    if pod == "Unconfined":
        return Violation("seccompProfile", 'pod must not set securityContext.seccompProfile.type to "Unconfined"')
    silent, wrong = [], []
    for container in _containers(spec):
        own = (_context(container).get("seccompProfile") or {}).get("type")
        if own == "Unconfined":
            wrong.append(container["name"])
        elif own not in allowed and pod not in allowed:
            silent.append(container["name"])
    if wrong:
        text = 'must not set securityContext.seccompProfile.type to "Unconfined"'
        return Violation("seccompProfile", f"{_named(wrong)} {text}")
    if not silent:
        return None
    text = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Violation("seccompProfile", f"pod or {_named(silent)} {text}")


BASELINE: Final[tuple[Check, ...]] = (
    _capabilities_baseline, _host_namespaces, _host_path, _host_ports, _privileged, _proc_mount, _selinux,
    _seccomp_baseline, _sysctls,
)  # fmt: skip
RESTRICTED: Final[tuple[Check, ...]] = (
    _host_namespaces, _host_ports, _privileged, _proc_mount, _selinux, _sysctls, _escalation, _capabilities_restricted,
    _volume_types, _non_root, _user, _seccomp_restricted,
)  # fmt: skip
"""What baseline asks for, too; where both look at a field, the stricter check alone."""
