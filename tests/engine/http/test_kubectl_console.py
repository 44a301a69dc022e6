"""kubectl in the next terminal, while the console is open in another: a person's afternoon, command after command."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.bench.terminal import Terminal
from tests.engine.http.served_town import KUBECTL, WAIT, needs_kubectl

pytestmark = needs_kubectl
FOLDER: Final = """
apiVersion: v1
kind: Node
metadata: {name: n1}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
---
apiVersion: kubarium.dev/v1alpha1
kind: Image
metadata: {name: web}
spec: {image: web, http: [{path: /hi, body: hello}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
DEPLOYMENT: Final = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: REPLICAS
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "web:1", ports: [{containerPort: 8080}]}
"""


class Desk:
    """A console on a pseudo-terminal, read all the time, and kubectl beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kubeconfig = folder, folder / "kubeconfig"
        manifests = folder / "cluster"
        manifests.mkdir()
        (manifests / "all.yaml").write_text(FOLDER)
        home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "TEXTUAL_ANIMATIONS": "none"}
        command = [sys.executable, "-m", "tui.cli", str(manifests), "--memory", "--speed", "20"]
        self.terminal = Terminal([*command, "--kubeconfig", str(self.kubeconfig)], home, 40, 120)
        self._open = True
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        end = time.monotonic() + WAIT
        while not self.kubeconfig.exists():
            assert time.monotonic() < end, "the console did not serve the API"
            time.sleep(0.05)

    def close(self) -> None:
        self._open = False
        self._reader.join()
        self.terminal.__exit__()

    def _read(self) -> None:
        while self._open:
            with self._lock:
                self.terminal.drain(0.02)
            time.sleep(0.001)

    def press(self, keys: bytes, shown: bytes) -> None:
        """Press keys in the console; what is to be painted then."""
        with self._lock:
            self.terminal.press(keys)
            assert self.terminal.wait_for(shown, WAIT), (keys, shown, self.terminal.painted[-3000:])

    def begin(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        assert KUBECTL is not None
        return subprocess.Popen(
            [KUBECTL, f"--kubeconfig={self.kubeconfig}", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env={**os.environ, "HOME": str(self.folder), **environment},
        )  # fmt: skip

    def kubectl(self, *arguments: str, given: str = "", **environment: str) -> tuple[int, str]:
        """(exit code, output and errors) of one command."""
        process = self.begin(*arguments, **environment)
        out, err = process.communicate(given, timeout=WAIT)
        return process.returncode, out + err

    def does(self, *arguments: str, given: str = "", **environment: str) -> str:
        """Output of a command that works."""
        code, told = self.kubectl(*arguments, given=given, **environment)
        assert code == 0, (arguments, told)
        return told


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("desk"))
    try:
        yield made
    finally:
        made.close()


def deployment(replicas: int) -> str:
    return DEPLOYMENT.replace("REPLICAS", str(replicas))


def test_an_afternoon_beside_the_console(desk: Desk) -> None:
    """rollout, wait, diff, prune, conflicts, edit, ports, cp, debug, top, explain, tokens, drain; and undo by `U`."""
    for each in ("node/n1", "node/n2", "service/web"):
        desk.does("wait", "--for=create", each, "--timeout=25s")
    desk.does("wait", "--for=condition=Ready", "node/n1", "node/n2", "--timeout=25s")
    desk.does("create", "-f", "-", given=deployment(2))
    assert "successfully rolled out" in desk.does("rollout", "status", "deploy/web", "--timeout=25s")
    desk.does("set", "image", "deploy/web", "c=web:2")
    desk.does("rollout", "status", "deploy/web", "--timeout=25s")
    assert desk.does("rollout", "history", "deploy/web").split()[-4:] == ["1", "<none>", "2", "<none>"]
    assert "rolled back" in desk.does("rollout", "undo", "deploy/web")
    assert "paused" in desk.does("rollout", "pause", "deploy/web")
    assert "resumed" in desk.does("rollout", "resume", "deploy/web")
    assert "restarted" in desk.does("rollout", "restart", "deploy/web")
    assert "condition met" in desk.does("wait", "--for=condition=Available", "deploy/web", "--timeout=25s")
    desk.does("rollout", "status", "deploy/web", "--timeout=25s")
    code, told = desk.kubectl("diff", "-f", "-", given=deployment(3))
    assert (code, "+  replicas: 3" in told, "-  replicas: 2" in told) == (1, True, True)

    _apply(desk)
    _edit_and_look(desk)
    _ports(desk)

    assert "node/n1 drained" in desk.does("drain", "n1", "--ignore-daemonsets", "--delete-emptydir-data", "--force")
    assert desk.does("get", "node", "n1", "-o", "jsonpath={.spec.unschedulable}") == "true"
    assert desk.does("get", "pods", "-l", "app=web", "--field-selector=spec.nodeName=n1", "-o", "name") == ""
    desk.press(b"U", rb"Undo: kubectl drain")
    desk.press(b"\r", rb"Undone|undone|Undid|undid")
    command = ("get", "node", "n1", "-o", "jsonpath={.spec.unschedulable}")
    _until(lambda: desk.does(*command) == "", "the drain is undone")


def _apply(desk: Desk) -> None:
    pair = "".join(
        f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{set: x}}}}\ndata: {{a: b}}\n"
        for name in ("one", "two")
    )
    desk.does("apply", "-f", "-", given=pair)
    pruned = desk.does(
        "apply",
        "--prune",
        "-l",
        "set=x",
        "--prune-allowlist=core/v1/ConfigMap",
        "-f",
        "-",
        given=pair.rpartition("---")[0],
    )
    assert "configmap/two pruned" in pruned
    server = ("apply", "--server-side", "-f", "-")
    one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ours}\ndata: {a: VALUE}\n"
    desk.does(*server, "--field-manager=first", given=one.replace("VALUE", '"1"'))
    code, told = desk.kubectl(*server, "--field-manager=second", given=one.replace("VALUE", '"2"'))
    assert (code, 'conflict with "first": .data.a' in told) == (1, True), told
    desk.does(*server, "--field-manager=second", "--force-conflicts", given=one.replace("VALUE", '"2"'))
    service = FOLDER.split("---\n")[3].replace("port: 80", "port: 81")
    code, told = desk.kubectl(*server, "--field-manager=third", given=service.replace("app: web", "app: other"))
    assert (code, 'conflict with "kubarium-folder" using v1: .spec.selector' in told) == (1, True), told
    assert desk.does("get", "cm", "ours", "-o", "jsonpath={.data.a}") == "2"


