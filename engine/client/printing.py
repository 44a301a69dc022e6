"""How Kubernetes prints objects: the very columns and cells that the API server sends to `kubectl get`.

Pure functions over plain objects, for whoever shows tables of them beside kubectl; see engine.api.table.
"""

from engine.api.table import Column, Printer, printer_of
from engine.api.table.podstatus import PodStatus, pod_status
from engine.api.table.times import SECOND, age, human_duration, parse_time

__all__ = [
    "SECOND",
    "Column",
    "PodStatus",
    "Printer",
    "age",
    "human_duration",
    "parse_time",
    "pod_status",
    "printer_of",
]
