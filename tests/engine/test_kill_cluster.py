"""kill -9 under load: what was acknowledged is there, the store is whole, the cluster carries on.

`KUBARIUM_KILL_ROUNDS=20` plays more rounds than the few of an ordinary test run.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

from engine.api.kinds import CONFIGMAPS, DAEMONSETS, DEPLOYMENTS, JOBS, PODS, STATEFULSETS
from engine.clock import MINUTE, Clock
from engine.cluster import Cluster, ClusterOptions
from store.store import Store
from store.types import Micros

ROOT = Path(__file__).parent.parent.parent
ROUNDS = int(os.environ.get("KUBARIUM_KILL_ROUNDS", "3"))
REPLICAS = 60
NODES = 8

LOAD = """
import sys
from engine.client import ClientError, ConnectOptions, connect
client = connect(ConnectOptions(store=sys.argv[1], speed=60.0, seed=int(sys.argv[2])))
client.start()
client.ready.result(60)
first = sys.argv[2] == "0"
if first:
    for number in range(int(sys.argv[4])):
        client.create("nodes", "", {"metadata": {"name": f"n{number}"}}, intent="setup").result(30)
    def make(resource, name, notes=None, policy="Always", wrap=None, **spec):
        pod = {"containers": [{"name": "c", "image": "web:1"}], "restartPolicy": policy}
        spec["template"] = {"metadata": {"labels": {"app": name}, "annotations": notes or {}}, "spec": pod}
        if policy == "Always":
            spec["selector"] = {"matchLabels": {"app": name}}
        if wrap is not None:
            spec = {**wrap, "jobTemplate": {"spec": spec}}
        client.create(resource, "default", {"metadata": {"name": name}, "spec": spec}, intent="setup").result(30)
    make("deployments.apps", "web", replicas=int(sys.argv[3]))
    make("statefulsets.apps", "db", replicas=4)
    make("daemonsets.apps", "agent")
    done = {"kubarium.dev/complete": "20s"}
    make("jobs.batch", "load", done, "Never", completions=12, parallelism=3, completionMode="Indexed", backoffLimit=99)
    make("cronjobs.batch", "tick", {"kubarium.dev/complete": "5s"}, "Never", {"schedule": "* * * * *"}, backoffLimit=99)
print("UP", flush=True)
number = 0
while True:
    number += 1
    name = f"acknowledged-{sys.argv[2]}-{number}"
    item = client.create("configmaps", "default", {"metadata": {"name": name}}, intent="load").result(30)
    print("ACK", name, item.uid, item.revision, flush=True)
    pods = client.list(__import__("engine.client", fromlist=["Query"]).Query("pods", "default")).result(30)
    if number % 5 == 0 and pods:
        try:
            client.delete("pods", "default", pods[number % len(pods)].name, intent="load", grace=1).result(30)
        except ClientError:
            pass
"""


def killed_under_load(store: Path, number: int, chance: random.Random) -> list[tuple[str, str, int]]:
    """One round. Returns (name, uid, revision) of every acknowledged write."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD, str(store), str(number), str(REPLICAS), str(NODES)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "UP\n"
    timer = threading.Timer(chance.uniform(0.05, 1.5), process.send_signal, [signal.SIGKILL])
    timer.start()
    acknowledged = []
    for line in process.stdout:
        parts = line.split()
        if len(parts) == 4 and line.endswith("\n"):
            acknowledged.append((parts[1], parts[2], int(parts[3])))
    process.wait()
    timer.join()
    return acknowledged


def test_acknowledged_writes_survive_and_the_cluster_carries_on(tmp_path: Path) -> None:
    """Every acknowledged write of every round is there afterwards, and every workload becomes what its spec says."""
    path = tmp_path / "cluster.db"
    chance = random.Random(7)
    acknowledged: list[tuple[str, str, int]] = []
    for number in range(ROUNDS):
        acknowledged += killed_under_load(path, number, chance)
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        store = Store.open(str(path))
        try:
            found = {env.name: env for env in store.list(CONFIGMAPS, "default")}
            for name, uid, revision in acknowledged:
                assert name in found, f"round {number}: {name} was acknowledged and is gone"
                assert found[name].uid == uid
                assert found[name].revision == revision
        finally:
            store.close()
    assert acknowledged
    store = Store.open(str(path))
    try:
        at = store.get_meta("cluster_time")
        assert at is not None
        cluster = Cluster(store, Clock(Micros(int(at))), ClusterOptions(99))
        cluster.start()
        cluster.run_for(10 * MINUTE)
        for resource, name, figure, wanted in (
            (DEPLOYMENTS, "web", "availableReplicas", REPLICAS), (STATEFULSETS, "db", "availableReplicas", 4),
            (DAEMONSETS, "agent", "numberAvailable", NODES), (JOBS, "load", "succeeded", 12),
        ):  # fmt: skip
            status = cluster.api.get(resource, "default", name).obj["status"]
            assert status.get(figure) == wanted, name
            if resource != JOBS:
                assert len([pod for pod in store.list(PODS, "default") if pod.labels.get("app") == name]) == wanted
        done = [job for job in store.list(JOBS, "default") if job.name.startswith("tick-")]
        assert len([job for job in done if job.obj["status"].get("succeeded") == 1]) == 3
        assert cluster.crashes == 0
        cluster.stop()
    finally:
        store.close()
