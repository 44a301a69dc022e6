"""A cluster played headless: as fast as the work allows, on the stepped clock, with a report at the end.

Two runs with the same folder, seed and span have the same revision log, byte for byte (wall times excepted): the
report's digest says so.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter

from engine.api.kinds import EVENTS, NODES, PODS
from engine.client import ClientError, ConnectOptions, RunReport
from engine.clock import Clock, parse_time, rfc3339
from engine.cluster import Cluster, ClusterOptions
from engine.collector import set_collector
from engine.flags import Flags
from store.store import Store
from store.types import StoreError

START = parse_time("2026-01-01T00:00:00Z")
"""Where cluster time begins in a headless run, unless told otherwise: part of what makes runs repeatable."""


def play(options: ConnectOptions, span: int) -> RunReport:
    """Run for `span` microseconds of cluster time. Raises ClientError (of the store), BadFlag or OSError."""
    began = time.monotonic()
    set_collector()
    flags = Flags(options.flags)
    try:
        store = Store.open(options.store, durable=options.durable)
    except StoreError as error:
        raise ClientError(str(error)) from error
    try:
        stored = store.get_meta("cluster_time")
        start = int(stored) if stored is not None else (options.start if options.start is not None else START)
        cluster = Cluster(
            store,
            Clock(start),
            ClusterOptions(options.seed, flags=flags, folder=options.folder, history=options.history),
        )
        digest = LogDigest(store)
        cluster.start(stepped=True)
        cluster.run_for(span)
        cluster.stop()
        store.flush()
        return report(cluster, digest.hexdigest(), time.monotonic() - began)
    except StoreError as error:
        raise ClientError(str(error)) from error
    finally:
        store.close()


class LogDigest:
    """SHA-256 over every revision from now on: number, event, key, author and bytes."""

    def __init__(self, store: Store) -> None:
        self._hash = hashlib.sha256()
        store.listen(
            lambda event: self._hash.update(
                b"%d %s %s " % (event.revision, event.type.encode(), str(event.now.key).encode()) + event.now.raw
            )
        )

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def report(cluster: Cluster, digest: str, wall_seconds: float) -> RunReport:
    """What a cluster looks like now."""
    store = cluster.store
    nodes: Counter[str] = Counter()
    for env in store.list(NODES):
        conditions = (env.obj.get("status") or {}).get("conditions") or ()
        ready = next((c["status"] for c in conditions if c["type"] == "Ready"), "Unknown")
        word = {"True": "Ready", "False": "NotReady"}.get(ready, "NotReady (Unknown)")
        nodes[word + (",SchedulingDisabled" if env.obj["spec"].get("unschedulable") else "")] += 1
    reasons: Counter[str] = Counter()
    for env in store.list(EVENTS):
        series = env.obj.get("series") or {}
        reasons[env.obj.get("reason", "")] += series.get("count") or env.obj.get("count") or 1
    phases = Counter((env.obj.get("status") or {}).get("phase", "Pending") for env in store.list(PODS))
    files = cluster.folder.files() if cluster.folder is not None else ()
    return RunReport(
        cluster_time=rfc3339(cluster.clock.now()),
        revisions=store.revision,
        digest=digest,
        objects={str(kind.resource): n for kind in cluster.api.kinds.all() if (n := store.count(kind.resource))},
        pods_by_phase=dict(sorted(phases.items())),
        nodes_by_status=dict(sorted(nodes.items())),
        events_by_reason=dict(sorted(reasons.items())),
        files=dict(sorted(Counter(file.state for file in files).items())),
        problems=tuple(
            f"{file.path}:{d.line}:{d.column}: {d.message}" for file in files for d in file.diagnostics
            if d.severity == "error"
        ),
        crashes=cluster.crashes,
        wall_seconds=wall_seconds,
    )  # fmt: skip
