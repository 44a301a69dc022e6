"""What saving a text would do: the same documents, the same API, as a dry run.

Nothing is written. Documents whose namespace or definition the same text declares count as creations, since saving
applies those first; what the API can say of them only then is left to the save.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from engine.api.apply import LAST_APPLIED
from engine.api.errors import ApiError
from engine.api.server import Api, Caller
from engine.client import Diagnostic, FieldChange, Plan, PlannedObject
from engine.folder.apply import OWNER, Waits, apply, key_of, no_match, owning_file
from engine.folder.diagnose import diagnostics_of
from engine.folder.documents import Document, ParsedFile
from engine.folder.fields import differences
from engine.folder.records import Claims
from store.types import Envelope, JsonObject, ObjectKey

_log = logging.getLogger(__name__)
_SERVER_META: Final = frozenset(
    {"resourceVersion", "uid", "generation", "creationTimestamp", "managedFields", "selfLink", "namespace", "name"}
)


def make_plan(
    api: Api, claims: Claims, caller: Caller, path: str, parsed: ParsedFile, declared: Iterable[ObjectKey]
) -> Plan:
    """`declared`: the objects that the file as it was last applied declares, for telling what would be pruned."""
    diagnostics: list[Diagnostic] = list(parsed.diagnostics)
    objects: list[PlannedObject] = []
    named = {(d.kind, d.name) for d in parsed.documents}
    present: dict[ObjectKey, int] = {}
    for document in parsed.documents:
        found = key_of(api, document)
        if found is None:
            text, may_come = no_match(api, document)
            fault = Diagnostic(*document.place(("kind",)), "error", "kind", text, document.index)
            diagnostics.append(fault._replace(severity="warning") if may_come else fault)
            objects.append(
                PlannedObject("error", document.kind, document.namespace, document.name, document.line, (), text)
            )
            continue
        _, key = found
        duplicate = _duplicate(claims, key, path, present)
        present.setdefault(key, document.line)
        if duplicate:
            diagnostics.append(Diagnostic(document.line, document.column, "error", "", duplicate, document.index))
            objects.append(_planned("error", key, document, message=duplicate))
            continue
        if _stands(claims, key, document):
            objects.append(_planned("unchanged", key, document))
            continue
        planned, found_diagnostics = _dry_run(api, caller, path, document, key, named)
        objects.append(planned)
        diagnostics.extend(found_diagnostics)
    if not parsed.broken:
        for key in declared:
            live = api.store.get(key)
            if key not in present and live is not None and owning_file(live) is not None:
                others = [r for r in claims.all(key) if r.file != path]
                if not others:
                    objects.append(PlannedObject("prune", str(key.resource), key.namespace, key.name, 0))
    return Plan(tuple(sorted(diagnostics, key=lambda d: (d.line, d.column))), tuple(objects))


def _duplicate(claims: Claims, key: ObjectKey, path: str, present: dict[ObjectKey, int]) -> str:
    if key in present:
        return f"{key} is already declared in line {present[key]}"
    earlier = next((record for record in claims.all(key) if record.file < path), None)
    return f"{key} is already declared in {earlier.file}:{earlier.document.line}" if earlier is not None else ""


def _stands(claims: Claims, key: ObjectKey, document: Document) -> bool:
    """The very document is applied, and the drift watch saw nobody change what it declares since: nothing to try."""
    owner = claims.owner(key)
    return owner is not None and owner.state == "applied" and owner.document.obj == document.obj


def _dry_run(
    api: Api, caller: Caller, path: str, document: Document, key: ObjectKey, named: set[tuple[str, str]]
) -> tuple[PlannedObject, tuple[Diagnostic, ...]]:
    live = api.store.get(key)
    try:
        result = apply(api, caller, path, document, key, dry_run=True)
    except Waits as error:
        text = str(error)
        if live is None and ("Namespace", key.namespace) in named:
            return _planned("create", key, document), ()
        place = document.place(("metadata", "namespace"), value=True)
        planned = _planned("create" if live is None else "change", key, document, message=f"waits: {text}")
        return planned, (Diagnostic(*place, "warning", "", f"waits: {text}", document.index),)
    except ApiError as error:
        found = diagnostics_of(error, document)
        return _planned("error", key, document, message=found[0].message), found
    except Exception as error:  # noqa: BLE001  one document's crash must not hide what the others would do
        _log.error("planning %s %s failed", path, key, exc_info=error)
        text = f"internal error: {error}"
        crash = Diagnostic(document.line, document.column, "error", "", text, document.index)
        return _planned("error", key, document, message=text), (crash,)
    if live is None:
        return _planned("create", key, document), ()
    changes = tuple(differences(comparable(live), comparable(result)))
    return _planned("change" if changes else "unchanged", key, document, changes), ()


def _planned(
    action: str, key: ObjectKey, document: Document, changes: tuple[FieldChange, ...] = (), message: str = ""
) -> PlannedObject:
    return PlannedObject(action, str(key.resource), key.namespace, key.name, document.line, changes, message)  # type: ignore[arg-type]


def comparable(env: Envelope) -> JsonObject:
    """The object without what only the server writes."""
    obj = env.obj
    meta = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_META}
    annotations = {k: v for k, v in (meta.pop("annotations", None) or {}).items() if k not in (LAST_APPLIED, OWNER)}
    if annotations:
        meta["annotations"] = annotations
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta}
