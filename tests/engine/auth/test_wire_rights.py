"""Who asks over the wire, and what they may: nothing but what the roles say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.auth.certificates import Keys
from engine.http.messages import PeerCertificate
from tests.engine.http.wire_world import ADMIN, WireWorld

ANN = PeerCertificate("ann", ("team",))
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}
PODS = "/api/v1/namespaces/default/pods"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CONTROLLERS = ("serviceaccount-controller",)


@pytest.fixture(scope="module")
def world() -> Iterator[WireWorld]:
    made = WireWorld(CONTROLLERS)
    made.make("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "robot"}})
    reader = {"metadata": {"name": "reader"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]}
    made.make(f"{RBAC}/namespaces/default/roles", reader)
    subjects = [{"kind": "User", "name": "reader"}, {"kind": "ServiceAccount", "name": "robot"}]
    binding = {"metadata": {"name": "reader"}, "roleRef": {"kind": "Role", "name": "reader"}, "subjects": subjects}
    made.make(f"{RBAC}/namespaces/default/rolebindings", binding)
    yield made
    made.close()


def token(world: WireWorld, **spec: Any) -> str:
    status, made = world.ask("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", {"spec": spec})
    assert status == 201, made
    return str(made["status"]["token"])


@pytest.mark.parametrize(
    ("method", "target", "text"),
    [
        ("GET", PODS, 'pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the '
         'namespace "default"'),
        ("GET", f"{PODS}/web", 'pods "web" is forbidden: User "ann" cannot get resource "pods" in API group "" in the '
         'namespace "default"'),
        ("GET", "/api/v1/nodes", 'nodes is forbidden: User "ann" cannot list resource "nodes" in API group "" at the '
         "cluster scope"),
        ("DELETE", "/apis/apps/v1/namespaces/default/deployments/x", 'deployments.apps "x" is forbidden: User "ann" '
         'cannot delete resource "deployments" in API group "apps" in the namespace "default"'),
        ("GET", f"{PODS}/web/log", 'pods "web" is forbidden: User "ann" cannot get resource "pods/log" in API group "" '
         'in the namespace "default"'),
        ("GET", "/metrics", 'forbidden: User "ann" cannot get path "/metrics"'),
    ],
)  # fmt: skip
def test_without_rights(world: WireWorld, method: str, target: str, text: str) -> None:
    """Refused in Kubernetes' words."""
    status, answer = world.ask(method, target, certificate=ANN)
    assert (status, answer["message"], answer["reason"]) == (403, text, "Forbidden")


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [("POST", PODS, POD), ("PUT", f"{PODS}/web", POD), ("PATCH", f"{PODS}/web", {}), ("DELETE", PODS, None),
     ("POST", f"{PODS}/web/eviction", {}), ("POST", f"{PODS}/web/binding", {}), ("POST", f"{PODS}/web/exec", None),
     ("GET", f"{PODS}/web/exec?command=ls", None), ("PUT", f"{PODS}/web/status", POD),
     ("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {}),
     ("GET", f"{PODS}?watch=1", None), ("GET", "/api/v1/secrets", None), ("POST", f"{RBAC}/clusterrolebindings", {})],
)  # fmt: skip
def test_nothing_gets_by(world: WireWorld, method: str, target: str, body: Any) -> None:
    """Every way in is shut, and the store is as it was."""
    before = world.store.revision
    assert world.ask(method, target, body, certificate=ANN)[0] == 403
    assert world.store.revision == before


def test_what_all_who_are_known_may(world: WireWorld) -> None:
    """Discovery, and asking about oneself."""
    assert world.ask("GET", "/apis", certificate=ANN)[0] == 200
    status, answer = world.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, certificate=ANN)
    assert status == 201
    assert answer["status"]["userInfo"] == {"username": "ann", "groups": ["team", "system:authenticated"]}
    asked = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert world.ask("POST", path, asked, certificate=ANN)[1]["status"] == {"allowed": False}
    reader = world.ask("POST", path, asked, certificate=PeerCertificate("reader", ()))[1]["status"]
    assert reader["reason"] == 'RBAC: allowed by RoleBinding "reader/default" of Role "reader" to User "reader"'


