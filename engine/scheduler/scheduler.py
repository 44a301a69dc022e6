"""kube-scheduler: takes pods that have no node and binds them to one.

Informers keep the node table and the queue up to date; one cycle takes a pod from the queue, brings its class's masks
and scores to the present, picks a best node (equal ones by the seed), counts the pod there at once ("assumed") and
binds it through the API. A pod that fits nowhere gets the condition PodScheduled=False and an event that say why,
and waits in the queue. What a plugin or the API does wrong on one pod concerns that pod alone: it backs off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

from engine.api.errors import ApiError
from engine.api.kinds import NODES, PODS
from engine.api.server import Api, Caller
from engine.clock import Clock
from engine.informers import Informers
from engine.loop import Loop
from engine.scheduler.attempts import AttemptLog
from engine.scheduler.config import SchedulerConfig
from engine.scheduler.framework import ClusterEvent, Freed, Plugin
from engine.scheduler.load import Load
from engine.scheduler.messages import NO_NODES, truncated
from engine.scheduler.nodes import NodeTable
from engine.scheduler.placement import ClassView, refusal_message
from engine.scheduler.plugins import default_plugins
from engine.scheduler.podclass import Classifier, PodClass
from engine.scheduler.profile import PluginError, Profile
from engine.scheduler.queue import QueuedPod, SchedulingQueue
from engine.scheduler.reports import Recorder, Reporter
from engine.seed import Seed
from store.store import Store
from store.types import DELETED, Envelope, WatchEvent

_log = logging.getLogger(__name__)
_PODS_PER_CALLBACK: Final = 10
"""About 2 ms of work. A number and not a time: what comes between two pods must not depend on the wall clock."""
_VIEW_ROWS: Final = 256_000
"""Rows of all classes' masks and scores that are kept (about 60 bytes each); the least recently used go first."""


