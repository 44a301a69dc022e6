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
from engine.api.kinds import (
    CSINODES,
    NAMESPACES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    SERVICES,
    STORAGECLASSES,
)
from engine.api.server import Api, Caller
from engine.clock import Clock
from engine.informers import Informers
from engine.loop import Loop
from engine.scheduler.affinity_terms import identity_of
from engine.scheduler.attempts import AttemptLog
from engine.scheduler.binding_cycle import BindingCycle
from engine.scheduler.config import SchedulerConfig
from engine.scheduler.framework import Arrived, ClusterEvent, Diagnosis, Freed, Plugin
from engine.scheduler.load import Load
from engine.scheduler.messages import NO_NODES, truncated
from engine.scheduler.nodes import NodeTable
from engine.scheduler.nominator import Nominator, blocked_rows, diagnose_beside
from engine.scheduler.placement import ClassView, refusal_message
from engine.scheduler.plugins import default_plugins
from engine.scheduler.podclass import Classifier, PodClass
from engine.scheduler.profile import AFFINITY, SPREAD, PluginError, Profile
from engine.scheduler.queue import QueuedPod, SchedulingQueue
from engine.scheduler.relations import RelationResolver
from engine.scheduler.reports import Recorder, Reporter
from engine.scheduler.volumes import VOLUME_PLUGINS, mounts_of
from engine.seed import Seed
from store.store import Store
from store.types import DELETED, Envelope, Uid, WatchEvent

_log = logging.getLogger(__name__)
_PODS_PER_CALLBACK: Final = 10
"""About 2 ms of work. A number and not a time: what comes between two pods must not depend on the wall clock."""
_RELATED: Final = frozenset((SPREAD, AFFINITY))
"""Plugins for which a pod that comes to a node can make a difference to others."""
_VIEW_ROWS: Final = 256_000
"""Rows of all classes' masks and scores that are kept (about 60 bytes each); the least recently used go first."""


