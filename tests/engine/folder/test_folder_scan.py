"""Which files count, and what changed since the last look."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.folder import scan as module
from engine.folder.scan import News, Scanner


@pytest.fixture(autouse=True)
def _trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of these tests are never too young to be trusted."""
    monkeypatch.setattr(module, "_SETTLED", -(10**18))


def put(root: Path, path: str, data: bytes = b"a: 1\n") -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


def test_manifests_and_nothing_else(tmp_path: Path) -> None:
    """YAML and JSON at any depth count; backups, lock files, swap files and hidden things do not."""
    for path in ("b.yaml", "a.yml", "deep/er/c.json"):
        put(tmp_path, path)
    for path in (".x.yaml", ".git/y.yaml", "b.yaml~", "b.yaml.swp", ".b.yaml.swp", "4913", "#b.yaml#", ".#b.yaml",
                 "#c.yaml", "README.md", "b.yaml.bak"):  # fmt: skip
        put(tmp_path, path)
    os.symlink("user@host.123", tmp_path / ".#lock.yaml")
    scanner = Scanner(str(tmp_path))
    assert [news.path for news in scanner.scan()] == ["a.yml", "b.yaml", "deep/er/c.json"]
    assert scanner.scan() == []


def test_changes(tmp_path: Path) -> None:
    """New contents, the same contents written anew, shrinking and going are told apart."""
    put(tmp_path, "a.yaml", b"a: 12\n")
    put(tmp_path, "b.yaml", b"b: 1\n")
    scanner = Scanner(str(tmp_path))
    scanner.scan()
    put(tmp_path, "a.yaml", b"a: 123\n")
    assert scanner.scan() == [News("a.yaml", b"a: 123\n")]
    os.utime(tmp_path / "b.yaml", ns=(1, 1))
    assert scanner.scan() == [News("b.yaml")]
    put(tmp_path, "a.yaml", b"a\n")
    (tmp_path / "b.yaml").unlink()
    assert scanner.scan() == [News("a.yaml", b"a\n", shrank=True), News("b.yaml", gone=True, shrank=True)]


def test_a_young_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two writes of equal size within one tick of the file system's clock are both seen."""
    monkeypatch.setattr(module, "_SETTLED", 10**18)
    put(tmp_path, "a.yaml", b"a: 1\n")
    status = (tmp_path / "a.yaml").stat()
    scanner = Scanner(str(tmp_path))
    scanner.scan()
    assert scanner.scan() == []
    put(tmp_path, "a.yaml", b"a: 2\n")
    os.utime(tmp_path / "a.yaml", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert scanner.scan() == [News("a.yaml", b"a: 2\n")]


def test_kustomizations_are_named_and_skipped(tmp_path: Path) -> None:
    """kustomization.yaml is told, not read."""
    put(tmp_path, "x/kustomization.yaml")
    (news,) = Scanner(str(tmp_path)).scan()
    assert news.data is None
    assert "kustomize" in news.note


def test_links_inside_are_followed_once(tmp_path: Path) -> None:
    """A ConfigMap-like directory with links is read, a second name of a file is not, and cycles end."""
    put(tmp_path, "..2026_01/app.yaml", b"one: 1\n")
    os.symlink("..2026_01", tmp_path / "..data")
    os.symlink("..data/app.yaml", tmp_path / "app.yaml")
    put(tmp_path, "real/x.yaml")
    os.symlink("real/x.yaml", tmp_path / "again.yaml")
    os.symlink("real", tmp_path / "alias")
    os.symlink("..", tmp_path / "real/up")
    os.symlink("loop.yaml", tmp_path / "loop.yaml")
    scanner = Scanner(str(tmp_path))
    assert [(n.path, n.data, n.fault) for n in scanner.scan() if not n.path.startswith("loop")] == [
        ("app.yaml", b"one: 1\n", ""), ("real/x.yaml", b"a: 1\n", ""),
    ]  # fmt: skip
    put(tmp_path, "..2026_02/app.yaml", b"two: 2\n")
    os.unlink(tmp_path / "..data")
    os.symlink("..2026_02", tmp_path / "..data")
    assert [(n.path, n.data) for n in scanner.scan()] == [("app.yaml", b"two: 2\n")]


def test_links_that_leave_are_refused(tmp_path: Path) -> None:
    """A link to a file or directory outside of the folder is named with its target, and not read."""
    put(tmp_path, "secret/s.yaml", b"password: x\n")
    root = tmp_path / "folder"
    root.mkdir()
    os.symlink(tmp_path / "secret/s.yaml", root / "s.yaml")
    os.symlink("../secret", root / "d")
    os.symlink("/etc/hostname", root / "unrelated")
    news = Scanner(str(root)).scan()
    assert [(n.path, n.data) for n in news] == [("d", None), ("s.yaml", None)]
    assert all("leads out of the folder" in n.fault for n in news)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """A pipe named like a manifest is refused and does not block."""
    os.mkfifo(tmp_path / "p.yaml")
    (news,) = Scanner(str(tmp_path)).scan()
    assert news.fault == "cannot be read: not a regular file"


def test_unreadable_things_keep_what_they_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that cannot be listed is told; its files do not count as gone, and come back without news."""
    put(tmp_path, "d/x.yaml")
    scanner = Scanner(str(tmp_path))
    scanner.scan()
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("/d"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert scanner.scan() == [News("d", fault="the directory cannot be listed: Permission denied")]
    assert scanner.scan() == []
    monkeypatch.setattr(os, "scandir", real)
    assert scanner.scan() == [News("d", gone=True, shrank=True)]


def test_too_large_files_are_refused(tmp_path: Path) -> None:
    """A file beyond the limit is told with its size and not read."""
    put(tmp_path, "big.yaml")
    os.truncate(tmp_path / "big.yaml", module.MAX_BYTES + 1)
    (news,) = Scanner(str(tmp_path)).scan()
    assert news.fault.startswith("too large")


def test_a_missing_root_changes_nothing(tmp_path: Path) -> None:
    """While the root is away there is no news, and nothing counts as gone."""
    put(tmp_path, "f/x.yaml")
    scanner = Scanner(str(tmp_path / "f"))
    scanner.scan()
    os.rename(tmp_path / "f", tmp_path / "elsewhere")
    assert scanner.missing()
    assert scanner.scan() == []
    os.rename(tmp_path / "elsewhere", tmp_path / "f")
    assert scanner.scan() == []
