"""kubectl against simulated containers: logs, exec, cp, attach, top, port-forward, proxy."""

from __future__ import annotations

import select
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.engine.http.served_town import WAIT, ServedTown, needs_kubectl

pytestmark = needs_kubectl


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedTown]:
    made = ServedTown(tmp_path_factory.mktemp("town"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def pod(town: ServedTown) -> str:
    """Name of one of the Deployment's pods."""
    found = town.kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture
def ended() -> Iterator[list[subprocess.Popen[str]]]:
    """Commands that are terminated at the end."""
    begun: list[subprocess.Popen[str]] = []
    yield begun
    for process in begun:
        process.terminate()
        process.communicate(timeout=WAIT)


def output(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_logs_of_a_container_of_a_deployment_and_of_a_selector(town: ServedTown, pod: str) -> None:
    """With their options; the first container is taken when none is named."""
    assert output(town.kubectl("logs", pod, "-c", "app", "--tail=1")).startswith("line ")
    assert "\n" in output(town.kubectl("logs", "deploy/web", "--tail=2", "--timestamps"))
    chosen = output(town.kubectl("logs", "-l", "app=web", "--all-containers", "--prefix", "--tail=1"))
    assert sorted({line.split("/")[2].split("]")[0] for line in chosen.splitlines()}) == ["app", "side"]
    assert output(town.kubectl("logs", "crashing", "--previous")) == "hello\n"
    assert output(town.kubectl("logs", pod, "-c", "app", "--since=15s")).count("line") in (1, 2)
    refused = town.kubectl("logs", pod, "-c", "side", "--previous")
    assert refused.stderr == (
        f'Error from server (BadRequest): previous terminated container "side" in pod "{pod}" not found\n'
    )


def test_logs_are_followed(town: ServedTown, pod: str, ended: list[subprocess.Popen[str]]) -> None:
    """A line comes when its cluster time has come."""
    following = town.begin("logs", "-f", pod, "-c", "app", "--tail=1")
    ended.append(following)
    assert following.stdout is not None
    first = following.stdout.readline()
    town.play(10)
    second = following.stdout.readline()
    assert int(second.split()[1]) == int(first.split()[1]) + 1


def test_exec_gives_output_errors_and_exit_codes(town: ServedTown, pod: str) -> None:
    """And takes input; an unknown command is the container runtime's error."""
    assert output(town.kubectl("exec", pod, "-c", "app", "--", "hostname")) == f"{pod}\n"
    failed = town.kubectl("exec", "deploy/web", "--", "sh", "-c", "echo out; ls /nope; exit 3")
    assert (failed.returncode, failed.stdout) == (3, "out\n")
    assert failed.stderr.endswith("ls: /nope: No such file or directory\ncommand terminated with exit code 3\n")
    assert output(town.kubectl("exec", "-i", pod, "-c", "app", "--", "cat", given="a\nb\n")) == "a\nb\n"
    assert output(town.kubectl("exec", pod, "-c", "app", "--", "wget", "-qO-", "http://localhost:8080/hi")) == "hello"
    unknown = town.kubectl("exec", pod, "-c", "app", "--", "foo")
    assert (unknown.returncode, "[simulated]" in unknown.stderr) == (1, True)
    assert 'exec: "foo": executable file not found in $PATH: unknown' in unknown.stderr


def test_cp_is_refused_in_plain_words(town: ServedTown, pod: str) -> None:
    """Both ways."""
    for pair in (("/etc/hostname", f"{pod}:/tmp/x"), (f"{pod}:/etc/hosts", "/dev/null")):
        refused = town.kubectl("cp", *pair, "-c", "app")
        assert refused.returncode == 1
        assert "there is no file system behind it" in refused.stdout + refused.stderr


def test_attach_shows_what_is_written(town: ServedTown, pod: str, ended: list[subprocess.Popen[str]]) -> None:
    """From then on."""
    attached = town.begin("attach", pod, "-c", "app")
    ended.append(attached)
    assert attached.stdout is not None
    reader = attached.stdout
    # Whether it is attached cannot be seen before something is written.
    for _ in range(100):
        town.play(10)
        if select.select([reader], [], [], 0.05)[0]:
            break
    assert reader.readline().startswith("line ")


def test_top_shows_usage(town: ServedTown, pod: str) -> None:
    """Of nodes, pods and containers."""
    pods = output(town.kubectl("top", "pod", "-l", "app=web")).splitlines()
    assert pods[0].split() == ["NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert [line.split()[1:] for line in pods[1:]] == [["100m", "32Mi"]] * 2
    containers = output(town.kubectl("top", "pod", pod, "--containers")).splitlines()
    assert [line.split()[1] for line in containers[1:]] == ["app", "side"]
    node = output(town.kubectl("top", "node")).splitlines()[1].split()
    assert node[:2] == ["n1", "200m"]
    unknown = town.kubectl("top", "pod", "nope")
    assert unknown.stderr == 'Error from server (NotFound): pods "nope" not found\n'


def test_ports_are_forwarded_side_by_side(town: ServedTown, ended: list[subprocess.Popen[str]]) -> None:
    """To the simulated HTTP server; a port where nobody listens is told in the kubelet's words."""
    forwarding = town.begin("port-forward", "svc/web", ":80")
    ended.append(forwarding)
    assert forwarding.stdout is not None
    port = forwarding.stdout.readline().split(" -> ")[0].rpartition(":")[2]
    for path, wanted in (("hi", "hello"), ("hi", "hello")):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=WAIT) as answer:
            assert answer.read().decode() == wanted
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/else", timeout=WAIT) as answer:
        assert "This container is simulated." in answer.read().decode()


def test_a_port_where_nobody_listens(town: ServedTown, pod: str, ended: list[subprocess.Popen[str]]) -> None:
    """kubectl tells what the kubelet says."""
    forwarding = town.begin("port-forward", pod, ":81")
    ended.append(forwarding)
    assert forwarding.stdout is not None
    port = forwarding.stdout.readline().split(" -> ")[0].rpartition(":")[2]
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=WAIT)
    _, errors = forwarding.communicate(timeout=WAIT)
    assert "error forwarding port 81 to pod " in errors


def test_the_proxy_of_services_and_pods(town: ServedTown, pod: str) -> None:
    """As `kubectl get --raw` asks."""
    assert output(town.kubectl("get", "--raw", "/api/v1/namespaces/default/services/web/proxy/hi")) == "hello"
    assert output(town.kubectl("get", "--raw", f"/api/v1/namespaces/default/pods/{pod}:8080/proxy/hi")) == "hello"
    refused = town.kubectl("get", "--raw", f"/api/v1/namespaces/default/pods/{pod}:81/proxy/")
    assert "ServiceUnavailable" in refused.stderr


def test_debug_starts_a_container_beside(town: ServedTown, pod: str) -> None:
    """An ephemeral container, in which commands run."""
    started = town.kubectl(
        "debug", pod, "--image=busybox:1", "--container=look", "--profile=general", "--", "sleep", "99"
    )
    assert started.returncode == 0, started.stderr
    town.play(10)
    assert "sleep 99" in output(town.kubectl("exec", pod, "-c", "look", "--", "ps"))


WITHOUT_WEBSOCKETS = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}


def test_clients_that_know_no_websockets(town: ServedTown, pod: str, ended: list[subprocess.Popen[str]]) -> None:
    """They upgrade the bare connection to SPDY: exit codes, input, and ports."""
    script = ("--", "sh", "-c", "echo out; ls /nope; exit 3")
    failed = town.kubectl("exec", "-v=7", pod, "-c", "app", *script, settings=WITHOUT_WEBSOCKETS)
    assert (failed.returncode, failed.stdout) == (3, "out\n")
    assert "X-Stream-Protocol-Version: v4.channel.k8s.io" in failed.stderr
    text = "".join(f"line {n}\n" for n in range(5000))
    cat = ("exec", "-i", pod, "-c", "app", "--", "cat")
    assert output(town.kubectl(*cat, given=text, settings=WITHOUT_WEBSOCKETS)) == text
    forwarding = town.begin("port-forward", pod, ":8080", settings=WITHOUT_WEBSOCKETS)
    ended.append(forwarding)
    assert forwarding.stdout is not None
    port = forwarding.stdout.readline().split(" -> ")[0].rpartition(":")[2]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/hi", timeout=WAIT) as answer:
        assert answer.read() == b"hello"
