"""Query parameters and options of a request, checked and refused in Kubernetes' words (metav1.*Options)."""

from __future__ import annotations

from typing import Any, Final

import orjson

from engine.api import errors
from engine.api.errors import Cause
from engine.api.requests import DeleteOptions, FieldValidation, Propagation
from engine.http.messages import Request
from store.types import Uid

_LONGEST_MANAGER: Final = 128


def flag(request: Request, name: str) -> bool:
    """A boolean parameter as Go's conversion reads it: present without a value is true."""
    values = request.query.get(name)
    if not values:
        return False
    return values[0].lower() not in ("0", "f", "false")


def integer(request: Request, name: str) -> int | None:
    """A whole number; None without the parameter. BadRequest when it is none."""
    text = request.parameter(name)
    if not text:
        return None
    sign = text[:1] in ("-", "+")
    digits = text[sign:]
    if not digits.isascii() or not digits.isdigit() or len(digits) > 19:
        raise errors.BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def dry_run(request: Request) -> bool:
    """`dryRun=All`. Invalid for other values."""
    return _dry_run(
        request.query.get("dryRun") or (), "CreateOptions" if request.method == "POST" else _options(request)
    )


def _dry_run(values: Any, options: str) -> bool:
    given = [str(value) for value in values if value]
    if not given:
        return False
    wrong = [value for value in given if value != "All"]
    if wrong:
        causes = [
            Cause("FieldValueNotSupported", "dryRun", f'Unsupported value: "{v}": supported values: "All"')
            for v in wrong
        ]
        raise errors.invalid("meta.k8s.io", options, "", causes)
    return True


def field_validation(request: Request) -> FieldValidation:
    """What to do about unknown fields: `Warn` unless the client says otherwise."""
    value = request.parameter("fieldValidation")
    if value in ("Strict", "Warn", "Ignore"):
        return value  # type: ignore[return-value]
    if not value:
        return "Warn"
    text = f'Unsupported value: "{value}": supported values: "Ignore", "Strict", "Warn"'
    cause = Cause("FieldValueNotSupported", "fieldValidation", text)
    raise errors.invalid("meta.k8s.io", _options(request), "", [cause])


def field_manager(request: Request) -> str:
    """`fieldManager`, which is "" when the client gives none. Invalid when too long, or not to be printed."""
    name = request.parameter("fieldManager")
    causes = []
    if len(name.encode()) > _LONGEST_MANAGER:
        causes.append(
            Cause("FieldValueTooLong", "fieldManager", f"Too long: may not be more than {_LONGEST_MANAGER} bytes")
        )
    at = 0
    for letter in name:
        if not letter.isprintable():
            why = f"invalid character U+{ord(letter):04X} (at position {at})"
            text = f"Invalid value: {orjson.dumps(name).decode()}: {why}"
            causes.append(Cause("FieldValueInvalid", "fieldManager", text))
        at += len(letter.encode())
    if causes:
        raise errors.invalid("meta.k8s.io", _options(request), "", causes)
    return name


def refuse_force(request: Request) -> None:
    """Only server-side apply can be forced. Invalid when another patch is."""
    if request.query.get("force"):
        text = "Forbidden: may not be specified for non-apply patch"
        raise errors.invalid("meta.k8s.io", "PatchOptions", "", [Cause("FieldValueForbidden", "force", text)])


def _options(request: Request) -> str:
    return {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}.get(
        request.method, "DeleteOptions"
    )


def delete_options(request: Request, body: Any) -> DeleteOptions:
    """From a DeleteOptions body, else from the query. BadRequest or Invalid when they make no sense."""
    given: dict[str, Any] = {}
    if body is not None:
        if not isinstance(body, dict):
            raise errors.BadRequest("the object provided is unrecognized (must be of type DeleteOptions)")
        if body.get("kind") not in (None, "", "DeleteOptions"):
            raise errors.BadRequest(f"decoded object cannot be converted to DeleteOptions: kind {body['kind']!r}")
        given = body
    elif request.query:
        given = _from_query(request)
    grace, policy = given.get("gracePeriodSeconds"), given.get("propagationPolicy")
    orphan = given.get("orphanDependents")
    preconditions = given.get("preconditions") or {}
    if grace is not None and type(grace) is not int:
        raise _unreadable("DeleteOptions.gracePeriodSeconds", grace, "int64")
    if orphan is not None and type(orphan) is not bool:
        raise _unreadable("DeleteOptions.orphanDependents", orphan, "bool")
    if not isinstance(preconditions, dict):
        raise _unreadable("DeleteOptions.preconditions", preconditions, "v1.Preconditions")
    dry = given.get("dryRun") or request.query.get("dryRun") or ()
    if not isinstance(dry, list | tuple):
        raise _unreadable("DeleteOptions.dryRun", dry, "[]string")
    return DeleteOptions(
        grace, _policy(policy, orphan), _text_or_none(preconditions, "uid", Uid),
        _text_or_none(preconditions, "resourceVersion", str), _dry_run(dry, "DeleteOptions"),
    )  # fmt: skip


def _from_query(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    grace = integer(request, "gracePeriodSeconds")
    if grace is not None:
        found["gracePeriodSeconds"] = grace
    if request.parameter("propagationPolicy"):
        found["propagationPolicy"] = request.parameter("propagationPolicy")
    if request.query.get("orphanDependents"):
        found["orphanDependents"] = flag(request, "orphanDependents")
    return found


def _policy(policy: Any, orphan: bool | None) -> Propagation | None:
    if orphan is not None and policy is not None:
        text = f"Invalid value: {_quoted(policy)}: orphanDependents and deletionPropagation cannot be both set"
        raise errors.invalid(
            "meta.k8s.io", "DeleteOptions", "", [Cause("FieldValueInvalid", "propagationPolicy", text)]
        )
    if orphan is not None:
        return "Orphan" if orphan else "Background"
    if policy is None or policy in ("Background", "Foreground", "Orphan"):
        return policy  # type: ignore[no-any-return]
    text = f'Unsupported value: {_quoted(policy)}: supported values: "Foreground", "Background", "Orphan", "nil"'
    cause = Cause("FieldValueNotSupported", "propagationPolicy", text)
    raise errors.invalid("meta.k8s.io", "DeleteOptions", "", [cause])


def _text_or_none(holder: dict[str, Any], name: str, form: Any) -> Any:
    value = holder.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _unreadable(f"Preconditions.preconditions.{name}", value, "string")
    return form(value)


def _unreadable(where: str, value: Any, wanted: str) -> errors.BadRequest:
    names = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
    return errors.BadRequest(
        f"json: cannot unmarshal {names.get(type(value), 'value')} into Go struct field {where} of type {wanted}"
    )


def _quoted(value: Any) -> str:
    return f'"{value}"'
