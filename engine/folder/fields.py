"""Field paths: Kubernetes' spelling, tuples of steps, their place in a document, and the difference of two values.

A path is a tuple of map keys and list indexes. Kubernetes prints it as `spec.containers[0].image` and puts keys
that are no plain words in brackets: `metadata.labels[app.kubernetes.io/name]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.client import FieldChange
from engine.folder.yaml_reader import Mark, Marks

Path = tuple[str | int, ...]

_STEP: Final = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

_LIST_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "containers": ("name",), "initContainers": ("name",), "ephemeralContainers": ("name",), "env": ("name",),
    "volumes": ("name",), "volumeMounts": ("mountPath",), "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "port"), "imagePullSecrets": ("name",), "secrets": ("name",), "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",), "resourceClaims": ("name",), "conditions": ("type",),
    "webhooks": ("name",), "ownerReferences": ("uid",),
}  # fmt: skip
"""Lists that are merged by a key (`x-kubernetes-patch-merge-key`): the first of these keys that the items have."""
_SET_LISTS: Final = frozenset({"finalizers", "podCIDRs"})
"""Lists of scalars that are merged as sets."""


def parse_path(text: str) -> Path:
    """`spec.containers[0].image` → ("spec", "containers", 0, "image")."""
    steps: list[str | int] = []
    for match in _STEP.finditer(text):
        inside, plain = match.groups()
        if inside is None:
            steps.append(plain)
        else:
            steps.append(int(inside) if inside.isdigit() else inside.strip("\"'"))
    return tuple(steps)


def path_text(path: Path) -> str:
    """("spec", "containers", 0, "image") → `spec.containers[0].image`."""
    text = ""
    for step in path:
        if isinstance(step, int) or not _PLAIN.fullmatch(step):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def find_mark(marks: Marks | None, path: Path) -> tuple[Mark | None, int]:
    """The mark of `path` or of the nearest thing around it, and how many steps of the path are missing there.

    Steps that the document spells otherwise are bridged: a list index that was left out (Go's JSON errors name none)
    takes the item that holds most of the rest, and keys with dots may have been split.
    """
    if not path or not marks:
        return None, len(path)
    step = path[0]
    if isinstance(step, str) and step not in marks:
        for length in range(len(path), 1, -1):
            joined = ".".join(str(part) for part in path[:length])
            if joined in marks:
                inner, missing = find_mark(marks[joined].children, path[length:])
                return inner or marks[joined], missing
        items = (find_mark(mark.children, path) for index, mark in marks.items() if isinstance(index, int))
        return min(items, key=lambda found: found[1], default=(None, len(path)))
    mark = marks.get(step)
    if mark is None:
        return None, len(path)
    inner, missing = find_mark(mark.children, path[1:])
    return inner or mark, missing


def value_at(obj: Any, path: Path) -> Any:
    """What stands at `path`; None when nothing does."""
    for step in path:
        if isinstance(obj, dict):
            obj = obj.get(str(step))
        elif isinstance(obj, list) and isinstance(step, int) and step < len(obj):
            obj = obj[step]
        else:
            return None
    return obj


def differences(before: Any, after: Any, path: Path = ()) -> Iterator[FieldChange]:
    """Every leaf in which two values differ; None stands for a field that is not there.

    Items of lists that Kubernetes merges by key are compared with their namesakes, other lists by position.
    """
    if before is after or before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before:
            yield from differences(before[key], after.get(key), (*path, key))
        for key in after:
            if key not in before:
                yield from differences(None, after[key], (*path, key))
    elif isinstance(before, list) and isinstance(after, list):
        for index, old, new in _paired(before, after, path):
            yield from differences(old, new, (*path, index))
    elif isinstance(after, dict) and after and before is None:
        for key in after:
            yield from differences(None, after[key], (*path, key))
    else:
        yield FieldChange(path_text(path), before, after)


def undeclared_ignored(declared: Any, live: Any, path: Path = ()) -> Iterator[FieldChange]:
    """Where the live object differs from what is declared: (path, live value, declared value).

    Fields that the declaration does not mention are not compared, nor are list items beside the declared ones in
    lists that are merged by key. Null and empty declarations match absence.
    """
    if declared is live or declared == live:
        return
    if isinstance(declared, dict):
        if not isinstance(live, dict):
            if declared or live is not None:
                yield FieldChange(path_text(path), live, declared)
            return
        for key, value in declared.items():
            yield from undeclared_ignored(value, live.get(key), (*path, key))
    elif isinstance(declared, list):
        if not isinstance(live, list):
            if declared or live is not None:
                yield FieldChange(path_text(path), live, declared)
            return
        yield from _list_drift(declared, live, path)
    elif declared is not None or live not in (None, "", [], {}):
        yield FieldChange(path_text(path), live, declared)


def _list_drift(declared: list[Any], live: list[Any], path: Path) -> Iterator[FieldChange]:
    key = _merge_key(declared, path)
    if key is not None:
        present = {_key_value(item, key): item for item in live if isinstance(item, dict)}
        for index, item in enumerate(declared):
            yield from undeclared_ignored(item, present.get(_key_value(item, key)), (*path, index))
    elif path and path[-1] in _SET_LISTS:
        for index, item in enumerate(declared):
            if item not in live:
                yield FieldChange(path_text((*path, index)), None, item)
    else:
        if path[-1:] == ("taints",):
            # Added and removed by the node lifecycle controller as conditions come and go.
            live = [taint for taint in live if not str(taint.get("key", "")).startswith("node.kubernetes.io/")]
        if len(declared) != len(live):
            yield FieldChange(path_text(path), live, declared)
            return
        for index, (item, now) in enumerate(zip(declared, live, strict=True)):
            yield from undeclared_ignored(item, now, (*path, index))


def _paired(before: list[Any], after: list[Any], path: Path) -> Iterator[tuple[int, Any, Any]]:
    key = _merge_key(after or before, path)
    if key is None:
        for index in range(max(len(before), len(after))):
            yield (
                index, before[index] if index < len(before) else None, after[index] if index < len(after) else None,
            )  # fmt: skip
        return
    old = {_key_value(item, key): item for item in before if isinstance(item, dict)}
    for index, item in enumerate(after):
        yield index, old.pop(_key_value(item, key), None), item
    for index, item in enumerate(before):
        if isinstance(item, dict) and _key_value(item, key) in old:
            yield index, item, None


def _merge_key(items: list[Any], path: Path) -> str | None:
    if not path or not isinstance(path[-1], str) or not items or not all(isinstance(item, dict) for item in items):
        return None
    return next((key for key in _LIST_KEYS.get(path[-1], ()) if all(key in item for item in items)), None)


def _key_value(item: Any, key: str) -> str:
    return str(item.get(key)) + (f"/{item.get('protocol', 'TCP')}" if key in ("port", "containerPort") else "")
