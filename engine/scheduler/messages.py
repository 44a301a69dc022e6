"""FitError's words: `0/12 nodes are available: 1 node(s) had untolerated taint(s), 3 Insufficient cpu. …`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

NO_NODES: Final = "no nodes available to schedule pods"
_LIMIT: Final = 1024
"""Bytes of an event's note (validation.NoteLengthLimit)."""


def histogram(reasons: Mapping[str, int]) -> str:
    """`1 x, 3 y`: sorted as strings, so 10 comes before 9, as in Kubernetes."""
    return ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))


def fit_error(total: int, reasons: Mapping[str, int], post_filters: Sequence[str], pre_filter: str = "") -> str:
    """Why no node of `total` took the pod, and what the PostFilter plugins said."""
    text = f"0/{total} nodes are available:"
    if pre_filter:
        text += f" {pre_filter}."
    elif reasons:
        text += f" {histogram(reasons)}."
    said = ", ".join(message for message in post_filters if message)
    return f"{text} {said}" if said else text


def truncated(message: str) -> str:
    """At most 1024 characters, with ` ...` at a cut."""
    return message if len(message) <= _LIMIT else message[: _LIMIT - 4] + " ..."
