"""CertificateSigningRequests: kubelets' are approved, approved ones are signed, old ones go.

Three controllers of kube-controller-manager: csrapproving, csrsigning and csrcleaner. Signers' rules: what a request
for `kube-apiserver-client`, `-kubelet`, `kubelet-serving` or `legacy-unknown` must look like; others are not ours to
sign. Sources: pkg/controller/certificates (approver/sarapprove.go, signer/signer.go, cleaner/cleaner.go).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.kinds import CSRS
from engine.api.requests import Caller
from engine.auth.authorizer import authorizer_of
from engine.auth.certificates import load_request
from engine.auth.rbac import Attributes
from engine.clock import HOUR, MINUTE, SECOND, parse_time, rfc3339
from engine.controllers.controller import Key, Queue, Watch
from store.types import DELETED, Envelope, JsonObject, WatchEvent

if TYPE_CHECKING:
    from cryptography.x509 import CertificateSigningRequest

    from engine.controllers.registry import ControllerContext

_CLIENT: Final = "kubernetes.io/kube-apiserver-client"
_KUBELET_CLIENT: Final = "kubernetes.io/kube-apiserver-client-kubelet"
_SERVING: Final = "kubernetes.io/kubelet-serving"
_LEGACY: Final = "kubernetes.io/legacy-unknown"
_ORGANIZATION, _COMMON_NAME = "2.5.4.10", "2.5.4.3"
_NODES: Final = "system:nodes"
_CLIENT_USAGES: Final = {"key encipherment", "digital signature", "client auth"}
_SERVING_USAGES: Final = {"key encipherment", "digital signature", "server auth"}
_YEAR_SECONDS: Final = 365 * 24 * 3600
"""--cluster-signing-duration."""
_SHORTEST: Final = 600
_LIVES: Final = (("Approved", HOUR), ("Denied", HOUR), ("Failed", HOUR), ("", 24 * HOUR))
"""How long a request stays after its decision; without one, a day."""


class _Certificates:
    """What the three have in common: they look at every request when it changes."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller

    def watches(self) -> Sequence[Watch]:
        return (Watch(CSRS, _living),)

    def start(self, queue: Queue) -> None:
        """Nothing is kept."""

    def _with(self, env: Envelope, subresource: str, **status: object) -> None:
        new = {**env.obj, "status": {**(env.obj.get("status") or {}), **status}}
        self._api.update(self._caller, CSRS, "", env.name, new, subresource=subresource)


class CsrApproving(_Certificates):
    """Approves kubelets' client certificates, if who asks may have them."""

    def reconcile(self, key: Key) -> None:
        env = self._api.find(CSRS, "", key[-1])
        if env is None or _decided(env.obj) or (env.obj.get("status") or {}).get("certificate"):
            return
        spec = env.obj["spec"]
        request = load_request(_pem(spec))
        if spec.get("signerName") != _KUBELET_CLIENT or _kubelet_client_problem(request, spec):
            return
        own = _common_name(request) == spec.get("username")
        for mine, subresource, message in (
            (True, "selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview."),
            (False, "nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview."),
        ):
            if (own or not mine) and self._may(spec, subresource):
                condition = {"type": "Approved", "status": "True", "reason": "AutoApproved", "message": message}
                conditions = [*((env.obj.get("status") or {}).get("conditions") or ()), condition]
                self._with(env, "approval", conditions=conditions)
                return

    def _may(self, spec: JsonObject, subresource: str) -> bool:
        who = Caller(spec.get("username") or "", groups=tuple(spec.get("groups") or ()), outside=True)
        asked = Attributes("create", CSRS.group, CSRS.plural, subresource)
        return authorizer_of(self._api.store).decide(who, asked)[0]


