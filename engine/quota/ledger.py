"""How much of each quota is used: counted once when a quota comes, then kept up to date with every write.

The ledger hears of writes as they are applied, so an object that was admitted is counted before the next one is
looked at: a quota cannot be overrun, whatever is created at one instant. Namespaces without a quota cost one look into
a dictionary for each write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from engine.api import quantity
from engine.api.kinds import PERSISTENTVOLUMECLAIMS, RESOURCEQUOTAS
from engine.quota.usage import Amounts, attributes_classes, in_scope, resource_of, usage_of
from store.store import Store
from store.types import DELETED, Envelope, JsonObject, Resource, WatchEvent

_BINARY: Final = ("memory", "storage", "hugepages-")
"""Parts of names whose amounts are bytes, written with Ki, Mi, Gi."""


class _Scope(NamedTuple):
    name: str
    operator: str
    values: tuple[str, ...]


class Account:
    """One quota."""

    def __init__(self, env: Envelope) -> None:
        spec = env.obj.get("spec") or {}
        self.namespace, self.name, self.spec = env.namespace, env.name, spec
        self.hard: Amounts = {name: quantity.parse(text).nano for name, text in (spec.get("hard") or {}).items()}
        self.used: Amounts = dict.fromkeys(self.hard, 0)
        self.resources: frozenset[Resource] = frozenset(r for name in self.hard if (r := resource_of(name)) is not None)
        self._scopes = [_Scope(name, "Exists", ()) for name in spec.get("scopes") or ()]
        self._scopes += [
            _Scope(rule["scopeName"], rule["operator"], tuple(rule.get("values") or ()))
            for rule in (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
        ]

    def covers(self, resource: Resource, obj: JsonObject) -> bool:
        """The quota is about such objects, and the object is in its scope."""
        if resource not in self.resources:
            return False
        return all(in_scope(resource, s.name, s.operator, s.values, obj) for s in self._scopes)

    def usage(self, resource: Resource, obj: JsonObject | None) -> Amounts:
        """What the object counts as under this quota; only what the quota limits."""
        if obj is None or not self.covers(resource, obj):
            return {}
        return {name: nano for name, nano in usage_of(resource, obj).items() if name in self.hard}

    def text(self, name: str, nano: int) -> str:
        """An amount as it is printed."""
        family = quantity.parse(self.spec["hard"][name]).family
        if family == "decimal" and any(part in name for part in _BINARY) and nano % (1024 * quantity.NANO) == 0:
            family = "binary"
        return str(quantity.Quantity(nano, family))


class Ledger:
    """All quotas of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._accounts: dict[str, dict[str, Account]] = {}
        self._listeners: list[Callable[[str, str], None]] = []
        for env in store.list(RESOURCEQUOTAS):
            self._open(env)
        store.listen(self._on_event)

    def of(self, namespace: str) -> list[Account]:
        """The namespace's quotas, by name."""
        accounts = self._accounts.get(namespace)
        return [] if accounts is None else [accounts[name] for name in sorted(accounts)]

    def account(self, namespace: str, name: str) -> Account | None:
        return self._accounts.get(namespace, {}).get(name)

    def on_change(self, listener: Callable[[str, str], None]) -> None:
        """Call with (namespace, name) of each quota whose use has changed."""
        self._listeners.append(listener)

    def _on_event(self, event: WatchEvent) -> None:
        now = event.now
        if now.key[:2] == RESOURCEQUOTAS:
            self._quota_changed(event)
        accounts = self._accounts.get(now.namespace)
        if not accounts:
            return
        resource = now.key.resource
        before = event.before.obj if event.before is not None else None
        after = None if event.type == DELETED else now.obj
        kept = before is not None and after is not None and before.get("spec") is after.get("spec")
        if kept and _standing(resource, before) == _standing(resource, after):
            return
        for account in accounts.values():
            if resource in account.resources:
                self._book(account, account.usage(resource, before), account.usage(resource, after))

    def _book(self, account: Account, before: Amounts, after: Amounts) -> None:
        if before == after:
            return
        for name in {**before, **after}:
            account.used[name] += after.get(name, 0) - before.get(name, 0)
        for listener in self._listeners:
            listener(account.namespace, account.name)

    def _quota_changed(self, event: WatchEvent) -> None:
        now = event.now
        if event.type == DELETED:
            self._accounts.get(now.namespace, {}).pop(now.name, None)
            if not self._accounts.get(now.namespace):
                self._accounts.pop(now.namespace, None)
            return
        known = self.account(now.namespace, now.name)
        if known is None or known.spec != (now.obj.get("spec") or {}):
            self._open(now, event)

    def _open(self, env: Envelope, event: WatchEvent | None = None) -> None:
        """Count what there is. The event's own object is booked by the event, if it is new."""
        account = Account(env)
        for resource in sorted(account.resources):
            for found in self._store.list(resource, env.namespace):
                if event is None or event.before is not None or found.key != env.key:
                    for name, nano in account.usage(resource, found.obj).items():
                        account.used[name] += nano
        self._accounts.setdefault(env.namespace, {})[env.name] = account


_LEDGERS: WeakKeyDictionary[Store, Ledger] = WeakKeyDictionary()


def ledger_of(store: Store) -> Ledger:
    """The store's ledger; it is made when it is first asked for, and lives as long as the store."""
    found = _LEDGERS.get(store)
    if found is None:
        found = _LEDGERS[store] = Ledger(store)
    return found


def _standing(resource: Resource, obj: JsonObject | None) -> object:
    """What besides the spec decides how an object counts."""
    if obj is None:
        return None
    if resource == PERSISTENTVOLUMECLAIMS:
        return attributes_classes(obj)
    return (obj.get("status") or {}).get("phase")
