"""How a strategic merge patch changes a list.

A list without patch strategy `merge` is replaced. One with it is merged: scalars as a set, maps by their merge key;
`$patch: delete` in an item removes its counterpart, `$patch: replace` makes the rest of the patch the whole list.

Order, as strategicpatch has it: items of the patch (or of `$setElementOrder`) keep the patch's order, items that only
the server has keep theirs, and one of the latter stands before one of the former only where the server's list has both
and in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from engine.api import errors
from engine.api.go_types import go_text
from engine.api.schema import Field
from store.types import JsonObject

DIRECTIVE: Final = "$patch"
RETAIN_KEYS: Final = "$retainKeys"
DELETE_LIST: Final = "$deleteFromPrimitiveList"
ELEMENT_ORDER: Final = "$setElementOrder"

MergeItems = Callable[[Mapping[str, Any], Mapping[str, Any], Field | None], JsonObject]


def merges(field: Field | None) -> bool:
    """Whether the field's list (or map) is merged rather than replaced."""
    return field is not None and "merge" in field.strategy.split(",")


def merge_lists(
    original: Any, patch: Sequence[Any] | None, field: Field | None, merge_items: MergeItems, *,
    delete: Any = None, order: Any = None, name: str = "",
) -> list[Any] | None:  # fmt: skip
    """The list after the patch; None when there is none before and nothing to add."""
    if not isinstance(original, list):
        if patch is None:
            return None
        original = []
    if not merges(field) and delete is None and order is None:
        return [without_directives(item) for item in patch or ()]
    for directive, value in ((DELETE_LIST, delete), (ELEMENT_ORDER, order)):
        if value is not None and not isinstance(value, list):
            raise errors.BadRequest(f"invalid patch format of {directive} list: {value}")
    patch = patch or ()
    sample = next(iter([*original, *patch, *(order or ())]), None)
    if not isinstance(sample, dict):
        return _merged_scalars(original, patch, delete or (), order, name)
    key = field.merge_key if field is not None else None
    if not key:
        return [without_directives(item) for item in patch]
    return _merged_maps(original, patch, key, field, merge_items, order, name)


def _merged_scalars(
    original: Sequence[Any], patch: Sequence[Any], delete: Sequence[Any], order: Sequence[Any] | None, name: str
) -> list[Any]:
    if any(isinstance(item, dict | list) for item in [*original, *patch, *(order or ())]):
        raise errors.BadRequest("mergeMap: list elements of a patch must be of one type")
    kept = [item for item in original if item not in delete]
    merged = list(dict.fromkeys([*kept, *patch]))
    if order is not None:
        _check_order(list(patch), order, name)
    first = order if order is not None else patch
    ordered = [item for item in first if item in merged]
    others = [item for item in merged if item not in ordered]
    return interleave(others, list(dict.fromkeys(ordered)), {item: index for index, item in enumerate(original)})


def _merged_maps(
    original: Sequence[JsonObject], patch: Sequence[Any], key: str, field: Field | None, merge_items: MergeItems,
    order: Sequence[Any] | None, name: str,
) -> list[JsonObject]:  # fmt: skip
    items: list[JsonObject] = []
    removed: list[Any] = []
    replace = False
    for item in patch:
        if not isinstance(item, dict):
            raise errors.BadRequest("mergeMap: list elements of a patch must be of one type")
        directive = item.get(DIRECTIVE)
        if directive == "replace":
            replace = True
        elif directive == "delete":
            removed.append(_key_of(item, key))
        elif directive in (None, "merge"):
            items.append(item)
        else:
            raise errors.BadRequest(f"unknown patch type found: {directive}")
    if replace:
        return [without_directives(item) for item in items]
    merged: dict[Any, JsonObject] = {}
    for item in original:
        value = item.get(key) if isinstance(item, dict) else None
        if value not in removed:
            merged[value] = item
    for item in items:
        value = _key_of(item, key)
        before = merged.get(value)
        merged[value] = merge_items(before, item, field) if before is not None else without_directives(item)
    if order is not None:
        wanted = [_key_of(item, key) for item in order]
        _check_order([_key_of(item, key) for item in items], wanted, name)
    else:
        wanted = [_key_of(item, key) for item in items]
    ordered = [value for value in dict.fromkeys(wanted) if value in merged]
    chosen = set(ordered)
    others = [value for value in merged if value not in chosen]
    places: dict[Any, int] = {}
    for index, item in enumerate(original):
        places.setdefault(item.get(key), index)
    return [merged[value] for value in interleave(others, ordered, places)]


def interleave(others: Sequence[Any], ordered: Sequence[Any], places: Mapping[Any, int]) -> list[Any]:
    """Both lists in one, each in its own order (strategicpatch's mergeSortedSlice)."""
    out: list[Any] = []
    i = j = 0
    while i < len(others) and j < len(ordered):
        left, right = places.get(others[i]), places.get(ordered[j])
        if left is not None and right is not None and left < right:
            out.append(others[i])
            i += 1
        else:
            out.append(ordered[j])
            j += 1
    return [*out, *others[i:], *ordered[j:]]


def _check_order(patch: Sequence[Any], order: Sequence[Any], name: str) -> None:
    places = {value: index for index, value in enumerate(order)}
    last = -1
    for value in patch:
        place = places.get(value)
        if place is None or place < last:
            found, wanted = go_text(list(patch)), go_text(list(order))
            raise errors.BadRequest(
                f"The order in patch list:\n{found}\n doesn't match {ELEMENT_ORDER} list:\n{wanted}\n(field {name})"
            )
        last = place


def _key_of(item: Any, key: str) -> Any:
    value = item.get(key) if isinstance(item, dict) else None
    if value is None or isinstance(value, dict | list):
        raise errors.BadRequest(f"map: {go_text(item)} does not contain declared merge key: {key}")
    return value


def without_directives(value: Any) -> Any:
    """What a patch says, as a value of its own: no directives, no nulls, no items to delete."""
    if isinstance(value, dict):
        return {
            key: without_directives(each)
            for key, each in value.items()
            if each is not None and key not in (DIRECTIVE, RETAIN_KEYS)
            and not key.startswith((f"{DELETE_LIST}/", f"{ELEMENT_ORDER}/"))
        }  # fmt: skip
    if isinstance(value, list):
        return [
            without_directives(item)
            for item in value
            if not (isinstance(item, dict) and item.get(DIRECTIVE) in ("delete", "replace"))
        ]
    return value
