"""What pods and nodes use now, for the columns CPU and MEM: asked while a table that shows it is looked at.

`ask` may be called as often as one likes: the engine is asked again only when cluster time went on, at most every few
seconds, and never twice at once. An answer that took long makes the next one wait longer, so that asking costs the
engine a twentieth of its time at most. Of the past nothing is known: the figures are forgotten there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from textual.message_pump import MessagePump

from engine.client import ClientError, ClusterClient, PodUsage, Usage
from tui.answers import answer
from tui.gate import Gate

MIN_INTERVAL: Final = 3.0
"""Seconds between two questions."""
MEASURED: Final = ("pods", "nodes")
"""Kinds whose objects use something."""


class UsageBoard:
    """The newest answers. Belongs to the app's thread."""

    def __init__(self, client: ClusterClient, gate: Gate, owner: MessagePump, now: Callable[[], int]) -> None:
        self._client, self._gate, self._owner, self._now = client, gate, owner, now
        self._pods: Mapping[tuple[str, str], PodUsage] = {}
        self._nodes: Mapping[str, Usage] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._next: dict[str, float] = {}
        self._asked_at: dict[str, tuple[int, int | None]] = {}
        self._busy: set[str] = set()

    def pod(self, namespace: str, name: str) -> Usage | None:
        """None: it does not run, or it is not known yet."""
        found = self._pods.get((namespace, name))
        return None if found is None else found.total

    def container(self, namespace: str, pod: str, name: str) -> Usage | None:
        """None: it does not run, or it is not known yet."""
        found = self._pods.get((namespace, pod))
        return None if found is None else found.containers.get(name)

    def node(self, name: str) -> Usage | None:
        return self._nodes.get(name)

    def nodes(self) -> list[str]:
        """Nodes that something is known of."""
        return list(self._nodes)

    def listen(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Hear which kind's figures are new; call the result to hear no more."""
        self._listeners.append(listener)

        def unlisten() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unlisten

    def ask(self, resource: str) -> None:
        """A table of this kind is looked at."""
        moment = (self._now(), self._gate.moment)
        if (
            resource not in MEASURED or resource in self._busy or monotonic() < self._next.get(resource, 0.0)
            or self._asked_at.get(resource) == moment
        ):  # fmt: skip
            return
        self._busy.add(resource)
        self._asked_at[resource] = moment
        self._owner.run_worker(self._fetch(resource), exit_on_error=False)  # type: ignore[attr-defined]

    async def _fetch(self, resource: str) -> None:
        began = monotonic()
        try:
            if resource == "pods":
                self._pods = {(u.namespace, u.name): u for u in await answer(self._client.top_pods())}
            else:
                self._nodes = {u.name: u.used for u in await answer(self._client.top_nodes())}
        except ClientError:  # of the past nothing is known; what does not answer has no figures
            if resource == "pods":
                self._pods = {}
            else:
                self._nodes = {}
        finally:
            self._busy.discard(resource)
            took = monotonic() - began
            self._next[resource] = monotonic() + max(MIN_INTERVAL, 20 * took)
        for listener in list(self._listeners):
            listener(resource)
