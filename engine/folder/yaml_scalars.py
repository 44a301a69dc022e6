"""Plain YAML scalars as kubectl reads them: go-yaml v2's rules, then JSON's.

PyYAML and go-yaml disagree about many words, and a manifest must mean here what it means there:

- `y`, `n`, `on`, `off`, `yes`, `no` are booleans; dates and `12:30:45` are strings;
- `0o17` and `017` are 15, `0b11` is 3, `0x1f` is 31, `1_000` is 1000; `08` is 8 (a float that JSON prints as 8);
- `1e3` is 1000: a float without a fraction becomes an integer on its way through JSON;
- what does not fit 64 bits is a float; `1e999` is a string; `.inf` and `.nan` are errors, since JSON has neither.
"""

from __future__ import annotations

import math
import re
import struct
from typing import Any, Final

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_MAYBE_NUMBER: Final = frozenset("+-.0123456789")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INT: Final = re.compile(r"([-+]?)(?:0[bB]([01]+)|0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_NO_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAX_UINT64: Final = 2**64


class UnsupportedValue(ValueError):
    """A value that JSON cannot carry."""


def resolve(text: str) -> Scalar:
    """The value of an untagged plain scalar. Raises UnsupportedValue for infinities and NaN."""
    if not text or text[0] not in _MAYBE_NUMBER:
        return _WORDS.get(text, text) if len(text) < 6 else text
    if text.isdigit() and text[0] != "0" and len(text) < 19 and text.isascii():
        return int(text)
    if _NO_NUMBER.fullmatch(text):
        raise UnsupportedValue(f"json: unsupported value: {_go_name(text)}")
    if text[0] == ".":
        return _float(text) if _FLOAT.fullmatch(text) else text
    plain = text.replace("_", "")
    match = _INT.fullmatch(plain)
    if match:
        number = _int(match)
        if -(2**63) <= number < _MAX_UINT64:
            return number if number < 2**63 else float(number)
    if _FLOAT.fullmatch(plain):
        value = _float(plain)
        return text if isinstance(value, str) else value
    return text


def tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with a standard tag (`!!int "5"`). Raises ValueError when the two do not go together."""
    value = resolve(text)
    if tag == "null" and value is None:
        return None
    if tag == "bool" and isinstance(value, bool):
        return value
    if tag in ("int", "float") and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise ValueError(f"cannot decode !!{_tag_of(value)} `{text}` as a !!{tag}")


def key_text(value: Scalar) -> str:
    """A mapping key as a JSON key. Raises ValueError for null."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float32_text(value)
    raise ValueError("unsupported map key of type: null")


def _int(match: re.Match[str]) -> int:
    sign, binary, hexadecimal, octal, decimal = match.groups()
    if binary is not None:
        number = int(binary, 2)
    elif hexadecimal is not None:
        number = int(hexadecimal, 16)
    elif octal is not None:
        number = int(octal, 8)
    else:
        number = int(decimal)
    return -number if sign == "-" else number


def _float(text: str) -> int | float | str:
    value = float(text)
    if math.isinf(value):
        return text  # strconv.ParseFloat refuses it, so it stays the string it was
    if value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value


def _go_name(text: str) -> str:
    if text.lower().endswith("nan"):
        return "NaN"
    return "-Inf" if text.startswith("-") else "+Inf"


def _tag_of(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "bool", int: "int", float: "float"}.get(type(value), "str")


def _float32_text(value: float) -> str:
    """strconv.FormatFloat(value, 'g', -1, 32): how sigs.k8s.io/yaml writes a float key."""
    try:
        wanted = struct.pack("f", value)
    except OverflowError:
        return "+Inf" if value > 0 else "-Inf"
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.pack("f", float(text)) == wanted:
            mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
            power = int(exponent)
            if -4 <= power < 6:
                return f"{value:.{max(digits - 1 - power, 0)}f}"
            return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return repr(value)
