"""Sockets that listen while nobody answers yet."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import pytest

from engine.http.doors import close_doors, knock, open_doors


def test_who_knocks_is_kept_until_taken() -> None:
    """A connection ends the wait, and is still there for whoever answers then."""

    async def story() -> bytes:
        doors = open_doors("127.0.0.1", 0)
        waiting = asyncio.create_task(knock(doors, asyncio.Event()))
        with socket.create_connection(doors[0].getsockname()) as client:
            client.sendall(b"hello")
            await asyncio.wait_for(waiting, 20)
            taken, _ = doors[0].accept()
            with taken:
                taken.settimeout(20)
                received = taken.recv(5)
        close_doors(doors)
        return received

    assert asyncio.run(story()) == b"hello"


def test_the_end_ends_the_wait() -> None:
    """Stopping does not wait for a client that never comes."""

    async def story() -> None:
        doors, ended = open_doors("127.0.0.1", 0), asyncio.Event()
        waiting = asyncio.create_task(knock(doors, ended))
        await asyncio.sleep(0)
        assert not waiting.done()
        ended.set()
        await asyncio.wait_for(waiting, 20)
        close_doors(doors)

    asyncio.run(story())


def test_all_addresses_of_a_name_have_one_port() -> None:
    """`localhost` may be two addresses: the kubeconfig names one port for both."""
    doors = open_doors("localhost", 0)
    ports = {door.getsockname()[1] for door in doors}
    close_doors(doors)
    assert len(ports) == 1


def test_a_port_in_use_is_refused() -> None:
    """And nothing is left listening."""
    doors = open_doors("127.0.0.1", 0)
    with pytest.raises(OSError):
        open_doors("127.0.0.1", doors[0].getsockname()[1])
    close_doors(doors)


def test_no_server_library_is_loaded_before_a_client_comes() -> None:
    """What listens, makes certificates and checks rights needs no aiohttp and no prometheus_client."""
    code = (
        "import sys, engine.http.server, engine.http.doors, engine.http.access, engine.http.certificates;"
        "sys.exit(bool({'aiohttp', 'prometheus_client', 'engine.http.core'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
