"""Finished Jobs go when their time to live is over."""

from __future__ import annotations

from engine.api.kinds import JOBS
from tests.engine.controllers.jobs import end_all, job
from tests.engine.controllers.world import World

CONTROLLERS = ["job-controller", "garbage-collector-controller", "ttl-after-finished-controller"]


def test_goes_with_its_pods_when_its_time_is_over() -> None:
    """So many seconds after it finished, and not before."""
    world = World(CONTROLLERS)
    world.create(JOBS, job(ttlSecondsAfterFinished=100))
    world.create(JOBS, job("kept"))
    world.settle()
    end_all(world)
    world.run(1)
    world.run(99.9)
    assert len(world.pods()) == 2
    world.run(1)
    assert [found.name for found in world.store.list(JOBS)] == ["kept"]
    assert len(world.pods()) == 1


def test_at_once_with_zero() -> None:
    """ttlSecondsAfterFinished: 0."""
    world = World(CONTROLLERS)
    world.create(JOBS, job(ttlSecondsAfterFinished=0))
    world.settle()
    end_all(world)
    world.run(2)
    assert world.store.list(JOBS) == []
    assert world.pods() == []


def test_does_nothing_to_a_job_that_runs() -> None:
    """However long it takes; a time to live that is given later counts from the end."""
    world = World(CONTROLLERS)
    world.create(JOBS, job(ttlSecondsAfterFinished=5))
    world.run(3600)
    assert len(world.store.list(JOBS)) == 1
    end_all(world)
    world.run(2)
    world.spec(JOBS, "j", ttlSecondsAfterFinished=60)
    world.run(50)
    assert len(world.store.list(JOBS)) == 1
    world.run(15)
    assert world.store.list(JOBS) == []
