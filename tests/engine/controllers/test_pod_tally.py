"""The tally of pods is at every moment what a count of all pods would give."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import SECOND, rfc3339
from engine.controllers.pod_tally import PodTallies, PodTally
from store.store import Store
from store.types import Author, Envelope, JsonObject, Micros, ObjectKey

AUTHOR = Author("tester")
OWNER: JsonObject = {
    "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "rs", "namespace": "d", "uid": "u"},
    "spec": {
        "selector": {"matchLabels": {"app": "a"}}, "minReadySeconds": 10,
        "template": {"metadata": {"labels": {"app": "a", "tier": "t"}}, "spec": {}},
    },
}  # fmt: skip
_POD = st.fixed_dictionaries({
    "name": st.sampled_from("pqrs"),
    "gone": st.booleans(),
    "owned": st.booleans(),
    "labels": st.sampled_from([{"app": "a"}, {"app": "a", "tier": "t"}, {"app": "b"}]),
    "phase": st.sampled_from(["Pending", "Running", "Failed"]),
    "deleting": st.booleans(),
    "ready_since": st.one_of(st.none(), st.integers(0, 30)),
    "look_at": st.integers(0, 60),
})  # fmt: skip


def manifest(step: dict[str, Any]) -> JsonObject:
    """The pod of one step."""
    meta: JsonObject = {"name": step["name"], "namespace": "d", "uid": step["name"], "labels": step["labels"]}
    if step["owned"]:
        meta["ownerReferences"] = [{"kind": "ReplicaSet", "name": "rs", "uid": "u", "controller": True}]
    if step["deleting"]:
        meta["deletionTimestamp"] = rfc3339(0)
    since = step["ready_since"]
    ready = {"type": "Ready", "status": "False" if since is None else "True"}
    ready["lastTransitionTime"] = rfc3339((since or 0) * SECOND)
    return {"metadata": meta, "spec": {}, "status": {"phase": step["phase"], "conditions": [ready]}}


def counted(pods: list[JsonObject], now: int) -> tuple[int, int, int, int, int]:
    """(active, ready, labeled, terminating, available) by looking at every pod."""
    ours = [
        pod for pod in pods
        if pod["metadata"].get("ownerReferences") and pod["metadata"]["labels"]["app"] == "a"
        and pod["status"]["phase"] != "Failed"
    ]  # fmt: skip
    active = [pod for pod in ours if "deletionTimestamp" not in pod["metadata"]]
    ready = [pod["status"]["conditions"][0] for pod in active if pod["status"]["conditions"][0]["status"] == "True"]
    return (
        len(active), len(ready), sum("tier" in pod["metadata"]["labels"] for pod in active), len(ours) - len(active),
        sum(condition["lastTransitionTime"] <= rfc3339(now - 10 * SECOND) for condition in ready),
    )  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(_POD, max_size=25))
def test_the_tally_is_the_count(steps: list[dict[str, Any]]) -> None:
    """Pods come, change, are released, adopted and go in any order, while time passes."""
    store = Store()
    owner = store.put(
        ObjectKey("apps", "replicasets", "d", "rs"), {**OWNER, "metadata": dict(OWNER["metadata"])}, AUTHOR, Micros(0)
    )
    changes: list[PodTally] = []
    tallies = PodTallies(store, PodTally, lambda _, tally: changes.append(tally), lambda _: None)
    tally = tallies.of(owner)
    pods: dict[str, JsonObject] = {}
    now = 0
    for step in steps:
        key = ObjectKey("", "pods", "d", step["name"])
        if step["gone"]:
            if pods.pop(step["name"], None) is not None:
                store.delete(key, AUTHOR, Micros(0))
        else:
            pods[step["name"]] = manifest(step)
            store.put(key, manifest(step), AUTHOR, Micros(0))
        now = max(now, step["look_at"] * SECOND)
        numbers = (tally.active, tally.ready, tally.labeled, tally.terminating, tally.available(now))
        assert numbers == counted(list(pods.values()), now)
    fresh = PodTallies(store, PodTally, lambda *_: None, lambda _: None).of(owner)
    assert (fresh.active, fresh.ready, fresh.foreign) == (tally.active, tally.ready, tally.foreign)


def test_orphans_are_told() -> None:
    """A labelled pod without an owner is shown to the controller."""
    store = Store()
    seen: list[Envelope] = []
    PodTallies(store, PodTally, lambda *_: None, seen.append)
    step = {
        "name": "p",
        "owned": False,
        "labels": {"app": "a"},
        "phase": "Running",
        "deleting": False,
        "ready_since": 1,
    }
    store.put(ObjectKey("", "pods", "d", "p"), manifest(step), AUTHOR, Micros(0))
    assert [env.name for env in seen] == ["p"]
