"""A question with several answers; the first is the safe one and has the focus."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from tui.screens.dialogs import Dialog


class ChoiceDialog(Dialog[str]):
    """Returns the id of the answer, None when it was left."""

    DEFAULT_CSS = """
    ChoiceDialog { & .box { width: 76; } & Button { width: auto; min-width: 8; } }
    """

    def __init__(self, title: str, text: str, answers: Sequence[tuple[str, str]]) -> None:
        """`answers`: (id, words on the button)."""
        super().__init__()
        self._words, self._answers = (title, text), answers

    def compose(self) -> ComposeResult:
        title, text = self._words
        with Vertical(classes="box"):
            yield Static(title, classes="title", markup=False)
            yield Static(text, classes="text", markup=False)
            with Horizontal(classes="buttons"):
                for ident, words in self._answers:
                    yield Button(words, id=ident, compact=True)

    def on_mount(self) -> None:
        self.query(Button).first().focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id)
