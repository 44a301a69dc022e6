"""kubectl's way to a cluster: ports, where the kubeconfig lies, `kubarium kubectl`."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui.cli import default_store, main
from tui.serving import add_arguments, kubeconfig_of, wire_options


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


@pytest.fixture
def port() -> Iterator[int]:
    """Somebody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def kubeconfig(path: Path, port: int, age: int = 0) -> None:
    path.write_text(f"clusters:\n- cluster:\n    server: https://127.0.0.1:{port}\n")
    os.utime(path, (1_000_000 - age, 1_000_000 - age))


def test_kubectl_is_run_on_the_cluster_that_was_opened_last(state: Path, port: int) -> None:
    """Arguments and exit status pass through; what a closed cluster left behind does not count."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        closed = int(listening.getsockname()[1])
    for name, where, age in (("old", port, 100), ("new", port, 50), ("closed", closed, 0)):
        kubeconfig(state / "state" / "kubarium" / f"{name}.kubeconfig", where, age)
    assert main(["kubectl", "get", "pods", "-A"]) == 3
    assert (state / "called").read_text() == f"--kubeconfig {state}/state/kubarium/new.kubeconfig get pods -A "


def test_kubectl_is_run_on_the_cluster_of_a_folder(state: Path, port: int) -> None:
    """--in DIR means that folder's cluster, kept or in memory."""
    kubeconfig(kubeconfig_of(default_store(state, kept=False)), port, 100)
    kubeconfig(state / "state" / "kubarium" / "other.kubeconfig", port)
    assert main(["kubectl", "--in", str(state), "version"]) == 3
    assert "-memory.kubeconfig version" in (state / "called").read_text()


def test_without_a_cluster_kubectl_is_not_run(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what to start."""
    assert main(["kubectl", "get", "pods"]) == 1
    assert "no cluster is open: start `kubarium DIR`" in capsys.readouterr().err
    assert not (state / "called").exists()


def test_a_kubeconfig_elsewhere_does_not_hide_the_cluster() -> None:
    """With --kubeconfig or --store FILE it is also written where commands of ours look; else once."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    known = Path("state/town-1.db")

    def written(words: list[str], base: Path = known) -> tuple[str, str | None]:
        wire = wire_options(parser.parse_args(words), base, known)
        assert wire is not None
        return wire.kubeconfig, wire.also

    assert written([]) == ("state/town-1.kubeconfig", None)
    assert written(["--kubeconfig", "there"]) == ("there", "state/town-1.kubeconfig")
    assert written([], Path("here.db")) == ("here.kubeconfig", "state/town-1.kubeconfig")


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """0 to 65535, or none."""
    with pytest.raises(SystemExit):
        main(["serve", f"--port={port}"])
    assert "is no port" in capsys.readouterr().err
