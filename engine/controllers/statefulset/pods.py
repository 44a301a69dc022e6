"""The pods of a StatefulSet: made for an ordinal at a revision, put right, deleted; each with its event.

A pod's name, hostname and claims follow from its ordinal, so that whoever comes in its place is known by the same
name and finds the same data. (pkg/controller/statefulset/stateful_pod_control.go, stateful_set_utils.go.)
"""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.api.errors import AlreadyExists, ApiError, NotFound
from engine.api.kinds import PODS
from engine.api.server import Api, Caller
from engine.controllers import history
from engine.controllers.controller import controller_reference
from engine.controllers.statefulset import claims
from engine.controllers.statefulset.roster import (
    POD_NAME_LABEL,
    REVISION_LABEL,
    Member,
    claim_name,
    claim_templates,
)
from engine.events import EventRecorder
from store.types import Envelope, JsonObject

INDEX_LABEL: Final = "apps.kubernetes.io/pod-index"
_LONGEST_LABEL: Final = 63


class PodControl(NamedTuple):
    """Writes pods on behalf of one set."""

    api: Api
    caller: Caller
    recorder: EventRecorder
    owner: Envelope

    def create(self, ordinal: int, revision: Envelope) -> None:
        """The claims, then the pod. Raises what was refused."""
        template = history.template_of(revision)
        pod = pod_for(self.owner, ordinal, revision.name, template)
        # Names that are too long for a hostname are refused one by one.
        alike = template["spec"] if len(pod["metadata"]["name"]) <= _LONGEST_LABEL else None
        try:
            claims.create_missing(self.api, self.caller, self.recorder, self.owner, ordinal)
            self.api.create(self.caller, PODS, self.owner.namespace, pod, variant_of=alike)
        except AlreadyExists:
            raise
        except ApiError as error:
            self._tell("Create", pod["metadata"]["name"], error)
            raise
        self._tell("Create", pod["metadata"]["name"])

    def delete(self, member: Member) -> None:
        """Ask the pod to go. It may have gone meanwhile."""
        try:
            self.api.delete(self.caller, PODS, member.key.namespace, member.key.name)
        except NotFound:
            return
        except ApiError as error:
            self._tell("Delete", member.key.name, error)
            raise
        self._tell("Delete", member.key.name)

    def put_right(self, member: Member) -> None:
        """Give the pod back the labels of its ordinal, and make the claims that it lacks."""
        env = self.api.find(PODS, member.key.namespace, member.key.name)
        if env is None:
            return
        labels = {**env.labels, POD_NAME_LABEL: env.name, INDEX_LABEL: str(member.ordinal)}
        spec = env.obj["spec"]
        changed = {
            **env.obj, "metadata": {**env.obj["metadata"], "labels": labels},
            "spec": {**spec, "volumes": volumes_for(self.owner, member.ordinal, spec.get("volumes") or [])},
        }  # fmt: skip
        try:
            claims.create_missing(self.api, self.caller, self.recorder, self.owner, member.ordinal)
            self.api.update(self.caller, PODS, env.namespace, env.name, changed)
        except ApiError as error:
            self._tell("Update", env.name, error)
            raise
        self._tell("Update", env.name)

    def _tell(self, verb: str, pod: str, error: ApiError | None = None) -> None:
        text = f"{verb} Pod {pod} in StatefulSet {self.owner.name}"
        if error is None:
            self.recorder.event(self.owner, "Normal", f"Successful{verb}", f"{text} successful")
        else:
            self.recorder.event(self.owner, "Warning", f"Failed{verb}", f"{text} failed error: {error}")


def pod_for(owner: Envelope, ordinal: int, revision: str, template: JsonObject) -> JsonObject:
    """newStatefulSetPod. `revision`: the name of the template's."""
    meta = template.get("metadata") or {}
    name = f"{owner.name}-{ordinal}"
    own = {POD_NAME_LABEL: name, INDEX_LABEL: str(ordinal), REVISION_LABEL: revision}
    spec: JsonObject = {**template["spec"], "hostname": name}
    service = owner.obj["spec"].get("serviceName")
    if service:
        spec["subdomain"] = service
    if claim_templates(owner):
        spec["volumes"] = volumes_for(owner, ordinal, spec.get("volumes") or [])
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "generateName": f"{owner.name}-", "namespace": owner.namespace,
            "labels": {**(meta.get("labels") or {}), **own},
            **{part: meta[part] for part in ("annotations", "finalizers") if meta.get(part)},
            "ownerReferences": [controller_reference(owner)],
        },
        "spec": spec,
    }  # fmt: skip


def volumes_for(owner: Envelope, ordinal: int, present: list[JsonObject]) -> list[JsonObject]:
    """updateStorage: the claims' volumes first; they replace others of the same name."""
    own: list[JsonObject] = [
        {
            "name": template["metadata"]["name"],
            "persistentVolumeClaim": {"claimName": claim_name(template, owner.name, ordinal)},
        }
        for template in claim_templates(owner)
    ]
    names = [volume["name"] for volume in own]
    return [*own, *(volume for volume in present if volume["name"] not in names)]
