"""Kubernetes quantities: `500m`, `1.5Gi`, `2e3` read exactly, compared, and printed in canonical form.

A `Quantity` is an integer number of nano-units and the family of suffixes that it was written with. Finer than a nano
is rounded away from zero, as apimachinery's resource.Quantity does ("you want some resources if you got resources").
The canonical form has no fraction, the largest suffix that loses nothing, and keeps the family: `1024Mi` is `1Gi`,
`0.5` is `500m`, `1000m` is `1`, `1e3` stays `1e3`.

All readers are cached by text; parsing what was seen before costs a dictionary lookup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from engine.api.errors import ApiError

Family = Literal["decimal", "binary", "exponent"]

NANO: Final = 10**9
FORMAT_WRONG: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
SUFFIX_WRONG: Final = "unable to parse quantity's suffix"
_MOST: Final = (2**63 - 1) * NANO
"""Larger amounts are cut to this one, unless they are few digits with a decimal suffix."""
_FAST: Final = 15
_FORM: Final = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)\Z", re.ASCII)
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_EXPONENT: Final = re.compile(r"[eE]([-+]?\d+)\Z", re.ASCII)
_BINARY_SUFFIX: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL_SUFFIX: Final = {power: suffix for suffix, power in _DECIMAL.items()}


class QuantityError(ApiError, ValueError):
    """Text that is no quantity, in Kubernetes' words."""

    code, reason = 400, "BadRequest"


class Quantity(NamedTuple):
    """An exact amount. Ordered by amount first, so that `<` and `max` mean what they say."""

    nano: int
    """Amount in billionths of the unit."""
    family: Family = "decimal"

    def __str__(self) -> str:
        return _canonical(self)

    @property
    def milli(self) -> int:
        """Thousandths of the unit, rounded up."""
        return -(-self.nano // 10**6)

    @property
    def value(self) -> int:
        """Whole units, rounded up."""
        return -(-self.nano // NANO)


@lru_cache(maxsize=8192)
def _parse(text: str) -> Quantity:
    match = _FORM.match(text)
    if match is None:
        raise QuantityError(FORMAT_WRONG)
    sign, whole, fraction, suffix = match[1], match[2], match[3] or "", match[4]
    if not whole and not fraction:
        raise QuantityError(FORMAT_WRONG)
    family: Family
    digits, places = int(whole + fraction or "0"), len(fraction)
    if suffix in _BINARY:
        family, nano = "binary", _divide((digits << _BINARY[suffix]) * NANO, 10**places)
    else:
        if suffix in _DECIMAL:
            family, power = "decimal", _DECIMAL[suffix]
        else:
            exponent = _EXPONENT.match(suffix)
            if exponent is None:
                raise QuantityError(SUFFIX_WRONG)
            family, power = "exponent", int(exponent[1])
            if abs(power) > 400:
                power = 400 if power > 0 else -400
        shift = 9 + power - places
        nano = digits * 10**shift if shift >= 0 else _divide(digits, 10**-shift)
    if family == "binary" or len(whole) > _FAST:
        nano = min(nano, _MOST)
    if family == "binary" and 0 < nano < NANO:
        family = "decimal"
    return Quantity(-nano if sign == "-" else nano, family)


def _divide(amount: int, by: int) -> int:
    return -(-amount // by)


def parse(quantity: str | int | float) -> Quantity:
    """The exact amount. QuantityError for text that is none; numbers are read as their JSON text."""
    return _parse(quantity if type(quantity) is str else str(quantity))


@lru_cache(maxsize=8192)
def _milli(text: str) -> int:
    return _parse(text).milli


@lru_cache(maxsize=8192)
def _value(text: str) -> int:
    return _parse(text).value


def milli(quantity: str | int | float) -> int:
    """Thousandths of the unit, rounded up: `milli("0.1")` is 100 (cpu)."""
    return _milli(quantity if type(quantity) is str else str(quantity))


def value(quantity: str | int | float) -> int:
    """Whole units, rounded up: `value("1Ki")` is 1024 (bytes, pods)."""
    return _value(quantity if type(quantity) is str else str(quantity))


@lru_cache(maxsize=8192)
def _canonical_text(text: str) -> str:
    return _canonical(_parse(text))


def canonical(quantity: str | int | float) -> str:
    """The form in which Kubernetes gives the quantity back. QuantityError for text that is none."""
    return _canonical_text(quantity if type(quantity) is str else str(quantity))


def _canonical(quantity: Quantity) -> str:
    nano, family = quantity
    if family == "binary" and abs(nano) >= 1024 * NANO and nano % NANO == 0:
        number, step = nano // NANO, 0
        while number % 1024 == 0 and step < 6:
            number, step = number // 1024, step + 1
        return f"{number}{_BINARY_SUFFIX[step]}"
    if nano == 0:
        return "0"
    number, power = nano, -9
    while number % 1000 == 0 and power < 18:
        number, power = number // 1000, power + 3
    if family == "exponent":
        return f"{number}e{power}" if power else str(number)
    return f"{number}{_DECIMAL_SUFFIX[power]}"


def total(quantities: Iterable[str | int | float]) -> Quantity:
    """The sum, in the family of the first that is not zero."""
    amount, family = 0, None
    for each in map(parse, quantities):
        amount += each.nano
        if family is None and each.nano:
            family = each.family
    return Quantity(amount, family or "decimal")


def rounded_to_milli(quantity: str | int | float) -> str:
    """Canonical form with nothing finer than a thousandth: what a resource list is defaulted to."""
    exact = parse(quantity)
    if exact.nano % 10**6:
        away = _divide(abs(exact.nano), 10**6) * 10**6
        exact = Quantity(away if exact.nano > 0 else -away, exact.family)
        return _canonical(exact)
    return canonical(quantity)
