"""Is a node still heard of? Its lease and its status are its heartbeats (tryUpdateNodeHealth).

What counts is when a change was *seen*, by the controller's own clock and at the pace of its looks: a node's own
times are only compared with what they were. A node that has been silent for the grace period has its conditions set
to Unknown.
"""

from __future__ import annotations

from typing import Any, Final

from engine.api.kinds import LEASES
from engine.clock import parse_time, rfc3339
from engine.controllers.node_lifecycle.config import NodeLifecycleConfig
from engine.controllers.node_lifecycle.zones import zone_of
from store.types import Envelope, JsonObject, ObjectKey

WATCHED: Final = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
"""Conditions that a silent node's controller answers for."""

EXCLUDED: Final = "node.kubernetes.io/exclude-disruption"
"""Nodes with this label do not count for their zone's state."""
_LEASES: Final = "kube-node-lease"


class Health:
    """What was last seen of one node."""

    __slots__ = ("_heartbeat", "_renewed", "counts", "env", "lease", "lease_key", "probed", "ready", "settled", "zone")

    def __init__(self, env: Envelope) -> None:
        self.lease_key = ObjectKey(LEASES.group, LEASES.plural, _LEASES, env.name)
        self.env: Envelope | None = None
        """The node as it was looked at last."""
        self.lease: Envelope | None = None
        self.ready: str | None = None
        """Status of its condition Ready; None when it has none."""
        self.probed = 0
        """Instant at which the last heartbeat was seen."""
        self.settled = False
        """Ready and without taints of ours: as long as the node does not change, only its lease needs a look."""
        self.zone = zone_of(env)
        self.counts = True
        """Whether it counts for its zone's state."""
        self._heartbeat: str | None = None
        self._renewed = ""

    def look(self, env: Envelope, lease: Envelope | None, now: int) -> None:
        """Take note of heartbeats."""
        if env is not self.env:
            ready = condition_of(env, "Ready")
            heartbeat = ready.get("lastHeartbeatTime") if ready else None
            if ready is None:
                if self.env is None:
                    self.probed = parse_time(env.obj["metadata"]["creationTimestamp"])
            elif self.env is None or self.ready is None or heartbeat != self._heartbeat:
                self.probed = now
            self.env, self._heartbeat = env, heartbeat
            self.ready = ready["status"] if ready else None
            self.zone, self.counts = zone_of(env), EXCLUDED not in env.labels
        if lease is not self.lease and lease is not None:
            renewed = lease.obj.get("spec", {}).get("renewTime") or ""
            if self.lease is None or renewed > self._renewed:
                self.probed = now
            self.lease, self._renewed = lease, renewed

    def written(self, env: Envelope) -> None:
        """The controller itself has changed the node."""
        self.env = env
        ready = condition_of(env, "Ready")
        self.ready = ready["status"] if ready else None
        self._heartbeat = ready.get("lastHeartbeatTime") if ready else None

    def silent(self, config: NodeLifecycleConfig, now: int) -> bool:
        """No heartbeat for the grace period."""
        grace = config.startup_grace_period if self.ready is None else config.grace_period
        return now - self.probed >= grace


def condition_of(env: Envelope, type_: str) -> JsonObject | None:
    for condition in (env.obj.get("status") or {}).get("conditions") or ():
        if condition["type"] == type_:
            found: JsonObject = condition
            return found
    return None


def unknown_status(env: Envelope, now: int) -> JsonObject:
    """The status of a silent node: the watched conditions Unknown. The same dict when they are already."""
    status: dict[str, Any] = env.obj.get("status") or {}
    stamp = rfc3339(now)
    conditions: list[JsonObject] = list(status.get("conditions") or ())
    places = {condition["type"]: index for index, condition in enumerate(conditions)}
    changed = False
    for type_ in WATCHED:
        index = places.get(type_)
        if index is None:
            conditions.append({
                "type": type_, "status": "Unknown", "lastHeartbeatTime": env.obj["metadata"]["creationTimestamp"],
                "lastTransitionTime": stamp, "reason": "NodeStatusNeverUpdated",
                "message": "Kubelet never posted node status.",
            })  # fmt: skip
            changed = True
        elif conditions[index]["status"] != "Unknown":
            conditions[index] = {
                **conditions[index], "status": "Unknown", "lastTransitionTime": stamp, "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
            }  # fmt: skip
            changed = True
    return {**status, "conditions": conditions} if changed else status
