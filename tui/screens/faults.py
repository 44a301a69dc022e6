"""The dialog on `x`: what can be broken of what is chosen, what that does, for how long; and what is broken already.

Enter on a line does it, with the duration and the parameters that stand below; tab goes there. What the cluster refuses
is told in the dialog, and what was typed stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from engine.client import ClientError, Item, Json, new_intent
from tui.faults import FAULTS, Offer, left, manifests
from tui.screens.dialogs import Dialog
from tui.session import Session, answer
from tui.widgets.options import Options

_END = "end:"


class FaultChoice(NamedTuple):
    """What to do."""

    begin: Sequence[Json] = ()
    """Faults to create."""
    end: str = ""
    """Name of a fault to delete."""
    title: str = ""
    """In words, for the log."""


class FaultsDialog(Dialog[FaultChoice]):
    """What can be broken, and mended again."""

    DEFAULT_CSS = """
    FaultsDialog {
        & .box { width: 76; padding: 0 2; }
        & OptionList { max-height: 38vh; margin: 1 0; }
        & #does { height: 3; }
        & #refusal { height: auto; color: $tone-bad; display: none; }
    }
    """

    def __init__(
        self, session: Session, about: str, offers: Sequence[Offer], active: Sequence[Item], taken: Sequence[str]
    ) -> None:
        """`about`: what is chosen; `active`: faults that touch it; `taken`: names that faults have already."""
        super().__init__()
        self._session, self._about, self._taken = session, about, taken
        self._offers = {offer.action: offer for offer in offers}
        self._active = {fault.name: fault for fault in active}

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(f"Break {self._about}", classes="title", markup=False)
            yield Options(
                *(
                    Option(Content(f"■ End {name} ({left(fault, self._session.now())})"), id=f"{_END}{name}")
                    for name, fault in self._active.items()
                ),
                *(Option(Content(offer.title), id=action) for action, offer in self._offers.items()),
                compact=True,
            )  # fmt: skip
            yield Static("", id="does", classes="dim", markup=False)
            with Horizontal(classes="row"):
                yield Static("duration", classes="label")
                yield Input(placeholder="until it is ended; or 90s, 10m, 2h", id="duration", compact=True)
            with Horizontal(classes="row", id="more"):
                yield Static("parameters", classes="label")
                yield Input(id="parameters", compact=True)
            yield Static("", id="refusal", markup=False)
            yield Static("enter does it   tab duration, parameters   esc leaves", classes="dim", markup=False)

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.highlighted = 0
        options.focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        offer = self._offers.get(event.option_id or "")
        self.query_one("#more").display = offer is not None and bool(offer.example)
        if offer is None:
            fault = self._active.get((event.option_id or "").removeprefix(_END))
            spec = (fault.obj.get("spec") or {}) if fault is not None else {}
            words = f"{spec.get('action', '')} ends now: everything is as it was declared."
        else:
            words = offer.does
            self.query_one("#parameters", Input).placeholder = offer.example
        self.query_one("#does", Static).update(words)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._decide()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._decide()

    def _decide(self) -> None:
        options = self.query_one(OptionList)
        ident = options.get_option_at_index(options.highlighted or 0).id or ""
        if ident.startswith(_END):
            name = ident.removeprefix(_END)
            self.dismiss(FaultChoice(end=name, title=f"end fault {name}"))
            return
        offer = self._offers[ident]
        duration, parameters = self.query_one("#duration", Input).value, self.query_one("#parameters", Input).value
        try:
            made = manifests(offer, duration, parameters if offer.example else "", self._taken)
        except ValueError as error:
            self._refuse(str(error))
            return
        self._try(made, f"{offer.title.lower()}: {self._about}")

    @work(exclusive=True, exit_on_error=False)
    async def _try(self, made: Sequence[Json], title: str) -> None:
        """Ask whether the cluster would take it."""
        client = self._session.client
        try:
            await answer(client.create(FAULTS, "", made[0], intent=new_intent(title), dry_run=True))
        except ClientError as error:
            self._refuse(error.message)
            return
        self.dismiss(FaultChoice(made, title=title))

    def _refuse(self, why: str) -> None:
        refusal = self.query_one("#refusal", Static)
        refusal.update(why)
        refusal.display = True
