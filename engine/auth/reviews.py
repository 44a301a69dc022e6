"""Questions that are asked by creating an object of which nothing is kept: may I, who am I, whose token is this.

The answer comes back in the status. Sources: pkg/registry/authorization, pkg/registry/authentication.
"""

from __future__ import annotations

from typing import Any

from engine.api.errors import BadRequest, Cause, Invalid, MethodNotAllowed, invalid
from engine.api.kinds import Kind
from engine.api.requests import Caller
from engine.auth.authorizer import Authorizer
from engine.auth.rbac import Attributes
from engine.auth.tokens import BadToken, Tokens
from store.types import JsonObject

_EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
_EVERY_PATH = {"verbs": ["*"], "nonResourceURLs": ["*"]}


class Reviews:
    """Of one cluster. Engine thread only."""

    def __init__(self, authorizer: Authorizer, tokens: Tokens) -> None:
        self._authorizer, self._tokens = authorizer, tokens

    def answer(self, caller: Caller, kind: Kind, namespace: str, obj: JsonObject) -> JsonObject:
        """The review with its status. MethodNotAllowed for a kind that cannot be asked."""
        review: JsonObject = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}, **obj}
        spec = obj.get("spec") or {}
        match kind.kind:
            case "SelfSubjectAccessReview":
                status = self._access(kind, caller, spec)
            case "SubjectAccessReview":
                status = self._access(kind, _subject(kind, spec), spec)
            case "LocalSubjectAccessReview":
                status = self._local(kind, namespace, spec)
            case "SelfSubjectRulesReview":
                status = self._rules(caller, spec)
            case "SelfSubjectReview":
                status = {"userInfo": user_info(caller)}
            case "TokenReview":
                status = self._token(kind, spec)
            case _:
                raise MethodNotAllowed(f'create is not supported on resources of kind "{kind.resource.plural}"')
        return {**review, "status": status}

    def _access(self, kind: Kind, who: Caller, spec: JsonObject) -> JsonObject:
        resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        if (resource is None) == (path is None):
            text = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"
            if resource is not None:
                text = "Invalid value: cannot be specified in combination with resourceAttributes"
            raise _refused(kind, "spec.resourceAttributes" if resource is None else "spec.nonResourceAttributes", text)
        if resource is not None:
            asked = Attributes(
                resource.get("verb") or "", resource.get("group") or "", resource.get("resource") or "",
                resource.get("subresource") or "", resource.get("namespace") or "", resource.get("name") or "",
            )  # fmt: skip
        else:
            path = path or {}
            asked = Attributes(path.get("verb") or "", path=path.get("path") or "")
        allowed, reason = (True, "") if not who.outside else self._authorizer.decide(who, asked)
        return {"allowed": allowed, **({"reason": reason} if reason else {})}

    def _local(self, kind: Kind, namespace: str, spec: JsonObject) -> JsonObject:
        resource = spec.get("resourceAttributes")
        if resource is None:
            raise _refused(kind, "spec.resourceAttributes", "Invalid value: must be specified")
        if (resource.get("namespace") or "") != namespace:
            text = f'Invalid value: "{resource.get("namespace") or ""}": must match metadata.namespace'
            raise _refused(kind, "spec.resourceAttributes.namespace", text)
        return self._access(kind, _subject(kind, spec), spec)

    def _rules(self, caller: Caller, spec: JsonObject) -> JsonObject:
        namespace = spec.get("namespace") or ""
        if not namespace:
            raise BadRequest("no namespace on request")
        rules = self._authorizer.rbac.rules(caller, namespace)
        if not caller.outside:
            rules = [_EVERYTHING, _EVERY_PATH]
        return {
            "resourceRules": [rule for rule in rules if "nonResourceURLs" not in rule],
            "nonResourceRules": [rule for rule in rules if "nonResourceURLs" in rule],
            "incomplete": False,
        }

    def _token(self, kind: Kind, spec: JsonObject) -> JsonObject:
        if not spec.get("token"):
            raise BadRequest("token is required for TokenReview in authentication")
        try:
            caller, audiences = self._tokens.verify(spec["token"], spec.get("audiences") or ())
        except BadToken as error:
            return {"user": {}, "error": str(error)}
        status: JsonObject = {"authenticated": True, "user": user_info(caller)}
        if audiences:
            status["audiences"] = audiences
        return status


def user_info(caller: Caller) -> JsonObject:
    """authentication.k8s.io UserInfo."""
    info: JsonObject = {"username": caller.user}
    if caller.uid:
        info["uid"] = caller.uid
    if caller.groups:
        info["groups"] = list(caller.groups)
    if caller.extra:
        info["extra"] = {key: list(values) for key, values in caller.extra}
    return info


def _subject(kind: Kind, spec: JsonObject) -> Caller:
    groups: Any = spec.get("groups") or ()
    if not spec.get("user") and not groups:
        raise _refused(kind, "spec.user", 'Invalid value: "": at least one of user or group must be specified')
    return Caller(spec.get("user") or "", groups=tuple(groups), uid=spec.get("uid") or "", outside=True)


def _refused(kind: Kind, field: str, text: str) -> Invalid:
    """Kubernetes does not name the kind here: it takes it from an object that has lost it in decoding."""
    return invalid(kind.resource.group, "", "", [Cause("FieldValueInvalid", field, text)])
