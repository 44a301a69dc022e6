"""The revisions of a DaemonSet's template (constructHistory in pkg/controller/daemon/update.go).

The present template's revision has the highest number; its hash is the label `controller-revision-hash` of the pods.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from engine.api.errors import AlreadyExists
from engine.api.kinds import CONTROLLERREVISIONS, PODS
from engine.api.server import Api, Caller
from engine.controllers import history
from engine.controllers.controller import with_metadata
from engine.controllers.ownership import Matches
from store.types import Envelope, ObjectKey

HASH_LABEL: Final = "controller-revision-hash"


class Revisions(NamedTuple):
    current: Envelope
    old: list[Envelope]
    """Oldest number first."""

    @property
    def hash(self) -> str:
        return self.current.labels.get(HASH_LABEL, "")


def revisions_of(
    api: Api, caller: Caller, owner: Envelope, matches: Matches, pods: Mapping[ObjectKey, object]
) -> Revisions:  # fmt: skip
    """The set's revisions; the present template's is made, or renumbered, when it has to be.

    A Conflict says that a hash collided: the count is written, and the next sync takes another hash.
    """
    found = [_labelled(api, caller, env) for env in history.claimed(api, caller, owner, matches)]
    template = owner.obj["spec"]["template"]
    equal = [env for env in found if history.same_template(env, template)]
    old = [env for env in found if not any(env is one for one in equal)]
    number = history.next_number(old)
    if not equal:
        return Revisions(_create(api, caller, owner, number), old)
    current = equal[-1]
    if len(equal) > 1:
        _join(api, caller, current, equal[:-1], pods)
    if history.number(current) < number:
        current = history.renumber(api, caller, current, number)
    return Revisions(current, old)


def clean_up(api: Api, caller: Caller, owner: Envelope, revisions: Revisions, hashes: Mapping[str, object]) -> None:
    """cleanupHistory. `hashes`: those of the pods."""
    live = {env.name: None for env in revisions.old if env.labels.get(HASH_LABEL) in hashes}
    history.clean_up(api, caller, owner, revisions.old, live, count_live=True)


def _create(api: Api, caller: Caller, owner: Envelope, number: int) -> Envelope:
    template, status = owner.obj["spec"]["template"], owner.obj.get("status") or {}
    hash_ = history.revision_hash(template, status.get("collisionCount"))
    try:
        return history.create(api, caller, owner, hash_, number, {HASH_LABEL: hash_})
    except AlreadyExists:
        there = api.find(CONTROLLERREVISIONS, owner.namespace, history.revision_name(owner.name, hash_))
        if there is not None and there.owner == owner.uid and history.same_template(there, template):
            return there
        api.update_status(caller, owner, {**status, "collisionCount": status.get("collisionCount", 0) + 1})
        raise


def _labelled(api: Api, caller: Caller, env: Envelope) -> Envelope:
    if HASH_LABEL in env.labels:
        return env
    changed = with_metadata(env.obj, labels={**env.labels, HASH_LABEL: env.name})
    return api.update(caller, CONTROLLERREVISIONS, env.namespace, env.name, changed)


def _join(
    api: Api, caller: Caller, kept: Envelope, doubles: list[Envelope], pods: Mapping[ObjectKey, object]
) -> None:  # fmt: skip
    """dedupCurHistories: several revisions of one template become one, and the pods take its hash."""
    hash_ = kept.labels[HASH_LABEL]
    for key in list(pods):
        pod = api.store.get(key)
        if pod is not None and pod.labels.get(HASH_LABEL) != hash_:
            changed = with_metadata(pod.obj, labels={**pod.labels, HASH_LABEL: hash_})
            api.update(caller, PODS, key.namespace, key.name, changed)
    for double in doubles:
        api.delete(caller, CONTROLLERREVISIONS, double.namespace, double.name)
