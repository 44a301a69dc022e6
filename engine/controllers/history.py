"""ControllerRevisions: what the template of a StatefulSet or a DaemonSet was, numbered, to tell pods apart and to roll
back to.

A revision keeps the template as a patch (`{"spec": {"template": {…, "$patch": "replace"}}}`), which is what
`kubectl rollout undo` applies. Its number grows: going back to an earlier template gives that template's revision the
highest number again. Its name is the owner's and a hash of the template; another template with the same hash makes the
owner count a collision, which gives another hash. (k8s.io/kubernetes/pkg/controller/history.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.api.errors import NotFound
from engine.api.kinds import CONTROLLERREVISIONS
from engine.api.server import Api, Caller
from engine.controllers.controller import being_deleted, controller_reference
from engine.controllers.deployment.template_hash import template_hash
from engine.controllers.ownership import Matches, adopt, index_orphans, orphans, release
from store.types import Envelope, JsonObject

_LIMIT: Final = 10
"""revisionHistoryLimit where nothing was said (the API's default)."""
_BY_CONTROLLER: Final = "controller"
_LONGEST_NAME: Final = 223


def index_revisions(api: Api) -> None:
    """Keep what `claimed` looks for findable."""
    index_orphans(api, CONTROLLERREVISIONS)
    api.store.add_index(CONTROLLERREVISIONS, _BY_CONTROLLER, lambda env: (env.owner,) if env.owner else ())


def claimed(api: Api, caller: Caller, owner: Envelope, matches: Matches) -> list[Envelope]:
    """The owner's revisions, oldest number first, after adopting orphans that match and releasing those that do not."""
    if not being_deleted(owner.obj):
        for orphan in list(orphans(api, CONTROLLERREVISIONS, owner.namespace)):
            if matches(orphan.labels):
                adopt(api, caller, owner, CONTROLLERREVISIONS, orphan)
    found = []
    for env in api.store.by_index(CONTROLLERREVISIONS, _BY_CONTROLLER, owner.uid):
        if matches(env.labels):
            found.append(env)
        elif not being_deleted(owner.obj) and not being_deleted(env.obj):
            release(api, caller, owner, CONTROLLERREVISIONS, env)
    found.sort(key=_order)
    return found


def number(env: Envelope) -> int:
    """The revision's number, from 1."""
    return int(env.obj.get("revision", 0))


def next_number(revisions: Sequence[Envelope]) -> int:
    return max((number(env) for env in revisions), default=0) + 1


def same_template(env: Envelope, template: JsonObject) -> bool:
    """The revision keeps this template."""
    kept = (env.obj.get("data") or {}).get("spec", {}).get("template") or {}
    return len(kept) == len(template) + 1 and all(kept.get(field) == value for field, value in template.items())


def template_of(env: Envelope) -> JsonObject:
    """The template that the revision keeps. Its parts are those of the revision: they stay the same objects."""
    kept: JsonObject = env.obj["data"]["spec"]["template"]
    return {field: value for field, value in kept.items() if field != "$patch"}


def revision_hash(template: JsonObject, collisions: int | None) -> str:
    return template_hash(template, collisions)


def revision_name(owner: str, hash_: str) -> str:
    return f"{owner[:_LONGEST_NAME]}-{hash_}"


def create(
    api: Api, caller: Caller, owner: Envelope, hash_: str, revision: int, labels: Mapping[str, str]
) -> Envelope:  # fmt: skip
    """Write down the owner's present template. AlreadyExists when its name is taken; the caller looks by whom."""
    spec = owner.obj["spec"]
    template = spec["template"]
    meta: JsonObject = {
        "name": revision_name(owner.name, hash_), "namespace": owner.namespace,
        "labels": {**((template.get("metadata") or {}).get("labels") or {}), **labels},
        "ownerReferences": [controller_reference(owner)],
    }  # fmt: skip
    annotations = owner.obj["metadata"].get("annotations")
    if annotations:
        meta["annotations"] = annotations
    data = {"spec": {"template": {"$patch": "replace", **template}}}
    return api.create(
        caller, CONTROLLERREVISIONS, owner.namespace, {"metadata": meta, "data": data, "revision": revision}
    )


def renumber(api: Api, caller: Caller, env: Envelope, revision: int) -> Envelope:
    """Give the revision another number."""
    if number(env) == revision:
        return env
    return api.update(caller, CONTROLLERREVISIONS, env.namespace, env.name, {**env.obj, "revision": revision})


def clean_up(
    api: Api, caller: Caller, owner: Envelope, old: Sequence[Envelope], live: Mapping[str, Any], *, count_live: bool
) -> None:  # fmt: skip
    """Delete the oldest revisions beyond revisionHistoryLimit, but none whose name is in `live`.

    `old`: oldest number first. `count_live`: those that are alive take part in the count, as for DaemonSets.
    """
    limit = owner.obj["spec"].get("revisionHistoryLimit", _LIMIT)
    if limit < 0:
        return
    dead = [env for env in old if env.name not in live]
    surplus = (len(old) if count_live else len(dead)) - limit
    for env in dead[: max(surplus, 0)]:
        try:
            api.delete(caller, CONTROLLERREVISIONS, env.namespace, env.name)
        except NotFound:
            continue


def _order(env: Envelope) -> tuple[int, str, str]:
    """SortControllerRevisions."""
    return number(env), env.obj["metadata"].get("creationTimestamp", ""), env.name