def test_who_shows_a_certificate_is_told_which(world: WireWorld) -> None:
    """Its fingerprint is the credential's id, as in v1.36."""
    shown = PeerCertificate("ann", (), "ab12")
    who = world.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, certificate=shown)[1]["status"]
    assert who["userInfo"]["extra"] == {"authentication.kubernetes.io/credential-id": ["X509SHA256=ab12"]}


def test_the_administrators_rules_are_those_of_rbac(world: WireWorld) -> None:
    """cluster-admin's two, and what everybody who is known may."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    found = world.ask("POST", path, {"spec": {"namespace": "default"}})[1]["status"]
    assert {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]} in found["resourceRules"]
    assert {"verbs": ["*"], "nonResourceURLs": ["*"]} in found["nonResourceRules"]
    assert {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]} in found[
        "resourceRules"
    ]


@pytest.mark.parametrize(
    ("kind", "spec", "text"),
    [("subjectaccessreviews", {"resourceAttributes": {"verb": "get"}},
      'spec.user: Invalid value: "": at least one of user or group must be specified'),
     ("subjectaccessreviews", {"user": "x"}, "spec.resourceAttributes: Invalid value: null: exactly one of "
      "nonResourceAttributes or resourceAttributes must be specified"),
     ("namespaces/default/localsubjectaccessreviews", {"user": "x", "resourceAttributes": {"namespace": "other"}},
      'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace')],
)  # fmt: skip
def test_questions_that_make_no_sense(world: WireWorld, kind: str, spec: Any, text: str) -> None:
    """Refused without a kind: kubectl prints `The request is invalid`."""
    group, _, plural = kind.rpartition("/")
    path = f"/apis/authorization.k8s.io/v1/{group + '/' if group else ''}{plural}"
    status, answer = world.ask("POST", path, {"spec": spec})
    assert (status, answer["message"]) == (422, f'.authorization.k8s.io "" is invalid: {text}')
    assert "kind" not in answer["details"]


@pytest.mark.parametrize("header", ["", "Bearer nonsense", "Bearer a.b.c", "Basic YTpi"])
def test_without_credentials_nothing(world: WireWorld, header: str) -> None:
    """No credentials, or ones that nobody knows: 401."""
    status, answer = world.ask("GET", PODS, certificate=None, authorization=header)
    assert (status, answer["message"]) == (401, "Unauthorized")


def test_a_service_account_by_its_token(world: WireWorld) -> None:
    """A token is the account: it may what the account may."""
    bearer = f"Bearer {token(world)}"
    assert world.ask("GET", PODS, certificate=None, authorization=bearer)[0] == 200
    status, answer = world.ask("GET", "/api/v1/nodes", certificate=None, authorization=bearer)
    assert status == 403
    assert 'User "system:serviceaccount:default:robot" cannot list resource "nodes"' in answer["message"]


def test_other_keys_make_tokens_worthless(world: WireWorld) -> None:
    """What another key signed is refused."""
    strange = WireWorld(CONTROLLERS)
    strange.cluster.api.adopt_keys(Keys.derived(b"another"))
    strange.make("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "robot"}})
    foreign = token(strange)
    strange.close()
    assert world.ask("GET", PODS, certificate=None, authorization=f"Bearer {foreign}")[0] == 401


def test_a_token_for_others_is_not_for_us(world: WireWorld) -> None:
    """The audience counts; TokenReview finds it for those whom it is for."""
    bearer = token(world, audiences=["vault"])
    assert world.ask("GET", PODS, certificate=None, authorization=f"Bearer {bearer}")[0] == 401
    review = {"spec": {"token": bearer, "audiences": ["vault", "other"]}}
    found = world.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)[1]["status"]
    assert found["authenticated"]
    assert found["audiences"] == ["vault"]
    assert found["user"]["username"] == "system:serviceaccount:default:robot"


def test_impersonation(world: WireWorld) -> None:
    """Who may, acts as another, with that one's rights; who may not, is told."""
    assert world.ask("GET", PODS, certificate=ADMIN, **{"impersonate-user": "reader"})[0] == 200
    status, answer = world.ask("GET", "/api/v1/nodes", certificate=ADMIN, **{"impersonate-user": "reader"})
    assert status == 403
    assert 'User "reader"' in answer["message"]
    assert (
        world.ask(
            "GET",
            "/api/v1/nodes",
            certificate=ADMIN,
            **{"impersonate-user": "x", "impersonate-group": "system:masters"},
        )[0]
        == 200
    )
    status, answer = world.ask("GET", PODS, certificate=ANN, **{"impersonate-user": "reader"})
    assert status == 403
    assert answer["message"] == (
        'users "reader" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the '
        "cluster scope"
    )
    assert world.ask("GET", PODS, certificate=ADMIN, **{"impersonate-group": "x"})[0] == 400
    who = world.ask(
        "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, certificate=ADMIN,
        **{"impersonate-user": "system:serviceaccount:one:two", "impersonate-extra-scopes": "view"},
    )[1]["status"]["userInfo"]  # fmt: skip
    assert who["groups"] == ["system:serviceaccounts", "system:serviceaccounts:one", "system:authenticated"]
    assert who["extra"] == {"scopes": ["view"]}


