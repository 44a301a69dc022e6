"""A cluster on its engine thread and the core of the wire on this one: requests without a socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from engine.clock import Clock
from engine.cluster import Cluster, ClusterOptions
from engine.flags import Flags
from engine.http.access import Access
from engine.http.core import Wire
from engine.http.messages import PeerCertificate, Request, Response, Stream, Upgrade
from store.store import Store, StoreOptions

_T = TypeVar("_T")
START = 1_795_424_829_000_000
ADMIN = PeerCertificate("kubernetes-admin", ("system:masters",))


class WireWorld:
    """Ask with `get`, `post` …; answers come as (status, JSON)."""

    def __init__(
        self, controllers: tuple[str, ...] = (), access: Access | None = None, ring: int = 50_000,
        flags: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """`ring`: events that are kept for watchers. `flags`: Kubernetes' component flags."""
        self.store = Store.open(None, options=StoreOptions(ring_events=ring))
        self.cluster = Cluster(self.store, Clock(START), ClusterOptions(controllers=controllers, flags=Flags(flags)))
        self.cluster.start(stepped=True)
        self.cluster.clock.set_speed(0)
        self._thread = threading.Thread(target=self.cluster.loop.run, daemon=True)
        self._thread.start()
        self._runner = asyncio.Runner()
        self.wire = self._runner.run(self._make(access))

    async def _make(self, access: Access | None) -> Wire:
        return Wire(self.cluster, access)

    def close(self) -> None:
        self.wire.close()
        self._runner.close()
        self.cluster.loop.stop()
        self._thread.join()
        self.store.close()

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """What a coroutine returns on the wire's loop."""
        return self._runner.run(coroutine)

    def answer(
        self, method: str, target: str, body: Any = None, *, certificate: PeerCertificate | None = ADMIN,
        **headers: str,
    ) -> Response:  # fmt: skip
        """One request, its whole answer."""
        answer = self._runner.run(self.wire.answer(request(method, target, body, certificate, headers)))
        assert isinstance(answer, Response)
        return answer

    def ask(
        self, method: str, target: str, body: Any = None, *, certificate: PeerCertificate | None = ADMIN,
        **headers: str,
    ) -> tuple[int, Any]:  # fmt: skip
        """(status, JSON or text) of one request."""
        answer = self.answer(method, target, body, certificate=certificate, **headers)
        raw = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
        return answer.status, orjson.loads(raw) if answer.content_type.startswith("application/json") else raw.decode()

    def answer_any(self, method: str, target: str, body: Any = None, **headers: str) -> int:
        """The status of one request, whatever its answer is; a stream is closed at once."""

        async def ask() -> int:
            answer = await self.wire.answer(request(method, target, body, ADMIN, headers))
            if isinstance(answer, Stream):
                close = getattr(answer.chunks, "aclose", None)
                assert close is not None
                await close()
            if not isinstance(answer, Response):
                answer.over()
            return 101 if isinstance(answer, Upgrade) else answer.status

        return self._runner.run(ask())

    def get(self, target: str, accept: str = "") -> tuple[int, Any]:
        return self.ask("GET", target, accept=accept)

    def make(self, target: str, obj: Any) -> Any:
        """Create; the object as it was answered."""
        status, made = self.ask("POST", target, obj)
        assert status == 201, made
        return made

    def watch(self, target: str, count: int, **headers: str) -> list[Any]:
        """The first `count` events of a watch; fewer when it ends before."""
        return self._runner.run(self._watch(target, count, headers))

    def watch_slowly(self, target: str, between: Callable[[], Awaitable[None]]) -> list[Any]:
        """All events of a watch whose client takes the first one, then nothing while `between` runs."""

        async def run() -> list[Any]:
            answer = await self.wire.answer(request("GET", target, None, ADMIN, {}))
            assert isinstance(answer, Stream), answer
            chunks = answer.chunks
            answer.over()
            events = [orjson.loads(line) for line in (await anext(chunks)).splitlines()]
            await between()
            async with asyncio.timeout(20):
                async for chunk in chunks:
                    events += [orjson.loads(line) for line in chunk.splitlines()]
            return events

        return self._runner.run(run())

    async def make_many(self, target: str, objects: Sequence[Any]) -> None:
        """Create objects while something else of this world goes on."""
        for obj in objects:
            answer = await self.wire.answer(request("POST", target, obj, ADMIN, {}))
            assert isinstance(answer, Response)
            assert answer.status == 201

    async def _watch(self, target: str, count: int, headers: dict[str, str]) -> list[Any]:
        answer = await self.wire.answer(request("GET", target, None, ADMIN, headers))
        assert isinstance(answer, Stream), answer
        answer.over()
        events: list[Any] = []
        async with asyncio.timeout(20):
            async for chunk in answer.chunks:
                events += [orjson.loads(line) for line in chunk.splitlines()]
                if len(events) >= count:
                    break
        return events


def request(
    method: str, target: str, body: Any, certificate: PeerCertificate | None, headers: dict[str, str]
) -> Request:
    """`target`: path and query as in a URL; `body` bytes as they are, else as JSON."""
    from urllib.parse import parse_qs, urlsplit

    split = urlsplit(target)
    raw = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if raw:
        named.setdefault("content-type", "application/json")
    return Request(method, split.path, parse_qs(split.query, keep_blank_values=True), named, raw, certificate)


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
