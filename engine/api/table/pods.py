"""Tables of pods and pod templates."""

from __future__ import annotations

from typing import Any, Final

from engine.api.table.columns import AGE, NAME, NONE, Cells, Column, Printer, at, container_columns, labels_text
from engine.api.table.podstatus import PodStatus, pod_status
from engine.api.table.times import age, human_duration

_DONE: Final = {
    "Succeeded": [
        {"type": "Completed", "status": "True", "reason": "Succeeded",
         "message": "The pod has completed successfully."}
    ],
    "Failed": [{"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}],
}  # fmt: skip


def _row(obj: dict[str, Any], now: int) -> Cells:
    meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    seen = pod_status(obj)
    ips = status.get("podIPs") or ()
    return [
        meta.get("name", ""), f"{seen.ready}/{seen.total}", seen.word, _restarts(seen, now),
        age(meta.get("creationTimestamp"), now),
        (ips[0].get("ip") if ips else status.get("podIP")) or NONE, spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE, _gates(spec, status),
    ]  # fmt: skip


def _restarts(seen: PodStatus, now: int) -> str:
    if seen.restarts and seen.last_restart is not None:
        return f"{seen.restarts} ({human_duration(now - seen.last_restart)} ago)"
    return str(seen.restarts)


def _gates(spec: dict[str, Any], status: dict[str, Any]) -> str:
    gates = spec.get("readinessGates")
    if not gates:
        return NONE
    true = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
    return f"{sum(gate['conditionType'] in true for gate in gates)}/{len(gates)}"


def _conditions(obj: dict[str, Any]) -> list[dict[str, str]] | None:
    return _DONE.get((obj.get("status") or {}).get("phase", ""))


def _nth(index: int) -> Any:
    return lambda obj, now: _row(obj, now)[index]


PRINTERS: Final[dict[str, Printer]] = {
    "pods": Printer(
        (
            NAME,
            Column("Ready", _nth(1), "The aggregate readiness state of this pod for accepting traffic."),
            Column("Status", _nth(2), "The aggregate status of the containers in this pod."),
            Column(
                "Restarts", _nth(3),
                "The number of times the containers in this pod have been restarted and when the last container in "
                "this pod has restarted.",
            ),
            AGE,
            Column("IP", _nth(5), ".status.podIP", priority=1),
            Column("Node", _nth(6), ".spec.nodeName", priority=1),
            Column("Nominated Node", _nth(7), ".status.nominatedNodeName", priority=1),
            Column("Readiness Gates", _nth(8), ".spec.readinessGates", priority=1),
        ),
        _row,
        _conditions,
    ),
    "podtemplates": Printer(
        (
            NAME, *container_columns("template", 0),
            Column(
                "Pod Labels", lambda obj, now: labels_text(at(obj, "template.metadata.labels")),
                "The labels for the pod template.",
            ),
        )
    ),
}  # fmt: skip
