"""Many workloads at once on 1,000 nodes, their deletion, a rolling update, and preemption through the whole cluster.

Each prints one JSON object from a process of its own (`python -m tests.bench.workloads mixed|rolling|preemption`,
`--profile` adds the costliest functions). Seconds are of this machine: wall, with everything committed, and CPU of the
whole process.

- `mixed`: 10,000 pods of 50 Deployments, 20 StatefulSets, 10 DaemonSets and 500 Jobs in 10 namespaces, created at once,
  until each says that it is done; then the namespaces are deleted, until they are gone.
- `rolling`: a Deployment of 5,000 replicas gets a new image, until all are updated and available.
- `preemption`: 200 pods of a higher priority on full nodes, until all have a node.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import tempfile
import time
from collections.abc import Callable
from typing import Any, Final

from engine.api.kinds import DAEMONSETS, DEPLOYMENTS, JOBS, NAMESPACES, NODES, PODS, PRIORITYCLASSES, STATEFULSETS
from engine.api.server import Caller
from engine.clock import SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.collector import set_collector
from store.store import Store
from store.types import Envelope, Resource
from tests.bench.deployment import deployment, node

_ADMIN: Final = Caller("kubernetes-admin", "bench")
_NODES: Final = 1_000
_NAMESPACES: Final = [f"team-{number}" for number in range(10)]
_PATIENCE: Final = 900 * SECOND
"""Cluster time after which a phase is given up."""

_Object = dict[str, Any]


def workload(kind: str, version: str, namespace: str, name: str, spec: _Object, pod: _Object) -> _Object:
    """A workload whose pods carry `app: <name>`; a Job's pods end after five seconds."""
    metadata: _Object = {"labels": {"app": name}}
    if kind == "Job":
        metadata["annotations"] = {"kubarium.dev/complete": "5s"}
    template = {"metadata": metadata, "spec": pod}
    if kind != "Job":
        spec = {"selector": {"matchLabels": {"app": name}}, **spec}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": {**spec, "template": template}}


def container(image: str, cpu: str) -> _Object:
    resources = {"requests": {"cpu": cpu, "memory": "64Mi"}}
    return {"name": "c", "image": f"registry.example/{image}", "resources": resources}


def mixed_workloads() -> list[tuple[Resource, _Object]]:
    """80 workloads and 500 Jobs for 10,000 pods: 100 a DaemonSet, 60 a Deployment, 50 a StatefulSet, 10 a Job."""
    result: list[tuple[Resource, _Object]] = []
    for number in range(50):
        spec: _Object = {"replicas": 60}
        pod: _Object = {"containers": [container(f"web-{number}:1", "100m")]}
        namespace = _NAMESPACES[number % 10]
        result.append((DEPLOYMENTS, workload("Deployment", "apps/v1", namespace, f"web-{number}", spec, pod)))
    for number in range(20):
        spec = {"replicas": 50, "serviceName": f"data-{number}", "podManagementPolicy": "Parallel"}
        pod = {"containers": [container(f"data-{number}:1", "200m")]}
        namespace = _NAMESPACES[number % 10]
        result.append((STATEFULSETS, workload("StatefulSet", "apps/v1", namespace, f"data-{number}", spec, pod)))
    for number in range(10):
        pod = {"containers": [container(f"agent-{number}:1", "50m")], "nodeSelector": {"rack": str(number)}}
        pod["tolerations"] = [{"operator": "Exists"}]
        result.append((DAEMONSETS, workload("DaemonSet", "apps/v1", _NAMESPACES[number], f"agent-{number}", {}, pod)))
    for number in range(500):
        spec = {"completions": 10, "parallelism": 10}
        pod = {"containers": [container("batch:1", "100m")], "restartPolicy": "Never"}
        obj = workload("Job", "batch/v1", _NAMESPACES[number % 10], f"batch-{number}", spec, pod)
        result.append((JOBS, obj))
    return result


def done(env: Envelope) -> bool:
    """A workload says that all its pods are ready, or have succeeded."""
    spec, status = env.obj["spec"], env.obj.get("status") or {}
    if env.key.plural == JOBS.plural:
        return int(status.get("succeeded") or 0) >= int(spec["completions"])
    if env.key.plural == DAEMONSETS.plural:
        return int(status.get("numberReady") or 0) >= int(status.get("desiredNumberScheduled") or 1)
    return int(status.get("readyReplicas") or 0) >= int(spec["replicas"])


