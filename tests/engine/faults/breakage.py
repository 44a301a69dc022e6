"""Breaking a ward by Faults: making them, waiting for their end, and comparing the cluster before and after."""

from __future__ import annotations

from typing import Any

from engine.api.kinds import FAULTS, NODES, PODS
from engine.history.declared import declared
from store.types import JsonObject
from tests.engine.broken_clusters.ward import USER, Ward

_STAYS = ("Node", "Deployment", "Service", "Machine", "Cloud", "ConfigMap")


def break_(ward: Ward, name: str, action: str, target: JsonObject, duration: str = "", **parameters: Any) -> None:
    """Create a Fault."""
    spec: JsonObject = {"action": action, "target": target}
    if duration:
        spec["duration"] = duration
    if parameters:
        spec["parameters"] = parameters
    ward.api.create(USER, FAULTS, "", {"metadata": {"name": name}, "spec": spec})


def phase(ward: Ward, name: str) -> str:
    return str(ward.status("Fault", name).get("phase", ""))


def declared_state(ward: Ward) -> dict[str, JsonObject]:
    """What is declared: everything but pods and faults, which come and go."""
    return {
        f"{kind} {env.namespace}/{env.name}": declared(env.obj)
        for kind in _STAYS
        for env in ward.store.list(ward.kind(kind).resource)
    }


def health(ward: Ward) -> dict[str, Any]:
    """Nodes that are not well, and pods that are not ready, by app."""
    sick = {
        node.name: c["type"]
        for node in ward.store.list(NODES)
        for c in (node.obj.get("status") or {}).get("conditions") or ()
        if (c["status"] != "True") is (c["type"] == "Ready")
    }
    unready = {
        pod.name: c.get("reason", "")
        for pod in ward.store.list(PODS)
        for c in (pod.obj.get("status") or {}).get("conditions") or ()
        if c["type"] == "Ready" and c["status"] != "True" and pod.obj["status"]["phase"] not in ("Failed", "Succeeded")
    }
    return {"nodes": sick, "pods": unready}


WELL: dict[str, Any] = {"nodes": {}, "pods": {}}
