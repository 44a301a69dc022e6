"""What a person types after `/`: a test of rows.

    web            regular expression in any searched column (plain text where it is no valid expression)
    !web           rows without it
    -l app=web     label selector, as kubectl takes it
    -f wbe         fuzzy: the letters in this order
    cpu>500m       typed: cpu, mem, age, restarts, ready, pods with < <= > >= = !=
    restarts>3 web several, all of them must hold

Text is compared without regard to case unless it contains capitals.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.client import Item
from tui.kinds.pods import pod_request
from tui.kinds.podstatus import pod_status
from tui.kinds.spec import Facts
from tui.model import Row
from tui.quantity import millis, parse, units
from tui.times import parse_span, parse_time

Predicate = Callable[[Row], bool]
Haystack = Callable[[Row], str]


class FilterError(ValueError):
    """The filter cannot be understood; the text says why."""


_TYPED: Final = re.compile(r"^(cpu|mem|memory|age|restarts|ready|pods)(<=|>=|!=|<|>|=)(.+)$")
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


def parse_filter(text: str, haystack: Haystack, facts: Facts) -> Predicate | None:
    """The test for `text`; None when it lets everything through. Raises FilterError."""
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
        elif (typed := _TYPED.match(word)) is not None:
            tests.append(_typed(typed[1], typed[2], typed[3], facts))
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


def _typed(field: str, sign: str, text: str, facts: Facts) -> Predicate:
    compare = _COMPARE[sign]
    measure, wanted = _measure(field, text, facts)
    return lambda row: (value := measure(row.item)) is not None and compare(value, wanted)


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
    if parse(text) == 0 and not text.strip("0.").strip("mkMGTKi") == "":
        raise FilterError(f"no amount: {text!r} (write 500m, 2, 128Mi)")
    if field == "cpu":
        return lambda item: _requested(item, "cpu", facts), millis(text)
    if field in ("mem", "memory"):
        return lambda item: _requested(item, "memory", facts), units(text)
    if field == "restarts":
        return lambda item: pod_status(item.obj).restarts, units(text)
    if field == "ready":
        return lambda item: pod_status(item.obj).ready, units(text)
    return lambda item: facts.node_load(item.name).pods or facts.namespace_load(item.name).pods, units(text)


def _requested(item: Item, resource: str, facts: Facts) -> int:
    if "containers" in (item.obj.get("spec") or {}):
        return pod_request(item.obj, resource)
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
