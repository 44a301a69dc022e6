"""Pod Security Standards, as the namespace's labels name them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.errors import Forbidden, Invalid
from engine.api.kinds import DEPLOYMENTS, NAMESPACES, PODS
from store.types import JsonObject, ObjectKey
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


def relabel(world: World, **labels: str) -> list[str]:
    """As a person does: the warnings."""
    found = world.store.get(ObjectKey("", "namespaces", "", "default"))
    assert found is not None
    named = {f"pod-security.kubernetes.io/{key}": value for key, value in labels.items()}
    obj = {**found.obj, "metadata": {**found.obj["metadata"], "labels": named}}
    warnings: list[str] = []
    world.api.update(USER, NAMESPACES, "", "default", obj, field_validation="Strict", warnings=warnings)
    return warnings


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
        (
            pod({"appArmorProfile": {"type": "Unconfined"}}),
            'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")',
        ),
        (
            pod(
                {"seLinuxOptions": {"type": "b"}},
                securityContext={"seLinuxOptions": {"type": "a", "user": "u"}, "windowsOptions": {"hostProcess": True}},
            ),
            'seLinuxOptions (pod and container "c" set forbidden securityContext.seLinuxOptions: types "a", "b"; user '
            "may not be set), hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
        (
            pod({"seccompProfile": {"type": "Unconfined"}}),
            'seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
    ],
    ids=["host namespaces", "privileged", "hostPath", "capabilities", "AppArmor", "SELinux and Windows", "seccomp"],
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


def test_hosts_of_probes_are_new(world: World) -> None:
    """What the standard of v1.34 brought, a namespace that asks for an older one does not ask for."""
    body = pod()
    body["spec"]["containers"][0]["livenessProbe"] = {"httpGet": {"host": "1.2.3.4", "port": 80}}
    label(world, enforce="baseline")
    with pytest.raises(Forbidden) as refused:
        world.create(PODS, body)
    assert str(refused.value).endswith('probe or lifecycle host (container "c" uses probe or lifecycle host "1.2.3.4")')
    label(world, **{"enforce-version": "v1.33"})
    world.create(PODS, body)


def test_a_user_namespace_may_be_root(world: World) -> None:
    """A pod with users of its own need not say that it is not root."""
    label(world, enforce="restricted")
    context = {key: value for key, value in GOOD.items() if key != "runAsNonRoot"} | {"runAsUser": 0}
    with pytest.raises(Forbidden) as refused:
        world.create(PODS, pod(context, securityContext={"runAsNonRoot": False}))
    assert str(refused.value).endswith(
        'runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false), runAsUser=0 (container "c" must '
        "not set runAsUser=0)"
    )
    world.create(PODS, pod(context, hostUsers=False))


def test_labels_that_name_no_standard(world: World) -> None:
    """A namespace is not taken with them."""
    with pytest.raises(Invalid) as refused:
        relabel(world, enforce="foo", **{"warn-version": "1.2"})
    assert [str(cause) for cause in refused.value.causes] == [
        'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "foo": must be one of privileged, '
        "baseline, restricted",
        'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"',
    ]


def test_pods_that_are_there_already(world: World) -> None:
    """They stay; who raises the level is told which of them violate it, those that violate the same in one line."""
    for name, context in (("b", None), ("a", None), ("c", None), ("good", GOOD), ("d", {**GOOD, "capabilities": {}})):
        world.create(PODS, pod(context) | {"metadata": {"name": name}})

    assert relabel(world, enforce="restricted") == [
        'existing pods in namespace "default" violate the new PodSecurity enforce level "restricted:latest"',
        "a (and 2 other pods): allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, "
        "seccompProfile",
        "d: unrestricted capabilities",
    ]
    assert relabel(world, enforce="baseline") == []
