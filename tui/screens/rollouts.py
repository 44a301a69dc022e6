"""Rollout history: the revisions of a workload's template, what each differs in, and the way back to any of them.

A Deployment's revisions are its ReplicaSets, those of StatefulSets and DaemonSets are ControllerRevisions. Going back
does what `kubectl rollout undo --to-revision` does, with its refusals.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from textual.widget import Widget

from engine.client import ClientError, Item, Json, Query, new_intent
from tui.feed import Feed
from tui.keymap import KeyContext, Keymap
from tui.kinds.spec import Cell, Column, KindView
from tui.mailbox import News
from tui.plan_text import change_lines, changed_fields, highlight
from tui.references import containers_of
from tui.rollouts import CAUSE, Rollout, back_patch, rollout_of
from tui.rows import PlainRow, value_of
from tui.screens.listing import ListScreen
from tui.session import Session, answer
from tui.times import age
from tui.widgets.text_view import TextView
from tui.widgets.virtual_table import VirtualTable


def _rollout(item: Item) -> Rollout:
    return value_of(item, Rollout)


def _images(item: Item) -> str:
    return ", ".join(c.get("image", "") for c in containers_of(_rollout(item).template.get("spec") or {}))


VIEW: Final = KindView(
    resource="rollouts",
    columns=(
        Column("REVISION", lambda item, facts: str(_rollout(item).number), align="right"),
        Column("NOW", lambda item, facts: Cell("● current", "ok") if _rollout(item).current else Cell("", "dim")),
        Column("PODS", lambda item, facts: "" if _rollout(item).replicas is None else str(_rollout(item).replicas),
               align="right", rank=2),
        Column("AGE", lambda item, facts: age(
            _rollout(item).item.obj["metadata"].get("creationTimestamp"), facts.now()), live=True, rank=3),
        Column("IMAGES", lambda item, facts: _images(item), min=40, max=100, grow=True, search=True),
        Column("CHANGE-CAUSE", lambda item, facts: (
            _rollout(item).item.obj["metadata"].get("annotations") or {}).get(CAUSE) or "<none>", rank=4, max=60,
            search=True),
    ),
    empty="No revision is kept.",
)  # fmt: skip


class RolloutsScreen(ListScreen):
    """Revisions above, what the chosen one differs in from the present below."""

    VIEW = VIEW
    PLACE = "rollouts"
    DEFAULT_CSS = """
    RolloutsScreen TextView { height: 1fr; border-top: solid $rule; padding: 0 1; }
    """

    def __init__(self, session: Session, keymap: Keymap, resource: str, workload: Item) -> None:
        super().__init__(session, keymap)
        self.NAME = f"rollouts {workload.name}"
        self._resource, self._workload = resource, workload
        self._diff = TextView()
        self._found: dict[str, Item] = {}

    def compose_body(self) -> Iterable[Widget]:
        yield from super().compose_body()
        yield self._diff

    def on_mount(self) -> None:
        workload = self._workload
        self.header.namespace = lambda: workload.namespace
        kept = "replicasets.apps" if self._resource == "deployments.apps" else "controllerrevisions.apps"
        own, others = Feed(self.session.client, self, self._workload_came), Feed(self.session.client, self, self._came)
        own.open(Query(self._resource, workload.namespace, fields=f"metadata.name={workload.name}"))
        others.open(Query(kept, workload.namespace))
        self.feeds = [own, others]

    def key_context(self) -> KeyContext:
        return KeyContext(("text",)) if self._diff.has_focus else super().key_context()

    def _workload_came(self, news: News) -> None:
        items = [*(news.relist or ()), *(c.item for c in news.changes.values() if c.type != "DELETED")]
        for item in items:
            if item.uid == self._workload.uid:
                self._workload = item
                self._draw()

    def _came(self, news: News) -> None:
        if news.relist is not None:
            self._found = {item.uid: item for item in news.relist}
        for uid, change in news.changes.items():
            if change.type == "DELETED":
                self._found.pop(uid, None)
            else:
                self._found[uid] = change.item
        self._draw()

    def _draw(self) -> None:
        found = (rollout_of(self._resource, self._workload, item) for item in self._found.values())
        rollouts = sorted((each for each in found if each is not None), key=lambda each: -each.number)
        paused = (self._workload.obj.get("spec") or {}).get("paused")
        about = "The rollout is paused: resume it before going back." if paused else ""
        rows = [
            PlainRow(each, each.item.uid, each.item.name, each.item.namespace, i) for i, each in enumerate(rollouts)
        ]
        self.put(rows, about)
        self._show()

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        event.stop()
        self._show()

    def _present(self) -> Json:
        return dict((self._workload.obj.get("spec") or {}).get("template") or {})

    def _show(self) -> None:
        if self.chosen is None:
            self._diff.show("")
            return
        rollout = _rollout(self.chosen)
        changes = tuple(changed_fields(self._present(), rollout.template))
        head = f"= going back to revision {rollout.number} would change"
        lines = [head, *change_lines(changes)] if changes else ["= this is the present template"]
        self._diff.show(lines, highlight, keep=False)

    # -- actions -----------------------------------------------------------------------------------------------------

    def do_enter(self) -> None:
        self.do_rollback()

    def do_rollback(self) -> None:
        """Go back to the chosen revision, after a question."""
        from tui.screens.dialogs import ConfirmDialog

        if self.chosen is None:
            self.notify("No revision is chosen", severity="warning")
            return
        rollout, workload = _rollout(self.chosen), self._workload
        kind = self._resource.partition(".")[0].removesuffix("s")
        if (workload.obj.get("spec") or {}).get("paused"):
            words = f"cannot rollback a paused {kind}; resume it first and try again"
            self.notify(words, severity="error")
            return
        changes = list(changed_fields(self._present(), rollout.template))
        if not changes:
            self.notify(f"skipped rollback (current template already matches revision {rollout.number})")
            return

        def decided(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._roll_back(rollout), group="writes", exit_on_error=False)

        text = f"{len(changes)} field{'s' if len(changes) != 1 else ''} of the template change; pods are replaced."
        self.app.push_screen(
            ConfirmDialog(f"Roll {kind} {workload.name} back to revision {rollout.number}?", text, "Roll back"), decided
        )

    async def _roll_back(self, rollout: Rollout) -> None:
        workload, client = self._workload, self.session.client
        intent = new_intent(f"roll {workload.namespace}/{workload.name} back to revision {rollout.number}")
        patch, form = back_patch(self._resource, rollout)
        try:
            await answer(
                client.patch(self._resource, workload.namespace, workload.name, patch, intent=intent, type=form)
            )
        except ClientError as error:
            self.notify(error.message, title="rollout undo", severity="error", timeout=10)
            return
        self.notify(f"Rolled back to revision {rollout.number}")
