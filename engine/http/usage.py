"""metrics.k8s.io/v1beta1: usage of pods and nodes, as `kubectl top` reads it. It is simulated, and says so.

Source: sigs.k8s.io/metrics-server (pkg/api).
"""

from __future__ import annotations

from typing import Any, Final

from engine.api import errors
from engine.http.calls import Call
from engine.http.messages import Answer
from engine.http.negotiation import accepted, encoded
from engine.kubelet.metrics import API_VERSION
from store.types import JsonObject

_COLUMNS: Final = (("Name", "name"), ("cpu", ""), ("memory", ""), ("Window", ""))


async def usage(call: Call) -> Answer:
    """GET of one PodMetrics or NodeMetrics, or of a list of them."""
    form, verb = accepted(call.request), call.info.verb
    metrics, plural = call.gate.cluster.metrics, call.resource.plural
    if verb == "get":
        found = await call.gate.run(lambda: metrics.find(plural, call.namespace, call.name))
        if found is None:
            kind = "podmetrics" if plural == "pods" else "nodemetrics"
            where = f"{call.namespace}/{call.name}" if plural == "pods" else call.name
            raise errors.NotFound(f'{kind}.metrics.k8s.io "{where}" not found', resource=call.resource, name=call.name)
        return encoded(_table([found]) if form.shape == "Table" else found, form)
    if verb != "list":
        raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")
    labels, fields = call.parameter("labelSelector"), call.parameter("fieldSelector")
    namespace = call.namespace or None
    items = await call.gate.run(lambda: metrics.list(plural, namespace, labels, fields))
    if form.shape == "Table":
        return encoded(_table(items), form)
    # As items of a list they carry neither kind nor version.
    plain = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in items]
    return encoded(
        {"kind": f"{call.kind.kind}List", "apiVersion": API_VERSION, "metadata": {}, "items": plain}, form
    )  # fmt: skip


def _table(items: list[JsonObject]) -> dict[str, Any]:
    return {
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": [
            {"name": name, "type": "string", "format": form, "description": "", "priority": 0}
            for name, form in _COLUMNS
        ],
        "rows": [
            {
                "cells": [item["metadata"]["name"], *_summed(item), f"{item['window']}"],
                "object": {
                    "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]
                },
            }
            for item in items
        ],
    }  # fmt: skip


def _summed(item: JsonObject) -> tuple[str, str]:
    usages = [c["usage"] for c in item["containers"]] if "containers" in item else [item["usage"]]
    cpu = sum(int(each["cpu"].rstrip("n")) for each in usages)
    return f"{cpu}n" if cpu else "0", f"{sum(int(each['memory'].removesuffix('Ki')) for each in usages)}Ki"
