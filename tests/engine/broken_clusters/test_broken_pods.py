"""Pods that do not come up: images, secrets, commands, memory, probes, init containers."""

from __future__ import annotations

import base64
import json

from engine.kubelet.logs import LogOptions
from store.types import JsonObject
from tests.engine.broken_clusters.ward import Ward

IMAGE = """
apiVersion: kubarium.dev/v1alpha1
kind: Image
metadata: {name: web}
spec: {image: registry.example/web, %s}
"""
WEB = "registry.example/web:1.2"


def container(ward: Ward, kind: str = "containerStatuses") -> JsonObject:
    """The first container's status of the newest pod."""
    newest = max(ward.pods("web"), key=lambda pod: pod.created)
    status: JsonObject = newest.obj["status"][kind][0]
    return status


def waiting(ward: Ward) -> JsonObject:
    """Why that container waits; without reason when it does not."""
    found: JsonObject = container(ward)["state"].get("waiting") or {"reason": "", "message": ""}
    return found


def healthy(ward: Ward) -> bool:
    """One pod, available, of the newest template."""
    obj = ward.get("Deployment", "web")
    status = obj["status"]
    fresh = status.get("observedGeneration") == obj["metadata"]["generation"] and status.get("updatedReplicas") == 1
    return fresh and status["replicas"] == 1 and ward.available("web") == 1 and len(ward.pods("web")) == 1


def broken(ward: Ward, **container: object) -> None:
    """A Deployment of one pod."""
    ward.deploy("web", container={"image": WEB, **container})
    ward.run(1)


def change(ward: Ward, **container: object) -> None:
    """Change the Deployment's container."""
    ward.patch("Deployment", "web", {"spec": {"template": {"spec": {"containers": [{"name": "c", **container}]}}}})
    ward.run(1)


def mend(ward: Ward, limit: float = 90, **container: object) -> None:
    """Change the Deployment's container, and wait until it is well."""
    change(ward, **container)
    ward.until(lambda: healthy(ward), limit)


def steady(ward: Ward, seconds: float) -> bool:
    """No restart is added within so long."""
    before = container(ward)["restartCount"]
    ward.run(seconds)
    return bool(container(ward)["restartCount"] == before)


def test_image_typo(ward: Ward) -> None:
    """4: ErrImagePull, then ImagePullBackOff with the registry's words; the right tag makes the pod Ready."""
    ward.apply(IMAGE % 'tags: ["1.*"]')
    broken(ward, image="registry.example/web:l.2")
    ward.until(lambda: waiting(ward)["reason"] == "ErrImagePull", 30, 0.1)
    ward.until(lambda: waiting(ward)["reason"] == "ImagePullBackOff", 30)
    message = waiting(ward)["message"]
    assert message.startswith(
        'Back-off pulling image "registry.example/web:l.2": ErrImagePull: rpc error: code = NotFound'
    )
    assert "registry.example/web:l.2: not found" in message
    mend(ward, image=WEB)


def test_private_registry_without_a_pull_secret(ward: Ward) -> None:
    """5: the pull is denied; with a pull secret on the service account, new pods get in."""
    ward.apply(IMAGE % "private: true")
    broken(ward)
    ward.until(lambda: waiting(ward)["reason"] == "ImagePullBackOff", 60)
    assert any("pull access denied" in message for message in ward.messages("Failed"))
    auth = {"auths": {"registry.example": {"auth": base64.b64encode(b"robot:pw").decode()}}}
    data = base64.b64encode(json.dumps(auth).encode()).decode()
    ward.apply(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: registry}\ntype: kubernetes.io/dockerconfigjson\n"
        f"data: {{.dockerconfigjson: {data}}}\n"
    )
    ward.patch("ServiceAccount", "default", {"imagePullSecrets": [{"name": "registry"}]})
    ward.delete("Pod", ward.pod("web").name)
    ward.run(1)
    ward.until(lambda: healthy(ward), 60)


