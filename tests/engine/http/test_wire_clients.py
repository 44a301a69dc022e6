"""Real clients over TLS: the official Python client, kr8s and kubectl."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kr8s.asyncio
import pytest
from kr8s.asyncio.objects import Pod
from kubernetes import client as kube
from kubernetes import config, watch
from kubernetes.client.rest import ApiException

from tests.engine.http.served import Served, deployment, serving

KUBECTL = shutil.which("kubectl")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture(scope="module")
def api(served: Served) -> Any:
    return config.new_client_from_config(served.place.kubeconfig)


def ready(pod: Any) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or ())


def test_a_story_of_the_official_client(api: Any) -> None:
    """Create, watch to ready, scale, evict, delete."""
    apps, core = kube.AppsV1Api(api), kube.CoreV1Api(api)
    apps.create_namespaced_deployment("default", deployment("story"))
    up: set[str] = set()
    watching = watch.Watch()
    for event in watching.stream(core.list_namespaced_pod, "default", label_selector="app=story", timeout_seconds=30):
        if ready(event["object"]):
            up.add(event["object"].metadata.name)
        if len(up) == 2:
            watching.stop()
    assert len(up) == 2
    scale = apps.patch_namespaced_deployment_scale("story", "default", {"spec": {"replicas": 3}})
    assert scale.spec.replicas == 3
    found = core.list_namespaced_pod("default", label_selector="app=story")
    pods, since = found.items, found.metadata.resource_version
    eviction = kube.V1Eviction(metadata=kube.V1ObjectMeta(name=pods[0].metadata.name, namespace="default"))
    core.create_namespaced_pod_eviction(pods[0].metadata.name, "default", eviction)
    going = watching.stream(core.list_namespaced_pod, "default", resource_version=since, timeout_seconds=30)
    for event in going:
        if event["type"] == "DELETED" and event["object"].metadata.name == pods[0].metadata.name:
            watching.stop()
    apps.delete_namespaced_deployment("story", "default", propagation_policy="Background")
    with pytest.raises(ApiException) as refused:
        apps.read_namespaced_deployment("story", "default")
    assert (refused.value.status, refused.value.reason) == (404, "Not Found")


def test_a_dropped_watcher_resumes_without_loss_or_repeats(api: Any) -> None:
    """The second connection goes on after the last event of the first."""
    core = kube.CoreV1Api(api)
    since = core.list_namespaced_config_map("default").metadata.resource_version
    for index in range(6):
        core.create_namespaced_config_map("default", {"metadata": {"name": f"drop-{index}"}})
    seen: list[str] = []
    for wanted in (2, 6):
        connection = watch.Watch()
        stream = connection.stream(
            core.list_namespaced_config_map, "default", resource_version=since, timeout_seconds=30
        )
        for event in stream:
            meta = event["object"].metadata
            if meta.name.startswith("drop-"):
                seen.append(meta.name)
            since = meta.resource_version
            if len(seen) == wanted:
                connection.stop()
    assert seen == [f"drop-{index}" for index in range(6)]


def test_the_kubeconfig_and_the_keys_are_their_owners(served: Served) -> None:
    """0600 for files with keys, 0700 for their folder."""
    folder = Path(served.options.certificates)
    private = [Path(served.place.kubeconfig), *folder.iterdir()]
    assert {path.name: path.stat().st_mode & 0o777 for path in private} == {path.name: 0o600 for path in private}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_client_without_a_certificate_gets_nothing(served: Served, api: Any) -> None:
    """TLS lets it in, the API does not."""
    configuration = kube.Configuration()
    configuration.host, configuration.ssl_ca_cert = served.place.url, api.configuration.ssl_ca_cert
    with pytest.raises(ApiException) as refused:
        kube.CoreV1Api(kube.ApiClient(configuration)).list_namespaced_pod("default")
    assert refused.value.status == 401


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
def test_kubectl_finds_its_way(served: Served, tmp_path: Path) -> None:
    """Apply with validation, a typed create by protobuf, explain, a strict refusal."""

    def run(*words: str, stdin: str = "") -> tuple[int, str, str]:
        command = ["kubectl", "--kubeconfig", served.place.kubeconfig, "--cache-dir", str(tmp_path), *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: k1}\ndata: {a: b}\n"
    assert run("apply", "-f", "-", stdin=manifest)[:2] == (0, "configmap/k1 created\n")
    assert run("apply", "-f", "-", stdin=manifest)[:2] == (0, "configmap/k1 unchanged\n")
    assert run("create", "secret", "generic", "k2", "--from-literal=a=b")[:2] == (0, "secret/k2 created\n")
    assert run("get", "secret", "k2", "-o", "jsonpath={.data.a}")[:2] == (0, "Yg==")
    assert "FIELD: replicas <integer>" in run("explain", "deployment.spec.replicas")[1]
    code, _, errors = run("apply", "-f", "-", stdin=manifest.replace("\ndata:", "\ndataa:"))
    assert code == 1
    assert 'unknown field "dataa"' in errors


async def _kr8s_story(kubeconfig: str) -> list[str]:
    """What the watcher saw of one pod, from its creation to its end."""
    api = await kr8s.asyncio.api(kubeconfig=kubeconfig)
    pod = await Pod({"metadata": {"name": "kr8s"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}, api=api)
    await pod.create()
    await pod.wait("condition=Ready", timeout=30)
    seen = []
    deleting = False
    async for event, found in api.watch("pods", namespace="default", field_selector="metadata.name=kr8s"):
        seen.append(event)
        if not deleting:
            deleting = True
            await found.delete()
        if event == "DELETED":
            break
    return seen


def test_a_story_of_kr8s(served: Served) -> None:
    """Create, wait until ready, delete, and see it go."""
    seen = asyncio.run(_kr8s_story(served.place.kubeconfig))
    assert (seen[0], seen[-1]) == ("ADDED", "DELETED")
