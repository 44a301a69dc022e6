"""The past from the console: undo, moments gone to, snapshots; what the app does for all screens.

While a moment of the past is looked at, the gate (`tui.gate`) answers as of then and the header says so; every screen
stays usable. Undo always shows first what it will do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.client import ClientError, Moment, UndoPlan, new_intent
from tui.keymap import Keymap, shown
from tui.session import Session, answer

if TYPE_CHECKING:
    from textual.app import App

    _Base = App[None]
else:
    _Base = object


class TravelActions(_Base):
    """Actions of the app that have to do with time."""

    session: Session
    keymap_of_actions: Keymap

    def open_screen(self, name: str, *arguments: Any) -> None:
        raise NotImplementedError

    # -- undo --------------------------------------------------------------------------------------------------------

    def do_undo(self) -> None:
        """Show what undoing the last action will do; do it when that is confirmed."""
        self.undo(None)

    def undo(self, intent: str | None) -> None:
        """The same of one action; None: the last one that is not undone."""
        self.run_worker(self._offer_undo(intent), group="undo", exclusive=True, exit_on_error=False)

    async def _offer_undo(self, intent: str | None) -> None:
        from tui.screens.undo import UndoDialog

        complaint = self.session.gate.complaint
        if complaint:
            self.notify(complaint, severity="warning")
            return
        try:
            plan = await answer(self.session.client.past.undo_plan(intent))
        except ClientError as error:
            self.notify(error.message, severity="error")
            return
        if plan is None:
            self.notify("Nothing to undo: no action of yours is kept that is not undone", severity="warning")
            return

        def decided(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._undo(plan), group="writes", exit_on_error=False)

        self.push_screen(UndoDialog(plan, self.session.now(), self._files_stay(plan)), decided)

    def _files_stay(self, plan: UndoPlan) -> str:
        """An undone save leaves the file as it was saved; what to do about that. "": no file is concerned."""
        if not plan.intent.who.startswith("folder:"):
            return ""
        undone = {(step.resource, step.namespace, step.name) for step in plan.steps if step.action != "keep"}
        files = [file.path for file in self.session.files if any(each[:3] in undone for each in file.objects)]
        if not files:
            return ""
        take, push = (
            shown(self.keymap_of_actions.keys_of(ident)[0]) for ident in ("manifest.take-live", "manifest.push")
        )
        whose = files[0] if len(files) == 1 else f"{len(files)} files"
        return (
            f"▲ The text of {whose} stays as it was saved: it will show as drifted. In the manifests {take} takes the "
            f"cluster's values into the text, {push} applies the file again."
        )

    async def _undo(self, plan: UndoPlan) -> None:
        try:
            with self.session.work.begin(f"undo {plan.intent.title}", stoppable=False):
                result = await answer(self.session.client.past.undo(plan.intent.id))
        except ClientError as error:
            self.notify(error.message, title="Undo", severity="error", timeout=10)
            return
        for problem in result.problems:
            self.notify(problem, title="Undo", severity="error", timeout=10)
        waits = f", {result.waiting} come back when what is terminating is gone" if result.waiting else ""
        self.notify(f"Undone: {plan.intent.title}{waits}")
        note = self._files_stay(plan)
        if note:
            self.notify(note, severity="warning", timeout=10)

    def do_read_only(self) -> None:
        """Refuse all writes, or allow them again."""
        gate = self.session.gate
        gate.read_only = not gate.read_only
        self.session.tell()
        self.notify("Read-only: nothing can be changed from here" if gate.read_only else "Changes are allowed again")

    # -- moments -----------------------------------------------------------------------------------------------------

    def do_timeline(self) -> None:
        self.open_screen("timeline")

    def do_now(self) -> None:
        """Back to the present."""
        if self.session.gate.moment is None:
            self.notify("This is the present")
            return
        self.session.gate.go(None)
        self.session.tell()
        self.notify("Now")

    def do_moment(self, by: str) -> None:
        """Go to the next thing worth looking at, earlier (-1) or later (1)."""
        self.run_worker(self._step(int(by)), group="travel", exclusive=True, exit_on_error=False)

    async def _step(self, by: int) -> None:
        gate, past = self.session.gate, self.session.client.past
        here = gate.moment
        try:
            if by < 0:
                before = here - 1 if here is not None else None
                found = await answer(past.moments(before=before, limit=1))
            elif here is None:
                self.notify("This is the present")
                return
            else:
                found = await answer(past.moments(after=here, limit=1))
        except ClientError as error:
            self.notify(error.message, severity="error")
            return
        if found:
            await self.visit(found[0])
        elif by > 0:
            self.do_now()
        else:
            self.notify("Nothing earlier is kept", severity="warning")

    async def visit(self, moment: Moment) -> None:
        """Look at the cluster as it was right after a moment."""
        if await self.go_to(moment.revision):
            self.notify(moment.title, title="The past")

    async def go_to(self, revision: int) -> bool:
        """Look at the cluster as of a revision; False (and a word about it) when that cannot be told."""
        try:
            await answer(self.session.gate.go(revision))
        except ClientError as error:
            self.session.gate.go(None)
            self.notify(error.message, severity="error")
            return False
        self.session.tell()
        return True

    # -- snapshots ---------------------------------------------------------------------------------------------------

    def take_snapshot(self, name: str) -> None:
        async def work() -> None:
            try:
                with self.session.work.begin(f"snapshot {name}", stoppable=False):
                    taken = await answer(self.session.client.past.snapshot(name))
            except ClientError as error:
                self.notify(error.message, title="Snapshot", severity="error")
                return
            self.notify(f"Snapshot {taken.name}: {taken.objects} objects at revision {taken.revision}")

        self.run_worker(work(), group="writes", exit_on_error=False)

    def restore_snapshot(self, name: str) -> None:
        """Say what going back will change, then do it."""
        from tui.screens.dialogs import ConfirmDialog

        async def offer() -> None:
            try:
                with self.session.work.begin(f"compare with {name}", stoppable=False):
                    changes = await answer(self.session.client.past.restore_plan(name))
            except ClientError as error:
                self.notify(error.message, title="Restore", severity="error")
                return
            counts = {word: sum(change.action == word for change in changes) for word in _WORDS}
            said = ", ".join(f"{n} {_WORDS[word]}" for word, n in counts.items() if n) or "nothing differs"
            text = f"{said}. Time goes on from now; what is there now stays in the timeline."
            self.push_screen(ConfirmDialog(f"Go back to snapshot {name}?", text, "Restore", danger=True), decided)

        async def restore() -> None:
            try:
                with self.session.work.begin(f"restore {name}", stoppable=False):
                    asked = self.session.client.past.restore(name, intent=new_intent(f"restore {name}"))
                    written = await answer(asked)
            except ClientError as error:
                self.notify(error.message, title="Restore", severity="error", timeout=10)
                return
            if self.session.gate.moment is not None:
                self.do_now()
            self.notify(f"Back at {name}: {written} objects written")

        def decided(yes: bool | None) -> None:
            if yes:
                self.run_worker(restore(), group="writes", exit_on_error=False)

        self.run_worker(offer(), group="restore", exclusive=True, exit_on_error=False)

    def fork_cluster(self, path: str, name: str | None = None) -> None:
        async def work() -> None:
            try:
                with self.session.work.begin(f"fork into {path}", stoppable=False):
                    await answer(self.session.client.past.fork(path, name))
            except ClientError as error:
                self.notify(error.message, title="Fork", severity="error")
                return
            self.notify(f"Forked. Open it with: kubarium --store {path}", timeout=10)

        self.run_worker(work(), group="writes", exit_on_error=False)


_WORDS = {"created": "come back", "changed": "change", "deleted": "are deleted"}
