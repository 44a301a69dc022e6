"""`kubarium scale`, `rollout`, `drain` and what goes on (`-w`, `-f`), on a cluster that is really served."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.client import ClusterClient, Query, new_intent
from tests.test_plain_commands import printed, serving
from tui import plain, plain_reading, plain_writing
from tui.cli import main
from tui.serving import newest_open, state_folder
from tui.wire import RemoteCluster

SECOND = 1_000_000
MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: web:1}, {name: side, image: side:1}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: words}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ClusterClient, Path]]:
    """A cluster of two nodes, paused, with a Deployment of two; and the folder that declares it."""
    folder = tmp_path_factory.mktemp("changes")
    manifests = folder / "manifests"
    manifests.mkdir()
    (manifests / "web.yaml").write_text(MANIFEST)
    with serving(folder, ["n1", "n2"]) as client, pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_writing, "_POLL", 0.01)
        assert main(["apply", "-f", str(manifests)]) == 0
        client.step(30 * SECOND).result(10)
        yield client, manifests


@pytest.fixture
def served(place: tuple[ClusterClient, Path]) -> ClusterClient:
    return place[0]


def pods_of(client: ClusterClient, node: str = "") -> list[str]:
    found = client.list(Query("pods", "default", fields=f"spec.nodeName={node}" if node else "")).result(5)
    return sorted(pod.name for pod in found)


def asked(*words: str) -> tuple[RemoteCluster, Iterator[str]]:
    """A command that goes on: its lines as they come."""
    kubeconfig = newest_open(state_folder().glob("*.kubeconfig"))
    assert kubeconfig is not None
    cluster = RemoteCluster(kubeconfig, words[0])
    do: Callable[..., Iterator[str]] = getattr(plain_reading, words[0])
    return cluster, do(cluster, plain._parser(words[0]).parse_args(words[1:]))


def test_several_kinds_and_names_are_got(served: ClusterClient, capsys: pytest.CaptureFixture[str]) -> None:
    """`deploy,cm`, `all`, several names; a blank line between tables, names with their kind."""
    lines = printed(capsys, "get", "deploy,cm").splitlines()
    assert lines[1].split()[:2] == ["deployment.apps/web", "2/2"]
    assert lines[2] == ""
    assert [line.split()[0] for line in lines[4:]] == ["configmap/kube-root-ca.crt", "configmap/words"]
    everything = printed(capsys, "get", "all", "-o", "name").split()
    assert {line.partition("/")[0] for line in everything} == {
        "pod", "service", "deployment.apps", "replicaset.apps"
    }  # fmt: skip
    assert printed(capsys, "get", "deploy/web", "cm/words", "-o", "name") == "deployment.apps/web\nconfigmap/words\n"
    assert printed(capsys, "get", "node", "n2", "n1", "--no-headers").split()[::5] == ["n2", "n1"]
    assert printed(capsys, "get", "deploy", "--show-labels").splitlines()[1].endswith("   <none>")
    assert len(printed(capsys, "get", "po", "--field-selector", "spec.nodeName=nowhere")) == 0


def test_a_watch_tells_each_change(served: ClusterClient) -> None:
    """The table first, then rows that are aligned to it, without another line of headings."""
    _, lines = asked("get", "deploy", "web", "-w")
    head, row = next(lines), next(lines)
    served.scale("deployments.apps", "default", "web", 3, intent=new_intent("scale")).result(5)
    served.step(20 * SECOND).result(10)
    later = [next(lines) for _ in range(2)]
    assert head.split()[0] == "NAME"
    assert row.split()[:2] == ["web", "2/2"]
    assert later[-1].split()[:2] == ["web", "2/3"]
    assert later[-1].index("2/3") == head.index("READY")
    served.scale("deployments.apps", "default", "web", 2, intent=new_intent("scale")).result(5)
    served.step(60 * SECOND).result(10)


def test_a_workloads_log_is_that_of_one_of_its_pods(served: ClusterClient, capsys: pytest.CaptureFixture[str]) -> None:
    """Which pod and which container were chosen goes to stderr; followed, what is written later comes, too."""
    assert main(["logs", "deploy/web"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"Found 2 pods, using pod/{pods_of(served)[0]}"
    assert said[1] == 'Defaulted container "c" out of: c, side'
    assert printed(capsys, "logs", "cm/words", status=1) == "kubarium: configmap has no pods whose log could be shown\n"


def test_scaling(served: ClusterClient, capsys: pytest.CaptureFixture[str]) -> None:
    """In kubectl's words; what cannot be scaled is refused."""
    assert printed(capsys, "scale", "deploy/web", "--replicas", "2") == "deployment.apps/web scaled\n"
    assert printed(capsys, "scale", "cm/words", "--replicas", "2", status=1) == "kubarium: cannot scale configmaps\n"


