"""A live object as YAML in an editor: saved, it is changed in the cluster; refused, the text stays with the error.

Every pause in typing tries the change (a dry run on the server): what would change stands below, errors stand at the
lines of the fields that they name. What is saved carries the resourceVersion that was read, so nobody's change is
overwritten: what others did meanwhile is merged into the text when it is saved, and asked about where both changed the
same lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from engine.client import ClientError, Item, Json, Plan, PlannedObject, Query, new_intent
from tui.feed import Feed
from tui.keymap import KeyContext, Keymap, shown
from tui.mailbox import News
from tui.merge import Merged, merge
from tui.screens.base import BaseScreen
from tui.screens.choice import ChoiceDialog
from tui.screens.dialogs import ConfirmDialog
from tui.screens.workbench import Workbench
from tui.session import Session, answer
from tui.texts import yaml_text

_PAUSE: Final = 0.12
"""Seconds without a key before the change is tried."""
_TRIES: Final = 5
"""Saves of one object that others write to all the time, before somebody is asked."""
_OF_SERVER: Final = ("managedFields", "resourceVersion", "generation")


def _text_of(item: Item) -> str:
    return yaml_text(item.obj) + "\n"


def _desired(item: Item) -> Json:
    """What a person can change of an object."""
    obj = item.obj
    meta = {key: value for key, value in obj["metadata"].items() if key not in _OF_SERVER}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta}


class EditScreen(BaseScreen):
    """One object."""

    DEFAULT_CSS = """
    EditScreen {
        & Workbench { height: 1fr; }
        & .said { height: auto; max-height: 6; padding: 0 2; background: $panel; color: $foreground; display: none; }
        & .said.bad { color: $tone-bad; text-style: bold; }
    }
    """

    def __init__(self, session: Session, keymap: Keymap, resource: str, item: Item) -> None:
        super().__init__(session, keymap)
        self.NAME = f"edit {item.name}"
        self._resource, self._item, self._newest = resource, item, item
        """`_item`: the state that the text began with; `_newest`: what the cluster holds now."""
        self._before = ""
        self._declared_in: list[str] = []
        self.bench = Workbench(session)
        self.editor = self.bench.editor
        self._said = Static("", classes="said", markup=False)
        self._feed: Feed | None = None
        self._pause: Timer | None = None
        self._refusal = False
        """What is said is about a text that was not saved: typing makes it void."""

    def compose_body(self) -> Iterable[Widget]:
        yield self.bench
        yield self._said

    def on_mount(self) -> None:
        self.header.namespace = lambda: self._item.namespace or None
        self._load(self._item)
        self.editor.focus()
        self._feed = Feed(self.session.client, self, self._came)
        self._feed.open(Query(self._resource, self._item.namespace or None, fields=f"metadata.name={self._item.name}"))
        self.run_worker(self._learn_file(), group="file", exit_on_error=False)

    def on_unmount(self) -> None:
        if self._feed is not None:
            self._feed.pause()

    def panes(self) -> list[Widget]:
        return [self.editor, self.bench.plan_view]

    def key_context(self) -> KeyContext:
        if self.focused is self.editor:
            return KeyContext(("editor", "edit"))
        if self.focused is self.bench.plan_view:
            return KeyContext(("text", "edit"))
        return super().key_context()

    @property
    def changed(self) -> bool:
        return self.editor.text != self._before

    @property
    def _whose(self) -> str:
        return f"{self._item.namespace}/{self._item.name}" if self._item.namespace else self._item.name

    async def _learn_file(self) -> None:
        """Whether a file of the folder declares the object: what is changed here is drift there."""
        item = self._item
        with suppress(ClientError):
            place = await answer(self.session.client.manifest_of(self._resource, item.namespace, item.name))
            if place is not None:
                self._declared_in = [
                    f"▲ {place[0]}:{place[1]} declares it: what is changed here is not in the file, and shows as drift"
                ]

    # -- what is shown -----------------------------------------------------------------------------------------------

    def _load(self, item: Item) -> None:
        self._began_with(item)
        self.editor.load(self._before)
        self._say("")
        self._try()
        self._show_title()

    def _began_with(self, item: Item) -> None:
        self._item, self._before = item, _text_of(item)
        if item.revision > self._newest.revision:
            self._newest = item

    def _say(self, text: str, bad: bool = False) -> None:
        self._refusal = False
        self._said.update(text)
        self._said.display = bool(text)
        self._said.set_class(bad, "bad")

    def _show_title(self) -> None:
        row, column = self.editor.cursor_location
        parts = [(f"{self._resource} {self._whose}", "bold $foreground"), (f"  {row + 1}:{column + 1}", "$tone-dim")]
        if self.changed:
            parts.append(("  ◆ changed", "$tone-accent"))
        parts.append((f"  revision {self._item.revision}", "$tone-dim"))
        self.bench.show_title(parts)

    def on_yaml_editor_moved(self) -> None:
        self._show_title()

    def _came(self, news: News) -> None:
        items = [*(news.relist or ()), *(c.item for c in news.changes.values() if c.type != "DELETED")]
        for item in items:
            if item.uid == self._item.uid and item.revision > self._newest.revision:
                wished = _desired(item) != _desired(self._newest)
                self._newest = item
                if wished:
                    self._tell_newest()
                    self._try()
        if any(c.type == "DELETED" and uid == self._item.uid for uid, c in news.changes.items()):
            self._say("It was deleted meanwhile: it cannot be saved any more", bad=True)

    def _tell_newest(self) -> None:
        key = shown(self.keymap.keys_of("edit.reload")[0])
        if self._rebased().conflicts:
            what = "saving asks, for it changed lines that you changed too"
        else:
            what = "saving keeps both" if self.changed else "saving takes that over"
        self._say(
            f"It was changed meanwhile (revision {self._newest.revision}): {what}; {key} loads it, your text goes"
        )

    # -- trying it out -----------------------------------------------------------------------------------------------

    def on_yaml_editor_edited(self) -> None:
        if self._refusal:
            self._say("")
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(_PAUSE, self._try)
        self._show_title()

    def _try(self) -> None:
        self.run_worker(self._dry_run(), exclusive=True, group="plan", exit_on_error=False)

    async def _dry_run(self) -> None:
        text = self.editor.text
        if text == self._before:
            same = PlannedObject("unchanged", self._resource, self._item.namespace, self._item.name, 1)
            self.bench.show_plan(Plan((), (same,)))
            return
        merged = self._rebased()
        if merged.conflicts:
            self.bench.say("Somebody else changed lines that you changed too: saving asks what to do.")
            return
        try:
            plan = await self._edit(merged.text, dry_run=True)
            if plan.diagnostics and merged.text != text:  # their places are wanted in the text that is shown
                plan = await self._edit(self._at_newest(text), dry_run=True)
        except ClientError as error:
            if error.code != 409:  # a conflict: the next news try again
                self.bench.say(error.message)
            return
        if self.editor.text == text:
            self.bench.show_plan(plan, self._declared_in if plan.objects[0].changes else ())

    def _rebased(self) -> Merged:
        """The text with what others changed meanwhile."""
        if self._newest.revision == self._item.revision:
            return Merged(self.editor.text, 0)
        return merge(self._before, self.editor.text, _text_of(self._newest), where="in the cluster")

    def _at_newest(self, text: str) -> str:
        """The text as if it had begun with the newest state: no conflict."""
        then, now = (each.obj["metadata"].get("resourceVersion") for each in (self._item, self._newest))
        return text.replace(f'resourceVersion: "{then}"', f'resourceVersion: "{now}"', 1)

    async def _edit(self, text: str, *, dry_run: bool) -> Plan:
        """Raises ClientError."""
        item, intent = self._item, new_intent(f"edit {self._whose}")
        edit = self.session.client.edit(
            self._resource, item.namespace, item.name, text, intent=intent, dry_run=dry_run
        )  # fmt: skip
        return await answer(edit)

    # -- saving ------------------------------------------------------------------------------------------------------

    def do_edit_save(self) -> None:
        if not self.changed:
            self.notify("Nothing was changed")
        else:
            self.run_worker(self._save(), exclusive=True, group="edit", exit_on_error=False)

    async def _save(self) -> None:
        for _ in range(_TRIES):
            merged, newest = self._rebased(), self._newest
            if merged.conflicts:
                self._ask_conflict(merged)
                return
            try:
                plan = await self._edit(merged.text, dry_run=False)
            except ClientError as error:
                if error.code == 409 and await self._learn_newest():
                    continue
                self._say(f"✗ not saved: {error.message}", bad=True)
                return
            if any(problem.severity == "error" for problem in plan.diagnostics):
                self._began_with(newest)
                self.editor.rewrite(merged.text)
                self._refused(plan)
                return
            self.notify(f"Changed {self._whose}" if plan.objects[0].changes else f"{self._whose} is as it was")
            self.dismiss()
            return
        self._say("It changes all the time: nothing was saved, try again", bad=True)

    async def _learn_newest(self) -> bool:
        """Ask for the present state; whether it is newer than what was known."""
        item = self._item
        try:
            newest = await answer(self.session.client.get(self._resource, item.namespace, item.name))
        except ClientError:
            return False
        newer = newest.uid == item.uid and newest.revision > self._newest.revision
        if newer:
            self._newest = newest
        return newer

    def _refused(self, plan: Plan) -> None:
        self.bench.show_plan(plan)
        problems = [problem for problem in plan.diagnostics if problem.severity == "error"]
        if problems[0].line - 1 != self.editor.cursor_location[0]:
            self.editor.go_to(problems[0].line - 1, max(0, problems[0].column - 1))
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        path = f"{problems[0].path}: " if problems[0].path else ""
        self._say(f"✗ not saved: line {problems[0].line}: {path}{problems[0].message}{more}", bad=True)
        self._refusal = True

    def _ask_conflict(self, merged: Merged) -> None:
        newest = self._newest

        def decided(choice: str | None) -> None:
            text = {
                "marks": merged.text,
                "theirs": _text_of(newest),
                "ours": merge(self._before, self.editor.text, _text_of(newest), ours_wins=True).text,
            }.get(choice or "")
            if text is not None:
                self._began_with(newest)
                self.editor.rewrite(text)
                self._say("")
                self._try()
            self.editor.focus()

        self.app.push_screen(
            ChoiceDialog(
                "Changed here and in the cluster",
                f"Somebody else changed lines of {self._whose} that you changed too. Nothing is saved yet, and ctrl-z "
                "takes back what you choose.",
                [("later", "Later"), ("marks", "Show both"), ("theirs", "Take the cluster's"), ("ours", "Keep mine")],
            ),
            decided,
        )  # fmt: skip

    # -- other actions -----------------------------------------------------------------------------------------------

    def do_edit_reload(self) -> None:
        """The newest state instead of the text."""

        async def reload() -> None:
            item = self._item
            try:
                self._load(await answer(self.session.client.get(self._resource, item.namespace, item.name)))
            except ClientError as error:
                self._say(error.message, bad=True)

        self.run_worker(reload(), exclusive=True, group="edit", exit_on_error=False)

    def do_external(self) -> None:
        """Edit a copy of the text with a person's own editor; what comes back is text that is not saved yet."""
        text = self.bench.edit_elsewhere(self.editor.text, f"{self._item.name}.yaml")
        if text is not None:
            self.editor.rewrite(text)

    def do_back(self) -> None:
        if self._filtered(self.filter_target):
            self.apply_filter("")
        elif self.focused is self.bench.plan_view:
            self.editor.focus()
        elif not self.changed:
            self.console.go_back()
        else:
            self.app.push_screen(
                ConfirmDialog("Leave without saving?", "What you changed is lost.", "Leave", danger=True),
                lambda yes: self.console.go_back() if yes else None,
            )
