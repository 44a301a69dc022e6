"""Namespaces, events, services, configuration, storage claims: the core group besides pods and nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.client import Item, Query
from tui.kinds.spec import (
    AGE,
    LABELS,
    NAME,
    NAMESPACE,
    Cell,
    Column,
    Facts,
    KindView,
    selector_text,
    spec,
    status,
)
from tui.theme import GLYPHS
from tui.times import age, human_duration, parse_time

# -- namespaces --------------------------------------------------------------------------------------------------------


def _namespace_status(item: Item, facts: Facts) -> Cell:
    phase = status(item).get("phase") or ("Terminating" if item.obj["metadata"].get("deletionTimestamp") else "Active")
    tone = "ok" if phase == "Active" else "busy"
    return Cell(f"{GLYPHS['ok' if phase == 'Active' else 'busy']} {phase}", tone)  # type: ignore[arg-type]


def _namespace_pods(item: Item, facts: Facts) -> str:
    return str(facts.namespace_load(item.name).pods)


def _namespace_pods_key(item: Item, facts: Facts) -> int:
    return facts.namespace_load(item.name).pods


NAMESPACES = KindView(
    resource="namespaces",
    namespaced=False,
    columns=(
        NAME,
        Column("STATUS", _namespace_status, search=True),
        Column("PODS", _namespace_pods, _namespace_pods_key, align="right", descending=True),
        LABELS,
        AGE,
    ),
    fault=lambda item, facts: bool(item.obj["metadata"].get("deletionTimestamp")),
    enter=lambda item: Query("pods", namespace=item.name),
    empty="No namespaces yet.",
)

# -- events ------------------------------------------------------------------------------------------------------------


def event_times(event: dict[str, Any]) -> tuple[int | None, int | None, int]:
    """(first seen, last seen, count), whichever face of the Event says so (as kubectl's printEvent)."""
    series = event.get("series") or {}
    first = parse_time(event.get("firstTimestamp")) or parse_time(event.get("eventTime"))
    last = (
        parse_time(series.get("lastObservedTime"))
        or parse_time(event.get("lastTimestamp"))
        or parse_time(event.get("eventTime"))
        or parse_time(event["metadata"].get("creationTimestamp"))
    )
    return first, last or first, series.get("count") or event.get("count") or 1


def _last_seen(item: Item, facts: Facts) -> str:
    last = event_times(item.obj)[1]
    return "<unknown>" if last is None else human_duration(facts.now() - last)


def _last_key(item: Item, facts: Facts) -> int:
    return -(event_times(item.obj)[1] or 0)


def _first_seen(item: Item, facts: Facts) -> str:
    first = event_times(item.obj)[0]
    return "<unknown>" if first is None else human_duration(facts.now() - first)


def _count(item: Item, facts: Facts) -> str:
    return str(event_times(item.obj)[2])


def _type(item: Item, facts: Facts) -> Cell:
    kind = item.obj.get("type") or "Normal"
    return Cell("▲ Warning", "warn") if kind == "Warning" else Cell(f"○ {kind}", "dim")


def _reason(item: Item, facts: Facts) -> str:
    return item.obj.get("reason") or ""


def _object(item: Item, facts: Facts) -> str:
    ref = item.obj.get("involvedObject") or {}
    return f"{str(ref.get('kind', '')).lower()}/{ref.get('name', '')}"


def _subobject(item: Item, facts: Facts) -> str:
    return (item.obj.get("involvedObject") or {}).get("fieldPath") or ""


def event_source(event: dict[str, Any]) -> str:
    """`default-scheduler`, `kubelet, worker-1`."""
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    host = source.get("host") or event.get("reportingInstance") or ""
    return f"{component}, {host}" if host else component


def _source(item: Item, facts: Facts) -> str:
    return event_source(item.obj)


def _message(item: Item, facts: Facts) -> str:
    return " ".join((item.obj.get("message") or "").split())


EVENTS = KindView(
    resource="events",
    columns=(
        Column("NAMESPACE", NAMESPACE.get, min=9, max=30, rank=4, search=True),
        Column("LAST SEEN", _last_seen, _last_key, live=True),
        Column("TYPE", _type, search=True),
        Column("REASON", _reason, min=12, max=30, search=True),
        Column("OBJECT", _object, min=20, max=60, rank=1, search=True),
        Column("SUBOBJECT", _subobject, wide=True, max=40),
        Column("SOURCE", _source, wide=True, max=40),
        Column("MESSAGE", _message, min=18, max=400, grow=True, search=True),
        Column("FIRST SEEN", _first_seen, wide=True, live=True),
        Column("COUNT", _count, wide=True, align="right"),
    ),
    fault=lambda item, facts: item.obj.get("type") == "Warning",
    sort="LAST SEEN",
    tabs=("describe", "yaml"),
    empty="No events here in the last hour of cluster time.",
)
HOME_EVENTS = replace(EVENTS, newest=1_000)
"""Events in the home screen: a few lines of them, out of five times as many as there are pods."""

# -- services and configuration ----------------------------------------------------------------------------------------


def _type_of(item: Item, facts: Facts) -> str:
    return spec(item).get("type") or "ClusterIP"


def _cluster_ip(item: Item, facts: Facts) -> str:
    return spec(item).get("clusterIP") or "<none>"


def _external_ip(item: Item, facts: Facts) -> str:
    own = spec(item)
    if own.get("type") == "ExternalName":
        return own.get("externalName") or "<none>"
    ingress = (status(item).get("loadBalancer") or {}).get("ingress") or ()
    addresses = [i.get("ip") or i.get("hostname") or "" for i in ingress] + list(own.get("externalIPs") or ())
    return ",".join(addresses) or ("<pending>" if own.get("type") == "LoadBalancer" else "<none>")


def _ports(item: Item, facts: Facts) -> str:
    ports = []
    for port in spec(item).get("ports") or ():
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}")
    return ",".join(ports) or "<none>"


