"""What all full screens share: header, command line, key bar, and the way from a key to its action.

A pressed key is resolved by the key map in the context of the focused widget; the action's handler `do_<handler>` is
looked for from that widget up to the screen and the app. Text fields keep the keys they type.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from engine.client import ClientError
from tui.actions import Action
from tui.commands import candidates
from tui.feed import Feed
from tui.keymap import TYPING, KeyContext, Keymap, pressed, shown
from tui.session import Session
from tui.widgets.command_line import CommandLine
from tui.widgets.header import HeaderBar
from tui.widgets.key_bar import KeyBar
from tui.widgets.pane import ResourcePane
from tui.widgets.text_view import TextView
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from tui.app import KubariumApp


class BaseScreen(Screen[None]):
    """A screen of the console."""

    DEFAULT_CSS = """
    BaseScreen { layout: vertical; background: $background; }
    BaseScreen > .body { height: 1fr; }
    """
    NAME = ""
    """What the header calls it."""

    def __init__(self, session: Session, keymap: Keymap) -> None:
        super().__init__()
        self.session, self.keymap = session, keymap
        self.header = HeaderBar(session)
        self.command_line = CommandLine()
        self.key_bar = KeyBar(keymap)
        self.feeds: list[Feed] = []
        """What the screen follows: paused while another one covers it."""
        self._focus_before: Widget | None = None
        self._unlisten_session = session.listen(self.session_changed)
        self._told: object = None

    # -- what a screen says of itself ----------------------------------------------------------------------------

    def compose_body(self) -> Iterable[Widget]:
        """The widgets between header and key bar."""
        return ()

    def panes(self) -> list[Widget]:
        """What tab walks through."""
        return [table for table in self.query("VirtualTable, TextView") if table.display and table.focusable]

    @property
    def filter_target(self) -> ResourcePane | TextView | None:
        """What `/` works on."""
        focused = self.focused
        if focused is None or self.command_line in focused.ancestors:  # still, or no more, on the command line
            focused = self._focus_before
        for widget in (focused, *(focused.ancestors if focused is not None else ())):
            if isinstance(widget, ResourcePane | TextView):
                return widget
        return None

    def key_context(self) -> KeyContext:
        """Where a key would land now."""
        focused = self.focused
        for widget in (focused, *(focused.ancestors if focused is not None else ())):
            describe = getattr(widget, "key_context", None)
            if describe is not None and widget is not self:
                context = describe()
                assert isinstance(context, KeyContext)
                return context
            if isinstance(widget, ResourcePane):
                return KeyContext(("table",), widget.resource)
        if isinstance(focused, VirtualTable):
            return KeyContext(("table",))
        return KeyContext(("text",) if isinstance(focused, TextView) else ())

    # -- frame -------------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield self.header
        yield from self.compose_body()
        yield self.command_line
        yield self.key_bar

    def on_mount(self) -> None:
        self.command_line.complete = self._complete
        self.set_interval(1.0, self._each_second)
        self.header.crumbs = self.crumbs()
        self.header.now_key = self._key_of("time.now")
        self.header.stop_key = self._key_of("work.stop")
        self.refresh_keys()

    def _key_of(self, ident: str) -> str:
        """The first key of an action, for people; without any, its id."""
        return next(map(shown, self.keymap.keys_of(ident)), ident)

    def on_unmount(self) -> None:
        self._unlisten_session()
        for feed in self.feeds:
            feed.pause()

    def on_screen_suspend(self) -> None:
        for feed in self.feeds:
            feed.pause()

    def crumbs(self) -> tuple[str, ...]:
        """The way here: names of the screens on the stack."""
        names = [screen.NAME for screen in self.app.screen_stack if isinstance(screen, BaseScreen)]
        if self not in self.app.screen_stack:
            names.append(self.NAME)
        return tuple(name for name in names if name)[-4:]

    def session_changed(self) -> None:
        """Summary, folder or long work changed. Time and revision alone wait for the next second."""
        session = self.session
        told = (
            replace(session.summary, cluster_time=0, revision=0), session.files, session.work.states,
            session.gate.moment, session.gate.read_only,
        )  # fmt: skip
        if told != self._told and self.is_active:
            self._told = told
            self.header.show_time()

    def on_screen_resume(self) -> None:
        for feed in self.feeds:
            feed.resume()
        # What was told while another screen covered this one.
        self.header.show_time()
        self.refresh_keys()

    def tick(self) -> None:
        """Once a second while cluster time goes on: what shows time is painted anew, all in one frame."""
        self.header.refresh()

    def _each_second(self) -> None:
        if self.is_active and self.session.summary.speed:
            self.tick()

    def refresh_keys(self) -> None:
        useless = set() if self.filter_target is not None else {"app.filter"}
        if len(self.panes()) < 2:
            useless.add("pane.next")
        context = self.key_context()
        if TYPING & set(context.views):
            useless.add("pane.next")  # tab indents
        actions = [each for each in self.keymap.available(context) if each.id not in useless]
        self.key_bar.show(actions, typing=bool(TYPING & set(context.views)))

    def on_descendant_focus(self) -> None:
        self.refresh_keys()

    def _complete(self, text: str) -> list[tuple[str, str]]:
        return candidates(text, self.session, self.session.namespace_names())

    # -- keys --------------------------------------------------------------------------------------------------------

    async def on_key(self, event: events.Key) -> None:
        # Keys typed faster than the focus moves still arrive where it was: they belong to what has it now.
        if not self.is_active:
            event.stop()
            self.app.post_message(events.Key(event.key, event.character))
            return
        if self.command_line.is_open:
            if self.command_line.last_key is not event:
                event.stop()
                self.command_line.type_ahead(event)
            return
        action = self.keymap.resolve(pressed(event), self.key_context())
        if action is not None:
            event.stop()
            event.prevent_default()
            await self.perform(action)

    async def on_key_bar_pressed(self, event: KeyBar.Pressed) -> None:
        await self.perform(event.action)

    async def perform(self, action: Action) -> None:
        """Call the action's handler, the nearest to the focus."""
        complaint = self.session.gate.complaint
        if complaint and action.danger and action.group == "Object":
            # The gate would refuse it in the end: nobody should confirm what cannot be done.
            self.notify(complaint, severity="warning")
            return
        name = f"do_{action.handler}"
        focused = self.focused
        for owner in (focused, *(focused.ancestors if focused is not None else (self,)), self.app):
            handler = getattr(owner, name, None)
            if handler is not None:
                result = handler(*action.args)
                if inspect.isawaitable(result):
                    await result
                return
        self.notify(f"{action.title} does nothing here", severity="warning")

    # -- command line and filter -------------------------------------------------------------------------------------

    def do_command(self) -> None:
        self._open_line("command", "")
        self.run_worker(self._learn_kinds(), exclusive=True, group="kinds", exit_on_error=False)

    async def _learn_kinds(self) -> None:
        """A kind may have come since the start, by a CRD."""
        with suppress(ClientError):  # what is known already can still be asked for
            await self.session.learn_kinds()

    def do_filter(self) -> None:
        target = self.filter_target
        if target is None:
            self.notify("There is nothing to filter here", severity="warning")
        else:
            self._open_line("filter", target.filter_text if isinstance(target, ResourcePane) else target.search)

    def _open_line(self, mode: str, text: str) -> None:
        self._focus_before = self.focused
        if mode == "filter":
            self.command_line.open("filter", text, self.session.filters)
        else:
            self.command_line.open("command", text, self.session.commands)

    def _refocus(self) -> None:
        if self._focus_before is not None and self._focus_before.is_attached:
            self._focus_before.focus()

    def on_command_line_edited(self, event: CommandLine.Edited) -> None:
        if event.mode == "filter" and self.command_line.is_open:
            self.command_line.complain(self.apply_filter(event.text) or "")

    def on_command_line_left(self, event: CommandLine.Left) -> None:
        if event.mode == "filter":
            self.apply_filter("")
        self._refocus()

    def on_command_line_accepted(self, event: CommandLine.Accepted) -> None:
        self._refocus()
        if event.mode == "filter":
            complaint = self.apply_filter(event.text)
            if complaint:
                self.notify(complaint, severity="error")
            elif event.text and event.text not in self.session.filters[-1:]:
                self.session.filters.append(event.text)
        elif event.text.strip():
            self.console.run_command(event.text)

    def apply_filter(self, text: str) -> str | None:
        """Filter or search what `/` works on; the complaint if the text cannot be understood."""
        target = self.filter_target
        if isinstance(target, ResourcePane):
            complaint = target.set_filter(text)
            self.header.filter_text = target.filter_text
            self.header.refresh()
            return complaint
        if isinstance(target, TextView) and target.narrow is not None:
            return target.narrow(text)
        if isinstance(target, TextView):
            found = target.set_search(text)
            return None if found or not text else f"Nothing matches {text!r}"
        return None

    # -- actions every screen has ------------------------------------------------------------------------------------

    @property
    def console(self) -> KubariumApp:
        from tui.app import KubariumApp

        assert isinstance(self.app, KubariumApp)
        return self.app

    def do_back(self) -> None:
        if self._filtered(self.filter_target):
            self.apply_filter("")
        else:
            self.console.go_back()

    @staticmethod
    def _filtered(target: ResourcePane | TextView | None) -> bool:
        return bool(target.filter_text if isinstance(target, ResourcePane) else target is not None and target.search)

    def do_quit(self) -> None:
        self.console.go_back(quit=True)

    def do_next_pane(self) -> None:
        self._walk(1)

    def do_previous_pane(self) -> None:
        self._walk(-1)

    def _walk(self, by: int) -> None:
        panes = self.panes()
        if panes:
            here = panes.index(self.focused) if self.focused in panes else -by
            panes[(here + by) % len(panes)].focus()

    def do_header(self) -> None:
        self.header.display = not self.header.display

    def do_help(self) -> None:
        self.console.open_help(self.key_context())
