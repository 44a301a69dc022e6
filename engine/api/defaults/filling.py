"""Filling in without touching: the few copy-on-write moves that all defaults are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.api import quantity
from store.types import JsonObject

Fill = Callable[[JsonObject], JsonObject]


def filled(obj: JsonObject, defaults: Mapping[str, Any]) -> JsonObject:
    """`obj` with the fields of `defaults` that it lacks. A null counts as lacking."""
    for key in defaults:
        if obj.get(key) is None:
            return {
                **defaults,
                **{key: value for key, value in obj.items() if value is not None or key not in defaults},
            }
    return obj


def changed(obj: JsonObject, key: str, value: Any) -> JsonObject:
    """`obj` with one field set; `obj` itself when it is that value already, by identity."""
    return obj if obj.get(key) is value and key in obj else {**obj, key: value}


def within(obj: JsonObject, key: str, fill: Fill) -> JsonObject:
    """`obj` with `fill` applied to its struct `key`, when it has one."""
    inner = obj.get(key)
    if inner is None:
        return obj
    new = fill(inner)
    return obj if new is inner else {**obj, key: new}


def each(obj: JsonObject, key: str, fill: Fill) -> JsonObject:
    """`obj` with `fill` applied to every item of its list `key`, when it has one."""
    items = obj.get(key)
    if not items:
        return obj
    new = [fill(item) for item in items]
    for before, after in zip(items, new, strict=True):
        if before is not after:
            return {**obj, key: new}
    return obj


def resource_list(amounts: JsonObject) -> JsonObject:
    """A ResourceList in canonical form, nothing finer than a thousandth (SetDefaults_ResourceList)."""
    for amount in amounts.values():
        if quantity.rounded_to_milli(amount) != amount:
            return {name: quantity.rounded_to_milli(amount) for name, amount in amounts.items()}
    return amounts


def resource_lists(obj: JsonObject, keys: Sequence[str]) -> JsonObject:
    """`obj` with each of its ResourceLists in canonical form."""
    for key in keys:
        obj = within(obj, key, resource_list)
    return obj


def canonical_quantity(obj: JsonObject, key: str) -> JsonObject:
    """`obj` with one quantity in canonical form."""
    amount = obj.get(key)
    if amount is None:
        return obj
    text = quantity.canonical(amount)
    return obj if text == amount else {**obj, key: text}
