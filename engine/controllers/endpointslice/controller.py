"""EndpointSlice controller: for every Service with a selector, slices that list the pods behind it.

A sync takes the pods that changed (engine.controllers.service_pods), says what endpoint each of them has now
(`desired`), and lets `packing` decide which slices to write; so its cost follows the change, not the Service. What it
holds in memory is a copy of the stored slices by pod. When somebody else changed or deleted one of them, or the
controller starts anew, that copy is made again from what is stored.

Kept from Kubernetes: a Service without endpoints has one empty slice; a slice that would be deleted is written anew
when another would be created; slices of an address type that the Service no longer has, or of an older Service of the
same name, are deleted; Services without a selector and ExternalName ones are left alone; slices follow their Service
into the garbage collector. A pod whose node is not there is left out, and tried again. Hints by topology-mode are given
when the slices are known (`hints`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api import errors
from engine.api.errors import ApiError, NotFound
from engine.api.kinds import ENDPOINTSLICES, NODES, SERVICES
from engine.clock import SECOND
from engine.controllers.controller import Key, Queue, Watch, being_deleted, controller_reference, with_metadata
from engine.controllers.endpointslice.desired import (
    CONTROLLER,
    MANAGED_BY,
    NO_PORTS,
    Desired,
    NodeMissing,
    Ports,
    hints_by_annotation,
    port_key,
    slice_labels,
)
from engine.controllers.endpointslice.hints import TopologyHints
from engine.controllers.endpointslice.packing import Endpoints, pack
from engine.controllers.service_pods import TRIGGER_TIME, Followed, ServiceFollower
from engine.network.pod_endpoints import address_families
from engine.network.slices import SERVICE_NAME, slices_of
from store.types import DELETED, Envelope, JsonObject, ObjectKey, Revision, Uid, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_PATIENCE: Final = SECOND
"""How long a slice that somebody changed stays so (endpointSliceChangeMinSyncDelay)."""


class _Family:
    """The slices of one Service and one address type."""

    def __init__(self) -> None:
        self.slices: dict[str, Endpoints] = {}
        self.ports: dict[str, Ports] = {}
        """By slice."""
        self.homes: dict[ObjectKey, str] = {}
        """Which slice a pod's endpoint is in."""

    def take(self, name: str, endpoints: Endpoints, ports: Ports) -> None:
        """The slice is as it is stored now."""
        for pod in self.slices.get(name, ()):
            if pod not in endpoints and self.homes.get(pod) == name:
                del self.homes[pod]
        self.slices[name], self.ports[name] = endpoints, ports
        self.homes.update(dict.fromkeys(endpoints, name))

    def drop(self, name: str) -> None:
        for pod in self.slices.pop(name, ()):
            if self.homes.get(pod) == name:
                del self.homes[pod]
        self.ports.pop(name, None)


class _Held:
    """What is stored for one Service."""

    def __init__(self, uid: Uid) -> None:
        self.uid = uid
        self.families: dict[str, _Family] = {}
        self.revisions: dict[str, Revision] = {}
        """Of each slice, as this controller wrote or last read it."""
        self.labels: dict[str, str] = {}
        """What all slices carry."""


