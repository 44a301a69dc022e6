"""Flow control's default objects, and FlowSchemas whose priority level is missing."""

from __future__ import annotations

from typing import Any

from engine.api.kinds import FLOWSCHEMAS, PRIORITYLEVELS
from tests.engine.controllers.world import USER, World

NAME = "priority-and-fairness-config-producer"


def dangling(world: World, name: str) -> tuple[str, str]:
    conditions: list[dict[str, Any]] = world.api.get(FLOWSCHEMAS, "", name).obj["status"]["conditions"]
    [condition] = [each for each in conditions if each["type"] == "Dangling"]
    return condition["status"], condition["reason"]


def test_the_defaults_are_there() -> None:
    """Eleven schemas, each of a level that is there, and eight levels."""
    world = World([NAME])
    schemas = [env.name for env in world.store.list(FLOWSCHEMAS)]
    assert len(schemas) == 11
    assert all(dangling(world, name) == ("False", "Found") for name in schemas)
    levels = {env.name: env.obj["spec"] for env in world.store.list(PRIORITYLEVELS)}
    assert sorted(levels) == [
        "catch-all", "exempt", "global-default", "leader-election", "node-high", "system", "workload-high",
        "workload-low",
    ]  # fmt: skip
    assert levels["exempt"]["type"] == "Exempt"
    assert levels["workload-low"]["limited"]["nominalConcurrencyShares"] == 100


def test_nothing_is_written_a_second_time() -> None:
    """A restart finds everything there."""
    world = World([NAME])
    world.writes()
    world.runners[NAME].start()
    world.settle()
    assert world.writes() == []


def test_a_schema_without_its_level_dangles() -> None:
    """It says so, and takes it back when the level comes."""
    world = World([NAME])
    spec = {"priorityLevelConfiguration": {"name": "mine"}, "matchingPrecedence": 500, "rules": []}
    world.create(FLOWSCHEMAS, {"metadata": {"name": "own"}, "spec": spec}, "")
    world.settle()
    assert dangling(world, "own") == ("True", "NotFound")
    world.create(PRIORITYLEVELS, {"metadata": {"name": "mine"}, "spec": {"type": "Limited", "limited": {}}}, "")
    world.settle()
    assert dangling(world, "own") == ("False", "Found")


def test_what_is_mandatory_comes_back() -> None:
    """What is only suggested stays away until the next start."""
    world = World([NAME])
    for resource, name in ((FLOWSCHEMAS, "catch-all"), (PRIORITYLEVELS, "exempt"), (FLOWSCHEMAS, "probes")):
        world.api.delete(USER, resource, "", name)
    world.settle()
    assert world.api.find(FLOWSCHEMAS, "", "catch-all") is not None
    assert world.api.find(PRIORITYLEVELS, "", "exempt") is not None
    assert world.api.find(FLOWSCHEMAS, "", "probes") is None
