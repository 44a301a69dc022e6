"""Texts being edited are never lost, and files are never half written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
    assert real.read_bytes() == b"\xef\xbb\xbfa: 1\r\nb: 3\r\n"
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


# -- what other programs do ------------------------------------------------------------------------------------------


def test_what_others_write_is_taken_merged_or_told(tmp_path: Path) -> None:
    """Nothing typed: read again. Other lines: merged. The same lines: a conflict, and nothing is touched."""
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\nb: 2\nc: 3\n")
    buffers = Buffers(str(tmp_path))
    buffer = buffers.open("a.yaml")
    assert buffers.look(buffer) == "same"
    file.write_text("a: 1\nb: 2\nc: 30\n")
    assert buffers.look(buffer) == "taken"
    assert (buffer.text, buffer.unsaved) == ("a: 1\nb: 2\nc: 30\n", False)
    buffer.text = "a: ours\nb: 2\nc: 30\n"
    file.write_text("a: 1\nb: 2\nc: theirs\n")
    assert buffers.look(buffer) == "merged"
    assert buffer.text == "a: ours\nb: 2\nc: theirs\n"
    assert buffer.unsaved
    file.write_text("a: other\nb: 2\nc: theirs\n")
    assert buffers.look(buffer) == "conflict"
    assert buffer.text == "a: ours\nb: 2\nc: theirs\n"
    assert buffers.look(buffer) == "same", "nobody is asked twice about the same change"
    with pytest.raises(ChangedOnDisk):
        buffers.save(buffer)
    buffers.take_theirs(buffer, marks=True)
    assert buffer.text == "<<<<<<< yours\na: ours\n=======\na: other\n>>>>>>> on disk\nb: 2\nc: theirs\n"


def test_a_conflict_may_end_with_either_text(tmp_path: Path) -> None:
    """Theirs comes from the disk, ours may be saved over it without a second question."""
    file = tmp_path / "a.yaml"
    for choice in ("theirs", "ours"):
        file.write_text("a: 1\n")
        buffers = Buffers(str(tmp_path))
        buffer = buffers.open("a.yaml")
        buffer.text = "a: ours\n"
        file.write_text("a: theirs\n")
        assert buffers.look(buffer) == "conflict"
        if choice == "ours":
            buffers.keep_ours(buffer)
        else:
            buffers.take_theirs(buffer, marks=False)
        buffers.save(buffer)
        assert file.read_text() == f"a: {choice}\n"


def test_a_file_that_is_removed_leaves_its_text(tmp_path: Path) -> None:
    """It counts as unsaved; saving asks first, and comes back with the file if that does."""
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    buffers = Buffers(str(tmp_path))
    buffer = buffers.open("a.yaml")
    file.unlink()
    assert buffers.look(buffer) == "gone"
    assert buffers.look(buffer) == "same"
    assert buffers.unsaved() == ["a.yaml"]
    with pytest.raises(ChangedOnDisk, match="removed"):
        buffers.save(buffer)
    buffers.save(buffer, overwrite=True)
    assert file.read_text() == "a: 1\n"
    assert not buffer.unsaved


def test_a_file_that_is_renamed_takes_its_text_along(tmp_path: Path) -> None:
    """What was typed stands under the new name, and is saved there; names that are no manifests are not followed."""
    (tmp_path / "a.yaml").write_text("a: 1\n")
    (tmp_path / "other.yaml").write_text("a: 1\n")
    buffers = Buffers(str(tmp_path))
    buffer = buffers.open("a.yaml")
    buffer.text = "a: 2\n"
    (tmp_path / "shop").mkdir()
    (tmp_path / "a.yaml").rename(tmp_path / "shop" / "b.yaml")
    assert buffers.look(buffer) == "moved"
    assert buffers.look(buffer) == "same"
    assert buffers.unsaved() == ["shop/b.yaml"]
    assert buffers.open("shop/b.yaml") is buffer
    buffers.save(buffer)
    assert (tmp_path / "shop" / "b.yaml").read_text() == "a: 2\n"
    assert not (tmp_path / "a.yaml").exists()
    (tmp_path / "shop" / "b.yaml").rename(tmp_path / "shop" / "b.yaml~")
    assert buffers.look(buffer) == "gone"


def test_a_new_file_does_not_overwrite_one_that_came_meanwhile(tmp_path: Path) -> None:
    """Made by somebody else between naming and saving: asked about."""
    buffers = Buffers(str(tmp_path))
    buffer = buffers.create("a.yaml", "a: ours\n")
    (tmp_path / "a.yaml").write_text("a: theirs\n")
    assert buffers.look(buffer) == "conflict"
    with pytest.raises(ChangedOnDisk, match="made"):
        buffers.save(buffer)
    assert (tmp_path / "a.yaml").read_text() == "a: theirs\n"


# -- unusual files -----------------------------------------------------------------------------------------------------


def test_a_read_only_file_is_not_written(tmp_path: Path) -> None:
    """Replacing it would be possible in a folder that one may write; it is refused all the same."""
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    file.chmod(0o444)
    buffers = Buffers(str(tmp_path))
    buffer = buffers.open("a.yaml")
    buffer.text = "a: 2\n"
    with pytest.raises(ManifestError, match="read-only"):
        buffers.save(buffer)
    assert (file.read_text(), buffer.text) == ("a: 1\n", "a: 2\n")
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_characters_that_the_editor_would_break_lines_at_lock_the_text(tmp_path: Path) -> None:
    """It is shown with the reason, and read and written as it is."""
    (tmp_path / "a.yaml").write_bytes("a: one\u2028two\n".encode())
    buffers = Buffers(str(tmp_path))
    assert "U+2028" in buffers.open("a.yaml").locked
    (tmp_path / "b.yaml").write_text("a: 1\n\tb: 2")
    assert buffers.open("b.yaml").locked == ""


def test_bytes_that_are_no_text_are_named_by_line(tmp_path: Path) -> None:
    """They are not opened, so they cannot be lost."""
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\nb: \xff\n")
    with pytest.raises(ManifestError, match=r"byte 11 \(line 2\) is no UTF-8"):
        Buffers(str(tmp_path)).open("a.yaml")


ENDS = st.lists(st.tuples(st.text("ab:# \t", max_size=6), st.sampled_from(["\n", "\r\n"])), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ENDS, st.booleans(), st.booleans(), st.data())
def test_only_the_edited_line_changes_on_disk(
    tmp_path: Path, lines: list[tuple[str, str]], bom: bool, last: bool, data: st.DataObject
) -> None:
    """Whatever ends of lines, byte order mark or missing last newline: all other lines stay byte for byte."""
    raw = [(line + end).encode() for line, end in lines]
    if not last:
        raw[-1] = raw[-1].rstrip(b"\r\n") + b"z"
    mark = b"\xef\xbb\xbf" if bom else b""
    file = tmp_path / "a.yaml"
    file.write_bytes(mark + b"".join(raw))
    buffers = Buffers(str(tmp_path))
    buffer = buffers.open("a.yaml")
    row = data.draw(st.integers(0, len(lines) - 1))
    text = buffer.text.split("\n")
    text[row] += "NEW"
    buffer.text = "\n".join(text)
    buffers.save(buffer)
    written = file.read_bytes()
    assert written.startswith(mark)
    after = written.removeprefix(mark).split(b"\n")
    before = b"".join(raw).split(b"\n")
    assert len(after) == len(before)
    assert [line for n, line in enumerate(after) if n != row] == [line for n, line in enumerate(before) if n != row]
    assert after[row].rstrip(b"\r") == before[row].rstrip(b"\r") + b"NEW"
