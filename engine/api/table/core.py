"""Tables of the core group: nodes, namespaces, events, configuration, quotas."""

from __future__ import annotations

from typing import Any, Final

from engine.api.table.columns import (
    AGE,
    NAME,
    NONE,
    Cell,
    Column,
    Printer,
    at,
    field,
    limited,
)
from engine.api.table.times import age

_ROLE: Final = "node-role.kubernetes.io/"
_NODE_INFO: Final = "status.nodeInfo"


# -- nodes -----------------------------------------------------------------------------------------------------------


def _node_status(obj: dict[str, Any], now: int) -> str:
    words = [
        "Ready" if c["status"] == "True" else "NotReady"
        for c in at(obj, "status.conditions") or () if c["type"] == "Ready"
    ] or ["Unknown"]  # fmt: skip
    if at(obj, "spec.unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _roles(obj: dict[str, Any], now: int) -> str:
    roles = set()
    for key, value in (obj["metadata"].get("labels") or {}).items():
        if key.startswith(_ROLE) and key != _ROLE:
            roles.add(key.removeprefix(_ROLE))
        elif key == "kubernetes.io/role" and value:
            roles.add(value)
    return ",".join(sorted(roles)) or NONE


def _address(type_: str) -> Cell:
    def cell(obj: dict[str, Any], now: int) -> str:
        addresses = at(obj, "status.addresses") or ()
        return next((str(a["address"]) for a in addresses if a["type"] == type_), NONE)

    return cell


def _info(name: str, key: str, priority: int = 1) -> Column:
    path = f"{_NODE_INFO}.{key}"
    return Column(name, field(path, "<unknown>" if priority else ""), f".{path}", priority=priority)


def _kernel(obj: dict[str, Any], now: int) -> str:
    """The kernel and, in brackets, what it was built for."""
    version, architecture = at(obj, f"{_NODE_INFO}.kernelVersion"), at(obj, f"{_NODE_INFO}.architecture")
    if not version:
        return "<unknown>"
    return f"{version} ({architecture})" if architecture else str(version)


# -- events ----------------------------------------------------------------------------------------------------------


def _either(obj: dict[str, Any], core: str, events: str) -> Any:
    """A field of v1 Event under the name that events.k8s.io/v1 gives it."""
    return obj.get(core) or obj.get(events)


def _first_seen(obj: dict[str, Any], now: int) -> str:
    return age(_either(obj, "firstTimestamp", "deprecatedFirstTimestamp") or obj.get("eventTime"), now)


def _last_seen(obj: dict[str, Any], now: int) -> str:
    series = obj.get("series")
    if series:
        return age(series.get("lastObservedTime"), now)
    last = _either(obj, "lastTimestamp", "deprecatedLastTimestamp")
    return age(last, now) if last else _first_seen(obj, now)


def _count(obj: dict[str, Any], now: int) -> int:
    series = obj.get("series")
    return int(series.get("count", 0) if series else _either(obj, "count", "deprecatedCount") or 1)


def _about(obj: dict[str, Any], now: int) -> str:
    about = _either(obj, "involvedObject", "regarding") or {}
    kind, name = about.get("kind", "").lower(), about.get("name", "")
    return f"{kind}/{name}" if name else kind


def _subobject(obj: dict[str, Any], now: int) -> str:
    return (_either(obj, "involvedObject", "regarding") or {}).get("fieldPath") or ""


def _source(obj: dict[str, Any], now: int) -> str:
    source = _either(obj, "source", "deprecatedSource") or {}
    component = source.get("component") or _either(obj, "reportingComponent", "reportingController") or ""
    host = source.get("host") or obj.get("reportingInstance")
    return f"{component}, {host}" if host else component


def _message(obj: dict[str, Any], now: int) -> str:
    return (_either(obj, "message", "note") or "").strip()


_EVENTS: Final = Printer(
    (
        Column("Last Seen", _last_seen, ".lastTimestamp"),
        Column("Type", field("type"), ".type"),
        Column("Reason", field("reason"), ".reason"),
        Column("Object", _about, ".involvedObject"),
        Column("Subobject", _subobject, ".involvedObject.fieldPath", priority=1),
        Column("Source", _source, ".source", priority=1),
        Column("Message", _message, ".message"),
        Column("First Seen", _first_seen, ".firstTimestamp", priority=1),
        Column("Count", _count, ".count", priority=1),
        NAME._replace(priority=1),
    )
)


# -- quotas ----------------------------------------------------------------------------------------------------------


def _quota(limits: bool) -> Cell:
    def cell(obj: dict[str, Any], now: int) -> str:
        hard, used = at(obj, "status.hard") or {}, at(obj, "status.used") or {}
        names = [name for name in sorted(hard) if name.startswith("limits.") is limits]
        return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in names)

    return cell


