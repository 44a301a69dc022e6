"""How lines of describe, YAML and logs are coloured. Each function takes one line and returns its pieces."""

from __future__ import annotations

import re
from typing import Final

from tui.theme import Tone

Pieces = list[tuple[str, Tone]]

_DESCRIBE_KEY: Final = re.compile(r"^(\s*[A-Z(][^:]{0,60}?:)(\s+.*|)$")
_WARNING: Final = re.compile(r"^\s*(Warning)\s")
_RULE: Final = re.compile(r"^[\s-]+$")
_CONDITION: Final = re.compile(r"^(\s+[A-Z]\w+\s+)(True|False|Unknown)(\s.*|)$")
_BAD_WORDS: Final = re.compile(
    r"\b(CrashLoopBackOff|ErrImagePull|ImagePullBackOff|InvalidImageName|Error|OOMKilled|Failed|NotReady|Evicted)\b"
)


def describe(line: str) -> Pieces:
    """Headings dim, warnings and broken states in colour."""
    if not line or _RULE.match(line):
        return [(line, "dim")]
    if _WARNING.match(line):
        return [(line, "warn")]
    condition = _CONDITION.match(line)
    if condition is not None:
        name, value, rest = condition.groups()
        good = (value == "False") == (name.strip().endswith(("Pressure", "Unavailable", "DisruptionTarget", "Failed")))
        tone: Tone = "warn" if value == "Unknown" else "ok" if good else "bad"
        return [(name, ""), (value, tone), *_words(rest)]
    key = _DESCRIBE_KEY.match(line)
    if key is not None:
        return [(key[1], "accent" if not line.startswith(" ") else "dim"), *_words(key[2])]
    return _words(line)


def _words(text: str) -> Pieces:
    pieces: Pieces = []
    at = 0
    for match in _BAD_WORDS.finditer(text):
        pieces += [(text[at : match.start()], ""), (match[0], "bad")]
        at = match.end()
    return [*pieces, (text[at:], "")]


_YAML_KEY: Final = re.compile(r"^(\s*(?:- )*)([^\s#'\"-][^:#]*?|\"[^\"]*\"|'[^']*')(:)(\s.*|)$")


def yaml(line: str) -> Pieces:
    """Keys in the accent colour, comments dim."""
    if line.lstrip().startswith("#"):
        return [(line, "dim")]
    match = _YAML_KEY.match(line)
    if match is None:
        return [(line, "")]
    indent, key, colon, value = match.groups()
    return [(indent, "dim"), (key, "accent"), (colon, "dim"), (value, "")]


_LOG_TIME: Final = re.compile(r"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?\s?)(.*)$")
_LOG_BAD: Final = re.compile(r"\b(error|fatal|panic|exception|traceback)\b", re.IGNORECASE)
_LOG_WARN: Final = re.compile(r"\b(warn|warning)\b", re.IGNORECASE)


def log(line: str) -> Pieces:
    """Times dim; lines that say error or warning in their tone."""
    match = _LOG_TIME.match(line)
    time, text = match.groups() if match is not None else ("", line)
    tone: Tone = "bad" if _LOG_BAD.search(text) else "warn" if _LOG_WARN.search(text) else ""
    return [(time, "dim"), (text, tone)]


_EVENT: Final = re.compile(r"^(\S+\s+)(Warning|Normal)(\s+\S+\s+)(.*)$")


def events(line: str) -> Pieces:
    """kubectl's event table: warnings stand out."""
    match = _EVENT.match(line)
    if match is None:
        return [(line, "dim" if line.startswith(("LAST SEEN", "No events")) else "")]
    seen, kind, reason, rest = match.groups()
    tone: Tone = "warn" if kind == "Warning" else ""
    return [(seen, "dim"), (kind, tone or "dim"), (reason, tone), (rest, "")]


def why(line: str) -> Pieces:
    """The verdict table: what fits, what does not."""
    if line.startswith("✓"):
        return [(line, "ok")]
    if line.startswith("✗"):
        glyph, rest = line[:1], line[1:]
        return [(glyph, "bad"), (rest, "")]
    if line.startswith(("NODE", "  NODE")):
        return [(line, "dim")]
    if line.startswith("→"):
        return [(line, "accent")]
    return [(line, "")]
