"""Drain as `kubectl drain --ignore-daemonsets --delete-emptydir-data --force`: cordon, then evict what runs there.

A refused eviction (a disruption budget, 429) is tried again every 5 s of wall time, as kubectl does, until it is let
through or the console is told to stop. Mirror pods and pods of daemon sets stay. Progress is told; stopped, it says
what is still there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.client import ClientError, Item
from tui.board import Scope
from tui.evicting import RETRY_SECONDS, evictable
from tui.operations import left_out
from tui.session import Session, answer
from tui.work import Work

if TYPE_CHECKING:
    from tui.app import KubariumApp


async def drain(app: KubariumApp, session: Session, nodes: Sequence[Item], intent: str) -> None:
    """Cordon the nodes and evict their pods, telling progress."""
    client, names = session.client, ", ".join(node.name for node in nodes[:3]) + (" …" if len(nodes) > 3 else "")
    try:
        for node in nodes:
            await answer(client.patch("nodes", "", node.name, {"spec": {"unschedulable": True}}, intent=intent))
    except ClientError as error:
        app.notify(error.message, title="drain", severity="error", timeout=10)
        return
    waiting = [pod for node in nodes for pod in session.board.pods(Scope(node=node.name)) if evictable(pod)]
    total = len(waiting)
    with session.work.begin(f"drain {names}", total) as work:
        while True:
            waiting = await _round(app, session, waiting, intent, work)
            if not waiting or work.stopped:
                break
            budgets = "1 waits for its budget" if len(waiting) == 1 else f"{len(waiting)} wait for budgets"
            work.waits_for(budgets)
            await work.rest(RETRY_SECONDS)
    if waiting:
        stay = "It stays" if len(nodes) == 1 else "They stay"
        said = f"Stopped: drain {names}: {left_out(work.done, waiting)}. {stay} cordoned."
        app.notify(said, severity="warning", timeout=15)
    else:
        app.notify(f"Drained {names}: {total} {'pod' if total == 1 else 'pods'} evicted")


async def _round(
    app: KubariumApp, session: Session, pods: Sequence[Item], intent: str, work: Work
) -> list[Item]:  # fmt: skip
    """Ask once for each; those that must wait, and those that were not asked any more."""
    refused: list[Item] = []
    for place, pod in enumerate(pods):
        if work.stopped:
            return [*refused, *pods[place:]]
        try:
            await answer(session.client.evict(pod.namespace, pod.name, intent=intent))
        except ClientError as error:
            if error.code == 429:
                refused.append(pod)
                if not work.remark and len(refused) == 1:
                    app.notify(f"{error.message} Trying again every 5 s.", title=pod.name, severity="warning")
                continue
            if error.code != 404:
                app.notify(error.message, title=pod.name, severity="error", timeout=10)
        work.step()
    return refused
