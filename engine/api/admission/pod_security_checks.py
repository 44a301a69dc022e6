"""The checks of the Pod Security Standards, in the words of k8s.io/pod-security-admission/policy.

Each takes a pod's metadata and spec and gives a `Violation` or None. `BASELINE` and `RESTRICTED` list them in the
order in which Kubernetes reports them (baseline first, then by the check's id), each with the minor version of the
standard that brought it: a namespace may ask for an older one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from engine.api.validation.causes import shown
from store.types import JsonObject


class Violation(NamedTuple):
    what: str
    """`privileged`, `hostPath volumes` …"""
    detail: str
    """Which parts of the pod, and what they must say."""


class Check(NamedTuple):
    since: int
    """The first v1.x of the standard that has the check."""
    run: Callable[[JsonObject, JsonObject], Violation | None]


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
_APPARMOR_PREFIX: Final = "container.apparmor.security.beta.kubernetes.io/"
_APPARMOR: Final = ("RuntimeDefault", "Localhost")
_SECCOMP: Final = ("RuntimeDefault", "Localhost")
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
    return f"{word}{'s' if len(listed) > 1 else ''} {_quoted(listed)}"


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)


def _setters(spec: JsonObject, wrong: Callable[[JsonObject], bool]) -> str:
    """Whose security context is wrong: `pod and containers "a", "b"`; empty when nobody's."""
    bad = ["pod"] if wrong(_context(spec)) else []
    named = [container["name"] for container in _containers(spec) if wrong(_context(container))]
    return " and ".join([*bad, _named(named)] if named else bad)


def _contexts(spec: JsonObject) -> Iterator[JsonObject]:
    yield _context(spec)
    yield from (_context(container) for container in _containers(spec))


def _own_users(spec: JsonObject) -> bool:
    """A user namespace of the pod's own: its root is nobody on the host (KEP-127)."""
    return spec.get("hostUsers") is False


def _windows(spec: JsonObject) -> bool:
    return (spec.get("os") or {}).get("name") == "windows"


# -- baseline ------------------------------------------------------------------------------------------------------


