"""The scheduler alone: pods per CPU-second on 1,000 nodes with resources, taints and node affinity.

`decisions` is choosing a node and counting the pod there (queue, filters, scores, record of the attempt);
`bound` is the same with the binding and the event written through the API into the store in memory. `refused` is
pods that fit nowhere, condition and event included. `related` is decisions on pods that spread over zones and nodes and
keep away from (or near to) each other; `preemptions` is the time of one decision on a full cluster, victims removed
and nothing written counted apart.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from engine.api.kinds import NODES, PODS, builtin_kinds
from engine.api.server import Api, Caller
from engine.clock import Clock
from engine.events import SeriesRecorder
from engine.informers import Informers
from engine.loop import Loop
from engine.scheduler.framework import BindPlugin, Plugin
from engine.scheduler.placement import refusal_message
from engine.scheduler.plugins import default_plugins
from engine.scheduler.reports import Recorder
from engine.scheduler.scheduler import Scheduler
from engine.seed import Seed
from store.store import Store
from store.types import Author, Envelope, JsonObject, Micros, ObjectKey, Revision

NODE_COUNT = 1_000
POD_COUNT = 10_000
TEMPLATES = 100
_START = Micros(1_763_888_400_000_000)


class _Decided(BindPlugin):
    """Binds nothing."""

    name = "DefaultBinder"

    def bind(self, env: Envelope, node: str) -> Envelope:
        return env


class _Silent:
    def event(
        self, about: Envelope, type_: str, reason: str, message: str, action: str, related: Envelope | None = None
    ) -> None:
        """Says nothing."""


def node_object(number: int) -> JsonObject:
    taints = [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}] if number % 10 == 9 else []
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": f"node-{number}",
            "uid": f"node-{number}",
            "labels": {
                "kubernetes.io/hostname": f"node-{number}",
                "topology.kubernetes.io/zone": f"zone-{number % 3}",
                "pool": "a" if number % 4 else "b",
                "disktype": "ssd" if number % 2 else "hdd",
            },
        },
        "spec": {"taints": taints},
        "status": {"allocatable": {"cpu": "32", "memory": "128Gi", "pods": "110"}},
    }


def template(number: int) -> JsonObject:
    """A pod's spec, one of `TEMPLATES`."""
    spec: JsonObject = {
        "containers": [
            {
                "name": "c",
                "image": f"app:{number}",
                "resources": {
                    "requests": {"cpu": ("100m", "250m", "500m")[number % 3], "memory": f"{128 << number % 3}Mi"}
                },
            }
        ],
        "tolerations": [
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
        ],
    }
    if number % 5 == 0:
        spec["tolerations"].append({"key": "dedicated", "operator": "Exists"})
    if number % 2:
        ssd = {"matchExpressions": [{"key": "disktype", "operator": "In", "values": ["ssd"]}]}
        pool = {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["a"]}]}
        spec["affinity"] = {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [pool]},
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "preference": ssd}],
            }
        }
    return spec


def related_template(number: int) -> JsonObject:
    """A pod's spec with constraints on other pods, one of `TEMPLATES`."""
    spec = template(number)
    selector = {"matchLabels": {"app": f"app-{number}"}}
    spec["topologySpreadConstraints"] = [
        {
            "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": selector,
        },
        {
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": selector,
        },
    ]  # fmt: skip
    own = {"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}
    friend = {"matchLabels": {"app": f"app-{(number + 1) % TEMPLATES}"}}
    near = {"topologyKey": "topology.kubernetes.io/zone", "labelSelector": friend}
    spec["affinity"] = {
        **spec.get("affinity", {}),
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [own]},
        "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "podAffinityTerm": near}]},
    }
    return spec


