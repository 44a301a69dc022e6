"""CertificateSigningRequests: approved, signed, refused, cleaned up; and Secrets that get tokens."""

from __future__ import annotations

import base64

import pytest
from cryptography import x509

from engine.api.errors import Forbidden
from engine.api.kinds import CLUSTERROLEBINDINGS, CSRS, SECRETS, SERVICEACCOUNTS
from engine.api.server import Caller
from engine.auth.bootstrap_roles import reconcile_roles
from engine.controllers.controller import being_deleted
from store.types import JsonObject
from tests.engine.auth.signing import signing_request
from tests.engine.controllers.world import USER, World

CONTROLLERS = (
    "certificatesigningrequest-approving-controller", "certificatesigningrequest-signing-controller",
    "certificatesigningrequest-cleaner-controller", "serviceaccount-token-controller",
)  # fmt: skip
KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"
USAGES = ("digital signature", "client auth")
BOOT = Caller("system:bootstrap:abc", groups=("system:bootstrappers", "system:authenticated"), outside=True)


@pytest.fixture
def world() -> World:
    made = World(CONTROLLERS)
    made.namespace("kube-public")
    reconcile_roles(made.api)
    for name in ("system:certificates.k8s.io:certificatesigningrequests:nodeclient", "system:node-bootstrapper"):
        binding = {
            "metadata": {"name": name}, "roleRef": {"kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "Group", "name": "system:bootstrappers"}],
        }  # fmt: skip
        made.api.create(USER, CLUSTERROLEBINDINGS, "", binding)
    return made


def ask(world: World, obj: JsonObject, caller: Caller = BOOT) -> JsonObject:
    world.api.create(caller, CSRS, "", obj, field_validation="Strict")
    world.settle()
    return world.api.get(CSRS, "", obj["metadata"]["name"]).obj


def test_a_kubelet_that_joins_gets_its_certificate(world: World) -> None:
    """Approved by rights, signed by the cluster's CA for its subject; the request says who asked."""
    obj = ask(world, signing_request("join", "system:node:n", "system:nodes", KUBELET, *USAGES))
    assert obj["spec"]["username"] == BOOT.user
    condition = obj["status"]["conditions"][0]
    assert (condition["type"], condition["reason"]) == ("Approved", "AutoApproved")
    signed = x509.load_pem_x509_certificate(base64.b64decode(obj["status"]["certificate"]))
    authority = x509.load_pem_x509_certificate(world.api.keys.authority.certificate.encode())
    signed.verify_directly_issued_by(authority)
    assert signed.subject.rfc4514_string() == "CN=system:node:n,O=system:nodes"


def test_others_wait_for_a_person(world: World) -> None:
    """Any other client's request is only signed once it is approved; approving takes the right to."""
    obj = ask(world, signing_request("me", "me", "us", "kubernetes.io/kube-apiserver-client", *USAGES))
    assert not obj["status"]
    yes = {"type": "Approved", "status": "True", "reason": "ByHand"}
    wanted = {**obj, "status": {"conditions": [yes]}}
    with pytest.raises(Forbidden):
        world.api.update(BOOT, CSRS, "", "me", wanted, subresource="approval")
    world.api.update(USER, CSRS, "", "me", wanted, subresource="approval")
    world.settle()
    assert world.api.get(CSRS, "", "me").obj["status"]["certificate"]


def test_what_breaks_the_signers_rules_fails(world: World) -> None:
    """A kubelet's request of another organization is never approved by itself, and fails when it is."""
    obj = ask(world, signing_request("bad", "system:node:n", "us", KUBELET, *USAGES))
    assert not obj["status"]
    yes = {"type": "Approved", "status": "True", "reason": "ByHand"}
    world.api.update(USER, CSRS, "", "bad", {**obj, "status": {"conditions": [yes]}}, subresource="approval")
    world.settle()
    status = world.api.get(CSRS, "", "bad").obj["status"]
    assert [c["type"] for c in status["conditions"]] == ["Approved", "Failed"]
    assert "certificate" not in status


def test_requests_go_in_time(world: World) -> None:
    """An hour after the decision, a day without one."""
    ask(world, signing_request("join", "system:node:n", "system:nodes", KUBELET, *USAGES))
    ask(world, signing_request("me", "me", "us", "example.com/signer", *USAGES))
    world.run(3590)
    assert {env.name for env in world.store.list(CSRS)} == {"join", "me"}
    world.run(20)
    assert {env.name for env in world.store.list(CSRS)} == {"me"}
    world.run(24 * 3600)
    assert not world.store.list(CSRS)


def test_nobody_becomes_a_master_by_a_request(world: World) -> None:
    """CertificateSubjectRestriction."""
    wanted = signing_request("m", "m", "system:masters", "kubernetes.io/kube-apiserver-client", *USAGES)
    with pytest.raises(Forbidden, match="system:masters group is not allowed"):
        ask(world, wanted)


def test_a_secret_gets_its_accounts_token(world: World) -> None:
    """Token, CA and namespace; the token is the account's until the Secret is gone, and the Secret goes with it."""
    world.api.create(USER, SERVICEACCOUNTS, "default", {"metadata": {"name": "robot"}})
    notes = {"kubernetes.io/service-account.name": "robot"}
    secret = {"metadata": {"name": "t", "annotations": notes}, "type": "kubernetes.io/service-account-token"}
    world.api.create(USER, SECRETS, "default", secret)
    world.settle()
    data = world.api.get(SECRETS, "default", "t").obj["data"]
    assert sorted(data) == ["ca.crt", "namespace", "token"]
    caller, _ = world.api.tokens.verify(base64.b64decode(data["token"]).decode())
    assert caller.user == "system:serviceaccount:default:robot"
    before = world.store.revision
    world.run(60)
    assert world.store.revision == before
    world.api.delete(USER, SERVICEACCOUNTS, "default", "robot")
    world.settle()
    found = world.api.find(SECRETS, "default", "t")
    assert found is None or being_deleted(found.obj)
