"""What a pod may learn of itself: its fields, and what its containers ask for (the downward API)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.api import quantity
from engine.api.names import qualified_name_errors
from engine.api.validation.causes import Causes, each_message, invalid, not_supported, required
from store.types import JsonObject

ENVIRONMENT_FIELDS: Final = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
VOLUME_FIELDS: Final = (
    "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
)  # fmt: skip
_DOWNWARD: Final = frozenset(
    {
        *ENVIRONMENT_FIELDS,
        "metadata.annotations",
        "metadata.labels",
        "spec.restartPolicy",
        "spec.schedulerName",
        "status.phase",
    }
)
"""Fields that have a name in the downward API at all (ConvertDownwardAPIFieldLabel)."""
_RESOURCES: Final = tuple(
    f"{which}.{name}" for which in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
_BYTES: Final = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")


def validate_field_reference(causes: Causes, reference: JsonObject, fields: Sequence[str], path: str) -> None:
    """A field of the pod; `fields`: those that may be asked for in this place."""
    field = reference.get("fieldPath") or ""
    if not reference.get("apiVersion"):
        causes.append(required(f"{path}.apiVersion"))
    elif not field:
        causes.append(required(f"{path}.fieldPath"))
    elif field.endswith("']"):
        name, _, key = field.removesuffix("']").partition("['")
        if name not in _DOWNWARD:
            text = f"error converting fieldPath: field label does not support subscript: {name}"
            causes.append(invalid(f"{path}.fieldPath", field, text))
        elif name not in ("metadata.labels", "metadata.annotations"):
            causes.append(invalid(path, name, "does not support subscript"))
        else:
            key = key.lower() if name == "metadata.annotations" else key
            each_message(causes, path, key, qualified_name_errors(key))
    elif field not in _DOWNWARD:
        text = f"error converting fieldPath: field label not supported: {field}"
        causes.append(invalid(f"{path}.fieldPath", field, text))
    elif field not in fields:
        causes.append(not_supported(f"{path}.fieldPath", field, fields))


def validate_resource_reference(causes: Causes, reference: JsonObject, path: str, *, of_volume: bool = False) -> None:
    """What a container asks for or may have; in a volume it has to say which container."""
    name, divisor = reference.get("resource") or "", reference.get("divisor")
    if of_volume and not reference.get("containerName"):
        causes.append(required(f"{path}.containerName"))
    elif not name:
        causes.append(required(f"{path}.resource"))
    elif name not in _RESOURCES and not name.startswith(("limits.hugepages-", "requests.hugepages-")):
        causes.append(not_supported(f"{path}.resource", name, _RESOURCES))
    if divisor is None or quantity.parse(divisor).nano == 0:
        return
    shown, what = quantity.canonical(divisor), name.partition(".")[2]
    if what == "cpu" and shown not in ("1m", "1"):
        text = "only divisor's values 1m and 1 are supported with the cpu resource"
        causes.append(invalid(f"{path}.divisor", name, text))
    elif what in ("memory", "ephemeral-storage") and shown not in _BYTES:
        word = "memory" if what == "memory" else "local ephemeral storage"
        text = f"only divisor's values {', '.join(_BYTES)} are supported with the {word} resource"
        causes.append(invalid(f"{path}.divisor", name, text))
