"""Going back to a snapshot: the one write that sets objects, status included, to what they were.

It is no request that admission or validation would look at: every state it writes went through them once. Events and
Leases are let be: what happened has happened, and heartbeats belong to the present. Pods are taken away and put back
rather than changed, so that their kubelet takes each up again from the status that the snapshot tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.api.kinds import EVENTS, LEASES, PODS
from engine.api.requests import Caller
from engine.client.history import ObjectChange
from engine.clock import Clock
from engine.folder.fields import differences
from store.branches import Difference, go_back
from store.store import Store

LEFT_ALONE: Final = frozenset({EVENTS, LEASES})
_ANEW: Final = frozenset({PODS})


def restore(store: Store, clock: Clock, caller: Caller, name: str) -> int:
    """Make the cluster what the snapshot says; returns how many objects were written or deleted. NoSnapshot."""
    return sum(go_back(store, store.difference(name, LEFT_ALONE), caller.author, clock.now(), _ANEW))


def planned(store: Store, difference: Difference) -> Iterator[ObjectChange]:
    """What a restore would do, object by object."""
    for env in difference.gone:
        yield ObjectChange("deleted", str(env.key.resource), env.namespace, env.name, ())
    for key, obj in difference.changed:
        present = store.get(key)
        action, changes = "created", ()
        if present is not None:
            action, changes = "changed", tuple(differences(present.obj, obj))  # type: ignore[assignment]
        yield ObjectChange(action, str(key.resource), key.namespace, key.name, changes)  # type: ignore[arg-type]
