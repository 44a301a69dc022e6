"""Where the cursor stands in a half-typed manifest."""

from __future__ import annotations

import pytest

from tui.yaml_place import field_at, place_at

TEXT = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: first
---
apiVersion: apps/v1
kind: Deployment  # with a comment
metadata:
  name: web
  labels:
    app: web
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: web
        image: nginx
        ports:
        - containerPort: 80
          protocol: TCP
        re
      - name: second
        env:
          - name: A
            value: b
      volumes:
        - name: data
"""
LINES = TEXT.split("\n")


def row_of(text: str) -> int:
    return next(number for number, line in enumerate(LINES) if text in line)


@pytest.mark.parametrize(
    ("text", "path", "siblings"),
    [
        ("        re", ("spec", "template", "spec", "containers", "[]"), {"name", "image", "ports"}),
        ("          protocol", ("spec", "template", "spec", "containers", "[]", "ports", "[]"), {"containerPort"}),
        ("      volumes", ("spec", "template", "spec"), {"containers"}),
        ("    app: web", ("metadata", "labels"), set()),
        ("            value: b", ("spec", "template", "spec", "containers", "[]", "env", "[]"), {"name"}),
        ("        - name: data", ("spec", "template", "spec", "volumes", "[]"), set()),
        ("  replicas", ("spec",), {"template"}),
    ],
)
def test_path_and_siblings_of_a_key(text: str, path: tuple[str, ...], siblings: set[str]) -> None:
    """A key's mapping is found by indentation, lists at the parent's own column included."""
    row = row_of(text)
    indent = len(LINES[row]) - len(LINES[row].lstrip(" -"))
    place = place_at(LINES, row, indent + 2)
    assert place.path == path
    assert place.siblings == siblings
    assert (place.api_version, place.kind, place.key) == ("apps/v1", "Deployment", "")


def test_value_of_a_key() -> None:
    """Behind a colon the value of that field is typed."""
    row = row_of("          protocol: TCP")
    place = place_at(LINES, row, len("          protocol: T"))
    assert place.key == "protocol"
    assert place.word == "T"
    assert place.path[-2:] == ("[]", "protocol")


def test_the_document_of_the_cursor_counts() -> None:
    """Another document's kind is not ours."""
    assert place_at(LINES, 3, 4).kind == "ConfigMap"
    assert field_at(LINES, row_of("image: nginx")) == (
        "apps/v1",
        "Deployment",
        ("spec", "template", "spec", "containers", "[]", "image"),
    )


def test_no_text_is_no_crash() -> None:
    """Every place of every prefix of a manifest has an answer."""
    for end in range(0, len(TEXT), 7):
        lines = TEXT[:end].split("\n")
        place = place_at(lines, len(lines) - 1, len(lines[-1]))
        assert isinstance(place.path, tuple)
