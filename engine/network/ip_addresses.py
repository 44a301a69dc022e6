"""IPAddress objects: each cluster IP of a Service has one, so that nobody else is given it (KEP-1880).

The API makes them with the Service and takes them away with it, in its own name: they are no part of what a person did
and is undone with it. What somebody else changes in them, `engine.controllers.service_cidrs` puts right.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from engine.clock import Clock, rfc3339
from engine.network.service_allocation import IP_ADDRESSES, addresses_of
from engine.seed import Seed
from store.store import Store
from store.types import Author, JsonObject, ObjectKey

FAMILY_LABEL: Final = "ipaddress.kubernetes.io/ip-family"
MANAGER_LABEL: Final = "ipaddress.kubernetes.io/managed-by"
MANAGER: Final = "ipallocator.k8s.io"
_ALLOCATOR: Final = Author("system:apiserver")


def key_of(address: str) -> ObjectKey:
    return ObjectKey(*IP_ADDRESSES, "", address)


def manifest(address: str, namespace: str, name: str) -> JsonObject:
    """The IPAddress of a Service, as it is asked for."""
    labels = {FAMILY_LABEL: f"IPv{ip_address(address).version}", MANAGER_LABEL: MANAGER}
    parent = {"resource": "services", "namespace": namespace, "name": name}
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "metadata": {"name": address, "labels": labels},
        "spec": {"parentRef": parent},
    }  # fmt: skip


def parent_of(obj: JsonObject) -> tuple[str, str] | None:
    """(namespace, name) of the Service that an IPAddress belongs to; None when it is no Service's."""
    parent = (obj.get("spec") or {}).get("parentRef") or {}
    if parent.get("group") or parent.get("resource") != "services":
        return None
    return parent.get("namespace", ""), parent.get("name", "")


class AddressBook:
    """Keeps IPAddresses in step with what is written about Services."""

    def __init__(self, store: Store, clock: Clock, seed: Seed) -> None:
        self._store, self._clock, self._seed = store, clock, seed

    def follow(self, service: ObjectKey, old: JsonObject | None, new: JsonObject | None) -> None:
        """A Service was written: `old` before, None for a new one; `new` after, None when it is gone."""
        before = addresses_of(old.get("spec") or {}) if old is not None else []
        after = addresses_of(new.get("spec") or {}) if new is not None else []
        if before == after:
            return
        now = self._clock.now()
        for address in before:
            present = self._store.get(key_of(address)) if address not in after else None
            if present is not None and parent_of(present.obj) == (service.namespace, service.name):
                self._store.delete(present.key, _ALLOCATOR, now)
        for address in after:
            if address not in before and self._store.get(key_of(address)) is None:
                obj = manifest(address, service.namespace, service.name)
                obj["metadata"] |= {"uid": self._seed.uid(), "creationTimestamp": rfc3339(now)}
                self._store.put(key_of(address), obj, _ALLOCATOR, now)