def world(specs: list[JsonObject], pods: int, order: str, bind: bool) -> Scheduler:
    """A scheduler that has taken in its nodes and pods."""
    store, clock, seed = Store(), Clock(_START), Seed(1)
    loop = Loop(clock)
    api = Api(store, clock, seed, builtin_kinds())

    def plugins(api: Api, caller: Caller) -> list[Plugin]:
        found = default_plugins(api, caller)
        return found if bind else [*(plugin for plugin in found if not isinstance(plugin, BindPlugin)), _Decided()]

    recorder: Recorder = SeriesRecorder(api, "default-scheduler", "bench") if bind else _Silent()
    author = Author("bench")
    for number in range(NODE_COUNT):
        store.put(ObjectKey(*NODES, "", f"node-{number}"), node_object(number), author, _START)
    for number in range(pods):
        which = number % len(specs) if order == "mixed" else number * len(specs) // pods
        spec = specs[which]
        name = f"pod-{number:05d}"
        store.put(
            ObjectKey(*PODS, "default", name),
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": "default",
                    "uid": name,
                    "generation": 1,
                    "labels": {"app": f"app-{which}"},
                },
                "spec": {**spec, "containers": [dict(c) for c in spec["containers"]]},
                "status": {"phase": "Pending", "startTime": "2026-11-23T09:00:00Z"},
            },
            author,
            _START,
        )
    scheduler = Scheduler(api, clock, loop, Informers(store, loop), seed, recorder, store, plugins=plugins)
    scheduler.start()
    return scheduler


def rate(scheduler: Scheduler, pods: int) -> int:
    """Pods per second of CPU."""
    began = time.process_time()
    while scheduler.schedule_next():
        pass
    scheduler.attempts.flush()
    return round(pods / (time.process_time() - began))


def preemptions(specs: list[JsonObject], pods: int) -> dict[str, float]:
    """Milliseconds of CPU for one decision on full nodes: the mean and the worst."""
    filler = {**template(0), "priority": 0, "containers": [{"name": "c", "resources": {"requests": {"cpu": "3"}}}]}
    scheduler = world([filler], NODE_COUNT * 10, "runs", False)
    rate(scheduler, 1)
    spent = []
    for number in range(pods):
        spec = {**specs[number % len(specs)], "priority": 1000}
        spec["containers"] = [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "4"}}}]
        name = f"high-{number}"
        metadata = {"name": name, "namespace": "default", "uid": name, "labels": {"app": f"app-{number % len(specs)}"}}
        obj = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}
        env = Envelope(ObjectKey(*PODS, "default", name), Revision(1), b"", obj)
        pod = scheduler.class_of(env)
        scheduler.view(pod)
        began = time.process_time()
        message, result = refusal_message(
            env, pod, scheduler.nodes, scheduler.profile_of(pod), scheduler.diagnosis(env, pod)
        )  # fmt: skip
        spent.append(time.process_time() - began)
        assert result.nominated, message
    return {"mean_ms": round(1000 * sum(spent) / len(spent), 2), "worst_ms": round(1000 * max(spent), 2)}


def main() -> dict[str, Any]:
    """All figures."""
    specs = [template(number) for number in range(TEMPLATES)]
    related = [related_template(number) for number in range(TEMPLATES)]
    huge = {**specs[0], "containers": [{"name": "c", "resources": {"requests": {"cpu": "64"}}}]}
    return {
        "nodes": NODE_COUNT,
        "pods": POD_COUNT,
        "decisions_one_template_per_s": rate(world(specs[:1], POD_COUNT, "runs", False), POD_COUNT),
        "decisions_runs_of_100_per_s": rate(world(specs, POD_COUNT, "runs", False), POD_COUNT),
        "decisions_100_templates_mixed_per_s": rate(world(specs, POD_COUNT, "mixed", False), POD_COUNT),
        "bound_runs_of_100_per_s": rate(world(specs, POD_COUNT, "runs", True), POD_COUNT),
        "related_runs_of_100_per_s": rate(world(related, POD_COUNT, "runs", False), POD_COUNT),
        "related_100_templates_mixed_per_s": rate(world(related, POD_COUNT, "mixed", False), POD_COUNT),
        "preemptions_by_resources": preemptions(specs[:10], 30),
        "preemptions_with_relations": preemptions(related[:10], 30),
        "refused_per_s": rate(world([huge], POD_COUNT, "runs", True), POD_COUNT),
    }


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(json.dumps(main()))
