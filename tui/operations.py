"""What actions do to the objects that are chosen: delete, kill, cordon, scale, restart, faults, copy …

Each is one user action with one intent, whatever number of objects it touches. Refusals are shown in Kubernetes' words;
what was asked for stays on the screen to be tried again. Writes run in workers, so the console never waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from textual.widget import Widget

from engine.client import ClientError, Item, Query, new_intent
from tui import kubectl
from tui.session import Session, answer

if TYPE_CHECKING:
    from tui.app import KubariumApp


def label(resource: str, item: Item) -> str:
    """`shop/web-1`, `worker-1`."""
    return f"{item.namespace}/{item.name}" if item.namespace else item.name


MOST_REFUSALS: Final = 3
"""Refusals that are shown in passing; the others are kept for `:messages`."""


async def carry_out(
    app: KubariumApp, what: str, names: str, items: Sequence[Item], one: Callable[[Item, str], Awaitable[Any]],
    done: str,
) -> None:  # fmt: skip
    """Do `one(item, intent)` for each item under one intent; stopped between two, it tells what was left out."""
    title = f"{what} {names}"
    intent, refused, left = new_intent(title), 0, list(items)
    with app.session.work.begin(title, len(items)) as work:
        while left and not work.stopped:
            item = left.pop(0)
            try:
                await one(item, intent)
            except ClientError as error:
                refused += 1
                tell = app.notify if refused <= MOST_REFUSALS else app.note
                tell(error.message, title=f"{what} {item.name}", severity="error")
            work.step()
    tail = f", {refused} refused" if refused else ""
    if refused > MOST_REFUSALS:
        tail += "; :messages has all of them"
    if left:
        app.notify(f"Stopped: {title}: {left_out(len(items) - len(left) - refused, left)}{tail}", severity="warning")
    elif refused < len(items) or refused > MOST_REFUSALS:
        app.notify(f"{done} {names}{tail}")


def left_out(done: int, left: Sequence[Item]) -> str:
    """`12 done, 28 left as they were: web-1, web-2, web-3 …`."""
    names = ", ".join(item.name for item in left[:3]) + (" …" if len(left) > 3 else "")
    return f"{done} done, {len(left)} left as they were: {names}"


class ObjectActions(Widget):
    """Actions on chosen objects, for a widget that knows which they are."""

    session: Session

    @property
    def resource(self) -> str:
        raise NotImplementedError

    @property
    def current(self) -> Item | None:
        raise NotImplementedError

    def targets(self) -> list[Item]:
        raise NotImplementedError

    @property
    def container(self) -> str:
        """Name of the container under the cursor; "" where rows are no containers."""
        return ""

    @property
    def console(self) -> KubariumApp:
        from tui.app import KubariumApp

        assert isinstance(self.app, KubariumApp)
        return self.app

    # -- the frame of every write --------------------------------------------------------------------------------

    def carry_out(
        self, what: str, items: Sequence[Item], one: Callable[[Item, str], Awaitable[Any]], done: str = ""
    ) -> None:
        """Do `one(item, intent)` for each item, whatever screen is open; tell progress, refusals and the end."""
        if not items:
            self.notify("Nothing is chosen here", severity="warning")
            return
        complaint = self.session.gate.complaint
        if complaint:
            self.notify(complaint, severity="warning")
            return
        names = label(self.resource, items[0]) if len(items) == 1 else self.session.called(self.resource, len(items))
        work = carry_out(self.console, what, names, items, one, done or what)
        # The app's, not this widget's: what belongs to a screen ends where it is left.
        self.console.run_worker(work, group="writes", exit_on_error=False)

    def _chosen_or_told(self) -> list[Item]:
        """The chosen objects, to be changed; without any, or when nothing may be changed, a word about it."""
        complaint = self.session.gate.complaint
        if complaint:  # before anything is asked, not after
            self.notify(complaint, severity="warning")
            return []
        items = self.targets()
        if not items:
            self.notify("Nothing is chosen here", severity="warning")
        return items

    # -- actions -----------------------------------------------------------------------------------------------------

    def do_delete(self) -> None:
        items = self._chosen_or_told()
        if not items:
            return
        from tui.screens.deleting import DeleteChoice, DeleteDialog

        def decided(choice: DeleteChoice | None) -> None:
            if choice is not None:
                client, resource = self.session.client, self.resource

                async def one(item: Item, intent: str) -> None:
                    await answer(
                        client.delete(
                            resource, item.namespace, item.name, intent=intent, uid=item.uid,
                            grace=choice.grace, propagation=choice.propagation,
                        )
                    )  # fmt: skip

                self.carry_out("delete", items, one, "Deleted")

        self.app.push_screen(DeleteDialog(self.session, self.resource, items), decided)

    def do_past(self) -> None:
        """The object's history."""
        if self.current is not None:
            self.console.open_screen("history", self.resource, self.current)

    def do_kill(self) -> None:
        client = self.session.client

        async def one(item: Item, intent: str) -> None:
            await answer(client.delete("pods", item.namespace, item.name, intent=intent, uid=item.uid, grace=0))

        self.carry_out("kill", self.targets(), one, "Killed")

    def _set_unschedulable(self, value: bool) -> None:
        client = self.session.client
        patch = {"spec": {"unschedulable": True if value else None}}

        async def one(item: Item, intent: str) -> None:
            await answer(client.patch("nodes", "", item.name, patch, intent=intent))

        word = "cordon" if value else "uncordon"
        self.carry_out(word, self.targets(), one, f"{word.capitalize()}ed")

    def do_cordon(self) -> None:
        self._set_unschedulable(True)

    def do_uncordon(self) -> None:
        self._set_unschedulable(False)

    def do_drain(self) -> None:
        from tui.drain import drain
        from tui.screens.dialogs import ConfirmDialog

        nodes = self._chosen_or_told()
        if not nodes:
            return
        pods = sum(self.session.node_load(node.name).pods for node in nodes)
        names = nodes[0].name if len(nodes) == 1 else f"{len(nodes)} nodes"

        def decided(yes: bool | None) -> None:
            if yes:
                intent = new_intent(f"drain {names}")
                self.app.run_worker(
                    drain(self.console, self.session, nodes, intent), group="writes", exit_on_error=False
                )

        text = f"{pods} pods run there. Their budgets are respected; pods of daemon sets stay."
        self.app.push_screen(ConfirmDialog(f"Drain {names}?", text, "Drain", danger=True), decided)

    def do_scale(self) -> None:
        items = self._chosen_or_told()
        if not items:
            return
        from tui.screens.dialogs import ScaleDialog

        def decided(replicas: int | None) -> None:
            if replicas is not None:
                client, resource = self.session.client, self.resource

                async def one(item: Item, intent: str) -> None:
                    await answer(client.scale(resource, item.namespace, item.name, replicas, intent=intent))

                self.carry_out(f"scale to {replicas}:", items, one, f"Scaled to {replicas}:")

        self.app.push_screen(ScaleDialog(self.resource, items), decided)

    def do_restart(self) -> None:
        from tui.times import rfc3339

        client, resource = self.session.client, self.resource
        stamp = rfc3339(self.session.now())
        note = {"kubectl.kubernetes.io/restartedAt": stamp}
        patch = {"spec": {"template": {"metadata": {"annotations": note}}}}

        async def one(item: Item, intent: str) -> None:
            await answer(client.patch(resource, item.namespace, item.name, patch, intent=intent))

        self.carry_out("restart", self.targets(), one, "Restarted")

    @property
    def zone(self) -> str:
        """The zone whose line the cursor is on; "" when it is on an object."""
        return ""

    def do_faults(self) -> None:
        """What can be broken of what is chosen."""
        complaint = self.session.gate.complaint
        if self.zone and complaint:
            self.notify(complaint, severity="warning")
            return
        items = [] if self.zone else self._chosen_or_told()
        if items or self.zone:
            self.run_worker(self._ask_for_faults(items, self.zone), exit_on_error=False)

    async def _ask_for_faults(self, items: Sequence[Item], zone: str) -> None:
        from tui.faults import FAULTS, active_on, offers
        from tui.screens.faults import FaultChoice, FaultsDialog

        client, resource = self.session.client, self.resource
        try:
            known = await answer(client.list(Query(FAULTS)))
        except ClientError as error:
            self.notify(error.message, severity="error")
            return
        called = self.session.called(resource, len(items))
        about = f"zone {zone}" if zone else called if len(items) > 1 else f"{called} {items[0].name}"

        def decided(choice: FaultChoice | None) -> None:
            if choice is None:
                return
            intent = new_intent(choice.title)

            async def work() -> None:
                try:
                    if choice.end:
                        await answer(client.delete(FAULTS, "", choice.end, intent=intent))
                    for fault in choice.begin:
                        await answer(client.create(FAULTS, "", fault, intent=intent))
                except ClientError as error:
                    self.notify(error.message, title=choice.title, severity="error", timeout=10)
                    return
                self.notify(f"{choice.title[:1].upper()}{choice.title[1:]}")

            self.console.run_worker(work(), group="writes", exit_on_error=False)

        active = active_on(known, resource, items, zone)
        dialog = FaultsDialog(
            self.session, about, offers(resource, items, zone), active, [fault.name for fault in known]
        )
        self.app.push_screen(dialog, decided)

    def do_end_faults(self) -> None:
        """End faults: delete them."""
        client = self.session.client

        async def one(item: Item, intent: str) -> None:
            await answer(client.delete(self.resource, "", item.name, intent=intent, uid=item.uid))

        self.carry_out("end", self.targets(), one, "Ended")

    def do_copy(self) -> None:
        names = [item.name for item in self.targets()]
        if names:
            self.copy_names(names)

    def copy_names(self, names: Sequence[str]) -> None:
        """To the clipboard, one a line."""
        self.app.copy_to_clipboard("\n".join(names))
        self.notify(f"Copied {names[0] if len(names) == 1 else f'{len(names)} names'}")

    def do_kubectl(self) -> None:
        if self.current is not None:
            from tui.screens.dialogs import KubectlDialog

            commands = kubectl.commands(self.resource, self.current)
            self.app.push_screen(KubectlDialog([*commands, *self._connect()]))

    def do_forward(self) -> None:
        """The commands that forward a port to it, for the shell beside: they last as long as that shell wants."""
        if self.current is None:
            return
        from tui.screens.dialogs import KubectlDialog

        found = kubectl.forwards(self.resource, self.current)
        if not found:
            self.notify("It declares no TCP port", severity="warning")
        else:
            self.app.push_screen(KubectlDialog([*found, *self._connect()], "Port-forward, from a shell beside"))

    def _connect(self) -> list[tuple[str, str]]:
        """How a shell finds this cluster."""
        place = self.session.endpoint
        return [] if place is None else [("connect", f"export KUBECONFIG={place.kubeconfig}")]

    def do_owner(self) -> None:
        item = self.current
        owners = [] if item is None else item.obj["metadata"].get("ownerReferences") or []
        if item is None or not owners:
            self.notify("It has no owner", severity="warning")
            return
        owner = next((ref for ref in owners if ref.get("controller")), owners[0])
        kind = self.session.kind_named(owner["apiVersion"], owner["kind"])
        if kind is None:
            self.notify(f"{owner['apiVersion']} {owner['kind']} is not served", severity="warning")
            return
        self.console.open_resource(kind.resource, item.namespace if kind.namespaced else None, select=owner["name"])

    def do_show_node(self) -> None:
        node = None if self.current is None else (self.current.obj.get("spec") or {}).get("nodeName")
        if node:
            self.console.open_resource("nodes", None, select=node)
        else:
            self.notify("It is on no node yet; w shows why", severity="warning")

    def do_why(self) -> None:
        if self.current is not None:
            self.console.open_why(self.resource, self.current)

    def do_manifest(self) -> None:
        if self.current is not None:
            self.console.find_manifest(self.resource, self.current)
