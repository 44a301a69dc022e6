"""OwnerReferencesPermissionEnforcement: who blocks an owner's deletion must be able to set the owner's finalizers.

And who changes the owners of an object that is there must be able to delete it, for that is what a false owner does.
Source: plugin/pkg/admission/gc/gc_admission.go.
"""

from __future__ import annotations

from typing import Any

from engine.api import errors
from engine.api.admission.request import AdmissionRequest
from engine.auth.authorizer import authorizer_of
from engine.auth.rbac import Attributes
from store.types import JsonObject

_FINALIZERS = "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on"


def validate(request: AdmissionRequest) -> None:
    if not request.caller.outside:
        return
    new = request.obj["metadata"].get("ownerReferences") or ()
    old = (request.old["metadata"].get("ownerReferences") or ()) if request.old is not None else ()
    if new == old or (not new and not old):
        return
    authorizer = authorizer_of(request.store)
    if request.old is not None:
        asked = Attributes(
            "delete", request.resource.group, request.resource.plural, "", request.namespace, request.name
        )
        if not authorizer.allows(request.caller, asked):
            why = "cannot set an ownerRef on a resource you can't delete: , <nil>"
            raise errors.forbidden(request.resource, request.name, why)
    blocked = {each.get("uid") for each in old if each.get("blockOwnerDeletion")}
    for each in new:
        if each.get("blockOwnerDeletion") and each.get("uid") not in blocked:
            asked = _finalizers_of(request, each)
            if not authorizer.allows(request.caller, asked):
                raise errors.forbidden(request.resource, request.name, f"{_FINALIZERS}: , <nil>")


def _finalizers_of(request: AdmissionRequest, reference: JsonObject) -> Attributes:
    version: Any = reference.get("apiVersion") or ""
    kind: Any = reference.get("kind") or ""
    found = request.kinds.by_kind(version, kind)
    group = version.rpartition("/")[0]
    plural = found.resource.plural if found is not None else "*"
    namespace = request.namespace if found is None or found.namespaced else ""
    return Attributes("update", group, plural, "finalizers", namespace, reference.get("name") or "")