class Stopwatch:
    """Plays a cluster until a condition holds and everything is committed, and says what that took."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def until(self, name: str, condition: Callable[[], bool], start: Callable[[], None]) -> dict[str, Any]:
        """Wall, CPU and cluster seconds from `start` until `condition`, which is asked each cluster second."""
        cluster = self._cluster
        wall, cpu, began, first = time.perf_counter(), time.process_time(), cluster.clock.now(), cluster.store.revision
        start()
        while not condition() and cluster.clock.now() < began + _PATIENCE:
            cluster.run_for(SECOND)
        cluster.store.flush()
        return {
            f"{name}_done": condition(),
            f"{name}_wall_s": round(time.perf_counter() - wall, 2),
            f"{name}_cpu_s": round(time.process_time() - cpu, 2),
            f"{name}_cluster_s": round((cluster.clock.now() - began) / SECOND, 1),
            f"{name}_revisions": cluster.store.revision - first,
        }


def mixed(cluster: Cluster, watch: Stopwatch) -> dict[str, Any]:
    objects = mixed_workloads()

    def create() -> None:
        for namespace in _NAMESPACES:
            manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            cluster.api.create(_ADMIN, NAMESPACES, "", manifest)
        for kind, obj in objects:
            cluster.api.create(_ADMIN, kind, obj["metadata"]["namespace"], obj)

    def settled() -> bool:
        found = [cluster.api.find(kind, obj["metadata"]["namespace"], obj["metadata"]["name"]) for kind, obj in objects]
        return all(env is not None and done(env) for env in found)

    def delete() -> None:
        for namespace in _NAMESPACES:
            cluster.api.delete(_ADMIN, NAMESPACES, "", namespace)

    def gone() -> bool:
        return all(cluster.api.find(NAMESPACES, "", namespace) is None for namespace in _NAMESPACES)

    result = watch.until("settle", settled, create)
    result["pods"] = len(cluster.api.list(PODS).items)
    return {**result, **watch.until("delete", gone, delete)}


def rolling(cluster: Cluster, watch: Stopwatch) -> dict[str, Any]:
    replicas = 5_000

    def status() -> dict[str, Any]:
        env = cluster.api.find(DEPLOYMENTS, "default", "web")
        return (env.obj.get("status") or {}) if env is not None else {}

    def rolled() -> bool:
        found = status()
        counts = [int(found.get(field) or 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
        return found.get("observedGeneration") == generation[0] and counts == [replicas] * 3

    def update() -> None:
        newer = {"name": "web", "image": "registry.example/web:2.0"}
        patch = {"spec": {"template": {"spec": {"containers": [newer]}}}}
        env = cluster.api.patch(_ADMIN, DEPLOYMENTS, "default", "web", "strategic", patch)
        generation[0] = env.obj["metadata"]["generation"]

    generation = [1]
    cluster.api.create(_ADMIN, DEPLOYMENTS, "default", deployment(replicas))
    watch.until("created", rolled, lambda: None)
    return watch.until("rolling", rolled, update)


def preemption(cluster: Cluster, watch: Stopwatch) -> dict[str, Any]:
    preemptors = 200

    def full(name: str, replicas: int, cpu: str, priority: str) -> None:
        pod = {"containers": [container("full:1", cpu)], "priorityClassName": priority}
        obj = workload("Deployment", "apps/v1", "default", name, {"replicas": replicas}, pod)
        cluster.api.create(_ADMIN, DEPLOYMENTS, "default", obj)

    def ready(name: str, replicas: int) -> bool:
        env = cluster.api.find(DEPLOYMENTS, "default", name)
        return env is not None and int((env.obj.get("status") or {}).get("readyReplicas") or 0) >= replicas

    for name, value in (("low", 10), ("high", 1000)):
        obj = {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
        }
        cluster.api.create(_ADMIN, PRIORITYCLASSES, "", obj)
    # 980 nodes without a taint, ten pods of 3 cpu on each of 32 cpu: two cpu are left, and one victim makes five.
    watch.until("filled", lambda: ready("low", 9_800), lambda: full("low", 9_800, "3", "low"))
    result = watch.until("preempt", lambda: ready("high", preemptors), lambda: full("high", preemptors, "4", "high"))
    return {**result, "preempt_cpu_ms_each": round(1000 * result["preempt_cpu_s"] / preemptors, 2)}


SCENES: Final[dict[str, Callable[[Cluster, Stopwatch], dict[str, Any]]]] = {
    "mixed": mixed,
    "rolling": rolling,
    "preemption": preemption,
}


def run(scene: str, path: str) -> dict[str, Any]:
    """Figures of one scene."""
    set_collector()
    store = Store.open(path)
    cluster = Cluster(store, Clock(parse_time("2026-01-01T00:00:00Z")), ClusterOptions(1))
    cluster.start(stepped=True)
    for number in range(_NODES):
        obj = node(number)
        obj["metadata"]["labels"]["rack"] = str(number % 10)
        cluster.api.create(_ADMIN, NODES, "", obj)
    cluster.run_for(40 * SECOND)
    store.flush()
    result = SCENES[scene](cluster, Stopwatch(cluster))
    result["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    cluster.stop()
    store.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", choices=list(SCENES))
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not args.profile:
            print(json.dumps(run(args.scene, f"{folder}/cluster.db")))
            return
        profile = cProfile.Profile()
        profile.enable()
        result = run(args.scene, f"{folder}/cluster.db")
        profile.disable()
        print(json.dumps(result))
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
