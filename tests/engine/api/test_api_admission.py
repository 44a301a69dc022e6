"""Admission plugins: what they add and what they refuse."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from engine.api.admission.service_account import MOUNT_PATH
from engine.api.errors import Forbidden
from engine.api.kinds import LIMITRANGES, NAMESPACES, PODS, SERVICEACCOUNTS
from store.types import JsonObject
from tests.engine.api.door import COMPONENT, Door


def pod(name: str = "p", **spec: Any) -> JsonObject:
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "i"}], **spec},
    }  # fmt: skip


def account(door: Door, name: str, **fields: Any) -> None:
    door.api.create(COMPONENT, SERVICEACCOUNTS, "default", {"metadata": {"name": name}, **fields})


def priority(door: Door, name: str, value: int, **fields: Any) -> None:
    door.create({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value,
        **fields,
    })  # fmt: skip


def test_a_pod_as_it_is_stored(door: Door) -> None:
    """Account, token, tolerations and priority, as a real v1.36 gave them back."""
    spec = door.create(pod()).obj["spec"]
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "default"
    (mount,) = spec["containers"][0]["volumeMounts"]
    (volume,) = spec["volumes"]
    assert mount == {"mountPath": MOUNT_PATH, "name": volume["name"], "readOnly": True}
    assert volume["name"].startswith("kube-api-access-")
    assert len(volume["name"]) == len("kube-api-access-") + 5
    assert [list(source) for source in volume["projected"]["sources"]] == [
        ["serviceAccountToken"], ["configMap"], ["downwardAPI"],
    ]  # fmt: skip
    assert spec["tolerations"] == [
        {"effect": "NoExecute", "key": f"node.kubernetes.io/{why}", "operator": "Exists", "tolerationSeconds": 300}
        for why in ("not-ready", "unreachable")
    ]
    assert (spec["priority"], spec["preemptionPolicy"]) == (0, "PreemptLowerPriority")


# -- service accounts ----------------------------------------------------------------------------------------------


def test_a_missing_account(door: Door) -> None:
    """The pod is refused."""
    error = door.refusal(pod(serviceAccountName="x"))
    assert isinstance(error, Forbidden)
    assert (
        str(error) == 'pods "p" is forbidden: error looking up service account default/x: serviceaccount "x" not found'
    )


def test_who_has_no_name_yet_goes_by_its_prefix(door: Door) -> None:
    """Names are generated after plugins that change an object, and before those that only judge it."""
    manifest = pod(serviceAccountName="x")
    manifest["metadata"] = {"generateName": "web-"}
    text = 'pods "web-" is forbidden: error looking up service account default/x: serviceaccount "x" not found'
    assert str(door.refusal(manifest)) == text


def test_tokens_that_are_not_mounted(door: Door) -> None:
    """The account or the pod may decline; a container that mounts something there keeps it."""
    account(door, "quiet", automountServiceAccountToken=False)
    assert "volumes" not in door.create(pod("a", serviceAccountName="quiet")).obj["spec"]
    assert "volumes" not in door.create(pod("b", automountServiceAccountToken=False)).obj["spec"]
    assert "volumes" in door.create(pod("c", serviceAccountName="quiet", automountServiceAccountToken=True)).obj["spec"]
    own = [{"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": MOUNT_PATH}]}]
    spec = door.create(pod("d", containers=own, volumes=[{"name": "v", "emptyDir": {}}])).obj["spec"]
    assert [volume["name"] for volume in spec["volumes"]] == ["v"]


def test_pull_secrets_are_inherited(door: Door) -> None:
    """Unless the pod has its own."""
    account(door, "puller", imagePullSecrets=[{"name": "reg"}])
    assert door.create(pod("a", serviceAccountName="puller")).obj["spec"]["imagePullSecrets"] == [{"name": "reg"}]
    own = door.create(pod("b", serviceAccountName="puller", imagePullSecrets=[{"name": "own"}])).obj["spec"]
    assert own["imagePullSecrets"] == [{"name": "own"}]


# -- priority ------------------------------------------------------------------------------------------------------


def test_priority_classes(door: Door) -> None:
    """A class gives its number; the default one is for all pods that name none."""
    priority(door, "high", 1000, preemptionPolicy="Never")
    priority(door, "usual", 5, globalDefault=True)
    high = door.create(pod("a", priorityClassName="high")).obj["spec"]
    assert (high["priority"], high["preemptionPolicy"]) == (1000, "Never")
    usual = door.create(pod("b")).obj["spec"]
    assert (usual["priority"], usual["priorityClassName"]) == (5, "usual")


def test_priority_refusals(door: Door) -> None:
    """No such class; a number that the class does not say; a second default."""
    assert (
        str(door.refusal(pod(priorityClassName="x"))) == 'pods "p" is forbidden: no PriorityClass with name x was found'
    )
    assert "must not be provided in pod spec" in str(door.refusal(pod(priority=3)))
    priority(door, "usual", 5, globalDefault=True)
    second = {
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "b"}, "value": 1,
        "globalDefault": True,
    }  # fmt: skip
    assert "PriorityClass usual is already marked as default" in str(door.refusal(second))


# -- the others ----------------------------------------------------------------------------------------------------


def test_tolerations_that_are_there(door: Door) -> None:
    """Only what the pod does not tolerate already is added."""
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 20}
    tolerations = door.create(pod("a", tolerations=[own])).obj["spec"]["tolerations"]
    assert tolerations[0] == own
    assert [toleration["key"] for toleration in tolerations[1:]] == ["node.kubernetes.io/unreachable"]
    everything = [{"operator": "Exists"}]
    assert door.create(pod("b", tolerations=everything)).obj["spec"]["tolerations"] == everything


def test_new_nodes_are_tainted(door: Door) -> None:
    """They take no pods until they have been seen ready."""
    taints = door.node("n", {}).obj["spec"]["taints"]
    assert taints == [{"effect": "NoSchedule", "key": "node.kubernetes.io/not-ready"}]


@pytest.mark.parametrize("name", ["default", "kube-system"])
def test_immortal_namespaces(door: Door, name: str) -> None:
    """The system's own may not be deleted."""
    env = door.store.list(NAMESPACES)
    assert any(each.name == name for each in env)
    with pytest.raises(Forbidden) as caught:
        door.api.delete(COMPONENT, NAMESPACES, "", name)
    assert str(caught.value) == f'namespaces "{name}" is forbidden: this namespace may not be deleted'


