"""The inspector: one object as describe, YAML, events, logs and why, live.

It is told which object to show; it follows the object's events itself, fetches what a tab needs, and renders at most
twice a second. A tab that cannot be fetched says why instead of showing something old.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Final

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.client import ClientError, Item, Query
from tui import highlight
from tui.feed import Feed
from tui.keymap import KeyContext
from tui.kinds.spec import KindView
from tui.logs import LogFollower, LogOptions, containers_of
from tui.mailbox import News
from tui.session import Session, answer
from tui.texts import events_text, why_text, yaml_text
from tui.widgets.text_view import Highlighter, TextView

MIN_INTERVAL: Final = 0.5
TAB_KEYS: Final = {"describe": "d", "yaml": "y", "events": "v", "logs": "l", "why": "w"}
_HIGHLIGHT: Final[dict[str, Highlighter]] = {
    "describe": highlight.describe, "yaml": highlight.yaml, "events": highlight.events, "logs": highlight.log,
    "why": highlight.why,
}  # fmt: skip
_RANGES: Final = {"0": None, "1": None, "2": 60, "3": 300, "4": 900, "5": 1800, "6": 3600}


class Inspector(Widget):
    """Tabs over one text."""

    DEFAULT_CSS = """
    Inspector { layout: vertical; background: $surface; }
    Inspector > .tabs { height: 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    Inspector > TextView { height: 1fr; padding: 0 0 0 1; }
    """

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self.text = TextView()
        self.tab = "describe"
        self.item: Item | None = None
        self.view: KindView | None = None
        self.deleted = False
        self.managed = False
        self.log_options = LogOptions()
        self.hint = "Choose an object: this shows it as describe, YAML, events, logs."
        self._tabs = Static("", classes="tabs")
        self._feed: Feed | None = None
        self._last = 0.0
        self._waiting = False
        self._logs = LogFollower(session.client, self, self._logs_came)
        self.on_full: Callable[[], None] | None = None
        self.on_edit: Callable[[str, Item], None] | None = None

    def compose(self) -> ComposeResult:
        yield self._tabs
        yield self.text

    def on_mount(self) -> None:
        self._feed = Feed(self.session.client, self, self._events_came)
        self._draw_tabs()
        self.text.show(self.hint, highlight.log)

    def on_unmount(self) -> None:
        self.pause()

    def pause(self) -> None:
        self._logs.close()
        if self._feed is not None:
            self._feed.pause()

    def resume(self) -> None:
        if self._feed is not None and self.item is not None:
            self._feed.resume()
            self.refresh_text()

    # -- what is shown -----------------------------------------------------------------------------------------------

    def key_context(self) -> KeyContext:
        tab = (self.tab,) if self.tab in ("logs", "yaml") else ()
        return KeyContext(("text", "inspector", *tab), self.view.resource if self.view is not None else "")

    @property
    def resource(self) -> str:
        return self.view.resource if self.view is not None else ""

    def show(self, view: KindView, item: Item | None, tab: str | None = None, container: str | None = None) -> None:
        """Show an object (None: nothing is chosen), on a tab or on the one that is open.

        `container`: whose logs ("": of all); None: as it was, of another object all.
        """
        if item is None:
            return
        other = self.item is None or self.item.uid != item.uid
        self.view, self.item, self.deleted = view, item, False
        wanted = tab or self.tab
        changed_tab = wanted != self.tab
        self.tab = wanted if wanted in view.tabs else "describe"
        if other and self._feed is not None:
            self._feed.open(Query("events", item.namespace or None, fields=f"involvedObject.uid={item.uid}"))
        before = self.log_options.container
        chosen = container if container is not None else "" if other else before
        self.log_options = replace(self.log_options, container=chosen)
        changed_tab = changed_tab or (self.tab == "logs" and chosen != before)
        self._draw_tabs()
        if other or changed_tab:
            self._last = 0.0
            self.text.follow = self.tab == "logs" and not self.log_options.head
            self.text.narrow = self._narrow if self.tab == "logs" else None
            self.text.set_search("")
            self.text.search = self.log_options.filter if self.tab == "logs" else ""
            if self.tab != "logs":
                self._logs.close()
        self.refresh_text(fresh=other or changed_tab)

    def gone(self) -> None:
        """The object was deleted; its last state stays to be read."""
        self.deleted = True
        self._draw_tabs()

    def open_tab(self, tab: str) -> None:
        if self.view is not None and self.item is not None:
            if tab in self.view.tabs:
                self.show(self.view, self.item, tab)
            else:
                self.notify(f"{self.view.resource} have no {tab}", severity="warning")

    def do_inspect(self, tab: str) -> None:
        self.open_tab(tab)

    def _draw_tabs(self) -> None:
        item = self.item
        if item is None or self.view is None:
            self._tabs.update(Content.styled(" Inspector", "$tone-dim"), layout=False)
            return
        focused = self.text.has_focus
        parts: list[Content | str | tuple[str, str]] = [("▌" if focused else " ", "$tone-accent")]
        for tab in self.view.tabs:
            name = f"{TAB_KEYS[tab]} {tab}"
            parts.append((f"{name}", "bold underline $tone-accent" if tab == self.tab else "$tone-dim"))
            parts.append("  ")
        parts.append((item.name, "bold $foreground" if not self.deleted else "strike $tone-dim"))
        if self.tab == "logs" and self.log_options.told():
            parts.append((f"  {self.log_options.told()}", "$tone-warn"))
        if self.deleted:
            parts.append((" ✗ deleted", "bold $tone-bad"))
        self._tabs.update(Content.assemble(*parts), layout=False)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._draw_tabs()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self._draw_tabs()

    # -- rendering ---------------------------------------------------------------------------------------------------

    def _events_came(self, news: News) -> None:
        if self.tab in ("describe", "events", "why"):
            self.refresh_text()

    def refresh_text(self, fresh: bool = False) -> None:
        """Render again, soon: at most every half second, unless the reader waits for it (`fresh`)."""
        if self.item is None or not self.display:
            return
        wait = self._last + MIN_INTERVAL - monotonic()
        if fresh or wait <= 0:
            self._last = monotonic()
            self.run_worker(self._fill(fresh), exclusive=True, group="inspect", exit_on_error=False)
        elif not self._waiting:
            self._waiting = True
            self.set_timer(wait, self._later)

    def _later(self) -> None:
        self._waiting = False
        if self.screen.is_active:
            self.refresh_text()

    async def _fill(self, fresh: bool) -> None:
        item, view, tab = self.item, self.view, self.tab
        if item is None or view is None:
            return
        try:
            text = await self._text(view.resource, item, tab)
        except ClientError as error:
            text = [error.message]
        if item is self.item and tab == self.tab:
            self.text.show(text, _HIGHLIGHT[tab], keep=not fresh)

    def _logs_came(self) -> None:
        if self.tab == "logs" and self.is_attached:
            self.text.show(self._logs.text(self.log_options), highlight.log, keep=True)

    def _narrow(self, text: str) -> str | None:
        """Show only the log's lines that a filter finds."""
        self.log_options = replace(self.log_options, filter=text)
        self.text.set_search("" if text.startswith(("!", "-f")) else text)
        self.text.search = text
        self._draw_tabs()
        self._logs_came()
        return None

    async def _text(self, resource: str, item: Item, tab: str) -> str | list[str]:
        client = self.session.client
        if tab == "yaml":
            return yaml_text(item.obj, managed_fields=self.managed)
        if tab == "events":
            found = await answer(
                client.list(Query("events", item.namespace or None, fields=f"involvedObject.uid={item.uid}"))
            )
            return events_text([event.obj for event in found], self.session.now())
        if tab == "logs":
            if self.session.gate.moment is not None:
                return ["Logs: known of the present only; this is the past"]
            self._logs.open(item, self.log_options)
            return self._logs.text(self.log_options)
        if tab == "why":
            return why_text(await answer(client.why(item.namespace, item.name)), self.size.width - 2)
        from tui.describe.registry import describe

        return await describe(self.session, resource, item)

    # -- actions -----------------------------------------------------------------------------------------------------

    def do_edit(self) -> None:
        if self.item is not None and self.view is not None and self.on_edit is not None:
            self.on_edit(self.view.resource, self.item)

    def do_managed_fields(self) -> None:
        self.managed = not self.managed
        self.refresh_text(fresh=True)

    def do_log_range(self, key: str) -> None:
        self.log_options = self.log_options.with_range(_RANGES[key], head=key == "1")
        self.text.follow = key != "1"
        self._draw_tabs()
        self.refresh_text(fresh=True)

    def do_log_container(self) -> None:
        """The next container's log alone; after the last one, all together."""
        if self.item is None:
            return
        names = ["", *containers_of(self.item)]
        if len(names) < 3:
            self.notify("It has one container")
            return
        here = names.index(self.log_options.container) if self.log_options.container in names else 0
        chosen = names[(here + 1) % len(names)]
        self.log_options = replace(self.log_options, container=chosen)
        self._draw_tabs()
        self.refresh_text(fresh=True)

    def do_log_follow(self) -> None:
        self.text.follow = not self.text.follow
        if self.text.follow:
            self.text.do_bottom()
        self.notify("Following the end" if self.text.follow else "Not following")

    def do_log_times(self) -> None:
        self.log_options = self.log_options.with_times(not self.log_options.times)
        self.refresh_text(fresh=True)

    def do_log_previous(self) -> None:
        self.log_options = self.log_options.with_previous(not self.log_options.previous)
        self._draw_tabs()
        self.refresh_text(fresh=True)

    def do_copy_text(self) -> None:
        self.app.copy_to_clipboard("\n".join(self.text.lines))
        self.notify(f"Copied {len(self.text.lines)} lines")

    def do_save_text(self) -> None:
        if self.item is None:
            return
        suffix = {"yaml": "yaml", "logs": "log"}.get(self.tab, "txt")
        path = Path.cwd() / f"{self.item.name}-{self.tab}.{suffix}"
        try:
            path.write_text("\n".join(self.text.lines) + "\n")
        except OSError as error:
            self.notify(f"{path}: {error.strerror}", severity="error")
            return
        self.notify(f"Saved {path}")

    def do_full(self) -> None:
        if self.on_full is not None:
            self.on_full()
