"""Quantities: exact, ordered, canonical."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import quantity
from engine.api.quantity import Quantity, QuantityError

SUFFIXES = {
    "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1), "k": Fraction(1000),
    "M": Fraction(10**6), "G": Fraction(10**9), "Ki": Fraction(1024), "Mi": Fraction(2**20), "Gi": Fraction(2**30),
    "Ti": Fraction(2**40),
}  # fmt: skip
numbers = st.tuples(
    st.sampled_from(["", "-", "+"]),
    st.integers(min_value=0, max_value=99_999),
    st.one_of(st.just(""), st.integers(min_value=0, max_value=999).map(lambda n: f".{n}")),
    st.sampled_from(sorted(SUFFIXES)),
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1024Mi", "1Gi"), ("0.5", "500m"), ("1000m", "1"), (".001Ki", "1024m"), ("1.5Gi", "1536Mi"), ("1e3", "1e3"),
        ("1E3", "1e3"), ("12e-1", "1200e-3"), ("0", "0"), ("0Gi", "0"), ("-1.5", "-1500m"), ("1500Mi", "1500Mi"),
        ("512", "512"), ("1Ki", "1Ki"), ("0.0001n", "1n"), ("123456789", "123456789"), ("+3", "3"), ("3000k", "3M"),
        ("100E", "100E"), ("16Ei", "9223372036854775807"), ("0.1Gi", "107374182400m"),
    ],
)  # fmt: skip
def test_canonical_form(text: str, canonical: str) -> None:
    """The largest suffix without a fraction, in the family that was written."""
    assert quantity.canonical(text) == canonical


@given(numbers)
def test_amount_is_exact(parts: tuple[str, int, str, str]) -> None:
    """The amount is the number times the suffix, rounded away from zero below a nano."""
    sign, whole, fraction, suffix = parts
    exact = Fraction(f"{whole}{fraction}") * SUFFIXES[suffix] * 10**9
    nano = -(-exact.numerator // exact.denominator)
    assert quantity.parse(f"{sign}{whole}{fraction}{suffix}").nano == (-nano if sign == "-" else nano)


@given(numbers)
def test_canonical_round_trip(parts: tuple[str, int, str, str]) -> None:
    """The canonical form means the same amount and is its own canonical form."""
    text = f"{parts[0]}{parts[1]}{parts[2]}{parts[3]}"
    canonical = quantity.canonical(text)
    assert quantity.parse(canonical).nano == quantity.parse(text).nano
    assert quantity.canonical(canonical) == canonical


@given(numbers, numbers)
def test_order(a: tuple[str, int, str, str], b: tuple[str, int, str, str]) -> None:
    """Quantities are ordered as their amounts are."""
    left, right = (quantity.parse("".join(map(str, each))) for each in (a, b))
    if left.nano != right.nano:
        assert (left < right) == (left.nano < right.nano)
    assert quantity.total([str(left), str(right)]).nano == left.nano + right.nano


@pytest.mark.parametrize("text", ["", "lots", "1 Gi", "1_0", "1.2.3", "Mi", ".", "1e", "--1", "٣"])
def test_no_quantity(text: str) -> None:
    """What is no quantity is refused in Kubernetes' words, whether the form or the suffix is wrong."""
    with pytest.raises(QuantityError) as caught:
        quantity.parse(text)
    assert str(caught.value) in (quantity.FORMAT_WRONG, quantity.SUFFIX_WRONG)


def test_units() -> None:
    """Both units round up; numbers are read as their JSON text."""
    assert quantity.milli("0.1") == 100
    assert quantity.milli("1u") == 1
    assert quantity.value("1Ki") == 1024
    assert quantity.value("100m") == 1
    assert quantity.milli(2) == 2000
    assert quantity.parse(0.5) == Quantity(5 * 10**8)
    assert quantity.rounded_to_milli("1.00001") == "1001m"
