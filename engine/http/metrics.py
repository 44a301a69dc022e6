"""/metrics: what the API server counts under Kubernetes' names, and a few figures of the cluster behind it."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from engine.cluster import Cluster
from engine.http.paths import RequestInfo

_BUCKETS: Final = (
    0.005,
    0.025,
    0.05,
    0.1,
    0.2,
    0.4,
    0.6,
    0.8,
    1.0,
    1.25,
    1.5,
    2,
    3,
    4,
    5,
    6,
    8,
    10,
    15,
    20,
    30,
    45,
    60,
)


class WireMetrics:
    """Counters of one server."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._registry = CollectorRegistry()
        what = ("verb", "group", "version", "resource", "subresource")
        self._requests = Counter(
            "apiserver_request_total", "Requests by verb, resource and status", (*what, "code"),
            registry=self._registry,
        )  # fmt: skip
        self._durations = Histogram(
            "apiserver_request_duration_seconds", "Seconds until an answer began", ("verb",), buckets=_BUCKETS,
            registry=self._registry,
        )  # fmt: skip
        self._inflight = Gauge(
            "apiserver_current_inflight_requests", "Requests being answered", ("request_kind",),
            registry=self._registry,
        )  # fmt: skip
        self._revision = Gauge("kubarium_revision", "Newest revision of the store", registry=self._registry)
        self._time = Gauge("kubarium_cluster_time_seconds", "Cluster time since the epoch", registry=self._registry)

    def answered(self, info: RequestInfo, status: int, seconds: float) -> None:
        verb = info.verb.upper() if info.is_resource else "GET"
        # Names of what does not exist would make a series each.
        labels = ("", "", "", "") if status == 404 else (info.group, info.version, info.plural, info.subresource)
        self._requests.labels(verb, *labels, str(status)).inc()
        self._durations.labels(verb).observe(seconds)

    def text(self, in_flight: int) -> tuple[bytes, str]:
        """(body, content type)."""
        self._inflight.labels("all").set(in_flight)
        self._revision.set(self._cluster.store.revision)
        self._time.set(self._cluster.clock.now() / 1e6)
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
