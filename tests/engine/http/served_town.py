"""A whole cluster on its threads, served on loopback, and kubectl as a child process."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from engine.client import ClusterClient, ConnectOptions, WireOptions, connect, new_intent
from engine.clock import SECOND

WAIT: Final = 30.0
NOTHING: Final[Mapping[str, str]] = {}
KUBECTL: Final = shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl here")
_START: Final = 1_795_424_829_000_000
_WEB: Final = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
                {"name": "app", "image": "web:1", "ports": [{"containerPort": 8080}]},
                {"name": "side", "image": "side:1"},
            ]},
        },
    },
}  # fmt: skip
_OBJECTS: Final[Sequence[tuple[str, str, dict[str, Any]]]] = (
    ("images.kubarium.dev", "", {"metadata": {"name": "web"}, "spec": {
        "image": "web", "cpu": "100m", "memory": {"start": "32Mi"}, "http": [{"path": "/hi", "body": "hello"}],
        "logs": [{"text": "line {n}", "at": "10s", "every": "10s"}],
    }}),
    ("deployments.apps", "default", _WEB),
    ("services", "default", {"metadata": {"name": "web"}, "spec": {
        "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}],
    }}),
    ("pods", "default", {"metadata": {"name": "crashing"}, "spec": {"containers": [
        {"name": "c", "image": "busybox:1", "command": ["sh", "-c", "echo hello; sleep 1; exit 1"]},
    ]}}),
)  # fmt: skip


class ServedTown:
    """A paused cluster: a node, Deployment and Service `web`, a pod `crashing`. Cluster time passes by `play`."""

    def __init__(self, folder: Path) -> None:
        self.kubeconfig, self._home = folder / "kubeconfig", folder / "home"
        wire = WireOptions(str(folder / "certificates"), str(self.kubeconfig))
        self.client: ClusterClient = connect(ConnectOptions(seed=5, speed=0, start=_START, wire=wire))
        self.client.start()
        assert self.client.endpoint is not None
        self.client.endpoint.result(WAIT)
        self.make("nodes", "", {"metadata": {"name": "n1"}})
        self.play(20)
        for resource, namespace, obj in _OBJECTS:
            self.make(resource, namespace, obj)
        self.play(60)

    def close(self) -> None:
        self.client.stop()

    def make(self, resource: str, namespace: str, obj: dict[str, Any]) -> None:
        self.client.create(resource, namespace, obj, intent=new_intent("set up")).result(WAIT)

    def play(self, seconds: float) -> None:
        """Let cluster time pass."""
        self.client.step(round(seconds * SECOND)).result(WAIT)

    # -- kubectl ---------------------------------------------------------------------------------------------------

    def kubectl(
        self, *arguments: str, given: str | None = None, settings: Mapping[str, str] = NOTHING
    ) -> subprocess.CompletedProcess[str]:
        """One command, to its end. `settings`: environment variables."""
        return subprocess.run(
            self._command(arguments), input=given, capture_output=True, text=True, timeout=WAIT,
            env={**self._environment, **settings},
            stdin=None if given is not None else subprocess.DEVNULL, check=False,
        )  # fmt: skip

    def begin(self, *arguments: str, settings: Mapping[str, str] = NOTHING) -> subprocess.Popen[str]:
        """One command that goes on: to be read and terminated."""
        return subprocess.Popen(
            self._command(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            text=True, env={**self._environment, **settings},
        )  # fmt: skip

    def _command(self, arguments: Sequence[str]) -> list[str]:
        assert KUBECTL is not None
        return [KUBECTL, f"--kubeconfig={self.kubeconfig}", *arguments]

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "HOME": str(self._home), "KUBECONFIG": str(self.kubeconfig), "NO_PROXY": "127.0.0.1"}