def test_default_storage_class(door: Door) -> None:
    """A claim that names no class gets the one that is marked."""
    claim: JsonObject = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "a"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }  # fmt: skip
    assert "storageClassName" not in door.create(claim).obj["spec"]
    marked = {"storageclass.kubernetes.io/is-default-class": "true"}
    door.create({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "s", "annotations": marked},
        "provisioner": "kubarium.dev/disk",
    })  # fmt: skip
    assert door.create({**claim, "metadata": {"name": "b"}}).obj["spec"]["storageClassName"] == "s"


@pytest.mark.parametrize(
    ("init", "asked"),
    [
        ([("", "300m")], ""),
        ([("Always", "300m")], "500m"),
        ([("Always", "100m"), ("", "350m")], "450m"),
        ([("", "450m"), ("Always", "100m")], "450m"),
    ],
)
def test_limit_ranges_of_pods_count_sidecars(door: Door, init: list[tuple[str, str]], asked: str) -> None:
    """A sidecar counts beside the containers, and beside the init containers that come after it."""

    def container(name: str, cpu: str, policy: str = "") -> JsonObject:
        made: JsonObject = {"name": name, "image": "i", "resources": {"limits": {"cpu": cpu}, "requests": {"cpu": cpu}}}
        return {**made, "restartPolicy": policy} if policy else made

    limits = {"type": "Pod", "max": {"cpu": "400m"}}
    door.api.create(COMPONENT, LIMITRANGES, "default", {"metadata": {"name": "l"}, "spec": {"limits": [limits]}})
    spec = {
        "containers": [container("c", "200m")],
        "initContainers": [container(f"i{n}", cpu, policy) for n, (policy, cpu) in enumerate(init)],
    }
    pod = {"metadata": {"name": "p"}, "spec": spec}
    if not asked:
        door.api.create(COMPONENT, PODS, "default", pod)
        return
    text = f"maximum cpu usage per Pod is 400m, but limit is {asked}"
    with pytest.raises(Forbidden, match=text):
        door.api.create(COMPONENT, PODS, "default", pod)


def test_limit_ranges(door: Door) -> None:
    """Containers get the namespace's defaults, and may not ask for more than it allows."""
    limits = {"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "1"}}
    door.api.create(COMPONENT, LIMITRANGES, "default", {"metadata": {"name": "l"}, "spec": {"limits": [limits]}})
    env = door.create(pod("a"))
    resources = env.obj["spec"]["containers"][0]["resources"]
    assert resources == {"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}}
    assert env.obj["metadata"]["annotations"] == {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    }
    big = [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "2"}}}]
    assert (
        str(door.refusal(pod("b", containers=big)))
        == 'pods "b" is forbidden: maximum cpu usage per Container is 1, but limit is 2'
    )


