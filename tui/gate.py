"""The one gate between the console and the cluster: read-only, and looking at the past.

Everything the console asks goes through here. In the present it passes on; while a moment of the past is looked at,
reads answer as of that moment and open views are moved there, so every screen works on it unchanged. Writes are let
through or refused in this one place: whatever takes an `intent` is a write, and so are undo and going back to a
snapshot.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final, cast

from engine.client import (
    ClientError,
    ClusterClient,
    ClusterSummary,
    HistoryClient,
    Item,
    Mailbox,
    PastView,
    Query,
    Subscription,
    SummaryReceiver,
)

WRITES: Final = frozenset(
    name
    for name, method in vars(ClusterClient).items()
    if callable(method) and "intent" in inspect.signature(method).parameters
)
"""Methods of the client that write."""
PAST_WRITES: Final = frozenset({"undo", "restore"})
"""The same of `past`. Naming a moment and copying the cluster change nothing."""
_PRESENT_ONLY: Final = {
    "why": "Why", "diagnose": "Why", "exec": "Commands", "top_pods": "Usage", "top_nodes": "Usage", "logs": "Logs",
    "headroom": "Room",
}  # fmt: skip
"""What is computed from the running cluster and cannot be told of the past."""


def refused(message: str) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(ClientError(message))
    return future


class Gate:
    """A `ClusterClient` (get one by `gated`) that can be closed for writes and moved through time."""

    def __init__(self, client: ClusterClient, read_only: bool = False) -> None:
        self._client = client
        self.read_only = read_only
        self.moment: int | None = None
        """The revision that is looked at; None: the present."""
        self._views: list[_View] = []
        self._summaries: list[SummaryReceiver] = []
        self._last_summary: ClusterSummary | None = None
        self.past = cast(HistoryClient, _PastGate(client, self))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        if name in WRITES:
            return self._guarded(value)
        if name in _PRESENT_ONLY and self.moment is not None:
            return lambda *_, **__: refused(f"{_PRESENT_ONLY[name]}: known of the present only; this is the past")
        return value

    def _guarded(self, method: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
        def write(*args: Any, **kwargs: Any) -> Future[Any]:
            complaint = None if kwargs.get("dry_run") else self.complaint
            return refused(complaint) if complaint else method(*args, **kwargs)

        return write

    @property
    def complaint(self) -> str | None:
        """Why nothing may be written now; None when it may."""
        if self.moment is not None:
            return "This is the past: return to now before changing anything"
        return "The console is read-only" if self.read_only else None

    # -- reads at a moment -------------------------------------------------------------------------------------------

    def get(self, resource: str, namespace: str, name: str) -> Future[Item]:
        if self.moment is None:
            return self._client.get(resource, namespace, name)
        found: Future[Item] = Future()

        def came(answer: Future[Item | None]) -> None:
            error = answer.exception()
            item = answer.result() if error is None else None
            if error is not None:
                found.set_exception(error)
            elif item is None:
                found.set_exception(ClientError(f'{resource} "{name}" did not exist then', code=404, reason="NotFound"))
            else:
                found.set_result(item)

        self._client.past.object_at(resource, namespace, name, self.moment).add_done_callback(came)
        return found

    def list(self, query: Query) -> Future[Sequence[Item]]:
        if self.moment is None:
            return self._client.list(query)
        return self._client.past.list_at(query, self.moment)

    def watch(self, query: Query, mailbox: Mailbox) -> Subscription:
        view = _View(self, query, mailbox)
        self._views.append(view)
        view.go(self._client, None, self.moment)
        return view

    def watch_summary(self, receive: SummaryReceiver) -> Subscription:
        self._summaries.append(receive)

        def pass_on(summary: ClusterSummary) -> None:
            self._last_summary = summary
            if self.moment is None:
                receive(summary)

        return self._client.watch_summary(pass_on)

    def forget(self, view: _View) -> None:
        if view in self._views:
            self._views.remove(view)

    # -- moving through time -----------------------------------------------------------------------------------------

    def go(self, revision: int | None) -> Future[ClusterSummary | None]:
        """Look at another moment, None: the present. Done with the header's figures of then when all views are there.

        Fails with ClientError, and stays, when the moment is kept no longer.
        """
        arrived: Future[ClusterSummary | None] = Future()
        if revision is None:
            self._move(None)
            if self._last_summary is not None:
                for receive in self._summaries:
                    receive(self._last_summary)
            arrived.set_result(None)
            return arrived

        def came(answer: Future[ClusterSummary]) -> None:
            error = answer.exception()
            if error is not None:
                arrived.set_exception(error)
                return
            for receive in self._summaries:
                receive(answer.result())
            arrived.set_result(answer.result())

        self._move(revision)
        self._client.past.summary_at(revision).add_done_callback(came)
        return arrived

    def _move(self, revision: int | None) -> None:
        before, self.moment = self.moment, revision
        for view in list(self._views):
            view.go(self._client, before, revision)


class _View:
    """A subscription that goes along when another moment is looked at."""

    def __init__(self, gate: Gate, query: Query, mailbox: Mailbox) -> None:
        self._gate, self._query, self._mailbox = gate, query, mailbox
        self._present: Subscription | None = None
        self._past: PastView | None = None

    def go(self, client: ClusterClient, before: int | None, moment: int | None) -> None:
        if moment is None:
            if self._past is not None:
                self._past.close()
                self._past = None
            self._present = client.watch(self._query, self._mailbox)
            return
        if self._present is not None:
            self._present.close()
            self._present = None
        if self._past is None:
            self._past = client.past.open_past(self._query, self._mailbox, moment)
        elif moment != before:
            self._past.move(moment)

    def close(self) -> None:
        self._gate.forget(self)
        for subscription in (self._present, self._past):
            if subscription is not None:
                subscription.close()
        self._present = self._past = None


class _PastGate:
    """`HistoryClient` whose writes go through the gate."""

    def __init__(self, client: ClusterClient, gate: Gate) -> None:
        self._client, self._gate = client, gate

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client.past, name)
        if name not in PAST_WRITES:
            return value

        def write(*args: Any, **kwargs: Any) -> Future[Any]:
            # Going back to a snapshot is no change to the past that is looked at, but to the present: it may be done
            # from there, and the console returns to now.
            complaint = "The console is read-only" if self._gate.read_only else None
            return refused(complaint) if complaint else value(*args, **kwargs)

        return write


def gated(client: ClusterClient, read_only: bool = False) -> tuple[ClusterClient, Gate]:
    """The client to use, and its gate."""
    gate = Gate(client, read_only)
    return cast(ClusterClient, gate), gate