class EndpointSliceController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller
        self._recorder = context.recorder("endpoint-slice-controller")
        batch = context.flags.duration("endpointslice-updates-batch-period")
        self._follower = ServiceFollower(context.api, context.clock, batch)
        self._hints = TopologyHints(context.api.store)
        self._held: dict[Key, _Held] = {}

    def watches(self) -> Sequence[Watch]:
        own = (Watch(ENDPOINTSLICES, self._slice_event), Watch(NODES, self._hints.node_event))
        return (*self._follower.watches(), *own)

    def start(self, queue: Queue) -> None:
        self._held.clear()
        self._hints.clear()
        self._follower.start(queue)

    def reconcile(self, key: Key) -> int | None:
        service = self._api.find(SERVICES, key[0], key[1])
        if service is None:
            self._held.pop(key, None)
            self._follower.forget(key)
            self._hints.forget(key)
            return None
        spec = service.obj["spec"]
        if spec.get("type") == "ExternalName" or not spec.get("selector"):
            return None
        followed = self._follower.follow(service)
        first = followed.synced < 0
        held = self._held.get(key)
        if held is None or held.uid != service.uid or followed.everything:
            held = self._held[key] = self._read(service)
            followed.everything = True
        whole = followed.everything
        known = [pod for family in held.families.values() for pod in family.homes] if whole else ()
        pods = self._follower.changed(service, followed, known)
        trigger = self._follower.trigger_time(service, followed, first, pods)
        missing: dict[str, None] = {}
        try:
            for family in address_families(spec):
                self._sync(service, held, family, pods, trigger, missing, followed, whole)
        except ApiError as error:
            followed.everything = True  # what was written so far is read again
            if any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                return None
            self._tell(service, error)
            raise
        followed.size = sum(len(family.homes) for family in held.families.values())
        if missing:
            raise errors.not_found(NODES, next(iter(missing)))
        return None

    # -- events ----------------------------------------------------------------------------------------------------

    def _slice_event(self, event: WatchEvent) -> Iterable[Key]:
        """Slices that somebody else changed are put right after a while; one's own writes ask for nothing."""
        for env in (event.before, event.now):
            if env is None or env.labels.get(MANAGED_BY) != CONTROLLER:
                continue
            key = (env.namespace, env.labels.get(SERVICE_NAME, ""))
            held = self._held.get(key)
            if held is None:
                continue
            written = held.revisions.get(env.name)
            if written is None if event.type == DELETED else written is not None and written >= event.revision:
                continue
            self._follower.look_at_everything(key, _PATIENCE)
        return ()

    # -- one sync ----------------------------------------------------------------------------------------------------

    def _read(self, service: Envelope) -> _Held:
        """What is stored, after deleting what does not belong there."""
        held = _Held(service.uid)
        families = {name: _Family() for name in address_families(service.obj["spec"])}
        for env in list(slices_of(self._api.store, service.namespace, service.name)):
            if env.labels.get(MANAGED_BY) != CONTROLLER:
                continue
            family = families.get(env.obj["addressType"])
            if family is None or service.uid not in env.owners:
                self._delete(env.namespace, env.name)
                continue
            endpoints: Endpoints = {}
            for endpoint in env.obj.get("endpoints") or ():
                target = endpoint.get("targetRef") or {}
                pod = ObjectKey("", "pods", target.get("namespace", ""), target.get("name", ""))
                if pod not in family.homes and target.get("kind") == "Pod":
                    endpoints[pod] = endpoint
            listed: list[JsonObject] = env.obj.get("ports") or []
            family.take(env.name, endpoints, Ports(port_key(listed), listed))
            if len(endpoints) == len(env.obj.get("endpoints") or ()):
                held.revisions[env.name] = env.revision
            else:
                held.revisions[env.name] = Revision(0)  # endpoints that are no pods: written anew
        held.families = families
        return held

    def _sync(
        self, service: Envelope, held: _Held, family_name: str, pods: dict[ObjectKey, Envelope | None],
        trigger: str | None, missing: dict[str, None], followed: Followed, whole: bool,
    ) -> None:  # fmt: skip
        family = held.families[family_name]
        groups = self._changes(service, family, family_name, pods, missing, followed)
        create: list[tuple[Endpoints, Ports]] = []
        update: dict[str, tuple[Endpoints, Ports]] = {}
        delete: list[str] = []
        for ports, changes in groups.values():
            mine = {name: each for name, each in family.slices.items() if each and family.ports[name].key == ports.key}
            plan = pack(mine, family.homes, changes)
            create += [(endpoints, ports) for endpoints in plan.create]
            update |= {name: (endpoints, ports) for name, endpoints in plan.update.items()}
            delete += plan.delete
        labels = held.labels = slice_labels(service)
        for name, endpoints in family.slices.items():
            if not endpoints:
                delete.append(name)
            elif whole and name not in update and name not in delete and self._is_stale(service, held, name, labels):
                update[name] = (endpoints, family.ports[name])
        if len(delete) == len(family.slices) and not create:
            empty = [name for name in delete if not family.slices[name] and not family.ports[name].key]
            if len(delete) == 1 and empty and not self._is_stale(service, held, empty[0], labels):
                delete.clear()
            else:
                create.append(({}, NO_PORTS))
        create, update = self._with_hints(service, family, family_name, create, update, delete)
        while delete and create:
            update[delete.pop(0)] = create.pop()
        if not being_deleted(service.obj):
            for endpoints, ports in create:
                env = self._api.create(
                    self._caller, ENDPOINTSLICES, service.namespace,
                    _new_slice(service, family_name, endpoints, ports, labels, trigger),
                )  # fmt: skip
                held.revisions[env.name] = env.revision
                family.take(env.name, endpoints, ports)
        for name, (endpoints, ports) in update.items():
            self._update(service, held, name, endpoints, ports, trigger)
            family.take(name, endpoints, ports)
        for name in delete:
            held.revisions.pop(name, None)
            family.drop(name)
            self._delete(service.namespace, name)

    def _changes(
        self, service: Envelope, family: _Family, family_name: str, pods: dict[ObjectKey, Envelope | None],
        missing: dict[str, None], followed: Followed,
    ) -> dict[object, tuple[Ports, dict[ObjectKey, JsonObject | None]]]:  # fmt: skip
        """What changed, by ports: a pod that has others now leaves one group and comes to another."""
        desired, annotated = Desired(self._api.store, service), hints_by_annotation(service)
        groups: dict[object, tuple[Ports, dict[ObjectKey, JsonObject | None]]] = {}
        for pod, env in pods.items():
            wanted = None
            if env is not None:
                try:
                    wanted = desired.endpoint(env, family_name)
                except NodeMissing as error:
                    missing[str(error)] = None
                    followed.pods[pod] = None
            home = family.homes.get(pod)
            was = family.ports[home] if home is not None else None
            if annotated and home is not None and wanted is not None:
                wanted = wanted[0], _keeping_hints(wanted[1], family.slices[home][pod])
            if was is not None and (wanted is None or wanted[0].key != was.key):
                groups.setdefault(was.key, (was, {}))[1][pod] = None
            if wanted is not None:
                ports, endpoint = wanted
                groups.setdefault(ports.key, (ports, {}))[1][pod] = endpoint
        return groups

    def _with_hints(
        self, service: Envelope, family: _Family, family_name: str, create: list[tuple[Endpoints, Ports]],
        update: dict[str, tuple[Endpoints, Ports]], delete: list[str],
    ) -> tuple[list[tuple[Endpoints, Ports]], dict[str, tuple[Endpoints, Ports]]]:  # fmt: skip
        """What is to be created and updated, with the hints of topology-mode if the Service asks for them."""
        key = (service.namespace, service.name)
        if not hints_by_annotation(service):
            note = self._hints.disabled(key, family_name)
        else:
            untouched = {n: e for n, e in family.slices.items() if n not in update and n not in delete}
            updating = {name: endpoints for name, (endpoints, _) in update.items()}
            hinted = self._hints.add(key, family_name, [endpoints for endpoints, _ in create], updating, untouched)
            create = [(endpoints, ports) for endpoints, (_, ports) in zip(hinted.create, create, strict=True)]
            ports_of = {**family.ports, **{name: ports for name, (_, ports) in update.items()}}
            update = {name: (endpoints, ports_of[name]) for name, endpoints in hinted.update.items()}
            note = hinted.note
        if note is not None:
            self._recorder.event(service, *note)
        return create, update

    def _is_stale(self, service: Envelope, held: _Held, name: str, labels: dict[str, str]) -> bool:
        """The stored slice has other labels than it should, or endpoints that are nobody's."""
        if held.revisions.get(name) == 0:
            return True
        env = self._api.find(ENDPOINTSLICES, service.namespace, name)
        return env is None or dict(env.labels) != labels

    def _update(
        self, service: Envelope, held: _Held, name: str, endpoints: Endpoints, ports: Ports, trigger: str | None
    ) -> None:
        env = self._api.get(ENDPOINTSLICES, service.namespace, name)
        notes = {**(env.obj["metadata"].get("annotations") or {}), TRIGGER_TIME: trigger}
        if trigger is None:
            del notes[TRIGGER_TIME]
        obj = with_metadata(env.obj, labels=held.labels, annotations=notes or None)
        obj = {**obj, "endpoints": list(endpoints.values()), "ports": ports.listed}
        written = self._api.update(self._caller, ENDPOINTSLICES, service.namespace, name, obj)
        held.revisions[name] = written.revision

    def _delete(self, namespace: str, name: str) -> None:
        try:
            self._api.delete(self._caller, ENDPOINTSLICES, namespace, name)
        except NotFound:
            return

    def _tell(self, service: Envelope, error: ApiError) -> None:
        text = f"Error updating Endpoint Slices for Service {service.namespace}/{service.name}: {error}"
        self._recorder.event(service, "Warning", "FailedToUpdateEndpointSlices", text)


def _keeping_hints(endpoint: JsonObject, stored: JsonObject) -> JsonObject:
    """An endpoint that only its hints would change stays as it is: the hints are looked at for all slices together."""
    return stored if "hints" in stored and {**endpoint, "hints": stored["hints"]} == stored else endpoint


def _new_slice(
    service: Envelope, family: str, endpoints: Endpoints, ports: Ports, labels: dict[str, str], trigger: str | None
) -> JsonObject:
    meta: JsonObject = {
        "generateName": f"{service.name}-", "labels": labels, "ownerReferences": [controller_reference(service)],
    }  # fmt: skip
    if trigger is not None:
        meta["annotations"] = {TRIGGER_TIME: trigger}
    return {
        "metadata": meta, "addressType": family, "endpoints": list(endpoints.values()), "ports": ports.listed,
    }  # fmt: skip
