"""ingress-controller: the simulated proxy's controller, for Ingresses whose class is of `kubarium.dev/ingress`.

Kubernetes has none of its own; this one behaves as the common ones do: it says that it took an Ingress up (`Sync`), and
tells in its status where the proxy listens. An Ingress of another class, or of none, is left alone; one that left its
class loses the address. What the proxy does with requests is not written anywhere: engine.network.ingress computes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.api.kinds import INGRESSCLASSES, INGRESSES, SERVICES
from engine.controllers.controller import Key, Queue, Watch, spec_changed
from engine.network.ingress import addresses, serving_class
from store.types import Envelope, JsonObject, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext


class IngressController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller
        self._recorder = context.recorder()
        self._seen: dict[Key, tuple[str, int]] = {}
        """uid and generation of each Ingress that was taken up."""

    def watches(self) -> Sequence[Watch]:
        return (
            Watch(INGRESSES, spec_changed),
            Watch(INGRESSCLASSES, lambda _: self._all()),
            Watch(SERVICES, self._service_event),
        )

    def start(self, queue: Queue) -> None:
        """An Ingress that shows an address was taken up before."""
        self._seen = {
            (env.namespace, env.name): _mark(env) for env in self._api.store.list(INGRESSES) if _shown(env.obj)
        }

    def reconcile(self, key: Key) -> int | None:
        ingress = self._api.find(INGRESSES, *key)
        if ingress is None:
            self._seen.pop(key, None)
            return None
        ingress_class = serving_class(self._api.store, ingress.obj)
        if ingress_class is None:
            if self._seen.pop(key, None) is not None and _shown(ingress.obj):
                self._api.update_status(self._caller, ingress, {"loadBalancer": {}})
            return None
        if self._seen.get(key) != _mark(ingress):
            self._seen[key] = _mark(ingress)
            self._recorder.event(ingress, "Normal", "Sync", "Scheduled for sync")
        wanted = addresses(self._api.store, ingress_class)
        if _shown(ingress.obj) != wanted:
            status = {"loadBalancer": {"ingress": wanted} if wanted else {}}
            self._api.update_status(self._caller, ingress, status)
        return None

    def _all(self) -> Iterable[Key]:
        return [(env.namespace, env.name) for env in self._api.store.list(INGRESSES)]

    def _service_event(self, event: WatchEvent) -> Iterable[Key]:
        """A Service with a load balancer may be the one that a class publishes."""
        balanced = any(env is not None and "loadBalancer" in (env.obj.get("status") or {}) for env in event[1:3])
        return self._all() if balanced else ()


def _shown(obj: JsonObject) -> list[JsonObject]:
    shown: list[JsonObject] = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return shown


def _mark(env: Envelope) -> tuple[str, int]:
    return env.uid, env.obj["metadata"].get("generation", 0)
