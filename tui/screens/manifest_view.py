"""The frame of the Manifests screen: the watched folder, an editor, what its fields mean, and what saving will do.

Every pause in typing asks the cluster for a plan of the text (a dry run on the server): problems go to the gutter, the
rest to the panel below. Texts live in buffers of the session: leaving the screen loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events, work
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static, Tree

from engine.client import ClientError, DriftedObject, FolderFile
from tui.blame import Blamed, row_of
from tui.buffers import Buffer, ManifestError
from tui.keymap import KeyContext, Keymap, shown
from tui.plan_text import drift_lines
from tui.screens.base import BaseScreen
from tui.screens.workbench import Workbench
from tui.session import Session, answer
from tui.widgets.folder_tree import FolderTree

_PAUSE = 0.12
"""Seconds without a key before a plan is asked for."""


class ManifestView(BaseScreen):
    """Files, editor, plan."""

    NAME = "manifests"
    DEFAULT_CSS = """
    ManifestView {
        & #files { width: 34; }
        & #work { width: 1fr; margin: 0 0 0 1; }
        & .title { height: 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
        & FolderTree { height: 1fr; }
    }
    ManifestView.narrow #files { width: 26; }
    ManifestView.narrow.editing #files { display: none; }
    ManifestView.narrow.editing #work { margin: 0; }
    """

    def __init__(
        self, session: Session, keymap: Keymap, path: str | None = None, line: int = 0, fields: Sequence[Blamed] = ()
    ) -> None:
        """`path` relative to the folder, None for where one was; `line` from 1, 0 for where the cursor stood.

        `fields`: the cursor goes to the first of them that the document at `line` has.
        """
        super().__init__(session, keymap)
        self.buffers = session.buffers
        self.tree_view = FolderTree(self.buffers.is_unsaved if self.buffers else lambda _: False)
        self.bench = Workbench(session, id="work")
        self.editor, self.plan_view = self.bench.editor, self.bench.plan_view
        self.buffer: Buffer | None = None
        self._wanted = (path or session.last_manifest, line)
        self._fields = fields
        self._pause: Timer | None = None
        self._seen: FolderFile | None = None
        """What the cluster said of the file when the plan was asked for last."""
        self._files_title = Static(classes="title")

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(classes="body"):
            with Vertical(id="files"):
                yield self._files_title
                yield self.tree_view
            yield self.bench

    def panes(self) -> list[Widget]:
        return [self.tree_view, self.editor, self.plan_view]

    def key_context(self) -> KeyContext:
        if self.focused is self.editor:
            return KeyContext(("editor", "manifest"))
        if self.focused is self.plan_view:
            return KeyContext(("text", "plan"))
        return super().key_context()

    def on_mount(self) -> None:
        self._adapt(self.app.size.width)
        self._show_files()
        path, line = self._wanted
        if self.buffers is None:
            self._say_nothing("No folder is watched. Start with `kubarium DIR` to edit manifests here.")
            self.tree_view.focus()
        elif path is not None:
            self.open_at(path, line, self._fields)
        else:
            self._say_nothing("Choose a file on the left and press enter; n makes a new one.")
            self.tree_view.focus()

    def on_unmount(self) -> None:
        self._keep_place()

    def on_resize(self, event: events.Resize) -> None:
        self._adapt(event.size.width)

    def _adapt(self, width: int) -> None:
        self.set_class(width < 110, "narrow")

    def on_descendant_focus(self) -> None:
        self.set_class(self.focused is not self.tree_view, "editing")
        self._show_titles()

    def session_changed(self) -> None:
        super().session_changed()
        if self.is_mounted:
            self._show_files()
            if self.file != self._seen and self.buffer is not None:
                self._ask_plan()  # applied, or drifted: what saving would do is something else now

    def _show_files(self) -> None:
        self.tree_view.show(self.session.files, self.buffers.unsaved() if self.buffers else ())
        self._show_titles()

    @property
    def file(self) -> FolderFile | None:
        """What the cluster says of the file that is open."""
        if self.buffer is None:
            return None
        return next((file for file in self.session.files if file.path == self.buffer.path), None)

    # -- opening -----------------------------------------------------------------------------------------------------

    def on_tree_node_selected(self, event: Tree.NodeSelected[str]) -> None:
        if event.node.data is not None:
            self.open_file(event.node.data)

    def open_at(self, path: str, line: int, fields: Sequence[Blamed]) -> None:
        """Show a file, at the first of the fields that the document at `line` has, or at the line."""
        if self.open_file(path, line) and line:
            self.editor.go_to(row_of(self.editor.lines, line - 1, fields))

    def open_file(self, path: str, line: int = 0) -> bool:
        """Show a file in the editor and go there. False: it cannot be opened, and that was said."""
        assert self.buffers is not None
        self._keep_place()
        try:
            buffer = self.buffers.open(path)
        except ManifestError as error:
            self.notify(str(error), severity="error")
            self._say_nothing(str(error))
            return False
        self.buffer = buffer
        self.bench.plan = None
        self.session.last_manifest = path
        self.editor.disabled = False
        self.editor.show_line_numbers = True
        self.editor.read_only = bool(buffer.locked)
        if buffer.locked:
            self.notify(buffer.locked, severity="warning")
        self.editor.load(buffer.text, line - 1 if line else buffer.row)
        self.tree_view.select_path(path)
        self.editor.focus()
        self.file_opened()
        self._ask_plan()
        self.bench.show_meaning(self.editor.cursor_location[0])
        self._show_titles()
        return True

    def file_opened(self) -> None:
        """A file is in the editor now."""

    def _keep_place(self) -> None:
        if self.buffer is not None:
            self.buffer.row = self.editor.cursor_location[0]

    def _say_nothing(self, text: str) -> None:
        self.buffer = None
        self.editor.load("")
        self.editor.disabled = True
        self.editor.show_line_numbers = False
        self.bench.say(text)

    # -- typing ------------------------------------------------------------------------------------------------------

    def on_yaml_editor_edited(self) -> None:
        if self.buffer is None or self.editor.read_only:
            return
        text = self.editor.text
        if text == self.buffer.text:
            return
        was = self.buffer.unsaved
        self.buffer.text = text
        if was != self.buffer.unsaved:
            self.session_changed()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(_PAUSE, self._ask_plan)

    @work(exclusive=True, group="plan")
    async def _ask_plan(self) -> None:
        buffer = self.buffer
        if buffer is None:
            return
        text, self._seen = buffer.text, self.file
        drifted: Sequence[DriftedObject] = ()
        try:
            plan = await answer(self.session.client.plan(buffer.path, text))
            if self.file is not None and self.file.state == "drifted":
                drifted = await answer(self.session.client.drift(buffer.path))
        except ClientError as error:
            self.bench.say(error.message)
            return
        if self.buffer is buffer and buffer.text == text:
            keys = (shown(self.keymap.keys_of(ident)[0]) for ident in ("manifest.take-live", "manifest.push"))
            self.bench.show_plan(plan, drift_lines(drifted, *keys))
            self._show_titles()

    def on_yaml_editor_moved(self) -> None:
        self._show_titles()

    # -- titles ------------------------------------------------------------------------------------------------------

    def _show_titles(self) -> None:
        unsaved = self.buffers.unsaved() if self.buffers else []
        bar = ("▌", "$tone-accent") if self.tree_view.has_focus else (" ", "")
        parts = [bar, ("Files", "bold $foreground"), (f"  {len(self.session.files)}", "$tone-dim")]
        if unsaved:
            parts.append((f"  ◆ {len(unsaved)} unsaved", "$tone-accent"))
        self._files_title.update(Content.assemble(*parts), layout=False)
        parts = [(self.buffer.path if self.buffer else "No file", "bold $foreground")]
        if self.buffer is not None:
            row, column = self.editor.cursor_location
            parts.append((f"  {row + 1}:{column + 1}", "$tone-dim"))
            if self.buffer.gone:
                parts.append(("  ◆ removed on disk", "$tone-warn"))
            elif self.buffer.unsaved:
                parts.append(("  ◆ unsaved", "$tone-accent"))
            if self.editor.read_only:
                parts.append(("  shown only", "$tone-warn"))
            file = self.file
            if file is not None and file.state != "applied" and file.message:
                tone = "$tone-bad" if file.state == "error" else "$tone-warn"
                parts.append((f"  {file.state}: {file.message}", tone))
        self.bench.show_title(parts)

    # -- leaving -----------------------------------------------------------------------------------------------------

    def do_manifest_files(self) -> None:
        """From the editor or the plan to the files; without a folder there are none."""
        if self._filtered(self.filter_target):
            self.apply_filter("")
        elif self.buffers is None:
            self.console.go_back()
        else:
            self.tree_view.focus()

    def do_back(self) -> None:
        """Unsaved texts stay."""
        unsaved = self.buffers.unsaved() if self.buffers else []
        if unsaved:
            self.notify(f"Unsaved: {', '.join(unsaved[:3])}. Your text is kept; m or :dir comes back to it.")
        self.console.go_back()
