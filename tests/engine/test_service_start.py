"""How a cluster with a client comes up: what was kept can be seen before its components have started."""

from __future__ import annotations

from pathlib import Path

from engine.api.kinds import NODES
from engine.api.server import Caller
from engine.client import ConnectOptions
from engine.service import Service


def test_requests_are_answered_before_the_components_start(tmp_path: Path) -> None:
    """A reopened cluster answers while no kubelet has taken a node up yet; one round of the loop starts all."""
    options = ConnectOptions(store=str(tmp_path / "cluster.db"), speed=0)
    first = Service(options)
    first.cluster.stop()
    first.store.close()
    service = Service(options)
    try:
        cluster = service.cluster
        cluster.api.create(Caller("admin"), NODES, "", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}})
        assert "conditions" not in cluster.api.get(NODES, "", "a").obj.get("status", {})
        cluster.loop.settle()
        assert cluster.api.get(NODES, "", "a").obj["status"]["conditions"]
        assert cluster.crashes == 0
    finally:
        cluster.stop()
        service.store.close()