def _apparmor(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    def wrong(context: JsonObject) -> bool:
        return (context.get("appArmorProfile") or {}).get("type", _APPARMOR[0]) not in _APPARMOR

    values = sorted({context["appArmorProfile"]["type"] for context in _contexts(spec) if wrong(context)})
    setters = [bad for bad in (_setters(spec, wrong),) if bad]
    marks = sorted(
        f"{key}={shown(value)}"
        for key, value in (metadata.get("annotations") or {}).items()
        if key.startswith(_APPARMOR_PREFIX) and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    )  # fmt: skip
    if marks:
        setters.append("annotations" if len(marks) > 1 else "annotation")
        values += marks
    if not setters:
        return None
    what = "forbidden AppArmor profiles" if len(values) > 1 else "forbidden AppArmor profile"
    return Violation(what, f"{' and '.join(setters)} must not set AppArmor profile type to {_quoted(values)}")


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
    listed = _quoted(sorted(added))
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
    return Violation("hostPort", f"{_named(bad)} {verb} {word} {', '.join(sorted(ports))}")


def _hosts_of_probes(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad, hosts = set(), set()
    for container in _containers(spec):
        lifecycle = container.get("lifecycle") or {}
        handlers = [container.get(probe) for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
        for handler in [*handlers, lifecycle.get("postStart"), lifecycle.get("preStop")]:
            for way in ("httpGet", "tcpSocket"):
                host = ((handler or {}).get(way) or {}).get("host")
                if host:
                    bad.add(container["name"])
                    hosts.add(host)
    if not bad:
        return None
    verb, word = "use" if len(bad) > 1 else "uses", "probe or lifecycle host"
    plural = f"{word}s" if len(hosts) > 1 else word
    return Violation(word, f"{_named(sorted(bad))} {verb} {plural} {_quoted(sorted(hosts))}")


def _privileged(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = [container["name"] for container in _containers(spec) if _context(container).get("privileged")]
    return Violation("privileged", f"{_named(bad)} must not set securityContext.privileged=true") if bad else None


def _proc_mount(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = [c["name"] for c in _containers(spec) if _context(c).get("procMount", "Default") != "Default"]
    if not bad or _own_users(spec):
        return None
    kinds = sorted({_context(c)["procMount"] for c in _containers(spec) if c["name"] in bad})
    listed = _quoted(kinds)
    return Violation("procMount", f"{_named(bad)} must not set securityContext.procMount to {listed}")


def _bad_seccomp(context: JsonObject) -> bool:
    return (context.get("seccompProfile") or {}).get("type", _SECCOMP[0]) not in _SECCOMP


def _seccomp_baseline(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = _setters(spec, _bad_seccomp)
    if not bad:
        return None
    values = sorted({context["seccompProfile"]["type"] for context in _contexts(spec) if _bad_seccomp(context)})
    return Violation("seccompProfile", f"{bad} must not set securityContext.seccompProfile.type to {_quoted(values)}")


def _selinux(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = _setters(spec, _forbidden_label)
    if not bad:
        return None
    options = [context.get("seLinuxOptions") or {} for context in _contexts(spec)]
    types = sorted({each.get("type") or "" for each in options} - _SELINUX_TYPES)
    data = [f"type{'s' if len(types) > 1 else ''} {_quoted(types)}"] if types else []
    data += [f"{key} may not be set" for key in ("user", "role") if any(each.get(key) for each in options)]
    return Violation("seLinuxOptions", f"{bad} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}")


def _forbidden_label(context: JsonObject) -> bool:
    options = context.get("seLinuxOptions") or {}
    return (options.get("type") or "") not in _SELINUX_TYPES or bool(options.get("user") or options.get("role"))


def _sysctls(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = [s["name"] for s in _context(spec).get("sysctls") or () if s["name"] not in _SYSCTLS]
    return Violation("forbidden sysctls", ", ".join(bad)) if bad else None


def _host_process(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = _setters(spec, lambda context: bool((context.get("windowsOptions") or {}).get("hostProcess")))
    text = f"{bad} must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", text) if bad else None


# -- restricted ----------------------------------------------------------------------------------------------------


def _escalation(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = [c["name"] for c in _containers(spec) if _context(c).get("allowPrivilegeEscalation") is not False]
    if not bad or _windows(spec):
        return None
    text = "must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", f"{_named(bad)} {text}")


def _capabilities_restricted(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    keeping, adding, details = [], [], []
    added: dict[str, None] = {}
    for container in () if _windows(spec) else _containers(spec):
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
        listed = _quoted(sorted(added))
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
    listed = _quoted(sorted(set(kinds)))
    word = "types" if len(set(kinds)) > 1 else "type"
    verb = "use" if len(bad) > 1 else "uses"
    return Violation("restricted volume types", f"{_named(bad, 'volume')} {verb} restricted volume {word} {listed}")


def _non_root(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    if _own_users(spec):
        return None
    bad = _setters(spec, lambda context: context.get("runAsNonRoot") is False)
    if bad:
        return Violation("runAsNonRoot != true", f"{bad} must not set securityContext.runAsNonRoot=false")
    silent = [c["name"] for c in _containers(spec) if _context(c).get("runAsNonRoot") is None]
    if not silent or _context(spec).get("runAsNonRoot"):
        return None
    return Violation("runAsNonRoot != true", f"pod or {_named(silent)} must set securityContext.runAsNonRoot=true")


def _user(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    bad = "" if _own_users(spec) else _setters(spec, lambda context: context.get("runAsUser") == 0)
    return Violation("runAsUser=0", f"{bad} must not set runAsUser=0") if bad else None


def _seccomp_restricted(metadata: JsonObject, spec: JsonObject) -> Violation | None:
    if _windows(spec):
        return None
    wrong = _seccomp_baseline(metadata, spec)
    if wrong is not None:
        return wrong
    silent = [c["name"] for c in _containers(spec) if _context(c).get("seccompProfile") is None]
    if not silent or _context(spec).get("seccompProfile") is not None:
        return None
    text = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Violation("seccompProfile", f"pod or {_named(silent)} {text}")


_EVERYWHERE: Final[Mapping[str, Check]] = {
    "appArmorProfile": Check(0, _apparmor),
    "capabilities_baseline": Check(0, _capabilities_baseline),
    "hostNamespaces": Check(0, _host_namespaces),
    "hostPathVolumes": Check(0, _host_path),
    "hostPorts": Check(0, _host_ports),
    "hostProbesAndHostLifecycle": Check(34, _hosts_of_probes),
    "privileged": Check(0, _privileged),
    "procMount": Check(0, _proc_mount),
    "seLinuxOptions": Check(0, _selinux),
    "seccompProfile_baseline": Check(19, _seccomp_baseline),
    "sysctls": Check(0, _sysctls),
    "windowsHostProcess": Check(0, _host_process),
}
BASELINE: Final[tuple[Check, ...]] = tuple(_EVERYWHERE.values())
_STRICTER: Final = frozenset({"capabilities_baseline", "hostPathVolumes", "seccompProfile_baseline"})
"""What a check of restricted asks for, too, and more."""
RESTRICTED: Final[tuple[Check, ...]] = (
    *(check for name, check in _EVERYWHERE.items() if name not in _STRICTER),
    Check(8, _escalation),
    Check(22, _capabilities_restricted),
    Check(0, _volume_types),
    Check(0, _non_root),
    Check(23, _user),
    Check(19, _seccomp_restricted),
)
