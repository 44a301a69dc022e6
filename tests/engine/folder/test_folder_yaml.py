"""YAML is read as kubectl reads it, with the place of everything in it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.folder.yaml_reader import MAX_DEPTH, Marks, YamlError, read_document
from engine.folder.yaml_scalars import key_text, resolve


def value_of(text: str) -> Any:
    tree = read_document(text)
    return None if tree is None else tree.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True), ("N", False), ("on", True), ("Off", False), ("yes", True), ("TRUE", True), ("tRUE", "tRUE"),
        ("~", None), ("null", None), ("", None), ("NULL", None),
        ("0o17", 15), ("017", 15), ("08", 8), ("0b11", 3), ("-0x1F", -31), ("1_000", 1000), ("+5", 5), ("00", 0),
        ("1e3", 1000), ("1.0", 1), ("1.50", 1.5), (".5", 0.5), ("-.5", -0.5), ("5.", 5), ("1e-3", 0.001),
        ("1e999", "1e999"), ("18446744073709551616", 18446744073709551616.0), ("9223372036854775807", 2**63 - 1),
        ("12:30:45", "12:30:45"), ("2020-01-01", "2020-01-01"), ("2001-12-14t21:59:43.10-05:00",) * 2,
        ("0o9", "0o9"), ("0x", "0x"), ("1.2.3", "1.2.3"), ("_1", "_1"), ("500m", "500m"), ("1Gi", "1Gi"), ("١", "١"),
        ("-", "-"), ("+", "+"), (".", "."), ("<<", "<<"), ("nginx:1.27", "nginx:1.27"),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_kubectl_takes_them_for(text: str, value: object) -> None:
    """Booleans, octals, floats and dates follow go-yaml and JSON."""
    got = resolve(text)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize("text", [".inf", "-.Inf", "+.INF", ".nan", ".NaN"])
def test_numbers_without_json_form_are_errors(text: str) -> None:
    """Infinities and NaN are refused where they stand."""
    with pytest.raises(YamlError, match="json: unsupported value") as caught:
        read_document(f"a: 1\nb: {text}")
    assert (caught.value.line, caught.value.column) == (1, 3)


def test_quoted_and_tagged_scalars() -> None:
    """Quotes make strings, standard tags are obeyed, foreign ones ignored."""
    assert value_of("[\"y\", '1', !!str 1, !!int \"5\", !!float 3, !!binary aGk=, !custom 7, ! 8]") == [
        "y", "1", "1", 5, 3, "hi", "7", "8",
    ]  # fmt: skip
    with pytest.raises(YamlError, match="cannot decode !!str `x` as a !!int"):
        read_document("!!int x")


def test_keys_become_strings() -> None:
    """Numbers and booleans as keys are written as JSON writes them; null is refused."""
    assert value_of("{1: a, true: b, 1.5: c, n: d}") == {"1": "a", "true": "b", "1.5": "c", "false": "d"}
    assert [key_text(value) for value in (1e21, 0.00001, 1.1)] == ["1e+21", "1e-05", "1.1"]
    with pytest.raises(YamlError, match="unsupported map key"):
        read_document("~: a")


@pytest.mark.parametrize(
    ("text", "problem", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3", 'key "a" already set in map', 2, 0),
        ("1: a\n'1': b", 'key "1" already set in map', 1, 0),
        ("kind: [ConfigMap\nmetadata\n", "did not find expected ',' or ']'", 2, 0),
        ("a:\n\t- b", "a tab; YAML is indented with spaces", 1, 0),
        ("a: *x", "unknown anchor 'x' referenced", 0, 3),
        ("a: &a [*a]", "anchor 'a' value contains itself", 0, 7),
        ("a: 'open", "found unexpected end of stream", 0, 3),
        ("a: \x01", "control characters are not allowed", 0, 3),
        ("{[a]: b}", "invalid map key", 0, 1),
        ('é: é\nbé: "é\x01"', "control characters are not allowed", 1, 6),
        ("<<: 5", "map merge requires map or sequence of maps as the value", 0, 0),
        ("\ud800", "invalid Unicode character", 0, 0),
    ],
)
def test_faults_have_their_place(text: str, problem: str, line: int, column: int) -> None:
    """Each fault is told in go-yaml's words at its line and column."""
    with pytest.raises(YamlError) as caught:
        read_document(text)
    assert problem in caught.value.problem
    if "merge" not in problem:
        assert (caught.value.line, caught.value.column) == (line, column)