def test_a_rollout_is_followed_and_taken_back(served: ClusterClient, capsys: pytest.CaptureFixture[str]) -> None:
    """restart, status until it is over, history, undo; a paused one cannot be taken back."""
    assert printed(capsys, "rollout", "undo", "deploy/web", status=1).startswith("kubarium: no rollout history found")
    assert printed(capsys, "rollout", "restart", "deploy/web") == "deployment.apps/web restarted\n"
    waiting = ("rollout", "status", "deploy", "web", "--timeout", "0.005")
    assert "the rollout was not over when the time was up" in printed(capsys, *waiting, status=1)
    served.step(90 * SECOND).result(20)
    assert printed(capsys, *waiting) == 'deployment "web" successfully rolled out\n'
    assert printed(capsys, "rollout", "history", "deploy/web").splitlines()[2:] == [
        "1         <none>", "2         <none>"
    ]  # fmt: skip
    assert printed(capsys, "rollout", "pause", "deploy/web") == "deployment.apps/web paused\n"
    assert "is already paused" in printed(capsys, "rollout", "pause", "deploy/web", status=1)
    assert "cannot rollback a paused deployment" in printed(capsys, "rollout", "undo", "deploy/web", status=1)
    assert printed(capsys, "rollout", "resume", "deploy/web") == "deployment.apps/web resumed\n"
    gone = printed(capsys, "rollout", "undo", "deploy/web", "--to-revision", "9", status=1)
    assert gone == "kubarium: unable to find specified revision 9 in history\n"
    assert printed(capsys, "rollout", "undo", "deploy/web") == "deployment.apps/web rolled back\n"
    served.step(90 * SECOND).result(20)
    template = served.get("deployments.apps", "default", "web").result(5).obj["spec"]["template"]
    assert not template["metadata"].get("annotations")
    assert printed(capsys, "rollout", "pause", "cm/words", status=1).endswith("is not supported\n")


def test_a_node_is_drained_and_the_whole_of_it_undone(
    served: ClusterClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cordoned, its pods evicted; it waits until they are gone, and is one action, which undo takes back."""
    node = next(name for name in ("n1", "n2") if pods_of(served, name))
    there = pods_of(served, node)
    told = printed(capsys, "drain", node, "--timeout", "0.005", "--ignore-daemonsets", status=1)
    assert "pods are still going when the time was up" in told
    served.step(60 * SECOND).result(20)
    assert not pods_of(served, node)
    assert not set(there) & set(pods_of(served))
    assert printed(capsys, "drain", node) == f"node/{node} already cordoned\nnode/{node} drained\n"
    assert printed(capsys, "undo").startswith(f"undone: kubarium drain nodes {node}\n")
    assert not served.get("nodes", "", node).result(5).obj["spec"].get("unschedulable")


def test_nodes_are_cordoned_each_for_itself(served: ClusterClient, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is not there does not keep the others from it."""
    assert main(["cordon", "nobody", "n2"]) == 1
    told = capsys.readouterr()
    assert told.out == "node/n2 cordoned\n"
    assert told.err == 'node/nobody: nodes "nobody" not found\nkubarium: 1 object was refused\n'
    assert printed(capsys, "uncordon", "n2") == "node/n2 uncordoned\n"
    assert printed(capsys, "uncordon", "n2") == "node/n2 already uncordoned\n"


def test_a_folder_is_deleted_and_its_undo_brings_all_of_it_back(
    place: tuple[ClusterClient, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """delete -f is one action, as apply -f is; labels choose, too."""
    client, folder = place
    assert printed(capsys, "delete", "-f", str(folder)) == (
        'deployment.apps "web" deleted\nconfigmap "words" deleted\n'
    )
    assert printed(capsys, "undo").startswith("undone: kubarium delete deployments default/web")
    assert client.get("configmaps", "default", "words").result(5).obj["metadata"]["name"] == "words"
    client.step(30 * SECOND).result(10)
    assert printed(capsys, "delete", "po", "-l", "app=other") == ""
    assert len(printed(capsys, "delete", "po", "-l", "app=web").splitlines()) == 2
    assert "does not exist" in printed(capsys, "delete", "-f", "/no/such", status=1)
    assert "KIND/NAME" in printed(capsys, "delete", status=1)
