"""How kinds are shown: every declared column copes with an empty object, CRDs bring their own columns."""

from __future__ import annotations

from typing import Any

import pytest

from engine.client import Item
from tests.tui.fake_client import FakeItem
from tests.tui.test_filters import Facts
from tui.kinds.registry import VIEWS, json_path, view_of
from tui.kinds.spec import selector_text, text_of
from tui.rows import container_items


@pytest.mark.parametrize("resource", sorted(VIEWS))
def test_a_bare_object_can_be_shown(resource: str) -> None:
    """An object with nothing but a name has a cell and a sort key in each column."""
    item: Item = FakeItem(resource, 1, {"metadata": {"name": "x", "uid": "u"}})
    if resource == "containers":  # a row is made of the entry in a pod that has no status yet
        bare = {"metadata": {"name": "x", "uid": "u"}, "spec": {"containers": [{"name": "x"}]}}
        item = container_items(FakeItem("pods", 1, bare))[0]
    view = VIEWS[resource]
    for column in view.columns:
        assert isinstance(text_of(column.get(item, Facts())), str)
        if column.sort is not None:
            column.sort(item, Facts())
    view.fault(item, Facts())
    assert len({column.header for column in view.columns}) == len(view.columns)


def test_custom_kinds_show_their_printer_columns() -> None:
    """additionalPrinterColumns become columns; dates become ages; priority 1 is wide."""
    columns: list[dict[str, Any]] = [
        {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status', "priority": 1},
        {"name": "Since", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    view = view_of("widgets.example.com", True, columns)
    obj = {
        "metadata": {"name": "w", "uid": "u", "creationTimestamp": "2026-11-23T09:06:09Z"},
        "spec": {"replicas": 3},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    item = FakeItem("widgets.example.com", 1, obj)
    cells = {c.header: text_of(c.get(item, Facts())) for c in view.columns}
    assert cells["REPLICAS"] == "3"
    assert cells["READY"] == "True"
    assert cells["SINCE"] == "60s"
    assert next(c for c in view.columns if c.header == "READY").wide


def test_an_unknown_kind_has_name_namespace_and_age() -> None:
    """The fallback."""
    assert [c.header for c in view_of("gadgets.example.com", True).columns if not c.wide] == [
        "NAMESPACE",
        "NAME",
        "AGE",
    ]


def test_paths_into_nothing_are_empty() -> None:
    """A column whose field is missing is empty, not an error."""
    item = FakeItem("x", 1, {"metadata": {"name": "w", "uid": "u"}, "a": [1]})
    assert [json_path(p)(item, Facts()) for p in (".b.c", ".a[3]", ".a[0].x", ".a[0]")] == ["", "", "", "1"]


def test_selectors_read_as_kubectl_takes_them() -> None:
    """matchLabels and matchExpressions in one line."""
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["b", "a"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    }
    assert selector_text(selector) == "app=web,tier in (a,b),!old"
