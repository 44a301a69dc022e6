"""The second half of a scheduling cycle: from the chosen node to the bound pod (Reserve → PreBind → Bind).

The pod is counted on its node at once. Most pods are bound in the same callback; one that a PreBind plugin has to do
something for (its volumes are to be bound first) stays counted and comes back when that is done. What fails on the way
gives back everything that was taken, in reverse order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.api.kinds import PODS
from engine.api.server import Api
from engine.loop import Loop
from engine.scheduler.affinity_terms import identity_of
from engine.scheduler.framework import ReservePlugin
from engine.scheduler.nodes import NodeTable
from engine.scheduler.podclass import PodClass
from engine.scheduler.profile import PluginError, Profile
from engine.scheduler.queue import QueuedPod, SchedulingQueue
from store.types import Envelope


class Placed(NamedTuple):
    """A pod on its way to a node."""

    queued: QueuedPod
    env: Envelope
    pod: PodClass
    node: str
    profile: Profile
    reserved: list[ReservePlugin]


class BindingCycle:
    """Of one scheduler."""

    def __init__(
        self, api: Api, loop: Loop, nodes: NodeTable, queue: SchedulingQueue,
        on_bound: Callable[[Envelope, str], None], on_failed: Callable[[QueuedPod, Envelope, PluginError], None],
    ) -> None:  # fmt: skip
        """`on_bound` is told the bound pod and its node; `on_failed` of pods that failed after they had to wait."""
        self._api, self._loop, self._nodes, self._queue = api, loop, nodes, queue
        self._on_bound, self._on_failed = on_bound, on_failed

    def place(self, queued: QueuedPod, env: Envelope, pod: PodClass, profile: Profile, node: str) -> None:
        """Bind the pod to the node, now or when it can be. Raises PluginError and what Reserve plugins raise."""
        placed = Placed(queued, env, pod, node, profile, [])
        self._nodes.assign(env.uid, pod, node, identity_of(env))
        try:
            for plugin in profile.reserve:
                placed.reserved.append(plugin)
                plugin.reserve(env, pod, node)
            if not self._pre_bound(placed):
                return
        except BaseException:
            self._undo(placed)
            raise
        self._finish(placed)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _pre_bound(self, placed: Placed) -> bool:
        """False while a plugin takes its time."""
        for plugin in placed.profile.pre_bind:

            def done(error: Exception | None, name: str = plugin.name) -> None:
                self._loop.call_soon(lambda: self._resume(placed, name, error))

            try:
                if not plugin.pre_bind(placed.env, placed.node, done):
                    return False
            except Exception as error:
                raise PluginError(plugin.name, "prebind", error) from error
        return True

    def _resume(self, placed: Placed, plugin: str, error: Exception | None) -> None:
        """What the pod waited for is done, or will not come."""
        env = self._api.find(PODS, placed.env.namespace, placed.env.name)
        if env is None or env.uid != placed.env.uid or self._queue.get(env.uid) is not placed.queued:
            for reserved in reversed(placed.reserved):
                reserved.unreserve(placed.env, placed.pod, placed.node)
            return  # it is gone, or not ours any longer; whoever noticed has taken it off its node
        placed = placed._replace(env=env)
        try:
            if error is not None:
                self._undo(placed)
                raise PluginError(plugin, "prebind", error) from error
            self._finish(placed)
        except PluginError as failed:
            self._on_failed(placed.queued, env, failed)

    def _finish(self, placed: Placed) -> None:
        try:
            env = self._bind(placed)
        except BaseException:
            self._undo(placed)
            raise
        self._queue.remove(env.uid)
        self._on_bound(env, placed.node)

    def _bind(self, placed: Placed) -> Envelope:
        env = placed.env
        for binder in placed.profile.bind:
            try:
                env = binder.bind(env, placed.node)
            except Exception as error:
                raise PluginError(binder.name, "bind", error) from error
        return env

    def _undo(self, placed: Placed) -> None:
        for plugin in reversed(placed.reserved):
            plugin.unreserve(placed.env, placed.pod, placed.node)
        self._nodes.remove_pod(placed.env.uid)
