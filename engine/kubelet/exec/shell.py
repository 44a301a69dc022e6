"""The little shell: a command line as a list of pipelines.

Understood: words with quotes, `$NAME`, `${NAME}`, `${NAME:-word}`, `$?`, `$(command)`, `;`, `&&`, `||`, `|`, newlines,
comments, assignments, and the redirections `>`, `>>`, `<`, `2>`, `2>&1`, `>&2`. What else a shell knows (`if`, loops,
functions, globs in words) is refused in plain words rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_OPERATORS: Final = ("&&", "||", ";", "|", "&", "\n", "(", ")", "<<", ">>", ">&", ">", "<")
_RESERVED: Final = frozenset(
    ("if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "function", "{", "}")
)


class ShellError(Exception):
    """A line that this shell does not take; the text is ready to be shown."""


class Piece(NamedTuple):
    """A part of a word."""

    kind: str
    """`text`, `variable` ($NAME, with what follows `:-` in `other`), or `command` ($(text))."""
    text: str
    quoted: bool
    other: str | None = None


Word = tuple[Piece, ...]


class Redirection(NamedTuple):
    """`2>file`: descriptor 2, operator `>`, target `file`."""

    descriptor: int
    operator: str
    target: Word


class Command(NamedTuple):
    """One simple command."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirections: tuple[Redirection, ...]


class Pipeline(NamedTuple):
    """Commands joined by `|`, and how it follows the one before: `;`, `&&` or `||`."""

    after: str
    commands: tuple[Command, ...]
    negated: bool = False


def parse(text: str) -> Sequence[Pipeline]:
    """The pipelines of a command line. Raises ShellError."""
    return _Parser(_tokens(text)).pipelines()


Token = Word | str
"""A word, or an operator. A digit directly before a redirection is part of the operator: `2>`."""


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position, end = 0, len(text)
    while position < end:
        char = text[position]
        if char in " \t\r":
            position += 1
        elif char == "\\" and text[position + 1 : position + 2] == "\n":
            position += 2
        elif char == "#":
            stop = text.find("\n", position)
            position = end if stop < 0 else stop
        elif match := re.compile(r"[012](>>|>&|>|<)").match(text, position):
            tokens.append(match[0])
            position = match.end()
        elif operator := next((each for each in _OPERATORS if text.startswith(each, position)), ""):
            tokens.append(operator)
            position += len(operator)
        else:
            word, position = _word(text, position)
            tokens.append(word)
    return tokens


def _word(text: str, position: int) -> tuple[Word, int]:
    pieces: list[Piece] = []
    plain: list[str] = []

    def flush() -> None:
        if plain:
            pieces.append(Piece("text", "".join(plain), False))
            plain.clear()

    while position < len(text):
        char = text[position]
        if char in " \t\r\n;&|<>()":
            break
        if char == "'":
            stop = text.find("'", position + 1)
            if stop < 0:
                raise ShellError("syntax error: unterminated quoted string")
            flush()
            pieces.append(Piece("text", text[position + 1 : stop], True))
            position = stop + 1
        elif char == '"':
            flush()
            quoted, position = _quoted(text, position + 1)
            pieces += quoted
        elif char == "\\":
            if text[position + 1 : position + 2] != "\n":
                flush()
                pieces.append(Piece("text", text[position + 1 : position + 2], True))
            position += 2
        elif char in "$`":
            flush()
            piece, position = _dollar(text, position, quoted=False)
            pieces.append(piece)
        else:
            plain.append(char)
            position += 1
    flush()
    return tuple(pieces), position


def _quoted(text: str, position: int) -> tuple[list[Piece], int]:
    pieces: list[Piece] = [Piece("text", "", True)]
    plain: list[str] = []
    while position < len(text):
        char = text[position]
        if char == '"':
            pieces.append(Piece("text", "".join(plain), True))
            return pieces, position + 1
        if char == "\\" and text[position + 1 : position + 2] in ('"', "\\", "$", "`", "\n"):
            plain.append(text[position + 1].replace("\n", ""))
            position += 2
        elif char in "$`":
            pieces.append(Piece("text", "".join(plain), True))
            plain.clear()
            piece, position = _dollar(text, position, quoted=True)
            pieces.append(piece)
        else:
            plain.append(char)
            position += 1
    raise ShellError("syntax error: unterminated quoted string")


