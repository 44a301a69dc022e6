"""A live object as YAML in an editor: saved, it is changed in the cluster; refused, the text stays with the error.

What is saved carries the resourceVersion that was read, so a change by somebody else in between is a conflict: then the
text stays too, and the newest state can be loaded or looked at. Errors stand at the lines of the fields they name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual import events
from textual.widget import Widget
from textual.widgets import Static

from engine.client import ClientError, Diagnostic, Item, Json, Query, new_intent
from tui.feed import Feed
from tui.keymap import KeyContext, Keymap
from tui.mailbox import News
from tui.screens.base import BaseScreen
from tui.session import Session, answer
from tui.texts import yaml_text
from tui.widgets.yaml_editor import YamlEditor
from tui.yaml_lines import line_of


def problems_of(text: str, error: ClientError) -> list[Diagnostic]:
    """A refusal at the lines of the fields that it names; at the first line when it names none."""
    causes = ((error.status or {}).get("details") or {}).get("causes") or ()
    found = []
    for cause in causes:
        line, column = line_of(text, cause.get("field") or "")
        said = cause.get("message") or error.message
        found.append(
            Diagnostic(
                line, column, "error", cause.get("field") or "", f"{cause.get('field') or ''}: {said}".lstrip(": ")
            )
        )
    return found or [Diagnostic(1, 1, "error", "", error.message)]


class ObjectEditor(YamlEditor):
    """An editor that leaves escape to its screen: for a TextArea it would move the focus."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.prevent_default()


class EditScreen(BaseScreen):
    """One object."""

    DEFAULT_CSS = """
    EditScreen {
        & ObjectEditor { height: 1fr; }
        & .said { height: auto; max-height: 6; padding: 0 2; background: $panel; color: $foreground; }
        & .said.bad { color: $tone-bad; text-style: bold; }
    }
    """

    def __init__(self, session: Session, keymap: Keymap, resource: str, item: Item) -> None:
        super().__init__(session, keymap)
        self.NAME = f"edit {item.name}"
        self._resource, self._item = resource, item
        self._before = ""
        self._newest = item.revision
        self.editor = ObjectEditor()
        self._said = Static("", classes="said", markup=False)
        self._feed: Feed | None = None
        self._leaving = False

    def compose_body(self) -> Iterable[Widget]:
        yield self.editor
        yield self._said

    def on_mount(self) -> None:
        self.header.namespace = lambda: self._item.namespace or None
        self._load(self._item)
        self.editor.focus()
        self._feed = Feed(self.session.client, self, self._came)
        self._feed.open(Query(self._resource, self._item.namespace or None, fields=f"metadata.name={self._item.name}"))

    def on_unmount(self) -> None:
        if self._feed is not None:
            self._feed.pause()

    def _load(self, item: Item) -> None:
        self._item = item
        self._before = yaml_text(item.obj) + "\n"
        self._newest = item.revision
        self.editor.load(self._before)
        self._say(f"{self._resource} {item.name} at revision {item.revision}")

    def _say(self, text: str, bad: bool = False) -> None:
        self._said.update(text)
        self._said.set_class(bad, "bad")

    def _came(self, news: News) -> None:
        items = [*(news.relist or ()), *(c.item for c in news.changes.values() if c.type != "DELETED")]
        for item in items:
            if item.uid == self._item.uid and item.revision > self._newest:
                self._newest = item.revision
                key = self.keymap.keys_of("edit.reload")[0].replace("+", "-")
                self._say(f"It was changed meanwhile (revision {item.revision}): {key} loads that, your text goes")
        if any(c.type == "DELETED" and uid == self._item.uid for uid, c in news.changes.items()):
            self._say("It was deleted meanwhile", bad=True)

    def key_context(self) -> KeyContext:
        return KeyContext(("edit",))

    @property
    def changed(self) -> bool:
        return self.editor.text != self._before

    # -- actions -----------------------------------------------------------------------------------------------------

    def do_edit_save(self) -> None:
        if not self.changed:
            self.notify("Nothing was changed")
            return
        obj = self._read()
        if obj is not None:
            self.run_worker(self._save(obj), exclusive=True, group="edit", exit_on_error=False)

    def _read(self) -> Json | None:
        import yaml

        text = self.editor.text
        try:
            obj: Any = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            said = getattr(error, "problem", None) or str(error)
            place = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
            self._refused([Diagnostic(place[0], place[1], "error", "", said)])
            return None
        if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
            self._refused([Diagnostic(1, 1, "error", "", "an object with metadata is expected")])
            return None
        if "managedFields" in self._item.obj["metadata"]:
            # They are not shown, which must not mean that they are to be forgotten.
            obj["metadata"].setdefault("managedFields", self._item.obj["metadata"]["managedFields"])
        return obj

    async def _save(self, obj: Json) -> None:
        item, text = self._item, self.editor.text
        name = f"{item.namespace}/{item.name}" if item.namespace else item.name
        try:
            await answer(
                self.session.client.update(
                    self._resource, item.namespace, item.name, obj, intent=new_intent(f"edit {name}")
                )
            )
        except ClientError as error:
            self._refused(problems_of(text, error))
            return
        self.notify(f"Changed {name}")
        self.dismiss()

    def _refused(self, problems: list[Diagnostic]) -> None:
        self.editor.set_problems(problems)
        self.editor.go_to(problems[0].line - 1, max(0, problems[0].column - 1))
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        self._say(f"✗ line {problems[0].line}: {problems[0].message}{more}", bad=True)

    def do_edit_reload(self) -> None:
        """The newest state instead of the text."""

        async def reload() -> None:
            item = self._item
            try:
                self._load(await answer(self.session.client.get(self._resource, item.namespace, item.name)))
            except ClientError as error:
                self._say(error.message, bad=True)

        self.run_worker(reload(), exclusive=True, group="edit", exit_on_error=False)

    def do_edit_problem(self) -> None:
        """To the next problem."""
        lines = sorted(self.editor.problems)
        if not lines:
            self.notify("No problems")
            return
        here = self.editor.cursor_location[0]
        row = next((line for line in lines if line > here), lines[0])
        problem = self.editor.problems[row][0]
        self.editor.go_to(row, max(0, problem.column - 1))
        self._say(f"✗ line {problem.line}: {problem.message}", bad=True)

    def do_back(self) -> None:
        if not self.changed:
            self.console.go_back()
            return
        from tui.screens.dialogs import ConfirmDialog

        def decided(yes: bool | None) -> None:
            if yes:
                self.console.go_back()

        self.app.push_screen(
            ConfirmDialog("Leave without saving?", "What you changed is lost.", "Leave", danger=True), decided
        )
