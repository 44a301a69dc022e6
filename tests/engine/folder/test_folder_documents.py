"""A file is split into documents as kubectl does, and a bad one never takes its neighbours with it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.folder.documents import ParsedFile, read_bytes, read_text
from engine.folder.yaml_reader import Tree, read_document

CM = "apiVersion: v1\nkind: ConfigMap\n"


def configmap(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"


def found(parsed: ParsedFile) -> list[tuple[str, int]]:
    return [(document.name, document.line) for document in parsed.documents]


def test_documents_and_their_lines() -> None:
    """Separators with comments, empty and comment-only pieces are no documents; lines count from the file's top."""
    text = f"# head\n---\n{configmap('a')}--- # next\n# only this\n---\n\n---\n{configmap('b')}"
    parsed = read_text(text)
    assert found(parsed) == [("a", 3), ("b", 12)]
    assert [document.index for document in parsed.documents] == [0, 1]
    assert not parsed.broken


def test_a_bad_document_between_good_ones() -> None:
    """The good ones are read, the bad one is told with its line in the file, and the file counts as broken."""
    parsed = read_text(f"{configmap('a')}---\nkind: [ConfigMap\nmetadata\n---\n{configmap('b')}")
    assert found(parsed) == [("a", 1), ("b", 9)]
    assert parsed.broken
    (diagnostic,) = parsed.diagnostics
    assert (diagnostic.line, diagnostic.column, diagnostic.document) == (7, 1, 1)
    assert diagnostic.message == "yaml: did not find expected ',' or ']'"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks(newline: str, mark: bytes) -> None:
    """CRLF and a byte order mark change nothing."""
    text = f"{configmap('a')}---\n{configmap('b')}".replace("\n", newline)
    parsed = read_bytes(mark + text.encode())
    assert found(parsed) == [("a", 1), ("b", 6)]
    assert not parsed.diagnostics


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"# nothing\n", b"---\n", b"---\n---\n", b"\xef\xbb\xbf", b"%YAML 1.2\n---\n"]
)
def test_empty_files_declare_nothing(data: bytes) -> None:
    """Nothing, separators, directives and comments are no fault."""
    parsed = read_bytes(data)
    assert parsed.documents == ()
    assert parsed.diagnostics == ()


@pytest.mark.parametrize(
    ("data", "line", "column", "words"),
    [
        (b"a: 1\nb: \xe9t\xe9\n", 2, 4, "invalid UTF-8: byte 0xe9 at offset 8"),
        ("a: ü".encode("utf-16"), 1, 1, "the file is UTF-16; save it as UTF-8"),
    ],
)
def test_other_encodings_are_refused(data: bytes, line: int, column: int, words: str) -> None:
    """A file that is not UTF-8 is refused at its first bad byte."""
    (diagnostic,) = read_bytes(data).diagnostics
    assert (diagnostic.line, diagnostic.column) == (line, column)
    assert words in diagnostic.message


@pytest.mark.parametrize(
    ("text", "line", "path", "words"),
    [
        ("metadata: {name: x}\napiVersion: v1\n", 1, "kind", "kind not set"),
        ("kind: ConfigMap\nmetadata: {name: x}\n", 1, "apiVersion", "apiVersion not set"),
        (CM + "metadata:\n  labels: {}\n", 3, "metadata.name", "resource name may not be empty"),
        (CM + "metadata:\n  generateName: x-\n", 4, "metadata.generateName", "cannot use generate name"),
        (CM + "metadata:\n  name: 1\n", 4, "metadata.name", "cannot unmarshal number"),
        (CM + "metadata: x\n", 3, "metadata", "metadata must be an object"),
        ("- a\n", 1, "", "cannot unmarshal array"),
        ("just words\n", 1, "", "cannot unmarshal string"),
        ("--- foo\n" + configmap("a"), 1, "", "invalid Yaml document separator: foo"),
    ],
)  # fmt: skip
def test_documents_without_identity(text: str, line: int, path: str, words: str) -> None:
    """What is no Kubernetes object is told in kubectl's words, and makes the file broken."""
    parsed = read_text(text)
    assert parsed.broken
    (diagnostic,) = parsed.diagnostics
    assert (diagnostic.line, diagnostic.path) == (line, path)
    assert words in diagnostic.message


