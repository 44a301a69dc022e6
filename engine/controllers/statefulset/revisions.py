"""Which revision a StatefulSet's pods are at, and which one they are to go to (getStatefulSetRevisions).

The update revision is that of the present template, the current one that of the last finished rollout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from engine.api.errors import AlreadyExists
from engine.api.kinds import CONTROLLERREVISIONS
from engine.api.server import Api, Caller
from engine.controllers import history
from engine.controllers.ownership import Matches
from store.types import Envelope

_HASH_LABEL: Final = "controller.kubernetes.io/hash"


class Revisions(NamedTuple):
    current: Envelope
    update: Envelope
    collisions: int
    """status.collisionCount"""
    all: list[Envelope]
    """Oldest number first, `update` included."""


def revisions_of(api: Api, caller: Caller, owner: Envelope, matches: Matches) -> Revisions:
    """The set's revisions; a new one is written down, or an earlier one renumbered, when the template changed."""
    status: Mapping[str, Any] = owner.obj.get("status") or {}
    collisions: int = status.get("collisionCount", 0)
    found = history.claimed(api, caller, owner, matches)
    template = owner.obj["spec"]["template"]
    equal = [env for env in found if history.same_template(env, template)]
    if not equal:
        update, collisions = _create(api, caller, owner, history.next_number(found), collisions)
        found = [*(env for env in found if env.name != update.name), update]
    elif equal[-1] is found[-1]:
        update = equal[-1]
    else:
        update = history.renumber(api, caller, equal[-1], history.next_number(found))
        found = [*(env for env in found if env.name != update.name), update]
    current_name = status.get("currentRevision")
    current = next((env for env in found if env.name == current_name), update)
    return Revisions(current, update, collisions, found)


def clean_up(api: Api, caller: Caller, owner: Envelope, revisions: Revisions, in_use: Mapping[str, int]) -> None:
    """truncateHistory. `in_use`: names of revisions that pods are at, and of the current one."""
    live = {**in_use, revisions.update.name: 1}
    history.clean_up(api, caller, owner, revisions.all, live, count_live=False)


def _create(api: Api, caller: Caller, owner: Envelope, number: int, collisions: int) -> tuple[Envelope, int]:
    template = owner.obj["spec"]["template"]
    while True:
        hash_ = history.revision_hash(template, collisions)
        try:
            return history.create(api, caller, owner, hash_, number, {_HASH_LABEL: hash_}), collisions
        except AlreadyExists:
            there = api.find(CONTROLLERREVISIONS, owner.namespace, history.revision_name(owner.name, hash_))
            if there is not None and there.owner == owner.uid and history.same_template(there, template):
                return there, collisions
            collisions += 1
