"""Images: credentials of every kind, pre-pulled images, platforms, pulls at once."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.kinds import NODES, SECRETS, SERVICEACCOUNTS
from engine.kubelet.config import KubeletConfig
from engine.kubelet.credentials import fits, node_registries, secret_registries
from engine.kubelet.platforms import runs
from engine.kubelet.references import parse
from tests.engine.kubelet.machines import USER, Machines

PRIVATE = "registry.example/shop/web:1"


def docker_config(*registries: str) -> str:
    auth = base64.b64encode(b"me:secret").decode()
    return json.dumps({"auths": {registry: {"auth": auth} for registry in registries}})


def pull_secret(machines: Machines, name: str, *registries: str) -> None:
    machines.api.create(USER, SECRETS, "default", {
        "metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(docker_config(*registries).encode()).decode()},
    })  # fmt: skip


def private_pod(machines: Machines, name: str = "p", policy: str = "IfNotPresent", **spec: Any) -> None:
    machines.pod(name, containers=[{"image": PRIVATE, "imagePullPolicy": policy}], **spec)


@pytest.fixture
def registry(machines: Machines) -> Machines:
    """A cluster whose registry.example lets nobody in without credentials."""
    machines.image("web", image="registry.example/shop/web", private=True)
    return machines


def test_a_pull_secret_lets_in(registry: Machines) -> None:
    """Only one for the image's registry; without it the pull is refused in the registry's words."""
    pull_secret(registry, "key", "https://registry.example")
    pull_secret(registry, "other", "elsewhere.example")
    private_pod(registry, "none")
    private_pod(registry, "wrong", imagePullSecrets=[{"name": "other"}])
    private_pod(registry, "missing", imagePullSecrets=[{"name": "nobody"}])
    private_pod(registry, "right", imagePullSecrets=[{"name": "nobody"}, {"name": "key"}])
    registry.run(8)
    for name in ("none", "wrong", "missing"):
        assert "pull access denied" in registry.container(name)["state"]["waiting"]["message"], name
    assert registry.status("right")["phase"] == "Running"
    assert ("Warning", "FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (nobody); "
            "attempting to pull the image may not succeed.") in registry.events("missing")  # fmt: skip


def test_a_service_account_brings_its_pull_secrets(registry: Machines) -> None:
    """Pods that name none have those of their account."""
    pull_secret(registry, "key", "registry.example")
    env = registry.api.get(SERVICEACCOUNTS, "default", "default")
    registry.api.update(USER, SERVICEACCOUNTS, "default", "default", {**env.obj, "imagePullSecrets": [{"name": "key"}]})
    private_pod(registry)
    registry.when(phase="Running", limit=10)


@pytest.mark.parametrize("text", [docker_config("registry.example"), "registry.example, docker.io"])
def test_a_machine_that_is_logged_in_lets_in_all_its_pods(registry: Machines, text: str) -> None:
    """The machine's own Docker configuration, in full or by the registries' names; other machines have none of it."""
    registry.node("n2")
    registry.annotate_node("n1", **{"docker-config": text})
    private_pod(registry, "here")
    private_pod(registry, "there", node="n2")
    registry.run(8)
    assert registry.status("here")["phase"] == "Running"
    assert "pull access denied" in registry.container("there")["state"]["waiting"]["message"]


def test_pre_pulled_images_need_no_credentials(registry: Machines) -> None:
    """What was put on the machine beforehand runs with IfNotPresent and Never; Always asks the registry."""
    registry.annotate_node("n1", images=f"busybox, {PRIVATE}")
    for name, policy in (("a", "IfNotPresent"), ("b", "Never"), ("c", "Always")):
        private_pod(registry, name, policy)
    registry.run(8)
    assert [registry.status(name)["phase"] for name in "abc"] == ["Running", "Running", "Pending"]
    assert registry.reasons("a") == ["Pulled", "Created", "Started"]


def test_what_was_pulled_with_a_secret_is_not_for_others(registry: Machines) -> None:
    """A pod without the secret cannot use the image that another pod's secret brought to the node."""
    pull_secret(registry, "key", "registry.example")
    private_pod(registry, "owner", imagePullSecrets=[{"name": "key"}])
    registry.when("owner", phase="Running", limit=10)
    private_pod(registry, "thief")
    private_pod(registry, "never", "Never")
    private_pod(registry, "friend", imagePullSecrets=[{"name": "key"}])
    registry.run(6)
    assert "pull access denied" in registry.container("thief")["state"]["waiting"]["message"]
    assert registry.container("never")["state"]["waiting"]["reason"] == "ErrImageNeverPull"
    assert "does not have the proper auth" in registry.container("never")["state"]["waiting"]["message"]
    assert registry.events("friend")[0][2].endswith("already present on machine and can be accessed by the pod")