def test_daemonsets_count_their_templates(door: Door) -> None:
    """The annotation starts at 1 and follows the template."""
    manifest = (
        "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, "
        "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}"
    )
    key = "deprecated.daemonset.template.generation"
    assert door.apply(manifest).obj["metadata"]["annotations"][key] == "1"
    assert door.apply(manifest.replace("image: i", "image: j")).obj["metadata"]["annotations"][key] == "2"


def test_a_replaced_service_keeps_its_address(door: Door) -> None:
    """Address and node port stay when the new manifest does not name them."""
    service: JsonObject = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
        "spec": {"type": "NodePort", "clusterIP": "10.96.0.9", "ports": [{"port": 80, "nodePort": 30080}]},
    }  # fmt: skip
    env = door.create(service)
    plain = {**service, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    after = door.api.update(COMPONENT, env.key.resource, "default", "s", plain, field_validation="Strict")
    assert after.obj["spec"]["clusterIP"] == "10.96.0.9"
    assert after.obj["spec"]["ports"][0]["nodePort"] == 30080


def service(name: str, **spec: Any) -> JsonObject:
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec},
    }  # fmt: skip


def test_services_get_addresses(door: Door) -> None:
    """An address of the range, another for each; node ports by type; none for headless ones."""
    a, b = (door.create(service(name)).obj["spec"] for name in "ab")
    assert ipaddress.ip_address(a["clusterIP"]) in ipaddress.ip_network("10.96.0.0/12")
    assert a["clusterIPs"] == [a["clusterIP"]] != b["clusterIPs"]
    assert door.create(service("c", clusterIP="None")).obj["spec"]["clusterIPs"] == ["None"]
    assert "clusterIP" not in door.create(service("d", type="ExternalName", externalName="x.y")).obj["spec"]
    ports = [{"port": 53, "name": "a", "protocol": "UDP"}, {"port": 53, "name": "b"}, {"port": 80, "name": "c"}]
    numbers = [p["nodePort"] for p in door.create(service("e", type="NodePort", ports=ports)).obj["spec"]["ports"]]
    assert numbers[0] == numbers[1] != numbers[2]
    assert all(30000 <= number <= 32767 for number in numbers)


def test_services_that_ask(door: Door) -> None:
    """What is asked for is given once, and only within the range."""
    door.create(service("a", type="NodePort", clusterIP="10.96.0.9", ports=[{"port": 80, "nodePort": 30080}]))
    assert [str(c) for c in door.refusal(service("b", clusterIP="10.96.0.9")).causes] == [
        'spec.clusterIPs: Invalid value: ["10.96.0.9"]: failed to allocate IP 10.96.0.9: provided IP is already '
        "allocated"
    ]
    assert "does not match the current range" in str(door.refusal(service("b", clusterIP="10.1.0.9")))
    taken = service("b", type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    assert [str(c) for c in door.refusal(taken).causes] == [
        "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated"
    ]
    assert "30000-32767" in str(door.refusal(service("b", type="NodePort", ports=[{"port": 80, "nodePort": 80}])))


def test_services_change_their_type(door: Door) -> None:
    """The address stays, node ports come and go."""
    manifest = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: KIND, ports: [{port: 80}]}}"
    first = door.apply(manifest.replace("KIND", "ClusterIP")).obj["spec"]
    second = door.apply(manifest.replace("KIND", "NodePort")).obj["spec"]
    assert first["clusterIP"] == second["clusterIP"]
    assert second["ports"][0]["nodePort"]
    assert door.apply(manifest.replace("KIND", "ClusterIP")).obj["spec"] == first


def test_runtime_classes(door: Door) -> None:
    """A class brings its overhead and its node selector; a class that is not there refuses the pod."""
    assert 'RuntimeClass "x" not found' in str(door.refusal(pod(runtimeClassName="x")))
    door.create({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "vm"}, "handler": "vm",
        "overhead": {"podFixed": {"cpu": "250m"}}, "scheduling": {"nodeSelector": {"vm": "yes"}},
    })  # fmt: skip
    spec = door.create(pod("a", runtimeClassName="vm")).obj["spec"]
    assert spec["overhead"] == {"cpu": "250m"}
    assert spec["nodeSelector"] == {"vm": "yes"}
