"""CertificateSigningRequests: who asked is the server's to say; approving and signing are rights of their own.

CertificateApproval, CertificateSigning and CertificateSubjectRestriction, and the request's strategy.
Sources: pkg/registry/certificates, plugin/pkg/admission/certificates.
"""

from __future__ import annotations

import base64
from typing import Final

from engine.api import errors
from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import CSRS
from engine.api.requests import Caller
from engine.auth.authorizer import Authorizer
from engine.auth.certificates import load_request
from engine.auth.rbac import Attributes
from store.types import JsonObject

_CLIENT: Final = "kubernetes.io/kube-apiserver-client"
_VERBS: Final = {"approval": "approve", "status": "sign"}


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    """The request with who made it."""
    caller = request.caller
    spec = {key: value for key, value in spec_of(obj).items() if key not in ("username", "uid", "groups", "extra")}
    spec["username"] = caller.user
    if caller.uid:
        spec["uid"] = caller.uid
    if caller.groups:
        spec["groups"] = list(caller.groups)
    if caller.extra:
        spec["extra"] = {key: list(values) for key, values in caller.extra}
    return {**obj, "spec": spec}


def validate(request: AdmissionRequest) -> None:
    """What no certificate for a client may say. The request's form has been looked at (engine.api.validation)."""
    spec = spec_of(request.obj)
    if spec.get("signerName") != _CLIENT:
        return
    wanted = load_request(base64.b64decode(spec["request"]).decode())
    organizations = [str(part.value) for part in wanted.subject if part.oid.dotted_string == "2.5.4.10"]
    if "system:masters" in organizations:
        why = f"use of {_CLIENT} signer with system:masters group is not allowed"
        raise errors.forbidden(CSRS, request.name, why)


def require_signer_right(authorizer: Authorizer, caller: Caller, obj: JsonObject, subresource: str) -> None:
    """Who decides on a request, or signs it, must have that right for its signer."""
    verb = _VERBS.get(subresource)
    if verb is None or not caller.outside:
        return
    signer = spec_of(obj).get("signerName") or ""
    domain = signer.partition("/")[0]
    asked = (Attributes(verb, CSRS.group, "signers", "", "", name) for name in (signer, f"{domain}/*"))
    if not any(authorizer.allows(caller, each) for each in asked):
        doing = "approve" if verb == "approve" else "sign"
        why = f'user not permitted to {doing} requests with signerName "{signer}"'
        raise errors.forbidden(CSRS, obj["metadata"]["name"], why)
