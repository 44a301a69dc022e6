"""node-ipam-controller: gives each node a range of pod addresses (`--allocate-node-cidrs`), one per cluster range.

A range is a node's from the moment it is written to spec.podCIDRs, and free again when the node is deleted. What is
taken is known from the nodes themselves; ranges of Services that lie within a cluster range are never given. When
none is left the node says so and waits, with back-off. Without the flag kubelets choose for themselves, and there is
nothing to do. (pkg/controller/nodeipam/ipam/range_allocator.go)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from engine.api.errors import ApiError, Conflict, NotFound
from engine.api.kinds import NODES
from engine.controllers.controller import Key, Queue, Watch
from engine.network.pod_ranges import RangeSet, RangesExhausted, cluster_ranges, node_masks
from engine.network.service_allocation import service_ranges
from store.types import DELETED, Envelope, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext


class NoRangeLeft(ApiError):
    """A node waits for a range; the frame backs off."""


class NodeIpamController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller
        self._recorder = context.recorder("cidrAllocator")
        self._ranges = cluster_ranges(context.flags)
        self._masks = node_masks(context.flags, self._ranges)
        self._allocates = context.flags.boolean("allocate-node-cidrs")
        self._sets: Sequence[RangeSet] = ()

    def watches(self) -> Sequence[Watch]:
        return (Watch(NODES, self._of_node),) if self._allocates else ()

    def start(self, queue: Queue) -> None:
        """Learn what is taken from the nodes that there are."""
        self._sets = [RangeSet(network, mask) for network, mask in zip(self._ranges, self._masks, strict=True)]
        if self._allocates:
            for networks in service_ranges(self._api.store).values():
                for network in networks:
                    self._each(RangeSet.occupy, [str(network)])
            for node in self._api.store.list(NODES):
                self._each(RangeSet.occupy, _ranges_of(node))

    def reconcile(self, key: Key) -> None:
        node = self._api.find(NODES, *key)
        if node is None or _ranges_of(node):
            return
        taken: list[str] = []
        try:
            for each in self._sets:
                taken.append(each.take())
        except RangesExhausted as error:
            self._give_back(taken)
            self._tell(node, "CIDRNotAvailable")
            index = len(taken)
            raise NoRangeLeft(f"failed to allocate cidr from cluster cidr at idx:{index}: {error}") from error
        spec = {**(node.obj.get("spec") or {}), "podCIDR": taken[0], "podCIDRs": taken}
        try:
            self._api.update(self._caller, NODES, "", node.name, {**node.obj, "spec": spec})
        except (Conflict, NotFound):
            self._give_back(taken)
            raise
        except ApiError:
            self._give_back(taken)
            self._tell(node, "CIDRAssignmentFailed")
            raise

    def _tell(self, node: Envelope, what: str) -> None:
        self._recorder.event(node, "Normal", what, f"Node {node.name} status is now: {what}")

    def _give_back(self, ranges: Sequence[str]) -> None:
        self._each(RangeSet.release, ranges)

    def _each(self, do: Callable[[RangeSet, str], None], ranges: Sequence[str]) -> None:
        for each in self._sets:
            for cidr in ranges:
                do(each, cidr)

    def _of_node(self, event: WatchEvent) -> Iterable[Key]:
        """Nodes without a range. Those that have one are taken note of, those that go give theirs back."""
        node = event.now
        ranges = _ranges_of(node)
        if event.type == DELETED:
            self._give_back(ranges)
            return ()
        if not ranges:
            return (("", node.name),)
        if event.before is None or not _ranges_of(event.before):
            self._each(RangeSet.occupy, ranges)
        return ()


def _ranges_of(node: Envelope) -> Sequence[str]:
    spec = node.obj.get("spec") or {}
    found: Sequence[str] = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else ())
    return found
