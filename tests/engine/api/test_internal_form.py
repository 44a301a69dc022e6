"""The form in which refusals print what may not change."""

from __future__ import annotations

import json

from engine.api import internal_form

TOKEN = {
    "name": "kube-api-access-abcde",
    "projected": {
        "defaultMode": 420,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{
                "path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
            }]}},
        ],
    },
}  # fmt: skip
MOUNT = {"name": "kube-api-access-abcde", "readOnly": True, "mountPath": "/var/run/secrets"}
SPEC = {
    "volumes": [TOKEN], "containers": [{"name": "c", "image": "i", "volumeMounts": [MOUNT], "resources": {}}],
    "hostNetwork": True, "securityContext": {"fsGroup": 5}, "serviceAccount": "default", "nodeName": "node-0",
    "nodeSelector": {"b": "2", "a": "1"},
}  # fmt: skip


def test_lines_stand_where_kubernetes_has_them() -> None:
    """A pod with its token: the container begins at line 93, its image is line 95, nodeSelector line 140 (v1.36)."""
    lines = json.dumps(internal_form.pod_spec(SPEC), indent=1).splitlines()
    assert [lines[number - 1].strip() for number in (93, 94, 95, 96, 140)] == [
        "{", '"Name": "c",', '"Image": "i",', '"Command": null,', '"NodeSelector": {',
    ]  # fmt: skip


def test_missing_fields_have_gos_zero() -> None:
    """Texts are empty, flags false, pointers and lists null; the network of the host is part of security."""
    form = internal_form.pod_spec(SPEC)
    [container] = form["Containers"]
    assert (container["WorkingDir"], container["TTY"], container["Env"]) == ("", False, None)
    assert container["Resources"] == {"Limits": None, "Requests": None, "Claims": None}
    assert (form["SecurityContext"]["HostNetwork"], form["SecurityContext"]["FSGroup"]) == (True, 5)
    assert "ServiceAccount" not in form
    assert "HostNetwork" not in form
    assert list(form["NodeSelector"]) == ["a", "b"]


def test_probes_and_environment_have_what_they_embed() -> None:
    """A probe's action stands among its numbers; a reference is written with its optional flag."""
    probe = {"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 10}
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    container = {"name": "c", "image": "i", "livenessProbe": probe, "env": env}
    [form] = internal_form.pod_spec({"containers": [container]})["Containers"]
    assert list(form["LivenessProbe"])[:5] == ["Exec", "HTTPGet", "TCPSocket", "GRPC", "InitialDelaySeconds"]
    assert form["LivenessProbe"]["HTTPGet"]["Port"] == "web"
    assert form["Env"][0]["ValueFrom"]["SecretKeyRef"] == {"Name": "s", "Key": "k", "Optional": None}


def test_a_claim_and_a_template() -> None:
    """Their outer shape."""
    claim = internal_form.claim_spec({"accessModes": ["ReadWriteOnce"], "storageClassName": "x"})
    assert list(claim) == [
        "AccessModes", "Selector", "Resources", "VolumeName", "StorageClassName", "VolumeMode", "DataSource",
        "DataSourceRef", "VolumeAttributesClassName",
    ]  # fmt: skip
    template = internal_form.pod_template({"metadata": {"labels": {"a": "b"}}, "spec": {}})
    assert list(template) == ["labels", "Spec"]
