"""POST serviceaccounts/token: a TokenRequest is answered with a token, nothing is kept.

Source: pkg/registry/core/serviceaccount/storage/token.go, pkg/apis/authentication/validation.
"""

from __future__ import annotations

from typing import Final

from engine.api import errors
from engine.api.errors import Cause
from engine.api.kinds import NODES, PODS, SECRETS, SERVICEACCOUNTS
from engine.api.requests import Caller
from engine.auth.node_authorizer import node_of
from engine.auth.tokens import ISSUER, Tokens
from engine.clock import SECOND, Clock, rfc3339
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey

DEFAULT_SECONDS: Final = 3600
_SHORTEST: Final = 600
_LONGEST: Final = 1 << 32
_BOUND: Final = {("v1", "Pod"): PODS, ("v1", "Secret"): SECRETS, ("v1", "Node"): NODES}


def answer(
    store: Store, clock: Clock, tokens: Tokens, caller: Caller, account: Envelope, request: JsonObject
) -> JsonObject:
    """The TokenRequest with its status. Invalid, BadRequest, NotFound or Conflict as Kubernetes."""
    spec = request.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    seconds = DEFAULT_SECONDS if seconds is None else seconds
    text = ""
    if seconds < _SHORTEST:
        text = "may not specify a duration less than 10 minutes"
    elif seconds > _LONGEST:
        text = "may not specify a duration larger than 2^32 seconds"
    if text:
        cause = Cause("FieldValueInvalid", "spec.expirationSeconds", f"Invalid value: {seconds}: {text}")
        raise errors.invalid("authentication.k8s.io", "TokenRequest", account.name, [cause])
    reference = spec.get("boundObjectRef")
    bound = None if reference is None else _bound(store, account, reference)
    node = None
    if bound is not None and bound.key.plural == "pods":
        name = (bound.obj.get("spec") or {}).get("nodeName") or ""
        node = store.get(ObjectKey("", "nodes", "", name)) if name else None
    if caller.outside and node_of(caller):
        _require_own_pod(caller, account, bound)
    audiences = spec.get("audiences") or [ISSUER]
    token = tokens.issue(account, audiences, seconds, bound, node)
    status = {"token": token, "expirationTimestamp": rfc3339(clock.now() + seconds * SECOND)}
    meta = {"name": account.name, "namespace": account.namespace, "creationTimestamp": rfc3339(clock.now())}
    answered = {**spec, "audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": reference}
    head = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1"}
    return {**head, "metadata": meta, "spec": answered, "status": status}


def _bound(store: Store, account: Envelope, reference: JsonObject) -> Envelope:
    version, kind = reference.get("apiVersion") or "", reference.get("kind") or ""
    resource = _BOUND.get((version, kind))
    if resource is None:
        raise errors.BadRequest(f"cannot bind token for serviceaccount to object with kind {version}, Kind={kind}")
    name, uid = reference.get("name") or "", reference.get("uid") or ""
    found = store.get(ObjectKey("", resource.plural, "" if resource == NODES else account.namespace, name))
    if found is None:
        raise errors.not_found(resource, name)
    if resource == PODS and ((found.obj["spec"].get("serviceAccountName") or "default") != account.name):
        has = found.obj["spec"].get("serviceAccountName") or "default"
        raise errors.BadRequest(
            f"cannot bind token to a Pod running under different service account: pod {name} uses {has}"
        )
    if uid and uid != found.uid:
        why = f"the UID in the bound object reference ({uid}) does not match the UID in record. The object might have "
        raise errors.conflict(resource, name, f"{why}been deleted and then recreated")
    return found


def _require_own_pod(caller: Caller, account: Envelope, bound: Envelope | None) -> None:
    """NodeRestriction: a kubelet gets tokens only for the pods that it runs."""
    if bound is None or bound.key.plural != "pods":
        raise errors.forbidden(SERVICEACCOUNTS, account.name, "node requested token not bound to a pod")
    if (bound.obj.get("spec") or {}).get("nodeName") != node_of(caller):
        raise errors.forbidden(
            SERVICEACCOUNTS, account.name, "node requested token bound to a pod scheduled on a different node"
        )
