"""Dialogs: scale, confirm, kubectl; the frame of all. Each returns the choice, None when it was left with esc.

They are small and keyboard-first: tab walks, arrows choose, enter does it, esc leaves. What a dialog will do is said in
words before it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from engine.client import Item
from tui.widgets.options import Options

T = TypeVar("T")


class Dialog(ModalScreen[T | None]):
    """The frame of every dialog."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle; background: $background 60%;
        & .box { width: 66; max-width: 96%; height: auto; max-height: 90%; background: $panel; padding: 0 1; }
        & .box { border: round $rule; }
        & .title { text-style: bold; color: $tone-strong; height: auto; }
        & .danger { color: $tone-bad; }
        & .text { height: auto; color: $foreground; margin: 0 0 1 0; }
        & .dim { color: $tone-dim; height: auto; }
        & .buttons { height: 1; margin: 1 0 0 0; }
        & Button { min-width: 12; margin: 0 2 0 0; background: $surface; color: $foreground; }
        & Button:focus { background: $cursor-background; color: $cursor-foreground; }
        & Button:focus { text-style: $button-focus-text-style; }
        & Input { border: none; height: 1; padding: 0 1; background: $surface; width: 1fr; }
        & Input > .input--placeholder { color: $tone-dim; }
        & .row { height: 1; }
        & .label { width: 14; color: $tone-dim; }
        & OptionList { border: none; height: auto; max-height: 50vh; background: $panel; padding: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="dialog.leave"),
        Binding("left,right", "other_button", "Other button", id="dialog.other"),
    ]

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_other_button(self) -> None:
        if isinstance(self.focused, Button):
            buttons = list(self.query(Button))
            buttons[(buttons.index(self.focused) + 1) % len(buttons)].focus()


class ConfirmDialog(Dialog[bool]):
    """Yes or no."""

    def __init__(self, title: str, text: str, yes: str, danger: bool = False) -> None:
        super().__init__()
        self._words = (title, text, yes)
        self._danger = danger

    def compose(self) -> ComposeResult:
        title, text, yes = self._words
        with Vertical(classes="box"):
            yield Static(title, classes="title danger" if self._danger else "title", markup=False)
            yield Static(text, classes="text", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="no", compact=True)
                yield Button(yes, id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no" if self._danger else "#yes").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes" or None)


class ScaleDialog(Dialog[int]):
    """How many replicas."""

    def __init__(self, resource: str, items: Sequence[Item]) -> None:
        super().__init__()
        self._resource, self._items = resource, items

    def compose(self) -> ComposeResult:
        items = self._items
        what = items[0].name if len(items) == 1 else f"{len(items)} {self._resource.partition('.')[0]}"
        now = int((items[0].obj.get("spec") or {}).get("replicas", 1))
        with Vertical(classes="box"):
            yield Static(f"Scale {what}", classes="title", markup=False)
            yield Static(f"{now} replicas now. up and down change the number, enter scales.", classes="text")
            with Horizontal(classes="row"):
                yield Static("replicas", classes="label")
                yield Input(str(now), type="integer", id="replicas", compact=True)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "by(1)", "More", id="scale.more"),
        Binding("down", "by(-1)", "Fewer", id="scale.fewer"),
    ]

    def action_by(self, by: int) -> None:
        field = self.query_one("#replicas", Input)
        now = int(field.value) if field.value.isdigit() else 0
        field.value = str(max(0, now + by))
        field.cursor_position = len(field.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if not event.value.isdigit():
            self.notify("Replicas are a whole number, 0 or more", severity="error")
            return
        self.dismiss(int(event.value))


class KubectlDialog(Dialog[None]):
    """Commands to copy."""

    DEFAULT_CSS = """
    KubectlDialog OptionList { max-height: 60vh; }
    """

    def __init__(self, commands: Sequence[tuple[str, str]], title: str = "With kubectl") -> None:
        """`commands`: (what, command) each."""
        super().__init__()
        self._commands, self._title = commands, title

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(self._title, classes="title", markup=False)
            yield Static("enter copies the command", classes="dim")
            yield Options(*(Option(Content(f"{what:9} {command}")) for what, command in self._commands), compact=True)

    def on_mount(self) -> None:
        box: Any = self.query_one(".box")
        box.styles.width = min(140, max(len(command) for _, command in self._commands) + 18)
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.app.copy_to_clipboard(self._commands[event.option_index][1])
        self.notify("Copied")
        self.dismiss(None)
