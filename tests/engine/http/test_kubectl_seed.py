"""The kubectl commands of a text by which people learn Kubernetes, typed as they stand in it.

Each section of the text runs in a namespace of its own, with the files and objects that it supposes. Placeholders
(`nodeName`, `<name>`) are filled in. Three flags are misspelt in the text; there kubectl's own refusal is expected, and
then the flag as kubectl spells it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.http.served import serving
from tests.engine.http.served_town import needs_kubectl

pytestmark = needs_kubectl
LIMIT = 60
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s}
spec:
  selector: {matchLabels: {app: %s}}
  template:
    metadata: {labels: {app: %s}}
    spec: {containers: [{name: c, image: "%s:1"}]}
"""


class Shell:
    """A person's shell: a working directory, a kubeconfig of his own with a current namespace."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        own = folder.parent / f"{folder.name}.kubeconfig"
        shutil.copy(kubeconfig, own)
        self._env = {
            "PATH": os.environ["PATH"], "KUBECONFIG": str(own), "HOME": str(folder.parent), "LC_ALL": "C.UTF-8",
            "KUBECACHEDIR": str(folder.parent / "cache"), "PRIVATE_IMAGE_NAME": "registry.example/team/app:1",
        }  # fmt: skip
        if folder.name != "default":
            self.run(f"kubectl create namespace {folder.name}")
            self.run(f"kubectl config set-context --current --namespace={folder.name}")

    def run(self, command: str, code: int = 0) -> str:
        """What the command prints, errors too. It must end with `code`."""
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self._env, text=True, timeout=LIMIT, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def write(self, name: str, app: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(DEPLOYMENT % (app, app, app, app))


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("seed")
    with serving(folder) as served:
        yield Path(served.options.kubeconfig)


@pytest.fixture
def shell(kubeconfig: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Shell:
    return Shell(tmp_path / request.node.name.removeprefix("test_").replace("_", "-"), kubeconfig)


def test_imperative_commands(shell: Shell) -> None:
    """`run` makes a pod today (no Deployment any longer), `create deployment` a Deployment."""
    told = shell.run("kubectl run nginx --image=nginx #kubectl run --generator=deployment/apps.v1 is DEPRECATED")
    assert told == "pod/nginx created\n"
    assert shell.run("kubectl create deployment nginx --image=nginx") == "deployment.apps/nginx created\n"


def test_imperative_files(shell: Shell) -> None:
    """create, delete and replace of files."""
    shell.write("nginx.yml", "nginx")
    shell.write("redis.yml", "redis")
    assert shell.run("kubectl create -f nginx.yml") == "deployment.apps/nginx created\n"
    shell.run("kubectl create -f redis.yml")
    gone = shell.run("kubectl delete -f nginx.yml -f redis.yml")
    assert [line.partition(" deleted")[0] for line in gone.splitlines()] == [
        'deployment.apps "nginx"', 'deployment.apps "redis"',
    ]  # fmt: skip
    shell.run("kubectl create -f nginx.yml")
    assert shell.run("kubectl replace -f nginx.yml") == "deployment.apps/nginx replaced\n"


def test_declarative_folders(shell: Shell) -> None:
    """diff tells what apply will do (exit code 1), and nothing afterwards; -R goes into the folders below."""
    shell.write("nginx.yml", "nginx")
    assert "+  name: nginx" in shell.run("kubectl diff -f .", code=1)
    assert shell.run("kubectl apply -f .") == "deployment.apps/nginx created\n"
    shell.run("kubectl diff -f .")
    shell.write("below/redis.yml", "redis")
    assert "+  name: redis" in shell.run("kubectl diff -R -f .", code=1)
    told = shell.run("kubectl apply -R -f .").splitlines()
    assert sorted(told) == ["deployment.apps/nginx unchanged", "deployment.apps/redis created"]


def test_namespaces(shell: Shell) -> None:
    """Objects in a namespace, and a namespace as the default of the following commands."""
    assert "kube-system" in shell.run("kubectl get namespaces")
    assert shell.run("kubectl create namespace my-namespace") == "namespace/my-namespace created\n"
    assert shell.run("kubectl run nginx --namespace=my-namespace --image=nginx") == "pod/nginx created\n"
    shell.run("kubectl create deployment nginx --image nginx --namespace=my-namespace")
    assert shell.run("kubectl get deployment -n my-namespace").splitlines()[1].startswith("nginx ")
    assert len(shell.run("kubectl get pods -n my-namespace").splitlines()) == 3
    assert shell.run("kubectl delete namespace my-namespace") == 'namespace "my-namespace" deleted\n'
    shell.run("kubectl create namespace hiscat")
    assert shell.run("kubectl config set-context --current --namespace=hiscat").endswith("modified.\n")
    assert "namespace: hiscat" in shell.run("kubectl config view --minify")


def test_resources_with_and_without_namespace(shell: Shell) -> None:
    """api-resources knows both; its flag is misspelt once."""
    assert "Pod\n" in shell.run("kubectl api-resources --namespaced=true")
    assert "unknown flag: --namesapced" in shell.run("kubectl api-resources --namesapced=false", code=1)
    assert "Node\n" in shell.run("kubectl api-resources --namespaced=false")


def test_label_selectors(shell: Shell) -> None:
    """Equality and sets."""
    for name in ("nginx", "redis", "other"):
        shell.run(f"kubectl run {name} --image={name} --labels={'app' if name != 'other' else 'tier'}={name}")
    found = {
        "kubectl get pods -l app=nginx": ["nginx"],
        "kubectl get pods -l app!=nginx": ["other", "redis"],
        "kubectl get pods -l 'app in (nginx,redis)'": ["nginx", "redis"],
        "kubectl get pods -l 'app notin (redis)'": ["nginx", "other"],
        "kubectl get pods -l 'app'": ["nginx", "redis"],
    }
    for command, names in found.items():
        assert [line.split()[0] for line in shell.run(command).splitlines()[1:]] == names, command


def test_field_selectors(shell: Shell) -> None:
    """Of one kind and of several; `--all-namespaces` is misspelt three times."""
    shell.run("kubectl run nginx --image=nginx")
    shell.run("kubectl wait --for=condition=Ready pod/nginx --timeout=30s")
    wrong = {
        "kubectl get pods --all-namspaces --field-selector status.phase=Running": "--all-namspaces",
        "kubectl get pods --all-namespace --field-selector status.phase=Running,spec.restartPolicy=Always":
            "--all-namespace",
        "kubectl get statefulsets,svc --all-namespace --field-selector metadata.namespace=default": "--all-namespace",
    }  # fmt: skip
    for command, flag in wrong.items():
        assert f"unknown flag: {flag}" in shell.run(command, code=1)
        right = shell.run(command.replace(flag, "--all-namespaces"))
        assert ("service/kubernetes" if "svc" in command else " nginx ") in right
    assert shell.run("kubectl get pods --field-selector ''").splitlines()[1].startswith("nginx ")


def test_a_node_is_described(shell: Shell) -> None:
    """With what the text explains: conditions, capacity, general information."""
    told = shell.run("kubectl describe node n1")
    assert told.startswith("Name:               n1\nRoles:              <none>\nLabels:             ")
    for heading in ("Conditions:", "Addresses:", "Capacity:", "Allocatable:", "System Info:", "PodCIDR:"):
        assert f"\n{heading}" in told


def test_private_images(shell: Shell) -> None:
    """The nodes' names and addresses, a pod that proves the login, a secret with credentials."""
    names = "nodes=$(kubectl get nodes -o jsonpath='{range.items[*].metadata}{.name} {end}'); echo $nodes"
    assert shell.run(names) == "n1\n"
    addresses = (
        "nodes=$(kubectl get nodes -o jsonpath="
        "'{range .items[*].status.addresses[?(@.type==\"ExternalIP\")]}{.address} {end}'); echo $nodes"
    )
    assert shell.run(addresses) == "\n"
    manifest = """\
apiVersion: v1
kind: Pod
metadata:
  name: private-image-test-1
spec:
  containers:
    - name: uses-private-image
      image: $PRIVATE_IMAGE_NAME
      imagePullPolicy: Always
      command: [ "echo", "SUCCESS" ]
"""
    assert shell.run(f"kubectl apply -f - <<EOF\n{manifest}EOF\n") == "pod/private-image-test-1 created\n"
    shell.run("kubectl wait --for=condition=PodScheduled pod/private-image-test-1 --timeout=30s")
    shell.run(
        "kubectl wait --for=jsonpath='{.status.containerStatuses[0].lastState.terminated}' pod/private-image-test-1"
    )
    assert shell.run("kubectl logs private-image-test-1") == "SUCCESS\n"
    assert shell.run('kubectl describe pods/private-image-test-1 | grep "Failed"', code=1) == ""
    secret = (
        "kubectl create secret docker-registry regcred --docker-server=DOCKER_REGISTRY_SERVER "
        "--docker-username=DOCKER_USER --docker-password=DOCKER_PASSWORD --docker-email=DOCKER_EMAIL"
    )
    assert shell.run(secret) == "secret/regcred created\n"
    assert "kubernetes.io/dockerconfigjson" in shell.run("kubectl get secret regcred")
