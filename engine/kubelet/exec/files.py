"""The directories and files of a simulated container, to look at: nothing can be written.

What the pod mounts and what the kubelet writes comes from `engine.kubelet.files`; besides that there are the usual
directories of an image, empty, and a passwd.
"""

from __future__ import annotations

import posixpath
from typing import Final

from engine.kubelet.files import FileTree

_DIRECTORIES: Final = (
    "/", "/bin", "/dev", "/etc", "/home", "/lib", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys",
    "/tmp", "/usr", "/usr/bin", "/usr/local", "/usr/local/bin", "/usr/sbin", "/var", "/var/log", "/var/run",
)  # fmt: skip
_PASSWD: Final = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"


class Files:
    """One container's tree at one instant. Paths are absolute."""

    def __init__(self, tree: FileTree) -> None:
        self._files = {"/etc/passwd": _PASSWD} | {path: file.content for path, file in tree.files.items()}
        self._directories = dict.fromkeys((*_DIRECTORIES, *tree.directories))
        for path in [*self._files, *self._directories]:
            while path != "/":
                path = posixpath.dirname(path)
                self._directories[path] = None

    def read(self, path: str) -> bytes | None:
        """The content of a file; None when there is none."""
        return self._files.get(posixpath.normpath(path))

    def is_directory(self, path: str) -> bool:
        return posixpath.normpath(path) in self._directories

    def listed(self, path: str) -> dict[str, int | None]:
        """Names in a directory, sorted, with sizes in bytes; None for directories."""
        path = posixpath.normpath(path)
        found: dict[str, int | None] = {}
        for each in self._directories:
            if each != path and posixpath.dirname(each) == path:
                found[posixpath.basename(each)] = None
        for each, content in self._files.items():
            if posixpath.dirname(each) == path:
                found[posixpath.basename(each)] = len(content)
        return dict(sorted(found.items()))
