"""Probes and lifecycle hooks: exactly one handler, its fields, and the thresholds (validateProbe, validateHandler)."""

from __future__ import annotations

import re
from typing import Any, Final

from engine.api.names import port_errors, port_name_errors, regex_message
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
_HEADER: Final = re.compile(r"[-A-Za-z0-9]+\Z", re.ASCII)
_HEADER_TEXT: Final = regex_message(
    "a valid HTTP header must consist of alphanumeric characters or '-'", "[-A-Za-z0-9]+", "X-Header-Name"
)
_COUNTS: Final = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def validate_probe(causes: Causes, probe: JsonObject, which: str, path: str) -> None:
    """`which` is the field's name: liveness and startup probes succeed at once."""
    _handler(causes, probe, _PROBE_HANDLERS, None, path)
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


def validate_lifecycle(causes: Causes, lifecycle: JsonObject | None, grace: int | None, path: str) -> None:
    """`grace`: the pod's terminationGracePeriodSeconds, which bounds how long a hook may sleep."""
    for key in ("postStart", "preStop"):
        hook = (lifecycle or {}).get(key)
        if hook is not None:
            _handler(causes, hook, _HOOK_HANDLERS, grace, f"{path}.{key}")


def _handler(causes: Causes, handler: JsonObject, kinds: tuple[str, ...], grace: int | None, path: str) -> None:
    found = [key for key in kinds if handler.get(key) is not None]
    if not found:
        causes.append(required(path, "must specify a handler type"))
        return
    _action(causes, found[0], handler[found[0]], grace, f"{path}.{found[0]}")
    for key in found[1:]:
        causes.append(forbidden(f"{path}.{key}", "may not specify more than 1 handler type"))


def _action(causes: Causes, key: str, action: JsonObject, grace: int | None, path: str) -> None:
    if key == "exec":
        if not action.get("command"):
            causes.append(required(f"{path}.command"))
    elif key == "httpGet":
        if not action.get("path"):
            causes.append(required(f"{path}.path"))
        validate_port(causes, action.get("port"), f"{path}.port")
        one_of(causes, f"{path}.scheme", action.get("scheme"), ("HTTP", "HTTPS"))
        for header in action.get("httpHeaders") or ():
            name = header.get("name") or ""
            if not _HEADER.match(name):
                causes.append(invalid(f"{path}.httpHeaders", name, _HEADER_TEXT))
    elif key in ("tcpSocket", "grpc"):
        validate_port(causes, action.get("port"), f"{path}.port")
    elif key == "sleep":
        seconds = action.get("seconds") or 0
        if grace is not None and not 0 <= seconds <= grace:
            text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
            causes.append(invalid(path, seconds, text))


def validate_port(causes: Causes, port: Any, path: str) -> None:
    """A port by number or by name."""
    if isinstance(port, str):
        each_message(causes, path, port, port_name_errors(port))
    else:
        each_message(causes, path, port or 0, port_errors(port or 0))