def test_missing_config(ward: Ward) -> None:
    """6: CreateContainerConfigError names the object, then the key; with both there the container is created."""
    ref = {"name": "DB", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}
    broken(ward, env=[ref])
    ward.until(lambda: waiting(ward)["reason"] == "CreateContainerConfigError", 30)
    assert waiting(ward)["message"] == 'secret "db" not found'
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {%s: postgres://db}\n"
    ward.apply(secret % "uri")
    text = "couldn't find key url in Secret shop/db"
    ward.until(lambda: waiting(ward)["message"] == text, 30)
    assert f"Error: {text}" in ward.messages("Failed")
    ward.apply(secret % "url")
    ward.until(lambda: healthy(ward), 30)


def test_bad_command(ward: Ward) -> None:
    """7: RunContainerError for a program that the image lacks, exit 1 for a missing variable; then no more restarts."""
    ward.apply(IMAGE % "executables: [/bin/web], requires: [DATABASE_URL]")
    broken(ward, command=["wbe", "--serve"])
    ward.until(lambda: waiting(ward)["reason"] in ("RunContainerError", "CrashLoopBackOff"), 30)
    ward.until(lambda: waiting(ward)["reason"] == "CrashLoopBackOff", 60)
    last = container(ward)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (128, "StartError")
    assert last["message"].endswith('exec: "wbe": executable file not found in $PATH')
    ward.patch(
        "Deployment", "web", {"spec": {"template": {"spec": {"containers": [{"name": "c", "command": ["web"]}]}}}}
    )
    ward.until(lambda: container(ward)["lastState"].get("terminated", {}).get("exitCode") == 1, 60)
    ward.until(lambda: len(ward.pods("web")) == 1, 90)
    lines = ward.cluster.streams.logs("shop", ward.pod("web").name, LogOptions("c", previous=True))
    assert "DATABASE_URL is not set" in str(list(lines))
    mend(ward, env=[{"name": "DATABASE_URL", "value": "postgres://db"}])
    assert steady(ward, 600)


def test_out_of_memory(ward: Ward) -> None:
    """8: exit 137 OOMKilled again and again; a limit above what it needs ends that."""
    ward.apply(IMAGE % "memory: {start: 50Mi, growthPerSecond: 20Mi, max: 300Mi}")
    limits = {"resources": {"requests": {"memory": "100Mi"}, "limits": {"memory": "100Mi"}}}
    broken(ward, **limits)
    ward.until(lambda: waiting(ward)["reason"] == "CrashLoopBackOff", 60)
    last = container(ward)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "OOMKilled")
    mend(ward, resources={"requests": {"memory": "400Mi"}, "limits": {"memory": "400Mi"}})
    assert steady(ward, 600)


def test_liveness_too_eager(ward: Ward) -> None:
    """9: killed before it listens, with Unhealthy events; a startup probe gives it the time it needs."""
    ward.apply(IMAGE % "startupDelay: 40s")
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5}
    broken(ward, livenessProbe=probe)
    ward.until(lambda: container(ward)["restartCount"] >= 2, 120)
    assert any(
        message.startswith('Liveness probe failed: Get "http://10.244.') and message.endswith("connection refused")
        for message in ward.messages("Unhealthy")
    )
    assert "Container c failed liveness probe, will be restarted" in ward.messages("Killing")
    mend(ward, startupProbe={**probe, "failureThreshold": 30}, limit=120)
    assert steady(ward, 600)


def test_readiness_with_a_wrong_path(ward: Ward) -> None:
    """10: Running but never Ready, and no endpoint; the right path brings both."""
    ward.apply(IMAGE % "probes: [{path: /ready}, {path: '', status: 404}]")
    ward.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
    )
    probe = {"httpGet": {"path": "/redy", "port": 8080}, "periodSeconds": 2}
    broken(ward, readinessProbe=probe)
    ward.until(lambda: ward.phases("web") == ["Running"], 60)
    ward.run(30)
    assert (container(ward)["ready"], container(ward)["restartCount"]) == (False, 0)
    assert "Readiness probe failed: HTTP probe failed with statuscode: 404" in ward.messages("Unhealthy")
    assert ward.ready_addresses("web") == []
    mend(ward, readinessProbe={"httpGet": {"path": "/ready", "port": 8080}})
    ward.run(1)
    assert len(ward.ready_addresses("web")) == 1


def test_init_container_never_ends(ward: Ward) -> None:
    """11: Init:0/1, the app waits in PodInitializing; an init command that ends lets it start."""
    init = {"name": "wait", "image": "busybox:1", "command": ["sh", "-c", "until false; do sleep 1; done"]}
    ward.deploy("web", initContainers=[init])
    ward.run(120)
    assert "running" in container(ward, kind="initContainerStatuses")["state"]
    assert waiting(ward)["reason"] == "PodInitializing"
    condition = ward.condition("Pod", ward.pod("web").name, "Initialized")
    assert (condition["reason"], condition["message"]) == (
        "ContainersNotInitialized", "containers with incomplete status: [wait]",
    )  # fmt: skip
    fixed = {"name": "wait", "command": ["sh", "-c", "sleep 2"]}
    ward.patch("Deployment", "web", {"spec": {"template": {"spec": {"initContainers": [fixed]}}}})
    ward.until(lambda: healthy(ward), 120)
