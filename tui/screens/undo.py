"""What undoing an action will do, shown before it is done."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from engine.client import UndoPlan, UndoStep
from tui.plan_text import value_text
from tui.screens.dialogs import Dialog
from tui.times import human_duration

_LOOKS = {
    "create": ("+", "$tone-ok", "put back"), "change": ("~", "$tone-warn", "changed back"),
    "delete": ("-", "$tone-bad", "deleted"), "keep": ("=", "$tone-dim", "left as it is"),
}  # fmt: skip
_MOST = 200
"""Steps that are shown; more are counted."""


class UndoDialog(Dialog[bool]):
    """Returns True when it shall be done."""

    DEFAULT_CSS = """
    UndoDialog {
        & .box { width: 100; }
        & VerticalScroll { height: auto; max-height: 50vh; margin: 1 0 0 0; scrollbar-size-vertical: 1; }
        & .step { height: auto; }
        & .note { height: auto; margin: 1 0 0 0; color: $tone-warn; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", "Up", id="undo.up"),
        Binding("down", "scroll(1)", "Down", id="undo.down"),
        Binding("pageup", "scroll(-8)", "Page up", id="undo.page-up"),
        Binding("pagedown", "scroll(8)", "Page down", id="undo.page-down"),
    ]

    def __init__(self, plan: UndoPlan, now: int, note: str = "") -> None:
        """`note`: what else there is to know before one decides."""
        super().__init__()
        self._plan, self._now, self._note = plan, now, note

    def compose(self) -> ComposeResult:
        plan = self._plan
        ago = human_duration(self._now - plan.intent.cluster_time)
        with Vertical(classes="box"):
            yield Static(f"Undo: {plan.intent.title}?", classes="title", markup=False)
            yield Static(f"{plan.intent.who}, {ago} ago · {self._counts()}", classes="dim", markup=False)
            with VerticalScroll(can_focus=False):
                for step in plan.steps[:_MOST]:
                    yield Static(step_text(step), classes="step")
                if len(plan.steps) > _MOST:
                    yield Static(f"and {len(plan.steps) - _MOST} more", classes="dim")
            if self._note and not plan.empty:
                yield Static(self._note, classes="note", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="no", compact=True)
                yield Button("Undo", id="yes", compact=True, disabled=plan.empty)

    def _counts(self) -> str:
        actions = [step.action for step in self._plan.steps]
        parts = [f"{actions.count(action)} {_LOOKS[action][2]}" for action in _LOOKS if action in actions]
        return ", ".join(parts) or "nothing is left to undo"

    def on_mount(self) -> None:
        self.query_one("#no" if self._plan.empty else "#yes").focus()

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes" or None)


def step_text(step: UndoStep) -> Content:
    """One object: sign, name, what changes; why it is kept."""
    sign, style, _ = _LOOKS[step.action]
    where = f"{step.namespace}/{step.name}" if step.namespace else step.name
    lines = [Content.assemble((f"{sign} ", f"bold {style}"), (f"{step.resource} {where}", style))]
    if step.note:
        lines.append(Content.styled(f"    {step.note}", "$tone-dim"))
    for change in step.changes[:8]:
        lines.append(
            Content.assemble(
                f"    {change.path}  ",
                (value_text(change.before), "$tone-dim"),
                " → ",
                (value_text(change.after), style),
            )
        )
    if len(step.changes) > 8:
        lines.append(Content.styled(f"    and {len(step.changes) - 8} more fields", "$tone-dim"))
    return Content("\n").join(lines)
