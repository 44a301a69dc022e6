"""Who uses a ConfigMap, a Secret, a claim or an account: every object that names it, and in which field."""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.client import ClientError, Item, Query
from tui.keymap import Keymap
from tui.kinds.spec import Column, KindView
from tui.references import OTHER_REFERRERS, TEMPLATES, users_of
from tui.rows import PlainRow, value_of
from tui.screens.listing import ListScreen
from tui.session import Session, answer

_MOST: Final = 5000
"""Rows that are shown at most."""


class User(NamedTuple):
    """One object that refers to it."""

    resource: str
    how: str


VIEW: Final = KindView(
    resource="users",
    columns=(
        Column("KIND", lambda item, facts: value_of(item, User).resource.partition(".")[0], search=True),
        Column("NAMESPACE", lambda item, facts: item.namespace, rank=2, search=True),
        Column("NAME", lambda item, facts: item.name, min=24, grow=True, search=True),
        Column("HOW", lambda item, facts: value_of(item, User).how, max=80, search=True),
    ),
    empty="Nothing that is there now names it.",
)


class UsedByScreen(ListScreen):
    """The users of one object."""

    VIEW = VIEW
    PLACE = "links"

    def __init__(self, session: Session, keymap: Keymap, resource: str, item: Item) -> None:
        super().__init__(session, keymap)
        self.NAME = f"used by: {item.name}"
        self._resource, self._item = resource, item

    def do_refresh(self) -> None:
        self.run_worker(self._fill(), exclusive=True, group="used-by", exit_on_error=False)

    async def _fill(self) -> None:
        rows: list[Item] = []
        served = {kind.resource: kind for kind in self.session.kinds}
        for resource in (*TEMPLATES, *OTHER_REFERRERS):
            if resource not in served or resource == self._resource:
                continue
            # What is in another namespace cannot name it, but for bindings and volumes.
            namespace = self._item.namespace if resource in TEMPLATES else None
            try:
                found = await answer(self.session.client.list(Query(resource, namespace)))
            except ClientError as error:
                self.notify(error.message, severity="error")
                continue
            for user, how in users_of(self._resource, self._item, resource, list(found)):
                rows.append(PlainRow(User(resource, how), user.uid, user.name, user.namespace, len(rows)))
        kind = self._resource.partition(".")[0].removesuffix("s")
        more = f"; the first {_MOST} are shown" if len(rows) > _MOST else ""
        count = "1 object" if len(rows) == 1 else f"{len(rows)} objects"
        self.put(rows[:_MOST], f"{kind} {self._item.name} is used by {count}{more}")

    def do_enter(self) -> None:
        item = self.chosen
        if item is not None:
            self.console.open_resource(value_of(item, User).resource, item.namespace or None, select=item.name)
