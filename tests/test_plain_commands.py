"""`kubarium get` and its like, on a cluster that is really served on a loopback port."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.client import ClusterClient, ConnectOptions, Query, WireOptions, connect, new_intent
from tui import plain
from tui.cli import PLAIN, default_store, main
from tui.serving import kubeconfig_of

START = 1_795_424_400_000_000
POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: kubarium.dev/v1alpha1
kind: Fault
metadata: {name: out}
spec: {action: ProbeFailure, target: {pod: web}, duration: 1h}
"""


@contextmanager
def serving(folder: Path, nodes: Sequence[str]) -> Iterator[ClusterClient]:
    """A cluster of these nodes, paused, served; its kubeconfig lies where the commands look for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        base = default_store(folder, kept=False)
        base.parent.mkdir(parents=True)
        wire = WireOptions(str(base.with_name("pki")), str(kubeconfig_of(base)), "127.0.0.1", 0)
        client = connect(ConnectOptions(seed=3, speed=0.0, start=START, wire=wire))
        client.start()
        assert client.endpoint is not None
        client.endpoint.result(30)
        for name in nodes:
            client.create("nodes", "", {"metadata": {"name": name}}, intent=new_intent("a node")).result(10)
        client.step(15_000_000).result(10)
        yield client
        client.stop()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterClient]:
    """A cluster of one node with a pod and a fault."""
    folder = tmp_path_factory.mktemp("plain")
    with serving(folder, ["n1"]) as client:
        (folder / "web.yaml").write_text(POD)
        assert main(["apply", "-f", str(folder)]) == 0
        client.step(30_000_000).result(10)
        yield client


def printed(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    capsys.readouterr()
    assert main(words) == status
    found = capsys.readouterr()
    return found.err if status else found.out


def test_get_prints_tables(served: ClusterClient, capsys: pytest.CaptureFixture[str]) -> None:
    """Columns as kubectl's; wide, all namespaces, labels, names."""
    lines = printed(capsys, "get", "po").splitlines()
    assert lines[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert lines[1].split()[:3] == ["web", "0/1", "Running"]
    assert "NODE" in printed(capsys, "get", "pods", "-o", "wide").splitlines()[0]
    assert printed(capsys, "get", "pod/web", "-o", "name") == "pod/web\n"
    assert printed(capsys, "get", "pods", "-A", "-l", "app=web").splitlines()[0].split()[0] == "NAMESPACE"
    assert printed(capsys, "get", "pods", "-l", "app=other") == ""
    assert "nodeName: n1" in printed(capsys, "get", "pods", "web", "-o", "yaml")


def test_describe_prints_the_object_and_its_events(served: ClusterClient, capsys: pytest.CaptureFixture[str]) -> None:
    """As the console's describe does."""
    text = printed(capsys, "describe", "node/n1")
    assert text.startswith("Name:")
    assert "NodeReady" in text
    assert "Image:" in printed(capsys, "describe", "pod", "web")


def test_why_names_the_fault(served: ClusterClient, capsys: pytest.CaptureFixture[str]) -> None:
    """What is the matter, and where that leads."""
    text = printed(capsys, "why", "pod/web")
    assert text.startswith("pod/web: ")
    assert "✗ Fault out (ProbeFailure) breaks it on purpose" in text
    assert "[faults.kubarium.dev out]" in text


def test_reach_follows_a_connection(served: ClusterClient, capsys: pytest.CaptureFixture[str]) -> None:
    """Step by step, and who says no."""
    address = served.get("pods", "default", "web").result(5).obj["status"]["podIP"]
    assert printed(capsys, "reach", "web", address, "80").splitlines()[-1] == f"reached {address}:80"
    assert printed(capsys, "reach", "default/web", "nowhere", "80").splitlines()[-1].endswith(", by DNS")


def test_faults_are_listed(served: ClusterClient, capsys: pytest.CaptureFixture[str]) -> None:
    """With the time until they end."""
    lines = printed(capsys, "faults").splitlines()
    assert lines[0].split() == ["NAME", "ACTION", "TARGET", "PHASE", "ENDS", "AGE"]
    assert lines[1].split()[:4] == ["out", "ProbeFailure", "pod/web", "Active"]


def test_logs_are_printed(served: ClusterClient, capsys: pytest.CaptureFixture[str]) -> None:
    """What the container wrote; nothing declared, hardly anything written."""
    assert "Error" not in printed(capsys, "logs", "web", "--tail", "5")


def test_what_is_applied_is_undone_and_what_is_made_is_deleted(
    served: ClusterClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """apply from stdin, undo --dry-run, undo, delete."""
    manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: words}, data: {a: b}}"
    monkeypatch.setattr("sys.stdin", io.StringIO(manifest))
    assert printed(capsys, "apply", "-f", "-") == "configmap/words serverside-applied\n"
    assert "delete configmaps default/words" in printed(capsys, "undo", "--dry-run")
    assert served.get("configmaps", "default", "words").result(5).obj["data"] == {"a": "b"}
    assert printed(capsys, "undo").startswith("undone: ")
    assert not [item for item in served.list(Query("configmaps", "default")).result(5) if item.name == "words"]
    monkeypatch.setattr("sys.stdin", io.StringIO(manifest))
    printed(capsys, "apply", "-f", "-")
    assert printed(capsys, "delete", "cm", "words") == 'configmap "words" deleted\n'


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("get", "cookies"), 'the server doesn\'t have a resource type "cookies"'),
        (("get", "pod/web", "-A"), "a resource cannot be retrieved by name across all namespaces"),
        (("get", "pod/nobody"), 'pods "nobody" not found'),
        (("why", "pod/nobody"), 'pods "nobody" not found'),
        (("reach", "nobody", "x", "80"), 'pods "nobody" not found'),
        (("reach", "web", "x"), "a target needs a name or an address, and a port"),
        (("undo", "no-such-action"), "no action no-such-action"),
    ],
)
def test_refusals_are_the_servers(
    served: ClusterClient, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], complaint: str
) -> None:
    """On stderr, with exit status 1."""
    assert printed(capsys, *words, status=1) == f"kubarium: {complaint}\n"


def test_without_a_cluster_it_says_what_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No kubeconfig, no answer."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert "no cluster is open: start `kubarium DIR`" in printed(capsys, "get", "pods", status=1)


def test_the_commands_are_those_of_the_command_line() -> None:
    """cli.py names them without loading them."""
    assert plain.COMMANDS == PLAIN
