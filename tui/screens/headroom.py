"""Room: how many more pods like one fit, node by node, and what runs out first."""

from __future__ import annotations

from typing import Final

from engine.client import ClientError, Item, NodeRoom
from tui.keymap import Keymap
from tui.kinds.spec import Cell, Column, KindView
from tui.rows import PlainRow, value_of
from tui.screens.listing import ListScreen
from tui.session import Session, answer


def _room(item: Item) -> NodeRoom:
    return value_of(item, NodeRoom)


VIEW: Final = KindView(
    resource="room",
    columns=(
        Column("NODE", lambda item, facts: item.name, min=16, grow=True, search=True),
        Column("FIT", lambda item, facts: Cell(str(_room(item).pods), "" if _room(item).pods else "dim"),
               lambda item, facts: _room(item).pods, align="right", descending=True),
        Column("WHAT ENDS IT", lambda item, facts: _room(item).limit, min=20, max=100, search=True),
    ),
    empty="The cluster has no node.",
)  # fmt: skip


class HeadroomScreen(ListScreen):
    """For one pod."""

    VIEW = VIEW
    PLACE = "links"

    def __init__(self, session: Session, keymap: Keymap, pod: Item) -> None:
        super().__init__(session, keymap)
        self.NAME = f"room for {pod.name}"
        self._pod = pod

    def do_refresh(self) -> None:
        self.run_worker(self._fill(), exclusive=True, group="room", exit_on_error=False)

    async def _fill(self) -> None:
        pod = self._pod
        try:
            room = await answer(self.session.client.headroom(pod.namespace, pod.name))
        except ClientError as error:
            self.put((), error.message)
            return
        nodes = sorted(room.nodes, key=lambda each: (-each.pods, each.node))
        on = sum(1 for each in nodes if each.pods)
        more = f"{room.pods} more of this pod fit" if room.pods != 1 else "1 more of this pod fits"
        said = f"{more}, on {on} of {len(nodes)} nodes. {room.note}".rstrip()
        self.put([PlainRow(each, each.node, each.node, revision=i) for i, each in enumerate(nodes)], said)

    def do_enter(self) -> None:
        if self.chosen is not None:
            self.console.open_resource("nodes", None, select=self.chosen.name)