def _service_selector(item: Item, facts: Facts) -> str:
    return selector_text(spec(item).get("selector")) or "<none>"


def _service_pods(item: Item) -> Query | None:
    selector = selector_text(spec(item).get("selector"))
    return Query("pods", namespace=item.namespace, labels=selector) if selector else None


SERVICES = KindView(
    resource="services",
    columns=(
        NAMESPACE,
        NAME,
        Column("TYPE", _type_of, search=True),
        Column("CLUSTER-IP", _cluster_ip, rank=3, search=True),
        Column("EXTERNAL-IP", _external_ip, rank=4),
        Column("PORT(S)", _ports, rank=1, max=40),
        Column("SELECTOR", _service_selector, wide=True, max=60),
        AGE,
    ),
    enter=_service_pods,
)


def _data_count(item: Item, facts: Facts) -> str:
    return str(len(item.obj.get("data") or ()) + len(item.obj.get("binaryData") or ()))


def _data_key(item: Item, facts: Facts) -> int:
    return int(_data_count(item, facts))


CONFIGMAPS = KindView(
    resource="configmaps",
    columns=(NAMESPACE, NAME, Column("DATA", _data_count, _data_key, align="right"), LABELS, AGE),
)

SECRETS = KindView(
    resource="secrets",
    columns=(
        NAMESPACE,
        NAME,
        Column("TYPE", lambda item, facts: item.obj.get("type") or "Opaque", rank=2, search=True),
        Column("DATA", _data_count, _data_key, align="right"),
        LABELS,
        AGE,
    ),
)

SERVICEACCOUNTS = KindView(resource="serviceaccounts", columns=(NAMESPACE, NAME, LABELS, AGE))


