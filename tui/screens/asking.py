"""Dialogs that ask for words: images of containers."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from tui.screens.dialogs import Dialog


class ImageDialog(Dialog[dict[str, str]]):
    """The images of containers by name; enter goes on to the next, and from the last one sets them."""

    DEFAULT_CSS = """
    ImageDialog { & .box { width: 90; } & .label { width: 24; text-wrap: nowrap; text-overflow: ellipsis; } }
    """

    def __init__(self, what: str, images: Mapping[str, str]) -> None:
        super().__init__()
        self._what, self._images = what, images

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(f"Images of {self._what}", classes="title", markup=False)
            yield Static("enter sets them, tab goes to the next container, esc leaves all as it is.", classes="text")
            for name, image in self._images.items():
                with Horizontal(classes="row"):
                    yield Static(name, classes="label", markup=False)
                    yield Input(image, compact=True, name=name, select_on_focus=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        wanted = {field.name or "": field.value.strip() for field in self.query(Input)}
        empty = next((name for name, image in wanted.items() if not image), None)
        if empty is not None:
            self.notify(f"Container {empty} needs an image", severity="error")
        else:
            self.dismiss(wanted)
