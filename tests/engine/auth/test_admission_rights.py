"""Admission that looks at who asks: granting, nodes, owners, certificate requests; and the plugins' switches."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.errors import Forbidden
from engine.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, CONFIGMAPS, NODES, PODS, ROLEBINDINGS, ROLES
from engine.api.server import Caller
from engine.clock import Clock
from engine.cluster import Cluster, ClusterOptions
from engine.flags import BadFlag, Flags
from store.store import Store

ROOT = Caller("root")
ANN = Caller("ann", groups=("system:authenticated",), outside=True)
KUBELET = Caller("system:node:a", groups=("system:nodes", "system:authenticated"), outside=True)
SPEC: dict[str, Any] = {"containers": [{"name": "c", "image": "i:1", "imagePullPolicy": "IfNotPresent"}]}


def cluster(**flags: str) -> Cluster:
    names = {name.replace("_", "-"): value for name, value in flags.items()}
    made = Cluster(Store(), Clock(0), ClusterOptions(controllers=("serviceaccount-controller",), flags=Flags(names)))
    made.start(stepped=True)
    made.run_for(1_000_000)
    return made


def grant(made: Cluster, *rules: dict[str, Any], user: str = "ann") -> None:
    """Give a user rights everywhere."""
    body = {"metadata": {"name": f"of-{user}"}, "rules": list(rules)}
    made.api.create(ROOT, CLUSTERROLES, "", body)
    binding = {
        "metadata": {"name": f"of-{user}"}, "roleRef": {"kind": "ClusterRole", "name": f"of-{user}"},
        "subjects": [{"kind": "User", "name": user}],
    }  # fmt: skip
    made.api.create(ROOT, CLUSTERROLEBINDINGS, "", binding)


RBAC_RULE = {
    "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings", "clusterroles"],
    "verbs": ["create", "update"],
}  # fmt: skip
PODS_RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}


def test_nobody_grants_what_they_do_not_have() -> None:
    """A role with more than one has is refused, with what is missing; one with less is made."""
    made = cluster()
    grant(made, RBAC_RULE, PODS_RULE)
    wanted = {"metadata": {"name": "r"}, "rules": [{**PODS_RULE, "verbs": ["get", "delete", "create"]}]}
    with pytest.raises(Forbidden) as refused:
        made.api.create(ANN, ROLES, "default", wanted)
    assert str(refused.value) == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "ann" (groups=["system:authenticated"]) is attempting '
        'to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete" "create"]}'
    )
    made.api.create(ANN, ROLES, "default", {"metadata": {"name": "r"}, "rules": [PODS_RULE]})


def test_nobody_binds_what_they_do_not_have() -> None:
    """cluster-admin is out of reach, unless one may bind it."""
    made = cluster()
    grant(made, RBAC_RULE)
    wanted = {"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}, "subjects": []}
    with pytest.raises(Forbidden, match="attempting to grant RBAC permissions not currently held"):
        made.api.create(ANN, ROLEBINDINGS, "default", wanted)
    bind = {"apiGroups": RBAC_RULE["apiGroups"], "resources": ["clusterroles"], "verbs": ["bind"]}
    role = made.api.get(CLUSTERROLES, "", "of-ann").obj
    made.api.update(ROOT, CLUSTERROLES, "", "of-ann", {**role, "rules": [RBAC_RULE, bind]})
    made.api.create(ANN, ROLEBINDINGS, "default", wanted)


def test_aggregation_takes_an_administrator() -> None:
    """Who aggregates could take in anything."""
    made = cluster()
    grant(made, RBAC_RULE)
    wanted = {
        "metadata": {"name": "all"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
        "rules": [],
    }  # fmt: skip
    with pytest.raises(Forbidden, match="must have cluster-admin privileges to use the aggregationRule"):
        made.api.create(ANN, CLUSTERROLES, "", wanted)


def test_a_kubelet_from_outside_keeps_to_itself() -> None:
    """Another node, labels of the system and pods that are no mirrors are refused."""
    made = cluster()
    for name in "ab":
        made.api.create(ROOT, NODES, "", {"metadata": {"name": name}})
    patch = {"metadata": {"labels": {"x": "y"}}}
    with pytest.raises(Forbidden, match='node "a" is not allowed to modify node "b"'):
        made.api.patch(KUBELET, NODES, "", "b", "merge", patch)
    made.api.patch(KUBELET, NODES, "", "a", "merge", patch)
    reserved = {"metadata": {"labels": {"node-restriction.kubernetes.io/x": "y"}}}
    with pytest.raises(Forbidden, match="is not allowed to modify the following labels"):
        made.api.patch(KUBELET, NODES, "", "a", "merge", reserved)
    with pytest.raises(Forbidden, match="can only create mirror pods"):
        made.api.create(KUBELET, PODS, "default", {"metadata": {"name": "p"}, "spec": SPEC})


def test_owners_that_block_take_the_right_to_their_finalizers() -> None:
    """blockOwnerDeletion needs update of the owner's finalizers."""
    made = cluster()
    grant(made, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]})
    owner = made.api.create(ROOT, CONFIGMAPS, "default", {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid, "blockOwnerDeletion": True}
    with pytest.raises(Forbidden, match="a resource you can't set finalizers on"):
        made.api.create(ANN, CONFIGMAPS, "default", {"metadata": {"name": "c", "ownerReferences": [reference]}})
    free = {**reference, "blockOwnerDeletion": False}
    made.api.create(ANN, CONFIGMAPS, "default", {"metadata": {"name": "c", "ownerReferences": [free]}})


@pytest.mark.parametrize(("flag", "policy"), [("", "IfNotPresent"), ("AlwaysPullImages", "Always")])
def test_images_are_always_pulled_when_asked_for(flag: str, policy: str) -> None:
    """AlwaysPullImages is off by default."""
    made = cluster(enable_admission_plugins=flag)
    pod = made.api.create(ROOT, PODS, "default", {"metadata": {"name": "p"}, "spec": SPEC}).obj
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_plugins_can_be_switched_off() -> None:
    """Without ServiceAccount no token is mounted; a plugin that there is not is refused."""
    pod = {"metadata": {"name": "p"}, "spec": SPEC}
    assert "volumes" in cluster().api.create(ROOT, PODS, "default", pod).obj["spec"]
    made = cluster(disable_admission_plugins="ServiceAccount")
    assert "volumes" not in made.api.create(ROOT, PODS, "default", pod).obj["spec"]
    with pytest.raises(BadFlag, match="no such admission plugin"):
        cluster(enable_admission_plugins="Nonsense")