class CsrSigning(_Certificates):
    """Signs what is approved with the cluster's CA; what breaks its signer's rules fails."""

    def reconcile(self, key: Key) -> None:
        env = self._api.find(CSRS, "", key[-1])
        if env is None or not {"Approved"} <= _decided(env.obj) or _decided(env.obj) & {"Denied", "Failed"}:
            return
        spec = env.obj["spec"]
        signer = spec.get("signerName")
        if (env.obj.get("status") or {}).get("certificate") or signer not in _RULES:
            return
        problem = _RULES[signer](load_request(_pem(spec)), spec)
        now = self._clock.now()
        if problem:
            stamp = rfc3339(now)
            condition = {
                "type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": problem,
                "lastUpdateTime": stamp, "lastTransitionTime": stamp,
            }  # fmt: skip
            self._with(env, "status", conditions=[*env.obj["status"]["conditions"], condition])
            return
        seconds = max(_SHORTEST, min(spec.get("expirationSeconds") or _YEAR_SECONDS, _YEAR_SECONDS))
        signed = self._api.keys.authority.sign(_pem(spec), tuple(spec.get("usages") or ()), now, seconds)
        self._with(env, "status", certificate=base64.b64encode(signed.encode()).decode())


class CsrCleaner(_Certificates):
    """Deletes requests that nobody waits for any more."""

    def reconcile(self, key: Key) -> int | None:
        env = self._api.find(CSRS, "", key[-1])
        if env is None:
            return None
        conditions = {c["type"]: c for c in (env.obj.get("status") or {}).get("conditions") or ()}
        for type_, life in _LIVES:
            if type_ and type_ not in conditions:
                continue
            stamp = (conditions.get(type_) or {}).get("lastUpdateTime") or env.obj["metadata"]["creationTimestamp"]
            left = parse_time(stamp) + life - self._clock.now()
            if left > 0:
                return max(left, SECOND)
            self._api.delete(self._caller, CSRS, "", env.name)
            return None
        return MINUTE


def _living(event: WatchEvent) -> Iterable[Key]:
    return () if event.type == DELETED else ((event.now.name,),)


def _decided(obj: JsonObject) -> set[str]:
    return {each["type"] for each in (obj.get("status") or {}).get("conditions") or ()}


def _pem(spec: JsonObject) -> str:
    return base64.b64decode(spec["request"]).decode()


def _common_name(request: CertificateSigningRequest) -> str:
    return next((str(part.value) for part in request.subject if part.oid.dotted_string == _COMMON_NAME), "")


def _organizations(request: CertificateSigningRequest) -> list[str]:
    return [str(part.value) for part in request.subject if part.oid.dotted_string == _ORGANIZATION]


def _has_names(request: CertificateSigningRequest) -> bool:
    return any(each.oid.dotted_string == "2.5.29.17" for each in request.extensions)


def _node_subject_problem(request: CertificateSigningRequest) -> str:
    if _organizations(request) != [_NODES]:
        return "subject organization is not system:nodes"
    if not _common_name(request).startswith("system:node:"):
        return "subject common name does not begin with system:node:"
    return ""


def _kubelet_client_problem(request: CertificateSigningRequest, spec: JsonObject) -> str:
    usages = set(spec.get("usages") or ())
    if problem := _node_subject_problem(request):
        return problem
    if _has_names(request):
        return "DNS/IP/email/URI subjectAltNames are not allowed"
    if "client auth" not in usages or not usages <= _CLIENT_USAGES:
        return "usages did not match [digital signature client auth] or with key encipherment"
    return ""


def _serving_problem(request: CertificateSigningRequest, spec: JsonObject) -> str:
    usages = set(spec.get("usages") or ())
    if problem := _node_subject_problem(request):
        return problem
    if not _has_names(request):
        return "at least one DNS or IP subjectAltName is required"
    if "server auth" not in usages or not usages <= _SERVING_USAGES:
        return "usages did not match [digital signature server auth] or with key encipherment"
    return ""


def _client_problem(request: CertificateSigningRequest, spec: JsonObject) -> str:
    usages = set(spec.get("usages") or ())
    if "client auth" not in usages or not usages <= _CLIENT_USAGES:
        return f"invalid usages for client certificate: {sorted(usages)}"
    return ""


def _no_problem(request: CertificateSigningRequest, spec: JsonObject) -> str:
    return ""


_RULES: Final = {
    _CLIENT: _client_problem, _KUBELET_CLIENT: _kubelet_client_problem, _SERVING: _serving_problem,
    _LEGACY: _no_problem,
}  # fmt: skip