class Scheduler:
    """One profile on the engine's loop."""

    def __init__(
        self, api: Api, clock: Clock, loop: Loop, informers: Informers, seed: Seed, recorder: Recorder, store: Store,
        config: SchedulerConfig = SchedulerConfig(),
        plugins: Callable[[Api, Caller], list[Plugin]] = default_plugins,
    ) -> None:  # fmt: skip
        self._api, self._clock, self._loop, self._seed = api, clock, loop, seed
        self.config = config
        self.caller = Caller("system:kube-scheduler")
        self.profile = Profile(plugins(api, self.caller), config)
        self.reports = Reporter(api, clock, recorder, self.caller)
        self.nodes = NodeTable()
        self.classes = Classifier()
        self.queue = SchedulingQueue(clock, config, self._wake)
        self.attempts = AttemptLog(self.nodes, self.profile, store)
        self._views: dict[int, ClassView] = {}
        self._loads: WeakValueDictionary[tuple[object, ...], Load] = WeakValueDictionary()
        """By the pods' `load_key`; a load lives as long as the views that join it."""
        self._scheduled = False
        self._started = False
        informers.on_event(NODES, self._on_node)
        informers.on_event(PODS, self._on_pod)

    def start(self) -> None:
        """Take in what exists. Events before it are covered by it."""
        self._started = True
        for env in self._api.store.list(NODES):
            self.nodes.put_node(env.obj)
        for env in self._api.store.list(PODS):
            self._take_in(env)
        self._wake()

    # -- the cycle -------------------------------------------------------------------------------------------------

    def schedule_next(self) -> bool:
        """One cycle. False when no pod is to be tried now."""
        queued = self.queue.pop()
        if queued is None:
            return False
        env = self._api.find(PODS, queued.namespace, queued.name)
        if env is None or env.uid != queued.uid or env.obj["spec"].get("nodeName"):
            self.queue.remove(queued.uid)
            return True
        if env.obj["metadata"].get("deletionTimestamp"):
            self.queue.remove(queued.uid)
            self.reports.skipped(env)
            return True
        try:
            self._schedule(queued, env)
        except PluginError as error:
            if not isinstance(error.__cause__, ApiError):
                _log.error("%s/%s: %s", env.namespace, env.name, error, exc_info=error)
                self._views.clear()
            self._attempt_failed(queued, env, error.plugin, str(error))
        except Exception as error:  # noqa: BLE001  one pod's trouble must not stop the others
            _log.error("%s/%s: scheduling failed", env.namespace, env.name, exc_info=error)
            self._views.clear()
            self._attempt_failed(queued, env, "", str(error))
        return True

    def view(self, pod_class: PodClass) -> ClassView:
        """The class's masks and scores as of now. Raises PluginError."""
        if not self.config.class_shortcut:
            view = ClassView(pod_class, self.nodes, self.profile, Load(pod_class, self.nodes, self.profile))
        else:
            known = self._views.pop(pod_class.number, None)
            view = known if known is not None else self._new_view(pod_class)
            self._views[pod_class.number] = view
            if len(self._views) * self.nodes.size > _VIEW_ROWS:
                del self._views[next(iter(self._views))]
        view.refresh()
        return view

    def _new_view(self, pod_class: PodClass) -> ClassView:
        load = self._loads.get(pod_class.load_key)
        if load is None:
            load = self._loads[pod_class.load_key] = Load(pod_class, self.nodes, self.profile)
        return ClassView(pod_class, self.nodes, self.profile, load)

    def _schedule(self, queued: QueuedPod, env: Envelope) -> None:
        pod_class = self.classes.classify(env)
        view = self.view(pod_class)
        if not view.ties:
            self._refused(queued, env, pod_class, view)
            return
        ties = view.ties
        row = ties[0] if len(ties) == 1 else ties[self._seed.below(len(ties))]
        node = self.nodes.names[row]
        self.attempts.placed(queued, self._clock.now(), view, row, view.best)
        self._assume_and_bind(queued, env, pod_class, node)

    def _assume_and_bind(self, queued: QueuedPod, env: Envelope, pod_class: PodClass, node: str) -> None:
        self.nodes.assign(env.uid, pod_class, node)
        reserved = []
        try:
            for plugin in self.profile.reserve:
                reserved.append(plugin)
                plugin.reserve(env, pod_class, node)
            env = self._bind(env, node)
        except BaseException:
            for plugin in reversed(reserved):
                plugin.unreserve(env, pod_class, node)
            self.nodes.remove_pod(env.uid)
            raise
        self.queue.remove(env.uid)
        self.reports.scheduled(env, node)

    def _bind(self, env: Envelope, node: str) -> Envelope:
        for binder in self.profile.bind:
            try:
                env = binder.bind(env, node)
            except Exception as error:
                raise PluginError(binder.name, "bind", error) from error
        return env

    def _refused(self, queued: QueuedPod, env: Envelope, pod_class: PodClass, view: ClassView) -> None:
        if not self.nodes.count:
            message, rejectors = NO_NODES, tuple(plugin.name for plugin in self.profile.filters)
            self.attempts.failed(queued, self._clock.now(), "", message)
        else:
            diagnosis = view.diagnose()
            message, queued.nominated = refusal_message(pod_class, self.nodes, self.profile, diagnosis)
            rejectors = diagnosis.rejectors
            self.attempts.refused(queued, self._clock.now(), pod_class, diagnosis, message)
        self.queue.unschedulable(queued, pod_class, rejectors)
        self.reports.failed(env, "Unschedulable", message)

    def _attempt_failed(self, queued: QueuedPod, env: Envelope, plugin: str, message: str) -> None:
        self.attempts.failed(queued, self._clock.now(), plugin, message)
        self.queue.failed(queued)
        self.reports.failed(env, "SchedulerError", truncated(message))

    # -- events ----------------------------------------------------------------------------------------------------

    def _on_node(self, event: WatchEvent) -> None:
        if not self._started:
            return
        if event.type == DELETED:
            self.nodes.remove_node(event.now.name)
            return
        if event.before is not None and _same_node(event.before, event.now):
            return
        change = self.nodes.put_node(event.now.obj)
        if change.any:
            self._moved(change)

    def _on_pod(self, event: WatchEvent) -> None:
        if not self._started:
            return
        env, before = event.now, event.before
        if event.type == DELETED:
            self._let_go(env)
        elif before is None or before.uid != env.uid:
            if before is not None:
                self._let_go(before)
            self._take_in(env)
        elif before.obj["spec"] is not env.obj["spec"] or _ended(before) != _ended(env):
            self._take_in(env)

    def _take_in(self, env: Envelope) -> None:
        """Put a pod where it belongs: on its node, in the queue, or nowhere."""
        if _ended(env):
            self._let_go(env)
            return
        spec = env.obj["spec"]
        node = spec.get("nodeName")
        if node:
            self.queue.remove(env.uid)
            before = self.nodes.class_of(env.uid)
            self.nodes.assign(env.uid, self.classes.classify(env), node)
            row = self.nodes.row_of_pod(env.uid)
            if before is not None and row is not None and before is not self.nodes.class_of(env.uid):
                self._moved(Freed(row, before))  # It was resized in place; that may have made room.
            return
        if (spec.get("schedulerName") or self.config.scheduler_name) != self.config.scheduler_name:
            return
        gated = not all(plugin.pre_enqueue(env) for plugin in self.profile.pre_enqueue)
        if gated and (env.obj.get("status") or {}).get("phase", "Pending") == "Pending":
            self._loop.call_soon(lambda: self._tell_gated(env))
        known = self.queue.get(env.uid)
        self.queue.add(env.uid, env.namespace, env.name, spec.get("priority") or 0, gated)
        if known is not None and known.pod_class is not None and known.pod_class is not self.classes.classify(env):
            self.queue.touched(env.uid)

    def _tell_gated(self, env: Envelope) -> None:
        now = self._api.find(PODS, env.namespace, env.name)
        queued = self.queue.get(env.uid)
        if now is not None and queued is not None and queued.where == "gated":
            self.reports.gated(now)

    def _let_go(self, env: Envelope) -> None:
        self.queue.remove(env.uid)
        row = self.nodes.row_of_pod(env.uid)
        if row is not None:
            pod_class = self.nodes.remove_pod(env.uid)
            if pod_class is not None:
                self._moved(Freed(row, pod_class))

    def _moved(self, event: ClusterEvent) -> None:
        """Try again the pods that the event may help."""
        by_name, nodes = self.profile.by_name, self.nodes
        self.queue.move(lambda name, pod: name in by_name and by_name[name].hint(event, pod, nodes))

    # -- the loop --------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._scheduled and self._started:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        try:
            for _ in range(_PODS_PER_CALLBACK):
                if not self.schedule_next():
                    break
        finally:
            self.attempts.flush()
            self._scheduled = False
            if self.queue.ready:
                self._wake()


def _ended(env: Envelope) -> bool:
    return (env.obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _same_node(before: Envelope, now: Envelope) -> bool:
    """A heartbeat: nothing that the scheduler looks at was replaced."""
    old, new = before.obj, now.obj
    if old.get("spec") is not new.get("spec") or before.labels is not now.labels:
        return False
    was, are = old.get("status") or {}, new.get("status") or {}
    return was.get("allocatable") is are.get("allocatable") and was.get("capacity") is are.get("capacity")
