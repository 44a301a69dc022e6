"""The default roles: all there, as objects, and put right at each start."""

from __future__ import annotations

from engine.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from engine.api.server import Caller
from engine.auth.authorizer import authorizer_of
from engine.auth.bootstrap_roles import default_objects, reconcile_roles
from engine.auth.rbac import Attributes
from engine.clock import Clock
from engine.cluster import Cluster, ClusterOptions
from store.store import Store

ROOT = Caller("root")
NAMES = (
    "admin", "cluster-admin", "edit", "view", "system:aggregate-to-admin", "system:aggregate-to-edit",
    "system:aggregate-to-view", "system:auth-delegator", "system:basic-user", "system:discovery", "system:monitoring",
    "system:kube-controller-manager", "system:kube-scheduler", "system:node", "system:node-proxier",
    "system:node-bootstrapper", "system:public-info-viewer", "system:volume-scheduler", "system:kubelet-api-admin",
    "system:controller:deployment-controller", "system:controller:generic-garbage-collector",
    "system:controller:certificate-controller", "system:service-account-issuer-discovery",
)  # fmt: skip


def cluster() -> Cluster:
    made = Cluster(Store(), Clock(0), ClusterOptions(controllers=("clusterrole-aggregation-controller",)))
    made.start(stepped=True)
    made.run_for(1_000_000)
    assert not made.crashes
    return made


def test_every_default_is_an_object() -> None:
    """Each role and binding of the policy is there, with Kubernetes' names and the mark of the bootstrap."""
    api = cluster().api
    for resource, namespace, manifest in default_objects():
        found = api.get(resource, namespace, manifest["metadata"]["name"]).obj
        assert found["metadata"]["labels"]["kubernetes.io/bootstrapping"] == "rbac-defaults"
        assert found["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] == "true"
    present = {env.name for env in api.store.list(CLUSTERROLES)}
    assert present.issuperset(NAMES)
    assert api.store.count(ROLES) == api.store.count(ROLEBINDINGS) == 7
    bound = {env.obj["roleRef"]["name"] for env in api.store.list(CLUSTERROLEBINDINGS)}
    assert bound <= present


def test_view_edit_and_admin_take_in_what_is_labelled() -> None:
    """A role of one's own with the label becomes part of view, and so of edit and admin; deleted, it is gone again."""
    made = cluster()
    rule = {"apiGroups": ["x.io"], "resources": ["things"], "verbs": ["get"]}
    labels = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    made.api.create(ROOT, CLUSTERROLES, "", {"metadata": {"name": "things", "labels": labels}, "rules": [rule]})
    made.run_for(1_000_000)
    for name in ("view", "edit", "admin"):
        assert rule in made.api.get(CLUSTERROLES, "", name).obj["rules"], name
    made.api.delete(ROOT, CLUSTERROLES, "", "things")
    made.run_for(1_000_000)
    for name in ("view", "edit", "admin"):
        assert rule not in made.api.get(CLUSTERROLES, "", name).obj["rules"], name


def test_viewers_see_no_secrets() -> None:
    """view reads pods but no secrets; edit reads secrets but grants no roles; admin grants roles."""
    made = cluster()
    for name in ("view", "edit", "admin"):
        body = {
            "metadata": {"name": name}, "roleRef": {"kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "User", "name": name}],
        }  # fmt: skip
        made.api.create(ROOT, ROLEBINDINGS, "default", body)
    rules = authorizer_of(made.store)

    def may(user: str, verb: str, resource: str, group: str = "", namespace: str = "default") -> bool:
        return rules.decide(Caller(user, outside=True), Attributes(verb, group, resource, "", namespace))[0]

    assert [may(user, "list", "pods") for user in ("view", "edit", "admin")] == [True, True, True]
    assert [may(user, "get", "secrets") for user in ("view", "edit", "admin")] == [False, True, True]
    rbac = "rbac.authorization.k8s.io"
    assert [may(user, "create", "roles", rbac) for user in ("view", "edit", "admin")] == [False, False, True]
    assert not may("admin", "list", "pods", namespace="kube-system")


def test_a_start_puts_right_what_may_be() -> None:
    """A rule that was taken away comes back, one that was added stays; without autoupdate nothing is touched."""
    api = cluster().api
    role = api.get(CLUSTERROLES, "", "system:discovery").obj
    own = {"nonResourceURLs": ["/mine"], "verbs": ["get"]}
    api.update(ROOT, CLUSTERROLES, "", "system:discovery", {**role, "rules": [own]})
    kept = api.get(CLUSTERROLES, "", "system:basic-user").obj
    meta = {**kept["metadata"], "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"}}
    api.update(ROOT, CLUSTERROLES, "", "system:basic-user", {**kept, "metadata": meta, "rules": []})
    api.delete(ROOT, CLUSTERROLEBINDINGS, "", "system:discovery")
    reconcile_roles(api)
    urls = {
        url for rule in api.get(CLUSTERROLES, "", "system:discovery").obj["rules"] for url in rule["nonResourceURLs"]
    }
    assert urls >= {"/mine", "/version", "/apis/*"}
    assert api.get(CLUSTERROLES, "", "system:basic-user").obj["rules"] is None
    assert api.find(CLUSTERROLEBINDINGS, "", "system:discovery") is not None


def test_does_nothing_when_all_is_there() -> None:
    """A second start writes no revision."""
    made = cluster()
    before = made.store.revision
    reconcile_roles(made.api)
    assert made.store.revision == before