def test_the_issuer_tells_its_keys(world: WireWorld) -> None:
    """OpenID discovery: the issuer, and the key that tokens are checked by."""
    status, found = world.get("/.well-known/openid-configuration")
    assert status == 200
    assert found["issuer"] == "https://kubernetes.default.svc.cluster.local"
    assert [key["alg"] for key in world.get("/openid/v1/jwks")[1]["keys"]] == ["ES256"]


def test_names_hold_for_lists_and_watches_of_one_name(world: WireWorld) -> None:
    """A role with resourceNames lets list and watch what is held to that name by metadata.name, nothing else."""
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["mine"],
              "verbs": ["get", "list", "watch", "deletecollection"]}]  # fmt: skip
    world.make(f"{RBAC}/namespaces/default/roles", {"metadata": {"name": "named"}, "rules": rules})
    binding = {"metadata": {"name": "named"}, "roleRef": {"kind": "Role", "name": "named"}}
    world.make(f"{RBAC}/namespaces/default/rolebindings", {**binding, "subjects": [{"kind": "User", "name": "narrow"}]})
    who, path = PeerCertificate("narrow", ()), "/api/v1/namespaces/default/configmaps"
    for query, status in (
        ("fieldSelector=metadata.name%3Dmine", 200), ("fieldSelector=metadata.name%3D%3Dmine", 200),
        ("fieldSelector=metadata.name%3Dother", 403), ("fieldSelector=metadata.name!%3Dmine", 403), ("", 403),
        ("fieldSelector=metadata.name%3Dother,metadata.name%3Dmine", 403),
    ):  # fmt: skip
        assert world.ask("GET", f"{path}?{query}", certificate=who)[0] == status, query
    assert world.ask("GET", f"{path}?watch=1&fieldSelector=metadata.name%3Dother", certificate=who)[0] == 403
    assert world.ask("DELETE", f"{path}?fieldSelector=metadata.name%3Dmine", certificate=who)[0] == 403


def test_a_kubelet_sees_its_own(world: WireWorld) -> None:
    """Lists of pods held to its node, its own Node, and nothing of others (AuthorizeNodeWithSelectors)."""
    node = PeerCertificate("system:node:n1", ("system:nodes",))
    why = "can only list/watch pods with spec.nodeName field selector"
    status, answer = world.ask("GET", "/api/v1/pods", certificate=node)
    assert (status, why in answer["message"]) == (403, True)
    assert world.ask("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", certificate=node)[0] == 200
    assert world.ask("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2", certificate=node)[0] == 403
    status, answer = world.ask("GET", "/api/v1/nodes", certificate=node)
    assert "node 'n1' cannot read all nodes, only its own Node object" in answer["message"]
    assert world.ask("GET", "/api/v1/nodes?fieldSelector=metadata.name%3Dn1", certificate=node)[0] == 200
    assert world.ask("GET", "/api/v1/namespaces/default/secrets", certificate=node)[0] == 403
    assert world.ask("GET", "/api/v1/nodes", certificate=PeerCertificate("ann", ("system:nodes",)))[0] == 403


def test_roles_without_rules_say_so(world: WireWorld) -> None:
    """Whether they were left out or are none; another write of the same changes nothing."""
    where = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "none"}}
    made = world.make(where, {**role, "rules": [], "aggregationRule": {"clusterRoleSelectors": [{}]}})
    assert (made["rules"], list(made)[-2:]) == (None, ["rules", "aggregationRule"])
    world.ask("DELETE", f"{where}/none")
    made = world.make(where, role)
    assert made["rules"] is None
    assert world.ask("PUT", f"{where}/none", {**role, "rules": []}) == (200, made)
