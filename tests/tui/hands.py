"""Keys as a terminal sends them: one after the other, without waiting until the program is idle in between.

Textual's own `Pilot.press` sleeps after each key until the process uses no CPU, which a cluster that runs beside the
console hardly ever does: up to two seconds a key. Here keys are put into the app's queue, and then whatever was in any
widget's queue is let through: the app hands the key to the focused widget, this one to its ancestors, and they act.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from textual import events
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot

_ROUNDS: Final = 4
"""App, widget, its ancestors, and what they told others to do."""


class Hands(Pilot[None]):
    """A pilot that is as quick as the program."""

    async def press(self, *keys: str) -> None:
        """Press keys by their names (`enter`, `ctrl+f`) or characters; each is acted upon before the next."""
        for key in keys:
            self._send(key)
            await self._act()

    async def type(self, text: str) -> None:
        """Type faster than anybody acts on it."""
        for character in text:
            self._send(character)
        await self._act()

    def _send(self, key: str) -> None:
        if len(key) == 1:
            name, character = _character_to_key(key), key
        else:
            name = key
            try:
                character = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
            except KeyError:
                character = ""
        self.app.post_message(events.Key(name, character or None))

    async def _act(self) -> None:
        for _ in range(_ROUNDS):
            await self.pause(0)
