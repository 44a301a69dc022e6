"""ValidatingAdmissionPolicies: bound, they judge requests by expressions; unbound, they do nothing."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from engine.api.errors import ApiError, Invalid
from engine.api.kinds import CONFIGMAPS, PODS
from engine.api.requests import Caller
from store.types import JsonObject
from tests.engine.api.door import PERSON, Door

BOB = Caller("bob", groups=("system:masters",), outside=True)


def policy(*validations: JsonObject, name: str = "p", **spec: Any) -> JsonObject:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps", "pods"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": list(validations), **spec},
    }  # fmt: skip


def binding(name: str = "b", **spec: Any) -> JsonObject:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": "p", "validationActions": ["Deny"], **spec},
    }  # fmt: skip


def config(name: str = "c", **data: str) -> JsonObject:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def refusal(door: Door, obj: JsonObject) -> ApiError:
    error = door.refusal(obj)
    assert isinstance(error, ApiError)
    return error


ALLOWED = {"expression": "object.data.mode in ['on', 'off']"}
PREFIX = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "


def test_a_policy_needs_a_binding(door: Door) -> None:
    """Then what it denies is Invalid, in Kubernetes' words, with the reason for all to see."""
    door.create(policy(ALLOWED))
    door.create(config("before", mode="odd"))
    door.create(binding())
    error = refusal(door, config(mode="odd"))
    told = f"{PREFIX}failed expression: object.data.mode in ['on', 'off']"
    assert (error.code, error.reason, error.message) == (422, "Invalid", f'configmaps "c" is forbidden: {told}')
    assert error.status()["details"] == {"name": "c", "kind": "configmaps", "causes": [{"message": told}]}
    door.create(config(mode="on"))


@pytest.mark.parametrize(("validation", "text", "code"), [
    ({"expression": "object.data.n == '1'", "message": "n must be 1"}, "n must be 1", 422),
    ({"expression": "false", "messageExpression": "'no ' + object.metadata.name"}, "no c", 422),
    ({"expression": "false", "message": "m", "messageExpression": "object.zz"}, "m", 422),
    ({"expression": "false", "message": "m", "reason": "Forbidden"}, "m", 403),
    ({"expression": "object.zz == 1"}, "expression 'object.zz == 1' resulted in error: no such key: zz", 422),
    ({"expression": "request.userInfo.username == 'x' && request.operation == 'CREATE'"}, "failed expression: ", 422),
    ({"expression": "namespaceObject.metadata.name != 'default'"}, "failed expression: ", 422),
    ({"expression": "variables.keys == 2"}, "failed expression: variables.keys == 2", 422),
])  # fmt: skip
def test_what_a_denial_says(door: Door, validation: JsonObject, text: str, code: int) -> None:
    """A message, an expression's, or the expression itself; errors deny too."""
    door.create(policy(validation, variables=[{"name": "keys", "expression": "size(object.data)"}]))
    door.create(binding())
    error = refusal(door, config(n="2"))
    assert error.message.startswith(f'configmaps "c" is forbidden: {PREFIX}{text}')
    assert error.code == code


def test_warnings_do_not_stop_anything(door: Door) -> None:
    """They are told to the caller."""
    door.create(policy(ALLOWED))
    door.create(binding(validationActions=["Warn", "Audit"]))
    warnings: list[str] = []
    door.api.create(
        PERSON, CONFIGMAPS, "default", config(mode="odd"), field_validation="Strict", warnings=warnings
    )  # fmt: skip
    assert warnings == [
        "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': failed expression: "
        "object.data.mode in ['on', 'off']"
    ]


@pytest.mark.parametrize("spec", [
    "{failurePolicy: Ignore, validations: [{expression: object.zz == 1}]}",
    "{matchConditions: [{name: a, expression: object.metadata.name == 'other'}], validations: [{expression: 'false'}]}",
    "{matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [UPDATE], resources: ['*']}]}"
    ", validations: [{expression: 'false'}]}",
    "{matchConstraints: {objectSelector: {matchLabels: {a: b}}, resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], "
    "operations: ['*'], resources: ['*']}]}, validations: [{expression: 'false'}]}",
    "{matchConstraints: {namespaceSelector: {matchLabels: {a: b}}, resourceRules: [{apiGroups: ['*'], apiVersions: "
    "['*'], operations: ['*'], resources: ['*']}]}, validations: [{expression: 'false'}]}",
    "{matchConstraints: {resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}], "
    "excludeResourceRules: [{apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [configmaps]}]}, "
    "validations: [{expression: 'false'}]}",
])  # fmt: skip
def test_whom_a_policy_does_not_concern(door: Door, spec: str) -> None:
    """Other operations, objects, namespaces and resources; and failures that are to be ignored."""
    made = policy()
    made["spec"] |= yaml.safe_load(spec)
    door.create(made)
    door.create(binding())
    door.create(config())


def test_parameters_are_objects(door: Door) -> None:
    """Named by the binding; a policy without them denies or lets pass, as the binding says."""
    checked = {"expression": "size(object.data) <= int(params.data.most)"}
    door.create(config("limits", most="2"))
    door.create(policy(checked, paramKind={"apiVersion": "v1", "kind": "ConfigMap"}))
    door.create(binding(paramRef={"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"}))
    door.create(config("small", a="1"))
    assert "failed expression: size(object.data)" in refusal(door, config("big", a="1", b="2", c="3")).message
    door.api.delete(PERSON, CONFIGMAPS, "default", "limits")
    text = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
    assert text in refusal(door, config("other")).message


def test_deletions_are_judged_too(door: Door) -> None:
    """The object is the old one then."""
    door.create(config(keep="yes"))
    door.create(policy({"expression": "request.operation != 'DELETE' || oldObject.data.keep != 'yes'"}))
    door.create(binding())
    with pytest.raises(ApiError, match=r"denied request: failed expression: request\.operation"):
        door.api.delete(BOB, CONFIGMAPS, "default", "c")


def test_the_clusters_own_pods_are_judged(door: Door) -> None:
    """A policy holds for what a controller makes of a template as well."""
    door.create(policy({"expression": "!has(object.spec.hostNetwork)"}))
    door.create(binding())
    pod = {"metadata": {"name": "p"}, "spec": {"hostNetwork": True, "containers": [{"name": "c", "image": "i"}]}}
    component = Caller("system:serviceaccount:kube-system:replicaset-controller")
    for _ in range(2):
        with pytest.raises(ApiError, match="denied request"):
            door.api.create(component, PODS, "default", pod)


@pytest.mark.parametrize(("obj", "text"), [
    (policy({"expression": "object.x =="}),
     "spec.validations[0].expression: Invalid value: \"object.x ==\": compilation failed: ERROR: <input>:1:12: "),
    (policy({"expression": "thing.x == 1"}), "undeclared reference to 'thing' (in container '')"),
    (policy(), "spec.validations: Required value: validations or auditAnnotations must be non-empty"),
    (policy({"expression": " "}), "spec.validations[0].expression: Required value"),
    (policy(ALLOWED, matchConstraints=None), "spec.matchConstraints: Required value"),
    (binding(policyName=""), "spec.policyName: Required value"),
    (binding(validationActions=["Shout"]), "spec.validationActions[0]: Unsupported value: \"Shout\": supported "),
])  # fmt: skip
def test_policies_must_make_sense(door: Door, obj: JsonObject, text: str) -> None:
    """Expressions that cannot be read, and what is missing."""
    error = door.refusal(obj)
    assert isinstance(error, Invalid)
    assert text in error.message
