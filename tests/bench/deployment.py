"""A Deployment of 10,000 replicas on 1,000 nodes: applied → all Running and available, everything committed.

Runs in a process of its own (`python -m tests.bench.deployment`), prints one JSON object. `--profile` adds the
costliest functions; `--pace` runs at real time (as a console would) instead of as fast as it goes.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from engine.api.kinds import DEPLOYMENTS, NODES
from engine.api.server import Caller
from engine.clock import SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.collector import set_collector
from store.store import Store

_ADMIN = Caller("kubernetes-admin", "bench")


def node(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": f"node-{number:04d}",
            "labels": {"topology.kubernetes.io/zone": f"zone-{'abc'[number % 3]}", "disk": ("ssd", "hdd")[number % 2]},
        },
        "spec": {"taints": [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}]} if number % 50 == 49 else {},
        "status": {"capacity": {"cpu": "32", "memory": "128Gi", "pods": "110", "ephemeral-storage": "100Gi"}},
    }


def deployment(replicas: int) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "registry.example/web:1.0",
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        },
    }


def available(cluster: Cluster) -> int:
    env = cluster.api.find(DEPLOYMENTS, "default", "web")
    return 0 if env is None else int((env.obj.get("status") or {}).get("availableReplicas") or 0)


def run(nodes: int, replicas: int, *, path: str | None, pace: bool) -> dict[str, Any]:
    """Figures of one run."""
    set_collector()
    store = Store.open(path)
    cluster = Cluster(store, Clock(parse_time("2026-01-01T00:00:00Z")), ClusterOptions(1))
    cluster.start(stepped=True)
    began = time.perf_counter()
    for number in range(nodes):
        cluster.api.create(_ADMIN, NODES, "", node(number))
    cluster.run_for(40 * SECOND)
    store.flush()
    ready = time.perf_counter() - began
    first, first_cpu = store.revision, time.process_time()
    began, cluster_began = time.perf_counter(), cluster.clock.now()
    cluster.api.create(_ADMIN, DEPLOYMENTS, "default", deployment(replicas))
    if pace:
        cluster.clock.set_speed(1.0)

        def look() -> None:
            if available(cluster) < replicas and time.perf_counter() - began < 300:
                cluster.clock.call_later(SECOND // 10, look)
            else:
                cluster.loop.stop()

        look()
        cluster.loop.run()
    else:
        while available(cluster) < replicas and cluster.clock.now() < cluster_began + 300 * SECOND:
            cluster.run_for(SECOND)
    store.flush()
    wall = time.perf_counter() - began
    result = {
        "nodes": nodes,
        "replicas": replicas,
        "available": available(cluster),
        "pace": "1x" if pace else "as fast as it goes",
        "nodes_ready_s": round(ready, 2),
        "wall_s": round(wall, 2),
        "cpu_s": round(time.process_time() - first_cpu, 2),
        "cluster_s": round((cluster.clock.now() - cluster_began) / SECOND, 1),
        "revisions": store.revision - first,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "store_mb": round(Path(path).stat().st_size / 1e6, 1) if path else None,
    }
    cluster.stop()
    store.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1_000)
    parser.add_argument("--replicas", type=int, default=10_000)
    parser.add_argument("--pace", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--keep", metavar="FILE", help="keep the store here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = args.keep or f"{folder}/cluster.db"
        if not args.profile:
            print(json.dumps(run(args.nodes, args.replicas, path=path, pace=args.pace)))
            return
        profile = cProfile.Profile()
        profile.enable()
        result = run(args.nodes, args.replicas, path=path, pace=args.pace)
        profile.disable()
        print(json.dumps(result))
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
