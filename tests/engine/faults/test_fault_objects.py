"""Faults as objects: what is refused, how they stand, who wrote, and that a restart of the process changes nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.api.errors import Invalid
from engine.api.kinds import FAULTS
from engine.api.table import printer_of
from engine.client.faults import ACTIONS
from engine.clock import Clock
from engine.cluster import Cluster, ClusterOptions
from engine.history.undo import last_undoable
from tests.engine.broken_clusters.ward import USER, Ward
from tests.engine.faults.breakage import WELL, break_, declared_state, health, phase


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"action": "Meteor", "target": {"node": "n"}}, 'spec.action: Unsupported value: "Meteor": supported values: '),
        ({"action": "Reboot", "target": {}}, "spec.target: Required value: must specify one of: node, zone"),
        ({"action": "Reboot", "target": {"pod": "p"}}, "spec.target.pod: Forbidden: may not be set when action is "),
        (
            {"action": "Reboot", "target": {"node": "n", "zone": "z"}},
            "spec.target.zone: Forbidden: may not be specified with node",
        ),
        (
            {"action": "Reboot", "target": {"node": "n"}, "parameters": {"exitCode": 3}},
            "spec.parameters.exitCode: Forbidden: may not be set when action is Reboot",
        ),
        (
            {"action": "Reboot", "target": {"node": "n"}, "duration": "soon"},
            'spec.duration: Invalid value: "soon": time: invalid duration "soon"',
        ),
        ({"action": "Reboot", "target": {"node": "n"}, "duration": "0s"}, "must be positive"),
        (
            {"action": "PodCrash", "target": {"pod": "p"}, "parameters": {"exitCode": 300}},
            "spec.parameters.exitCode: Invalid value: 300: must be between 0 and 255, inclusive",
        ),
        (
            {"action": "PodOutOfMemory", "target": {"pod": "p"}, "parameters": {"memory": "much"}},
            'spec.parameters.memory: Invalid value: "much": quantities must match the regular expression',
        ),
        (
            {"action": "ProbeFailure", "target": {"pod": "p"}, "parameters": {"probe": "Space"}},
            'spec.parameters.probe: Unsupported value: "Space": supported values: "Liveness", "Readiness", "Startup"',
        ),
        (
            {"action": "ControllerCrash", "target": {"controller": "fault-controller"}},
            'spec.target.controller: Invalid value: "fault-controller": nobody would end the fault',
        ),
    ],
)
def test_nonsense_is_refused(ward: Ward, spec: dict[str, Any], complaint: str) -> None:
    """In Kubernetes' words, with the field's path."""
    with pytest.raises(Invalid, match=re.escape(complaint)):
        ward.api.create(USER, FAULTS, "", {"metadata": {"name": "f"}, "spec": spec})


def test_only_the_duration_changes(ward: Ward) -> None:
    """A fault is what it was aimed at; how long it lasts may change while it is active."""
    break_(ward, "f", "StopKubelet", {"node": "node-a"}, "1h")
    ward.run(1)
    with pytest.raises(Invalid, match=r"spec.target: Invalid value: .*: field is immutable"):
        ward.api.patch(USER, FAULTS, "", "f", "merge", {"spec": {"target": {"node": "node-b"}}})
    ward.api.patch(USER, FAULTS, "", "f", "merge", {"spec": {"duration": "10s"}})
    ward.run(10)
    assert phase(ward, "f") == "Ended"


def test_deleting_a_fault_ends_it(ward: Ward) -> None:
    """The finalizer holds it until it has ended; then it is gone, and everything is well."""
    before = declared_state(ward)
    break_(ward, "f", "StopKubelet", {"node": "node-a"})
    ward.run(60)
    assert ward.get("Fault", "f")["metadata"]["finalizers"] == ["kubarium.dev/fault"]
    ward.delete("Fault", "f")
    ward.run(60)
    assert ward.find("Fault", "f") is None
    assert (declared_state(ward), health(ward)) == (before, WELL)
    assert ("Normal", "FaultEnded", "StopKubelet by fault f ended") in ward.events("FaultEnded", "node-a")


def test_what_a_fault_does_is_written_by_the_fault(ward: Ward) -> None:
    """Its writes have it as their author; the action that can be undone is that of who made the fault."""
    break_(ward, "f", "StopKubelet", {"node": "node-a"}, "1m")
    ward.run(70)
    ward.store.flush()
    key = ward.api.get(FAULTS, "", "f").key
    authors = [(r.author.who, r.author.intent) for r in ward.store.history.past_of(key)]
    assert authors[:-1] == [("fault:f", "")] * (len(authors) - 1)
    assert len(authors) > 3
    action = last_undoable(ward.store.history)
    assert action is not None
    assert action.who == "admin"


def test_a_fault_that_has_nothing_to_do_writes_nothing(ward: Ward) -> None:
    """While it is active and nothing changes, no revision is written for it."""
    break_(ward, "f", "PodCrash", {"pod": "nobody"}, "1h")
    ward.run(5)
    before = ward.api.get(FAULTS, "", "f").revision
    ward.run(300)
    assert ward.api.get(FAULTS, "", "f").revision == before


def test_the_table_says_when_it_ends(ward: Ward) -> None:
    """NAME ACTION TARGET PHASE ENDS AGE."""
    break_(ward, "f", "ZoneOutage", {"zone": "zone-a"}, "10m")
    break_(ward, "g", "PodCrash", {"namespace": "shop", "selector": {"matchLabels": {"app": "web"}}})
    ward.run(60)
    kind = ward.kind("fault")
    printer, now = printer_of(str(kind.resource)), ward.cluster.clock.now()
    rows = [printer.cells(env.obj, now)[:5] for env in ward.store.list(kind.resource)]
    assert rows == [
        ["f", "ZoneOutage", "zone/zone-a", "Active", "in 9m"],
        ["g", "PodCrash", "selector/shop/app=web", "Active", "<never>"],
    ]


def test_a_restart_of_the_process_changes_nothing(ward: Ward) -> None:
    """The fault goes on where it was and ends when it would have."""
    before = declared_state(ward)
    break_(ward, "cut", "CutNetwork", {"node": "node-a"}, "5m")
    break_(ward, "crash", "PodCrash", {"namespace": "shop", "selector": {}}, "4m", exitCode=3)
    ward.run(100)
    ward.cluster = Cluster(ward.store, Clock(ward.cluster.clock.now()), ClusterOptions(seed=5))
    ward.api = ward.cluster.api
    ward.cluster.start(stepped=True)
    ward.run(60)
    assert ward.condition("Node", "node-a", "Ready")["status"] == "Unknown"
    assert ward.available("web") == 0
    ward.run(150)
    assert (phase(ward, "cut"), phase(ward, "crash")) == ("Ended", "Ended")
    ward.until(lambda: health(ward) == WELL, 400, 5)
    assert declared_state(ward) == before


def test_every_action_is_documented() -> None:
    """docs/faults.md has each action with its targets, its parameters and what it does."""
    text = (Path(__file__).parents[3] / "docs" / "faults.md").read_text()
    for name, rules in ACTIONS.items():
        parameters = ", ".join(f"`{each}`" for each in rules.parameters)
        assert f"| `{name}` | {', '.join(rules.targets)} | {parameters} | {rules.does}" in text


def test_the_sample_faults_are_faults(ward: Ward) -> None:
    """What the sample cluster holds as comments would be applied."""
    text = (Path(__file__).parents[3] / "sample-cluster" / "faults.yaml").read_text()
    commented = text[text.index("# apiVersion") :]
    ward.apply("\n".join(line.removeprefix("#").removeprefix(" ") for line in commented.split("\n")))
    ward.run(1)
    assert [env.name for env in ward.store.list(FAULTS)] == ["carts-forget", "north-b-is-out"]
