"""What a person types after `/`: a test of rows.

    web            regular expression in any searched column (plain text where it is no valid expression)
    !web           rows without it
    -l app=web     label selector, as kubectl takes it
    -f wbe         fuzzy: the letters in this order
    cpu>500m       typed: cpu, mem (used), cpu/r, mem/r, cpu/l, mem/l (requests, limits), age, restarts, ready, pods
    node=worker-*  any column of the table by its heading, with * for anything: status, qos, type, reason, %cpu/l>80
    restarts>3 web several, all of them must hold

Signs are < <= > >= = !=. Text is compared without regard to case unless it contains capitals.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import translate
from typing import Any, Final

from engine.client import Item
from tui.kinds.pods import pod_request, usage_of
from tui.kinds.podstatus import PodStatus, pod_status
from tui.kinds.spec import Column, Facts, text_of
from tui.model import Row
from tui.quantity import millis, parse, units
from tui.times import parse_span, parse_time

Predicate = Callable[[Row], bool]
Haystack = Callable[[Row], str]


class FilterError(ValueError):
    """The filter cannot be understood; the text says why."""


_TYPED: Final = re.compile(r"^([A-Za-z%][\w%/().-]*)(<=|>=|!=|<|>|=)(.+)$")
_MEASURES: Final = ("cpu", "mem", "memory", "cpu/r", "mem/r", "cpu/l", "mem/l", "age", "restarts", "ready", "pods")
_MOVING: Final = re.compile(r"(?:^|\s)(?:age|%?cpu|%?mem|memory|%mem)(?:/l|/r)?[<>=!]", re.IGNORECASE)
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


def moves(text: str) -> bool:
    """Whether what a filter finds changes although no object does: by age, by what is used."""
    return _MOVING.search(text) is not None


def parse_filter(text: str, haystack: Haystack, facts: Facts, columns: Sequence[Column] = ()) -> Predicate | None:
    """The test for `text`; None when it lets everything through. Raises FilterError.

    `columns`: those of the table, which can be asked for by their headings.
    """
    tests: list[Predicate] = []
    words = text.split()
    position = 0
    plain: list[str] = []
    while position < len(words):
        word = words[position]
        if word in ("-l", "-f"):
            position += 1
            if position >= len(words):
                break  # still being typed
            rest = words[position]
            if word == "-l":
                # `tier in (a, b)` has spaces of its own: the selector takes all that follows.
                tests.append(_labels(" ".join(words[position:])))
                break
            tests.append(_fuzzy(rest, haystack))
        elif (typed := _TYPED.match(word)) is not None and (
            test := _typed(typed[1].lower(), typed[2], typed[3], facts, columns)
        ) is not None:
            tests.append(test)
        else:
            plain.append(word)
        position += 1
    if plain:
        tests.append(_regex(" ".join(plain), haystack))
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(test(row) for test in tests)


def _regex(text: str, haystack: Haystack) -> Predicate:
    inverse, text = text.startswith("!"), text.removeprefix("!").strip()
    if not text:
        return lambda row: True
    flags = 0 if any(char.isupper() for char in text) else re.IGNORECASE
    if re.fullmatch(r"[\w\-/:, ]+", text):
        if flags:
            return lambda row: (text in haystack(row).lower()) is not inverse
        return lambda row: (text in haystack(row)) is not inverse
    try:
        expression = re.compile(text, flags)
    except re.error:
        expression = re.compile(re.escape(text), flags)
    return lambda row: (expression.search(haystack(row)) is not None) is not inverse


def _fuzzy(text: str, haystack: Haystack) -> Predicate:
    expression = re.compile(".*?".join(map(re.escape, text)), re.IGNORECASE)
    return lambda row: expression.search(haystack(row)) is not None


def _typed(field: str, sign: str, text: str, facts: Facts, columns: Sequence[Column]) -> Predicate | None:
    """The test of one field; None when there is no such field: then it is plain text."""
    compare = _COMPARE[sign]
    if field in ("restarts", "ready"):
        wanted = _amount(text)
        return lambda row: compare(getattr(_pod(row), field), wanted)
    if field in _MEASURES:
        measure, wanted = _measure(field, text, facts)
        return lambda row: (value := measure(row.item)) is not None and compare(value, wanted)
    column = next((c for c in columns if c.header.lower().replace(" ", "-") == field), None)
    return None if column is None else _cell(column, sign, text, facts)


def _cell(column: Column, sign: str, text: str, facts: Facts) -> Predicate:
    """Compare a column's cell: as a number where both are, else as text with * for anything."""
    get, sort, compare = column.get, column.sort, _COMPARE[sign]
    try:
        number: float | None = float(text.rstrip("%"))
    except ValueError:
        number = None
    if number is None and sign not in ("=", "!="):
        raise FilterError(f"{column.header.lower()}{sign}{text}: {text!r} is no number; text goes with = or !=")
    pattern = re.compile(translate(text.lower()))

    def test(row: Row) -> bool:
        key = sort(row.item, facts) if sort is not None and number is not None else None
        if isinstance(key, int | float):
            return key >= 0 and compare(key, number)
        shown = None if column.live else row.known.get(column.header)
        if shown is None:
            shown = row.known[column.header] = text_of(get(row.item, facts)).lower()
        _, _, word = shown.partition(" ")
        found = pattern.match(shown) is not None or (bool(word) and pattern.match(word) is not None)
        return found is (sign == "=") if sign in ("=", "!=") else False

    return test


