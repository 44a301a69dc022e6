"""NamespaceLifecycle: nothing is created in a namespace that is missing or going, and the system's own stay."""

from __future__ import annotations

from typing import Final

from engine.api import errors
from engine.api.admission.request import AdmissionRequest
from engine.api.errors import Cause
from engine.api.kinds import NAMESPACES

IMMORTAL: Final = ("default", "kube-system", "kube-public")


def validate(request: AdmissionRequest) -> None:
    if request.operation == "DELETE":
        if request.name in IMMORTAL:
            raise errors.forbidden(NAMESPACES, request.name, "this namespace may not be deleted")
        return
    namespace = request.namespace
    found = request.find(NAMESPACES, "", namespace)
    if found is None:
        raise errors.not_found(NAMESPACES, namespace)
    if "deletionTimestamp" not in found.obj["metadata"]:
        return
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    refusal = errors.forbidden(request.resource, request.name, why)
    refusal.causes = (
        Cause("NamespaceTerminating", "metadata.namespace", f"namespace {namespace} is being terminated"),
    )
    raise refusal
