"""Warnings of what is taken but hardly meant, in Kubernetes' words; who does not ask for them gets none."""

from __future__ import annotations

import base64

import pytest
import yaml

from store.types import JsonObject
from tests.engine.api.door import PERSON, Door

HOST = "which can result in surprising behavior; a DNS label is recommended: [must not contain dots]"


def warned(manifest: str | JsonObject) -> list[str]:
    obj = yaml.safe_load(manifest) if isinstance(manifest, str) else manifest
    warnings: list[str] = []
    Door().create({"metadata": {"name": "x"}, **obj}, warnings=warnings)
    return warnings


def pod(spec: str) -> list[str]:
    return warned(f"{{apiVersion: v1, kind: Pod, spec: {{{spec}}}}}")


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("containers: [{name: c, image: i, env: [{name: A, value: x}, {name: A, value: y}]}]",
         'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'),
        ("containers: [{name: c, image: i, resources: {limits: {memory: 1500m}, requests: {memory: 1}}}]",
         'spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer'),
        ("containers: [{name: c, image: i, ports: [{containerPort: 80}]}, {name: d, image: i, ports: "
         "[{containerPort: 80}]}]", "spec.containers[1].ports[0]: duplicate port definition with "
         "spec.containers[0].ports[0]"),
        ("containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: 1}, {containerPort: 80}]}]",
         "spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]"),
        ("containers: [{name: c, image: i, ports: [{name: p, containerPort: 80}]}, {name: d, image: i, ports: "
         "[{name: p, containerPort: 81}]}]", 'spec.containers[1].ports[0].name: duplicate port name "p" with '
         "spec.containers[0].ports[0].name, services and probes that select ports by name will use "
         "spec.containers[0].ports[0].name"),
        ("nodeSelector: {beta.kubernetes.io/os: linux}, containers: [{name: c, image: i}]",
         'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'),
        ("topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule}], containers: "
         "[{name: c, image: i}]", "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in "
         "matching no pod"),
        ("affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: a}]}}, "
         "containers: [{name: c, image: i}]", "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuring"
         "Execution[0].labelSelector: a null labelSelector results in matching no pod"),
        ("imagePullSecrets: [{name: a}, {name: a}], containers: [{name: c, image: i}]",
         'spec.imagePullSecrets[1].name: duplicate name "a"'),
        ("terminationGracePeriodSeconds: -1, containers: [{name: c, image: i}]", "spec.terminationGracePeriodSeconds: "
         "must be >= 0; negative values are invalid and will be treated as 1"),
        ("volumes: [{name: v, gitRepo: {repository: r}}], containers: [{name: c, image: i}]",
         "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"),
    ],
)  # fmt: skip
def test_pods(spec: str, text: str) -> None:
    """One oddity, one warning."""
    assert pod(spec) == [text]


def test_a_variable_that_builds_on_the_former_one() -> None:
    """It hides nothing, unless it is nothing but that."""
    env = "env: [{name: A, value: x}, {name: A, value: $(A)y}"
    assert pod(f"containers: [{{name: c, image: i, {env}]}}]") == []
    assert len(pod(f"containers: [{{name: c, image: i, {env}, {{name: A, value: $(A)}}]}}]")) == 1


def test_names_that_become_hosts() -> None:
    """A pod's own, and what its pods are called after."""
    meta, inside = "metadata: {name: a.b}", "spec: {restartPolicy: Never, containers: [{name: c, image: i}]}"
    assert warned(f"{{apiVersion: v1, kind: Pod, {meta}, {inside}}}") == [
        f"metadata.name: this is used in the Pod's hostname, {HOST}"
    ]
    assert warned(f"{{apiVersion: batch/v1, kind: Job, {meta}, spec: {{template: {{{inside}}}}}}}") == [
        f"metadata.name: this is used in Pod names and hostnames, {HOST}"
    ]


def test_templates_are_looked_at_when_they_change() -> None:
    """A workload warns on its creation and on changes of its spec, at its template's path."""
    door, warnings = Door(), list[str]()
    made = door.create(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {selector: {matchLabels: {a: b}}, "
        "template: {metadata: {labels: {a: b}}, spec: {nodeSelector: {beta.kubernetes.io/arch: amd64}, "
        "containers: [{name: c, image: i}]}}}}",
        warnings=warnings,
    )
    old = "spec.template.spec.nodeSelector[beta.kubernetes.io/arch]"
    text = f'{old}: deprecated since v1.14; use "kubernetes.io/arch" instead'
    assert warnings == [text]
    meta = {**made.obj["metadata"], "labels": {"l": "m"}}

    def updated(obj: JsonObject) -> list[str]:
        found: list[str] = []
        door.api.update(PERSON, made.key.resource, "default", "x", obj, field_validation="Strict", warnings=found)
        return found

    assert updated({**made.obj, "metadata": meta}) == []
    now = door.now(made)
    assert updated({**now, "spec": {**now["spec"], "replicas": 3}}) == [text]


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        ("{apiVersion: v1, kind: Service, spec: {clusterIP: None, sessionAffinity: ClientIP}}",
         "spec.SessionAffinity is ignored for headless services"),
        ("{apiVersion: v1, kind: PersistentVolume, spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], "
         "hostPath: {path: /x}, persistentVolumeReclaimPolicy: Recycle}}", "spec.persistentVolumeReclaimPolicy: The "
         "Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."),
        ("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: x, annotations: "
         "{volume.beta.kubernetes.io/storage-class: a}}, spec: {accessModes: [ReadWriteOnce], resources: {requests: "
         "{storage: 1Gi}}}}", "metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; "
         'use "storageClassName" attribute instead'),
        ("{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: x, annotations: "
         "{kubernetes.io/ingress.class: n}}, spec: {defaultBackend: {service: {name: s, port: {number: 80}}}}}",
         "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"),
    ],
)  # fmt: skip
def test_other_kinds(manifest: str, text: str) -> None:
    """One warning each."""
    assert warned(manifest) == [text]


def test_a_secret_that_is_no_certificate() -> None:
    """It is taken, and told."""
    data = {"tls.crt": base64.b64encode(b"x").decode(), "tls.key": base64.b64encode(b"x").decode()}
    obj: JsonObject = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "data": data}
    assert warned(obj) == ["tls: failed to find any PEM data in certificate input"]
