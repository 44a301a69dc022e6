"""The Manifests screen: a folder of manifests to work in. Save, read again, make, and keep up with the disk.

A file that another program changes is taken over when nothing was typed, merged when both changed, and asked about
when both changed the same lines. Drift, what somebody changed in the cluster, is taken into the text or undone by
applying the file again. Nothing is written while the console is read-only or looks at the past. The frame is in
`manifest_view`, typing and what helps at it in `workbench`.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.client import ClientError
from tui.buffers import Buffer, ChangedOnDisk, ManifestError
from tui.screens.choice import ChoiceDialog
from tui.screens.dialogs import ConfirmDialog
from tui.screens.manifest_view import ManifestView
from tui.screens.picker import PickDialog
from tui.screens.prompt import PromptDialog
from tui.session import answer
from tui.templates import TEMPLATES


class ManifestsScreen(ManifestView):
    """Files, editor, plan."""

    def on_mount(self) -> None:
        self.set_interval(1.0, self._look_outside)

    def session_changed(self) -> None:
        super().session_changed()
        self._look_outside()

    def file_opened(self) -> None:
        self._look_outside()

    # -- what other programs do --------------------------------------------------------------------------------------

    def _look_outside(self) -> None:
        buffer = self.buffer
        before = buffer.path if buffer is not None else ""
        if buffer is None or self.buffers is None or not self.is_attached or not self.is_active:
            return
        look = self.buffers.look(buffer)
        if look == "same":
            return
        if look == "conflict":
            self._ask_conflict(buffer)
        elif look == "moved":
            self.session.last_manifest = buffer.path
            self._ask_plan()
            self.notify(f"{before} is called {buffer.path} now: the text went along")
        elif look == "gone":
            self.notify(f"{buffer.path} was removed on disk. Its text is still here; ctrl-s writes it anew.",
                        severity="warning")  # fmt: skip
        elif look == "unreadable":
            self.notify(f"{buffer.path} changed on disk and cannot be read now", severity="warning")
        else:
            self._show_text(buffer)
            if look == "merged":
                self.notify(f"{buffer.path} changed on disk: merged with what you typed. ctrl-z takes it back.")
            else:
                self.notify(f"{buffer.path} changed on disk: read again", timeout=3)
        self._show_files()

    def _show_text(self, buffer: Buffer) -> None:
        """The buffer's text is another one now; typing can be undone through it."""
        if self.buffer is not buffer:
            return
        self.editor.read_only = bool(buffer.locked)
        self.editor.rewrite(buffer.text)
        self._ask_plan()

    def _ask_conflict(self, buffer: Buffer) -> None:
        def decided(choice: str | None) -> None:
            assert self.buffers is not None
            try:
                if choice == "ours":
                    self.buffers.keep_ours(buffer)
                elif choice in ("marks", "theirs"):
                    self.buffers.take_theirs(buffer, marks=choice == "marks")
                    self._show_text(buffer)
            except ManifestError as error:
                self.notify(str(error), severity="error")
            self._show_files()

        self.app.push_screen(
            ChoiceDialog(
                "Changed here and on disk",
                f"Another program changed lines of {buffer.path} that you changed too. Nothing is lost: saving asks "
                "again as long as this is open, and ctrl-z takes back what you choose.",
                [("later", "Later"), ("marks", "Show both"), ("theirs", "Take the disk's"), ("ours", "Keep mine")],
            ),
            decided,
        )  # fmt: skip

    # -- saving ------------------------------------------------------------------------------------------------------

    def _may_write(self) -> bool:
        complaint = self.session.gate.complaint
        if complaint is not None:
            self.notify(f"{complaint}. Your text is kept.", severity="warning")
        return complaint is None

    async def do_manifest_save(self) -> None:
        buffer = self.buffer
        if buffer is None or self.buffers is None or not self._may_write():
            return
        if not self.editor.read_only:
            buffer.text = self.editor.text
        self._save(buffer, overwrite=False)

    def _save(self, buffer: Buffer, *, overwrite: bool) -> None:
        assert self.buffers is not None
        try:
            self.buffers.save(buffer, overwrite=overwrite)
        except ChangedOnDisk as error:
            self.app.push_screen(
                ConfirmDialog("The file has changed", f"{error}. Write your text over it?", "Overwrite", danger=True),
                lambda yes: self._save(buffer, overwrite=True) if yes else None,
            )
        except ManifestError as error:
            self.notify(str(error), severity="error")
        else:
            self.notify(f"{buffer.path} saved; {self.bench.about() or 'applying'}")
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
            path, row = self.buffer.path, self.editor.cursor_location[0]
            try:
                self.buffers.reload(path)
            except ManifestError as error:
                self.notify(str(error), severity="error")
                return
            self.open_file(path, row + 1)
            self.session_changed()

    # -- new files and templates -------------------------------------------------------------------------------------

    def do_manifest_new(self) -> None:
        """Choose a template, then a path."""
        if self.buffers is None:
            self.notify("No folder is watched: start with `kubarium DIR`", severity="warning")
            return

        def chosen(index: int | None) -> None:
            if index is not None:
                template = TEMPLATES[index]
                beside = (self.tree_view.current or "").rpartition("/")[0]
                path = f"{beside + '/' if beside else ''}{template.kind.split()[0].lower()}.yaml"
                prompt = PromptDialog(f"New {template.kind}", "path in the folder", path)
                self.app.push_screen(prompt, lambda path: self._create(path, template.text))

        self._pick_template("New manifest", chosen)

    def do_find_file(self) -> None:
        """Choose one of all files, by typing what its path holds."""
        unsaved = self.buffers.unsaved() if self.buffers else []
        known = {file.path: "unsaved" if file.path in unsaved else file.state for file in self.session.files}
        states = known | dict.fromkeys(unsaved, "unsaved")
        if not states:
            self.notify("There is no file yet: n makes one", timeout=3)
            return
        paths = sorted(states)
        here = self.tree_view.current if self.focused is self.tree_view else self.buffer.path if self.buffer else None

        def chosen(index: int | None) -> None:
            if index is not None:
                self.open_file(paths[index])

        lines = [(path, "" if states[path] == "applied" else states[path]) for path in paths]
        start = paths.index(here) if here in states else 0
        self.app.push_screen(PickDialog(f"Files: {len(paths)}", lines, start), chosen)

    def do_manifest_insert(self) -> None:
        if self.buffer is None or self.editor.read_only:
            return

        def chosen(index: int | None) -> None:
            if index is not None:
                self.editor.add_document(TEMPLATES[index].text)
                self.editor.focus()

        self._pick_template("Insert a document", chosen)

    def _pick_template(self, title: str, chosen: Callable[[int | None], None]) -> None:
        lines = [(f"{template.kind:26}", template.about) for template in TEMPLATES]
        self.app.push_screen(PickDialog(title, lines), chosen)

    def _create(self, path: str | None, text: str) -> None:
        if path and path.strip() and self.buffers is not None:
            try:
                buffer = self.buffers.create(path.strip(), text)
            except ManifestError as error:
                self.notify(str(error), severity="error")
                return
            self._show_files()
            self.open_file(buffer.path, 1)

    # -- elsewhere ---------------------------------------------------------------------------------------------------

    def _at_hand(self) -> Buffer | None:
        """The buffer of the open file, or of the one under the tree's cursor, which is opened."""
        path = self.tree_view.current if self.focused is self.tree_view else None
        if path is not None and (self.buffer is None or self.buffer.path != path) and not self.open_file(path):
            return None
        return self.buffer

    def do_external(self) -> None:
        """Edit a copy of the text with a person's own editor; what comes back is unsaved text."""
        buffer = self._at_hand()
        if buffer is None:
            return
        text = self.bench.edit_elsewhere(buffer.text, buffer.path)
        if text is None:
            return
        buffer.text = text
        self._show_text(buffer)
        self._show_files()
        self.notify(f"{buffer.path} comes back with changes: ctrl-s saves them")

    # -- drift -------------------------------------------------------------------------------------------------------

    async def do_manifest_take_live(self) -> None:
        """Splice what the cluster holds into the text."""
        buffer = self._at_hand()
        if buffer is None or self.editor.read_only:
            return
        try:
            taken = await answer(self.session.client.take_live(buffer.path, buffer.text))
        except ClientError as error:
            self.notify(error.message, severity="error")
            return
        if not taken.taken and not taken.left:
            self.notify("Nothing has drifted: the cluster holds what the file says")
            return
        if self.buffer is buffer and taken.text != buffer.text:
            self.editor.rewrite(taken.text)
        if taken.taken:
            self.notify(f"Taken into the text: {', '.join(taken.taken[:4])}. ctrl-s saves it, ctrl-z takes it back.")
        for words in taken.left[:3]:
            self.notify(words, severity="warning")

    def do_manifest_push(self) -> None:
        """Write the file as it is: that applies what is not as it says."""
        buffer = self._at_hand()
        if buffer is None or not self._may_write():
            return
        if buffer.unsaved:
            self.notify("The text is not saved: ctrl-s saves and applies it", severity="warning")
        else:
            self._save(buffer, overwrite=False)
