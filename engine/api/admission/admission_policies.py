"""ValidatingAdmissionPolicy: rules that a person declares for requests, as expressions over the object that comes in.

A policy does nothing until a binding makes it hold; a binding says what happens then (Deny, Warn, Audit: nothing here
keeps audit annotations) and which objects give the policy its parameters. Expressions see `object`, `oldObject`,
`request`, `params`, `namespaceObject` and the policy's own `variables`. One that fails to be evaluated denies, unless
the policy's failurePolicy is Ignore. Source: apiserver/pkg/admission/plugin/policy/validating.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from engine.api import errors
from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.errors import Cause
from engine.api.kinds import NAMESPACES
from engine.api.selectors import from_spec
from engine.cel.evaluate import evaluate
from engine.cel.syntax import Expression, SyntaxProblem, parse
from engine.cel.values import CelError
from store.types import JsonObject, Resource

GROUP: Final = "admissionregistration.k8s.io"
POLICIES: Final = Resource(GROUP, "validatingadmissionpolicies")
BINDINGS: Final = Resource(GROUP, "validatingadmissionpolicybindings")
_CODES: Final = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}
"""HTTP status by the reason of a validation; Invalid (422) for all others."""
_EVERYTHING: Final[JsonObject] = {}
"""A selector: one object, as selectors are remembered by identity."""
_NO_PARAMETERS: Final = (
    "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
)


class _Denied(Exception):
    """A validation says no: why, and with which reason."""

    def __init__(self, message: str, reason: str = "Invalid") -> None:
        super().__init__(message)
        self.message, self.reason = message, reason


class _Variables(dict[str, Any]):
    """A policy's variables: each is evaluated when it is first asked for."""

    def __init__(self, policy: JsonObject, names: dict[str, Any]) -> None:
        super().__init__()
        self._sources = {each["name"]: each["expression"] for each in spec_of(policy).get("variables") or ()}
        self._names = names

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def __getitem__(self, name: str) -> Any:
        if name not in self.keys():
            self[name] = _value(self._sources[name], self._names)
        return super().__getitem__(name)


@lru_cache(maxsize=1024)
def _compiled(source: str) -> Expression:
    return parse(source)


def _value(source: str, names: Mapping[str, Any]) -> Any:
    try:
        return evaluate(_compiled(source), names)
    except SyntaxProblem as problem:
        raise CelError(f"compilation failed: {problem}") from problem


def validate(request: AdmissionRequest) -> None:
    """Raises an ApiError when a policy that is bound denies; warnings go to the request."""
    if request.kind.resource.group == GROUP:
        return  # policies do not judge what they are made of
    denied: list[tuple[JsonObject, str, _Denied]] = []
    for binding in request.store.list(BINDINGS):
        found = request.find(POLICIES, "", spec_of(binding.obj).get("policyName") or "")
        if found is None or not _concerns(found.obj, binding.obj, request):
            continue
        for verdict in _verdicts(found.obj, binding.obj, request):
            actions = spec_of(binding.obj).get("validationActions") or ()
            if "Warn" in actions and request.warnings is not None:
                who = f"ValidatingAdmissionPolicy '{found.name}' with binding '{binding.name}'"
                request.warnings.append(f"Validation failed for {who}: {verdict.message}")
            if "Deny" in actions:
                denied.append((found.obj, binding.name, verdict))
    if denied:
        raise _refusal(request, *denied[0])


def _refusal(request: AdmissionRequest, policy: JsonObject, binding: str, verdict: _Denied) -> errors.ApiError:
    told = f"ValidatingAdmissionPolicy '{policy['metadata']['name']}' with binding '{binding}' denied request: "
    told += verdict.message
    refusal = errors.forbidden(request.resource, request.name, told)
    refusal.code, refusal.reason = _CODES.get(verdict.reason, 422), verdict.reason
    refusal.causes = (Cause("", "", told),)
    return refusal


# -- whom a policy concerns ------------------------------------------------------------------------------------------


def _concerns(policy: JsonObject, binding: JsonObject, request: AdmissionRequest) -> bool:
    constraints = spec_of(policy).get("matchConstraints") or {}
    narrowed = spec_of(binding).get("matchResources")
    if not constraints.get("resourceRules") or not _matches(constraints, request):
        return False
    return narrowed is None or _matches(narrowed, request)


def _matches(match: JsonObject, request: AdmissionRequest) -> bool:
    rules = match.get("resourceRules")
    if rules and not any(_rule_matches(each, match, request) for each in rules):
        return False
    if any(_rule_matches(each, match, request) for each in match.get("excludeResourceRules") or ()):
        return False
    selected = from_spec(match.get("objectSelector") or _EVERYTHING)
    objects = [obj for obj in (request.obj, request.old) if obj is not None]
    if not any(selected.matches(obj["metadata"].get("labels") or {}) for obj in objects):
        return False
    namespace = _namespace(request)
    labels = {} if namespace is None else namespace["metadata"].get("labels") or {}
    return namespace is None or from_spec(match.get("namespaceSelector") or _EVERYTHING).matches(labels)


