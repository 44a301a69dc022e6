"""Broken clusters 27 and 28: a service account without rights, a service account that is not there."""

from __future__ import annotations

import pytest

from engine.api.errors import Forbidden
from engine.api.kinds import PODS
from engine.auth.tokens import account_caller
from tests.engine.broken_clusters.ward import Ward

ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list, delete]}]
"""
BINDING = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: app, namespace: %s}]
"""


def test_27_rbac_forbidden() -> None:
    """An app's account is told what it may not; a binding of the wrong namespace does not help, the right one does."""
    ward = Ward(nodes="a")
    ward.apply("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: app}")
    ward.deploy("web", serviceAccountName="app")
    ward.run(20)
    app = account_caller(ward.api.get(ward.kind("ServiceAccount").resource, "shop", "app"))
    pod = next(env.name for env in ward.store.list(PODS, "shop"))
    text = (
        f'pods "{pod}" is forbidden: User "system:serviceaccount:shop:app" cannot delete resource "pods" in API group '
        '"" in the namespace "shop"'
    )
    for manifests in ((), (ROLE, BINDING % "default")):
        for manifest in manifests:
            ward.apply(manifest)
        with pytest.raises(Forbidden) as refused:
            ward.api.delete(app, PODS, "shop", pod)
        assert str(refused.value) == text
    ward.apply(BINDING % "shop")
    ward.api.delete(app, PODS, "shop", pod)


def test_28_wrong_service_account_name() -> None:
    """No pod comes: FailedCreate says which account is missing; with it they come."""
    ward = Ward(nodes="a")
    ward.deploy("web", serviceAccountName="ghost")
    ward.run(20)
    assert not ward.store.list(PODS, "shop")
    messages = [event.obj["message"] for event in ward.store.list(ward.kind("Event").resource, "shop")
                if event.obj["reason"] == "FailedCreate"]  # fmt: skip
    assert any('error looking up service account shop/ghost: serviceaccount "ghost" not found' in m for m in messages)
    ward.apply("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: ghost}")
    ward.until(lambda: ward.store.list(PODS, "shop"))
