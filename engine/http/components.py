"""ComponentStatus: whether scheduler, controllers and store are well, computed when somebody asks.

They live in this process, so the first two are healthy as long as the engine answers; `etcd-0` stands for the store and
is unhealthy once a commit failed. (v1 ComponentStatus is deprecated; old scripts look at it.)
"""

from __future__ import annotations

import orjson

from engine.api import errors
from engine.api.requests import ListResult
from engine.http import objects
from engine.http.calls import Call
from engine.http.messages import Answer
from engine.http.negotiation import accepted
from engine.http.shapes import many, one
from store.types import Envelope, JsonObject, ObjectKey, Revision


async def component_statuses(call: Call) -> Answer:
    """GET of the list or of one."""
    if call.info.verb not in call.kind.verbs:
        raise objects.not_allowed()
    form = accepted(call.request)
    found = await call.gate.run(lambda: _statuses(call))
    if not call.name:
        return await many(call, ListResult(found, Revision(0)), form)
    for env in found:
        if env.name == call.name:
            return one(call, env, form)
    raise errors.not_found(call.resource, call.name)


def _statuses(call: Call) -> list[Envelope]:
    failure = call.gate.store.failure
    faults = {"controller-manager": "", "etcd-0": str(failure) if failure is not None else "", "scheduler": ""}
    return [_envelope(name, fault) for name, fault in faults.items()]


def _envelope(name: str, fault: str) -> Envelope:
    condition = {"type": "Healthy", "status": "False" if fault else "True", "message": fault or "ok"}
    obj: JsonObject = {
        "apiVersion": "v1", "kind": "ComponentStatus", "metadata": {"name": name}, "conditions": [condition],
    }  # fmt: skip
    return Envelope(ObjectKey("", "componentstatuses", "", name), Revision(0), orjson.dumps(obj), obj)