def test_merge_keys() -> None:
    """Merged keys fill in what is not there, explicit ones win wherever they stand."""
    text = "base: &b {x: 1, p: 2}\nmore: &m {p: 3, z: 4}\none: {<<: *b, x: 9}\ntwo:\n  q: 0\n  <<: [*m, *b]\n"
    assert value_of(text)["one"] == {"x": 9, "p": 2}
    assert value_of(text)["two"] == {"q": 0, "p": 3, "z": 4, "x": 1}


def test_alias_bombs_are_refused_quickly() -> None:
    """Nine levels of ten aliases never get expanded, nor does one long string repeated."""
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(9)
    )
    with pytest.raises(YamlError, match="document contains excessive aliasing"):
        read_document(bomb)
    with pytest.raises(YamlError, match="document contains excessive aliasing"):
        read_document("a: &a " + "x" * 1_000_000 + "\nb: [" + "*a," * 100 + "]")


def test_deep_nesting_is_refused() -> None:
    """As deep as JSON can go is read, deeper is an error, and a million brackets do no harm."""
    assert value_of("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    for depth in (MAX_DEPTH + 1, 1_000_000):
        with pytest.raises(YamlError, match="exceeded max depth"):
            read_document("[" * depth)


def test_nothing_is_no_document() -> None:
    """Empty text and comments hold no document; an explicit null does."""
    assert read_document("") is None
    assert read_document("# only\n\n") is None
    tree = read_document("~")
    assert tree is not None
    assert tree.value is None


def test_marks_of_keys_and_values() -> None:
    """Keys, values and list items know where they stand, also behind CRLF."""
    tree = read_document("a: 1\r\nb:\r\n  - x: y\r\n  -   z\r\n")
    assert tree is not None
    assert tree.marks is not None
    b = tree.marks["b"]
    assert (b.key_line, b.key_column) == (1, 0)
    assert b.children is not None
    assert (b.children[1].line, b.children[1].column) == (3, 6)
    inner = b.children[0].children
    assert inner is not None
    assert (inner["x"].line, inner["x"].column) == (2, 7)


_text = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co"), exclude_characters="\ufeff"), max_size=30)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=20,
)


def every_path_marked(value: Any, marks: Marks | None) -> bool:
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return all(marks is not None and every_path_marked(inner, marks[key].children) for key, inner in items)
    return True


@given(_json)
def test_json_is_yaml(value: Any) -> None:
    """JSON text is read as JSON reads it, and every part of it is marked."""
    tree = read_document(json.dumps([value], ensure_ascii=False, indent=1))
    assert tree is not None
    assert tree.value == [value]
    assert every_path_marked([value], tree.marks)


@given(_json)
def test_what_pyyaml_writes_is_read_back(value: Any) -> None:
    """Block style with YAML's own quoting carries any value, once booleans of YAML 1.1 are quoted."""
    text = yaml.dump({"a": value}, Dumper=yaml.CSafeDumper, allow_unicode=True)
    tree = read_document(text)
    assert tree is not None
    if not re.search(r"\b(?:[yYnN]|\d[\d_.]*[eE][-+]?\d+|0o[0-7]+|0\d+|[\d:]+)\b", json.dumps(value)):
        assert tree.value == {"a": value}


@given(st.text(st.sampled_from(list("ab:-[]{}&*!|>'\"#%@`,?\n\t <~0.y\ufeff\u2028é\x00\ud800")), max_size=60))
def test_any_text_is_read_or_refused_in_its_place(text: str) -> None:
    """No text makes the reader fail otherwise than by a YamlError inside or just behind the text."""
    refused: YamlError | None = None
    try:
        read_document(text)
    except YamlError as error:
        refused = error
    if refused is not None:
        assert refused.problem
        assert 0 <= refused.line <= len(text) + 1
        assert refused.column >= 0
