"""Going back to a snapshot while the cluster runs, and forks."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api.kinds import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, NODES, PODS
from engine.client import ClientError, ConnectOptions, KeptCluster, connect
from store.store import Store
from store.types import Author, Micros, ObjectKey
from tests.engine.history.past_world import SHOP, PastWorld, workload


@pytest.fixture
def world() -> PastWorld:
    world = PastWorld()
    world.create(DEPLOYMENTS, workload("Deployment", "web", 4))
    world.run(20)
    return world


def test_a_cluster_gone_back_to_runs_on_from_there(world: PastWorld) -> None:
    """The same pods by uid, running, on the same nodes; nothing is made or restarted because of it."""
    pods = {env.uid: env.obj["spec"]["nodeName"] for env in world.store.list(PODS)}
    before = world.declared()
    world.past.snapshot("good").result()
    world.delete(NAMESPACES, SHOP, "")
    world.settle()
    assert world.names(PODS) == []
    world.patch(NODES, "one", {"metadata": {"annotations": {"kubarium.dev/kubelet": "stopped"}}}, namespace="")
    world.run(400)
    assert world.past.restore_plan("good")
    assert world.past.restore("good", "t restore good") > 0
    world.run(400)
    assert world.declared() == before
    assert {env.uid: env.obj["spec"]["nodeName"] for env in world.store.list(PODS)} == pods
    for env in world.store.list(PODS):
        (status,) = env.obj["status"]["containerStatuses"]
        assert (status["ready"], status["restartCount"]) == (True, 0)
    assert world.get(DEPLOYMENTS, "web")["status"]["availableReplicas"] == 4
    assert world.cluster.crashes == 0


def test_a_crash_looping_container_goes_on_where_the_snapshot_has_it(world: PastWorld) -> None:
    """Its kubelet takes it up from the status that was: restarts count on from there."""
    bad = workload("Deployment", "bad", 1)
    bad["spec"]["template"]["metadata"]["annotations"] = {"kubarium.dev/fail": "after=1s"}
    world.create(DEPLOYMENTS, bad)
    world.run(60)
    (pod,) = [env for env in world.store.list(PODS) if env.name.startswith("bad-")]
    restarts = pod.obj["status"]["containerStatuses"][0]["restartCount"]
    world.past.snapshot("early").result()
    world.run(600)
    world.past.restore("early", "t restore early")
    world.run(0.1)
    now = world.get(PODS, pod.name)["status"]["containerStatuses"][0]["restartCount"]
    assert now in (restarts, restarts + 1)
    world.run(600)
    assert world.get(PODS, pod.name)["status"]["containerStatuses"][0]["restartCount"] > restarts + 1
    assert world.cluster.crashes == 0


def test_a_restore_is_undone_by_restoring_what_was_before(world: PastWorld) -> None:
    """Time goes on in both directions, and the log has all of it."""
    world.past.snapshot("a").result()
    world.create(DEPLOYMENTS, workload("Deployment", "api", 1))
    world.run(20)
    world.past.snapshot("b").result()
    world.past.restore("a", "t restore a")
    world.run(20)
    assert world.names(DEPLOYMENTS) == ["web"]
    world.past.restore("b", "t restore b")
    world.run(20)
    assert world.names(DEPLOYMENTS) == ["api", "web"]
    assert world.get(DEPLOYMENTS, "api")["status"]["availableReplicas"] == 1


def test_the_client_asks_the_past_of_a_running_cluster(tmp_path: Path) -> None:
    """Snapshot, undo, views and fork through the threads of a real client; what is refused arrives as ClientError."""
    client = connect(ConnectOptions(store=str(tmp_path / "c.db")))
    client.start()
    try:
        client.ready.result(30)
        past = client.past
        client.create("namespaces", "", {"metadata": {"name": "shop"}}, intent="x create shop").result(10)
        taken = past.snapshot("s").result(10)
        with pytest.raises(ClientError, match="already a snapshot"):
            past.snapshot("s").result(10)
        body = {"metadata": {"name": "c"}, "data": {"a": "1"}}
        client.create("configmaps", "shop", body, intent="y create c").result(10)
        plan = past.undo_plan().result(10)
        assert plan is not None
        assert [(step.action, step.name) for step in plan.steps] == [("delete", "c")]
        assert past.undo(plan.intent.id).result(10).done == 1
        assert past.history("configmaps", "shop", "c").result(10)[0].op == "delete"
        assert past.object_at("configmaps", "shop", "c", taken.revision).result(10) is None
        with pytest.raises(ClientError):
            past.undo("nobody's").result(10)
        with pytest.raises(ClientError, match="no snapshot"):
            past.restore("t", intent="z restore t").result(10)
        past.fork(str(tmp_path / "fork.db"), "s").result(20)
        assert [each.name for each in past.snapshots().result(10)] == ["s"]
    finally:
        client.stop()
    fork = Store.open(tmp_path / "fork.db")
    assert fork.revision > taken.revision
    assert [env.name for env in fork.list(NAMESPACES) if env.name == "shop"] == ["shop"]
    fork.close()
    kept = KeptCluster(str(tmp_path / "fork.db"))
    with pytest.raises(ClientError, match="no snapshot"):
        kept.restore("other")


def test_a_kept_cluster_is_named_compared_gone_back_and_forked(tmp_path: Path) -> None:
    """Without opening it in a console: by the path of its file."""
    path = str(tmp_path / "c.db")
    store = Store.open(path)
    key = ObjectKey("", "configmaps", "shop", "c")
    for value in ("1", "2"):
        if value == "2":
            store.close()
            KeptCluster(path).snapshot("one")
            store = Store.open(path)
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "uid": "u"}, "data": {"a": value}}
        store.put(key, body, Author("somebody"), Micros(int(value)))
    store.close()
    kept = KeptCluster(path)
    (change,) = kept.diff("one", "now")
    assert (change.action, change.name, [tuple(each) for each in change.changes]) == (
        "changed", "c", [("data.a", "1", "2")],
    )  # fmt: skip
    kept.fork(str(tmp_path / "f.db"), "one")
    assert kept.restore("one") == 1
    for file in ("c.db", "f.db"):
        store = Store.open(tmp_path / file)
        assert store.list(CONFIGMAPS)[0].obj["data"] == {"a": "1"}
        store.close()
    with pytest.raises(ClientError, match="no cluster is kept there"):
        KeptCluster(str(tmp_path / "nothing.db")).snapshots()
