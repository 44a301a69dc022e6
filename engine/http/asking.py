"""Questions that only Kubarium answers, asked as Kubernetes' reviews are: POST an object, its status is the answer.

- `diagnoses`: spec {resource, namespace, name}; what is the matter with an object, in sentences.
- `connections`: spec {from: {namespace, pod}, to, port, protocol}; whether a connection gets to its end. Without `from`
  it comes from outside of the cluster.
- `reversals`: spec {intent}; undo an action, by default the last one. With `dryRun=All` it is only told what that does.

Who asks about an object must be allowed to read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from engine.api.errors import BadRequest
from engine.api.kinds import PODS
from engine.client import ClientError, new_intent
from engine.history.requests import HistoryRequests
from engine.http import objects
from engine.http.calls import Call
from engine.http.messages import Answer
from engine.http.negotiation import Accepted, accepted, encoded
from engine.network.reach import reach
from engine.why.diagnosis import diagnose
from store.types import JsonObject, Resource


async def diagnosis(call: Call) -> Answer:
    """What is the matter with an object."""
    spec = _spec(call)
    resource = Resource.parse(_text(spec, "resource"))
    namespace, name = str(spec.get("namespace") or ""), _text(spec, "name")

    def ask() -> JsonObject:
        kind = call.api.kind_of(resource)
        where = namespace if kind.namespaced else ""
        call.api.authorize(call.caller, "get", kind, where, name, "")
        found: JsonObject = told(diagnose(call.api, resource, where, name))
        return found

    return _answered(call, spec, await call.gate.run(ask))


async def connection(call: Call) -> Answer:
    """Whether a connection gets to its end."""
    spec = _spec(call)
    source = spec.get("from") or {}
    if not isinstance(source, dict):
        raise BadRequest("spec.from must have namespace and pod")
    pod = (str(source.get("namespace") or "default"), _text(source, "pod")) if source else None
    port = spec.get("port") or 0
    if not isinstance(port, int) or not 0 <= port <= 65535:
        raise BadRequest("spec.port must be a number from 0 to 65535")

    def ask() -> JsonObject:
        if pod is not None:
            call.api.authorize(call.caller, "get", call.api.kind_of(PODS), *pod, "")
        found: JsonObject = told(reach(call.api, pod, _text(spec, "to"), port, str(spec.get("protocol") or "TCP")))
        return found

    return _answered(call, spec, await call.gate.run(ask))


async def reversal(call: Call) -> Answer:
    """Undo an action."""
    spec = _spec(call)
    call.begin_change()
    past = HistoryRequests(call.api, call.gate.cluster.loop, call.caller.user)
    wanted = str(spec.get("intent") or "") or None
    deeds = await call.gate.run(lambda: past.deeds(wanted))
    if deeds is None:
        raise BadRequest(f"no action {wanted}" if wanted else "there is nothing to undo")
    try:
        plan = await call.gate.run(lambda: past.undo_plan(deeds))
        status: JsonObject = {"plan": told(plan)}
        if not call.dry_run:
            intent = new_intent(f"undo {plan.intent.id}")
            status["result"] = told(await call.gate.write(lambda: past.undo(deeds, intent)))
    except ClientError as error:
        raise BadRequest(error.message) from error
    return _answered(call, spec, status)


def told(value: Any) -> Any:
    """The client's values as JSON: dataclasses and named tuples become objects."""
    if is_dataclass(value):
        return {field.name: told(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: told(part) for name, part in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [told(part) for part in value]
    if isinstance(value, Mapping):
        return {str(name): told(part) for name, part in value.items()}
    return value


def _spec(call: Call) -> JsonObject:
    if call.info.verb != "create":
        raise objects.not_allowed()
    spec = objects.body_object(call).get("spec") or {}
    if not isinstance(spec, dict):
        raise BadRequest("spec must be an object")
    return spec


def _text(spec: JsonObject, name: str) -> str:
    value: Any = spec.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"spec.{name} must be set")
    return value


def _answered(call: Call, spec: JsonObject, status: JsonObject) -> Answer:
    kind = call.kind
    made = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}, "spec": spec, "status": status}
    return encoded(made, Accepted(accepted(call.request).content_type), 201)
