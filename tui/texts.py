"""The inspector's texts besides describe: YAML as kubectl prints it, events, logs, why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rich.cells import cell_len

from engine.client import Json, WhyReport
from tui.kinds.core import event_times
from tui.times import human_duration

_TEXT: Final = "tag:yaml.org,2002:str"
_TEXTS: Final = frozenset({_TEXT, "tag:yaml.org,2002:yaml", "tag:yaml.org,2002:value"})
"""What `*`, `&`, `!` and `=` are told apart as: texts for Go."""
_OLD_BOOLEANS: Final = frozenset({"y", "Y", "n", "N"})
"""Texts that Go's YAML quotes, too: they were booleans once."""


def yaml_text(obj: Json, *, managed_fields: bool = False) -> str:
    """An object as `kubectl get -o yaml` prints it: keys in order, lists not indented, managed fields left out."""
    import yaml  # 17 ms: not before somebody asks

    shown = obj
    if not managed_fields and "managedFields" in obj.get("metadata", {}):
        shown = {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "managedFields"}}
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(dumper):  # type: ignore[misc, valid-type]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(maker: Any, value: str) -> Any:
        style = "|" if "\n" in value else None
        if style is None and (
            value in _OLD_BOOLEANS or maker.resolve(yaml.ScalarNode, value, (True, False)) not in _TEXTS
        ):
            style = '"'  # it would be read as something else: Go's YAML quotes that twice, what is merely odd once
        return maker.represent_scalar(_TEXT, value, style=style)

    Dumper.add_representer(str, text)
    dumped = yaml.dump(shown, Dumper=Dumper, sort_keys=True, allow_unicode=True, width=10**6, default_flow_style=False)
    return str(dumped).rstrip("\n")


def events_text(events: Sequence[Json], now: int) -> list[str]:
    """An object's events, oldest first, as `kubectl events` prints them."""
    if not events:
        return ["No events in the last hour of cluster time."]
    rows = []
    for event in sorted(events, key=lambda e: event_times(e)[1] or 0):
        first, last, count = event_times(event)
        seen = human_duration(now - (last or now))
        if count > 1 and first is not None:
            seen += f" (x{count} over {human_duration(now - first)})"
        message = " ".join((event.get("message") or "").split())
        rows.append((seen, event.get("type") or "Normal", event.get("reason") or "", message))
    head = ("LAST SEEN", "TYPE", "REASON", "MESSAGE")
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(3)]
    return ["   ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]) for row in (head, *rows)]


def why_text(report: WhyReport, width: int) -> list[str]:
    """The report in words: headline, what it means, node by node."""
    lines = [*wrap_words(report.headline, width), ""]
    for sentence in report.explanation:
        lines += [f"→ {line}" if i == 0 else f"  {line}" for i, line in enumerate(wrap_words(sentence, width - 2))]
    if report.nodes:
        lines.append("")
        name_width = max(4, *(cell_len(v.node) for v in report.nodes))
        lines.append(f"  {'NODE'.ljust(name_width)}  VERDICT")
        for verdict in report.nodes:
            if verdict.fits:
                score = f"fits, score {verdict.score}" if verdict.score is not None else "fits"
                lines.append(f"✓ {verdict.node.ljust(name_width)}  {score}")
            else:
                said = "; ".join(verdict.details or verdict.reasons) or verdict.plugin
                lines.append(f"✗ {verdict.node.ljust(name_width)}  {said}")
    return lines


def secret_text(secret: Json) -> list[str]:
    """A Secret's values decoded, key by key; what is no text is told by its length."""
    import base64
    import binascii

    data = secret.get("data") or {}
    lines = [f"Name:       {secret['metadata']['name']}", f"Type:       {secret.get('type') or 'Opaque'}", ""]
    if not data:
        return [*lines, "It holds nothing."]
    for key in sorted(data):
        try:
            value = base64.b64decode(data[key] or "", validate=True)
        except (binascii.Error, ValueError):
            lines += [f"{key}:", "  (not base64)", ""]
            continue
        try:
            text = value.decode()
        except UnicodeDecodeError:
            lines += [f"{key}:", f"  ({len(value)} bytes that are no text)", ""]
            continue
        lines += [f"{key}:", *(f"  {line}" for line in text.split("\n")), ""]
    return lines


def wrap_words(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(word) > max(20, width):
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines
