"""The app's part of a person's settings: read at start, read again whenever one of the files changes.

A file that cannot be used is told, with place and reason, and changes nothing: keys, colours and columns stay as they
were until it is right again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui.commands import DEEDS, SAME, SCREENS
from tui.keymap import Keymap, KeymapError, keys_path
from tui.session import Session
from tui.settings import THEMES, Settings, SettingsError, load_settings, settings_path

if TYPE_CHECKING:
    from textual.app import App

    _Base = App[None]
else:
    _Base = object

LOOK_SECONDS: Final = 1.0
TAKEN: Final = frozenset((*SCREENS, *SAME, *DEEDS))


def own_settings() -> Settings:
    """A person's settings. Raises SettingsError."""
    return load_settings(settings_path(), TAKEN)


class OwnSettings(_Base):
    """Settings of the app that follow their files."""

    session: Session
    keymap_of_actions: Keymap
    _keys_file: str | None
    _stamps: tuple[tuple[int, int] | None, ...] = ()

    def watch_settings_files(self) -> None:
        """From now on, read the files again when they change."""
        self._stamps = self._look()
        self.set_interval(LOOK_SECONDS, self.check_settings)

    def _look(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_stamp(path) for path in (settings_path(), keys_path(self._keys_file)))

    def check_settings(self) -> None:
        """Read the settings again if a file is another one now."""
        stamps = self._look()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            keys, settings = Keymap.load(self._keys_file), own_settings()
        except (KeymapError, SettingsError) as error:
            self.notify(str(error), title="Settings stay as they were", severity="error", timeout=15)
            return
        self.keymap_of_actions.become(keys)
        self.use_settings(settings)
        for screen in self.screen_stack:
            refresh = getattr(screen, "refresh_keys", None)
            if refresh is not None:
                refresh()
        self.notify("Settings were read again")

    def use_settings(self, settings: Settings) -> None:
        """Take names, columns and colours from now on; open tables keep the columns they have."""
        self.session.settings = settings
        for base in THEMES:
            self.register_theme(settings.theme(base))
        self.refresh_css(animate=False)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
