"""Which line of its manifest a pod's trouble points to: where `m` puts the cursor.

What the pod says of itself decides (the scheduler's message, why a container waits, what ended it); the most frequent
refusal of the scheduler counts first. A trouble that no field stands for (a taint that nothing tolerates yet, a node
that is cordoned) leaves the cursor at the object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from engine.client import Json
from tui.yaml_place import field_at, parse_line, scalar
from tui.yaml_text import document_rows

_REFUSALS: Final = (
    ("node affinity/selector", ("nodeSelector", "affinity")),
    ("untolerated taint", ("tolerations",)),
    ("topology spread", ("topologySpreadConstraints",)),
    ("volume", ("volumes",)),
    ("affinity", ("affinity",)),
    ("free ports", ("hostPort",)),
)
"""Words in the scheduler's reasons, and the fields that ask for what was refused; the first that matches counts."""
_IMAGE: Final = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


class Blamed(NamedTuple):
    """A field that may be at fault."""

    path: tuple[str, ...]
    """The last parts of its path: `("requests", "cpu")`."""
    value: str = ""
    """What it has there; "" for whatever it has."""


def blamed(pod: Json) -> list[Blamed]:
    """Fields at fault, the likeliest first; empty when no field stands for the trouble, or there is none."""
    status = pod.get("status") or {}
    found: list[Blamed] = []
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            found += _refused(str(condition.get("message") or ""))
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        ended = [(container.get(state) or {}).get("terminated") or {} for state in ("state", "lastState")]
        if waiting.get("reason") in _IMAGE:
            found.append(Blamed(("image",), str(container.get("image") or "")))
        elif waiting.get("reason") == "CreateContainerConfigError":
            found += [Blamed(("envFrom",)), Blamed(("env",))]
        elif any(end.get("reason") == "OOMKilled" for end in ended):
            found.append(Blamed(("limits", "memory")))
        elif (container.get("state") or {}).get("running") and not container.get("ready"):
            found.append(Blamed(("readinessProbe",)))
    return found


def _refused(message: str) -> Iterator[Blamed]:
    """Of `0/11 nodes are available: 6 Insufficient cpu, 4 node(s) had untolerated taint(s). preemption: …`."""
    reasons = re.findall(r"(\d+) ([^,.]+(?:\.[^\s,.]+)*)", message.partition(": ")[2].partition(" preemption:")[0])
    for _, reason in sorted(reasons, key=lambda counted: -int(counted[0])):
        if reason.startswith("Insufficient "):
            resource = reason.removeprefix("Insufficient ")
            yield from (Blamed((group, resource)) for group in ("requests", "limits"))
        else:
            fields = next((fields for words, fields in _REFUSALS if words in reason), ())
            yield from (Blamed((field,)) for field in fields)


def row_of(lines: Sequence[str], row: int, fields: Sequence[Blamed]) -> int:
    """The row of the first of these fields that the document at `row` has; `row` itself when it has none."""
    first, last = document_rows(lines, row)
    for field in fields:
        for number in range(first, last):
            line = parse_line(lines[number])
            if line.key != field.path[-1] or (field.value and scalar(line.value) != field.value):
                continue
            if field_at(lines, number)[2][-len(field.path) :] == field.path:
                return number
    return row
