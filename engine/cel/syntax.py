"""Expressions as trees: a tokenizer, and a parser by precedence that expands nothing but names the macros it meets.

Texts of refusals are those of cel-go: `ERROR: <input>:1:7: Syntax error: …`, the line, and a mark under the place.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""\s+|//[^\n]*
    |(?P<float>(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?))
    |(?P<int>0x[0-9a-fA-F]+|\d+)(?P<unsigned>[uU]?)
    |(?P<raw>[bB]?[rR][bB]?)?(?P<bytes>[bB])?(?P<string>\"{3}(?s:.*?)\"{3}|'{3}(?s:.*?)'{3}
        |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|\?\.|\[\?|[-+*/%!<>()\[\]{}.,?:])""",
    re.VERBOSE,
)
RESERVED: Final = frozenset([
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
    "namespace", "return", "var", "void", "while",
])  # fmt: skip
_EXPECTED: Final = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)
_DEEPEST: Final = 60
"""How deep expressions may nest."""
MACROS: Final = {"all": 2, "exists": 2, "exists_one": 2, "existsOne": 2, "filter": 2, "map": 2}
"""Macros on lists and maps, and how many arguments they have at least."""
_ESCAPES: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"',
    "`": "`", "?": "?",
}  # fmt: skip


class SyntaxProblem(ValueError):
    """What cannot be an expression; the text says where."""


class Literal(NamedTuple):
    value: Any
    at: int


class Name(NamedTuple):
    name: str
    at: int


class Select(NamedTuple):
    """`operand.field`; with `has`, whether it is there; with `optional`, an optional value."""

    operand: Expression
    field: str
    at: int
    has: bool = False
    optional: bool = False


class Index(NamedTuple):
    operand: Expression
    key: Expression
    at: int
    optional: bool = False


class Call(NamedTuple):
    """A function or an operator (`_+_`, `!_`, `_?_:_`)."""

    name: str
    target: Expression | None
    arguments: tuple[Expression, ...]
    at: int


class Macro(NamedTuple):
    """`over.all(variable, body)` and its like; `filter` is the condition of a map with three arguments."""

    name: str
    over: Expression
    variables: tuple[str, ...]
    body: Expression
    filter: Expression | None
    at: int


class ListOf(NamedTuple):
    items: tuple[Expression, ...]
    at: int


class MapOf(NamedTuple):
    entries: tuple[tuple[Expression, Expression], ...]
    at: int


Expression = Literal | Name | Select | Index | Call | Macro | ListOf | MapOf


class _Token(NamedTuple):
    kind: str
    """name, sign, literal or end."""
    text: str
    value: Any
    at: int


def located(source: str, at: int, what: str) -> str:
    """`ERROR: <input>:1:7: what`, the line, and a mark under the place."""
    before = source[:at]
    line = before.count("\n")
    column = at - (before.rfind("\n") + 1)
    text = source.split("\n")[line]
    return f"ERROR: <input>:{line + 1}:{column + 1}: {what}\n | {text}\n | {'.' * column}^"


def parse(source: str) -> Expression:
    """The tree of an expression. SyntaxProblem when it is none."""
    return _Parser(source).whole()