def _data(obj: dict[str, Any], now: int) -> int:
    return len(obj.get("data") or ()) + (len(obj.get("binaryData") or ()))


def _endpoints(obj: dict[str, Any], now: int) -> str:
    subsets = obj.get("subsets")
    if not subsets:
        return NONE
    found: list[str] = []
    for subset in subsets:
        hosts = [address["ip"] for address in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        if not ports:
            found.extend(hosts)
        for port in ports:
            found.extend(f"[{host}]:{port['port']}" if ":" in host else f"{host}:{port['port']}" for host in hosts)
    return limited(found)


def _healthy(key: str) -> Cell:
    """A field of the Healthy condition of a component."""

    def cell(obj: dict[str, Any], now: int) -> str:
        conditions = obj.get("conditions") or ()
        return next((str(c.get(key, "")) for c in conditions if c["type"] == "Healthy"), "")

    return cell


def _health(obj: dict[str, Any], now: int) -> str:
    return "Healthy" if _healthy("status")(obj, now) == "True" else "Unhealthy"


PRINTERS: Final[dict[str, Printer]] = {
    "nodes": Printer(
        (
            NAME, Column("Status", _node_status, "The status of the node"),
            Column("Roles", _roles, "The roles of the node"), AGE,
            _info("Version", "kubeletVersion", 0),
            Column("Internal-IP", _address("InternalIP"), ".status.addresses", priority=1),
            Column("External-IP", _address("ExternalIP"), ".status.addresses", priority=1),
            _info("OS-Image", "osImage"), Column("Kernel-Version", _kernel, f".{_NODE_INFO}.kernelVersion", priority=1),
            _info("Container-Runtime", "containerRuntimeVersion"),
        )
    ),
    "namespaces": Printer(
        (NAME, Column("Status", field("status.phase"), "The status of the namespace"), AGE)
    ),
    "events": _EVENTS,
    "events.events.k8s.io": _EVENTS,
    "configmaps": Printer((NAME, Column("Data", _data, ".data"), AGE)),
    "secrets": Printer(
        (
            NAME, Column("Type", field("type"), ".type"),
            Column("Data", lambda obj, now: len(obj.get("data") or ()), ".data"), AGE,
        )
    ),
    "serviceaccounts": Printer((NAME, AGE)),
    "endpoints": Printer((NAME, Column("Endpoints", _endpoints, ".subsets"), AGE)),
    "resourcequotas": Printer(
        (
            NAME,
            Column(
                "Request", _quota(False),
                "Request represents a minimum amount of cpu/memory that a container may consume.",
            ),
            Column(
                "Limit", _quota(True),
                "Limits control the maximum amount of cpu/memory that a container may use independent of contention "
                "on the node.",
            ),
            AGE,
        )
    ),
    "componentstatuses": Printer(
        (
            NAME, Column("Status", _health, "Status of the component conditions"),
            Column("Message", _healthy("message"), "Message of the component conditions"),
            Column("Error", _healthy("error"), "Error of the component conditions"),
        )
    ),
}  # fmt: skip
