"""The client's answers for coroutines: futures of the engine's thread, awaited without blocking the app."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def answer(future: Future[T]) -> T:
    """What the client answers. Raises ClientError."""
    return await asyncio.wrap_future(future)
