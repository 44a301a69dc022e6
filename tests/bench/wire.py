"""The Kubernetes API under load, on loopback: reads, lists, writes, watchers, and what the console feels of it.

The load comes from one process, with as few steps of its own as HTTP takes; the cluster is served by another, with a
store on disk, so that an answer to a write means that it is committed. `python -m tests.bench.wire` prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from tests.bench.terminal import Terminal

PODS: Final = "/api/v1/namespaces/default/pods"
COUNT: Final = 1_000
WATCHERS: Final = 500
_CONNECTIONS: Final = 16
_SPAN: Final = 5.0
_MERGE: Final = "application/merge-patch+json"
_EVENT: Final = b'{"type":"MODIFIED"'


def pod(name: str) -> bytes:
    container = {"name": "c", "image": "nginx:1", "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}}
    labels = {"app": "load"}
    return json.dumps({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [container]},
    }).encode()  # fmt: skip


class Target:
    """Where a kubeconfig leads."""

    def __init__(self, kubeconfig: Path) -> None:
        found = yaml.safe_load(kubeconfig.read_text())
        cluster, user = found["clusters"][0]["cluster"], found["users"][0]["user"]
        where = urlsplit(cluster["server"])
        self.host, self.port = where.hostname or "", where.port or 0
        self.context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(b"\n".join(base64.b64decode(user[f"client-{what}-data"]) for what in ("certificate", "key")))
            pair.flush()
            self.context.load_cert_chain(pair.name)

    async def connect(self) -> Connection:
        return Connection(*await asyncio.open_connection(self.host, self.port, ssl=self.context, limit=1 << 22))


class Connection:
    """One keep-alive connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self._writer = reader, writer

    def send(self, method: str, target: str, body: bytes, content_type: str) -> None:
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        )
        self._writer.write(head.encode() + b"\r\n" + body)

    async def ask(
        self, method: str, target: str, body: bytes = b"", content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        """(status, body)."""
        self.send(method, target, body, content_type)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await self.reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()


async def rate(target: Target, once: Callable[[Connection, int], Awaitable[None]], times: int | None = None) -> float:
    """How often a second, over some connections: so many times, or for a few seconds."""
    connections = [await target.connect() for _ in range(_CONNECTIONS)]
    numbers = count() if times is None else iter(range(times))
    began = time.perf_counter()
    done = 0

    async def drive(connection: Connection) -> None:
        nonlocal done
        for number in numbers:
            await once(connection, number)
            done += 1
            if times is None and time.perf_counter() - began > _SPAN:
                return

    await asyncio.gather(*(drive(each) for each in connections))
    span = time.perf_counter() - began
    for each in connections:
        each.close()
    return done / span


async def _expect(connection: Connection, status: int, *request: Any) -> None:
    got, body = await connection.ask(*request)
    assert got == status, (request, got, body[:300])


async def watched(target: Target, pods: int, watchers: int) -> tuple[float, bool]:
    """(seconds until every watcher has seen a change of every pod, whether none was lost or came twice)."""
    connection = await target.connect()
    _, listed = await connection.ask("GET", PODS + "?limit=1")
    since = json.loads(listed)["metadata"]["resourceVersion"]
    seen: list[int] = []

    async def watch(each: Connection) -> None:
        found, tail = 0, b""
        while found < pods:
            data = tail + await each.reader.read(1 << 18)
            found += data.count(_EVENT)
            tail = data[-len(_EVENT) + 1 :]  # an event may be cut in two; a whole one does not fit
        seen.append(found)

    connections = [await target.connect() for _ in range(watchers)]
    for each in connections:
        each.send("GET", f"{PODS}?watch=1&resourceVersion={since}&timeoutSeconds=300", b"", "application/json")
        await each.reader.readuntil(b"\r\n\r\n")
    began = time.perf_counter()
    watching = [asyncio.create_task(watch(each)) for each in connections]
    body = json.dumps({"metadata": {"labels": {"turn": since}}}).encode()
    await rate(target, lambda c, n: _expect(c, 200, "PATCH", f"{PODS}/load-{n}", body, _MERGE), pods)
    await asyncio.wait_for(asyncio.gather(*watching), 300)
    span = time.perf_counter() - began
    for each in connections:
        each.close()
    return span, seen == [pods] * watchers


async def measure(kubeconfig: Path) -> dict[str, Any]:
    target = Target(kubeconfig)
    created = await rate(target, lambda c, n: _expect(c, 201, "POST", PODS, pod(f"load-{n}")), COUNT)
    read = await rate(target, lambda c, n: _expect(c, 200, "GET", f"{PODS}/load-{n % COUNT}"))
    listed = await rate(target, lambda c, _: _expect(c, 200, "GET", PODS))
    selected = await rate(target, lambda c, _: _expect(c, 200, "GET", PODS + "?labelSelector=app%3Dload"))
    span, complete = await watched(target, COUNT, WATCHERS)
    return {
        "create_per_s": round(created), "get_per_s": round(read), "list_of_1000_per_s": round(listed),
        "selected_list_of_1000_per_s": round(selected), "watch_500x1000_s": round(span, 1), "watch_complete": complete,
    }  # fmt: skip


async def load(kubeconfig: Path, span: float) -> None:
    """What a lively cluster's clients ask, all at once: gets, lists, creates and deletes, 50 watchers."""
    target = Target(kubeconfig)
    watchers = [await target.connect() for _ in range(50)]
    for each in watchers:
        each.send("GET", f"{PODS}?watch=1&timeoutSeconds=300", b"", "application/json")
    reading = [asyncio.create_task(_swallow(each)) for each in watchers]
    end = time.monotonic() + span
    paces = (
        (0.002, lambda c, n: c.ask("GET", f"{PODS}/load-{n % COUNT}")),
        (0.1, lambda c, n: c.ask("GET", PODS)),
        (0.01, lambda c, n: c.ask("POST", PODS, pod(f"more-{n}"))),
        (0.01, lambda c, n: c.ask("DELETE", f"{PODS}/more-{n}?gracePeriodSeconds=0")),
    )  # fmt: skip

    async def drive(pace: float, once: Callable[[Connection, int], Awaitable[Any]]) -> None:
        connection, number = await target.connect(), 0
        while time.monotonic() < end:
            await asyncio.gather(once(connection, number), asyncio.sleep(pace))
            number += 1

    await asyncio.gather(*(drive(*each) for each in paces))
    for task in reading:
        task.cancel()


async def _swallow(connection: Connection) -> None:
    while await connection.reader.read(1 << 18):
        pass


# -- servers ---------------------------------------------------------------------------------------------------------


def _until(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, "the API is not served"
        time.sleep(0.05)


def served() -> dict[str, Any]:
    """Figures of `kubarium serve` with a store on disk."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cluster").mkdir()
        kubeconfig = folder / "kubeconfig"
        command = [sys.executable, "-m", "tui.cli", "serve", str(folder / "cluster"), "--store", str(folder / "db")]
        server = subprocess.Popen([*command, "--kubeconfig", str(kubeconfig)], stdout=subprocess.DEVNULL)
        try:
            _until(kubeconfig)
            return asyncio.run(measure(kubeconfig))
        finally:
            server.terminate()
            server.wait(30)


def felt(presses: int = 60) -> dict[str, Any]:
    """Key → painted in a console that serves the load meanwhile, milliseconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cluster").mkdir()
        kubeconfig = folder / "kubeconfig"
        command = [sys.executable, "-m", "tui.cli", str(folder / "cluster"), "--store", str(folder / "db")]
        options = ["--kubeconfig", str(kubeconfig)]
        with Terminal([*command, *options], {"TEXTUAL_ANIMATIONS": "none"}, rows=50) as terminal:
            terminal.wait_for(rb"Nodes", 30)
            _until(kubeconfig)
            asyncio.run(_fill(kubeconfig))
            terminal.press(b":")
            terminal.drain(0.3)
            terminal.press(b"pods\r")
            if terminal.wait_for(rb"load-1\d\d", 30) is None:
                return {"key_p95_ms_under_load": None}
            terminal.drain(1)
            arguments = ["-m", "tests.bench.wire", "--load", str(kubeconfig), "--span", str(presses * 0.25)]
            driver = subprocess.Popen([sys.executable, *arguments])
            terminal.drain(2)
            spans = _keys(terminal, presses)
            driver.wait(120)
            return {
                "key_p50_ms_under_load": round(statistics.median(spans), 1),
                "key_p95_ms_under_load": round(sorted(spans)[int(len(spans) * 0.95)], 1),
            }


async def _fill(kubeconfig: Path) -> None:
    await rate(Target(kubeconfig), lambda c, n: _expect(c, 201, "POST", PODS, pod(f"load-{n}")), COUNT)


def _keys(terminal: Terminal, presses: int) -> Sequence[float]:
    """Milliseconds from each press until the cursor stands on the next row."""
    names = sorted(f"load-{number}" for number in range(COUNT))
    spans = []
    for number in range(1, presses + 1):
        pressed = terminal.press(b"\x1b[B")
        painted = terminal.wait_for(f"▸.{{0,60}}{names[number]}\\s".encode(), 5)
        spans.append(((painted or pressed + 5) - pressed) * 1000)
        terminal.drain(0.06 + (number * 37 % 50) / 1000)
    return spans


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--load", type=Path, metavar="KUBECONFIG", help="only load a cluster, for --span seconds")
    parser.add_argument("--span", type=float, default=10.0)
    options = parser.parse_args()
    if options.load is not None:
        asyncio.run(load(options.load, options.span))
        return
    print(json.dumps(served() | felt()))


if __name__ == "__main__":
    main()
