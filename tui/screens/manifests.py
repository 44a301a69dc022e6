"""The Manifests screen: a folder of manifests to work in. This file holds what helps while typing.

Completion (fields and values of the schema, and names that exist), the meaning of a field, problems one after the
other, find and replace, the outline. Frame and plan are in `manifest_view`, files and the disk in `manifest_disk`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual import work
from textual.widgets.text_area import Selection

from engine.client import ClientError, FieldHelp
from tui.blame import Blamed
from tui.keymap import Keymap
from tui.screens.manifest_disk import ManifestDisk
from tui.screens.picker import PickDialog
from tui.session import Session, answer
from tui.widgets.find_bar import FindBar, Search
from tui.widgets.yaml_editor import YamlEditor
from tui.yaml_names import names_at
from tui.yaml_place import field_at
from tui.yaml_text import outline


class ManifestsScreen(ManifestDisk):
    """Files, editor, plan."""

    def __init__(
        self, session: Session, keymap: Keymap, path: str | None = None, line: int = 0, fields: Sequence[Blamed] = ()
    ) -> None:
        super().__init__(session, keymap, path, line, fields)
        self._search = Search()
        self._origin = Selection.cursor((0, 0))

    # -- completion and meaning --------------------------------------------------------------------------------------

    @work(exclusive=True, group="complete")
    async def on_yaml_editor_completion_wanted(self, event: YamlEditor.CompletionWanted) -> None:
        place = event.place
        if not place.api_version or not place.kind:
            offers: Sequence[FieldHelp] = _headers(self.session, place.key)
        else:
            try:
                lines, row = self.editor.lines, self.editor.cursor_location[0]
                names = await names_at(self.session, place, lines, row)
                fields = await answer(self.session.client.complete(place.api_version, place.kind, place.path))
            except ClientError:
                return  # what cannot be asked now is not offered
            known = {offer.name for offer in names}
            offers = [*names, *(field for field in fields if field.name not in known)]
        self.editor.offer(place, offers)

    @work(exclusive=True, group="card")
    async def do_explain_field(self) -> None:
        """The whole documentation of the field of the cursor's line."""
        api_version, kind, path = field_at(self.editor.lines, self.editor.cursor_location[0])
        try:
            found = await answer(self.session.client.explain(api_version, kind, path))
            if found is None:
                self.notify("The schema knows no such field", severity="warning", timeout=3)
                return
            offers = await answer(self.session.client.complete(api_version, kind, path))
        except ClientError as error:
            self.notify(error.message, severity="error")
            return
        self.editor.explain(found, [offer.name for offer in offers if not offer.type])

    # -- places ------------------------------------------------------------------------------------------------------

    def do_manifest_problem(self, by: str) -> None:
        """The next place with a problem, or the one before, round the end."""
        places = sorted(
            {
                (row, max(0, problem.column - 1))
                for row, problems in self.editor.problems.items()
                for problem in problems
            }
        )
        if not places:
            self.notify("No problem in this file", timeout=3)
            return
        here = self.editor.cursor_location
        if by == "1":
            row, column = next((place for place in places if place > here), places[0])
        else:
            row, column = next((place for place in reversed(places) if place < here), places[-1])
        self.editor.go_to(row, column)
        self.editor.focus()

    def do_manifest_outline(self) -> None:
        entries = outline(self.editor.lines)
        if not entries:
            self.notify("Nothing to go to: the file is empty", timeout=3)
            return
        here = self.editor.cursor_location[0]
        start = max((index for index, entry in enumerate(entries) if entry.row <= here), default=0)
        lines = [("  " * entry.depth + entry.label, f":{entry.row + 1}") for entry in entries]

        def chosen(index: int | None) -> None:
            if index is not None:
                self.editor.go_to(entries[index].row)
            self.editor.focus()

        self.app.push_screen(PickDialog("Outline", lines, start), chosen)

    def do_line_start(self) -> None:
        self.editor.action_cursor_line_start()

    def do_line_end(self) -> None:
        self.editor.action_cursor_line_end()

    # -- find and replace --------------------------------------------------------------------------------------------

    def do_manifest_find(self) -> None:
        if self.buffer is None:
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
            self.find_bar.complain(f"✗ {error}")
            return
        self._find(forward=True)

    def do_manifest_find_next(self, by: str) -> None:
        if self._search.words:
            self._find(forward=by == "1")
        else:
            self.do_manifest_find()

    def _find(self, *, forward: bool, loud: bool = True) -> None:
        words = self._search.words
        try:
            found = self.editor.find(words, forward=forward, regex=self._search.regex)
        except re.error as error:
            self.find_bar.complain(f"✗ {error}")
            return
        self.find_bar.complain("" if found or not words else "not found")
        if not found and loud and words:
            self.notify(f"{words!r} is not in this file", severity="warning", timeout=3)

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
