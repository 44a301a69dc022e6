"""Probes and lifecycle hooks: exactly one handler, its fields, and the thresholds (validateProbe, validateHandler)."""

from __future__ import annotations

from typing import Any, Final

from engine.api.names import port_errors, port_name_errors
from engine.api.validation.causes import (
    Causes,
    each_message,
    forbidden,
    invalid,
    not_negative,
    one_of,
    required,
)
from store.types import JsonObject

_PROBE_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "sleep")
_COUNTS: Final = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def validate_probe(causes: Causes, probe: JsonObject, which: str, path: str) -> None:
    """`which` is the field's name: liveness and startup probes succeed at once."""
    _handler(causes, probe, _PROBE_HANDLERS, path)
    not_negative(causes, path, probe, *_COUNTS)
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        causes.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
    if which == "readinessProbe":
        if grace is not None:
            text = "must not be set for readinessProbes"
            causes.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, text))
    elif probe.get("successThreshold", 1) != 1:
        causes.append(invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))


def validate_lifecycle(causes: Causes, lifecycle: JsonObject | None, path: str) -> None:
    for key in ("postStart", "preStop"):
        hook = (lifecycle or {}).get(key)
        if hook is not None:
            _handler(causes, hook, _HOOK_HANDLERS, f"{path}.{key}")


def _handler(causes: Causes, handler: JsonObject, kinds: tuple[str, ...], path: str) -> None:
    found = [key for key in kinds if handler.get(key) is not None]
    if not found:
        causes.append(required(path, "must specify a handler type"))
    for key in found[1:]:
        causes.append(forbidden(f"{path}.{key}", "may not specify more than 1 handler type"))
    if not found:
        return
    key, action = found[0], handler[found[0]]
    where = f"{path}.{key}"
    if key == "exec":
        if not action.get("command"):
            causes.append(required(f"{where}.command"))
    elif key == "httpGet":
        if not action.get("path"):
            causes.append(required(f"{where}.path"))
        validate_port(causes, action.get("port"), f"{where}.port")
        one_of(causes, f"{where}.scheme", action.get("scheme"), ("HTTP", "HTTPS"))
        for index, header in enumerate(action.get("httpHeaders") or ()):
            if not header.get("name"):
                causes.append(required(f"{where}.httpHeaders[{index}].name"))
    elif key in ("tcpSocket", "grpc"):
        validate_port(causes, action.get("port"), f"{where}.port")
    elif key == "sleep" and (action.get("seconds") or 0) < 0:
        causes.append(invalid(f"{where}.seconds", action["seconds"], "must be greater than or equal to 0"))


def validate_port(causes: Causes, port: Any, path: str) -> None:
    """A port by number or by name."""
    if isinstance(port, str):
        each_message(causes, path, port, port_name_errors(port))
    else:
        each_message(causes, path, port or 0, port_errors(port or 0))
