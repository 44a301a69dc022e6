"""Where YAML is edited: the editor, its find bar, what the field of the cursor means, and what saving will do.

The screens around it bring the text and the plan (`show_plan`) and hear `YamlEditor.Edited`; all that helps while
typing is done here, for a file as for a live object: completion (fields and values of the schema, and names that
exist), the meaning of a field, problems one after the other, find and replace, the outline, a person's own editor.
"""

from __future__ import annotations

import os
import re
from bisect import bisect
from collections.abc import Sequence
from typing import Final

from textual import work
from textual.app import ComposeResult, SuspendNotSupported
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static
from textual.widgets.text_area import Selection

from engine.client import ClientError, FieldHelp, Plan
from tui import external_editor
from tui.external_editor import EditorError
from tui.plan_text import highlight, plan_lines, plan_title
from tui.screens.picker import PickDialog
from tui.session import Session, answer
from tui.widgets.find_bar import FindBar, Search
from tui.widgets.text_view import TextView
from tui.widgets.yaml_editor import YamlEditor
from tui.yaml_names import names_at
from tui.yaml_place import field_at
from tui.yaml_text import document_rows, document_title, is_separator, outline
from tui.yaml_words import words_at

_BY_SERVER: Final = frozenset(
    {"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields",
     "resourceVersion", "selfLink", "uid"}
)  # fmt: skip
_TITLE_LINES: Final = 200
"""Lines of a document among which its kind and name are looked for."""

Parts = Sequence[tuple[str, str]]
"""(text, style) of a title."""


