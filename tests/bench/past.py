"""The past of a large cluster: snapshot and restore, scrubbing, undo of a namespace.

Runs in a process of its own (`python -m tests.bench.past`), prints one JSON object: 10,000 running pods on 1,000 nodes;
a snapshot; a tenth, then half of the pods deleted by a scale-down; back to the snapshot. Then views of all pods and
nodes are moved through the log in steps of 200 revisions, with the header's figures, as the console does while it
scrubs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from engine.api.kinds import DEPLOYMENTS, NODES, PODS
from engine.api.server import Caller
from engine.client import Change, Query, Relist
from engine.clock import SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.collector import set_collector
from engine.history.requests import HistoryRequests
from store.store import Store
from store.types import Revision
from tests.bench.deployment import available, deployment, node

_ADMIN: Final = Caller("kubernetes-admin", "1 bench", ("system:masters",))
_STEPS: Final = 40
_STRIDE: Final = 200


class Sink:
    """A mailbox that forgets."""

    def deliver(self, news: Relist | Sequence[Change]) -> None:
        """Nothing is kept."""


def run(pods: int, path: str) -> dict[str, Any]:
    """Figures of one run."""
    set_collector()
    store = Store.open(path)
    cluster = Cluster(store, Clock(parse_time("2026-01-01T00:00:00Z")), ClusterOptions(1, history=0))
    cluster.start(stepped=True)
    for number in range(pods // 10):
        cluster.api.create(_ADMIN, NODES, "", node(number))
    cluster.run_for(40 * SECOND)
    cluster.api.create(_ADMIN, DEPLOYMENTS, "default", deployment(pods))
    while available(cluster) < pods:
        cluster.run_for(SECOND)
    store.flush()
    past = HistoryRequests(cluster.api, cluster.loop, "kubernetes-admin")
    snapshot, restore, changed = _there_and_back(cluster, past, pods, "tenth", pods * 9 // 10)
    _, half, half_changed = _there_and_back(cluster, past, pods, "half", pods // 2)
    scrubs = _scrub(store, past)
    result = {
        "pods": pods,
        "revisions": store.revision,
        "snapshot_ms": round(snapshot * 1e3, 1),
        "restore_ms": round(restore * 1e3, 1),
        "snapshot_and_restore_ms": round((snapshot + restore) * 1e3, 1),
        "restored_objects": changed,
        "restore_half_ms": round(half * 1e3, 1),
        "restored_half_objects": half_changed,
        "scrub_step_ms": round(statistics.median(scrubs) * 1e3, 1),
        "scrub_step_p95_ms": round(sorted(scrubs)[int(len(scrubs) * 0.95)] * 1e3, 1),
    }
    cluster.stop()
    store.close()
    return result


def _there_and_back(
    cluster: Cluster, past: HistoryRequests, pods: int, name: str, fewer: int
) -> tuple[float, float, int]:
    """Seconds to take a snapshot, seconds to go back to it after a scale-down, objects that going back wrote."""
    began = time.perf_counter()
    past.snapshot(name).result()
    snapshot = time.perf_counter() - began
    cluster.api.patch(_ADMIN, DEPLOYMENTS, "default", "web", "merge", {"spec": {"replicas": fewer}})
    cluster.run_for(60 * SECOND)
    cluster.store.flush()
    assert cluster.store.count(PODS) == fewer
    began = time.perf_counter()
    changed = past.restore(name, f"2 restore {name}")
    restore = time.perf_counter() - began
    assert cluster.store.count(PODS) == pods
    cluster.run_for(20 * SECOND)
    return snapshot, restore, changed


def _scrub(store: Store, past: HistoryRequests) -> list[float]:
    """Seconds per step back through the log, for the panes of the home screen and the header."""
    store.flush()
    views = [past.view(Query("pods"), Sink()), past.view(Query("nodes"), Sink())]
    at = store.committed
    for view in views:
        view.move(at)
    past.summary_at(at)
    taken = []
    for _ in range(_STEPS):
        at = Revision(at - _STRIDE)
        began = time.perf_counter()
        for view in views:
            view.move(at)
        past.summary_at(at)
        taken.append(time.perf_counter() - began)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(args.pods, str(Path(folder) / "cluster.db"))))


if __name__ == "__main__":
    main()
