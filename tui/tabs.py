"""Tabs: several views side by side, each with its own way in, filter, cursor and history of commands.

A tab is one of Textual's modes, that is a stack of screens with a home screen of its own. Leaving a tab pauses what its
screens follow; coming back finds them as they were. The clock, a moment of the past that is looked at, marks of faults
and everything else of the cluster are one and the same in all of them. The strip stands in the header once there are
two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from textual.screen import Screen

from tui.blame import Blamed
from tui.keymap import Keymap
from tui.screens.base import BaseScreen
from tui.screens.cluster import ClusterScreen
from tui.session import Session, ViewState

if TYPE_CHECKING:
    from textual.app import App

    _Base = App[None]
else:
    _Base = object

FIRST: Final = "tab 1"
MOST: Final = 9


@dataclass(slots=True)
class Tab:
    """What a tab keeps of the session while another one is open."""

    mode: str
    title: str = "cluster"
    namespace: str | None = None
    commands: list[str] = field(default_factory=list)
    place: int = -1
    kept: dict[str, ViewState] = field(default_factory=dict)
    screens: tuple[Screen[Any], ...] = ()
    """Its stack, from its home screen on; of the open tab, as it was when it was left last."""


class Tabs(_Base):
    """The app's tabs."""

    session: Session
    keymap_of_actions: Keymap

    def begin_tabs(self, home: ClusterScreen) -> None:
        """The first tab, around the home screen that the app starts with."""
        self._tabs = [Tab(FIRST)]
        self._open_tab = 0
        self._made_tabs = 1
        self.session.tabs = self.tab_titles
        self.add_mode(FIRST, lambda: home)

    def tab_titles(self) -> list[tuple[str, bool]]:
        """(what it shows, is it the open one) in their order."""
        here = self._title()
        return [
            (here if at == self._open_tab else tab.title, at == self._open_tab) for at, tab in enumerate(self._tabs)
        ]

    def show_tab(self, *words: str) -> None:
        """`:tab 2` goes to the second one; else a new tab: what `words` command, or the home screen."""
        if len(words) == 1 and words[0].isdecimal():
            if 1 <= int(words[0]) <= len(self._tabs):
                self._go(int(words[0]) - 1)
            else:
                self.notify(f"There is no tab {words[0]}", severity="warning")
            return
        if len(self._tabs) == MOST:
            self.notify(f"{MOST} tabs are open: close one first", severity="warning")
            return
        self._keep()
        self._made_tabs += 1
        tab = Tab(f"tab {self._made_tabs}", namespace=self.session.namespace)
        self._tabs.insert(self._open_tab + 1, tab)
        self.add_mode(tab.mode, lambda: ClusterScreen(self.session, self.keymap_of_actions))
        self._enter(self._open_tab + 1)
        if words:
            self.run_command(" ".join(words))

    def do_tab_new(self) -> None:
        self.show_tab()

    def do_tab_step(self, by: str) -> None:
        """To the next one or the one before, round and round."""
        if len(self._tabs) == 1:
            self.notify("There is one tab only; + opens another", severity="warning")
            return
        self._go((self._open_tab + int(by)) % len(self._tabs))

    def do_tab_close(self) -> None:
        if not self.close_tab():
            self.notify("This is the only tab: q on the home screen leaves the console", severity="warning")

    def close_tab(self) -> bool:
        """Close the open tab; the one before it opens. False if there is no other."""
        if len(self._tabs) == 1:
            return False
        gone = self._tabs.pop(self._open_tab)
        self._enter(max(0, self._open_tab - 1))
        self.remove_mode(gone.mode)
        return True

    def go_to_manifests(self, path: str | None, line: int, fields: Sequence[Blamed]) -> bool:
        """To the editor where it is open, in this tab or another: two hold two texts of a file. False: nowhere."""
        from tui.screens.manifest_view import ManifestView

        places = [self._open_tab, *(at for at in range(len(self._tabs)) if at != self._open_tab)]
        for at in places:
            screens = self.screen_stack if at == self._open_tab else self._tabs[at].screens
            if not any(isinstance(screen, ManifestView) for screen in screens):
                continue
            self._go(at)
            while not isinstance(self.screen, ManifestView):
                self.pop_screen()
            if path is not None:
                self.screen.open_at(path, line, fields)
            return True
        return False

    # -- from one to another -----------------------------------------------------------------------------------------

    def _go(self, at: int) -> None:
        if at != self._open_tab:
            self._keep()
            self._enter(at)

    def _keep(self) -> None:
        tab, session = self._tabs[self._open_tab], self.session
        tab.title = self._title()
        tab.namespace, tab.commands, tab.place, tab.kept = (
            session.namespace, session.commands, session.place, session.kept,
        )  # fmt: skip
        tab.screens = tuple(self.screen_stack)

    def _enter(self, at: int) -> None:
        self._open_tab = at
        tab, session = self._tabs[at], self.session
        session.namespace, session.commands, session.place, session.kept = (
            tab.namespace, tab.commands, tab.place, tab.kept,
        )  # fmt: skip
        self.switch_mode(tab.mode)

    def _title(self) -> str:
        """Of the open tab: its screen's name, and the filter if there is one."""
        screen = next((each for each in reversed(self.screen_stack) if isinstance(each, BaseScreen)), None)
        if screen is None:
            return "cluster"
        filtered = screen.header.filter_text
        return f"{screen.NAME} /{filtered}" if filtered else screen.NAME

    def run_command(self, text: str, again: bool = False) -> None:
        raise NotImplementedError
