"""A dialog to choose one of many lines: type to narrow, up and down, enter. For outlines and templates."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Container, Sequence
from typing import Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.screens.dialogs import Dialog
from tui.widgets.options import Options

_MOST: Final = 200
"""Lines shown at once; typing finds the others."""


class PickDialog(Dialog[int]):
    """Returns the index of the chosen line, None when it was left."""

    DEFAULT_CSS = """
    PickDialog {
        & .box { width: 84; height: 80%; }
        & OptionList { height: 1fr; max-height: 100%; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(
        self, title: str, lines: Sequence[tuple[str, str]], start: int = 0, folded: Container[int] = ()
    ) -> None:
        """`lines`: (text, remark) each; `start`: the one chosen at first; `folded`: those that only typing finds."""
        super().__init__()
        self._title, self._lines, self._start, self._folded = title, lines, start, folded
        self._shown: list[int] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(self._title, classes="title", markup=False)
            yield Input(placeholder="type to narrow", compact=True)
            yield Options(compact=True)
            yield Static("", classes="dim", id="count", markup=False)

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.can_focus = False
        self._fill("")
        self.query_one(Input).focus()

    def _fill(self, words: str) -> None:
        parts = words.lower().split()
        fitting = [i for i, (text, more) in enumerate(self._lines) if all(p in f"{text} {more}".lower() for p in parts)]
        if parts:  # what is meant by its name comes before what is only said about others; both in their order
            fitting.sort(key=lambda i: not self._lines[i][0].lower().strip().startswith(parts[0]))
        else:
            fitting = [i for i in fitting if i not in self._folded]
        first = max(0, min(bisect(fitting, self._start) - _MOST // 2, len(fitting) - _MOST)) if not parts else 0
        self._shown = fitting[first : first + _MOST]
        options = self.query_one(OptionList)
        options.set_options(
            Option(Content.assemble(self._lines[i][0], (f"  {self._lines[i][1]}", "$tone-dim"))) for i in self._shown
        )
        options.highlighted = self._shown.index(self._start) if self._start in self._shown else 0
        rest = len(fitting) - len(self._shown)
        said = f"{rest} more: type to find them" if rest else "" if fitting else "Nothing is called so"
        self.query_one("#count", Static).update(said)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    def on_key(self, event: events.Key) -> None:
        options = self.query_one(OptionList)
        step = {"up": "cursor_up", "down": "cursor_down", "pageup": "page_up", "pagedown": "page_down"}.get(event.key)
        if step is not None:
            event.stop()
            event.prevent_default()
            getattr(options, f"action_{step}")()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None and self._shown:
            self.dismiss(self._shown[highlighted])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._shown[event.option_index])
