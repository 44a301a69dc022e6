"""Defaults of flowcontrol.apiserver.k8s.io: flow schemas and priority levels that a person declares."""

from __future__ import annotations

from typing import Final

from engine.api.defaults.filling import changed, filled, within
from store.types import JsonObject


def _schema(obj: JsonObject) -> JsonObject:
    return changed(obj, "spec", filled(obj.get("spec") or {}, {"matchingPrecedence": 1000}))


def _level(obj: JsonObject) -> JsonObject:
    spec = obj.get("spec") or {}
    spec = within(spec, "exempt", lambda e: filled(e, {"lendablePercent": 0, "nominalConcurrencyShares": 0}))
    return changed(obj, "spec", within(spec, "limited", _limited))


def _limited(limited: JsonObject) -> JsonObject:
    limited = filled(limited, {"lendablePercent": 0, "limitResponse": {}, "nominalConcurrencyShares": 30})
    response = filled(limited["limitResponse"], {"type": "Reject"})
    if response["type"] == "Queue":
        queuing = filled(response.get("queuing") or {}, {"handSize": 8, "queueLengthLimit": 50, "queues": 64})
        response = changed(response, "queuing", queuing)
    return changed(limited, "limitResponse", response)


DEFAULTERS: Final = {"flowschemas": _schema, "prioritylevelconfigurations": _level}
