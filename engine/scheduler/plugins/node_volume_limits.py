"""NodeVolumeLimits: a node takes no more volumes of a CSI driver than its CSINode says it can attach.

What is on a node is counted as pods come and go, by claim: two pods that share a claim share a volume.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from engine.api.kinds import CSINODES, PODS
from engine.api.server import Api
from engine.scheduler.framework import ClusterEvent, Freed, ReservePlugin
from engine.scheduler.nodes import Ints, NodeChange, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.volumes import VolumeChanges, VolumeFilter, mounts_of
from engine.storage.reading import class_of, find_claim, storage_class, volume_of
from store.types import DELETED, Envelope, Uid, WatchEvent

_Claim = tuple[str, str]


class _NodeVolumes:
    """The claims of the pods on one node."""

    __slots__ = ("by_driver", "pods")

    def __init__(self) -> None:
        self.pods: dict[_Claim, dict[Uid, None]] = {}
        self.by_driver: Counter[str] = Counter()


class NodeVolumeLimits(VolumeFilter, ReservePlugin):
    name = "NodeVolumeLimits"

    def __init__(self, changes: VolumeChanges) -> None:
        super().__init__(changes)
        self._nodes: dict[str, _NodeVolumes] = {}
        self._where: dict[Uid, str] = {}
        self._drivers: dict[_Claim, str] = {}
        """Of the claims that are counted."""
        self._limits: dict[str, dict[str, int]] = {csi.name: _limits(csi) for csi in self._api.store.list(CSINODES)}
        """Node → most volumes by driver."""
        self._least: dict[str, int] | None = None
        """The least of these limits by driver; None: not known at present."""
        for pod in self._api.store.list(PODS):
            self._take(pod)
        self._api.store.listen(self._on_event)

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        return isinstance(event, Freed) or (isinstance(event, NodeChange) and event.added)

    def signature(self, pod: PodClass, nodes: NodeTable) -> tuple[int, int]:
        return self._changes.version, nodes.version

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        codes = np.zeros(nodes.size, np.int64)
        wanted = self._wanted(pod)
        if wanted:
            # Where nothing is attached yet, only more volumes at once than some node takes at all could be too many.
            least, asked = self._least_limits(), Counter(wanted.values())
            many = any(number > least.get(driver, number) for driver, number in asked.items())
            for name in self._limits if many else self._nodes:
                row = nodes.row(name)
                if row is not None and name in self._limits and self._full(name, wanted):
                    codes[row] = 1
        return codes[rows]

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        return ("node(s) exceed max volume count",)

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        csi = self._api.find(CSINODES, "", nodes.names[row])
        if csi is None:
            return ()
        present = self._nodes.get(csi.name)
        used = present.by_driver if present is not None else Counter[str]()
        return tuple(
            f"{used[driver]} of {limit} volumes of {driver} attached" for driver, limit in _limits(csi).items()
        )

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        return "moving pods with volumes away from them"

    # -- reserve ---------------------------------------------------------------------------------------------------

    def reserve(self, env: Envelope, pod: PodClass, node: str) -> None:
        self._put(env, node)

    def unreserve(self, env: Envelope, pod: PodClass, node: str) -> None:
        self._remove(env.uid)

    # -- counting --------------------------------------------------------------------------------------------------

    def _wanted(self, pod: PodClass) -> dict[_Claim, str]:
        if pod.mounts is None:
            return {}
        found = {}
        for name, _ in pod.mounts.claims:
            driver = _driver(self._api, pod.mounts.namespace, name)
            if driver:
                found[pod.mounts.namespace, name] = driver
        return found

    def _least_limits(self) -> dict[str, int]:
        if self._least is None:
            self._least = {}
            for limits in self._limits.values():
                for driver, limit in limits.items():
                    self._least[driver] = min(limit, self._least.get(driver, limit))
        return self._least

    def _full(self, node: str, wanted: dict[_Claim, str]) -> bool:
        limits, present = self._limits[node], self._nodes.get(node)
        more: Counter[str] = Counter()
        for claim, driver in wanted.items():
            if driver in limits and (present is None or claim not in present.pods):
                more[driver] += 1
        return any((present.by_driver[d] if present is not None else 0) + n > limits[d] for d, n in more.items())

    def _on_event(self, event: WatchEvent) -> None:
        if event.now.key.plural == "csinodes":
            self._least = None
            if event.type == DELETED:
                self._limits.pop(event.now.name, None)
            else:
                self._limits[event.now.name] = _limits(event.now)
            return
        if event.now.key.plural != "pods" or not event.now.obj["spec"].get("volumes"):
            return
        if event.type == DELETED:
            self._remove(event.now.uid)
        else:
            self._take(event.now)

    def _take(self, pod: Envelope) -> None:
        if (pod.obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            self._remove(pod.uid)
        elif pod.obj["spec"].get("nodeName"):
            self._put(pod, pod.obj["spec"]["nodeName"])

    def _put(self, pod: Envelope, node: str) -> None:
        if self._where.get(pod.uid) == node:
            return
        mounts = mounts_of(pod)
        if mounts is None:
            return
        self._remove(pod.uid)
        self._where[pod.uid] = node
        volumes = self._nodes.setdefault(node, _NodeVolumes())
        for name, _ in mounts.claims:
            claim = mounts.namespace, name
            pods = volumes.pods.setdefault(claim, {})
            if not pods:
                driver = self._drivers.setdefault(claim, _driver(self._api, *claim))
                volumes.by_driver[driver] += 1
            pods[pod.uid] = None

    def _remove(self, uid: Uid) -> None:
        node = self._where.pop(uid, None)
        if node is None:
            return
        volumes = self._nodes[node]
        for claim in [claim for claim, pods in volumes.pods.items() if uid in pods]:
            del volumes.pods[claim][uid]
            if not volumes.pods[claim]:
                del volumes.pods[claim]
                volumes.by_driver[self._drivers[claim]] -= 1


def _limits(csi: Envelope) -> dict[str, int]:
    """Most volumes by driver."""
    return {
        driver["name"]: driver["allocatable"]["count"]
        for driver in (csi.obj.get("spec") or {}).get("drivers") or ()
        if (driver.get("allocatable") or {}).get("count") is not None
    }


def _driver(api: Api, namespace: str, name: str) -> str:
    """The CSI driver of a claim, by its volume or else its class; "" for none."""
    claim = find_claim(api, namespace, name)
    if claim is None:
        return ""
    volume = volume_of(api, claim.obj)
    if volume is not None:
        return str((volume.obj["spec"].get("csi") or {}).get("driver") or "")
    found = storage_class(api, class_of(claim.obj))
    return str(found["provisioner"]) if found is not None else ""
