"""Texts of manifests being edited: what is on disk, what was typed, and whether the two have drifted apart.

A buffer outlives the screen that shows it, so leaving never loses a text. Saving replaces the file in one step (a
half-written file is never seen), through a symlink to its target, and keeps what is not text: byte order mark, ends of
lines, mode and owner. It refuses to overwrite what changed or went on disk meanwhile unless told to, and files that
are marked read-only.

`look` compares a buffer with its file: what somebody else wrote is taken over when nothing was typed, merged by lines
when both changed, and told as a conflict when they changed the same lines.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from tui.line_ends import Layout, dominant, with_line_ends
from tui.merge import Merged, merge

LARGEST: Final = 2_000_000
"""Bytes of the largest file that the editor opens; the folder itself reads larger ones."""
MANIFESTS: Final = (".yaml", ".yml", ".json")
"""Ends of names that the folder reads."""
_BOM: Final = b"\xef\xbb\xbf"
_FOREIGN: Final = {
    "\r": "a carriage return within a line", "\x0b": "a vertical tab", "\x0c": "a form feed", "\x1c": "U+001C",
    "\x1d": "U+001D", "\x1e": "U+001E", "\x85": "U+0085", "\u2028": "U+2028", "\u2029": "U+2029",
}  # fmt: skip
"""Characters at which the editor would break lines although YAML or the file does not."""

Look = Literal["same", "taken", "merged", "conflict", "gone", "moved", "unreadable"]


class ManifestError(Exception):
    """A file cannot be opened or saved; the text is for a person."""


class ChangedOnDisk(ManifestError):
    """Somebody else wrote or removed the file since it was read."""


@dataclass(slots=True)
class Buffer:
    """One file being edited."""

    path: str
    """Relative to the folder."""
    text: str
    saved: str
    """The text as it was read or last saved."""
    layout: Layout = field(default_factory=Layout)
    row: int = 0
    """Line where the cursor stood, from 0."""
    gone: bool = False
    """The file was removed by somebody else; the text is only here."""
    on_disk: bool = True
    """There was a file when it was read or saved."""
    stamp: tuple[int, int, int] | None = None
    """Inode, size and time of the file when it was looked at last."""

    @property
    def unsaved(self) -> bool:
        return self.text != self.saved or self.gone

    @property
    def locked(self) -> str:
        """Why the editor cannot hold the text as it is, so that it is only shown; "" when it can."""
        found = next((what for char, what in _FOREIGN.items() if char in self.text), "")
        return f"{self.path} holds {found}: it is shown, not edited here; $EDITOR can" if found else ""


class Buffers:
    """All buffers of one folder, by path."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self._buffers: dict[str, Buffer] = {}

    def open(self, path: str) -> Buffer:
        """The buffer of a file, read from disk unless it has unsaved changes. Raises ManifestError."""
        buffer = self._buffers.get(path)
        if buffer is not None and buffer.unsaved:
            return buffer
        text, layout = self._read(path)
        row = buffer.row if buffer is not None else 0
        buffer = self._buffers[path] = Buffer(path, text, text, layout, row, stamp=self._stamp(path))
        return buffer

    def reload(self, path: str) -> Buffer:
        """Forget what was typed and read the file again. Raises ManifestError, and then nothing is forgotten."""
        kept = self._buffers.pop(path, None)
        try:
            return self.open(path)
        except ManifestError:
            if kept is not None:
                self._buffers[path] = kept
            raise

    def unsaved(self) -> list[str]:
        """Paths with text that is not on disk."""
        return [path for path, buffer in self._buffers.items() if buffer.unsaved]

    def is_unsaved(self, path: str) -> bool:
        buffer = self._buffers.get(path)
        return buffer is not None and buffer.unsaved

    def get(self, path: str) -> Buffer | None:
        """The buffer of a file that was opened before."""
        return self._buffers.get(path)

    def text_of(self, path: str) -> str:
        """The text of a file as it is being edited, else as it is on disk; "" when it cannot be read."""
        buffer = self._buffers.get(path)
        if buffer is not None and buffer.unsaved:
            return buffer.text
        try:
            return self._read(path)[0]
        except ManifestError:
            return ""

    def create(self, path: str, text: str) -> Buffer:
        """A new file that is only in the buffer until it is saved. Raises ManifestError when there is one already."""
        if not path.endswith((".yaml", ".yml")):
            path += ".yaml"
        target = self._inside(path)
        if target.exists() or path in self._buffers:
            raise ManifestError(f"{path} is there already")
        buffer = self._buffers[path] = Buffer(path, text, "", on_disk=False)
        return buffer

    # -- what others do to the file ----------------------------------------------------------------------------------

    def look(self, buffer: Buffer) -> Look:
        """Compare with the disk and take over what can be taken over. Costs one `stat` when nothing happened."""
        stamp = self._stamp(buffer.path)
        if stamp is None:
            if not buffer.on_disk or buffer.gone:
                return "same"
            if self._follow(buffer):
                return "moved"
            buffer.gone, buffer.stamp = True, None
            return "gone"
        if stamp == buffer.stamp:
            return "same"
        try:
            theirs, layout = self._read(buffer.path)
        except ManifestError:
            return "unreadable"
        came_back, buffer.gone, buffer.stamp = buffer.gone, False, stamp
        if theirs == buffer.saved:
            buffer.on_disk = True
            return "taken" if came_back else "same"
        if not buffer.unsaved or theirs == buffer.text:
            changed = theirs != buffer.text
            buffer.text = buffer.saved = theirs
            buffer.layout, buffer.on_disk = layout, True
            return "taken" if changed else "same"
        merged = merge(buffer.saved, buffer.text, theirs)
        if merged.conflicts or not buffer.on_disk:
            return "conflict"
        self._take(buffer, merged, theirs, layout)
        return "merged"

    def _follow(self, buffer: Buffer) -> bool:
        """A file that is called otherwise now keeps its inode: the buffer goes along. False: it is gone."""
        assert buffer.stamp is not None  # it was on disk
        for place in self.folder.rglob("*"):
            path = place.relative_to(self.folder)
            hidden = any(part.startswith(".") for part in path.parts)
            if hidden or not path.name.endswith(MANIFESTS) or str(path) in self._buffers:
                continue
            stamp = self._stamp(str(path))
            if stamp is not None and stamp[0] == buffer.stamp[0]:
                self._buffers.pop(buffer.path, None)
                buffer.path, buffer.stamp = path.as_posix(), stamp
                self._buffers[buffer.path] = buffer
                return True
        return False

    def take_theirs(self, buffer: Buffer, *, marks: bool) -> None:
        """After a conflict: what is on disk, or (`marks`) both versions where they differ. Raises ManifestError."""
        theirs, layout = self._read(buffer.path)
        merged = merge(buffer.saved, buffer.text, theirs) if marks else Merged(theirs, 0)
        self._take(buffer, merged, theirs, layout)

    def keep_ours(self, buffer: Buffer) -> None:
        """After a conflict: what is on disk may be overwritten by the next save. Raises ManifestError."""
        buffer.saved, buffer.layout = self._read(buffer.path)
        buffer.on_disk, buffer.stamp = True, self._stamp(buffer.path)

    def _take(self, buffer: Buffer, merged: Merged, theirs: str, layout: Layout) -> None:
        buffer.text, buffer.saved, buffer.layout = merged.text, theirs, layout
        buffer.on_disk, buffer.stamp = True, self._stamp(buffer.path)

    def _stamp(self, path: str) -> tuple[int, int, int] | None:
        try:
            status = (self.folder / path).stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    # -- saving ------------------------------------------------------------------------------------------------------

    def save(self, buffer: Buffer, *, overwrite: bool = False) -> None:
        """Write to disk in one step. Raises ChangedOnDisk or ManifestError; then nothing was written."""
        target = self._inside(buffer.path)
        if not overwrite:
            self._check(buffer, target)
        real = target.resolve()
        body = with_line_ends(buffer.text, buffer.layout).encode()
        temporary = ""
        try:
            before = real.stat() if real.exists() else None
            if before is not None and not before.st_mode & 0o222:
                raise ManifestError(f"{buffer.path} is read-only (chmod u+w lets it be saved); your text is still here")
            if before is not None and not stat.S_ISREG(before.st_mode):
                raise ManifestError(f"{buffer.path} is no regular file")
            real.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".", suffix="~", dir=real.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write((_BOM if buffer.layout.bom else b"") + body)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, before.st_mode & 0o777 if before is not None else 0o644)
            if before is not None:
                with suppress(OSError):  # another's file in our folder: the text matters more than its owner
                    os.chown(temporary, before.st_uid, before.st_gid)
            os.replace(temporary, real)
        except OSError as error:
            if temporary and os.path.exists(temporary):
                os.unlink(temporary)
            raise ManifestError(f"{buffer.path}: {error.strerror}; your text is still here") from error
        buffer.saved = buffer.text
        buffer.gone, buffer.on_disk = False, True
        buffer.layout, buffer.stamp = self._read(buffer.path)[1], self._stamp(buffer.path)

    def _check(self, buffer: Buffer, target: Path) -> None:
        if not target.exists():
            if buffer.on_disk:
                raise ChangedOnDisk(f"{buffer.path} was removed by another program since you opened it")
        elif not buffer.on_disk:
            raise ChangedOnDisk(f"{buffer.path} was made by another program meanwhile")
        else:
            try:
                changed = self._read(buffer.path)[0] != buffer.saved
            except ManifestError as error:
                raise ChangedOnDisk(f"{error}, since another program changed it") from error
            if changed:
                raise ChangedOnDisk(f"{buffer.path} was changed by another program since you opened it")

    # -- reading -----------------------------------------------------------------------------------------------------

    def _inside(self, path: str) -> Path:
        target = self.folder / path
        if not target.resolve().is_relative_to(self.folder.resolve()):
            raise ManifestError(f"{path} is outside of the folder")
        return target

    def _read(self, path: str) -> tuple[str, Layout]:
        target = self._inside(path)
        try:
            status = target.stat()
            if not stat.S_ISREG(status.st_mode):
                raise ManifestError(f"{path} is no regular file")
            if status.st_size > LARGEST:
                raise ManifestError(f"{path} is larger than {LARGEST // 1_000_000} MB: edit it elsewhere")
            body = target.read_bytes()
        except OSError as error:
            raise ManifestError(f"{path}: {error.strerror}") from error
        bom = body.startswith(_BOM)
        try:
            text = body.removeprefix(_BOM).decode("utf-8")
        except UnicodeDecodeError as error:
            place = error.start + (len(_BOM) if bom else 0)
            line = body.count(b"\n", 0, place) + 1
            raise ManifestError(
                f"{path}: byte {place} (line {line}) is no UTF-8; it is not opened, so nothing of it is lost"
            ) from error
        return text.replace("\r\n", "\n"), Layout(dominant(text), bom, text if _mixed(text) else "")


def _mixed(text: str) -> bool:
    crlf = text.count("\r\n")
    return 0 < crlf < text.count("\n")
