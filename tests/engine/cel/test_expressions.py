"""Expressions of the Common Expression Language: values, errors that are forgiven, and what is told of nonsense."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cel.checking import DYN, check, type_of
from engine.cel.evaluate import evaluate
from engine.cel.syntax import SyntaxProblem, parse
from engine.cel.values import CelError, duration

SELF: dict[str, Any] = {
    "a": 1, "f": 1.5, "l": [1, 2, 3], "s": "abc", "m": {"x": {"n": 1}, "y": {"n": 2}}, "e": [], "x-y": 7,
    "namespace": "n",
}  # fmt: skip


def value(source: str) -> Any:
    return evaluate(parse(source), {"self": SELF})


@pytest.mark.parametrize("source", [
    "self.a + 1 == 2", "1 + 2 * 3 == 7", "(1 + 2) * 3 == 9", "-7 / 2 == -3", "-7 % 2 == -1", "1.5 + 1.5 == 3.0",
    "has(self.a) && !has(self.zz)", "self.l.all(x, x > 0)", "self.l.exists(x, x == 2)", "self.l.exists_one(x, x > 2)",
    "self.l.map(x, x * 2) == [2, 4, 6]", "self.l.map(x, x > 1, x) == [2, 3]", "self.l.filter(x, x > 1) == [2, 3]",
    "self.m.all(k, self.m[k].n > 0)", "self.m.exists(k, v, k == 'y' && v.n == 2)", "self.l.all(i, v, v == i + 1)",
    "'x' in self.m", "2 in self.l", "!(9 in self.l)", "self.s.startsWith('a') ? true : false", "self.l[0] == 1",
    "self.?zz.orValue(3) == 3", "self.?a.hasValue()", "!self[?'zz'].hasValue()",
    "self.?a.optMap(x, x + 1).orValue(0) == 2",
    "self.zz == 1 || true", "!(false && self.zz == 1)", "[1, 2].exists(x, x == 2 || self.zz == 1)",
    "self.x__dash__y == 7", "self.__namespace__ == 'n'", "size(self.l) == 3 && self.s.size() == 3",
    "'%s is %d (%.1f)'.format(['a', 1, 2.5]) == 'a is 1 (2.5)'", "'a,b'.split(',') == ['a', 'b']",
    "['a', 'b'].join('-') == 'a-b'", "'abc'.substring(1, 2) == 'b'", "'Abc'.lowerAscii() == 'abc'",
    "'abcabc'.replace('b', 'x', 1) == 'axcabc'", "'a1b2'.findAll('[0-9]') == ['1', '2']", "self.s.matches('^a.c$')",
    "[3, 1, 2].max() == 3 && [3, 1].min() == 1 && [1, 2].sum() == 3", "[1, 2].isSorted() && ![2, 1].isSorted()",
    "sets.contains([1, 2], [1])", "math.greatest(1, 5, 3) == 5", "duration('1h30m') > duration('89m')",
    "timestamp('2026-01-02T03:04:05Z').getFullYear() == 2026",
    "timestamp('2026-01-02T03:04:05Z') - timestamp('2026-01-02T03:04:00Z') == duration('5s')",
    "quantity('1Gi').isGreaterThan(quantity('1G'))", "quantity('500m').add(quantity('500m')).asInteger() == 1",
    "isIP('::1') && !isIP('1.2.3')", "cidr('10.0.0.0/8').containsIP('10.1.2.3')",
    "url('http://a:80/b').getPort() == '80'",
    "int('3') == 3 && string(3) == '3' && double('1.5') == 1.5", "'a' + 'b' == 'ab' && [1] + [2] == [1, 2]",
    "1 == 1.0 && 1 < 1.5", "{'a': 1}.a == 1", "r'\\d' == '\\\\d' && '\\u0041' == 'A'", "0x10 == 16", "null == null",
])  # fmt: skip
def test_what_is_true(source: str) -> None:
    """Arithmetic, macros, optional values, text, time, quantities and addresses."""
    assert value(source) is True


@pytest.mark.parametrize(("source", "text"), [
    ("self.zz > 1", "no such key: zz"), ("self.l[9] == 1", "index out of bounds: 9"),
    ("1 / 0 == 1", "division by zero"),
    ("1 % 0 == 1", "modulus by zero"), ("9223372036854775807 + 1 > 0", "integer overflow"),
    ("self.a + 'x' == ''", "no such overload: _+_(int, string)"), ("self.a", None),
    ("self.l.all(x, x.n > 0)", "no such overload"),
    ("int('x') == 1", "type conversion error from 'string' to 'int': x"),
    ("quantity('lots').sign() == 1", "quantities must match the regular expression"),
    ("'abc'.matches('(')", "error parsing regexp"), ("[].max() == 1", "max called on empty list"),
    ("!self.a", "no such overload: bool(int)"), ("self.a < 'x'", "no such overload: _<_(int, string)"),
])  # fmt: skip
def test_what_has_no_value(source: str, text: str | None) -> None:
    """An error in CEL's words; a value that is no truth is a value all the same."""
    if text is None:
        assert value(source) == 1
        return
    with pytest.raises(CelError) as error:
        value(source)
    assert str(error.value).startswith(text)


