"""The watching thread, end to end: real files, real events, waits on conditions."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from watchfiles._rust_notify import RustNotify

from engine.api.kinds import CONFIGMAPS
from engine.client import FolderFile
from engine.clock import Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.folder import watch
from store.store import Store

_PATIENCE = 20.0


def configmap(name: str, value: str = "v") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n"


class Live:
    """A running cluster that follows a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._changed = threading.Condition()
        self._files: tuple[FolderFile, ...] = ()
        clock = Clock(parse_time("2026-01-01T00:00:00Z"), 1.0)
        self.cluster = Cluster(Store(), clock, ClusterOptions(controllers=[], folder=str(root)))
        self.cluster.start()
        assert self.cluster.folder is not None
        self.cluster.folder.subscribe(self._receive)
        self._thread = threading.Thread(target=self.cluster.loop.run)
        self._thread.start()

    def close(self) -> None:
        self.cluster.stop()
        self.cluster.loop.stop()
        self._thread.join()

    def _receive(self, files: Sequence[FolderFile]) -> None:
        with self._changed:
            self._files = tuple(files)
            self._changed.notify_all()

    def until(self, holds: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """Wait for the files' states to be such; returns them."""
        with self._changed:
            states: dict[str, str] = {}

            def now() -> bool:
                nonlocal states
                states = {file.path: file.state for file in self._files}
                return holds(states)

            assert self._changed.wait_for(now, _PATIENCE), self._files
            return states

    def values(self) -> dict[str, str]:
        """ConfigMap → value, as the engine thread sees it."""

        def read() -> dict[str, str]:
            return {env.name: env.obj["data"]["key"] for env in self.cluster.store.list(CONFIGMAPS, "default")}

        return self.cluster.loop.submit(read).result(_PATIENCE)

    def uids(self) -> dict[str, str]:
        def read() -> dict[str, str]:
            return {env.name: env.uid for env in self.cluster.store.list(CONFIGMAPS, "default")}

        return self.cluster.loop.submit(read).result(_PATIENCE)

    def until_values(self, wanted: dict[str, str]) -> None:
        """Wait for the ConfigMaps to be these."""
        done = threading.Event()

        def look() -> None:
            if {env.name: env.obj["data"]["key"] for env in self.cluster.store.list(CONFIGMAPS, "default")} == wanted:
                done.set()

        self.cluster.store.listen(lambda event: look())
        self.cluster.loop.submit(look)
        assert done.wait(_PATIENCE), self.values()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    root = tmp_path / "folder"
    root.mkdir()
    (root / "first.yaml").write_text(configmap("first"))
    world = Live(root)
    try:
        world.until(lambda states: states == {"first.yaml": "applied"})
        yield world
    finally:
        world.close()


def test_saves_of_all_kinds_of_editors(live: Live) -> None:
    """Writing in place, renaming over, and vim's move-away-and-write are one change each; the object lives on."""
    uid = live.uids()["first"]
    file = live.root / "first.yaml"
    file.write_text(configmap("first", "in-place"))
    live.until_values({"first": "in-place"})
    (live.root / ".first.yaml.tmp").write_text(configmap("first", "renamed-over"))
    os.replace(live.root / ".first.yaml.tmp", file)
    live.until_values({"first": "renamed-over"})
    (live.root / "4913").touch()
    (live.root / "4913").unlink()
    os.replace(file, live.root / "first.yaml~")
    file.write_text(configmap("first", "vim"))
    live.until_values({"first": "vim"})
    os.symlink("user@host.1", live.root / ".#first.yaml")
    file.write_text(configmap("first", "emacs"))
    (live.root / ".#first.yaml").unlink()
    live.until_values({"first": "emacs"})
    assert live.uids() == {"first": uid}


def test_new_directories_and_deletion(live: Live) -> None:
    """A file in a directory made a moment ago is found, so is its change, and its going."""
    deep = live.root / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (deep / "x.yaml").write_text(configmap("x", "one"))
    live.until_values({"first": "v", "x": "one"})
    (deep / "x.yaml").write_text(configmap("x", "two"))
    live.until_values({"first": "v", "x": "two"})
    shutil.rmtree(live.root / "a")
    live.until_values({"first": "v"})


def test_the_folder_goes_and_comes_back(live: Live) -> None:
    """While the folder is away nothing is pruned; back with other contents it is followed as before."""
    os.rename(live.root, live.root.parent / "away")
    live.until(lambda states: states.get(".") == "error")
    assert live.values() == {"first": "v"}
    os.rename(live.root.parent / "away", live.root)
    live.until(lambda states: "." not in states)
    (live.root / "first.yaml").write_text(configmap("first", "back"))
    live.until_values({"first": "back"})
    (live.root / "second.yaml").write_text(configmap("second", "new"))
    live.until_values({"first": "back", "second": "new"})


def test_polling_when_there_are_no_notifications(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no notifications left, the tree is polled."""

    def refusing(*arguments: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(watch, "RustNotify", refusing)
    (tmp_path / "a.yaml").write_text(configmap("a", "one"))
    live = Live(tmp_path)
    try:
        live.until_values({"a": "one"})
        (tmp_path / "a.yaml").write_text(configmap("a", "two"))
        live.until_values({"a": "two"})
    finally:
        live.close()


def test_what_the_watcher_takes_from_watchfiles(tmp_path: Path) -> None:
    """The one private class we use: it watches from its making on, and its `watch` ends by a stop event."""
    with RustNotify([str(tmp_path)], False, False, 0, True, True) as notify:
        (tmp_path / "x").touch()
        assert isinstance(notify.watch(50, 10, 5000, None), set)
        stop = threading.Event()
        stop.set()
        assert notify.watch(50, 10, 5000, stop) == "stop"
