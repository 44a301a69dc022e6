"""The pods of the same workload, and which of them takes the place of one that is gone.

Pods of one workload share their labels, except for the hashes by which its revisions are told apart. A pod that was
there before the one that went replaces nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.client import Item
from tui.board import PodBoard, Scope

_HASHES: Final = ("pod-template-hash", "controller-revision-hash")


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels without those of a revision."""
    return {name: value for name, value in labels.items() if name not in _HASHES}


def successor(board: PodBoard, pod: Item) -> Item | None:
    """The youngest pod of the workload that was made after this one and is not being deleted."""
    if not any(ref.get("controller") for ref in pod.obj["metadata"].get("ownerReferences") or ()):
        return None
    labels, made = own_labels(pod.labels).items(), _made(pod)
    younger = [
        other
        for other in board.pods(Scope(namespace=pod.namespace))
        if labels and labels <= other.labels.items() and other.uid != pod.uid and _made(other) > made
        if "deletionTimestamp" not in other.obj["metadata"]
    ]
    return max(younger, key=_made, default=None)


def _made(pod: Item) -> str:
    return str(pod.obj["metadata"].get("creationTimestamp") or "")