def endpoints_text(subsets: Any, most: int = 3) -> str:
    """`10.1.2.3:80,10.1.2.4:80 + 2 more...`, as kubectl's formatEndpoints."""
    addresses = [
        f"{address['ip']}:{port['port']}"
        for subset in subsets or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    more = f" + {len(addresses) - most} more..." if len(addresses) > most else ""
    return ",".join(addresses[:most]) + more or "<none>"


ENDPOINTS = KindView(
    resource="endpoints",
    columns=(
        NAMESPACE,
        NAME,
        Column("ENDPOINTS", lambda item, facts: endpoints_text(item.obj.get("subsets")), max=80, search=True),
        AGE,
    ),
)


def _modes(modes: Any) -> str:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return ",".join(short.get(mode, mode) for mode in modes or ())


def _phase(item: Item, facts: Facts) -> Cell:
    phase = "Terminating" if item.obj["metadata"].get("deletionTimestamp") else status(item).get("phase") or "Pending"
    tone: Any = {"Bound": "ok", "Available": "ok", "Lost": "bad", "Failed": "bad"}.get(phase, "busy")
    return Cell(f"{GLYPHS[tone]} {phase}", tone)


PERSISTENTVOLUMECLAIMS = KindView(
    resource="persistentvolumeclaims",
    columns=(
        NAMESPACE,
        NAME,
        Column("STATUS", _phase, search=True),
        Column("VOLUME", lambda item, facts: spec(item).get("volumeName") or "", rank=2, search=True),
        Column("CAPACITY", lambda item, facts: str((status(item).get("capacity") or {}).get("storage", ""))),
        Column("ACCESS MODES", lambda item, facts: _modes(status(item).get("accessModes")), rank=4),
        Column("STORAGECLASS", lambda item, facts: spec(item).get("storageClassName") or "", rank=3),
        Column("VOLUMEMODE", lambda item, facts: spec(item).get("volumeMode") or "Filesystem", wide=True),
        AGE,
    ),
    fault=lambda item, facts: status(item).get("phase") != "Bound",
)


def _claim(item: Item, facts: Facts) -> str:
    claim = spec(item).get("claimRef") or {}
    return f"{claim['namespace']}/{claim['name']}" if claim else ""


PERSISTENTVOLUMES = KindView(
    resource="persistentvolumes",
    namespaced=False,
    columns=(
        NAME,
        Column("CAPACITY", lambda item, facts: str((spec(item).get("capacity") or {}).get("storage", ""))),
        Column("ACCESS MODES", lambda item, facts: _modes(spec(item).get("accessModes")), rank=4),
        Column("RECLAIM POLICY", lambda item, facts: spec(item).get("persistentVolumeReclaimPolicy") or "", rank=5),
        Column("STATUS", _phase, search=True),
        Column("CLAIM", _claim, rank=1, search=True),
        Column("STORAGECLASS", lambda item, facts: spec(item).get("storageClassName") or "", rank=3),
        Column("REASON", lambda item, facts: status(item).get("reason") or "", rank=6),
        Column("VOLUMEMODE", lambda item, facts: spec(item).get("volumeMode") or "Filesystem", wide=True),
        AGE,
    ),
    fault=lambda item, facts: status(item).get("phase") == "Failed",
)


RESOURCEQUOTAS = KindView(
    resource="resourcequotas",
    columns=(
        NAMESPACE,
        NAME,
        Column("REQUEST", lambda item, facts: _quota(item, limits=False), max=80),
        Column("LIMIT", lambda item, facts: _quota(item, limits=True), max=80, rank=2),
        AGE,
    ),
)


def _quota(item: Item, limits: bool) -> str:
    hard, used = status(item).get("hard") or spec(item).get("hard") or {}, status(item).get("used") or {}
    return ", ".join(
        f"{key}: {used.get(key, 0)}/{value}"
        for key, value in sorted(hard.items())
        if key.startswith("limits.") == limits
    )


def created_at(item: Item, facts: Facts) -> str:
    return item.obj["metadata"].get("creationTimestamp") or ""


LIMITRANGES = KindView(
    resource="limitranges", columns=(NAMESPACE, NAME, Column("CREATED AT", created_at), AGE)
)  # fmt: skip


def since(text: str | None, facts: Facts) -> str:
    """`13s`, or `<none>`."""
    return age(text, facts.now()) if text else "<none>"
