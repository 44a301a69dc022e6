"""Equal parts of objects kept once: pods of one template differ in a few fields, yet a decoded pod is 15 KB of dicts.

In: an object fresh from its bytes. Out: the same object, in which sub-trees and strings that an earlier one had as
well are that earlier one's. What objects are made of is read-only, so nobody can tell the difference.

A part is known by its bytes; where the whole is new, its own parts are looked for. Parts not met again for some
thousand others are forgotten, so objects that have nothing in common cost no memory here.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from store.types import JsonObject

_GENERATION: Final = 4_000
"""Parts, or strings, remembered before those not met since the last time are forgotten."""
_LARGE: Final = 9
"""Keys from which a copy of a dict is smaller than what the decoder made."""
_LONGEST: Final = 64
"""Characters of a string that others may have as well; what is longer is a digest or a message."""


class Sharing:
    """Parts of the objects seen of late."""

    def __init__(self) -> None:
        self._parts: dict[bytes, Any] = {}
        self._older_parts: dict[bytes, Any] = {}
        self._strings: dict[str, str] = {}
        self._older_strings: dict[str, str] = {}

    def share(self, obj: JsonObject) -> JsonObject:
        """The object itself, its parts shared. It must be fresh: it is changed in place."""
        for key, section in obj.items():
            if type(section) is dict:
                section = obj[key] = _small(section)
                self._share_dict(section)
            elif type(section) is str:
                obj[key] = self._string(section)
        return obj

    def _share_dict(self, whole: dict[str, Any]) -> None:
        for key, value in whole.items():
            kind = type(value)
            if kind is str:
                if len(value) <= _LONGEST:
                    whole[key] = self._string(value)
            elif kind is dict or kind is list:
                whole[key] = self._part(value)

    def _part(self, value: Any) -> Any:
        raw = orjson.dumps(value)
        known = self._parts.get(raw)
        if known is not None:
            return known
        known = self._older_parts.get(raw)
        if known is None:
            if type(value) is dict:
                known = _small(value)
                self._share_dict(known)
            else:
                known = value
                for place, item in enumerate(value):
                    if type(item) is dict or type(item) is list:
                        value[place] = self._part(item)
        if len(self._parts) >= _GENERATION:
            self._older_parts, self._parts = self._parts, {}
        self._parts[bytes(memoryview(raw))] = known
        return known

    def _string(self, text: str) -> str:
        known = self._strings.get(text)
        if known is not None:
            return known
        known = self._older_strings.get(text, text)
        if len(self._strings) >= _GENERATION:
            self._older_strings, self._strings = self._strings, {}
        self._strings[text] = known
        return known


def _small(whole: dict[str, Any]) -> dict[str, Any]:
    """The same in less room where it is large: a decoder's dicts are made to be added to, by keys of any type."""
    return whole if len(whole) < _LARGE else dict(whole.items())
