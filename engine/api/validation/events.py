"""Events (pkg/apis/core/validation/events.go): of the old manner, that say only where, and of the new, with a time.

An event of the old manner (without `eventTime`) lies in its object's namespace; one of the new manner names who
reports and what was done. Complaints name the fields as core/v1 does.
"""

from __future__ import annotations

from typing import Final

from engine.api.names import qualified_name_errors
from engine.api.validation.causes import Causes, each_message, invalid, required
from store.types import JsonObject

_MOST: Final = 128
_MOST_MESSAGE: Final = 1024


def event(causes: Causes, obj: JsonObject) -> None:
    namespace = obj["metadata"].get("namespace") or ""
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    where, other = "involvedObject.namespace", "does not match event.namespace"
    if not obj.get("eventTime"):
        if namespace != about and not (not about and namespace == "default"):
            causes.append(invalid(where, about, other))
        return
    if not about and namespace not in ("default", "kube-system"):
        causes.append(invalid(where, about, other))
    reporter = obj.get("reportingComponent") or ""
    if not reporter:
        causes.append(required("reportingComponent"))
    each_message(causes, "reportingComponent", reporter, qualified_name_errors(reporter))
    for field in ("reportingInstance", "action", "reason"):
        value = obj.get(field) or ""
        if not value:
            causes.append(required(field))
        elif len(value.encode()) > _MOST:
            causes.append(invalid(field, "", f"can have at most {_MOST} characters"))
    if len((obj.get("message") or "").encode()) > _MOST_MESSAGE:
        causes.append(invalid("message", "", f"can have at most {_MOST_MESSAGE} characters"))
