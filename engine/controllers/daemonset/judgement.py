"""What one node lacks or has too much of, and what it adds to the figures (podsShouldBeOnNode, updateDaemonSetStatus).

A node that takes the pod and has none gets one. Pods that have finished make room. Of several, the oldest stays; with
maxSurge two may be there, an old one and a new one, until the new one is available. A node that the pods may not stay
on loses them, and pods that wait for a node that is gone go too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.controllers.daemonset.placement import Verdict
from engine.controllers.daemonset.rollout import stage_of
from engine.controllers.daemonset.roster import DaemonPod, Roster, View


class Template(NamedTuple):
    """What makes a pod an updated one."""

    revision: str
    """Hash of the present template."""
    generation: str
    """The DaemonSet's annotation deprecated.daemonset.template.generation; "" without it."""
    surge: bool
    """maxSurge allows a second pod on a node."""

    def made(self, pod: DaemonPod) -> bool:
        """IsPodUpdated."""
        return pod.revision == self.revision or bool(self.generation and pod.generation == self.generation)


class Judgement(NamedTuple):
    view: View | None
    """None: there is nothing to be said about the node."""
    create: bool
    finished: Sequence[DaemonPod]
    """Pods that failed or succeeded, to be deleted (failed ones not too often)."""
    surplus: Sequence[DaemonPod]
    """Other pods to be deleted."""


def judge(roster: Roster, node: str, template: Template, now: int) -> Judgement:
    """Look at one node."""
    verdict = roster.verdicts.get(node)
    pods = [p for p in roster.by_node.get(node, {}).values() if not (p.finished and p.terminating)]
    alive = [p for p in pods if not p.terminating]
    if verdict is None and not pods:
        return Judgement(None, False, (), ())
    view = _view(roster, pods, alive, verdict, template, now)
    if verdict is None:
        return Judgement(view, False, (), [p for p in alive if not p.bound])
    if verdict.run and not pods:
        return Judgement(view, True, (), ())
    if not verdict.stay:
        return Judgement(view, False, (), alive)
    finished = [p for p in alive if p.finished]
    running = sorted((p for p in alive if not p.finished), key=lambda p: p.order)
    if not template.surge:
        return Judgement(view, False, finished, running[1:])
    if len(running) <= 1:
        return Judgement(view, not running and verdict.run, finished, ())
    return Judgement(view, False, finished, _surplus_of_surge(roster, running, template, now))


def _surplus_of_surge(
    roster: Roster, running: Sequence[DaemonPod], template: Template, now: int
) -> list[DaemonPod]:  # fmt: skip
    """Of each template the oldest pod stays; the old one goes when it is not ready, or the new one is available."""
    new = [pod for pod in running if pod.revision == template.revision]
    old = [pod for pod in running if pod.revision != template.revision]
    surplus = [*new[1:], *old[1:]]
    if new and old and (not old[0].ready or roster.is_available(new[0], now)):
        surplus.append(old[0])
    return surplus


def _view(
    roster: Roster, pods: list[DaemonPod], alive: list[DaemonPod], verdict: Verdict | None, template: Template, now: int
) -> View:  # fmt: skip
    desired = verdict is not None and verdict.run
    first = min(pods, key=lambda p: p.order) if pods else None
    new = [pod for pod in alive if template.made(pod)]
    old = [pod for pod in alive if not template.made(pod)]
    serving = old or new
    return View(
        desired,
        first is not None and verdict is not None,
        first is not None and first.ready,
        first is not None and roster.is_available(first, now),
        first is not None and template.made(first),
        stage_of(
            [roster.is_available(pod, now) for pod in old], [roster.is_available(pod, now) for pod in new],
            surge=template.surge, desired=desired,
        ),
        old[0].key if len(old) == 1 else None,
        len(old) <= 1 and len(new) <= 1 and bool(serving) and roster.is_available(serving[0], now),
    )  # fmt: skip