def _dollar(text: str, position: int, quoted: bool) -> tuple[Piece, int]:
    if text[position] == "`":
        stop = text.find("`", position + 1)
        if stop < 0:
            raise ShellError("syntax error: unterminated backquote")
        return Piece("command", text[position + 1 : stop], quoted), stop + 1
    if text.startswith("$((", position):
        raise ShellError("arithmetic is not understood here")
    if text.startswith("$(", position):
        stop = _closing(text, position + 2)
        return Piece("command", text[position + 2 : stop], quoted), stop + 1
    if text.startswith("${", position):
        stop = text.find("}", position)
        inside = text[position + 2 : max(stop, 0)]
        match = re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*|\?)(?::?-(.*))?", inside, re.DOTALL)
        if stop < 0 or match is None:
            raise ShellError(f"bad substitution: ${{{inside}}}")
        return Piece("variable", match[1], quoted, match[2]), stop + 1
    if match := re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[?$#0-9@*]").match(text, position + 1):
        return Piece("variable", match[0], quoted), match.end()
    return Piece("text", "$", True), position + 1


def _closing(text: str, position: int) -> int:
    """The `)` that ends $(…), past nested ones and quotes."""
    depth = 1
    while position < len(text):
        char = text[position]
        if char == "'":
            position = text.find("'", position + 1)
            if position < 0:
                break
        elif char == "\\":
            position += 1
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if not depth:
                return position
        position += 1
    raise ShellError('syntax error: unexpected end of file (expecting ")")')


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._at = tokens, 0

    def pipelines(self) -> list[Pipeline]:
        found: list[Pipeline] = []
        after = ";"
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token in ("\n", ";") and (after == ";" or token == "\n"):
                self._at += 1
                continue
            found.append(self._pipeline(after))
            after = ";"
            if self._at < len(self._tokens):
                operator = self._tokens[self._at]
                if operator == "&":
                    raise ShellError("jobs in the background are not understood here")
                if operator not in (";", "\n", "&&", "||"):
                    raise ShellError(f'syntax error: unexpected "{operator}"')
                after = operator if operator in ("&&", "||") else ";"
                self._at += 1
        if after != ";":
            raise ShellError("syntax error: unexpected end of file")
        return found

    def _pipeline(self, after: str) -> Pipeline:
        negated = False
        if self._peek_text() == "!":
            negated = True
            self._at += 1
        commands = [self._command()]
        while self._at < len(self._tokens) and self._tokens[self._at] == "|":
            self._at += 1
            commands.append(self._command())
        return Pipeline(after, tuple(commands), negated)

    def _peek_text(self) -> str:
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        return token[0].text if isinstance(token, tuple) and len(token) == 1 and not token[0].quoted else ""

    def _command(self) -> Command:
        word = self._peek_text()
        if word in _RESERVED:
            raise ShellError(f"'{word}' is not understood here")
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirections: list[Redirection] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if isinstance(token, tuple):
                self._at += 1
                head = token[0] if token else None
                match = _ASSIGNMENT.match(head.text) if head and head.kind == "text" and not head.quoted else None
                if match and not words and head:
                    rest = head.text[match.end() :]
                    value = ((Piece("text", rest, False),) if rest else ()) + token[1:]
                    assignments.append((match[1], value))
                else:
                    words.append(token)
                continue
            if token.lstrip("012") not in (">", ">>", ">&", "<", "<<"):
                break
            redirections.append(self._redirection(token))
        if not (assignments or words or redirections):
            token = self._tokens[self._at] if self._at < len(self._tokens) else "end of file"
            raise ShellError("syntax error: unexpected " + ("newline" if token == "\n" else f'"{token}"'))
        return Command(tuple(assignments), tuple(words), tuple(redirections))

    def _redirection(self, token: str) -> Redirection:
        operator = token.lstrip("012")
        if operator == "<<":
            raise ShellError("here-documents are not understood here")
        self._at += 1
        target = self._tokens[self._at] if self._at < len(self._tokens) else ""
        if not isinstance(target, tuple):
            raise ShellError("syntax error: unexpected redirection")
        self._at += 1
        descriptor = int(token[0]) if token[0].isdecimal() else (0 if operator == "<" else 1)
        return Redirection(descriptor, operator, target)


def expand(word: Word, variable: Callable[[str], str | None], substituted: Sequence[str]) -> list[str]:
    """The fields of a word. `substituted`: the outputs of its $(commands), in order."""
    fields: list[str] = []
    current: list[str] = []
    started = False
    outputs = iter(substituted)
    for piece in word:
        if piece.kind == "text":
            value = piece.text
        elif piece.kind == "variable":
            found = variable(piece.text)
            value = piece.other if not found and piece.other is not None else found or ""
        else:
            value = next(outputs).rstrip("\n")
        if piece.kind == "text" or piece.quoted:
            current.append(value)
            started = started or piece.quoted or bool(value)
            continue
        parts = value.split()
        if not parts:
            if value and started:
                fields.append("".join(current))
                current, started = [], False
            continue
        if value[0].isspace() and started:
            fields.append("".join(current))
            current = []
        for part in parts[:-1]:
            fields.append("".join(current) + part)
            current = []
        current.append(parts[-1])
        started = True
        if value[-1].isspace():
            fields.append("".join(current))
            current, started = [], False
    if started:
        fields.append("".join(current))
    return fields
