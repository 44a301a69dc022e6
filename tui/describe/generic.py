"""Describe for kinds without one of their own: kubectl's generic describer, field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tui.describe.parts import Json, annotation_lines, events, labels
from tui.describe.writer import DescribeWriter

_SKIP: Final = frozenset(
    {".metadata.managedFields", ".metadata.name", ".metadata.namespace", ".metadata.labels", ".metadata.annotations"}
)
_ACRONYMS: Final = frozenset({"API", "URL", "UID", "OSB", "GUID"})
_WORDS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def label(field: str) -> str:
    """smartLabelFor: `containerPort` → `Container Port`, `apiVersion` → `API Version`."""
    if not field.isascii() or not field.isalnum():
        return field
    words = _WORDS.findall(field)
    return " ".join(w.upper() if w.upper() in _ACRONYMS else w[:1].upper() + w[1:] for w in words)


def describe_generic(obj: Json, own_events: Sequence[Json], now: int) -> str:
    writer = DescribeWriter()
    meta = obj["metadata"]
    writer.field("Name", meta["name"])
    writer.field("Namespace", meta.get("namespace", ""))
    labels(writer, "Labels", meta.get("labels"))
    annotation_lines(writer, "Annotations", meta.get("annotations"))
    _content(writer, 0, obj, "")
    events(writer, own_events, now)
    return writer.text()


def _content(writer: DescribeWriter, level: int, content: Mapping[str, Any], prefix: str) -> None:
    for field in sorted(content):
        value, path = content[field], f"{prefix}.{field}"
        if path in _SKIP:
            continue
        if isinstance(value, dict):
            writer.line(f"{label(field)}:", level)
            _content(writer, level + 1, value, path)
        elif isinstance(value, list):
            writer.line(f"{label(field)}:", level)
            for child in value:
                if isinstance(child, dict):
                    _content(writer, level + 1, child, path)
                else:
                    writer.line(_scalar(child), level + 1)
        else:
            writer.field(label(field), _scalar(value), level)


def _scalar(value: Any) -> str:
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