class Workbench(Vertical):
    """Title, editor, find bar, meaning, plan."""

    DEFAULT_CSS = """
    Workbench {
        & .title { height: 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
        & YamlEditor { height: 3fr; }
        & #meaning { height: 1; background: $panel; color: $tone-dim; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & #plan { height: 1fr; min-height: 4; }
    }
    """  # noqa: E501

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self.editor = YamlEditor(id="editor")
        self.find_bar = FindBar(id="find")
        self.plan_view = TextView(id="plan")
        self.plan_view.wrapped = True
        self.plan: Plan | None = None
        """What saving will do; None while that is not known."""
        self._planned = ""
        self._title = Static(classes="title")
        self._parts: Parts = ()
        self._whose: Parts = ()
        self._meaning = Static(id="meaning", markup=False)
        self._plan_title = Static(classes="title")
        self._search = Search()
        self._origin = Selection.cursor((0, 0))

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.editor
        yield self.find_bar
        yield self._meaning
        yield self._plan_title
        yield self.plan_view

    # -- what the screen says ----------------------------------------------------------------------------------------

    def show_title(self, parts: Parts) -> None:
        """What is in the editor."""
        self._parts = parts
        self._show_titles()

    def show_plan(self, plan: Plan, before: Sequence[str] = ()) -> None:
        """What saving will do, below the lines `before`; its problems stand in the editor."""
        self.plan, self._planned = plan, self.editor.text
        self._whose = self._document()
        self.editor.set_problems(plan.diagnostics)
        self.plan_view.show([*before, *plan_lines(plan)], highlight)
        self._show_titles()
        self.show_meaning(self.editor.cursor_location[0])

    def say(self, text: str) -> None:
        """There is no plan, for this reason."""
        self.plan = None
        self.plan_view.show(text)
        self._show_titles()

    def on_descendant_focus(self) -> None:
        self._show_titles()

    def on_descendant_blur(self) -> None:
        self._show_titles()

    def _show_titles(self) -> None:
        def bar(widget: Widget) -> tuple[str, str]:
            return ("▌", "$tone-accent") if widget.has_focus else (" ", "")

        self._title.update(Content.assemble(bar(self.editor), *self._parts, *self._whose), layout=False)
        about = plan_title(self.plan) if self.plan is not None else ""
        self._plan_title.update(
            Content.assemble(
                bar(self.plan_view), ("What saving will do", "bold $foreground"), (f"  {about}", "$tone-dim")
            ),
            layout=False,
        )

    def _document(self) -> Parts:
        """Which object the cursor is in, where the text has several."""
        lines = self.editor.lines
        first, last = document_rows(lines, self.editor.cursor_location[0])
        if last - first >= len(lines) - 1:
            return ()
        return ((f"  {document_title(lines, first, min(last, first + _TITLE_LINES))}", "$tone-dim"),)

    def about(self) -> str:
        """What saving the text as it is now will do, in a few words; "" while that is not known."""
        return plan_title(self.plan) if self.plan is not None and self._planned == self.editor.text else ""

    # -- the line of the cursor --------------------------------------------------------------------------------------

    def on_yaml_editor_place_changed(self, event: YamlEditor.PlaceChanged) -> None:
        self._whose = self._document()
        self.show_meaning(event.row)
        self._show_titles()

    def show_meaning(self, row: int) -> None:
        """The problem of a line, else what its field means."""
        if self._show_problem(row):
            self.workers.cancel_group(self, "explain")  # an answer on its way would cover the problem
        else:
            self._explain_row(row)

    def _show_problem(self, row: int) -> bool:
        """A problem on the cursor's line takes the place of its field's meaning."""
        problems = self.editor.problems.get(row)
        if problems:
            tone = "$tone-bad" if problems[0].severity == "error" else "$tone-warn"
            glyph = "✗ " if problems[0].severity == "error" else "▲ "
            self._meaning.update(Content.assemble((glyph, tone), (problems[0].message, tone)))
        return bool(problems)

    @work(exclusive=True, group="explain")
    async def _explain_row(self, row: int) -> None:
        api_version, kind, path = field_at(self.editor.lines, row)
        found = None
        if api_version and kind and path:
            try:
                found = await answer(self._session.client.explain(api_version, kind, path))
            except ClientError:
                found = None
        if found is None:
            self._meaning.update("")
            return
        first = found.description.split("\n")[0]
        self._meaning.update(
            Content.assemble(*self._path(path), (f" {found.type}  ", "$tone-accent"), (first, "$tone-dim"))
        )

    def _path(self, path: Sequence[str]) -> Parts:
        """The field's name, and where it is as far as half of the line has room for that."""
        around = "".join(name if name == "[]" else f".{name}" for name in path[:-1])[1:]
        room = self.size.width // 2 - len(path[-1])
        if len(around) > room:
            around = "…" + around[len(around) - room :] if room > 8 else ""
        name = path[-1] if path[-1] == "[]" or not around else f".{path[-1]}"
        return (around, "$tone-dim"), (name, "bold $foreground")

    # -- completion and meaning --------------------------------------------------------------------------------------

    @work(exclusive=True, group="complete")
    async def on_yaml_editor_completion_wanted(self, event: YamlEditor.CompletionWanted) -> None:
        place = event.place
        if not place.api_version or not place.kind:
            offers: Sequence[FieldHelp] = _headers(self._session, place.key)
        else:
            try:
                lines, row = self.editor.lines, self.editor.cursor_location[0]
                names = await names_at(self._session, place, lines, row)
                fields = await answer(self._session.client.complete(place.api_version, place.kind, place.path))
            except ClientError:
                return  # what cannot be asked now is not offered
            known = {offer.name for offer in names}
            if known and all(not field.type for field in fields):
                fields = ()  # values that the schema gathers from its prose: what is known by name is more exact
            wished = [field for field in fields if field.name not in known and (*place.path, field.name) != ("status",)]
            # What the server writes into metadata can be looked up here, but hardly anybody wants to type it.
            wished.sort(key=lambda field: place.path[-1:] == ("metadata",) and field.name in _BY_SERVER)
            offers = [*names, *wished]
        self.editor.offer(place, offers)

    @work(exclusive=True, group="card")
    async def do_explain_field(self) -> None:
        """The whole documentation of the field of the cursor's line."""
        api_version, kind, path = field_at(self.editor.lines, self.editor.cursor_location[0])
        try:
            found = await answer(self._session.client.explain(api_version, kind, path))
            if found is None:
                self.notify("The schema knows no such field", severity="warning", timeout=3)
                return
            offers = await answer(self._session.client.complete(api_version, kind, path))
        except ClientError as error:
            self.notify(error.message, severity="error")
            return
        words = words_at(kind, path) or [offer.name for offer in offers if not offer.type]
        self.editor.explain(found, words)

    # -- places ------------------------------------------------------------------------------------------------------

    def do_problem(self, by: str) -> None:
        """The next place with a problem, or the one before, round the end."""
        places = sorted(
            {
                (row, max(0, problem.column - 1))
                for row, problems in self.editor.problems.items()
                for problem in problems
            }
        )
        if not places:
            self.notify("No problem in this text", timeout=3)
            return
        here = self.editor.cursor_location
        if by == "1":
            row, column = next((place for place in places if place > here), places[0])
        else:
            row, column = next((place for place in reversed(places) if place < here), places[-1])
        self.editor.go_to(row, column)
        self.editor.focus()

    def do_document(self, by: str) -> None:
        """To the beginning of the next document; of this one, then of the one before."""
        lines, row = self.editor.lines, self.editor.cursor_location[0]
        starts = [0, *(seam + 1 for seam, line in enumerate(lines) if is_separator(line) and seam + 1 < len(lines))]
        if by == "1":
            row = next((start for start in starts if start > row), row)
        else:
            row = next((start for start in reversed(starts) if start < row), 0)
        self.editor.go_to(row)

    def do_outline(self) -> None:
        """Choose a document or a field and go there. Fields of other documents are found by typing."""
        entries = outline(self.editor.lines)
        if not entries:
            self.notify("Nothing to go to: the text is empty", timeout=3)
            return
        here = self.editor.cursor_location[0]
        start = max((index for index, entry in enumerate(entries) if entry.row <= here), default=0)
        documents = [index for index, entry in enumerate(entries) if entry.depth == 0]
        mine = bisect(documents, start)
        opened = range(documents[mine - 1], documents[mine] if mine < len(documents) else len(entries))
        folded = {index for index, entry in enumerate(entries) if entry.depth and index not in opened}
        lines = [("  " * entry.depth + entry.label, f":{entry.row + 1}") for entry in entries]

        def chosen(index: int | None) -> None:
            if index is not None:
                self.editor.go_to(entries[index].row)
            self.editor.focus()

        about = f"Outline: {len(documents)} documents, {len(entries) - len(documents)} fields"
        self.app.push_screen(PickDialog(about if folded else "Outline", lines, start, folded), chosen)

    # -- find and replace --------------------------------------------------------------------------------------------

    def do_find(self) -> None:
        if self.editor.disabled:
            return
        selected = self.editor.selected_text
        self._origin = Selection.cursor(min(self.editor.selection.start, self.editor.selection.end))
        self.find_bar.open(selected if selected and "\n" not in selected else self._search.words)

    def on_find_bar_edited(self, event: FindBar.Edited) -> None:
        """While typing, from where the cursor was when the bar opened."""
        self.editor.selection = self._origin
        self._search = event.search
        self._find(forward=True, loud=False)

    def on_find_bar_found(self) -> None:
        self._search = self.find_bar.search
        if self._search.words and self.editor.selection.is_empty:
            self._find(forward=True)
        self._leave_find()

    def on_find_bar_left(self) -> None:
        self._leave_find()

    def _leave_find(self) -> None:
        self.find_bar.close()
        self.editor.focus()

    def on_find_bar_replace(self, event: FindBar.Replace) -> None:
        search = self._search = self.find_bar.search
        if self.editor.read_only:
            return
        try:
            if event.everywhere:
                count = self.editor.replace_all(search.words, search.new, regex=search.regex)
                self.notify(f"{count} replaced; ctrl-z takes it back" if count else f"{search.words!r} is not here")
                self._leave_find()
                return
            self.editor.replace_match(search.words, search.new, regex=search.regex)
        except (re.error, IndexError) as error:
            self.find_bar.tell(f"✗ {error}")
            return
        self._find(forward=True)

    def do_find_next(self, by: str) -> None:
        if self._search.words:
            self._find(forward=by == "1")
        else:
            self.do_find()

    def _find(self, *, forward: bool, loud: bool = True) -> None:
        words = self._search.words
        try:
            found = self.editor.find(words, forward=forward, regex=self._search.regex)
        except re.error as error:
            self.find_bar.tell(f"✗ {error}")
            return
        if found:
            self.find_bar.tell("{} of {}".format(*self.editor.matches(words, regex=self._search.regex)))
        else:
            self.find_bar.tell("not found" if words else "")
        if not found and loud and words:
            self.notify(f"{words!r} is not in this text", severity="warning", timeout=3)

    # -- a person's own editor ---------------------------------------------------------------------------------------

    def edit_elsewhere(self, text: str, name: str) -> str | None:
        """Hand a copy of the text, called like `name`, to $EDITOR. None: nothing came back, and that was said."""
        try:
            external_editor.editor_command(os.environ)
            with self.app.suspend():
                changed = external_editor.edit(text, name, self.editor.cursor_location[0])
        except SuspendNotSupported:
            self.notify("This terminal cannot be handed over to an editor", severity="warning")
            return None
        except EditorError as error:
            self.notify(str(error), severity="error")
            return None
        self.app.refresh()
        if changed == text:
            self.notify("Nothing was changed", timeout=2)
            return None
        return changed


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
