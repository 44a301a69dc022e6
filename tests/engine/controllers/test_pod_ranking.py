"""Which pods go first: each rule of the ranking alone, in the order of the rules."""

from __future__ import annotations

from typing import Any

import pytest

from engine.clock import SECOND, parse_time, rfc3339
from engine.controllers.pod_ranking import victims
from store.types import Envelope, JsonObject, ObjectKey, Revision

NOW = parse_time("2026-11-23T12:00:00Z")


def pod(
    name: str, *, node: str = "n", phase: str = "Running", ready_for: int | None = 3600, age: int = 3600,
    cost: str | None = None, restarts: int = 0,
) -> Envelope:  # fmt: skip
    """A pod that is ready for so many seconds (None: not ready) and so many seconds old."""
    condition: JsonObject = {"type": "Ready", "status": "False" if ready_for is None else "True"}
    condition["lastTransitionTime"] = rfc3339(NOW - (ready_for or 0) * SECOND)
    meta: dict[str, Any] = {"name": name, "uid": name, "creationTimestamp": rfc3339(NOW - age * SECOND)}
    if cost is not None:
        meta["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": cost}
    status = {"phase": phase, "conditions": [condition], "containerStatuses": [{"name": "c", "restartCount": restarts}]}
    spec = {"containers": [{"name": "c"}]} | ({"nodeName": node} if node else {})
    return Envelope(ObjectKey("", "pods", "default", name), Revision(1), b"", {
        "metadata": meta, "spec": spec, "status": status,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pod("z", node="", cost="9"), pod("a", phase="Pending", ready_for=None)),
        (pod("z", phase="Pending", cost="9"), pod("a", phase="Unknown", ready_for=None)),
        (pod("z", phase="Unknown", cost="9"), pod("a", ready_for=None)),
        (pod("z", ready_for=None, cost="9"), pod("a", cost="-9")),
        (pod("z", cost="-9", ready_for=7200), pod("a", ready_for=5)),
        (pod("z", cost="no number", ready_for=5), pod("a", cost="1")),
        (pod("z", ready_for=5, age=7200), pod("a", restarts=9)),
        (pod("z", restarts=2, age=90_000), pod("a", age=5)),
        (pod("z", age=5), pod("a", age=7200)),
        (pod("a"), pod("b")),
    ],
)
def test_the_first_goes_before_the_second(first: Envelope, second: Envelope) -> None:
    """Every rule counts more than all those after it."""
    assert victims([second, first], [], 1, NOW) == [first]
    assert victims([first, second], [], 1, NOW) == [first]


def test_crowded_nodes_give_up_first() -> None:
    """A pod with more pods of the same workload on its node goes before a younger one that is alone."""
    crowded, alone = pod("z", node="n", age=9000, ready_for=9000), pod("a", node="m", ready_for=5)
    related = [crowded, alone, pod("old", node="n")]
    assert victims([crowded, alone], related, 1, NOW) == [crowded]


def test_all_go_when_all_are_too_many() -> None:
    """No ranking is needed then."""
    pods = [pod("b"), pod("a")]
    assert victims(pods, pods, 5, NOW) == pods