def _rule_matches(rule: JsonObject, match: JsonObject, request: AdmissionRequest) -> bool:
    kind, equivalent = request.kind, match.get("matchPolicy", "Equivalent") == "Equivalent"
    scope = rule.get("scope") or "*"
    names = rule.get("resourceNames")
    return (
        _among(request.operation, rule.get("operations"))
        and _among(kind.resource.group, rule.get("apiGroups"))
        and (equivalent or _among(kind.version, rule.get("apiVersions")))
        and any(each in ("*", "*/*", kind.resource.plural) for each in rule.get("resources") or ())
        and scope in ("*", "Namespaced" if kind.namespaced else "Cluster")
        and (not names or request.name in names)
    )


def _among(value: str, choices: list[str] | None) -> bool:
    return any(each in ("*", value) for each in choices or ())


def _namespace(request: AdmissionRequest) -> JsonObject | None:
    """The namespace of the request's object; the object itself when it is one; None for what is in none."""
    if request.kind.resource == NAMESPACES:
        return request.obj
    found = request.find(NAMESPACES, "", request.namespace) if request.namespace else None
    return None if found is None else found.obj


# -- what it says ----------------------------------------------------------------------------------------------------


def _verdicts(policy: JsonObject, binding: JsonObject, request: AdmissionRequest) -> Iterator[_Denied]:
    """What the policy says against the request, with each of its parameters. Nothing if failures are ignored."""
    spec = spec_of(policy)
    strict = spec.get("failurePolicy", "Fail") != "Ignore"
    try:
        parameters = _parameters(policy, binding, request)
    except _Denied as verdict:
        if strict:
            yield verdict
        return
    for each in parameters:
        names = _names(request, each)
        names["variables"] = _Variables(policy, names)
        try:
            if not _holds(spec, names):
                continue
        except CelError as error:
            if strict:
                yield _Denied(str(error))
            continue
        for validation in spec.get("validations") or ():
            verdict_or_none = _judged(validation, names, strict)
            if verdict_or_none is not None:
                yield verdict_or_none


def _holds(spec: JsonObject, names: Mapping[str, Any]) -> bool:
    """Whether all match conditions are true."""
    return all(_value(each["expression"], names) is True for each in spec.get("matchConditions") or ())


def _judged(validation: JsonObject, names: Mapping[str, Any], strict: bool) -> _Denied | None:
    source = validation.get("expression") or ""
    try:
        if _value(source, names) is True:
            return None
    except CelError as error:
        return _Denied(f"expression '{source}' resulted in error: {error}") if strict else None
    message = validation.get("message") or f"failed expression: {source.strip()}"
    if validation.get("messageExpression"):
        try:
            told = _value(validation["messageExpression"], names)
        except CelError:
            told = None
        if isinstance(told, str) and told.strip() and "\n" not in told:
            message = told.strip()
    return _Denied(message.strip(), validation.get("reason") or "Invalid")


def _parameters(policy: JsonObject, binding: JsonObject, request: AdmissionRequest) -> list[JsonObject | None]:
    """The objects that the policy is asked with, one after the other; a single None when it takes none."""
    wanted, reference = spec_of(policy).get("paramKind"), spec_of(binding).get("paramRef")
    if not wanted or not reference:
        return [None]
    kind = request.kinds.by_kind(wanted.get("apiVersion") or "", wanted.get("kind") or "")
    found: list[JsonObject | None] = []
    if kind is not None:
        namespace = (reference.get("namespace") or request.namespace) if kind.namespaced else ""
        if reference.get("name"):
            env = request.find(kind.stored_as, namespace, reference["name"])
            found = [] if env is None else [env.obj]
        else:
            selector = from_spec(reference.get("selector") or _EVERYTHING)
            listed = request.store.list(kind.stored_as, namespace or None)
            found = [env.obj for env in listed if selector.matches(env.obj["metadata"].get("labels") or {})]
    if not found:
        if reference.get("parameterNotFoundAction") == "Allow":
            return []
        raise _Denied(_NO_PARAMETERS)
    return found


def _names(request: AdmissionRequest, parameters: JsonObject | None) -> dict[str, Any]:
    """The variables of an expression."""
    kind, caller = request.kind, request.caller
    group, version, plural = kind.resource.group, kind.version, kind.resource.plural
    gvk = {"group": group, "version": version, "kind": kind.kind}
    gvr = {"group": group, "version": version, "resource": plural}
    user: JsonObject = {"username": caller.user, "uid": caller.uid, "groups": list(caller.groups)}
    user["extra"] = {key: list(values) for key, values in caller.extra}
    deleting = request.operation == "DELETE"
    return {
        "object": None if deleting else request.obj,
        "oldObject": request.obj if deleting else request.old,
        "params": parameters,
        "namespaceObject": None if kind.resource == NAMESPACES else _namespace(request),
        "request": {
            "kind": gvk, "resource": gvr, "requestKind": gvk, "requestResource": gvr,
            "subResource": request.subresource, "name": request.name, "namespace": request.namespace,
            "operation": request.operation, "dryRun": request.dry_run, "userInfo": user,
        },
    }  # fmt: skip
