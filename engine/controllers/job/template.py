"""The pods that a Job makes: its template, the tracking finalizer, and for an Indexed Job the pod's index everywhere.

The spec is shared with the Job's template wherever it can be: the API knows a template again and decodes it once.
"""

from __future__ import annotations

from typing import Any, Final

from engine.controllers.controller import controller_reference
from engine.controllers.job.pacing import NewPod
from engine.controllers.job.pods import INDEX, INDEX_FAILURES, INDEX_IGNORED, NO_INDEX, TRACKING
from store.types import Envelope, JsonObject

_VARIABLE: Final = "JOB_COMPLETION_INDEX"
_MOST: Final = 58
"""Longest generateName of which nothing is cut off (names.MaxGeneratedNameLength)."""
_SOURCE: Final = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}


class PodTemplate:
    """Makes the pods of one Job, as long as its template stays as it is."""

    def __init__(self, job: Envelope) -> None:
        self._template: JsonObject = job.obj["spec"]["template"]
        self._name = job.name
        self._namespace = job.namespace
        self._references = [controller_reference(job)]
        self._spec: JsonObject = self._template["spec"]
        if job.obj["spec"].get("completionMode") == "Indexed":
            self._spec = {**self._spec}
            for list_ in ("initContainers", "containers"):
                if self._spec.get(list_):
                    self._spec[list_] = [_with_variable(container) for container in self._spec[list_]]

    def serves(self, job: Envelope) -> bool:
        return self._template is job.obj["spec"]["template"]

    def pod(self, new: NewPod) -> JsonObject:
        """A pod to be created."""
        meta: JsonObject = self._template.get("metadata") or {}
        finalizers = meta.get("finalizers") or []
        pod_meta: dict[str, Any] = {
            "generateName": f"{self._name}-", "namespace": self._namespace,
            **{part: meta[part] for part in ("labels", "annotations") if meta.get(part)},
            "finalizers": finalizers if TRACKING in finalizers else [*finalizers, TRACKING],
            "ownerReferences": self._references,
        }  # fmt: skip
        spec = self._spec
        if new.index != NO_INDEX:
            index = str(new.index)
            annotations = {**(meta.get("annotations") or {}), INDEX: index}
            if new.failures is not None:
                annotations[INDEX_FAILURES] = str(new.failures)
                if new.ignored:
                    annotations[INDEX_IGNORED] = str(new.ignored)
            suffix = f"-{index}-"
            pod_meta["generateName"] = self._name[: _MOST - len(suffix)] + suffix
            pod_meta["annotations"] = annotations
            pod_meta["labels"] = {**(meta.get("labels") or {}), INDEX: index}
            spec = {**spec, "hostname": f"{self._name}-{index}"}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": pod_meta, "spec": spec}


def _with_variable(container: JsonObject) -> JsonObject:
    present = container.get("env") or []
    if any(variable["name"] == _VARIABLE for variable in present):
        return container
    return {**container, "env": [*present, {"name": _VARIABLE, "valueFrom": _SOURCE}]}