def _measure(field: str, text: str, facts: Facts) -> tuple[Callable[[Item], Any], Any]:
    if field == "age":
        try:
            span = parse_span(text)
        except ValueError as error:
            raise FilterError(str(error)) from error

        def age(item: Item) -> int | None:
            created = parse_time(item.obj["metadata"].get("creationTimestamp"))
            return None if created is None else facts.now() - created

        return age, span
    _amount(text)
    resource, _, which = field.partition("/")
    if resource in ("cpu", "mem", "memory"):
        read = millis if resource == "cpu" else units
        what = "cpu" if resource == "cpu" else "memory"
        if which:
            limits = "limits" if which == "l" else "requests"
            return lambda item: _asked(item, what, limits, facts), read(text)
        return lambda item: _used(item, what, facts), read(text)
    return lambda item: facts.node_load(item.name).pods or facts.namespace_load(item.name).pods, units(text)


def _amount(text: str) -> int:
    """A whole number, or what a quantity comes to. Raises FilterError."""
    if parse(text) == 0 and not text.strip("0.").strip("mkMGTKi") == "":
        raise FilterError(f"no amount: {text!r} (write 500m, 2, 128Mi)")
    return units(text)


def _pod(row: Row) -> PodStatus:
    """The pod's state, worked out once per change."""
    found = row.known.get("")
    if found is None:
        found = row.known[""] = pod_status(row.item.obj)
    assert isinstance(found, PodStatus)
    return found


def _is_pod(item: Item) -> bool:
    return "containers" in (item.obj.get("spec") or {})


def _used(item: Item, resource: str, facts: Facts) -> int | None:
    usage = usage_of(item, facts) if _is_pod(item) else facts.node_usage(item.name)
    return None if usage is None else usage.cpu if resource == "cpu" else usage.memory


def _asked(item: Item, resource: str, which: str, facts: Facts) -> int:
    if _is_pod(item):
        return pod_request(item.obj, resource, which)
    load = facts.node_load(item.name)
    return load.cpu if resource == "cpu" else load.memory


# -- label selectors ---------------------------------------------------------------------------------------------------

_REQUIREMENT: Final = re.compile(
    r"\s*(?:(?P<not>!)\s*)?(?P<key>[\w./-]+)\s*"
    r"(?:(?P<eq>==|=|!=)\s*(?P<value>[\w.-]*)|\s(?P<set>in|notin)\s*\((?P<values>[^)]*)\))?\s*(?:,|$)"
)


def _labels(text: str) -> Predicate:
    tests: list[Callable[[Mapping[str, str]], bool]] = []
    position = 0
    while position < len(text):
        match = _REQUIREMENT.match(text, position)
        if match is None or match.end() == position:
            raise FilterError(f"no label selector: {text!r}")
        position = match.end()
        tests.append(_requirement(match))
    return lambda row: all(test(row.item.labels) for test in tests)


def _requirement(match: re.Match[str]) -> Callable[[Mapping[str, str]], bool]:
    key, value, sign = match["key"], match["value"], match["eq"]
    if match["set"]:
        values = {part.strip() for part in match["values"].split(",")}
        if match["set"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if sign == "!=":
        return lambda labels: labels.get(key) != value
    if sign:
        return lambda labels: labels.get(key) == value
    if match["not"]:
        return lambda labels: key not in labels
    return lambda labels: key in labels
