"""The Manifests screen: the watched folder, an editor, what its fields mean, and what saving will do.

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

from engine.client import ClientError, FieldHelp, Plan
from tui.buffers import Buffer, ChangedOnDisk, ManifestError
from tui.keymap import KeyContext, Keymap
from tui.plan_text import highlight, plan_lines, plan_title
from tui.screens.base import BaseScreen
from tui.screens.dialogs import ConfirmDialog
from tui.screens.prompt import PromptDialog
from tui.session import Session, answer
from tui.widgets.folder_tree import FolderTree
from tui.widgets.text_view import TextView
from tui.widgets.yaml_editor import YamlEditor
from tui.yaml_place import field_at

_PAUSE = 0.12
"""Seconds without a key before a plan is asked for."""
_NEW = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: example
data: {}
"""


class ManifestsScreen(BaseScreen):
    """Files, editor, plan."""

    NAME = "manifests"
    DEFAULT_CSS = """
    ManifestsScreen {
        & #files { width: 34; }
        & #work { width: 1fr; margin: 0 0 0 1; }
        & .title { height: 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
        & FolderTree { height: 1fr; }
        & YamlEditor { height: 3fr; }
        & #meaning { height: 1; background: $panel; color: $tone-dim; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & #plan { height: 1fr; min-height: 4; }
    }
    ManifestsScreen.narrow #files { width: 26; }
    ManifestsScreen.narrow.editing #files { display: none; }
    ManifestsScreen.narrow.editing #work { margin: 0; }
    """  # noqa: E501

    def __init__(self, session: Session, keymap: Keymap, path: str | None = None, line: int = 0) -> None:
        """`path` relative to the folder, None for where one was; `line` from 1, 0 for where the cursor stood."""
        super().__init__(session, keymap)
        self.buffers = session.buffers
        self.tree_view = FolderTree(self.buffers.is_unsaved if self.buffers else lambda _: False)
        self.editor = YamlEditor(id="editor")
        self.plan_view = TextView(id="plan")
        self.plan_view.wrapped = True
        self.buffer: Buffer | None = None
        self._wanted = (path or session.last_manifest, line)
        self._pause: Timer | None = None
        self._plan: Plan | None = None
        self._search = ""
        self._files_title = Static(classes="title")
        self._editor_title = Static(classes="title")
        self._plan_title = Static(classes="title")
        self._meaning = Static(id="meaning", markup=False)

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(classes="body"):
            with Vertical(id="files"):
                yield self._files_title
                yield self.tree_view
            with Vertical(id="work"):
                yield self._editor_title
                yield self.editor
                yield self._meaning
                yield self._plan_title
                yield self.plan_view

    def panes(self) -> list[Widget]:
        return [self.tree_view, self.editor, self.plan_view]

    def key_context(self) -> KeyContext:
        if self.focused is self.editor:
            return KeyContext(("editor",))
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
            self._open(path, line, focus=True)
        else:
            self._say_nothing("Choose a file on the left and press enter; n makes a new one.")
            self.tree_view.focus()

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

    def _show_files(self) -> None:
        self.tree_view.show(self.session.files, self.buffers.unsaved() if self.buffers else ())
        self._show_titles()

    # -- opening -----------------------------------------------------------------------------------------------------

    def on_tree_node_selected(self, event: Tree.NodeSelected[str]) -> None:
        if event.node.data is not None:
            self._open(event.node.data, 0, focus=True)

    def _open(self, path: str, line: int, *, focus: bool) -> None:
        assert self.buffers is not None
        self._keep_place()
        try:
            buffer = self.buffers.open(path)
        except ManifestError as error:
            self.notify(str(error), severity="error")
            self._say_nothing(str(error))
            return
        self.buffer = buffer
        self.session.last_manifest = path
        self.editor.disabled = False
        self.editor.load(buffer.text, line - 1 if line else buffer.row)
        self.tree_view.select_path(path)
        if focus:
            self.editor.focus()
        self._ask_plan()
        self._explain(self.editor.cursor_location[0])
        self._show_titles()

    def _keep_place(self) -> None:
        if self.buffer is not None:
            self.buffer.row = self.editor.cursor_location[0]

    def _say_nothing(self, text: str) -> None:
        self.buffer = None
        self.editor.load("")
        self.editor.disabled = True
        self.plan_view.show(text)

    def on_unmount(self) -> None:
        self._keep_place()

    # -- typing ------------------------------------------------------------------------------------------------------

    def on_yaml_editor_edited(self) -> None:
        if self.buffer is None or self.editor.text == self.buffer.text:
            return
        was = self.buffer.unsaved
        self.buffer.text = self.editor.text
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
        text = buffer.text
        try:
            plan = await answer(self.session.client.plan(buffer.path, text))
        except ClientError as error:
            self.plan_view.show(error.message)
            return
        if self.buffer is buffer and buffer.text == text:
            self._plan = plan
            self.editor.set_problems(plan.diagnostics)
            self.plan_view.show(plan_lines(plan), highlight)
            self._show_titles()
            self._show_problem(self.editor.cursor_location[0])

    @work(exclusive=True, group="complete")
    async def on_yaml_editor_completion_wanted(self, event: YamlEditor.CompletionWanted) -> None:
        place = event.place
        if not place.api_version or not place.kind:
            offers: Sequence[FieldHelp] = _headers(self.session, place.key)
        else:
            offers = await answer(self.session.client.complete(place.api_version, place.kind, place.path))
        self.editor.offer(place, offers)

    def on_yaml_editor_place_changed(self, event: YamlEditor.PlaceChanged) -> None:
        if not self._show_problem(event.row):
            self._explain(event.row)
        self._show_titles()

    def _show_problem(self, row: int) -> bool:
        """A problem on the cursor's line takes the place of its field's meaning."""
        problems = self.editor.problems.get(row)
        if problems:
            self._meaning.update(Content.assemble(("✗ ", "$tone-bad"), (problems[0].message, "$tone-bad")))
        return bool(problems)

    @work(exclusive=True, group="explain")
    async def _explain(self, row: int) -> None:
        api_version, kind, path = field_at(self.editor.text.split("\n"), row)
        found = None
        if api_version and kind and path:
            try:
                found = await answer(self.session.client.explain(api_version, kind, path))
            except ClientError:
                found = None
        if found is None:
            self._meaning.update("")
            return
        first = found.description.split("\n")[0]
        self._meaning.update(
            Content.assemble(
                (found.name, "bold $foreground"), (f" {found.type}  ", "$tone-accent"), (first, "$tone-dim")
            )
        )

    # -- titles ------------------------------------------------------------------------------------------------------

    def _show_titles(self) -> None:
        def bar(widget: Widget) -> tuple[str, str]:
            return "▌", "$tone-accent" if self.focused is widget else "$panel"

        unsaved = self.buffers.unsaved() if self.buffers else []
        parts: list[tuple[str, str]] = [bar(self.tree_view), ("Files", "bold $foreground")]
        parts.append((f"  {len(self.session.files)}", "$tone-dim"))
        if unsaved:
            parts.append((f"  ◆ {len(unsaved)} unsaved", "$tone-accent"))
        self._files_title.update(Content.assemble(*parts), layout=False)
        parts = [bar(self.editor), (self.buffer.path if self.buffer else "No file", "bold $foreground")]
        if self.buffer is not None:
            if self.buffer.unsaved:
                parts.append(("  ◆ unsaved", "$tone-accent"))
            file = next((file for file in self.session.files if file.path == self.buffer.path), None)
            if file is not None and file.state != "applied" and file.message:
                parts.append(
                    (f"  {file.state}: {file.message}", "$tone-bad" if file.state == "error" else "$tone-warn")
                )
            row, column = self.editor.cursor_location
            parts.append((f"  {row + 1}:{column + 1}", "$tone-dim"))
        self._editor_title.update(Content.assemble(*parts), layout=False)
        about = plan_title(self._plan) if self._plan is not None and self.buffer is not None else ""
        self._plan_title.update(
            Content.assemble(
                bar(self.plan_view), ("What saving will do", "bold $foreground"), (f"  {about}", "$tone-dim")
            ),
            layout=False,
        )

    # -- actions -----------------------------------------------------------------------------------------------------

    async def do_manifest_save(self) -> None:
        if self.buffer is None or self.buffers is None:
            return
        self.buffer.text = self.editor.text
        try:
            self.buffers.save(self.buffer)
        except ChangedOnDisk as error:
            self.app.push_screen(
                ConfirmDialog(
                    "The file has changed", f"{error}. Overwrite it with your text?", "Overwrite", danger=True
                ),
                self._overwrite,
            )
        except ManifestError as error:
            self.notify(str(error), severity="error")
        else:
            self._saved()

    def _overwrite(self, yes: bool | None) -> None:
        if yes and self.buffer is not None and self.buffers is not None:
            try:
                self.buffers.save(self.buffer, overwrite=True)
            except ManifestError as error:
                self.notify(str(error), severity="error")
            else:
                self._saved()

    def _saved(self) -> None:
        assert self.buffer is not None
        self.notify(f"{self.buffer.path} saved; {plan_title(self._plan) if self._plan else 'applying'}")
        self.session_changed()

    def do_refresh(self) -> None:
        """Read the file again; unsaved text is asked about."""
        if self.buffer is None:
            return
        if self.buffer.unsaved:
            text = f"What you typed in {self.buffer.path} and did not save will be lost."
            self.app.push_screen(
                ConfirmDialog("Read the file again?", text, "Forget my changes", danger=True), self._reload
            )
        else:
            self._reload(True)

    def _reload(self, yes: bool | None) -> None:
        if yes and self.buffer is not None and self.buffers is not None:
            try:
                self.buffers.reload(self.buffer.path)
            except ManifestError as error:
                self.notify(str(error), severity="error")
                return
            self._open(self.buffer.path, self.editor.cursor_location[0] + 1, focus=True)
            self.session_changed()

    def do_manifest_new(self) -> None:
        if self.buffers is not None:
            self.app.push_screen(PromptDialog("New manifest", "path in the folder", "team/example.yaml"), self._create)

    def _create(self, path: str | None) -> None:
        if path and self.buffers is not None:
            try:
                buffer = self.buffers.create(path.strip(), _NEW)
            except ManifestError as error:
                self.notify(str(error), severity="error")
                return
            self.session_changed()
            self._open(buffer.path, 1, focus=True)

    def do_manifest_find(self) -> None:
        self.app.push_screen(PromptDialog("Find", "text", self._search), self._find)

    def _find(self, words: str | None) -> None:
        if words:
            self._search = words
            self.do_manifest_find_next("1")

    def do_manifest_find_next(self, by: str) -> None:
        if not self._search:
            self.do_manifest_find()
        elif not self.editor.find(self._search, forward=by == "1"):
            self.notify(f"{self._search!r} is not in this file", severity="warning")

    def do_manifest_problem(self) -> None:
        """The next line with a problem."""
        rows = sorted(self.editor.problems)
        if not rows:
            self.notify("No problem in this file")
            return
        here = self.editor.cursor_location[0]
        row = next((row for row in rows if row > here), rows[0])
        self.editor.go_to(row, max(0, self.editor.problems[row][0].column - 1))
        self.editor.focus()

    def do_line_start(self) -> None:
        self.editor.action_cursor_line_start()

    def do_line_end(self) -> None:
        self.editor.action_cursor_line_end()

    def do_back(self) -> None:
        """From the editor to the files, from there back; unsaved texts stay."""
        if self.focused is self.tree_view or self.buffers is None:
            unsaved = self.buffers.unsaved() if self.buffers else []
            if unsaved:
                self.notify(f"Unsaved: {', '.join(unsaved[:3])}. Your text is kept; m or :dir comes back to it.")
            self.console.go_back()
        else:
            self.tree_view.focus()


def _headers(session: Session, key: str) -> list[FieldHelp]:
    """What can stand at the top of a manifest whose kind is not known yet."""
    if key == "kind":
        return [FieldHelp(kind.kind, kind.api_version, False, "") for kind in session.kinds]
    if key == "apiVersion":
        return [FieldHelp(version, "", False, "") for version in sorted({kind.api_version for kind in session.kinds})]
    if key:
        return []
    return [
        FieldHelp("apiVersion", "string", True, "Group and version of the kind."),
        FieldHelp("kind", "string", True, "What the object is."),
        FieldHelp("metadata", "ObjectMeta", True, "Name, namespace, labels, annotations."),
        FieldHelp("spec", "Object", False, "The desired state."),
    ]
