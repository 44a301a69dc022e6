"""Node pressure: signals, conditions, which pod goes, what it says, and when all is well again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.kinds import NODES, PRIORITYCLASSES
from engine.clock import MINUTE, SECOND
from engine.kubelet.config import KubeletConfig
from engine.kubelet.signals import parse_thresholds
from store.types import JsonObject
from tests.engine.kubelet.machines import USER, Machines


def condition(machines: Machines, type_: str, name: str = "n1") -> JsonObject:
    conditions = machines.api.get(NODES, "", name).obj["status"]["conditions"]
    found: JsonObject = next(c for c in conditions if c["type"] == type_)
    return found


def using(machines: Machines, name: str, memory: str = "", storage: str = "", **spec: Any) -> None:
    """A pod whose one container uses so much, asking for `requests` and limiting itself to `limits`."""
    resources = {key: spec.pop(key) for key in ("requests", "limits") if key in spec}
    notes = {f"kubarium.dev/{key}": text for key, text in (("memory", memory), ("storage", storage)) if text}
    machines.pod(name, annotations=notes, containers=[{"resources": resources}], **spec)


def ended(machines: Machines, *names: str) -> list[str]:
    return [name for name in names if machines.status(name)["phase"] == "Failed"]


def test_memory_pressure_evicts_what_exceeds_its_request_most(machines: Machines) -> None:
    """One pod after another, until there is enough: first those beyond their request, the hungriest first."""
    using(machines, "modest", "3Gi", requests={"memory": "4Gi"})
    using(machines, "greedy", "5Gi", requests={"memory": "1Gi"})
    using(machines, "small", "200Mi")
    machines.run(5)
    machines.annotate_node("n1", usage="memory=7900Mi")
    machines.run(25)
    assert ended(machines, "modest", "greedy", "small") == ["greedy"]
    status = machines.status("greedy")
    text = (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 92Mi. Container c was using 5Gi, "
        "request is 1Gi, has larger consumption of memory. "
    )
    assert (status["reason"], status["message"]) == ("Evicted", text)
    disruption = next(c for c in status["conditions"] if c["type"] == "DisruptionTarget")
    assert (disruption["status"], disruption["reason"], disruption["message"]) == ("True", "TerminationByKubelet", text)
    assert ("Warning", "Evicted", text) in machines.events("greedy")
    assert ("Warning", "EvictionThresholdMet", "Attempting to reclaim memory") in machines.events("n1")
    found = condition(machines, "MemoryPressure")
    assert (found["status"], found["reason"], found["message"]) == (
        "True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available",
    )  # fmt: skip
    assert "NodeHasInsufficientMemory" in machines.reasons("n1")


def test_pressure_is_over_five_minutes_after_it_was_last_seen(machines: Machines) -> None:
    """The condition stays that long; then nothing is looked at any more."""
    machines.annotate_node("n1", usage="memory=16350Mi")
    machines.run(25)
    assert condition(machines, "MemoryPressure")["status"] == "True"
    machines.annotate_node("n1", usage="memory=8Gi")
    machines.run(280)
    assert condition(machines, "MemoryPressure")["status"] == "True"
    machines.run(40)
    found = condition(machines, "MemoryPressure")
    assert (found["status"], found["reason"]) == ("False", "KubeletHasSufficientMemory")
    assert machines.reasons("n1").count("NodeHasSufficientMemory") == 1
    timers = [timer.when for *_, timer in machines.clock._timers if timer.active]
    assert all(when - machines.clock.now() > 0 for when in timers)


def test_priority_goes_before_usage_and_critical_pods_stay(machines: Machines) -> None:
    """Of those beyond their request the least important goes, and a critical one never."""
    for name, value in (("system-cluster-critical", 2_000_000_000), ("dear", 1000)):
        machines.api.create(USER, PRIORITYCLASSES, "", {"metadata": {"name": name}, "value": value})
    using(machines, "critical", "6Gi", priorityClassName="system-cluster-critical")
    using(machines, "dear", "5Gi", priorityClassName="dear")
    using(machines, "cheap", "1Gi")
    machines.run(5)
    machines.annotate_node("n1", usage="memory=4000Mi")
    machines.run(20)
    assert ended(machines, "critical", "dear", "cheap") == ["cheap"]


def test_a_leak_is_seen_when_it_crosses_the_line(machines: Machines) -> None:
    """Growth is foreseen, not polled: the first look that can matter is made, at a tick of ten seconds."""
    machines.annotate_node("n1", usage="memory=15Gi")
    machines.run(15)
    using(machines, "leak", "start=0 growth=1Mi")
    machines.run(900)
    assert machines.status("leak")["phase"] == "Running"
    before = machines.now
    machines.when("leak", phase="Failed", limit=60)
    assert before + 30 > 900
    assert "Evicted" in machines.reasons("leak")


def test_a_settled_machine_is_not_looked_at(machines: Machines) -> None:
    """Use that does not grow costs no timer."""

    def timers() -> int:
        return sum(timer.active for *_, timer in machines.clock._timers)

    machines.run(30)
    before = timers()
    using(machines, "steady", "1Gi")
    machines.run(30)
    assert timers() == before


def test_a_node_under_pressure_refuses_pods(machines: Machines) -> None:
    """Memory pressure: those without requests; disk pressure: all but the critical."""
    critical = {"metadata": {"name": "system-node-critical"}, "value": 2_000_001_000}
    machines.api.create(USER, PRIORITYCLASSES, "", critical)
    machines.annotate_node("n1", usage="memory=16350Mi")
    machines.run(20)
    machines.pod("besteffort")
    machines.pod("burstable", containers=[{"resources": {"requests": {"memory": "1Mi"}}}])
    machines.run(0)
    assert machines.status("besteffort")["reason"] == "Evicted"
    assert machines.status("besteffort")["message"] == "Pod was rejected: The node had condition: [MemoryPressure]. "
    assert machines.status("burstable")["phase"] == "Pending"
    machines.annotate_node("n1", usage="disk=95Gi")
    machines.run(20)
    machines.pod("other", containers=[{"resources": {"requests": {"memory": "1Mi"}}}])
    machines.pod("critical", priorityClassName="system-node-critical")
    machines.run(0)
    assert machines.status("other")["message"].endswith("[MemoryPressure DiskPressure]. ")
    assert machines.status("critical")["phase"] == "Pending"


def test_disk_pressure_deletes_unused_images_first(machines: Machines) -> None:
    """Images that nobody uses go before any pod does."""
    machines.image("big", image="big", size="9Gi")
    machines.annotate_node("n1", images="big:1, big:2")
    using(machines, "writer", storage="1Gi")
    machines.run(150)
    machines.annotate_node("n1", usage="disk=75Gi")
    machines.run(20)
    assert machines.status("writer")["phase"] == "Running"
    names = [name for image in machines.api.get(NODES, "", "n1").obj["status"]["images"] for name in image["names"]]
    assert not any("big" in name for name in names)
    assert condition(machines, "DiskPressure")["reason"] == "KubeletHasDiskPressure"
    machines.annotate_node("n1", usage="disk=95Gi")
    machines.run(20)
    assert machines.status("writer")["message"] == (
        "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: "
        f"{machines.status('writer')['message'].split('available: ')[1].split('. ')[0]}. Container c was using 1Gi, "
        "request is 0, has larger consumption of ephemeral-storage. "
    )


def test_pids_run_out(machines: Machines) -> None:
    """pid.available has no default threshold; with one, the pod with most processes goes."""
    machines = Machines(config=KubeletConfig(thresholds=parse_thresholds("pid.available<1000")))
    machines.node()
    machines.image("bomb", image="bomb", pids={"start": 10, "growthPerSecond": 5000})
    machines.pod("bomb", containers=[{"image": "bomb:1"}])
    machines.pod("calm")
    machines.run(45)
    assert ended(machines, "bomb", "calm") == ["bomb"]
    assert condition(machines, "PIDPressure")["reason"] == "KubeletHasInsufficientPID"


def test_a_soft_threshold_has_its_grace(machines: Machines) -> None:
    """The condition comes at once, the eviction when the grace period is over, and the pod may end in peace."""
    soft = parse_thresholds("memory.available<100Mi", "memory.available<1Gi", "memory.available=1m")
    machines = Machines(config=KubeletConfig(thresholds=soft, eviction_max_grace=20))
    machines.node()
    using(machines, "slow", "1Gi")
    machines.run(5)
    machines.annotate_node("n1", usage="memory=14400Mi")
    machines.run(20)
    assert condition(machines, "MemoryPressure")["status"] == "True"
    assert machines.status("slow")["phase"] == "Running"
    machines.run(60)
    assert machines.status("slow")["reason"] == "Evicted"


def test_minimum_reclaim_keeps_on_reclaiming(machines: Machines) -> None:
    """What is acted on counts as met until the minimum reclaim is there too."""
    lines = parse_thresholds("memory.available<1Gi", reclaim="memory.available=2Gi")
    machines = Machines(config=KubeletConfig(thresholds=lines))
    machines.node()
    for name in ("a", "b", "c"):
        using(machines, name, "1Gi")
    machines.run(5)
    machines.annotate_node("n1", usage="memory=12700Mi")
    machines.run(60)
    assert len(ended(machines, "a", "b", "c")) == 3


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"ephemeral-storage": "1Gi"}, "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "),
    ],
)
def test_a_disk_limit_evicts_its_pod(machines: Machines, limits: dict[str, str], message: str) -> None:
    """Whoever writes more than it may is evicted, whatever the node has left."""
    using(machines, "writer", storage="growth=10Mi", limits=limits)
    machines.run(100)
    assert machines.status("writer")["phase"] == "Running"
    machines.run(25)
    status = machines.status("writer")
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "Evicted", message)


def test_a_fast_leak_meets_the_kernel_first(machines: Machines) -> None:
    """SystemOOM: the container of least worth is killed with 137; a Guaranteed one of the same size is spared."""
    machines.annotate_node("n1", usage="memory=10Gi")
    machines.run(15)
    guaranteed = {"cpu": "1", "memory": "3Gi"}
    using(machines, "worthy", "2Gi", requests=guaranteed, limits=guaranteed)
    using(machines, "leak", "start=500Mi growth=1Gi")
    machines.when("leak", reason="OOMKilled", limit=12)
    assert machines.container("leak")["state"]["terminated"]["exitCode"] == 137
    assert "running" in machines.container("worthy")["state"]
    (text,) = [message for _, reason, message in machines.events("n1") if reason == "SystemOOM"]
    assert text.startswith("System OOM encountered, victim process: nginx, pid: ")


def test_image_collection_keeps_below_its_line() -> None:
    """Above 85 % of the disk, unused images go until 80 % are in use; what cannot be freed is told."""
    machines = Machines(config=KubeletConfig(thresholds=()))
    machines.node()
    machines.image("old", image="old", size="4Gi")
    machines.annotate_node("n1", images="old:1, old:2, old:3", usage="disk=70Gi")
    machines.run(200)
    machines.annotate_node("n1", usage="disk=74Gi")
    machines.run(330)
    images = machines.api.get(NODES, "", "n1").obj["status"]["images"]
    assert len(images) == 1
    machines.annotate_node("n1", usage="disk=86Gi")
    machines.run(700)
    failed = [message for _, reason, message in machines.events("n1") if reason == "FreeDiskSpaceFailed"]
    assert failed[0].startswith("Failed to garbage collect required amount of images. Attempted to free ")
    assert "ImageGCFailed" in machines.reasons("n1")


def test_pressure_survives_a_restart_of_the_process(machines: Machines) -> None:
    """What the node's conditions tell is held on to, and goes five minutes later."""
    machines.annotate_node("n1", usage="memory=16350Mi")
    machines.run(20)
    machines.annotate_node("n1", usage="")
    again = machines.restart()
    again.run(60)
    assert condition(again, "MemoryPressure")["status"] == "True"
    again.run(5 * MINUTE // SECOND)
    assert condition(again, "MemoryPressure")["status"] == "False"


def test_what_is_declared_wrongly_is_told(machines: Machines) -> None:
    """A malformed usage is an event, and counts for nothing."""
    machines.annotate_node("n1", usage="memory=lots")
    machines.run(20)
    assert "InvalidUsage" in machines.reasons("n1")
    assert condition(machines, "MemoryPressure")["status"] == "False"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("memory.available", "invalid eviction threshold syntax"), ("cpu.available<1", "unsupported eviction signal"),
        ("memory.available<1Gi,memory.available<2Gi", "duplicate eviction threshold"),
        ("memory.available<x", "no quantity"), ("nodefs.available<120%", "percentage threshold"),
    ],
)  # fmt: skip
def test_bad_thresholds_are_refused(text: str, message: str) -> None:
    """In the kubelet's words."""
    with pytest.raises(ValueError, match=message):
        parse_thresholds(text)


def test_a_soft_threshold_needs_a_grace_period() -> None:
    """Without one it is refused."""
    with pytest.raises(ValueError, match="grace period must be specified"):
        parse_thresholds("", "memory.available<1Gi")


@given(st.text(alphabet="memory.availbnodfs<=%,10Gi ", max_size=40))
def test_any_text_is_a_threshold_or_is_refused(text: str) -> None:
    """Nothing but ValueError comes of it."""
    try:
        parse_thresholds(text, text, text, text)
    except ValueError:
        return
