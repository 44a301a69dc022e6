"""Which files of a directory are manifests, and which of them changed since the last look.

`*.yaml`, `*.yml` and `*.json` count, at any depth. Dotfiles and dot-directories, editors' backups and lock files do
not; `kustomization.yaml` is named and skipped. Links are followed while they stay inside the folder; one that leaves it
is refused by name, and a file that can be reached twice is read once. Only regular files are opened.

A scan costs one `stat` a file; contents are read (and hashed) when size, time or identity changed. Nothing is raised:
what cannot be read is reported as the file's fault, and a directory that cannot be listed keeps the files it had.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

SUFFIXES: Final = (".yaml", ".yml", ".json")
KUSTOMIZATIONS: Final = frozenset({"kustomization.yaml", "kustomization.yml"})
MAX_BYTES: Final = 64 * 1024 * 1024
_SETTLED: Final = 100_000_000
"""Nanoseconds: a file younger than this may change again within one tick of its file system's clock."""


class News(NamedTuple):
    """What a scan found out about one file."""

    path: str
    """Relative to the folder, with `/`."""
    data: bytes | None = None
    """New contents; None when there are none (gone, faulty, or written anew with the contents it had)."""
    fault: str = ""
    """Why the file cannot be read; what it declared before still stands."""
    note: str = ""
    """Why the file is not read on purpose."""
    gone: bool = False
    shrank: bool = False
    """Gone, empty or shorter than before: perhaps caught in the middle of an editor's save."""


class _Entry(NamedTuple):
    signature: tuple[int, int, int, int] | None
    """Device, inode, size, mtime; None for what is not read."""
    settled: bool
    """The signature can be trusted. A younger file is read again, it may change within one tick of its clock."""
    digest: bytes
    size: int
    fault: str
    note: str


@dataclass(slots=True)
class _Found:
    """One candidate of a walk."""

    path: str
    real: str
    status: os.stat_result | None
    fault: str = ""
    note: str = ""


