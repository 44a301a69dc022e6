"""KubeSchedulerConfiguration: what of it changes decisions, and what is refused with the field's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.api.kinds import NODES
from engine.clock import SECOND
from engine.flags import BadFlag
from engine.scheduler.config import Strategy
from engine.scheduler.config_file import BadSchedulerConfig, load_scheduler_config, parse_scheduler_config
from store.types import JsonObject
from tests.engine.scheduler.cluster_world import SchedulerWorld, pod_spec


def document(*profiles: JsonObject, **more: Any) -> JsonObject:
    head = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    return {**head, **({"profiles": list(profiles)} if profiles else {}), **more}


def packing(kind: str, **ratio: Any) -> JsonObject:
    strategy = {"type": kind, "resources": [{"name": "cpu", "weight": 1}], **ratio}
    return {"pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": strategy}}]}


def test_nothing_said_is_the_default() -> None:
    """Without profiles everything is as without a file."""
    assert parse_scheduler_config(document()) == parse_scheduler_config(document({}))


def test_a_file_is_read(tmp_path: Path) -> None:
    """Weights, switched-off plugins, back-offs and what has no effect."""
    file = tmp_path / "scheduler.yaml"
    profile = {
        "schedulerName": "mine", "percentageOfNodesToScore": 50,
        "plugins": {
            "multiPoint": {"disabled": [{"name": "ImageLocality"}]},
            "score": {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeAffinity", "weight": 7}]},
        },
    }  # fmt: skip
    file.write_text(
        yaml.safe_dump(document(profile, podInitialBackoffSeconds=2, leaderElection={"leaderElect": False}))
    )
    config = load_scheduler_config(str(file))
    world = SchedulerWorld(config)
    found = world.scheduler.profiles["mine"]
    assert [(plugin.name, weight) for plugin, weight in found.scorers] == [("NodeAffinity", 7)]
    assert "ImageLocality" not in found.by_name
    assert "TaintToleration" in [plugin.name for plugin in found.filters]
    assert config.initial_backoff == 2 * SECOND


@pytest.mark.parametrize(
    ("kind", "more", "chosen"),
    [
        ("LeastAllocated", {}, "empty"),
        ("MostAllocated", {}, "half"),
        (
            "RequestedToCapacityRatio",
            {
                "requestedToCapacityRatio": {
                    "shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]
                }
            },
            "half",
        ),
        (
            "RequestedToCapacityRatio",
            {
                "requestedToCapacityRatio": {
                    "shape": [{"utilization": 0, "score": 10}, {"utilization": 100, "score": 0}]
                }
            },
            "empty",
        ),
    ],
)
def test_strategies(kind: str, more: JsonObject, chosen: str) -> None:
    """Spreading or packing, by strategy."""
    world = SchedulerWorld(parse_scheduler_config(document(packing(kind, **more))))
    world.node("empty")
    world.node("half")
    world.pod("there", pod_spec("2", "8Gi", nodeName="half"))
    world.pod("web", pod_spec("1", "4Gi"))
    world.settle()
    assert world.node_of("web") == chosen


def test_extended_resources_are_packed() -> None:
    """Bin packing by an extended resource, for pods that ask for it."""
    gpu = "example.com/gpu"
    strategy = {"type": "MostAllocated", "resources": [{"name": gpu, "weight": 100}]}
    args = {"pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": strategy}}]}
    world = SchedulerWorld(parse_scheduler_config(document(args)))
    for name in ("a", "b", "c"):
        offered = {"cpu": "4", "memory": "16Gi", "pods": "110", gpu: "4"}
        world.node(name)
        world.change(NODES, name, status={"allocatable": offered, "capacity": offered})
    container = {"name": "c", "image": "i", "resources": {"requests": {gpu: "2"}}}
    world.pod("first", {"nodeName": "b", "containers": [container]})
    world.pod("second", {"containers": [container]})
    world.settle()
    assert world.node_of("second") == "b"
    for number in range(5):
        world.pod(f"more-{number}", {"containers": [container]})
    world.settle()
    [waiting] = [f"more-{n}" for n in range(5) if not world.node_of(f"more-{n}")]
    assert world.message(waiting).startswith(f"0/3 nodes are available: 3 Insufficient {gpu}.")


def test_several_profiles() -> None:
    """Each pod is scheduled by the profile that it names; others are left alone."""
    packer = {"schedulerName": "packer", **packing("MostAllocated")}
    world = SchedulerWorld(parse_scheduler_config(document({}, packer)))
    world.node("empty")
    world.node("half")
    world.pod("there", pod_spec("2", "8Gi", nodeName="half"))
    world.settle()
    world.pod("packed", pod_spec("100m", "400Mi", schedulerName="packer"))
    world.pod("spread", pod_spec("100m", "400Mi", schedulerName="default-scheduler"))
    world.pod("theirs", pod_spec(schedulerName="other"))
    world.settle()
    assert [world.node_of(name) for name in ("packed", "spread", "theirs")] == ["half", "empty", ""]


def test_a_filter_can_be_switched_off() -> None:
    """A profile without TaintToleration puts pods on tainted nodes."""
    off = {"plugins": {"filter": {"disabled": [{"name": "TaintToleration"}]}}}
    world = SchedulerWorld(parse_scheduler_config(document(off)))
    world.node("a", taints=[{"key": "t", "effect": "NoSchedule"}])
    world.pod("web")
    world.settle()
    assert world.node_of("web") == "a"


def test_added_affinity() -> None:
    """addedAffinity keeps the profile's pods to its nodes, in Kubernetes' words."""
    term = {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["x"]}]}
    added = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    config = document({"pluginConfig": [{"name": "NodeAffinity", "args": {"addedAffinity": added}}]})
    world = SchedulerWorld(parse_scheduler_config(config))
    world.node("a")
    world.pod("web")
    world.settle()
    assert world.message("web").startswith(
        "0/1 nodes are available: 1 node(s) didn't match scheduler-enforced node affinity."
    )


def test_default_constraints() -> None:
    """defaultConstraints as a list: pods of a Service are spread by them, hard ones included."""
    zone = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    args = {"defaultingType": "List", "defaultConstraints": [zone]}
    config = document({"pluginConfig": [{"name": "PodTopologySpread", "args": args}]})
    world = SchedulerWorld(parse_scheduler_config(config))
    world.node("a", labels={"zone": "a"})
    world.node("b", cpu="100m", labels={"zone": "b"})
    world.service("web", {"app": "web"})
    world.settle()
    for number in range(3):
        world.pod(f"web-{number}", pod_spec("1"), labels={"app": "web"})
        world.settle()
    assert world.node_of("web-0") == "a"
    assert "1 node(s) didn't match pod topology spread constraints" in world.message("web-2")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ([], "must be a mapping"),
        ({"kind": "Pod"}, "KubeSchedulerConfiguration"),
        (document(extenders=[{"urlPrefix": "http://x"}]), "extenders"),
        (document(speed=1), "speed"),
        (document({"plugin": {}}), "profiles[0].plugin"),
        (document({"plugins": {"score": {"enabled": [{"name": "Nope"}]}}}), "Nope"),
        (document({"plugins": {"scores": {}}}), "profiles[0].plugins.scores"),
        (document({}, {}), "Duplicate"),
        (document(packing("Best")), "scoringStrategy.type"),
        (document(packing("RequestedToCapacityRatio")), "shape"),
        (
            document({"pluginConfig": [{"name": "InterPodAffinity", "args": {"hardPodAffinityWeight": 101}}]}),
            "[0, 100]",
        ),
        (document(podInitialBackoffSeconds=20), "podMaxBackoffSeconds"),
    ],
)
def test_bad_files_name_the_field(config: Any, says: str) -> None:
    """The error tells which field is wrong."""
    with pytest.raises(BadSchedulerConfig) as caught:
        parse_scheduler_config(config)
    assert says in str(caught.value)


def test_an_unreadable_file_is_a_bad_flag(tmp_path: Path) -> None:
    """A file that is missing, or no YAML, is told with its path."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [")
    for path in (str(bad), str(tmp_path / "none.yaml")):
        with pytest.raises(BadFlag, match=path):
            load_scheduler_config(path)


def test_strategies_keep_their_shape() -> None:
    """The points of a shape are kept as given."""
    shape = [{"utilization": 0, "score": 0}, {"utilization": 70, "score": 10}]
    config = parse_scheduler_config(
        document(packing("RequestedToCapacityRatio", requestedToCapacityRatio={"shape": shape}))
    )
    assert config.profiles[0].strategy == Strategy("RequestedToCapacityRatio", (("cpu", 1),), ((0, 0), (70, 10)))
