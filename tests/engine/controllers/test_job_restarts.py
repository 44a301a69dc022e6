"""Whatever is restarted when, a Job ends with every pod counted once."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api.kinds import JOBS
from engine.controllers.job.pods import is_tracked
from tests.engine.controllers.jobs import conditions, end, indexed, job, status, waiting
from tests.engine.controllers.world import World

MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("end"), st.integers(0, 9)),
        st.tuples(st.just("fail"), st.integers(0, 9)),
        st.tuples(st.just("step"), st.integers(1, 6)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("run"), st.integers(1, 30)),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(MOVES, st.booleans())
def test_converges(moves: list[tuple[str, int]], by_index: bool) -> None:
    """Pods end and fail, the controller is stopped between any two of its steps and started anew: in the end the Job
    is complete, its counters are those of what happened, and no pod keeps the finalizer."""
    world = World(["job-controller"])
    limits: dict[str, Any] = {"backoffLimit": 1000}
    world.create(JOBS, indexed(6, 3, **limits) if by_index else job(completions=6, parallelism=3, **limits))
    runner = world.runners["job-controller"]
    failed = 0
    for what, number in moves:
        running = waiting(world)
        if what in ("end", "fail") and running:
            end(world, running[number % len(running)], int(what == "fail"))
            failed += what == "fail"
        elif what == "step":
            for _ in range(number):
                runner.step()
        elif what == "restart":
            runner.queue.clear()
            runner.start()
        elif what == "run":
            world.run(number)
    runner.start()
    for _ in range(30):
        for pod in waiting(world):
            end(world, pod)
        world.run(700)
        if len(conditions(world)) == 2:
            break
    assert conditions(world)[-1][0] == "Complete"
    assert (status(world)["succeeded"], status(world).get("failed", 0)) == (6, failed)
    assert status(world)["uncountedTerminatedPods"] == {}
    assert not any(is_tracked(pod) for pod in world.pods())
