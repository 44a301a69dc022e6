"""A dialog that asks for one line of text."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from tui.screens.dialogs import Dialog


class PromptDialog(Dialog[str]):
    """Returns the text, None when it was left."""

    def __init__(self, title: str, placeholder: str, text: str = "") -> None:
        super().__init__()
        self._title, self._placeholder, self._text = title, placeholder, text

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(self._title, classes="title", markup=False)
            yield Input(self._text, placeholder=self._placeholder, compact=True)
            yield Static("⏎ does it · esc leaves", classes="dim", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