@dataclass(slots=True)
class Scanner:
    """Remembers what it saw. One thread at a time."""

    root: str
    _seen: dict[str, _Entry] = field(default_factory=dict)

    def scan(self) -> list[News]:
        """News since the last scan, in path order. A root that is not there changes nothing: see `missing`."""
        if self.missing():
            return []
        news: list[News] = []
        found, unlisted = self._walk()
        for candidate in found:
            item = self._look(candidate)
            if item is not None:
                news.append(item)
        present = {candidate.path for candidate in found}
        for path in [path for path in self._seen if path not in present]:
            if not any(path.startswith(directory) for directory in unlisted):
                del self._seen[path]
                news.append(News(path, gone=True, shrank=True))
        return sorted(news)

    def memory(self) -> dict[str, _Entry]:
        """What was seen so far, to be taken back by `recall`."""
        return dict(self._seen)

    def recall(self, memory: dict[str, _Entry]) -> None:
        """Forget everything seen since `memory`."""
        self._seen = memory

    def missing(self) -> bool:
        return not os.path.isdir(self.root)

    def _look(self, found: _Found) -> News | None:
        before = self._seen.get(found.path)
        if found.status is None or found.fault or found.note:
            entry = _Entry(None, True, b"", 0, found.fault, found.note)
            self._seen[found.path] = entry
            if before is not None and (before.fault, before.note) == (entry.fault, entry.note):
                return None
            return News(found.path, fault=found.fault, note=found.note)
        status = found.status
        signature = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if before is not None and before.signature == signature and before.settled:
            return None
        settled = time.time_ns() - status.st_mtime_ns > _SETTLED
        data, fault = _read(found.real)
        digest = b"" if fault else hashlib.blake2b(data, digest_size=16).digest()
        self._seen[found.path] = _Entry(signature, settled, digest, len(data), fault, "")
        if fault:
            return None if before is not None and before.fault == fault else News(found.path, fault=fault)
        if before is None or before.signature is None or before.fault:
            return News(found.path, data)
        if before.digest != digest:
            return News(found.path, data, shrank=len(data) < before.size)
        # Written anew with what it held is a wish to have it applied again; a second look for caution is not.
        return News(found.path) if before.signature != signature else None

    def _walk(self) -> tuple[list[_Found], list[str]]:
        """Candidates in path order, and directories (with a trailing `/`) that could not be listed."""
        real_root = os.path.realpath(self.root)
        found: list[_Found] = []
        links: list[_Found] = []
        unlisted: list[str] = []
        visited: set[tuple[int, int]] = set()
        pending = [("", real_root)]
        linked_directories: list[tuple[str, str]] = []
        while pending or linked_directories:
            prefix, directory = pending.pop() if pending else linked_directories.pop(0)
            try:
                status = os.stat(directory)
                if (status.st_dev, status.st_ino) in visited:
                    continue  # a cycle, or the same directory under a second name
                visited.add((status.st_dev, status.st_ino))
                with os.scandir(directory) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except FileNotFoundError:
                continue
            except OSError as error:
                unlisted.append(prefix)
                fault = f"the directory cannot be listed: {error.strerror}"
                found.append(_Found(prefix.rstrip("/") or ".", directory, None, fault))
                continue
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = prefix + entry.name
                if entry.is_symlink():
                    link = self._link(path, entry.path, real_root)
                    if link is not None and link.status is not None and stat.S_ISDIR(link.status.st_mode):
                        linked_directories.append((path + "/", link.real))
                    elif link is not None and (link.fault or _counts(entry.name)):
                        links.append(link)
                elif entry.is_dir(follow_symlinks=False):
                    pending.append((path + "/", entry.path))
                elif _counts(entry.name):
                    candidate = _candidate(path, entry.path)
                    if candidate is not None:
                        found.append(candidate)
        return sorted(_once(found, links), key=lambda candidate: candidate.path), unlisted

    def _link(self, path: str, place: str, real_root: str) -> _Found | None:
        real = os.path.realpath(place)
        if real != real_root and not real.startswith(real_root.rstrip("/") + "/"):
            if not _counts(path) and not os.path.isdir(real):
                return None
            return _Found(path, real, None, fault=f"the link leads out of the folder, to {real}: it is not followed")
        return _candidate(path, real)


def _counts(name: str) -> bool:
    return name.endswith(SUFFIXES) and not name.startswith(("#", "."))


def _candidate(path: str, real: str) -> _Found | None:
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "backslashreplace").decode()
        return _Found(shown, real, None, fault="the file's name is not valid UTF-8")
    try:
        status = os.stat(real)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _Found(path, real, None, fault=f"cannot be read: {error.strerror}")
    if os.path.basename(path) in KUSTOMIZATIONS:
        return _Found(path, real, status, note="a kustomization is built by `kubectl kustomize`; it is not read here")
    return _Found(path, real, status)


def _once(found: list[_Found], links: list[_Found]) -> Iterator[_Found]:
    """Files and links, without links to a file that is there under its own name or through an earlier link."""
    identities: set[tuple[int, int]] = set()
    for candidate in [*found, *sorted(links, key=lambda link: link.path)]:
        status = candidate.status
        if status is not None:
            identity = (status.st_dev, status.st_ino)
            if candidate.path.endswith(SUFFIXES) and identity in identities and candidate in links:
                continue
            identities.add(identity)
        yield candidate


def _read(place: str) -> tuple[bytes, str]:
    """Contents, or why not. Never blocks: pipes and devices are refused before they are read."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return b"", f"cannot be read: {error.strerror}"
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return b"", "cannot be read: not a regular file"
        if status.st_size > MAX_BYTES:
            return b"", f"too large: {status.st_size} bytes, the limit is {MAX_BYTES}"
        chunks = []
        left = MAX_BYTES + 1
        while left > 0 and (chunk := os.read(descriptor, min(left, 1 << 20))):
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks), ""
    except OSError as error:
        return b"", f"cannot be read: {error.strerror}"
    finally:
        os.close(descriptor)
