"""An object of the cluster as a text that somebody edits: tried out, or saved, as an update replaces an object.

The text is read as a file of the folder is, so a refusal stands at the lines of the fields that it names. managedFields
are not part of such a text and stay as they are. A conflict (somebody else wrote meanwhile) is no problem of the text:
it is raised.
"""

from __future__ import annotations

import copy
from typing import Final

from engine.api.errors import ApiError
from engine.api.server import Api, Caller
from engine.client import Diagnostic, Plan, PlannedObject
from engine.folder.diagnose import diagnostics_of
from engine.folder.documents import read_text
from engine.folder.fields import differences
from engine.folder.plan import comparable
from store.types import Resource

_CONFLICT: Final = 409


def edit(
    api: Api, caller: Caller, resource: Resource, namespace: str, name: str, text: str, *, dry_run: bool,
    field_manager: str,
) -> Plan:  # fmt: skip
    """What replacing the object by the text changes, or why it is refused; then nothing was written.

    Raises ApiError: NotFound, Conflict, Forbidden.
    """
    live = api.get(resource, namespace, name)
    parsed = read_text(text)
    refused = PlannedObject("error", str(resource), namespace, name, 1)
    if parsed.broken:
        return Plan(parsed.diagnostics, (refused._replace(message=parsed.diagnostics[0].message),))
    if len(parsed.documents) != 1:
        message = "one object is expected here" if parsed.documents else "an object is expected: esc leaves it as it is"
        line = parsed.documents[1].line if len(parsed.documents) > 1 else 1
        return Plan((Diagnostic(line, 1, "error", "", message),), (refused._replace(message=message),))
    document = parsed.documents[0]
    refused = refused._replace(line=document.line)
    obj = copy.deepcopy(document.obj)
    meta = obj.get("metadata")
    if isinstance(meta, dict) and "managedFields" in live.obj["metadata"]:
        meta.setdefault("managedFields", live.obj["metadata"]["managedFields"])
    try:
        env = api.update(
            caller, resource, namespace, name, obj, dry_run=dry_run, field_validation="Strict",
            field_manager=field_manager,
        )  # fmt: skip
    except ApiError as error:
        if error.code in (_CONFLICT, 403):
            raise
        found = diagnostics_of(error, document)
        return Plan((*parsed.diagnostics, *found), (refused._replace(message=found[0].message),))
    changes = tuple(differences(comparable(live), comparable(env)))
    done = refused._replace(action="change" if changes else "unchanged", changes=changes)
    return Plan(parsed.diagnostics, (done,))