def test_a_multi_platform_image_runs_where_it_was_built_for() -> None:
    """An arm64 machine takes linux/arm64/v8 of a manifest list; one that is not in the list fails."""
    machines = Machines()
    machines.node(labels={"kubernetes.io/arch": "arm64"})
    machines.image("both", image="both", platforms=["linux/amd64", "linux/arm64/v8"])
    machines.image("intel", image="intel", platforms=["linux/amd64", "linux/386"])
    machines.pod("a", containers=[{"image": "both:1"}])
    machines.pod("b", containers=[{"image": "intel:1"}])
    machines.run(8)
    assert machines.status("a")["phase"] == "Running"
    assert machines.container("b")["state"]["waiting"]["message"].endswith(
        'failed to pull and unpack image "docker.io/library/intel:1": no match for platform in manifest: not found'
    )


def test_docker_says_it_in_its_own_words() -> None:
    """A node whose runtime is Docker tells a missing platform, a missing tag and a closed registry as Docker does."""
    machines = Machines()
    node = {
        "metadata": {"name": "n1", "labels": {"kubernetes.io/arch": "arm64"}},
        "status": {"nodeInfo": {"containerRuntimeVersion": "docker://28.5.1"}},
    }
    machines.api.create(USER, NODES, "", node)
    machines.run(2)
    machines.image("intel", image="intel", platforms=["linux/amd64"])
    machines.image("gone", image="shop/gone", exists=False)
    machines.image("closed", image="registry.example/closed", private=True)
    for name, image in (("a", "intel:1"), ("b", "shop/gone:2"), ("c", "registry.example/closed:1")):
        machines.pod(name, containers=[{"image": image}])
    machines.run(8)
    told = [machines.container(name)["state"]["waiting"]["message"] for name in "abc"]
    assert told[0].endswith("no matching manifest for linux/arm64/v8 in the manifest list entries")
    assert told[1].endswith("manifest for shop/gone:2 not found: manifest unknown: manifest unknown")
    assert "pull access denied for registry.example/closed, repository does not exist or may require" in told[2]


@pytest.mark.parametrize(
    ("platforms", "machine", "fit"),
    [
        ([], "linux/arm64", True), (["linux/arm64"], "linux/arm64/v8", True), (["linux/aarch64"], "linux/arm64", True),
        (["linux/arm/v6"], "linux/arm/v7", True), (["linux/arm/v7"], "linux/arm/v6", False),
        (["linux/arm/v7"], "linux/arm64", False), (["windows/amd64"], "linux/amd64", False),
    ],
)  # fmt: skip
def test_platforms_and_variants(platforms: list[str], machine: str, fit: bool) -> None:
    """Variants that are not said are the usual ones; an arm machine runs older variants."""
    assert runs(platforms, machine) is fit


@pytest.mark.parametrize(("at_once", "second_waits"), [(1, True), (2, False), (0, False)])
def test_pulls_at_once(at_once: int, second_waits: bool) -> None:
    """Serialized, the small image waits for the large one; in parallel it does not."""
    machines = Machines(config=KubeletConfig(parallel_pulls=at_once))
    machines.node()
    machines.image("big", image="big", size="800Mi")
    machines.image("small", image="small", size="8Mi")
    machines.pod("a", containers=[{"image": "big:1"}])
    machines.run(1)
    machines.pod("b", containers=[{"image": "small:1"}])
    machines.run(4)
    assert (machines.status("b")["phase"] == "Pending") is second_waits


def test_a_node_tells_its_largest_images() -> None:
    """--node-status-max-images bounds the list."""
    machines = Machines(config=KubeletConfig(status_max_images=1))
    machines.node()
    machines.image("big", image="big", size="800Mi")
    machines.pod("a", containers=[{"image": "small:1"}])
    machines.pod("b", containers=[{"image": "big:1"}])
    machines.run(40)
    (image,) = machines.api.get(NODES, "", "n1").obj["status"]["images"]
    assert image["names"][1] == "docker.io/library/big:1"


@pytest.mark.parametrize(
    ("registry", "image", "fit"),
    [
        ("https://index.docker.io/v1/", "nginx", True), ("docker.io", "me/app:1", True),
        ("registry.example", "registry.example/a:1", True), ("registry.example/shop", "registry.example/shop/a", True),
        ("registry.example/shop", "registry.example/shopping/a", False), ("*.example", "a.example/x", True),
        ("*.example", "a.b.example/x", False), ("registry.example:5000", "registry.example/x", False),
        ("http://localhost:5000/v2/", "localhost:5000/x", True),
    ],
)  # fmt: skip
def test_which_registry_credentials_are_for(registry: str, image: str, fit: bool) -> None:
    """Scheme and API version do not count, labels match one by one, paths are prefixes."""
    assert fits(registry, parse(image)) is fit


@given(st.text(max_size=60))
def test_malformed_credentials_are_none(text: str) -> None:
    """Whatever a secret or an annotation holds, nothing breaks."""
    data = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
    secret_registries({"data": {".dockerconfigjson": data, ".dockercfg": text}})
    for registry in node_registries({"metadata": {"annotations": {"kubarium.dev/docker-config": "{" + text}}}):
        fits(registry, parse("nginx"))
    fits(text, parse("nginx"))
