"""Tables of 15,000 pods: filter and clear, sort, open another kind; milliseconds until the table can be painted.

The whole console on a client without an engine, driven in this process, so that only the console is measured.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from engine.client import Query
from engine.collector import set_collector
from tests.bench.live_table import pod
from tests.tui.console import settle
from tests.tui.fake_client import FakeClient
from tests.tui.fake_world import node
from tui.app import KubariumApp
from tui.screens.resources import ResourceScreen
from tui.widgets.pane import ResourcePane

PODS, NODES = 15_000, 1_000
FILTERS = ("pod-0001", "!pod-00", "7$|9$", "-f p12", "restarts<1 pod-01", "status=running")
SORTS = ("STATUS", "AGE", "RESTARTS", "NAME", "CPU", "IP")


def tables() -> dict[str, Any]:
    """p95 of each kind of work."""
    set_collector()
    return asyncio.run(_measure())


async def _measure() -> dict[str, Any]:
    client = FakeClient([("pods", pod(number, 0)) for number in range(PODS)])
    for index in range(NODES):
        client.put("nodes", node(index))
    app = KubariumApp(client)
    figures: dict[str, Any] = {}
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.open_query(Query("pods"))
        await settle(pilot)
        assert isinstance(app.screen, ResourceScreen)
        pane = app.screen.pane
        for text in FILTERS:  # what is searched is made once per change of a row
            pane.set_filter(text)
        pane.set_filter("")
        figures["filter_p95_ms"] = _p95([_timed(pane, text) for _ in range(5) for text in FILTERS])
        figures["clear_p95_ms"] = _p95([(_timed(pane, "pod-0001"), _timed(pane, ""))[1] for _ in range(20)])
        figures["sort_p95_ms"] = _p95([_span(partial(pane.do_sort_by, header)) for _ in range(3) for header in SORTS])
        spans = []
        for _ in range(10):
            began = perf_counter()
            app.open_query(Query("nodes"))
            while not _loaded(app, "nodes"):
                await asyncio.sleep(0)
            spans.append((perf_counter() - began) * 1000)
            app.go_back()
            await settle(pilot, 1)
        figures["open_p95_ms"] = _p95(spans)
    return figures


def _loaded(app: KubariumApp, resource: str) -> bool:
    screen = app.screen
    return isinstance(screen, ResourceScreen) and screen.pane.resource == resource and bool(screen.pane.model.rows)


def _span(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return (perf_counter() - began) * 1000


def _timed(pane: ResourcePane, text: str) -> float:
    return _span(lambda: pane.set_filter(text))


def _p95(spans: list[float]) -> float:
    ordered = sorted(spans)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 1)


if __name__ == "__main__":
    print(json.dumps(tables()))
