"""Who is bound to roles: `:users`, `:groups`. Kubernetes keeps no users; they are known by the bindings that name them.

Enter tells what one may do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from engine.client import ClientError, Item, Query
from tui.keymap import Keymap
from tui.kinds.spec import Column, KindView
from tui.rows import PlainRow, value_of
from tui.screens.listing import ListScreen
from tui.session import Session, answer

BINDINGS: Final = (
    "clusterrolebindings.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io",
)  # fmt: skip


class Subject(NamedTuple):
    """Somebody, and what binds him."""

    kind: str
    name: str
    roles: tuple[str, ...]
    """`cluster-admin`; with a namespace where the binding has one: `view in shop`."""


def subjects_of(kind: str, bindings: Iterable[Item]) -> list[Subject]:
    """All of this kind (`User`, `Group`) that bindings name, by name."""
    found: dict[str, list[str]] = {}
    for binding in bindings:
        role: dict[str, Any] = binding.obj.get("roleRef") or {}
        where = f" in {binding.namespace}" if binding.namespace else ""
        for subject in binding.obj.get("subjects") or ():
            if subject.get("kind") == kind:
                roles = found.setdefault(str(subject.get("name", "")), [])
                roles.append(f"{role.get('name', '')}{where}")
    return [Subject(kind, name, tuple(dict.fromkeys(roles))) for name, roles in sorted(found.items())]


VIEW: Final = KindView(
    resource="subjects",
    columns=(
        Column("NAME", lambda item, facts: item.name, min=24, max=60, search=True),
        Column("KIND", lambda item, facts: value_of(item, Subject).kind),
        Column("ROLES", lambda item, facts: ", ".join(value_of(item, Subject).roles), min=20, grow=True, search=True),
    ),
    empty="No binding names one.",
)


class SubjectsScreen(ListScreen):
    """All users, or all groups."""

    VIEW = VIEW
    PLACE = "links"

    def __init__(self, session: Session, keymap: Keymap, kind: str) -> None:
        """`kind`: `User` or `Group`."""
        super().__init__(session, keymap)
        self.NAME = f"{kind.lower()}s"
        self._kind = kind

    def do_refresh(self) -> None:
        self.run_worker(self._fill(), exclusive=True, group="subjects", exit_on_error=False)

    async def _fill(self) -> None:
        served = {kind.resource for kind in self.session.kinds}
        bindings: list[Item] = []
        try:
            for resource in BINDINGS:
                if resource in served:
                    found = await answer(self.session.client.list(Query(resource)))
                    bindings.extend(found)
        except ClientError as error:
            self.put((), error.message)
            return
        subjects = subjects_of(self._kind, bindings)
        rows = [PlainRow(each, each.name, each.name, revision=place) for place, each in enumerate(subjects)]
        self.put(rows, f"{len(rows)} that bindings name; enter tells what one may do")

    def do_enter(self) -> None:
        if self.chosen is not None:
            self.console.show_rights(self._kind.lower(), self.chosen.name)
