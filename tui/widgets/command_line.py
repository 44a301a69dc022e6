"""The line that `:` and `/` open at the bottom: typing, completion, history.

`:` completes kinds, short names, screens and namespaces; `/` filters as you type. Enter accepts, esc leaves, tab takes
the completion, up and down walk what was typed before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

Mode = Literal["command", "filter"]
LINE_KEYS: Final = ("escape", "tab", "up", "down", "enter")


class CommandInput(Input):
    """The text field; keys that it does not type go to the line."""

    BINDING_GROUP_TITLE = "Command line"

    async def on_key(self, event: events.Key) -> None:
        line = self.query_ancestor(CommandLine)
        line.last_key = event
        if event.key in LINE_KEYS:
            event.stop()
            event.prevent_default()
            line.key(event.key)


class CommandLine(Widget):
    """Hidden until it is opened."""

    DEFAULT_CSS = """
    CommandLine {
        height: auto; display: none; background: $panel;
        & Horizontal { height: 1; }
        & .prompt { width: 2; color: $tone-accent; text-style: bold; background: $panel; padding: 0; }
        & .hints { height: 1; color: $tone-dim; padding: 0 2; background: $panel; }
        & .hints { text-wrap: nowrap; text-overflow: ellipsis; }
        & CommandInput { border: none; height: 1; padding: 0; background: $panel; width: 1fr; }
        & CommandInput:focus { border: none; }
    }
    CommandLine.open { display: block; }
    """

    class Accepted(Message):
        def __init__(self, mode: Mode, text: str) -> None:
            super().__init__()
            self.mode, self.text = mode, text

    class Edited(Message):
        """The text is another one now (filters follow it)."""

        def __init__(self, mode: Mode, text: str) -> None:
            super().__init__()
            self.mode, self.text = mode, text

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, CommandLine.Edited)

    class Left(Message):
        """Somebody went away without accepting; `before` is what was there when it was opened."""

        def __init__(self, mode: Mode, before: str) -> None:
            super().__init__()
            self.mode, self.before = mode, before

    def __init__(self) -> None:
        super().__init__()
        self.mode: Mode = "command"
        self.complete: Callable[[str], Sequence[tuple[str, str]]] = lambda text: ()
        """What could be meant: (whole line, what it is) per candidate."""
        self.last_key: events.Key | None = None
        """The newest key that the text field got itself."""
        self._input = CommandInput(select_on_focus=False)
        self._input.cursor_blink = False
        self._prompt = Static(":", classes="prompt")
        self._hints = Static("", classes="hints")
        self._history: list[str] = []
        self._at = 0
        self._before = ""
        self._candidates: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        yield self._hints
        with Horizontal():
            yield self._prompt
            yield self._input

    @property
    def is_open(self) -> bool:
        return self.has_class("open")

    def open(self, mode: Mode, text: str, history: Sequence[str]) -> None:
        self.mode, self._before = mode, text
        self._history = [*history, text]
        self._at = len(self._history) - 1
        self._prompt.update(":" if mode == "command" else "/")
        self.add_class("open")
        self._input.value = text
        self._input.cursor_position = len(text)
        self._input.focus()
        self._suggest(text)

    def close(self) -> None:
        self.remove_class("open")

    def key(self, key: str) -> None:
        text = self._input.value
        if key == "escape":
            self.close()
            self.post_message(self.Left(self.mode, self._before))
        elif key == "enter":
            self.close()
            self.post_message(self.Accepted(self.mode, text))
        elif key == "tab" and self._candidates:
            # Tab again takes the next one.
            lines = [line for line, _ in self._candidates]
            follow = lines[(lines.index(text.rstrip()) + 1) % len(lines)] if text.rstrip() in lines else lines[0]
            kept = self._candidates
            self._put(follow)
            self._show(kept, follow)
        elif key in ("up", "down") and self._history:
            self._at = max(0, min(len(self._history) - 1, self._at + (1 if key == "down" else -1)))
            self._put(self._history[self._at])

    def type_ahead(self, event: events.Key) -> None:
        """Take a key that was on its way to another widget when the line was opened."""
        if event.key in LINE_KEYS:
            self.key(event.key)
        elif event.key == "backspace":
            self._input.action_delete_left()
        elif event.is_printable and event.character is not None:
            self._input.insert_text_at_cursor(event.character)

    def _put(self, text: str) -> None:
        with self.prevent(Input.Changed):
            self._input.value = text
        self._input.cursor_position = len(text)
        self.post_message(self.Edited(self.mode, text))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._suggest(event.value)
        self.post_message(self.Edited(self.mode, event.value))

    def _suggest(self, text: str) -> None:
        if self.mode == "filter":
            self.complain("")
            self._candidates = []
            return
        self._show(list(self.complete(text))[:12], text)

    def complain(self, complaint: str) -> None:
        """What is wrong with the filter that is being typed; "": nothing, only how filters are written."""
        if complaint:
            self._hints.update(Content.styled(f"✗ {complaint}", "$tone-bad"))
        else:
            self._hints.update("web  !web  -l app=web  -f fuzzy  cpu>500m  age<2h   enter keeps, esc clears")

    def _show(self, candidates: list[tuple[str, str]], text: str) -> None:
        self._candidates = candidates
        words = [line.rpartition(" ")[2] + (f" ({what})" if what else "") for line, what in candidates]
        self._hints.update("   ".join(words) if words else "no such command; ctrl-a lists all kinds")
