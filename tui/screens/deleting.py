"""Before something is deleted: what goes, all that goes with it, how; and a confirmation that grows with the damage.

Deleting a few objects is one key. A namespace takes everything in it along, so its name has to be typed; where many
objects go, their number has to be. What goes is counted by the cluster, not guessed from names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from engine.client import ClientError, Item, Query
from tui.screens.dialogs import Dialog
from tui.session import Session, answer
from tui.widgets.options import Options

MANY: Final = 25
"""From so many objects on, their number has to be typed."""


@dataclass(frozen=True, slots=True)
class DeleteChoice:
    """How to delete."""

    propagation: Literal["Background", "Foreground", "Orphan"] | None
    grace: int | None
    """Seconds; None: the object's own."""


_PROPAGATION: Final[tuple[tuple[Literal["Background", "Foreground", "Orphan"], str], ...]] = (
    ("Background", "it goes now, dependents follow"),
    ("Foreground", "dependents go first, then it"),
    ("Orphan", "dependents stay and lose their owner"),
)


class DeleteDialog(Dialog[DeleteChoice]):
    """What goes, what goes with it, how."""

    def __init__(self, session: Session, resource: str, items: Sequence[Item]) -> None:
        super().__init__()
        self._session, self._resource, self._items = session, resource, items
        self._password = self._password_of(len(items))
        """What has to be typed; "" nothing."""

    def _password_of(self, total: int) -> str:
        if self._resource == "namespaces":
            return self._items[0].name if len(self._items) == 1 else f"{len(self._items)} namespaces"
        return str(total) if total >= MANY else ""

    def compose(self) -> ComposeResult:
        items = self._items
        called = self._session.called(self._resource, len(items))
        what = f"{called} {items[0].name}" if len(items) == 1 else called
        with Vertical(classes="box"):
            yield Static(f"Delete {what}?", classes="title danger", markup=False)
            if len(items) > 1:
                names = ", ".join(item.name for item in items[:8])
                more = f" and {len(items) - 8} more" if len(items) > 8 else ""
                yield Static(f"{names}{more}", classes="dim", markup=False)
            yield Static("Counting what goes with it …", id="preview", classes="text", markup=False)
            yield Options(
                *(Option(f"{word:12} {text}", id=word) for word, text in _PROPAGATION), id="propagation", compact=True
            )
            with Horizontal(classes="row"):
                yield Static("grace seconds", classes="label")
                yield Input(placeholder="its own", type="integer", id="grace", compact=True)
            with Horizontal(classes="row", id="confirm"):
                yield Static("", classes="label danger", id="type")
                yield Input(id="typed", compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="no", compact=True)
                yield Button("Delete", id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#propagation", OptionList).highlighted = 0
        if self._resource == "namespaces":  # what is in a namespace has no choice
            self.query_one("#propagation").display = False
        self._ask()
        self.query_one("#typed" if self._password else "#no").focus()
        self.run_worker(self._preview(), exit_on_error=False)

    def _ask(self) -> None:
        self.query_one("#confirm").display = bool(self._password)
        if self._password:
            self.query_one("#type", Static).update(Content("to confirm"))
            self.query_one("#typed", Input).placeholder = f"type {self._password}"

    async def _preview(self) -> None:
        preview = self.query_one("#preview", Static)
        try:
            found = await (self._inside() if self._resource == "namespaces" else self._dependents())
        except ClientError as error:
            preview.update(Content(error.message))
            return
        total = sum(map(len, found.values()))
        if not total:
            preview.update("Nothing goes with it.")
            return
        counts = ", ".join(f"{len(items)} {kind}" for kind, items in sorted(found.items()))
        names = ", ".join([item.name for items in found.values() for item in items[:3]][:8])
        go = "more object goes" if total == 1 else "more objects go"
        preview.update(Content(f"{total} {go} with it: {counts} ({names}{' …' if total > 3 else ''})"))
        password = self._password_of(len(self._items) + total)
        if password != self._password:
            self._password = password
            self._ask()
            self.query_one("#typed").focus()

    async def _dependents(self) -> dict[str, list[Item]]:
        found: dict[str, list[Item]] = {}
        preview, count = self.query_one("#preview", Static), len(self._items)
        for place, item in enumerate(self._items):
            if place and not place % 20:
                preview.update(f"Counting what goes with it: {place} of {count} …")
            answered = self._session.client.delete_preview(self._resource, item.namespace, item.name)
            for dependent in await answer(answered):
                found.setdefault(str(dependent.obj.get("kind", "?")), []).append(dependent)
        return found

    async def _inside(self) -> dict[str, list[Item]]:
        """Everything that is in the namespaces."""
        client = self._session.client
        kinds = [k for k in self._session.kinds if k.namespaced and "list" in k.verbs and k.kind != "Event"]
        asked = [(kind, client.list(Query(kind.resource, item.name))) for item in self._items for kind in kinds]
        lists = await asyncio.gather(*(answer(future) for _, future in asked))
        found: dict[str, list[Item]] = {}
        for (kind, _), items in zip(asked, lists, strict=True):
            if items:
                found.setdefault(kind.kind, []).extend(items)
        return found

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.query_one("#grace").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one("#yes").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id != "yes":
            self.dismiss(None)
            return
        if self._password and self.query_one("#typed", Input).value.strip() != self._password:
            self.notify(f"Type {self._password} to confirm", severity="error")
            self.query_one("#typed").focus()
            return
        highlighted = self.query_one("#propagation", OptionList).highlighted or 0
        text = self.query_one("#grace", Input).value.strip()
        if text and (not text.isdigit()):
            self.notify("Grace is a number of seconds, 0 or more", severity="error")
            return
        propagation = None if self._resource == "namespaces" else _PROPAGATION[highlighted][0]
        self.dismiss(DeleteChoice(propagation, int(text) if text else None))
