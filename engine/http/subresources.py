"""Subresources that are neither streams nor secrets: status, scale, eviction, binding, finalize, and a pod's own doors.

Those with answers of another kind register their handlers beside these in engine.http.routes.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from engine.api import errors
from engine.api.kinds import BINDINGS, Kind
from engine.http import objects
from engine.http.calls import Call
from engine.http.messages import Answer, Response
from engine.http.negotiation import Accepted, accepted, encoded, media_type
from engine.http.parameters import delete_options
from engine.http.tables import include_object, table
from store.types import Envelope, Resource

_SCALES: Final = Kind(Resource("autoscaling", "scales"), "v1", "Scale")
_CREATED = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def part(call: Call) -> Answer:
    """A part of the object that is read and written as the object itself: status, ephemeralcontainers, resize …"""
    verb = call.info.verb
    if verb == "get":
        return await objects.get(call)
    call.begin_change()
    if verb == "update":
        return await objects.update(call)
    if verb == "patch":
        return await objects.patch(call)
    raise objects.not_allowed()


async def finalize(call: Call) -> Answer:
    if call.info.verb != "update":
        raise objects.not_allowed()
    call.begin_change()
    return await objects.update(call)


async def scale(call: Call) -> Answer:
    """A workload as autoscaling/v1 Scale."""
    asked, verb = accepted(call.request), call.info.verb
    form = Accepted(asked.content_type)
    where = (call.resource, call.namespace, call.name)
    if verb == "get":
        env = await objects.present(call)
        found = call.api.scale_of(env)
        if asked.shape == "Table":
            printed, meta = call.api.tables.of(_SCALES), {"resourceVersion": str(env.revision)}
            include = include_object(call.parameter("includeObject"))
            found = table(printed, [(env, found)], call.gate.now(), include, meta, version=asked.version)
        return encoded(found, form)
    call.begin_change()
    dry = call.dry_run
    if verb == "update":
        obj = objects.body_object(call)
        env = await call.gate.write(
            lambda: call.api.update(
                call.caller, *where, obj, subresource="scale", dry_run=dry, field_manager=call.field_manager
            )
        )  # fmt: skip
    elif verb == "patch":
        kind = objects.PATCH_TYPES.get(media_type(call.request))
        if kind is None:
            raise errors.UnsupportedMediaType(
                "the body of the request was in an unknown format - accepted media types include: "
                f"{', '.join(objects.PATCH_TYPES)}"
            )
        document = objects.patch_document(call, kind)
        env = await call.gate.write(
            lambda: call.api.patch(
                call.caller, *where, kind, document, subresource="scale", dry_run=dry, field_manager=call.field_manager
            )
        )  # fmt: skip
    else:
        raise objects.not_allowed()
    return encoded(call.api.scale_of(env), form)


async def eviction(call: Call) -> Answer:
    """POST of policy/v1 Eviction."""
    if call.info.verb != "create":
        raise objects.not_allowed()
    call.begin_change()
    obj = objects.body_object(call)
    meta = obj.get("metadata") or {}
    if meta.get("name") and meta["name"] != call.name:
        raise errors.BadRequest(f"name in URL does not match name in Eviction object: {call.name} != {meta['name']}")
    options = delete_options(call.request, obj.get("deleteOptions") or {})
    await call.gate.write(lambda: call.api.evict(call.caller, call.namespace, call.name, options))
    return Response(201, orjson.dumps(_CREATED) + b"\n")


async def binding(call: Call) -> Answer:
    """POST of a Binding to a pod."""
    if call.info.verb != "create":
        raise objects.not_allowed()
    call.begin_change()
    obj: dict[str, Any] = objects.body_object(call)
    meta = {**(obj.get("metadata") or {}), "name": call.name}
    wanted = {**obj, "metadata": meta}

    def work() -> Envelope:
        return call.api.create(call.caller, BINDINGS, call.namespace, wanted, field_validation="Ignore")

    await call.gate.write(work)
    return Response(201, orjson.dumps(_CREATED) + b"\n")


async def token(call: Call) -> Answer:
    """POST of a TokenRequest to a ServiceAccount."""
    if call.info.verb != "create":
        raise objects.not_allowed()
    form, obj = Accepted(accepted(call.request).content_type), objects.body_object(call)
    answer = await call.gate.run(lambda: call.api.create_token(call.caller, call.namespace, call.name, obj))
    response = encoded(answer, form)
    response.status = 201
    return response
