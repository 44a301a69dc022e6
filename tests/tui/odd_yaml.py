"""Pieces of YAML that are laid out as people do it: texts are put together from them at random."""

from __future__ import annotations

from random import Random

import yaml

FRAGMENTS = (
    "a: 1\n", "b:\n    c: 2   \n    d: [1,\n      2]\n", "# note\n", "  # deep note\n",
    "e: |\n      #!/bin/sh\n       x  \n\n", "f: >-\n   one\n   two\n\n   three\n", "g: &x {k: v}\nh: *x\n",
    "i:\n- 1\n-   j: 2\n    k: 3\n", 'l: "q\n  r"\n', "m: 'it''s # no'\n", "n: |+\n  keep\n\n\n",
    "o:\n  -  - 1\n     - 2\n",
    "p: !!str 5\n", "? q\n: r\n", "s: text # end\n", "t:\n   # before\n   u: 1\n   # after\n", "\n", '"v w": x\n',
    "y: # c\n     z: 1\n", "aa: |2\n    two more\n", "bb:\n-\n  cc: 1\n-\n  - dd\n", "ee: a\n  b\n   c\n",
    "ff: |\n\n   first blank\n", "gg: 日本 # 语\n", "hh: {a: 1, # in flow\n  b: 2}\n", "jj: {}\n",
)  # fmt: skip
SEAMS = ("---\n", "--- # c\n", "...\n---\n", "\n---\n")
HEADS = ("", "", "---\n", "# head\n---\n", "%YAML 1.1\n---\n", "\n---\n")


def odd_text(chance: Random) -> str:
    """One to three documents that can be read."""
    while True:
        documents = ["".join(chance.sample(FRAGMENTS, chance.randint(1, 4))) for _ in range(chance.randint(1, 3))]
        text = chance.choice(HEADS) + chance.choice(SEAMS).join(documents)
        try:
            values_of(text)
        except yaml.YAMLError:
            continue
        return text


def values_of(text: str) -> list[object]:
    """The documents' values; empty ones are left out. Raises yaml.YAMLError."""
    return [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each is not None]