@pytest.mark.parametrize(("source", "text"), [
    ("self.a ==", "ERROR: <input>:1:10: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '('"),
    ("a b", "ERROR: <input>:1:3: Syntax error: mismatched input 'b' expecting <EOF>\n | a b\n | ..^"),
    ("a # b", "ERROR: <input>:1:3: Syntax error: token recognition error at: '#'"),
    ("has(self)", "ERROR: <input>:1:5: invalid argument to has() macro\n | has(self)\n | ....^"),
    ("true &&\n self.l.all(x.y, true)", "ERROR: <input>:2:14: argument must be a simple name"),
    ("if", "ERROR: <input>:1:1: reserved identifier: if"), ("[1", "ERROR: <input>:1:3: Syntax error: missing ','"),
    ("self.1", "ERROR: <input>:1:5: Syntax error"),
])  # fmt: skip
def test_what_is_no_expression(source: str, text: str) -> None:
    """Where, and what, as cel-go says it."""
    with pytest.raises(SyntaxProblem) as error:
        parse(source)
    assert str(error.value).startswith(text)


SCHEMA = {"type": "object", "properties": {
    "n": {"type": "integer"}, "t": {"type": "string", "format": "date-time"}, "s": {"type": "string"},
    "l": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}}}},
    "m": {"type": "object", "additionalProperties": {"type": "integer"}},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}}  # fmt: skip


@pytest.mark.parametrize(("source", "text"), [
    ("self.x > 1", "<input>:1:5: undefined field 'x'"), ("self.l.all(e, e.q == '')", "undefined field 'q'"),
    ("has(self.x)", "undefined field 'x'"),
    ("other > 1", "<input>:1:1: undeclared reference to 'other' (in container '')"),
    ("frob(self.n)", "<input>:1:5: undeclared reference to 'frob' (in container '')"),
    ("self.n == 'a'", "<input>:1:8: found no matching overload for '_==_' applied to '(int, string)'"),
    ("self.s + 1 == ''", "found no matching overload for '_+_' applied to '(string, int)'"),
    ("self.m.all(k, self.m[k] == 'a')", "found no matching overload for '_==_' applied to '(int, string)'"),
    ("self.t > 'x'", "found no matching overload for '_>_' applied to '(google.protobuf.Timestamp, string)'"),
])  # fmt: skip
def test_what_a_schema_tells_wrong(source: str, text: str) -> None:
    """Before there is a value: fields, names and operators that cannot be."""
    with pytest.raises(SyntaxProblem, match="ERROR: ") as error:
        check(source, parse(source), {"self": type_of(SCHEMA)})
    assert text in str(error.value)


@pytest.mark.parametrize("source", [
    "self.n > 1.5", "self.free.what == 1", "self.l.exists(e, e.k == 'a')", "size(self.m) > 1",
    "self.?x.orValue(1) == 1",
    "self.t + duration('1h') > self.t", "[1, 2].map(i, i + self.n).sum() > 1", "any.field == 1", "self.m.a == 1",
])  # fmt: skip
def test_what_a_schema_says_nothing_against(source: str) -> None:
    """Numbers of two kinds are compared, open objects have any field."""
    check(source, parse(source), {"self": type_of(SCHEMA), "any": DYN})


@given(st.text(alphabet="self.()[]'\"+-&|!?:<>= ,1ax{}\\", max_size=30))
def test_no_text_breaks_the_parser(source: str) -> None:
    """It is an expression, or it is told why not."""
    try:
        found = parse(source)
    except SyntaxProblem:
        return
    try:
        evaluate(found, {"self": SELF})
    except CelError:
        return


def test_nesting_has_an_end() -> None:
    """Expressions that nest deeper than any person writes are refused."""
    for source in ("(" * 500 + "1" + ")" * 500, "!" * 500 + "true", "[" * 500):
        with pytest.raises(SyntaxProblem, match="recursion limit exceeded"):
            parse(source)


@given(st.integers(0, 10**6))
def test_durations_add_up(seconds: int) -> None:
    """Hours, minutes and seconds are what their sum is."""
    text = f"{seconds // 3600}h{seconds // 60 % 60}m{seconds % 60}s"
    assert duration(text).total_seconds() == seconds
