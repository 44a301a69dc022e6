"""What several kinds' descriptions share: labels, annotations, tolerations, events, conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tui.describe.writer import DescribeWriter
from tui.times import age, human_duration, parse_time, rfc1123z

Json = dict[str, Any]
MAX_ANNOTATION: Final = 140
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def multiline(writer: DescribeWriter, title: str, values: Sequence[str]) -> None:
    """`Labels:<tab>a=1` and the others below it; `<none>` without any."""
    writer.line(f"{title}:\t{values[0] if values else '<none>'}")
    for value in values[1:]:
        writer.line(f"\t{value}")


def labels(writer: DescribeWriter, title: str, found: Mapping[str, str] | None) -> None:
    multiline(writer, title, [f"{key}={value}" for key, value in sorted((found or {}).items())])


def annotation_lines(writer: DescribeWriter, title: str, found: Mapping[str, str] | None) -> None:
    """printAnnotationsMultiline: long or many-line values below their key, cut at 140."""
    shown: list[str] = []
    for key, value in sorted((found or {}).items()):
        if key == LAST_APPLIED:
            continue
        value = value.removesuffix("\n")
        if len(value) + len(key) + 2 > MAX_ANNOTATION or "\n" in value:
            shown.append(f"{key}:")
            shown += [f"  {_shorten(part, MAX_ANNOTATION - 2)}" for part in value.split("\n")]
        else:
            shown.append(f"{key}: {value}")
    multiline(writer, title, shown)


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "..."


def head(writer: DescribeWriter, obj: Json, *, created: bool = False, namespaced: bool = True) -> None:
    """Name, Namespace, (CreationTimestamp,) Labels, Annotations."""
    meta = obj["metadata"]
    writer.field("Name", meta["name"])
    if namespaced:
        writer.field("Namespace", meta.get("namespace", ""))
    if created:
        writer.field("CreationTimestamp", rfc1123z(meta.get("creationTimestamp")))
    labels(writer, "Labels", meta.get("labels"))
    annotation_lines(writer, "Annotations", meta.get("annotations"))


def tolerations(writer: DescribeWriter, title: str, found: Sequence[Json] | None) -> None:
    shown = []
    for toleration in sorted(found or (), key=lambda t: t.get("key") or ""):
        text = toleration.get("key") or ""
        if toleration.get("value"):
            text += f"={toleration['value']}"
        if toleration.get("effect"):
            text += f":{toleration['effect']}"
        if toleration.get("operator") == "Exists" and not toleration.get("value"):
            text += " op=Exists" if text else "op=Exists"
        if toleration.get("tolerationSeconds") is not None:
            text += f" for {toleration['tolerationSeconds']}s"
        shown.append(text)
    multiline(writer, title, shown)


def controlled_by(obj: Json) -> str:
    """`ReplicaSet/web-77684f4864`, "" without a controller."""
    for ref in obj["metadata"].get("ownerReferences") or ():
        if ref.get("controller"):
            return f"{ref['kind']}/{ref['name']}"
    return ""


def conditions(writer: DescribeWriter, found: Sequence[Json]) -> None:
    """Type, Status, Reason, as workloads have them."""
    if found:
        writer.line("Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------")
        for condition in found:
            writer.line(f"  {condition['type']} \t{condition['status']}\t{condition.get('reason', '')}")


def events(writer: DescribeWriter, found: Sequence[Json], now: int) -> None:
    """DescribeEvents: by last timestamp, repeats as `12s (x3 over 1m)`."""
    if not found:
        writer.line("Events:\t<none>")
        return
    writer.line("Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------")
    for event in sorted(found, key=_event_order):
        source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
        message = (event.get("message") or "").strip()
        writer.line(
            f"  {event.get('type', '')}\t{event.get('reason', '')}\t{_interval(event, now)}\t{source}\t{message}"
        )


def _event_order(event: Json) -> tuple[int, int]:
    last = parse_time(event.get("lastTimestamp")) or 0
    own = parse_time(event.get("eventTime")) or parse_time(event["metadata"].get("creationTimestamp")) or 0
    return (last, own)


def _interval(event: Json, now: int) -> str:
    first = event.get("firstTimestamp") or event.get("eventTime")
    series = event.get("series")
    if series:
        return f"{age(series.get('lastObservedTime'), now)} (x{series.get('count', 1)} over {age(first, now)})"
    if (event.get("count") or 0) > 1:
        return f"{age(event.get('lastTimestamp'), now)} (x{event['count']} over {age(first, now)})"
    return age(first, now)


def span_text(start: str | None, end: str | None) -> str:
    one, other = parse_time(start), parse_time(end)
    return "" if one is None or other is None else human_duration(other - one)


def yes(value: Any) -> str:
    """Go's %v of a bool in describe: `True`/`False`."""
    return "True" if value else "False"
