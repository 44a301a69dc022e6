"""Texts being edited are never lost, and files are never half written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.buffers import Buffers, ChangedOnDisk, ManifestError


def test_what_was_typed_survives_leaving_and_coming_back(tmp_path: Path) -> None:
    """An unsaved buffer is handed out again; a saved one is read anew."""
    (tmp_path / "a.yaml").write_text("kind: Pod\n")
    buffers = Buffers(str(tmp_path))
    buffers.open("a.yaml").text = "kind: Service\n"
    assert buffers.open("a.yaml").text == "kind: Service\n"
    assert buffers.unsaved() == ["a.yaml"]
    assert buffers.reload("a.yaml").text == "kind: Pod\n"
    (tmp_path / "a.yaml").write_text("kind: Node\n")
    assert buffers.open("a.yaml").text == "kind: Node\n"


def test_saving_keeps_line_ends_mode_and_symlink(tmp_path: Path) -> None:
    """The file stays what it was, but for the text."""
    real = tmp_path / "real.yaml"
    real.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    real.chmod(0o640)
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    buffers = Buffers(str(tmp_path))
    buffer = buffers.open("link.yaml")
    assert buffer.text == "a: 1\nb: 2\n"
    buffer.text = "a: 1\nb: 3\n"
    buffers.save(buffer)
    assert real.read_bytes() == b"a: 1\r\nb: 3\r\n"
    assert (tmp_path / "link.yaml").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_a_change_by_somebody_else_is_not_overwritten_unasked(tmp_path: Path) -> None:
    """The other's text stays until one says so; ours stays in the buffer."""
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    buffers = Buffers(str(tmp_path))
    buffer = buffers.open("a.yaml")
    buffer.text = "a: ours\n"
    file.write_text("a: theirs\n")
    with pytest.raises(ChangedOnDisk, match=r"a\.yaml"):
        buffers.save(buffer)
    assert file.read_text() == "a: theirs\n"
    assert buffer.unsaved
    buffers.save(buffer, overwrite=True)
    assert file.read_text() == "a: ours\n"
    assert not buffer.unsaved


def test_nothing_outside_of_the_folder_is_touched(tmp_path: Path) -> None:
    """Paths and symlinks that lead out are refused."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.yaml").write_text("a: 1\n")
    (inside / "out.yaml").symlink_to(tmp_path / "secret.yaml")
    buffers = Buffers(str(inside))
    for path in ("../secret.yaml", "out.yaml"):
        with pytest.raises(ManifestError, match="outside"):
            buffers.open(path)
    with pytest.raises(ManifestError, match="outside"):
        buffers.create("../new", "")


def test_files_that_cannot_be_edited_say_why(tmp_path: Path) -> None:
    """Missing, binary, existing: each with its own words."""
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe")
    buffers = Buffers(str(tmp_path))
    with pytest.raises(ManifestError, match="No such file"):
        buffers.open("a.yaml")
    with pytest.raises(ManifestError, match="UTF-8"):
        buffers.open("b.yaml")
    with pytest.raises(ManifestError, match="already"):
        buffers.create("b", "")
    new = buffers.create("deep/new", "kind: Pod\n")
    buffers.save(new)
    assert (tmp_path / "deep" / "new.yaml").read_text() == "kind: Pod\n"
