"""resourcequota-controller: writes into each quota's status what it limits and how much of it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.api.kinds import RESOURCEQUOTAS
from engine.controllers.controller import Key, Queue, Watch, own_key
from engine.quota.ledger import ledger_of

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext


class ResourceQuotaController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller
        self._queue: Queue | None = None
        self._ledger = ledger_of(context.api.store)
        self._ledger.on_change(self._changed)

    def watches(self) -> Sequence[Watch]:
        return (Watch(RESOURCEQUOTAS, own_key),)

    def start(self, queue: Queue) -> None:
        self._queue = queue

    def reconcile(self, key: Key) -> None:
        env = self._api.find(RESOURCEQUOTAS, *key)
        account = self._ledger.account(*key)
        if env is None or account is None:
            return
        hard = (env.obj.get("spec") or {}).get("hard") or {}
        used = {name: account.text(name, account.used[name]) for name in hard if name in account.used}
        self._api.update_status(self._caller, env, {"hard": hard, "used": used})

    def _changed(self, namespace: str, name: str) -> None:
        if self._queue is not None:
            self._queue.add((namespace, name))
