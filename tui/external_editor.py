"""A person's own editor on a text: `$KUBE_EDITOR`, `$VISUAL`, `$EDITOR`, else vi.

It works on a copy, never on the file: what comes back is unsaved text like any other, with its problems and its plan,
and a crash of the editor costs nothing.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path


class EditorError(Exception):
    """The editor could not be run, or failed; the text is for a person. The text that was edited is unchanged."""


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """The command line without the file. Raises EditorError."""
    text = next((environment[n] for n in ("KUBE_EDITOR", "VISUAL", "EDITOR") if environment.get(n)), "vi")
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise EditorError(f"$EDITOR is {text!r}: {error}") from error
    if not command or shutil.which(command[0]) is None:
        raise EditorError(f"{text!r} is not there; set EDITOR to an editor that is installed")
    return command


def edit(text: str, name: str, row: int = 0) -> str:
    """Run the editor on a copy of `text` called like `name`; what it left behind. Raises EditorError.

    `row`, from 0, is where vi, nano, emacs and their like begin.
    """
    command = editor_command(os.environ)
    with tempfile.TemporaryDirectory(prefix="kubarium-") as folder:
        copy = Path(folder) / Path(name).name
        copy.write_bytes(text.encode())
        if Path(command[0]).name in ("vi", "vim", "nvim", "nano", "emacs", "kak", "micro", "joe"):
            command = [*command, f"+{row + 1}"]
        code = subprocess.run([*command, str(copy)], check=False).returncode
        if code:
            raise EditorError(f"{command[0]} ended with exit code {code}: your text is as it was")
        try:
            return copy.read_bytes().decode().replace("\r\n", "\n")
        except OSError as error:
            raise EditorError(f"the editor left no file behind ({error.strerror}): your text is as it was") from error
        except UnicodeDecodeError as error:
            raise EditorError(f"byte {error.start} is no UTF-8: your text is as it was") from error
