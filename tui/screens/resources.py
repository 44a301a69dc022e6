"""Any kind, full width: enter drills down, esc comes back, the inspector stands beside or over."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual.containers import Horizontal
from textual.widget import Widget

from engine.client import Query
from tui.keymap import Keymap
from tui.kinds.containers import CONTAINERS
from tui.screens.tables import WIDE, TableScreen
from tui.session import Session, ViewState
from tui.widgets.containers import ContainersPane
from tui.widgets.inspector import Inspector
from tui.widgets.pane import ResourcePane


class ResourceScreen(TableScreen):
    """One kind's table."""

    DEFAULT_CSS = """
    ResourceScreen {
        & ResourcePane { width: 3fr; }
        & Inspector { width: 2fr; margin: 0 0 0 1; }
    }
    """

    def __init__(
        self, session: Session, keymap: Keymap, query: Query, *, via: str = "", filter: str = "", select: str = ""
    ) -> None:
        """`via`: name of the object that enter was pressed on; `select`: name to put the cursor on."""
        super().__init__(session, keymap)
        self.query_shown = query
        self.NAME = f"{via} › {query.resource.partition('.')[0]}" if via else query.resource.partition(".")[0]
        self.view = session.view_of(query.resource)
        kind = session.kind_of(query.resource)
        title = _title(kind.kind if kind else query.resource.capitalize())
        pane = ContainersPane if query.resource == CONTAINERS.resource else ResourcePane
        self.pane = pane(session, self.view, title, id="resource")
        self.pane.about = _about(query)
        self.inspector = Inspector(session)
        self.inspector.display = False
        self._filter, self._select = filter, select
        self.command = ""
        """The command that opened it; "" it was drilled down to."""

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(classes="body"):
            yield self.pane
            yield self.inspector

    def table_panes(self) -> list[ResourcePane]:
        return [self.pane]

    @property
    def focused_pane(self) -> ResourcePane:
        return self.pane

    def on_mount(self) -> None:
        self.header.namespace = lambda: self.query_shown.namespace
        self.pane.watch_query(self.query_shown)
        self.pane.table.focus()
        if self._filter or self.pane.only_faults:
            self.pane.set_filter(self._filter)
            self.header.filter_text = self._filter
        if self._select:
            self.pane.select_when_there(self._select)

    def on_unmount(self) -> None:
        pane, current = self.pane, self.pane.current
        if self.command:
            self.session.kept[self.command] = ViewState(
                pane.filter_text, pane.only_faults, pane.sort_header, pane.descending, pane.table.wide,
                current.name if current is not None and pane.table.touched else "",
            )  # fmt: skip
        pane.release()

    def restore(self, state: ViewState) -> None:
        """Show it as it was left; before it is opened."""
        self._filter, self._select = state.filter, state.name
        self.pane.only_faults, self.pane.table.wide = state.only_faults, state.wide
        self.pane.order_by(state.sort, state.descending)

    def on_resource_pane_changed(self, event: ResourcePane.Changed) -> None:
        event.stop()
        if self.inspector.display and event.item is not None:
            shown = self.pane.container or None
            self.inspector.show(self.session.view_of(self.pane.resource), event.item, container=shown)
        if self.view.resource == "namespaces":
            self.session.known_namespaces |= {row.item.name for row in self.pane.model.rows.values()}

    def on_resize(self, event: events.Resize) -> None:
        if event.size.width < WIDE:
            self.inspector.display = False

    def do_back(self) -> None:
        if self.inspector.display and not self.pane.filter_text:
            self.inspector.display = False
            self.pane.table.focus()
        else:
            super().do_back()

    def show_namespace(self, namespace: str | None) -> None:
        if not self.view.namespaced:
            self.notify(f"{self.pane.title} have no namespaces", severity="warning")
            return
        self.session.namespace = namespace
        self.query_shown = Query(self.query_shown.resource, namespace)
        self.NAME = self.query_shown.resource.partition(".")[0]
        self.pane.about = _about(self.query_shown)
        self.header.crumbs = self.crumbs()
        self.pane.watch_query(self.query_shown)
        self.header.refresh()


def _about(query: Query) -> str:
    if query.resource == CONTAINERS.resource:
        return f"pod {query.namespace}/{query.fields.removeprefix('metadata.name=')}"
    several = "s" if query.namespace is not None and "," in query.namespace else ""
    parts = [f"namespace{several} {query.namespace}"] if query.namespace is not None else []
    if query.fields:
        parts.append(query.fields.replace("spec.nodeName=", "node ").replace("involvedObject.", ""))
    if query.labels:
        parts.append(query.labels)
    return ", ".join(parts)


def _title(kind: str) -> str:
    if kind.endswith("s"):
        return f"{kind}es" if kind.endswith(("ss", "us")) else kind
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
