"""Kinds of which nothing is kept: a create is a question, and its answer comes back in the status.

Everybody may do everything (see `Api.authorize`), so access reviews say yes; who asks is who the caller says it is.
"""

from __future__ import annotations

from engine.api.errors import MethodNotAllowed
from engine.api.kinds import Kind
from engine.api.requests import Caller
from store.types import JsonObject

_EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def answer(caller: Caller, kind: Kind, obj: JsonObject) -> JsonObject:
    """The review with its status. MethodNotAllowed for a kind that cannot be asked."""
    out: JsonObject = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}, **obj}
    name = kind.kind
    if name.endswith("SubjectAccessReview") or name == "SelfSubjectAccessReview":
        out["status"] = {"allowed": True}
    elif name == "SelfSubjectRulesReview":
        out["status"] = {"resourceRules": [_EVERYTHING], "nonResourceRules": [], "incomplete": False}
    elif name == "SelfSubjectReview":
        out["status"] = {"userInfo": {"username": caller.user, "groups": list(caller.groups)}}
    elif name == "TokenReview":
        out["status"] = {"user": {}, "error": "invalid bearer token"}
    else:
        raise MethodNotAllowed(f'create is not supported on resources of kind "{kind.resource.plural}"')
    return out
