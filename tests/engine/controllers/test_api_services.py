"""APIServices of the group versions that are served."""

from __future__ import annotations

from engine.api.kinds import APISERVICES, CRDS
from store.types import JsonObject
from tests.engine.controllers.world import USER, World

NAME = "apiservice-registration-controller"


def definition(*versions: str) -> JsonObject:
    schema = {"openAPIV3Schema": {"type": "object"}}
    return {
        "metadata": {"name": "cars.stable.example.com"},
        "spec": {
            "group": "stable.example.com", "scope": "Namespaced",
            "names": {"plural": "cars", "singular": "car", "kind": "Car", "listKind": "CarList"},
            "versions": [
                {"name": name, "served": True, "storage": number == 0, "schema": schema}
                for number, name in enumerate(versions)
            ],
        },
    }  # fmt: skip


def names(world: World) -> list[str]:
    return [env.name for env in world.store.list(APISERVICES)]


def test_each_group_version_of_kubernetes_has_one() -> None:
    """Local and available; Kubarium's own kinds, and the aggregator's, have none. The names are those of discovery."""
    world = World([NAME])
    found = names(world)
    assert {"v1.", "v1.apps", "v2.autoscaling", "v1.resource.k8s.io"} <= set(found)
    assert not any("kubarium" in name or "apiregistration" in name for name in found)
    assert len(found) == 21
    core = world.api.get(APISERVICES, "", "v1.").obj
    assert core["spec"] == {"groupPriorityMinimum": 18000, "version": "v1", "versionPriority": 1}
    [condition] = core["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Available", "True", "Local")


def test_nothing_is_written_a_second_time() -> None:
    """A restart finds everything there."""
    world = World([NAME])
    world.writes()
    world.runners[NAME].start()
    world.settle()
    assert world.writes() == []


def test_a_custom_group_version_has_one_while_it_is_served() -> None:
    """It comes with the definition, one for each version, is made anew when it is deleted, and goes with it."""
    world = World([NAME])
    world.create(CRDS, definition("v1", "v2"), "")
    world.settle()
    assert [name for name in names(world) if "stable" in name] == ["v1.stable.example.com", "v2.stable.example.com"]
    assert world.api.get(APISERVICES, "", "v1.stable.example.com").labels == {
        "kube-aggregator.kubernetes.io/automanaged": "true"
    }
    world.api.delete(USER, APISERVICES, "", "v1.stable.example.com")
    world.settle()
    assert "v1.stable.example.com" in names(world)
    world.api.delete(USER, CRDS, "", "cars.stable.example.com")
    world.run(60)
    assert not any("stable" in name for name in names(world))