def _edit_and_look(desk: Desk) -> None:
    script = desk.folder / "edit.sh"
    script.write_text('#!/bin/sh\nsed -i "s/replicas: 2/replicas: 4/" "$1"\n')
    script.chmod(0o755)
    assert "deployment.apps/web edited" in desk.does("edit", "deploy/web", KUBE_EDITOR=str(script))
    assert desk.does("get", "deploy/web", "-o", "jsonpath={.spec.replicas}") == "4"
    desk.does("rollout", "status", "deploy/web", "--timeout=25s")
    pod = desk.does("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    code, told = desk.kubectl("cp", f"{pod}:/etc/hosts", os.devnull)
    assert (code, "there is no file system behind it" in told) == (1, True)
    assert "debugger-" in desk.does("debug", pod, "--image=busybox:1", "--target=c", "--", "sleep", "1")
    _until(lambda: pod in desk.kubectl("top", "pod", pod)[1].splitlines()[-1].split(), "the first metrics of a new pod")
    assert "n1" in desk.does("top", "node")
    assert "restartPolicy" in desk.does("explain", "pod.spec")
    assert desk.does("create", "token", "default").count(".") == 2


def _until(holds: Callable[[], object], what: str) -> None:
    end = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def _ports(desk: Desk) -> None:
    forward = desk.begin("port-forward", "svc/web", ":80")
    try:
        assert forward.stdout is not None
        line = forward.stdout.readline()
        port = line.split("127.0.0.1:")[1].split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/hi", timeout=WAIT) as answer:
            told: Any = answer.read()
        assert told == b"hello"
    finally:
        forward.terminate()
        forward.communicate(timeout=WAIT)