class Scheduler:
    """All profiles, with one queue, on the engine's loop."""

    def __init__(
        self, api: Api, clock: Clock, loop: Loop, informers: Informers, seed: Seed, recorder: Recorder, store: Store,
        config: SchedulerConfig = SchedulerConfig(),
        plugins: Callable[[Api, Caller], list[Plugin]] = default_plugins,
    ) -> None:  # fmt: skip
        self._api, self._clock, self._loop, self._seed = api, clock, loop, seed
        self.config = config
        self.caller = Caller("system:kube-scheduler")
        self.profiles = {
            profile.scheduler_name: Profile(plugins(api, self.caller), profile) for profile in config.profiles
        }
        """By scheduler name; the first one takes pods that name none."""
        self.reports = Reporter(api, clock, recorder, self.caller)
        self.nodes = NodeTable()
        self.classes = Classifier()
        self.relations = RelationResolver(api, self.nodes, self.classes)
        self.nominator = Nominator()
        self.queue = SchedulingQueue(clock, config, self._wake)
        self._binding = BindingCycle(
            api, loop, self.nodes, self.queue, self._bound,
            lambda queued, env, error: self._attempt_failed(queued, env, error.plugin, str(error)),
        )  # fmt: skip
        self.attempts = AttemptLog(self.nodes, config, store)
        self._views: dict[int, ClassView] = {}
        self._loads: WeakValueDictionary[tuple[object, ...], Load] = WeakValueDictionary()
        """By profile and the pods' `load_key`; a load lives as long as the views that join it."""
        self._scheduled = False
        self._started = False
        informers.on_event(NODES, self._on_node)
        informers.on_event(PODS, self._on_pod)
        informers.on_event(NAMESPACES, self._on_namespace)
        informers.on_event(SERVICES, self._on_service)
        for resource in (PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES, CSINODES):
            informers.on_event(resource, self._on_storage)

    def start(self) -> None:
        """Take in what exists. Events before it are covered by it."""
        self._started = True
        for env in self._api.store.list(NAMESPACES):
            self.nodes.selections.namespaces.put(env.name, env.labels)
        for env in self._api.store.list(SERVICES):
            self.relations.services.put(env.namespace, env.name, (env.obj.get("spec") or {}).get("selector"))
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

    def profile_of(self, pod_class: PodClass) -> Profile:
        """The profile of a pod that is ours."""
        return self.profiles[pod_class.scheduler or self.config.profiles[0].scheduler_name]

    def class_of(self, env: Envelope) -> PodClass:
        """The pod's class, its relations to other pods as of now included."""
        base = self.classes.classify(env)
        found = self.relations.resolve(env, base, self.profile_of(base))
        mounts = mounts_of(env)
        return found if mounts is None else self.classes.with_mounts(found, mounts)

    def view(self, pod_class: PodClass) -> ClassView:
        """The class's masks and scores as of now. Raises PluginError."""
        if not self.config.class_shortcut:
            profile = self.profile_of(pod_class)
            view = ClassView(pod_class, self.nodes, profile, Load(pod_class, self.nodes, profile))
        else:
            known = self._views.pop(pod_class.number, None)
            view = known if known is not None else self._new_view(pod_class)
            self._views[pod_class.number] = view
            if len(self._views) * self.nodes.size > _VIEW_ROWS:
                del self._views[next(iter(self._views))]
        view.refresh()
        return view

    def _new_view(self, pod_class: PodClass) -> ClassView:
        profile = self.profile_of(pod_class)
        key = profile.name, *pod_class.load_key
        load = self._loads.get(key)
        if load is None:
            load = self._loads[key] = Load(pod_class, self.nodes, profile)
        return ClassView(pod_class, self.nodes, profile, load)

    def _schedule(self, queued: QueuedPod, env: Envelope) -> None:
        pod_class = self.class_of(env)
        view = self.view(pod_class)
        best, ties = view.best, view.ties
        if self.nominator and ties:
            best, ties = self._beside_nominees(env.uid, pod_class, view)
        if not ties:
            self._refused(queued, env, pod_class)
            return
        row = ties[0] if len(ties) == 1 else ties[self._seed.below(len(ties))]
        node = self.nodes.names[row]
        self.attempts.placed(queued, self._clock.now(), view, row, best)
        self._binding.place(queued, env, pod_class, self.profile_of(pod_class), node)

    def _beside_nominees(self, uid: Uid, pod_class: PodClass, view: ClassView) -> tuple[int, list[int]]:
        """(best score, rows that have it) where room is kept for others; the pod's own room, if it has become free."""
        nominees = self.nominator.before(uid, pod_class.priority)
        blocked = blocked_rows(nominees, pod_class, self.nodes, self.profile_of(pod_class), view)
        own = self.nodes.row(self.nominator.node_of(uid))
        if own is not None and own not in blocked and view.total(own) >= 0:
            return view.total(own), [own]
        return view.without(blocked) if blocked else (view.best, view.ties)

    def _bound(self, env: Envelope, node: str) -> None:
        self.nominator.remove(env.uid)
        self.reports.scheduled(env, node)
        self._arrived(env.uid)

    def _refused(self, queued: QueuedPod, env: Envelope, pod_class: PodClass) -> None:
        profile = self.profile_of(pod_class)
        nominated: str | None = None
        if not self.nodes.count:
            message, rejectors = NO_NODES, tuple(plugin.name for plugin in profile.filters)
            self.attempts.failed(queued, self._clock.now(), "", message)
        else:
            diagnosis = self.diagnosis(env, pod_class)
            message, result = refusal_message(env, pod_class, self.nodes, profile, diagnosis)
            rejectors, nominated = diagnosis.rejectors, result.nominated
            self.attempts.refused(queued, self._clock.now(), pod_class, profile, diagnosis, message)
            if nominated:
                self._preempt(env, pod_class, nominated, result.victims)
            elif nominated == "":
                self.nominator.remove(env.uid)
        self.queue.unschedulable(queued, pod_class, rejectors)
        self.reports.failed(env, "Unschedulable", message, nominated)

    def diagnosis(self, env: Envelope, pod_class: PodClass) -> Diagnosis:
        """Why no node takes the pod, the room that is kept for others considered. Raises PluginError."""
        view = self.view(pod_class)
        nominees = self.nominator.before(env.uid, pod_class.priority) if self.nominator else []
        if not nominees:
            return view.diagnose()
        return diagnose_beside(nominees, pod_class, self.nodes, self.profile_of(pod_class))

    def _preempt(self, env: Envelope, pod_class: PodClass, node: str, victims: tuple[Uid, ...]) -> None:
        """Remove the victims and keep their room for the pod."""
        for uid in victims:
            who = self.nodes.identity(uid)
            victim = self._api.find(PODS, who.namespace, who.name)
            if victim is not None and victim.uid == uid:
                self.reports.preempted(victim, env, node)
        for nominee in self.nominator.lower_on(node, pod_class.priority):
            # What they were to get is smaller now; they find another place.
            self.nominator.remove(nominee.uid)
            other = self._api.find(PODS, nominee.who.namespace, nominee.who.name)
            if other is not None and other.uid == nominee.uid:
                self.reports.unnominated(other)
        self.nominator.put(env.uid, node, pod_class, identity_of(env))

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
        if event.before is not None and _only_images(event.before, event.now):
            self.nodes.put_images(event.now.obj)
            return
        change = self.nodes.put_node(event.now.obj)
        if change.any:
            self._moved(change)

    def _on_storage(self, event: WatchEvent) -> None:
        """Claims, volumes and classes: pods that volumes kept waiting are tried again."""
        if self._started and len(self.queue):
            self.queue.move(lambda name, pod: pod.mounts is not None and name in VOLUME_PLUGINS)

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
        elif identity_of(before) != identity_of(env):
            self._relabelled(env)

    def _relabelled(self, env: Envelope) -> None:
        """Labels or the time of deletion changed, and nothing else that matters."""
        if self.nodes.row_of_pod(env.uid) is None:
            self._take_in(env)
            return
        before = self.nodes.selections.relabel(env.uid, identity_of(env))
        if before is not None and self._watched():
            self._moved(Freed(before.row, before.pod, before.who), _RELATED)
            self._arrived(env.uid)

    def _arrived(self, uid: Uid) -> None:
        """A pod came to its node: that may be what others wait for."""
        if self._watched():
            row, pod = self.nodes.row_of_pod(uid), self.nodes.class_of(uid)
            if row is not None and pod is not None:
                self._moved(Arrived(row, pod, self.nodes.identity(uid)), _RELATED)

    def _watched(self) -> bool:
        """Does a pod wait because of other pods' places?"""
        return self.queue.waits_for(_RELATED)

    def _on_namespace(self, event: WatchEvent) -> None:
        namespaces = self.nodes.selections.namespaces
        name = event.now.name
        changed = namespaces.remove(name) if event.type == DELETED else namespaces.put(name, event.now.labels)
        if changed and self._started:
            self.nodes.selections.namespaces_changed()
            self.relations.forget()

    def _on_service(self, event: WatchEvent) -> None:
        env = event.now
        selector = None if event.type == DELETED else (env.obj.get("spec") or {}).get("selector")
        self.relations.services.put(env.namespace, env.name, selector)

    def _take_in(self, env: Envelope) -> None:
        """Put a pod where it belongs: on its node, in the queue, or nowhere."""
        if _ended(env):
            self._let_go(env)
            return
        spec = env.obj["spec"]
        node = spec.get("nodeName")
        if node:
            self.queue.remove(env.uid)
            self.nominator.remove(env.uid)
            before, after, who = self.nodes.class_of(env.uid), self.classes.classify(env), identity_of(env)
            self.nodes.assign(env.uid, after, node, who)
            row = self.nodes.row_of_pod(env.uid)
            if before is None:
                self._arrived(env.uid)
            elif row is not None and (self.nodes.vector(after) < self.nodes.vector(before)).any():
                self._moved(Freed(row, before, who))  # It was resized in place, and that made room.
            return
        profile = self.profiles.get(spec.get("schedulerName") or self.config.profiles[0].scheduler_name)
        if profile is None:
            return
        nominated = (env.obj.get("status") or {}).get("nominatedNodeName")
        if nominated and self.queue.get(env.uid) is None:
            self.nominator.put(env.uid, nominated, self.classes.classify(env), identity_of(env))
        gated = not all(plugin.pre_enqueue(env) for plugin in profile.pre_enqueue)
        if gated and (env.obj.get("status") or {}).get("phase", "Pending") == "Pending":
            self._loop.call_soon(lambda: self._tell_gated(env))
        known = self.queue.get(env.uid)
        self.queue.add(env.uid, env.namespace, env.name, spec.get("priority") or 0, gated)
        if known is not None and known.pod_class is not None and known.pod_class is not self.class_of(env):
            self.queue.touched(env.uid)

    def _tell_gated(self, env: Envelope) -> None:
        now = self._api.find(PODS, env.namespace, env.name)
        queued = self.queue.get(env.uid)
        if now is not None and queued is not None and queued.where == "gated":
            self.reports.gated(now)

    def _let_go(self, env: Envelope) -> None:
        self.queue.remove(env.uid)
        self.nominator.remove(env.uid)
        gone = self.nodes.remove_pod(env.uid)
        if gone is not None:
            self._moved(Freed(gone.row, gone.pod, gone.who))

    def _moved(self, event: ClusterEvent, plugins: frozenset[str] | None = None) -> None:
        """Try again the pods that the event may help; `plugins`: who may judge it, None for all."""

        def helps(name: str, pod: PodClass) -> bool:
            if plugins is not None and name not in plugins:
                return False
            plugin = self.profile_of(pod).by_name.get(name)
            return plugin is not None and plugin.hint(event, pod, self.nodes)

        self.queue.move(helps)

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
    return all(was.get(part) is are.get(part) for part in ("allocatable", "capacity", "images"))


def _only_images(before: Envelope, now: Envelope) -> bool:
    """Of what the scheduler looks at, the images alone can differ."""
    was, are = before.obj.get("status") or {}, now.obj.get("status") or {}
    return (
        was.get("allocatable") == are.get("allocatable")
        and was.get("capacity") == are.get("capacity")
        and before.obj.get("spec") == now.obj.get("spec")
        and before.labels == now.labels
    )