def _tokens(source: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            text = f"Syntax error: token recognition error at: '{source[at]}'"
            raise SyntaxProblem(located(source, at, text))
        kind, text = match.lastgroup, match.group()
        if match.group("name"):
            known = {"true": True, "false": False, "null": None}
            if text in known:
                found.append(_Token("literal", text, known[text], at))
            else:
                found.append(_Token("name", text, text, at))
        elif match.group("sign"):
            found.append(_Token("sign", text, None, at))
        elif match.group("float"):
            found.append(_Token("literal", text, float(text), at))
        elif match.group("int"):
            found.append(_Token("literal", text, int(match.group("int"), 0 if "x" in text else 10), at))
        elif kind is not None:
            found.append(_Token("literal", text, _string(match), at))
        at = match.end()
    return [*found, _Token("end", "<EOF>", None, len(source))]


def _string(match: re.Match[str]) -> str | bytes:
    prefix = (match.group("raw") or "") + (match.group("bytes") or "")
    text = match.group("string")
    quotes = 3 if text[:3] in ('"""', "'''") else 1
    text = text[quotes:-quotes]
    if "r" not in prefix.lower():
        text = re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", _unescaped, text, flags=re.S)
    return text.encode() if "b" in prefix.lower() else text


def _unescaped(match: re.Match[str]) -> str:
    text = match.group(1)
    if text[0] in "xuU":
        return chr(int(text[1:], 16))
    return chr(int(text, 8)) if len(text) == 3 else _ESCAPES.get(text, text)


class _Parser:
    def __init__(self, source: str) -> None:
        self._source, self._tokens, self._next, self._depth = source, _tokens(source), 0, 0

    def whole(self) -> Expression:
        found = self._ternary()
        if self._token.kind != "end":
            raise self._wrong(f"Syntax error: mismatched input '{self._token.text}' expecting <EOF>")
        return found

    # -- tokens ------------------------------------------------------------------------------------------------------

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *signs: str) -> _Token | None:
        token = self._token
        if token.kind == "sign" and token.text in signs:
            self._next += 1
            return token
        return None

    def _need(self, sign: str) -> _Token:
        token = self._take(sign)
        if token is None:
            raise self._wrong(f"Syntax error: missing '{sign}' at '{self._token.text}'")
        return token

    def _name(self) -> _Token:
        token = self._token
        if token.kind != "name":
            raise self._wrong(f"Syntax error: mismatched input '{token.text}' expecting IDENTIFIER")
        self._next += 1
        return token

    def _wrong(self, what: str, at: int | None = None) -> SyntaxProblem:
        return SyntaxProblem(located(self._source, self._token.at if at is None else at, what))

    # -- by precedence -----------------------------------------------------------------------------------------------

    def _ternary(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"expression recursion limit exceeded: {_DEEPEST}")
        found = self._choice()
        self._depth -= 1
        return found

    def _choice(self) -> Expression:
        test = self._binary(0)
        mark = self._take("?")
        if mark is None:
            return test
        yes = self._binary(0)
        self._need(":")
        return Call("_?_:_", None, (test, yes, self._ternary()), mark.at)

    def _binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while True:
            token = self._take(*_LEVELS[level]) or (self._in() if level == _RELATIONS else None)
            if token is None:
                return left
            name = "@in" if token.text == "in" else f"_{token.text}_"
            left = Call(name, None, (left, self._binary(level + 1)), token.at)

    def _in(self) -> _Token | None:
        if self._token.kind == "name" and self._token.text == "in":
            self._next += 1
            return self._tokens[self._next - 1]
        return None

    def _unary(self) -> Expression:
        token = self._take("!", "-")
        if token is None:
            return self._member()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"expression recursion limit exceeded: {_DEEPEST}")
        inner = self._unary()
        self._depth -= 1
        if token.text == "-" and isinstance(inner, Literal) and isinstance(inner.value, int | float):
            return Literal(-inner.value, token.at)
        return Call(f"{token.text}_", None, (inner,), token.at)

    def _member(self) -> Expression:
        found = self._primary()
        while True:
            token = self._take(".", "?.", "[", "[?")
            if token is None:
                return found
            if token.text in ("[", "[?"):
                index = self._ternary()
                self._need("]")
                found = Index(found, index, token.at, optional=token.text == "[?")
            elif token.text == "?." or self._take("?"):
                found = Select(found, self._name().text, token.at, optional=True)
            else:
                name = self._name()
                opened = self._take("(")
                found = Select(found, name.text, token.at) if opened is None else self._call(found, name, opened)

    def _call(self, target: Expression, name: _Token, opened: _Token) -> Expression:
        arguments = self._arguments(")")
        least = MACROS.get(name.text)
        if least is None or len(arguments) < least:
            return Call(name.text, target, arguments, opened.at)
        body, extra = arguments[-1], arguments[1:-1]
        variables = [arguments[0]]
        test: Expression | None = None
        if extra and name.text == "map":
            test = extra[0]
        else:
            variables += extra
        names = [each.name for each in variables if isinstance(each, Name)]
        if len(names) != len(variables) or len(variables) > 2:
            raise self._wrong("argument must be a simple name", arguments[0].at)
        return Macro("exists_one" if name.text == "existsOne" else name.text, target, tuple(names), body, test, name.at)

    def _arguments(self, close: str) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while not self._take(close):
            if found:
                self._need(",")
                if self._take(close):
                    break
            found.append(self._ternary())
        return tuple(found)

    def _primary(self) -> Expression:
        token = self._token
        if token.kind == "literal":
            self._next += 1
            return Literal(token.value, token.at)
        if token.kind == "name" and token.text != "in":
            return self._named()
        if self._take("("):
            inner = self._ternary()
            self._need(")")
            return inner
        if self._take("["):
            return ListOf(self._arguments("]"), token.at)
        if self._take("{"):
            return self._map(token.at)
        if self._take("."):
            return self._primary()
        raise self._wrong(f"Syntax error: mismatched input '{token.text}' expecting {_EXPECTED}")

    def _named(self) -> Expression:
        token = self._name()
        if token.text in RESERVED:
            raise self._wrong(f"reserved identifier: {token.text}", token.at)
        opened = self._take("(")
        if opened is None:
            return Name(token.text, token.at)
        arguments = self._arguments(")")
        if token.text != "has":
            return Call(token.text, None, arguments, opened.at)
        if len(arguments) != 1 or not isinstance(arguments[0], Select):
            raise self._wrong("invalid argument to has() macro", arguments[0].at if arguments else opened.at)
        return arguments[0]._replace(has=True)

    def _map(self, at: int) -> Expression:
        entries: list[tuple[Expression, Expression]] = []
        while not self._take("}"):
            if entries:
                self._need(",")
                if self._take("}"):
                    break
            key = self._ternary()
            self._need(":")
            entries.append((key, self._ternary()))
        return MapOf(tuple(entries), at)


_LEVELS: Final = (("||",), ("&&",), ("<", "<=", ">=", ">", "==", "!="), ("+", "-"), ("*", "/", "%"))
_RELATIONS: Final = 2
