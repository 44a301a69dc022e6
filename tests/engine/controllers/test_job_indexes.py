"""Sets of indexes hold what a set of numbers holds, and read back what they write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.controllers.job.indexes import NONE, Indexes, parse_indexes

NUMBERS = st.sets(st.integers(0, 60), max_size=40)


def made(numbers: set[int]) -> Indexes:
    return NONE.with_indexes(sorted(numbers))


@pytest.mark.parametrize(
    ("numbers", "text"),
    [(set(), ""), ({3}, "3"), ({1, 2}, "1,2"), ({1, 2, 3}, "1-3"), ({0, 2, 3, 4, 5, 7}, "0,2-5,7")],
)
def test_written_as_kubernetes_does(numbers: set[int], text: str) -> None:
    """Two neighbours have a comma between them, three and more a hyphen."""
    assert str(made(numbers)) == text


@given(NUMBERS, st.integers(0, 80))
def test_reads_back(numbers: set[int], below: int) -> None:
    """What is under the number of completions comes back."""
    assert parse_indexes(str(made(numbers)), below) == made({n for n in numbers if n < below})


@given(NUMBERS, NUMBERS)
def test_is_a_set(a: set[int], b: set[int]) -> None:
    """Size, membership, union and intersection are a set's."""
    mine, yours = made(a), made(b)
    assert mine.total == len(a)
    assert [n for n in range(65) if n in mine] == sorted(a)
    assert mine.merged(yours) == made(a | b) == mine.with_indexes(b)
    assert mine.common(yours) == len(a & b)


@given(NUMBERS, st.integers(0, 70), st.integers(0, 70))
def test_first_missing(numbers: set[int], count: int, below: int) -> None:
    """The lowest numbers that are not in it."""
    assert made(numbers).first_missing(count, below) == [n for n in range(below) if n not in numbers][:count]


def test_text_that_is_no_number_is_passed_over() -> None:
    """A status that somebody spoilt costs what cannot be read, no more."""
    assert str(parse_indexes("1,x,3-y,5-7", 100)) == "1,5-7"
