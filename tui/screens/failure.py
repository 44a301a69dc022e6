"""What is shown when the cluster cannot run: what happened, and what can be done."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui.keymap import Keymap
from tui.screens.base import BaseScreen
from tui.session import Session


def remedy(error: BaseException) -> str:
    """What a person can do about it."""
    name, text = type(error).__name__, str(error).lower()
    if name == "Damaged" or "damaged" in text or "malformed" in text:
        return (
            "The store was left as it was. Start with another one (--store FILE, or --memory for none), "
            "or restore a copy of this file."
        )
    if name == "NewerFormat" or "newer" in text:
        return "The store was left as it was. Install a newer Kubarium, or start with another store (--store FILE)."
    if "write any more" in text:
        return (
            "Everything that was acknowledged is in the store. Make room where it lies, then start again; "
            "or go on with a store elsewhere (--store FILE)."
        )
    if "lock" in text or "open in another" in text:
        return (
            "Go on in that one, or leave it; `kubarium get`, `why` and `kubarium kubectl` speak to it from here. "
            "For a second cluster start with another folder, another store (--store FILE), or none (--memory)."
        )
    if isinstance(error, PermissionError) or "permission" in text or "unable to open" in text:
        return (
            "Check that the folder and the store's directory can be read and written, or choose another (--store FILE)."
        )
    return "Start again; if it stays, start with an empty store (--memory) to see whether it is the store."


class FailureScreen(BaseScreen):
    """The cluster did not start, or cannot go on."""

    NAME = "not running"
    DEFAULT_CSS = """
    FailureScreen > VerticalScroll { height: 1fr; padding: 1 2; background: $surface; }
    """

    def __init__(self, session: Session, keymap: Keymap, error: BaseException) -> None:
        super().__init__(session, keymap)
        self._error = error

    def compose_body(self) -> Iterable[Widget]:
        error = self._error
        said = str(error) or type(error).__name__
        with VerticalScroll():
            yield Static(
                Content.assemble(
                    ("✗ The cluster cannot run\n\n", "bold $tone-bad"),
                    (said, "$foreground"),
                    "\n\n",
                    (remedy(error), "$tone-accent"),
                    ("\n\nq leaves.", "$tone-dim"),
                )
            )

    def do_back(self) -> None:
        self.app.exit(return_code=1)

    def do_quit(self) -> None:
        self.app.exit(return_code=1)
