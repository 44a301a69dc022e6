"""The home screen: nodes by zone, namespaces, the pods of what is chosen, and its events; wide, the inspector beside.

At first Pods shows all pods, those that need a look on top. From the first move in Nodes or Namespaces it follows the
one under the cursor, until esc. Choosing costs the engine nothing: the pods come from the board.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from textual import events
from textual.containers import Container, Horizontal
from textual.geometry import Size
from textual.timer import Timer
from textual.widget import Widget

from engine.client import Item, Query
from tui.board import BoardNews, Scope
from tui.keymap import Keymap
from tui.kinds.core import HOME_EVENTS, NAMESPACES
from tui.kinds.nodes import HOME_NODES, node_tone, zone_of
from tui.kinds.pods import HOME_PODS
from tui.kinds.spec import Cell
from tui.model import GROUP
from tui.screens.tables import WIDE, TableScreen
from tui.session import Session
from tui.theme import GLYPHS, Tone
from tui.widgets.inspector import Inspector
from tui.widgets.pane import ResourcePane
from tui.widgets.virtual_table import VirtualTable

_TITLE_AND_HEADINGS: Final = 2
LOW, TINY = 16, 11
"""Lines of a terminal that has no room for events and namespaces, and none for nodes either."""


class ClusterScreen(TableScreen):
    """Home."""

    NAME = "cluster"
    DEFAULT_CSS = """
    ClusterScreen {
        & #left { width: 3fr; layout: grid; grid-size: 32 3; grid-rows: 2fr 2fr 1fr; }
        & #nodes { column-span: 23; }
        & #namespaces { column-span: 9; padding: 0 0 0 1; }
        & #pods { column-span: 32; }
        & #events { column-span: 32; }
        & Inspector { width: 2fr; margin: 0 0 0 1; }
    }
    ClusterScreen.narrow {
        & #nodes { column-span: 20; }
        & #namespaces { column-span: 12; }
    }
    ClusterScreen.low {
        & #left { grid-size: 32 2; grid-rows: 1fr 1fr; }
        & #nodes { column-span: 32; }
        & #namespaces { display: none; }
        & #events { display: none; }
    }
    ClusterScreen.tiny {
        & #left { grid-size: 32 1; grid-rows: 1fr; }
        & #nodes { display: none; }
    }
    ClusterScreen.wide {
        & #nodes { column-span: 32; }
        & #namespaces { column-span: 9; padding: 0; }
        & #pods { column-span: 23; padding: 0 0 0 1; }
    }
    """

    def __init__(self, session: Session, keymap: Keymap) -> None:
        super().__init__(session, keymap)
        self.nodes = ResourcePane(session, HOME_NODES, "Nodes", group=zone_of, id="nodes")
        self.nodes.table.group_text = self._zone_line
        self.namespaces = ResourcePane(session, NAMESPACES, "Namespaces", id="namespaces")
        self.pods = ResourcePane(session, HOME_PODS, "Pods", id="pods")
        self.events = ResourcePane(session, HOME_EVENTS, "Events", id="events")
        self.inspector = Inspector(session)
        self._left = Container(id="left")
        self._leading: ResourcePane = self.nodes
        self._settle: Timer | None = None
        self._about: str | None = None
        self._unlisten_board: Callable[[], object] = lambda: None
        self._grid_rows = "2fr 2fr 1fr"

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(classes="body"):
            with self._left:
                yield self.nodes
                yield self.namespaces
                yield self.pods
                yield self.events
            yield self.inspector

    def table_panes(self) -> list[ResourcePane]:
        # Namespaces last: on the way from a node to its pods tab must not choose a namespace.
        return [self.nodes, self.pods, self.events, self.namespaces]

    def on_mount(self) -> None:
        self.nodes.table.focus()
        self._adapt(self.app.size)
        if self.session.ready:
            self.cluster_ready()

    def cluster_ready(self) -> None:
        """The cluster answers: show it."""
        self.nodes.watch_query(Query("nodes"))
        self.namespaces.watch_query(Query("namespaces"))
        self.pods.follow(Scope())
        if self.session.board.loaded:
            self._show_events()
        else:  # of a large cluster there are very many: pods first
            self._unlisten_board = self.session.board.listen(self._first_pods)
        self.header.refresh()

    def _first_pods(self, news: BoardNews) -> None:
        self._unlisten_board()
        if self.app.screen is self:
            self._show_events()

    def on_screen_resume(self) -> None:
        if self.session.ready and self.events.watched is None:
            self._show_events()

    def on_resize(self, event: events.Resize) -> None:
        self._adapt(event.size)

    def _adapt(self, size: Size) -> None:
        wide = size.width >= WIDE and size.height >= LOW
        self.set_class(size.width < 110, "narrow")
        self.set_class(wide, "wide")
        self.set_class(size.height < LOW, "low")
        self.set_class(size.height < TINY, "tiny")
        hidden = [] if size.height >= LOW else [self.namespaces, self.events]
        if any(pane.table.has_focus for pane in ([self.nodes, *hidden] if size.height < TINY else hidden)):
            self.pods.table.focus()
        if self.inspector.display != wide:
            self.inspector.display = wide
            if wide:
                self._inspect_current()
        self.call_after_refresh(self._fit_rows)

    def session_changed(self) -> None:
        super().session_changed()
        self._fit_rows()

    def _fit_rows(self) -> None:
        """Few nodes do not keep room that pods could have: the first row is no higher than what stands in it."""
        left = self._left
        if not left.is_attached:
            return
        if self.has_class("low"):
            left.styles.clear_rule("grid_rows")
            self._grid_rows = ""
            return
        share = left.size.height * 2 // 5 - _TITLE_AND_HEADINGS
        need = len(self.nodes.model.rows)
        if 0 < need < share:  # no more than a screenful: that many can be looked at each time
            need += len({zone_of(row.item) for row in self.nodes.model.rows.values()})
            if not self.has_class("wide"):
                need = max(need, len(self.namespaces.model.rows))
        fits = 0 < need < share
        grid_rows = f"{need + _TITLE_AND_HEADINGS if fits else '2fr'} 2fr 1fr"
        if grid_rows != self._grid_rows:
            self._grid_rows = grid_rows
            left.styles.grid_rows = grid_rows

    def _zone_line(self, zone: str, size: int) -> Cell:
        tones = [node_tone(r.item.obj) for r in self.nodes.model.rows.values() if zone_of(r.item) == zone]
        ready = sum(tone != "bad" for tone in tones)
        tone: Tone = "" if ready == len(tones) else "bad"
        return Cell(f"{zone}  {GLYPHS[tone or 'ok']} {ready}/{len(tones)} ready", tone)

    # -- the chosen one leads ----------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        for pane in (self.nodes, self.namespaces):
            if pane.table.has_focus and pane is not self._leading:
                self._leading = pane
                self._soon()
        if not isinstance(self.focused, VirtualTable):
            return
        self._soon()

    def on_resource_pane_changed(self, event: ResourcePane.Changed) -> None:
        event.stop()
        self._fit_rows()
        if event.pane is self._leading or event.pane.table.has_focus:
            self._soon()

    def _soon(self) -> None:
        """Follow the cursor once it rests: holding a key down does not reload on each line."""
        if self._settle is None:
            self._settle = self.set_timer(0.06, self._follow)

    def _follow(self) -> None:
        self._settle = None
        leader = self._leading
        uid = leader.table.cursor_uid
        chosen = leader.table.touched or leader is self.namespaces
        if chosen and uid is not None and uid.startswith(GROUP):
            zone = uid[len(GROUP) :]
            rows = self.nodes.model.rows.values()
            scope = Scope(nodes=frozenset(row.item.name for row in rows if zone_of(row.item) == zone))
            about = f"zone {zone}"
        elif not chosen or leader.current is None:
            scope, about = Scope(), "all"
        elif leader is self.nodes:
            scope, about = Scope(node=leader.current.name), f"node {leader.current.name}"
        else:
            scope, about = Scope(namespace=leader.current.name), f"namespace {leader.current.name}"
        if about != self._about:
            self._about = about
            self.pods.about = about
            self.pods.follow(scope)
        self._show_events()
        self._inspect_current()

    @property
    def focused_pane(self) -> ResourcePane:
        for pane in self.table_panes():
            if pane.table.has_focus:
                return pane
        return self._leading

    def do_back(self) -> None:
        """esc: the filter first, then the choice, so that all pods are shown again."""
        if not (self.filter_target and self._filtered(self.filter_target)) and (
            self.nodes.table.touched or self._leading is self.namespaces
        ):
            for pane in self.table_panes():
                pane.table.touched = False
            self._leading = self.nodes
            self.nodes.table.focus()
            self._soon()
        else:
            super().do_back()

    def _show_events(self) -> None:
        pane = self.focused_pane
        if pane is self.events or not self.session.board.loaded:
            return
        item = pane.current
        if item is None or not (pane.table.touched or pane is self.namespaces):
            query, about = Query("events"), "all"
        elif pane is self.namespaces:
            query, about = Query("events", item.name), f"namespace {item.name}"
        else:
            query = Query("events", item.namespace or None, fields=_involved(item, pane.resource))
            about = f"{pane.resource.removesuffix('s')} {item.name}"
        if query != self.events.watched:
            self.events.about = about
            self.events.watch_query(query, hide=("OBJECT",) if query.fields else ())

    def _inspect_current(self) -> None:
        pane = self.focused_pane
        if self.inspector.display and pane.current is not None and pane is not self.events:
            self.inspector.show(self.session.view_of(pane.resource), pane.current)


def _involved(item: Item, resource: str) -> str:
    """A node's events name it by its name: kubelets write the name as uid, as in Kubernetes."""
    if resource == "nodes":
        return f"involvedObject.kind=Node,involvedObject.name={item.name}"
    return f"involvedObject.uid={item.uid}"
