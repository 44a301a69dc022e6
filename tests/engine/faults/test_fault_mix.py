"""Any mixture of faults, overlapping as they like: in the end everything is healthy, and no trace is left."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.broken_clusters.ward import Ward
from tests.engine.faults.breakage import WELL, break_, declared_state, health, phase
from tests.engine.faults.conftest import shop

NODES = st.sampled_from([{"node": "node-a"}, {"node": "node-b"}, {"zone": "zone-b"}, {"zone": "zone-c"}])
PODS = st.sampled_from([
    {"namespace": "shop", "selector": {"matchLabels": {"app": "web"}}},
    {"image": "web"},
    {"namespace": "shop", "selector": {}},
])  # fmt: skip
CONTROLLERS = st.sampled_from(
    [{"controller": f"{name}-controller"} for name in ("replicaset", "deployment", "node-lifecycle", "taint-eviction")]
)
FAULT = st.one_of(
    st.tuples(st.sampled_from(["StopKubelet", "CutNetwork", "MemoryPressure", "DiskPressure", "Reboot"]), NODES),
    st.tuples(st.just("ZoneOutage"), st.sampled_from([{"zone": "zone-a"}, {"zone": "zone-b"}])),
    st.tuples(st.sampled_from(["PodCrash", "PodOutOfMemory", "ProbeFailure"]), PODS),
    st.tuples(st.sampled_from(["SlowPull", "FailedPull"]), st.just({"image": "*"})),
    st.tuples(st.just("ControllerCrash"), CONTROLLERS),
)
MIXTURE = st.lists(st.tuples(FAULT, st.integers(1, 480), st.integers(0, 120)), min_size=1, max_size=5)


def play(mixture: list[tuple[tuple[str, Any], int, int]]) -> Ward:
    """Begin each fault some seconds after the one before; wait until all have ended, and back-offs too."""
    ward = shop()
    for number, ((action, target), lasts, wait) in enumerate(mixture):
        break_(ward, f"f{number}", action, target, f"{lasts}s")
        ward.run(wait)
    ward.until(lambda: all(phase(ward, f"f{n}") == "Ended" for n in range(len(mixture))), 600, 10)
    ward.until(lambda: health(ward) == WELL and ward.available("web") == 3, 1200, 10)
    ward.run(330)
    return ward


@settings(max_examples=12, derandomize=True)
@given(MIXTURE)
def test_in_the_end_everything_is_healthy(mixture: list[tuple[tuple[str, Any], int, int]]) -> None:
    """Declared state and health are those of a cluster in which nothing was broken."""
    ward = play(mixture)
    assert declared_state(ward) == declared_state(shop())
    assert health(ward) == WELL
    assert ward.cluster.kubelets.effects.active == ()
    assert not any(node.hogs or node.cut_off for node in ward.cluster.kubelets.nodes.values())


def test_two_runs_are_the_same() -> None:
    """The same faults at the same instants: the same log, byte for byte."""
    mixture = [
        (("ZoneOutage", {"zone": "zone-b"}), 400, 20), (("PodCrash", {"image": "web"}), 100, 60),
        (("CutNetwork", {"node": "node-a"}), 200, 0), (("MemoryPressure", {"node": "node-c"}), 60, 0),
    ]  # fmt: skip
    digests = []
    for _ in range(2):
        ward = play(mixture)
        ward.store.flush()
        digests.append(ward.store.history.digest(ward.store.revision))
    assert digests[0] == digests[1]
