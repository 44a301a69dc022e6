"""kubectl's way to a cluster: ports, where the kubeconfig lies, `kubarium kubectl`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tui.cli import default_store, main
from tui.serving import kubeconfig_of


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of our own, and a kubectl that says how it was called."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s " "$@" > "$CALLED"\nexit 3\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLED", str(tmp_path / "called"))
    (tmp_path / "state" / "kubarium").mkdir(parents=True)
    return tmp_path


def test_kubectl_is_run_on_the_cluster_that_was_served_last(state: Path) -> None:
    """Arguments and exit status pass through."""
    for name, age in (("old", 100), ("new", 0)):
        path = state / "state" / "kubarium" / f"{name}.kubeconfig"
        path.touch()
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    assert main(["kubectl", "get", "pods", "-A"]) == 3
    assert (state / "called").read_text() == f"--kubeconfig {state}/state/kubarium/new.kubeconfig get pods -A "


def test_kubectl_is_run_on_the_cluster_of_a_folder(state: Path) -> None:
    """--in DIR means that folder's cluster, kept or in memory."""
    kubeconfig_of(default_store(state, kept=False)).touch()
    (state / "state" / "kubarium" / "other.kubeconfig").touch()
    assert main(["kubectl", "--in", str(state), "version"]) == 3
    assert "-memory.kubeconfig version" in (state / "called").read_text()


def test_without_a_cluster_kubectl_is_not_run(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what to start."""
    assert main(["kubectl", "get", "pods"]) == 1
    assert "no cluster was served yet" in capsys.readouterr().err
    assert not (state / "called").exists()


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """0 to 65535, or none."""
    with pytest.raises(SystemExit):
        main(["serve", f"--port={port}"])
    assert "is no port" in capsys.readouterr().err
