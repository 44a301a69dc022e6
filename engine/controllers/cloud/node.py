"""cloud-node-controller: what the cloud knows of a node's machine is written on the node.

A node that its kubelet registered behind the taint `uninitialized` gets its provider id, the labels of its instance
type, zone and region, and its addresses; then the taint goes and pods may come. Addresses of initialised nodes follow
the cloud: every 5 minutes, or when the cloud tells of a change. Also creates the identity of the cloud controllers
when a cloud is first seen. (cloud-provider/controllers/node/node_controller.go)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.kinds import NODES
from engine.clock import MINUTE
from engine.cloud.objects import create_cloud_objects
from engine.cloud.provider import UNINITIALIZED, CloudError, InstanceMetadata, InstanceNotFound
from engine.controllers.cloud.frame import CALLER, CloudController, CloudUnavailable, has_taint, taints_of
from engine.controllers.controller import Key, Queue
from store.types import DELETED, Envelope, Resource, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_KUBERNETES: Final = re.compile(r"(^|\.)(kubernetes|k8s)\.io/")


class CloudNodeController(CloudController):
    """One per cluster."""

    period = 5 * MINUTE
    """`--node-status-update-frequency` of the cloud controller manager."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._recorder = context.recorder()
        self._introduced = False

    def watched(self) -> Sequence[tuple[Resource, Callable[[WatchEvent], Iterable[Key]]]]:
        return ((NODES, _uninitialised),)

    def start(self, queue: Queue) -> None:
        super().start(queue)
        self._introduced = False

    def everything(self) -> None:
        if not self._introduced:
            create_cloud_objects(self.api)
            self._introduced = True
        assert self.queue is not None
        for node in self.api.store.list(NODES):
            self.queue.add(("", node.name))

    def one(self, key: Key) -> None:
        node = self.api.find(NODES, *key)
        if node is not None:
            self._sync(node)

    def _sync(self, node: Envelope) -> None:
        instances = self.cloud.instances()
        if instances is None:
            return
        waits = has_taint(node, UNINITIALIZED)
        try:
            metadata = instances.instance_metadata(node)
        except InstanceNotFound as error:
            if not waits:
                return  # not a machine of this cloud, or one whose end the lifecycle controller sees to
            raise CloudUnavailable(f"failed to get instance metadata for node {node.name}: {error}") from error
        except CloudError as error:
            raise CloudUnavailable(f"failed to get instance metadata for node {node.name}: {error}") from error
        if not waits:
            self._addresses(node, metadata)
            return
        node = self.api.update(CALLER, NODES, "", node.name, _initialised(node, metadata))
        self._addresses(node, metadata)
        self._recorder.event(node, "Normal", "Synced", "Node synced successfully")

    def _addresses(self, node: Envelope, metadata: InstanceMetadata) -> None:
        """The cloud's addresses replace the kubelet's, but for the host name if the cloud has none."""
        found = [dict(address) for address in metadata.addresses]
        if not found:
            return
        status = node.obj.get("status") or {}
        present = list(status.get("addresses") or ())
        if not any(address["type"] == "Hostname" for address in found):
            found += [address for address in present if address["type"] == "Hostname"]
        if found != present:
            self.api.update_status(CALLER, node, {**status, "addresses": found})


def _uninitialised(event: WatchEvent) -> Iterable[Key]:
    """Nodes that wait for their cloud."""
    return (("", event.now.name),) if event.type != DELETED and has_taint(event.now, UNINITIALIZED) else ()


def _initialised(node: Envelope, metadata: InstanceMetadata) -> dict[str, Any]:
    """The node with what the cloud knows, and without the taint (getNodeModifiersFromCloudProvider)."""
    obj, spec = node.obj, dict(node.obj.get("spec") or {})
    labels = dict(node.labels)
    for value, *names in (
        (metadata.instance_type, "beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
        (metadata.zone, "failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
        (metadata.region, "failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ):
        if value:
            labels |= dict.fromkeys(names, value)
    for name, value in metadata.labels.items():
        if not _KUBERNETES.search(name):
            labels.setdefault(name, value)
    if not spec.get("providerID"):
        spec["providerID"] = metadata.provider_id
    spec["taints"] = [taint for taint in taints_of(node) if taint["key"] != UNINITIALIZED["key"]]
    if not spec["taints"]:
        del spec["taints"]
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}, "spec": spec}
