"""Nodes: roles, taints and what the pods on them ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from engine.client import Item, Query
from tui.kinds.spec import AGE, LABELS, NAME, Cell, Column, Facts, Getter, Key, KindView, spec, status
from tui.quantity import millis, percent, short_bytes, short_cpu, units
from tui.theme import GLYPHS, Tone, bar

ROLE_PREFIX: Final = "node-role.kubernetes.io/"
ZONE_LABELS: Final = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")


def node_words(node: dict[str, Any]) -> list[str]:
    """`["Ready", "SchedulingDisabled"]`: kubectl's STATUS of a node."""
    words = [
        "Ready" if c["status"] == "True" else "NotReady"
        for c in (node.get("status") or {}).get("conditions") or ()
        if c["type"] == "Ready"
    ] or ["Unknown"]
    if (node.get("spec") or {}).get("unschedulable"):
        words.append("SchedulingDisabled")
    return words


def node_tone(node: dict[str, Any]) -> Tone:
    words = node_words(node)
    if words[0] != "Ready":
        return "bad"
    pressure = any(
        c["type"] != "Ready" and c["status"] == "True" for c in (node.get("status") or {}).get("conditions") or ()
    )
    return "warn" if len(words) > 1 or pressure else "ok"


def node_roles(labels: Any) -> list[str]:
    roles = {key[len(ROLE_PREFIX) :] for key in labels if key.startswith(ROLE_PREFIX)}
    if "kubernetes.io/role" in labels:
        roles.add(labels["kubernetes.io/role"])
    return sorted(role for role in roles if role)


def zone_of(item: Item) -> str:
    for label in ZONE_LABELS:
        if item.labels.get(label):
            return item.labels[label]
    return "no zone"


def taint_text(taint: dict[str, Any]) -> str:
    """`dedicated=gpu:NoSchedule`."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def _status(item: Item, facts: Facts) -> Cell:
    tone = node_tone(item.obj)
    return Cell(f"{GLYPHS[tone]} {','.join(node_words(item.obj))}", tone)


def _status_key(item: Item, facts: Facts) -> str:
    return ",".join(node_words(item.obj))


def _role(item: Item, facts: Facts) -> str:
    return ",".join(node_roles(item.labels)) or "<none>"


def _taints(item: Item, facts: Facts) -> Cell:
    """Short names: the part before the slash says nothing a person looks for here."""
    taints = [taint_text(t).rpartition("/")[2] for t in spec(item).get("taints") or ()]
    return Cell(",".join(taints), "warn") if taints else Cell("", "dim")


def _version(item: Item, facts: Facts) -> str:
    return (status(item).get("nodeInfo") or {}).get("kubeletVersion") or "<unknown>"


def _info(key: str) -> Any:
    return lambda item, facts: (status(item).get("nodeInfo") or {}).get(key) or "<unknown>"


def _internal_ip(item: Item, facts: Facts) -> str:
    for address in status(item).get("addresses") or ():
        if address["type"] == "InternalIP":
            return str(address["address"])
    return "<none>"


def _allocatable(item: Item, resource: str) -> Any:
    state = status(item)
    return (state.get("allocatable") or state.get("capacity") or {}).get(resource)


def _pods(item: Item, facts: Facts) -> Cell:
    count, most = facts.node_load(item.name).pods, units(_allocatable(item, "pods"))
    return Cell(f"{count}/{most}", "warn" if most and count >= most else "")


def _pods_key(item: Item, facts: Facts) -> int:
    return facts.node_load(item.name).pods


def _gauge(part: int, whole: int, text: str) -> Cell:
    full = percent(part, whole)
    return Cell(f"{bar(part, whole, 4)} {text}", "warn" if full >= 95 else "")


def _cpu(item: Item, facts: Facts) -> Cell:
    part, whole = facts.node_load(item.name).cpu, millis(_allocatable(item, "cpu"))
    return _gauge(part, whole, f"{short_cpu(part)}/{short_cpu(whole)}")


def _memory(item: Item, facts: Facts) -> Cell:
    part, whole = facts.node_load(item.name).memory, units(_allocatable(item, "memory"))
    return _gauge(part, whole, f"{short_bytes(part)}/{short_bytes(whole)}")


def _cpu_percent(item: Item, facts: Facts) -> str:
    return f"{_cpu_key(item, facts)}%"


def _memory_percent(item: Item, facts: Facts) -> str:
    return f"{_memory_key(item, facts)}%"


def _cpu_key(item: Item, facts: Facts) -> int:
    return percent(facts.node_load(item.name).cpu, millis(_allocatable(item, "cpu")))


def _memory_key(item: Item, facts: Facts) -> int:
    return percent(facts.node_load(item.name).memory, units(_allocatable(item, "memory")))


def _used(resource: str) -> tuple[Getter, Key]:
    """(cell, sort key) of what is used."""

    def key(item: Item, facts: Facts) -> int:
        usage = facts.node_usage(item.name)
        return -1 if usage is None else usage.cpu if resource == "cpu" else usage.memory

    def cell(item: Item, facts: Facts) -> Cell:
        used = key(item, facts)
        if used < 0:
            return Cell("n/a", "dim")
        full = percent(used, (millis if resource == "cpu" else units)(_allocatable(item, resource)))
        text = short_cpu(used) if resource == "cpu" else short_bytes(used)
        return Cell(f"{text} {full}%", "warn" if full >= 90 else "")

    return cell, key


def _zone(item: Item, facts: Facts) -> str:
    return zone_of(item)


NODES = KindView(
    resource="nodes",
    namespaced=False,
    columns=(
        NAME,
        Column("STATUS", _status, _status_key, search=True),
        Column("ROLE", _role, rank=7, search=True),
        Column("TAINTS", _taints, rank=6, min=26, max=44, search=True),
        Column("VERSION", _version, rank=9),
        Column("OS-IMAGE", _info("osImage"), wide=True, max=30),
        Column("KERNEL", _info("kernelVersion"), wide=True, max=30),
        Column("INTERNAL-IP", _internal_ip, wide=True, search=True),
        Column("PODS", _pods, _pods_key, align="right", rank=3, descending=True),
        Column("CPU-REQ", _cpu, _cpu_key, rank=4, descending=True),
        Column("%CPU-REQ", _cpu_percent, _cpu_key, rank=10, align="right", descending=True),
        Column("MEM-REQ", _memory, _memory_key, rank=5, descending=True),
        Column("%MEM-REQ", _memory_percent, _memory_key, rank=11, align="right", descending=True),
        Column("CPU", *_used("cpu"), rank=9, align="right", live=True, descending=True, usage=True),
        Column("MEM", *_used("memory"), rank=9, align="right", live=True, descending=True, usage=True),
        LABELS,
        Column("ZONE", _zone, rank=8, search=True),
        AGE,
    ),
    fault=lambda item, facts: node_tone(item.obj) != "ok",
    enter=lambda item: Query("pods", fields=f"spec.nodeName={item.name}"),
    empty="No nodes. A Node manifest in the folder registers one.",
)

HOME_NODES = KindView(
    resource="nodes",
    namespaced=False,
    columns=tuple(
        replace(c, rank=8) if c.header == "AGE" else c
        for c in NODES.columns
        if c.header not in ("ZONE", "%CPU-REQ", "%MEM-REQ", "VERSION")
    ),
    fault=NODES.fault,
    enter=NODES.enter,
    empty=NODES.empty,
)
"""Nodes in the home screen, where they are gathered by zone."""
