"""Drain as `kubectl drain --ignore-daemonsets --delete-emptydir-data --force`: cordon, then evict what runs there.

A refused eviction (a disruption budget, 429) is tried again every 5 s of wall time, as kubectl does, until it is let
through or the console is told to stop. Mirror pods and pods of daemon sets stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from engine.client import ClientError, Item
from tui.board import Scope
from tui.evicting import RETRY_SECONDS, evictable
from tui.session import Session, answer

if TYPE_CHECKING:
    from tui.app import KubariumApp

MOST_RETRIES: Final = 60


async def drain(app: KubariumApp, session: Session, nodes: Sequence[Item], intent: str) -> None:
    """Cordon the nodes and evict their pods, telling progress."""
    client = session.client
    try:
        for node in nodes:
            await answer(client.patch("nodes", "", node.name, {"spec": {"unschedulable": True}}, intent=intent))
    except ClientError as error:
        app.notify(error.message, title="drain", severity="error", timeout=10)
        return
    waiting = [pod for node in nodes for pod in session.board.pods(Scope(node=node.name)) if evictable(pod)]
    total, told = len(waiting), False
    with app.progress(f"drain {', '.join(node.name for node in nodes[:3])}", total) as step:
        for _ in range(MOST_RETRIES):
            refused: list[Item] = []
            for pod in waiting:
                try:
                    await answer(client.evict(pod.namespace, pod.name, intent=intent))
                    step()
                except ClientError as error:
                    if error.code == 404:
                        step()
                    elif error.code == 429:
                        refused.append(pod)
                        if not told:
                            told = True
                            app.notify(f"{error.message} Trying again every 5 s.", title=pod.name, severity="warning")
                    else:
                        app.notify(error.message, title=pod.name, severity="error", timeout=10)
                        step()
            waiting = refused
            if not waiting:
                break
            await asyncio.sleep(RETRY_SECONDS)
    if waiting:
        app.notify(f"{len(waiting)} pods were not let go", title="drain", severity="error", timeout=15)
    else:
        app.notify(f"Drained {', '.join(node.name for node in nodes)}: {total} pods evicted")
