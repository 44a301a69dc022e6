"""Pod Security Standards, as the namespace's labels name them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.errors import Forbidden
from engine.api.kinds import DEPLOYMENTS, NAMESPACES, PODS
from store.types import JsonObject
from tests.engine.controllers.world import USER, World, workload

GOOD: JsonObject = {
    "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip


@pytest.fixture
def world() -> World:
    return World(["replicaset-controller"])


def label(world: World, **labels: str) -> None:
    def change(obj: JsonObject) -> JsonObject:
        named = {f"pod-security.kubernetes.io/{key}": value for key, value in labels.items()}
        return {**obj, "metadata": {**obj["metadata"], "labels": {**obj["metadata"]["labels"], **named}}}

    world.edit(NAMESPACES, "default", change, "")


def pod(context: JsonObject | None = None, **spec: Any) -> JsonObject:
    container: JsonObject = {"name": "c", "image": "i"}
    if context is not None:
        container["securityContext"] = context
    return {"metadata": {"name": "p"}, "spec": {"containers": [container], **spec}}


def test_nothing_is_asked_for_without_labels(world: World) -> None:
    """Privileged is the default."""
    world.create(PODS, pod({"privileged": True}, hostNetwork=True))


def test_restricted_names_everything_that_is_missing(world: World) -> None:
    """In the words and the order of Kubernetes."""
    label(world, enforce="restricted")
    with pytest.raises(Forbidden) as refused:
        world.create(PODS, pod())
    assert str(refused.value) == (
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false '
        '(container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities '
        '(container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container '
        '"c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set '
        'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )
    world.create(PODS, pod(GOOD))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (pod(hostNetwork=True, hostPID=True), "host namespaces (hostNetwork=true, hostPID=true)"),
        (pod({"privileged": True}), 'privileged (container "c" must not set securityContext.privileged=true)'),
        (pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), 'hostPath volumes (volume "v")'),
        (
            pod({"capabilities": {"add": ["NET_ADMIN"]}}),
            'non-default capabilities (container "c" must not include "NET_ADMIN" in securityContext.capabilities.add)',
        ),
    ],
    ids=["host namespaces", "privileged", "hostPath", "capabilities"],
)
def test_baseline(world: World, body: JsonObject, words: str) -> None:
    """What no ordinary pod needs."""
    label(world, enforce="baseline")
    with pytest.raises(Forbidden) as refused:
        world.create(PODS, body)
    assert str(refused.value).endswith(f'violates PodSecurity "baseline:latest": {words}')


def test_templates_are_warned_about(world: World) -> None:
    """A Deployment is taken, with a warning for whom it concerns."""
    label(world, enforce="restricted", warn="baseline")
    warnings: list[str] = []
    body = workload(0)
    body["spec"]["template"]["spec"]["hostNetwork"] = True
    world.api.create(USER, DEPLOYMENTS, "default", body, field_validation="Strict", warnings=warnings)
    assert warnings == ['would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)']
