"""Find and replace, in one line below an editor: what to find, what to put there, plain words or a regular expression.

Typing finds as one goes; enter in the first field goes to the match and back to the text, enter in the second one
replaces it and goes on to the next. Keys beyond that are actions of the registry (view `find`).
"""

from __future__ import annotations

from typing import NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from tui.keymap import KeyContext


class Search(NamedTuple):
    """What is looked for."""

    words: str = ""
    new: str = ""
    """What replaces it."""
    regex: bool = False


class _Field(Input):
    """An input that leaves alt and a letter to the actions: terminals name the letter too."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key.startswith("alt+") and event.is_printable:
            event.prevent_default()  # else the input's own handler is called next, by Textual


class FindBar(Horizontal):
    """Hidden until `open`."""

    DEFAULT_CSS = """
    FindBar {
        height: 1; display: none; background: $panel;
        & .label { width: auto; padding: 0 1; color: $tone-dim; }
        & Input { border: none; height: 1; padding: 0 1; background: $surface; width: 1fr; }
        & Input:focus { background: $cursor-blurred; }
    }
    """

    class Edited(Message):
        """Other words, or another way to read them."""

        def __init__(self, search: Search) -> None:
            super().__init__()
            self.search = search

    class Found(Message):
        """enter in the first field: go on with the text."""

    class Replace(Message):
        """Replace the selected match and go on to the next, or all of them."""

        def __init__(self, everywhere: bool) -> None:
            super().__init__()
            self.everywhere = everywhere

    class Left(Message):
        """Closed without going on."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._words = _Field(placeholder="text", compact=True)
        self._new = _Field(placeholder="replacement (tab)", compact=True)
        self._mode = Static("find", classes="label")
        self.regex = False

    def compose(self) -> ComposeResult:
        yield self._mode
        yield self._words
        yield Static("replace by", classes="label")
        yield self._new

    def key_context(self) -> KeyContext:
        return KeyContext(("find",))

    @property
    def search(self) -> Search:
        return Search(self._words.value, self._new.value, self.regex)

    def open(self, words: str) -> None:
        """Show it with `words` chosen, so that typing replaces them."""
        self.display = True
        self._words.value = words
        self._words.action_select_all()
        self._words.focus()

    def close(self) -> None:
        self.display = False

    def tell(self, text: str) -> None:
        """Say which match it is, or what is wrong with the expression; "": what kind of words they are."""
        self._mode.update(text or ("regex" if self.regex else "find"))

    # -- events ------------------------------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display and event.input is self._words:
            self.post_message(self.Edited(self.search))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Found() if event.input is self._words else self.Replace(False))

    def on_key(self, event: events.Key) -> None:
        if event.key in ("tab", "shift+tab"):
            event.stop()
            event.prevent_default()
            (self._new if self._words.has_focus else self._words).focus()
        elif event.key == "escape":
            event.stop()
            event.prevent_default()
            self.post_message(self.Left())

    # -- actions -----------------------------------------------------------------------------------------------------

    def do_find_regex(self) -> None:
        self.regex = not self.regex
        self.tell("")
        self.post_message(self.Edited(self.search))

    def do_replace_all(self) -> None:
        self.post_message(self.Replace(True))
