"""The client's questions about running containers, answered on the engine thread: logs, commands, usage."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.api.kinds import NODES, PODS
from engine.client import ExecAnswer, LogLine, LogQuery, LogReceiver, NodeUsage, PodUsage, Usage
from engine.cluster import Cluster
from engine.kubelet.logs import LogOptions
from engine.kubelet.metrics import allocatable
from engine.kubelet.runtime import ExecEnd, ExecRequest, ExecSession, Stats
from engine.kubelet.streams import LogStream, default_container


class ContainerService:
    """One per cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def logs(self, query: LogQuery) -> Sequence[LogLine]:
        options = self._options(query, follow=False)
        return list(self._cluster.streams.logs(query.namespace, query.pod, options))

    def follow(self, query: LogQuery, receiver: LogReceiver) -> LogStream:
        """Raises what `logs` raises; then the receiver is told nothing."""
        options = self._options(query, follow=True)
        stream = self._cluster.streams.follow(
            query.namespace, query.pod, options, receiver.lines, lambda: receiver.ended(None)
        )
        receiver.lines(list(stream.lines))
        if stream.follower is None:
            receiver.ended(None)
        return stream

    def _options(self, query: LogQuery, follow: bool) -> LogOptions:
        container = query.container or default_container(self._cluster.api.get(PODS, query.namespace, query.pod))
        return LogOptions(
            container, follow=follow, previous=query.previous, tail=query.tail, since_seconds=query.since
        )  # fmt: skip

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], done: Callable[[ExecAnswer], None]
    ) -> ExecSession:  # fmt: skip
        """`done` is called when the command has ended, which may be at once."""
        container = container or default_container(self._cluster.api.get(PODS, namespace, pod))
        return self._cluster.streams.exec(namespace, pod, container, ExecRequest(command), _Collected(done))

    def top_pods(self, namespace: str | None) -> Sequence[PodUsage]:
        pods, usage_of = self._cluster.api.list(PODS, namespace).items, self._cluster.metrics.pod
        usages: dict[Usage, Usage] = {}
        by_container: dict[tuple[tuple[str, Usage], ...], dict[str, Usage]] = {}
        found = []
        for env in pods:
            usage = usage_of(env)
            if usage is None:
                continue
            # Pods of one template use much the same: of fifteen thousand there is a handful of different answers.
            total = _usage(usage.total)
            parts = tuple([(name, _usage(stats)) for name, stats in usage.containers.items()])
            containers = by_container.get(parts)
            if containers is None:
                containers = by_container[parts] = dict(parts)
            found.append(PodUsage(env.namespace, env.name, usages.setdefault(total, total), containers))
        return found

    def top_nodes(self) -> Sequence[NodeUsage]:
        found = self._cluster.metrics.nodes(self._cluster.api.list(NODES).items)
        return [NodeUsage(usage.env.name, _usage(usage.total), _usage(allocatable(usage.env))) for usage in found]


def _usage(stats: Stats) -> Usage:
    return Usage(stats.cpu, stats.memory)


class _Collected:
    """Implements `engine.kubelet.runtime.ExecOutput`: everything at once, at the end."""

    def __init__(self, done: Callable[[ExecAnswer], None]) -> None:
        self._done = done
        self._out: list[bytes] = []
        self._err: list[bytes] = []

    def out(self, data: bytes) -> None:
        self._out.append(data)

    def err(self, data: bytes) -> None:
        self._err.append(data)

    def ended(self, end: ExecEnd) -> None:
        if end.failure:
            self._err.insert(0, f"{end.failure}\n".encode())
        out, err = (b"".join(parts).decode(errors="replace") for parts in (self._out, self._err))
        self._done(ExecAnswer(end.code, out, err))
