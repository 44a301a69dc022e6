"""Streams of Python clients over the real wire: exec, logs, ports."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest

from tests.engine.http.served_town import ServedTown

kubernetes = pytest.importorskip("kubernetes", reason="the Python client is a development dependency")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedTown]:
    made = ServedTown(tmp_path_factory.mktemp("town"))
    yield made
    made.close()


def test_exec_and_logs(town: ServedTown) -> None:
    """Output at once, a conversation with standard input, exit codes, followed logs."""
    from kubernetes.stream import stream

    core = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(str(town.kubeconfig)))
    pod = core.list_namespaced_pod("default", label_selector="app=web").items[0].metadata.name
    called = core.connect_get_namespaced_pod_exec
    given = {"container": "app", "stdout": True, "stderr": True, "stdin": False, "tty": False}
    assert stream(called, pod, "default", command=["hostname"], **given) == f"{pod}\n"

    talk = stream(called, pod, "default", command=["sh"], _preload_content=False, **{**given, "stdin": True})
    talk.write_stdin("echo one\n")
    assert talk.readline_stdout(timeout=30) == "one"
    talk.write_stdin("ls /nope; exit 4\n")
    talk.run_forever(timeout=30)
    assert (talk.read_stderr(), talk.returncode) == ("ls: /nope: No such file or directory\n", 4)

    assert core.read_namespaced_pod_log(pod, "default", container="app", tail_lines=1).startswith("line ")
    followed = core.read_namespaced_pod_log(
        pod, "default", container="app", tail_lines=1, follow=True, _preload_content=False
    )  # fmt: skip
    lines = iter(followed.stream())
    first = next(lines).decode()
    town.play(10)
    assert int(next(lines).decode().split()[1]) == int(first.split()[1]) + 1
    followed.close()

    metrics = kubernetes.client.CustomObjectsApi(core.api_client)
    listed = metrics.list_namespaced_custom_object("metrics.k8s.io", "v1beta1", "default", "pods")
    assert {item["metadata"]["annotations"]["kubarium.dev/simulated"] for item in listed["items"]} == {"true"}


def test_ports_in_plain_channels(town: ServedTown) -> None:
    """The official client forwards several ports at once."""
    from kubernetes.stream import portforward

    core = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(str(town.kubeconfig)))
    pod = core.list_namespaced_pod("default", label_selector="app=web").items[0].metadata.name
    forwarded = portforward(core.connect_get_namespaced_pod_portforward, pod, "default", ports="8080,81")
    connection = forwarded.socket(8080)
    connection.settimeout(30)
    connection.sendall(b"GET /hi HTTP/1.1\r\nConnection: close\r\n\r\n")
    answer = b""
    while part := connection.recv(4096):
        answer += part
    assert answer.endswith(b"\r\n\r\nhello")
    assert forwarded.error(8080) is None
    assert "error forwarding port 81 to pod " in forwarded.error(81)


def test_ports_without_a_protocol(town: ServedTown) -> None:
    """As kr8s asks: plain channels."""
    kr8s = pytest.importorskip("kr8s", reason="kr8s is a development dependency")
    api = kr8s.api(kubeconfig=str(town.kubeconfig))
    pod = next(iter(api.get("pods", namespace="default", label_selector={"app": "web"})))
    with pod.portforward(remote_port=8080, local_port=0) as port:
        for _ in range(2):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/hi", timeout=30) as answer:
                assert answer.read() == b"hello"
