"""What `why` says about a pod that its kubelet cannot bring up, or has ended."""

from __future__ import annotations

from engine.api.kinds import CONFIGMAPS, PODS
from engine.scheduler.explain_status import status_report
from tests.engine.kubelet.machines import USER, Machines


def why(machines: Machines, name: str = "p") -> tuple[str, tuple[str, ...]]:
    return status_report(machines.api, machines.api.get(PODS, "default", name))


def test_a_missing_volume_source_is_the_reason(machines: Machines) -> None:
    """The event that tells what is missing, as long as no container was created."""
    machines.pod(volumes=[{"name": "v", "configMap": {"name": "settings"}}])
    machines.run(5)
    headline, lines = why(machines)
    assert headline == 'FailedMount: MountVolume.SetUp failed for volume "v" : configmap "settings" not found'
    assert "cannot be mounted" in lines[0]
    machines.api.create(USER, CONFIGMAPS, "default", {"metadata": {"name": "settings"}})
    machines.when(phase="Running", limit=40)
    assert why(machines)[0].startswith("Running on n1")


def test_an_eviction_is_explained(machines: Machines) -> None:
    """The kubelet's message, and what it means."""
    machines.pod(annotations={"kubarium.dev/memory": "1Gi"})
    machines.run(5)
    machines.annotate_node("n1", usage="memory=15300Mi")
    machines.run(25)
    headline, lines = why(machines)
    assert headline.startswith("Failed: Evicted: The node was low on resource: memory.")
    assert lines[0].startswith("Its node ran short of something")
