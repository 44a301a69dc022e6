"""Texts of manifests being edited: what is on disk, what was typed, and whether the two have drifted apart.

A buffer outlives the screen that shows it, so leaving never loses a text. Saving replaces the file in one step (a
half-written file is never seen), through a symlink to its target, and refuses to overwrite what changed on disk
meanwhile unless told to.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LARGEST: Final = 2_000_000
"""Bytes of the largest file that the editor opens; the folder itself reads larger ones."""


class ManifestError(Exception):
    """A file cannot be opened or saved; the text is for a person."""


class ChangedOnDisk(ManifestError):
    """Somebody else wrote the file since it was read."""


@dataclass(slots=True)
class Buffer:
    """One file being edited."""

    path: str
    """Relative to the folder."""
    text: str
    saved: str
    """The text as it was read or last saved."""
    newline: str = "\n"
    """Line ending of the file; the text in here always has `\\n`."""
    row: int = 0
    """Line where the cursor stood, from 0."""

    @property
    def unsaved(self) -> bool:
        return self.text != self.saved


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
        text, newline = self._read(path)
        row = buffer.row if buffer is not None else 0
        buffer = self._buffers[path] = Buffer(path, text, text, newline, row)
        return buffer

    def reload(self, path: str) -> Buffer:
        """Forget what was typed and read the file again. Raises ManifestError."""
        self._buffers.pop(path, None)
        return self.open(path)

    def unsaved(self) -> list[str]:
        """Paths with text that is not on disk."""
        return [path for path, buffer in self._buffers.items() if buffer.unsaved]

    def is_unsaved(self, path: str) -> bool:
        buffer = self._buffers.get(path)
        return buffer is not None and buffer.unsaved

    def create(self, path: str, text: str) -> Buffer:
        """A new file that is only in the buffer until it is saved. Raises ManifestError when there is one already."""
        if not path.endswith((".yaml", ".yml")):
            path += ".yaml"
        target = self._inside(path)
        if target.exists() or path in self._buffers:
            raise ManifestError(f"{path} is there already")
        buffer = self._buffers[path] = Buffer(path, text, "")
        return buffer

    def save(self, buffer: Buffer, *, overwrite: bool = False) -> None:
        """Write to disk in one step. Raises ChangedOnDisk or ManifestError; then nothing was written."""
        target = self._inside(buffer.path)
        if not overwrite and target.exists() and self._read(buffer.path)[0] != buffer.saved:
            raise ChangedOnDisk(f"{buffer.path} was changed by another program since you opened it")
        body = buffer.text.replace("\n", buffer.newline).encode()
        real = target.resolve()
        temporary = ""
        try:
            real.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".", suffix="~", dir=real.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
            mode = real.stat().st_mode & 0o777 if real.exists() else 0o644
            os.chmod(temporary, mode)
            os.replace(temporary, real)
        except OSError as error:
            if temporary and os.path.exists(temporary):
                os.unlink(temporary)
            raise ManifestError(f"{buffer.path}: {error.strerror}; your text is still here") from error
        buffer.saved = buffer.text

    def _inside(self, path: str) -> Path:
        target = self.folder / path
        if not target.resolve().is_relative_to(self.folder.resolve()):
            raise ManifestError(f"{path} is outside of the folder")
        return target

    def _read(self, path: str) -> tuple[str, str]:
        target = self._inside(path)
        try:
            if target.stat().st_size > LARGEST:
                raise ManifestError(f"{path} is larger than {LARGEST // 1_000_000} MB: edit it elsewhere")
            body = target.read_bytes()
        except OSError as error:
            raise ManifestError(f"{path}: {error.strerror}") from error
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ManifestError(f"{path}: byte {error.start} is no UTF-8") from error
        newline = "\r\n" if "\r\n" in text else "\n"
        return text.replace("\r\n", "\n"), newline
