"""Pods."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from engine.client import Item, Query, Usage
from tui.kinds.podstatus import pod_faulty, pod_status, pod_tone
from tui.kinds.spec import AGE, LABELS, NAME, NAMESPACE, Cell, Column, Facts, KindView, spec, status
from tui.quantity import millis, percent, short_bytes, short_cpu, units
from tui.rows import ContainerItem
from tui.theme import GLYPHS, Tone
from tui.times import human_duration


def _ready(item: Item, facts: Facts) -> Cell:
    state = pod_status(item.obj)
    whole = state.ready >= state.total or state.word in ("Completed", "Succeeded")
    return Cell(f"{state.ready}/{state.total}", "" if whole else "warn")


def _readiness(item: Item, facts: Facts) -> float:
    state = pod_status(item.obj)
    return state.ready / state.total if state.total else 0.0


def _status(item: Item, facts: Facts) -> Cell:
    state = pod_status(item.obj)
    tone = pod_tone(item.obj, state)
    return Cell(f"{GLYPHS.get(tone, '?')} {state.word}", tone)


def _status_key(item: Item, facts: Facts) -> str:
    return pod_status(item.obj).word


def _restarts(item: Item, facts: Facts) -> Cell:
    state = pod_status(item.obj)
    return Cell(str(state.restarts), "warn" if state.restarts else "")


def _restarts_key(item: Item, facts: Facts) -> int:
    return pod_status(item.obj).restarts


def _last_restart(item: Item, facts: Facts) -> str:
    last = pod_status(item.obj).last_restart
    return "" if last is None else human_duration(facts.now() - last)


def pod_request(pod: dict[str, Any], resource: str, which: str = "requests") -> int:
    """Effective request (millicores or units): the larger of the containers' sum and the largest init container.

    Sidecars (init containers that restart always) count with the containers, as in `PodRequests` of
    component-helpers; pod-level resources replace the sum; overhead is added.
    """
    read = millis if resource == "cpu" else units
    pod_spec = pod.get("spec") or {}
    total = sum(_asked(c, which, resource, read) for c in pod_spec.get("containers") or ())
    sidecars = largest_init = 0
    for container in pod_spec.get("initContainers") or ():
        asked = _asked(container, which, resource, read)
        if container.get("restartPolicy") == "Always":
            sidecars += asked
            total += asked
            largest_init = max(largest_init, sidecars)
        else:
            largest_init = max(largest_init, asked + sidecars)
    total = max(total, largest_init)
    own = ((pod_spec.get("resources") or {}).get(which) or {}).get(resource)
    if own is not None:
        total = read(own)
    overhead = (pod_spec.get("overhead") or {}).get(resource)
    return total + (read(overhead) if overhead is not None and (which == "requests" or total) else 0)


def _asked(container: dict[str, Any], which: str, resource: str, read: Any) -> int:
    value = ((container.get("resources") or {}).get(which) or {}).get(resource)
    return 0 if value is None else int(read(value))


def _read(item: Item, resource: str, facts: Facts) -> int | None:
    """What it uses: millicores or bytes; None while nobody knows."""
    usage = usage_of(item, facts)
    return None if usage is None else usage.cpu if resource == "cpu" else usage.memory


def usage_of(item: Item, facts: Facts) -> Usage | None:
    """What a pod, or one of its containers, uses now; None: nothing runs, or it is not known (yet)."""
    if isinstance(item, ContainerItem):
        return facts.container_usage(item.namespace, item.pod.name, item.name)
    return facts.pod_usage(item.namespace, item.name)


_SHORT: Final = {"cpu": short_cpu, "memory": short_bytes}
_CAUTION, _ALARM = 80, 95
"""Percent of a limit from which a figure stands out: near throttling, near being killed for memory."""


def _used(resource: str) -> tuple[Any, Any]:
    """(cell, sort key) of what is used."""

    def cell(item: Item, facts: Facts) -> Cell:
        used = _read(item, resource, facts)
        return Cell("n/a", "dim") if used is None else Cell(_SHORT[resource](used))

    def key(item: Item, facts: Facts) -> int:
        used = _read(item, resource, facts)
        return -1 if used is None else used

    return cell, key


def _asked_pair(resource: str) -> tuple[Any, Any]:
    """(cell, sort key) of request:limit."""

    def cell(item: Item, facts: Facts) -> str:
        short = _SHORT[resource]
        return f"{short(pod_request(item.obj, resource))}:{short(pod_request(item.obj, resource, 'limits'))}"

    return cell, lambda item, facts: pod_request(item.obj, resource)


def _share(resource: str, which: str) -> tuple[Any, Any]:
    """(cell, sort key) of used as a percentage of what is requested, or of the limit."""

    def key(item: Item, facts: Facts) -> int:
        used = _read(item, resource, facts)
        whole = 0 if used is None else pod_request(item.obj, resource, which)
        return percent(used, whole) if used is not None and whole else -1

    def cell(item: Item, facts: Facts) -> Cell:
        full = key(item, facts)
        if full < 0:
            return Cell("n/a", "dim")
        tone: Tone = "" if which == "requests" or full < _CAUTION else "warn" if full < _ALARM else "bad"
        return Cell(str(full), tone)

    return cell, key


def _usage_column(header: str, pair: tuple[Any, Any], rank: int) -> Column:
    return Column(header, *pair, align="right", rank=rank, live=True, descending=True, usage=True)


USAGE_COLUMNS: Final = (
    _usage_column("CPU", _used("cpu"), 5),
    Column("CPU/RL", *_asked_pair("cpu"), wide=True, align="right", descending=True),
    _usage_column("%CPU/R", _share("cpu", "requests"), 10),
    _usage_column("%CPU/L", _share("cpu", "limits"), 9),
    _usage_column("MEM", _used("memory"), 5),
    Column("MEM/RL", *_asked_pair("memory"), wide=True, align="right", descending=True),
    _usage_column("%MEM/R", _share("memory", "requests"), 10),
    _usage_column("%MEM/L", _share("memory", "limits"), 9),
)
"""What is used, of what was asked for: of pods and of containers."""


def _ip(item: Item, facts: Facts) -> str:
    return status(item).get("podIP") or "<none>"


def _ip_key(item: Item, facts: Facts) -> tuple[int, ...]:
    text = str(status(item).get("podIP") or "")
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _node(item: Item, facts: Facts) -> Cell:
    node = spec(item).get("nodeName")
    return Cell(node) if node else Cell("<none>", "dim")


def _service_account(item: Item, facts: Facts) -> str:
    return spec(item).get("serviceAccountName") or "<none>"


def _nominated(item: Item, facts: Facts) -> str:
    return status(item).get("nominatedNodeName") or "<none>"


def _qos(item: Item, facts: Facts) -> str:
    return status(item).get("qosClass") or "<none>"


PODS = KindView(
    resource="pods",
    columns=(
        NAMESPACE,
        replace(NAME, min=30),
        Column("READY", _ready, _readiness, rank=1, search=False),
        Column("STATUS", _status, _status_key, search=True),
        Column("RESTARTS", _restarts, _restarts_key, align="right", rank=4, descending=True),
        Column("LAST RESTART", _last_restart, wide=True, live=True),
        *USAGE_COLUMNS,
        Column("IP", _ip, _ip_key, rank=6, search=True),
        Column("NODE", _node, rank=4, search=True),
        Column("SERVICE-ACCOUNT", _service_account, wide=True),
        Column("NOMINATED", _nominated, wide=True),
        Column("QOS", _qos, wide=True),
        LABELS,
        AGE,
    ),
    fault=lambda item, facts: pod_faulty(item.obj),
    tabs=("describe", "yaml", "events", "logs", "why"),
    enter=lambda item: Query("containers", item.namespace, fields=f"metadata.name={item.name}"),
    empty="No pods here. They come with a Deployment in the folder; 0 shows all namespaces, esc clears a filter.",
)


_TROUBLE: Final = {"bad": 0, "warn": 1, "busy": 2, "": 3, "ok": 4, "dim": 5}


def _trouble_first(item: Item, facts: Facts) -> int:
    return _TROUBLE.get(pod_tone(item.obj, pod_status(item.obj)), 3)


HOME_PODS = replace(PODS, order=_trouble_first)
"""Pods in the home screen: what needs a look stands on top."""
