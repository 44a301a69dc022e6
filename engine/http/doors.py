"""The sockets on which the API listens, before anybody came.

A cluster that nobody asks over the wire needs no HTTP server: the sockets listen, the kernel keeps who knocks, and
what answers is imported and set up at the first knock. That spares a console some 20 MB and a wake-up per commit.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

BACKLOG: Final = 512
"""Connections that the kernel keeps until they are taken."""
_NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def open_doors(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address of `host`, all on one port; 0 is any. OSError when there can be none."""
    doors: list[socket.socket] = []
    absent: OSError | None = None
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, _, _, _, address in dict.fromkeys(addresses):
        # The second address of a name takes the port that the first one was given.
        chosen: tuple[Any, ...] = (address[0], doors[0].getsockname()[1] if doors else port, *address[2:])
        try:
            door = socket.create_server(chosen, family=family, backlog=BACKLOG)
        except OSError as error:
            if error.errno in _NOT_HERE:  # such as a name of both families on a machine that knows one
                absent = error
                continue
            close_doors(doors)
            raise
        door.setblocking(False)
        doors.append(door)
    if not doors:
        raise absent or OSError(errno.EADDRNOTAVAIL, f"{host} has no address")
    return doors


def close_doors(doors: Sequence[socket.socket]) -> None:
    for door in doors:
        door.close()


async def knock(doors: Sequence[socket.socket], ended: asyncio.Event) -> None:
    """Return when somebody connects, who is not taken yet, or at the end."""
    loop = asyncio.get_running_loop()
    knocked = asyncio.Event()
    try:
        for door in doors:
            loop.add_reader(door, knocked.set)
    except NotImplementedError:  # Windows' loop cannot tell: be ready at once
        return
    waits = [asyncio.create_task(event.wait()) for event in (knocked, ended)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for door in doors:
            loop.remove_reader(door)
        for wait in waits:
            wait.cancel()
            with suppress(asyncio.CancelledError):
                await wait
