"""The thread that serves: certificates, sockets, kubeconfig, and a quick end.

cryptography is imported on this thread, while the console is already there; aiohttp and what answers requests when
the first client connects (`doors`). `where` tells when it listens, or why it cannot. `stop` ends watches first, so that
nobody waits for one.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.client.wire import WireOptions, WirePlace
from engine.cluster import Cluster
from engine.http.doors import close_doors, knock, open_doors

if TYPE_CHECKING:
    from engine.http.access import Access

_OPEN_FILES: Final = 16_384
_log = logging.getLogger(__name__)


class CannotListen(OSError):
    """The address cannot be served; the text is for a person."""


class HttpServer:
    """The wire of one cluster on a thread of its own."""

    def __init__(self, cluster: Cluster, options: WireOptions) -> None:
        self._cluster, self._options = cluster, options
        self.where: Future[WirePlace] = Future()
        """Done when it listens; carries CannotListen or another OSError when it cannot."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Close the socket and all connections. Any thread."""
        with suppress(Exception):
            self.where.result(timeout)
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it is closed already
                loop.call_soon_threadsafe(self._end)
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001  whatever it is, who waits for it must be told
            if self.where.done():
                _log.exception("the server of the API failed")
            else:
                self.where.set_exception(error)

    async def _serve(self) -> None:
        from engine.http.access import access_of
        from engine.http.certificates import Authority, write_kubeconfig
        from engine.http.gate import Gate

        options = self._options
        _raise_open_files()
        authority = Authority(Path(options.certificates))
        context = authority.server_context(options.host)
        gate = Gate(self._cluster)
        access = access_of(gate, self._cluster.options.flags)
        keys = authority.keys()
        await gate.run(lambda: self._cluster.api.adopt_keys(keys))
        try:
            doors = open_doors(options.host, options.port)
        except OSError as error:
            raise _cannot_listen(options, error) from error
        try:
            host = f"[{options.host}]" if ":" in options.host else options.host
            place = WirePlace(f"https://{host}:{doors[0].getsockname()[1]}", options.kubeconfig)
            try:
                write_kubeconfig(Path(options.kubeconfig), place.url, authority)
            except OSError as error:
                raise _cannot_write(options, error) from error
            if options.also is not None:
                with suppress(OSError):
                    write_kubeconfig(Path(options.also), place.url, authority)
            ended = asyncio.Event()
            self._loop, self._end = asyncio.get_running_loop(), ended.set
            self.where.set_result(place)
            await knock(doors, ended)
            if not ended.is_set():
                await self._answer(doors, context, access, ended)
        finally:
            close_doors(doors)

    async def _answer(
        self, doors: Sequence[socket.socket], context: ssl.SSLContext, access: Access, ended: asyncio.Event
    ) -> None:
        from engine.http.binding import application, serve
        from engine.http.core import Wire

        wire = Wire(self._cluster, access)
        try:
            end = await serve(application(wire), doors, context)
        except BaseException:
            wire.close()
            raise
        try:
            await ended.wait()
        finally:
            wire.close()
            await end()


def _raise_open_files() -> None:
    """As many sockets as the system lets this process have (Go's runtime does the same)."""
    if sys.platform == "win32":  # there is no such bound
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft < wanted:
        with suppress(OSError, ValueError):  # then it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _cannot_write(options: WireOptions, error: OSError) -> OSError:
    why = error.strerror or str(error)
    return OSError(f"cannot write the kubeconfig {options.kubeconfig}: {why}; choose another with --kubeconfig")


def _cannot_listen(options: WireOptions, error: OSError) -> CannotListen:
    why = {
        errno.EADDRINUSE: "the port is in use; choose another with --port, or --port 0 for any",
        errno.EACCES: "the port may not be used by this user; choose one above 1023 with --port",
        errno.EADDRNOTAVAIL: "this machine does not have that address",
    }.get(error.errno or 0, error.strerror or str(error))
    return CannotListen(f"cannot serve the Kubernetes API on {options.host}:{options.port}: {why}")
