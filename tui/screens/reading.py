"""A text to be read over the whole screen: decoded secrets, messages that were shown. Search, copy and save work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from textual.widget import Widget

from tui import highlight
from tui.keymap import KeyContext, Keymap
from tui.screens.base import BaseScreen
from tui.session import Session
from tui.widgets.text_view import TextView


class ReadingScreen(BaseScreen):
    """One text."""

    DEFAULT_CSS = """
    ReadingScreen > TextView { height: 1fr; padding: 1 2; }
    """

    def __init__(self, session: Session, keymap: Keymap, name: str, lines: Sequence[str]) -> None:
        super().__init__(session, keymap)
        self.NAME = name
        self._lines = lines
        self._text = TextView()
        self._text.wrapped = True

    def compose_body(self) -> Iterable[Widget]:
        yield self._text

    def on_mount(self) -> None:
        self._text.focus()
        self._text.show(list(self._lines), highlight.describe)

    def key_context(self) -> KeyContext:
        return KeyContext(("text", "reading"))

    def do_copy_text(self) -> None:
        self.app.copy_to_clipboard("\n".join(self._lines))
        self.notify(f"Copied {len(self._lines)} lines")

    def do_save_text(self) -> None:
        path = Path.cwd() / f"{self.NAME.replace(' ', '-')}.txt"
        try:
            path.write_text("\n".join(self._lines) + "\n")
        except OSError as error:
            self.notify(f"{path}: {error.strerror}", severity="error")
            return
        self.notify(f"Saved {path}")
