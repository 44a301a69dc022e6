"""csi-node-driver-registrar: the simulated driver is installed when somebody wants it, and then is on every node.

The first StorageClass or volume that names `csi.kubarium.dev` installs it: a CSIDriver object, and for each node a
CSINode that says under which name the driver knows the node and how many volumes can be attached there. A count that
a person wrote stays. The definitions of volume snapshots come along, unless they are there. Without anybody who wants
it nothing is there, as on a cluster without a driver.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.kinds import CRDS, CSIDRIVERS, CSINODES, NODES, PERSISTENTVOLUMES, STORAGECLASSES
from engine.controllers.controller import Key, Queue, Watch, with_metadata
from engine.controllers.persistent_volume.driver import DRIVER, ZONE
from engine.storage.snapshot_kinds import DEFINITIONS
from store.types import DELETED, Envelope, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

VOLUMES_PER_NODE: Final = 24
"""`allocatable.count`: about what machines of public clouds take."""
_INSTALL: Final[Key] = ("install",)


class SimulatedRegistrar:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller
        self._installed = False
        self._queue: Queue | None = None

    def watches(self) -> Sequence[Watch]:
        return (
            Watch(STORAGECLASSES, _class),
            Watch(PERSISTENTVOLUMES, _volume),
            Watch(NODES, self._of_node),
            Watch(CSINODES, _lost),
        )

    def start(self, queue: Queue) -> None:
        self._queue = queue
        self._installed = self._api.find(CSIDRIVERS, "", DRIVER) is not None

    def reconcile(self, key: Key) -> None:
        if key == _INSTALL:
            if not self._installed:
                self._install()
            return
        node = self._api.find(NODES, *key)
        if node is not None and self._installed:
            self._register(node)

    def _install(self) -> None:
        self._installed = True
        if self._api.find(CSIDRIVERS, "", DRIVER) is None:
            spec = {"attachRequired": True, "podInfoOnMount": False}
            self._api.create(self._caller, CSIDRIVERS, "", {"metadata": {"name": DRIVER}, "spec": spec})
        for definition in DEFINITIONS:
            if self._api.find(CRDS, "", definition["metadata"]["name"]) is None:
                self._api.create(self._caller, CRDS, "", definition)
        assert self._queue is not None
        for node in self._api.store.list(NODES):
            self._queue.add(("", node.name))

    def _register(self, node: Envelope) -> None:
        """The node's CSINode names the driver."""
        found = self._api.find(CSINODES, "", node.name)
        drivers: list[Any] = list((found.obj.get("spec") or {}).get("drivers") or ()) if found is not None else []
        owner = {"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node.uid}
        if any(driver["name"] == DRIVER for driver in drivers):
            if found is not None and _is_of_earlier(found, node):
                changed = with_metadata(found.obj, ownerReferences=[owner])
                self._api.update(self._caller, CSINODES, "", node.name, changed)
            return
        keys = [ZONE] if ZONE in node.labels else None
        drivers.append(
            {"name": DRIVER, "nodeID": node.name, "topologyKeys": keys, "allocatable": {"count": VOLUMES_PER_NODE}}
        )
        if found is not None:
            self._api.update(self._caller, CSINODES, "", node.name, {**found.obj, "spec": {"drivers": drivers}})
            return
        manifest = {"metadata": {"name": node.name, "ownerReferences": [owner]}, "spec": {"drivers": drivers}}
        self._api.create(self._caller, CSINODES, "", manifest)

    def _of_node(self, event: WatchEvent) -> Iterable[Key]:
        """New nodes, once the driver is installed."""
        if not self._installed or event.type == DELETED or event.before is not None:
            return ()
        return (("", event.now.name),)


def _is_of_earlier(csi: Envelope, node: Envelope) -> bool:
    """It belongs to an earlier node of this name, and would be collected with it."""
    owners = csi.obj["metadata"].get("ownerReferences") or ()
    return any(owner.get("kind") == "Node" and owner.get("uid") != node.uid for owner in owners)


def _lost(event: WatchEvent) -> Iterable[Key]:
    """Nodes whose CSINode was deleted: their kubelets make it anew."""
    return (("", event.now.name),) if event.type == DELETED else ()


def _class(event: WatchEvent) -> Iterable[Key]:
    return (_INSTALL,) if event.type != DELETED and event.now.obj.get("provisioner") == DRIVER else ()


def _volume(event: WatchEvent) -> Iterable[Key]:
    wants = event.before is None and (event.now.obj["spec"].get("csi") or {}).get("driver") == DRIVER
    return (_INSTALL,) if wants and event.type != DELETED else ()
