"""The few shell commands whose outcome people expect without declaring it: `sleep 30`, `sh -c 'echo hi; exit 1'`.

`interpret` turns a container's command line into what it prints, how long it takes and how it exits. Anything it does
not know for certain is not guessed: the container then runs until it is stopped.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Final, NamedTuple

from engine.clock import SECOND

SHELLS: Final = frozenset(("sh", "bash", "ash", "dash"))
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SLEEP: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


class Script(NamedTuple):
    """What a command line does."""

    after: int | None
    """Microseconds from its start to its exit; None: it runs until it is stopped."""
    code: int
    lines: tuple[tuple[int, str], ...] = ()
    """What it prints: (microseconds after its start, text)."""
    deaf: bool = False
    """As process 1 it has no handler for SIGTERM, so only SIGKILL ends it."""


def interpret(words: Sequence[str]) -> Script | None:
    """The script of a command line; None when it is not one of the commands known here."""
    if not words:
        return None
    name = words[0].rpartition("/")[2]
    if name in SHELLS and len(words) >= 3 and words[1] in ("-c", "-ec", "-lc", "-xc", "-exc"):
        return _shell(words[2], stop_at_failure="e" in words[1])
    return _run([list(words)], stop_at_failure=False)


def _shell(text: str, stop_at_failure: bool) -> Script | None:
    if re.match(r"\s*(while\s+(true|:|\[ 1 \]|sleep\s+\S+)\s*;?|for\s*\(\(\s*;\s*;\s*\)\)|until\s+false)", text):
        return Script(None, 0, (), deaf=True)
    if re.search(r"[|&<>`$(){}*?]", text.replace("&&", "").replace("$?", "")):
        return None
    commands: list[list[str]] = []
    for part in re.split(r";|&&|\n", text):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            return None
        if words[:1] == ["exec"]:
            words = words[1:]
        if words == ["set", "-e"]:
            stop_at_failure = True
        elif words:
            commands.append(words)
    return _run(commands, stop_at_failure or "&&" in text)


def _run(commands: Sequence[list[str]], stop_at_failure: bool) -> Script | None:
    at, code = 0, 0
    lines: list[tuple[int, str]] = []
    deaf = False
    for words in commands:
        name = words[0].rpartition("/")[2]
        code = 0
        if name == "sleep":
            deaf = True
            if words[1:2] in (["infinity"], ["inf"]):
                return Script(None, 0, tuple(lines), deaf=True)
            spans = [_SLEEP.fullmatch(word) for word in words[1:]]
            if not spans or not all(spans):
                return None
            at += round(sum(float(m[1]) * _UNITS[m[2]] for m in spans if m) * SECOND)
        elif name == "exit":
            code = int(words[1]) % 256 if len(words) > 1 and words[1].isdigit() else 0
            return Script(at, code, tuple(lines), deaf)
        elif name == "echo":
            shown = [word for word in words[1:] if word not in ("-n", "-e")]
            lines.append((at, " ".join(shown)))
        elif name in ("true", ":"):
            pass
        elif name == "false":
            code = 1
        elif name == "tail" and "/dev/null" in words:
            return Script(None, 0, tuple(lines), deaf=True)
        else:
            return None
        if code and stop_at_failure:
            break
    return Script(at, code, tuple(lines), deaf)
