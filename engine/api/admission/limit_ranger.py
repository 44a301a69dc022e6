"""LimitRanger: a namespace's limit ranges give containers default requests and limits, and bound what pods ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.api import errors, quantity
from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import LIMITRANGES, PERSISTENTVOLUMECLAIMS
from store.types import JsonObject


def _limits(request: AdmissionRequest, kind: str) -> list[tuple[str, JsonObject]]:
    """(name of the LimitRange, item) of one type, in the order of names."""
    ranges = request.store.list(LIMITRANGES, request.namespace)
    if not ranges:
        return []
    ranges = sorted(ranges, key=lambda env: env.name)
    return [(env.name, item) for env in ranges for item in spec_of(env.obj).get("limits") or () if item["type"] == kind]


# -- defaults ------------------------------------------------------------------------------------------------------


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    """Fill requests and limits that a container does not state."""
    items = _limits(request, "Container")
    if not items:
        return obj
    limits: JsonObject = {}
    requests: JsonObject = {}
    for name, item in items:
        del name
        limits = {**(item.get("default") or {}), **limits}
        requests = {**(item.get("defaultRequest") or {}), **requests}
    spec = spec_of(obj)
    notes: list[str] = []
    new = dict(spec)
    for key, what in (("containers", "container"), ("initContainers", "init container")):
        if spec.get(key):
            new[key] = [_with_defaults(container, what, limits, requests, notes) for container in spec[key]]
    if not notes:
        return obj
    meta = obj["metadata"]
    text = f"LimitRanger plugin set: {'; '.join(notes)}"
    annotations = {**(meta.get("annotations") or {}), "kubernetes.io/limit-ranger": text}
    return {**obj, "metadata": {**meta, "annotations": annotations}, "spec": new}


def _with_defaults(
    container: JsonObject, what: str, limits: JsonObject, requests: JsonObject, notes: list[str]
) -> JsonObject:
    resources = container.get("resources") or {}
    out = dict(resources)
    for key, word, defaults in (("requests", "request", requests), ("limits", "limit", limits)):
        has = resources.get(key) or {}
        missing = {name: amount for name, amount in defaults.items() if name not in has}
        if missing:
            out[key] = {**has, **missing}
            notes.append(f"{', '.join(sorted(missing))} {word} for {what} {container['name']}")
    return container if out == resources else {**container, "resources": out}


# -- bounds --------------------------------------------------------------------------------------------------------


def validate(request: AdmissionRequest) -> None:
    """Forbidden, with every violated bound, when the object asks for too much or too little."""
    causes: list[str] = []
    if request.kind.resource == PERSISTENTVOLUMECLAIMS:
        claim = spec_of(request.obj).get("resources") or {}
        for _, item in _limits(request, "PersistentVolumeClaim"):
            _bounds(item, claim.get("requests") or {}, claim.get("limits") or {}, causes, claim=True)
    else:
        spec = spec_of(request.obj)
        for _, item in _limits(request, "Container"):
            for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
                resources = container.get("resources") or {}
                _bounds(item, resources.get("requests") or {}, resources.get("limits") or {}, causes)
        for _, item in _limits(request, "Pod"):
            _bounds(item, _pod_total(spec, "requests"), _pod_total(spec, "limits"), causes)
    if causes:
        why = causes[0] if len(causes) == 1 else f"[{', '.join(causes)}]"
        raise errors.forbidden(request.resource, request.name, why)


def _pod_total(spec: JsonObject, key: str) -> JsonObject:
    """What a pod asks for in all: its containers and sidecars together, or more while an init container runs beside the
    sidecars that have started before it."""
    amounts: dict[str, list[Any]] = {}
    sidecars: dict[str, list[Any]] = {}
    peaks: dict[str, quantity.Quantity] = {}
    for container in spec.get("containers") or ():
        for name, amount in _stated(container, key):
            amounts.setdefault(name, []).append(amount)
    for container in spec.get("initContainers") or ():
        stays = container.get("restartPolicy") == "Always"
        for name, amount in _stated(container, key):
            beside = [*sidecars.get(name, ()), amount]
            peaks[name] = max(peaks.get(name, quantity.parse("0")), quantity.total(beside), key=_nano)
            if stays:
                sidecars[name] = beside
                amounts.setdefault(name, []).append(amount)
    totals = {name: quantity.total(each) for name, each in amounts.items()}
    for name, peak in peaks.items():
        totals[name] = max(totals.get(name, quantity.parse("0")), peak, key=_nano)
    return {name: str(amount) for name, amount in totals.items()}


def _stated(container: JsonObject, key: str) -> Iterable[tuple[str, Any]]:
    return ((container.get("resources") or {}).get(key) or {}).items()


def _nano(amount: quantity.Quantity) -> int:
    return amount.nano


def _bounds(
    item: JsonObject, requests: JsonObject, limits: JsonObject, causes: list[str], *, claim: bool = False
) -> None:
    kind = item["type"]
    for name, bound in _sorted(item.get("min")):
        asked, limited = requests.get(name), limits.get(name)
        least = quantity.parse(bound)
        if asked is None:
            causes.append(f"minimum {name} usage per {kind} is {bound}.  No request is specified")
        elif quantity.parse(asked).nano < least.nano:
            causes.append(f"minimum {name} usage per {kind} is {bound}, but request is {asked}")
        elif limited is not None and quantity.parse(limited).nano < least.nano:
            causes.append(f"minimum {name} usage per {kind} is {bound}, but limit is {limited}")
    for name, bound in _sorted(item.get("max")):
        asked, limited = requests.get(name), limits.get(name)
        most = quantity.parse(bound)
        if claim:
            if asked is not None and quantity.parse(asked).nano > most.nano:
                causes.append(f"maximum {name} usage per {kind} is {bound}, but request is {asked}")
        elif limited is None:
            causes.append(f"maximum {name} usage per {kind} is {bound}.  No limit is specified")
        elif quantity.parse(limited).nano > most.nano:
            causes.append(f"maximum {name} usage per {kind} is {bound}, but limit is {limited}")
        elif asked is not None and quantity.parse(asked).nano > most.nano:
            causes.append(f"maximum {name} usage per {kind} is {bound}, but request is {asked}")
    for name, bound in _sorted(item.get("maxLimitRequestRatio")):
        asked, limited = requests.get(name), limits.get(name)
        if asked is None or quantity.parse(asked).nano == 0:
            causes.append(
                f"{name} max limit to request ratio per {kind} is {bound}, but no request is specified or request is 0"
            )
        elif limited is None or quantity.parse(limited).nano == 0:
            causes.append(
                f"{name} max limit to request ratio per {kind} is {bound}, but no limit is specified or limit is 0"
            )
        else:
            ratio = quantity.parse(limited).nano / quantity.parse(asked).nano
            if ratio > quantity.parse(bound).nano / quantity.NANO:
                causes.append(
                    f"{name} max limit to request ratio per {kind} is {bound}, but provided ratio is {ratio:f}"
                )


def _sorted(amounts: JsonObject | None) -> Iterable[tuple[str, str]]:
    items: Sequence[tuple[str, str]] = sorted((amounts or {}).items())
    return items
