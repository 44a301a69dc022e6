"""The official Python client's streams: exec and logs over the real wire."""

from __future__ import annotations

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
