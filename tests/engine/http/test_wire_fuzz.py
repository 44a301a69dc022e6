"""Ten thousand malformed requests: no 500 that Kubernetes has not, no hang, and what was refused has changed nothing.

The ordinary suite asks the first of them; `KUBARIUM_FUZZ=10000` says how many. A failure names the request's number.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import pytest

from engine.clock import SECOND
from engine.controllers.registry import CONTROLLERS
from engine.http.messages import Answer, Response, Stream, Upgrade
from store.types import Resource
from tests.engine.http.fuzzing import Asked, asked, collection, frames, manifests
from tests.engine.http.wire_world import ADMIN, WireWorld, request

SEED: Final = 36
COUNT: Final = int(os.environ.get("KUBARIUM_FUZZ", "2000"))
LIMIT: Final = 20.0
"""Wall seconds after which a request hangs."""
POD: Final = "/api/v1/namespaces/default/pods/web"


@pytest.fixture(scope="module")
def town() -> Iterator[WireWorld]:
    """A whole cluster, paused, with a node and a running pod that listens on 8080."""
    made = WireWorld(tuple(CONTROLLERS))
    made.make("/apis/kubarium.dev/v1alpha1/images", {
        "metadata": {"name": "web"}, "spec": {"image": "web", "http": [{"path": "/hi", "body": "hello"}]},
    })  # fmt: skip
    made.make("/api/v1/nodes", {"metadata": {"name": "n1"}})
    play(made, 20)
    container = {"name": "app", "image": "web:1", "ports": [{"containerPort": 8080}]}
    made.make("/api/v1/namespaces/default/pods", {"metadata": {"name": "web"}, "spec": {"containers": [container]}})
    kinds = {(kind.api_version, kind.kind): kind for kind in made.wire.catalogue.kinds()}
    for manifest in sorted(manifests(), key=lambda each: each["kind"] != "Namespace"):
        kind = kinds.get((manifest["apiVersion"], manifest["kind"]))
        if kind is not None:
            made.ask("POST", collection(kind, manifest), manifest)
    play(made, 30)
    yield made
    made.close()


def play(world: WireWorld, seconds: float) -> None:
    loop, clock = world.cluster.loop, world.cluster.clock
    loop.submit(lambda: loop.run_until(clock.now() + round(seconds * SECOND))).result(60)


def digest(world: WireWorld) -> tuple[int, str]:
    """The store's revision, and all that it holds."""
    found = hashlib.sha256()
    for kind in world.cluster.api.kinds.all():
        if kind.stored and kind.storage is None:
            for env in world.store.list(Resource(*kind.stored_as)):
                found.update(env.raw)
    return world.store.revision, found.hexdigest()


async def status_of(answer: Answer) -> int:
    """The status, and one bite of what goes on. A server-side apply of what does not fit its schema counts as refused:
    Kubernetes itself answers it with a 500, one that names no reason."""
    if isinstance(answer, Response):
        refused = answer.status == 500 and b'"failed to create typed patch object (' in answer.body
        return 422 if refused else answer.status
    answer.over()
    if isinstance(answer, Upgrade):
        return 101
    assert isinstance(answer, Stream)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(answer.chunks, b"")
    close: Any = getattr(answer.chunks, "aclose", None)
    if close is not None:
        await close()
    return answer.status


def test_malformed_requests_are_answered_and_refused_ones_change_nothing(town: WireWorld) -> None:
    """Each request gets an answer below 500 (or an honest 504); after a refusal the store is as it was."""

    async def ask(found: Asked) -> int:
        async with asyncio.timeout(LIMIT):
            return await status_of(
                await town.wire.answer(request(found.method, found.target, found.body or None, ADMIN, found.headers))
            )

    kinds = [kind for kind in town.wire.catalogue.kinds() if not kind.custom]
    wrong: list[tuple[int, int]] = []
    refused = 0
    held: tuple[int, str] | None = digest(town)
    for number in range(COUNT):
        found, before = asked(SEED, number, kinds), town.store.revision
        status = town.run(ask(found))
        told = {504} | ({503} if "/proxy" in found.target else set())  # revisions of the future, nobody behind a proxy
        if status >= 500 and status not in told:
            wrong.append((number, status))
        if status < 400:
            play(town, 0)
            held = None
            continue
        refused += 1
        if town.store.revision != before:
            wrong.append((number, status))
        if number % 50 == 0:
            held, was = digest(town), held
            assert was is None or was == held, f"by request {number} or one of the 49 before it"
    assert wrong == []
    assert refused > COUNT // 2
    play(town, 60)
    assert town.cluster.crashes == 0
    assert town.ask("GET", "/readyz") == (200, "ok")


class Frames:
    """Implements `messages.Socket`: a client that sends nonsense, then is gone."""

    def __init__(self, protocol: str, sent: list[bytes]) -> None:
        self.protocol, self._sent = protocol, sent
        self.closed = False

    async def receive(self) -> bytes | None:
        await asyncio.sleep(0)
        return self._sent.pop(0) if self._sent and not self.closed else None

    async def send(self, data: bytes) -> None:
        if self.closed:
            raise ConnectionResetError

    async def close(self, code: int = 1000) -> None:
        self.closed = True


@pytest.mark.parametrize(
    "target", ["exec?command=sh&stdin=1&stdout=1&tty=1", "attach?stdin=1&stdout=1", "portforward?ports=8080"]
)
def test_frames_of_nonsense_end(town: WireWorld, target: str) -> None:
    """WebSocket frames that are none: the talk ends, no other notices, the store is as it was."""
    before = digest(town)

    async def talk(number: int) -> None:
        answer = await town.wire.answer(request("GET", f"{POD}/{target}", None, ADMIN, {"upgrade": "websocket"}))
        assert isinstance(answer, Upgrade)
        async with asyncio.timeout(LIMIT):
            with suppress(ConnectionError):
                await answer.talk(Frames(answer.protocols[number % len(answer.protocols)], frames(SEED, number)))
        answer.over()

    for number in range(max(30, COUNT // 30)):
        town.run(talk(number))
    assert digest(town) == before
    assert town.cluster.crashes == 0