def test_lists_are_unfolded() -> None:
    """Items of a List are documents of their own with their own places; typed lists lend their kind."""
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: a\n- 5\n"
        "- apiVersion: v1\n  kind: SecretList\n  items:\n  - metadata: {name: s}\n"
    )
    parsed = read_text(text)
    assert [(d.kind, d.api_version, d.name, d.line, d.index) for d in parsed.documents] == [
        ("ConfigMap", "v1", "a", 4, 0), ("Secret", "v1", "s", 12, 0),
    ]  # fmt: skip
    assert parsed.documents[0].place(("metadata", "name"), value=True) == (7, 11)
    assert [(d.line, d.path) for d in parsed.diagnostics] == [(8, "items[1]")]


def test_json_files() -> None:
    """JSON with tabs, surrogate escapes and several objects in a row is read, with lines."""
    one = '{\n\t"apiVersion": "v1", "kind": "ConfigMap",\n\t"metadata": {"name": "a"},'
    one += ' "data": {"x": "\\ud83d\\ude00 \\/"}}'
    parsed = read_text(one + "\n" + json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}))
    assert found(parsed) == [("a", 1), ("b", 4)]
    assert parsed.documents[0].obj["data"] == {"x": "😀 /"}
    assert read_text('{"apiVersion": "v1"\n "kind": 1}').diagnostics[0].line == 2


def test_places_of_fields() -> None:
    """A field is found by path; one that is missing points at what it should stand in."""
    text = configmap("a") + "data:\n  app.kubernetes.io/x: y\nspec:\n  list:\n  - {name: p, image: q}\n"
    document = read_text(f"---\n{text}").documents[0]
    assert document.place(("data", "app.kubernetes.io/x")) == (7, 3)
    assert document.place(("data", "app", "kubernetes", "io/x"), value=True) == (7, 24)
    assert document.place(("spec", "list", 0, "ports")) == (10, 5)
    assert document.place(("spec", "list", "image"), value=True) == (10, 22)
    assert document.place(("spec", "nothing", "deeper")) == (8, 1)
    assert document.place(("status",)) == (2, 1)


def test_pieces_that_did_not_change_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second reading reads only what changed, and lines follow when text moves."""
    pieces = [configmap(f"n{i}") for i in range(50)]
    before = read_text("---\n".join(pieces))
    read: list[str] = []

    def counting(text: str) -> Tree | None:
        read.append(text)
        return read_document(text)

    monkeypatch.setattr("engine.folder.documents.read_document", counting)
    pieces[7] = configmap("other") + "data: {}\n"
    after = read_text("---\n".join(pieces), before)
    assert len(read) == 1
    assert found(after)[6:10] == [("n6", 31), ("other", 36), ("n8", 42), ("n9", 47)]
    assert after.documents[9].obj is before.documents[9].obj


def test_ten_megabytes() -> None:
    """A ConfigMap of ten megabytes is read whole."""
    text = configmap("big") + "data:\n  text: |\n" + "    some words that fill a line of text\n" * 260_000
    parsed = read_bytes(text.encode())
    assert len(text) > 10_000_000
    assert len(parsed.documents[0].obj["data"]["text"]) > 9_000_000


_PARTS = [
    configmap("a"), "---\n", "--- x\n", "bad: [\n", "{", "}", "- 1\n", "kind: List\nitems: [1]\n", "'", "\r\n", "...\n",
    "\ud800", "{}{}", "# c\n", "apiVersion: v1\n",
]  # fmt: skip


@given(st.lists(st.sampled_from(_PARTS), max_size=12))
def test_any_text_gives_diagnostics_and_never_raises(parts: list[str]) -> None:
    """Whatever stands in an editor is read; lines of diagnostics lie within the text."""
    text = "".join(parts)
    parsed = read_text(text)
    lines = text.count("\n") + 1
    assert all(1 <= diagnostic.line <= lines and diagnostic.column >= 1 for diagnostic in parsed.diagnostics)
    assert all(1 <= document.line <= lines for document in parsed.documents)
    again = read_text(text, parsed)
    assert (again.documents, again.diagnostics) == (parsed.documents, parsed.diagnostics)


def test_documents_that_are_flow_mappings_are_told_apart() -> None:
    """A text that begins with a brace and is no JSON is YAML: its separators count."""
    pod = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}\n"
    parsed = read_text(pod % "a" + "---\n" + pod % "b")
    assert [document.name for document in parsed.documents] == ["a", "b"]
    assert not parsed.broken
