"""What can be typed after `/`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.client import Usage
from tests.tui.fake_client import START, FakeItem
from tests.tui.fake_world import pod
from tui.filters import FilterError, parse_filter
from tui.kinds.pods import PODS
from tui.kinds.spec import Load
from tui.model import Row


class Facts:
    def now(self) -> int:
        return START

    def node_load(self, node: str) -> Load:
        return Load(3, 500, 1)

    def namespace_load(self, namespace: str) -> Load:
        return Load()

    def pod_usage(self, namespace: str, name: str) -> Usage | None:
        return Usage(250, 300 * 2**20) if name.startswith("web") else None

    def container_usage(self, namespace: str, pod: str, name: str) -> Usage | None:
        return Usage(40, 2**20)

    def node_usage(self, node: str) -> Usage | None:
        return Usage(900, 2**30)


def row(name: str = "web-1", **fields: object) -> Row:
    return Row(FakeItem("pods", 1, pod(name, **fields)), (), True)  # type: ignore[arg-type]


def passes(text: str, found: Row) -> bool:
    test = parse_filter(text, lambda r: f"{r.item.namespace} {r.item.name}", Facts())
    return test is None or test(found)


@pytest.mark.parametrize(
    ("text", "yes"),
    [("web", True), ("WEB", False), ("w.b-[0-9]", True), ("api|web", True), ("!web", False), ("!api", True),
     ("-l app=web", True), ("-l app!=web", False), ("-l app in (web, api)", True), ("-l app notin (web)", False),
     ("-l !tier", True), ("-l tier", False), ("-f wb1", True), ("-f bw", False), ("cpu>200m", True), ("cpu>=1", False),
     ("mem<1Gi", True), ("age<1h", True), ("age>1h", False), ("restarts>3", False), ("restarts=0 web", True),
     ("web -l app=api", False), ("", True), ("-f", True), ("[", False)],
)  # fmt: skip
def test_filters(text: str, yes: bool) -> None:
    """Regex, inverse, labels, fuzzy, typed, and several at once."""
    assert passes(text, row(restarts=0)) is yes


@pytest.mark.parametrize(
    ("text", "yes"),
    [("node=worker-0", True), ("node=worker-*", True), ("node!=worker-0", False), ("status=running", True),
     ("status=Pending", False), ("cpu/r<300m", True), ("cpu/l>0", False), ("mem/r=256Mi", True), ("%cpu/r>=100", True),
     ("%mem/r>200", False), ("%cpu/l>0", False), ("namespace=shop cpu<1", True), ("app=web", False)],
)  # fmt: skip
def test_every_column_can_be_asked_for(text: str, yes: bool) -> None:
    """By its heading, as number or as text with *; what is no heading is plain text."""
    test = parse_filter(text, lambda r: r.item.name, Facts(), PODS.columns)
    assert test is not None
    assert test(row(restarts=0)) is yes


@pytest.mark.parametrize("text", ["node>worker", "age<soon", "-l app=(", "cpu>lots"])
def test_what_cannot_be_understood_is_said(text: str) -> None:
    """A wrong filter is an error with words, not an empty table."""
    with pytest.raises(FilterError):
        parse_filter(text, lambda r: "", Facts(), PODS.columns)


@given(st.text(max_size=30))
def test_nothing_that_is_typed_breaks_it(text: str) -> None:
    """Whatever is half typed either filters or is refused with words."""
    try:
        test = parse_filter(text, lambda r: r.item.name, Facts())
    except FilterError:
        return
    if test is not None:
        test(row())
