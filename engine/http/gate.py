"""The way from the HTTP loop to the engine thread and back.

Work is submitted to the engine's loop as one callback; its result wakes the coroutine that waits. A write is done when
everything it wrote is committed: what a client was told survives a kill. Reads never show what is not committed yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

from engine.clock import SECOND
from engine.cluster import Cluster
from store.types import Envelope, ObjectKey, Revision

_T = TypeVar("_T")
_OWNED: Final = 4_096
"""Objects of which it is remembered who owns their fields."""
FEW: Final = 50
"""Objects of a list, or of a kind that is watched, whose owners among the cluster's components are told too."""


class Gate:
    """Used on the HTTP loop only."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.api, self.store = cluster.api, cluster.store
        self._owned: dict[ObjectKey, tuple[Envelope, Envelope]] = {}

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work` returns on the engine thread; raises what it raises."""
        return await _wait(self.cluster.loop.submit(work))

    async def write(self, work: Callable[[], _T]) -> _T:
        """The same, and return when what it wrote is safe. WriteFailed when it cannot be."""
        result, safe = await self.run(lambda: (work(), self.store.when_committed(self.store.revision)))
        await _wait(safe)
        return result

    async def committed(self, revision: int) -> None:
        """Return when a revision that was read is safe to be shown."""
        if revision > self.store.committed:
            await _wait(self.store.when_committed(Revision(revision)))

    async def shown(self, env: Envelope) -> Envelope:
        """The envelope, once it is committed."""
        await self.committed(env.revision)
        return env

    def owned(self, env: Envelope) -> Envelope:
        """The object with all of its managedFields; made once for each of its revisions."""
        known = self._owned.get(env.key)
        if known is not None and known[0] is env:
            return known[1]
        if len(self._owned) >= _OWNED:
            self._owned.clear()
        found = self.api.owners(env)
        self._owned[env.key] = env, found
        return found

    def few(self, items: Sequence[Envelope]) -> Sequence[Envelope]:
        """The objects of a list with all of their managedFields, if they are so few that it costs nothing."""
        return [self.owned(env) for env in items] if len(items) <= FEW else items

    def now(self) -> int:
        """Cluster time for ages: where the clock should be at this moment, microseconds since the epoch."""
        clock = self.cluster.clock
        return max(clock.now(), clock.wall_target()) if (clock.speed or 0) <= 1 else clock.now()

    def wall_seconds(self, span: int) -> float:
        """Wall seconds in which `span` microseconds of cluster time pass; infinite while the clock stands."""
        speed = self.cluster.clock.speed
        return span / SECOND / speed if speed else float("inf")


async def _wait(future: Future[_T]) -> _T:
    """Await a thread's future. Cheaper than asyncio.wrap_future, and cancelling it does not cancel the work."""
    if future.done():
        return future.result()
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def done(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_wake, waiter)

    future.add_done_callback(done)
    await waiter
    return future.result()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
