"""endpointslicemirroring-controller: Endpoints that somebody wrote by hand, given as EndpointSlices to the proxies.

Concerned are Endpoints of a Service without a selector. Left alone are those that say so (`skip-mirror`) and those that
elect a leader; slices that were made for them before are deleted. Addresses of the same ports and family come into
one slice, at most a thousand of a subset; labels and annotations go along, and the slices go with their Endpoints into
the garbage collector. (pkg/controller/endpointslicemirroring)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.kinds import ENDPOINTS, ENDPOINTSLICES, SERVICES
from engine.controllers.controller import (
    Key,
    Queue,
    Watch,
    being_deleted,
    controller_reference,
    own_key,
    with_metadata,
)
from engine.controllers.endpointslice.desired import MANAGED_BY, PortKey, port_key
from engine.network.service_allocation import family_of
from engine.network.slices import SERVICE_NAME, slices_of
from store.types import Envelope, JsonObject, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

CONTROLLER: Final = "endpointslicemirroring-controller.k8s.io"
SKIP: Final = "endpointslice.kubernetes.io/skip-mirror"
_LEADER: Final = "control-plane.alpha.kubernetes.io/leader"
_NOT_MIRRORED: Final = (
    "endpoints.kubernetes.io/last-change-trigger-time", "kubectl.kubernetes.io/last-applied-configuration",
)  # fmt: skip
_MOST: Final = 1000
"""`--mirroring-max-endpoints-per-subset`."""


class EndpointSliceMirroringController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller
        self._recorder = context.recorder("endpoint-slice-mirroring-controller")

    def watches(self) -> Sequence[Watch]:
        return Watch(ENDPOINTS, own_key), Watch(SERVICES, own_key), Watch(ENDPOINTSLICES, _slice_event)

    def start(self, queue: Queue) -> None:
        """It remembers nothing."""

    def reconcile(self, key: Key) -> int | None:
        namespace, name = key
        held = [env for env in slices_of(self._api.store, namespace, name) if _is_ours(env)]
        service, endpoints = self._api.find(SERVICES, namespace, name), self._api.find(ENDPOINTS, namespace, name)
        if service is None or endpoints is None or not _is_mirrored(service, endpoints):
            for env in held:
                self._api.delete(self._caller, ENDPOINTSLICES, namespace, env.name)
            return None
        wanted = self._wanted(endpoints)
        for env in held:
            made = wanted.pop((env.obj["addressType"], port_key(env.obj.get("ports") or [])), None)
            if made is None or endpoints.uid not in env.owners:
                self._api.delete(self._caller, ENDPOINTSLICES, namespace, env.name)
                if made is not None:
                    self._api.create(self._caller, ENDPOINTSLICES, namespace, made)
                continue
            meta = {"labels": made["metadata"]["labels"], "annotations": made["metadata"].get("annotations")}
            obj = with_metadata({**env.obj, "endpoints": made["endpoints"], "ports": made["ports"]}, **meta)
            self._api.update(self._caller, ENDPOINTSLICES, namespace, env.name, obj)
        for made in wanted.values():
            self._api.create(self._caller, ENDPOINTSLICES, namespace, made)
        return None

    def _wanted(self, endpoints: Envelope) -> dict[tuple[str, PortKey], JsonObject]:
        """Slices by family and ports."""
        annotations = {
            key: value for key, value in (endpoints.obj["metadata"].get("annotations") or {}).items()
            if key not in _NOT_MIRRORED
        }  # fmt: skip
        meta: JsonObject = {
            "generateName": f"{endpoints.name}-",
            "labels": {**endpoints.labels, MANAGED_BY: CONTROLLER, SERVICE_NAME: endpoints.name},
            "ownerReferences": [controller_reference(endpoints)],
        }
        if annotations:
            meta["annotations"] = annotations
        wanted: dict[tuple[str, PortKey], JsonObject] = {}
        for subset in endpoints.obj.get("subsets") or ():
            ports = [
                {key: each[key] for key in ("name", "port", "protocol", "appProtocol") if key in each}
                for each in subset.get("ports") or ()
            ]
            ready, waiting = subset.get("addresses") or (), subset.get("notReadyAddresses") or ()
            both = [*((each, True) for each in ready), *((each, False) for each in waiting)]
            if len(both) > _MOST:
                text = f"A max of {_MOST} addresses can be mirrored to EndpointSlices per Endpoints subset. "
                text += f"{len(both) - _MOST} addresses were skipped"
                self._recorder.event(endpoints, "Warning", "TooManyAddressesToMirror", text)
            skipped = 0
            for address, is_ready in both[:_MOST]:
                family = family_of(address["ip"])
                if not family:
                    skipped += 1
                    continue
                made = wanted.setdefault(
                    (family, port_key(ports)),
                    {"metadata": meta, "addressType": family, "endpoints": [], "ports": ports},
                )  # fmt: skip
                made["endpoints"].append(_endpoint(address, is_ready))
            if skipped:
                text = f"Skipped {skipped} invalid IP addresses when mirroring to EndpointSlices"
                self._recorder.event(endpoints, "Warning", "InvalidIPAddress", text)
        return wanted


def _endpoint(address: JsonObject, ready: bool) -> JsonObject:
    kept: JsonObject = {key: address[key] for key in ("hostname", "nodeName", "targetRef") if key in address}
    return {"addresses": [address["ip"]], "conditions": {"ready": ready}, **kept}


def _is_mirrored(service: Envelope, endpoints: Envelope) -> bool:
    annotations = endpoints.obj["metadata"].get("annotations") or {}
    return not (
        service.obj["spec"].get("selector")
        or being_deleted(endpoints.obj)
        or endpoints.labels.get(SKIP) == "true"
        or _LEADER in annotations
    )


def _is_ours(env: Envelope) -> bool:
    return env.labels.get(MANAGED_BY) == CONTROLLER


def _slice_event(event: WatchEvent) -> Iterable[Key]:
    """A slice of ours that somebody changed or deleted."""
    return ((event.now.namespace, event.now.labels.get(SERVICE_NAME, "")),) if _is_ours(event.now) else ()
