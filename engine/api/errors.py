"""What the API answers when it refuses: one tree, each error carrying Kubernetes' `Status`.

    ApiError
    ├── BadRequest 400      ├── Unauthorized 401        ├── Forbidden 403        ├── NotFound 404
    ├── MethodNotAllowed 405├── AlreadyExists 409       ├── Conflict 409         ├── Gone 410 (Expired)
    ├── TooManyRequests 429 ├── Invalid 422             ├── UnsupportedMediaType 415
    ├── InternalError 500   ├── ServiceUnavailable 503  ├── ServerTimeout 504
    └── ServerError 500, without a reason

The same object is the HTTP answer, the console's message and a file's diagnostic. Texts follow
k8s.io/apimachinery/pkg/api/errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from store.types import Resource


class Cause(NamedTuple):
    """One complaint about one field (metav1.StatusCause)."""

    reason: str
    """FieldValueRequired, FieldValueInvalid, FieldValueNotSupported, FieldValueForbidden, FieldValueDuplicate …"""
    field: str
    """Path as Kubernetes prints it: `spec.containers[0].image`."""
    message: str
    """`Required value`, `Invalid value: "x": …`: the text after `field: `."""

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class ApiError(Exception):
    """Base: an answer other than success."""

    code = 500
    reason = "InternalError"

    def __init__(
        self,
        message: str,
        *,
        resource: Resource | None = None,
        kind: str = "",
        name: str = "",
        causes: Sequence[Cause] = (),
        retry_after: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.resource, self.kind, self.name = resource, kind, name
        self.causes = tuple(causes)
        self.retry_after = retry_after

    def status(self) -> dict[str, Any]:
        """The metav1.Status object."""
        details: dict[str, Any] = {}
        if self.name:
            details["name"] = self.name
        if self.resource is not None and self.resource.group:
            details["group"] = self.resource.group
        kind = self.kind or (self.resource.plural if self.resource is not None else "")
        if kind:
            details["kind"] = kind
        if self.causes:
            details["causes"] = [
                {
                    name: text
                    for name, text in (("reason", c.reason), ("message", c.message), ("field", c.field))
                    if text
                }
                for c in self.causes
            ]
        if self.retry_after:
            details["retryAfterSeconds"] = self.retry_after
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if details:
            status["details"] = details
        return status | {"code": self.code}


class BadRequest(ApiError):
    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    code, reason = 401, "Unauthorized"


class Forbidden(ApiError):
    code, reason = 403, "Forbidden"


class NotFound(ApiError):
    code, reason = 404, "NotFound"


class MethodNotAllowed(ApiError):
    code, reason = 405, "MethodNotAllowed"


class AlreadyExists(ApiError):
    code, reason = 409, "AlreadyExists"


class Conflict(ApiError):
    code, reason = 409, "Conflict"


class Gone(ApiError):
    code, reason = 410, "Expired"


class UnsupportedMediaType(ApiError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    code, reason = 422, "Invalid"


class TooManyRequests(ApiError):
    code, reason = 429, "TooManyRequests"


class InternalError(ApiError):
    code, reason = 500, "InternalError"


class ServerError(ApiError):
    """An error that the API server gives no name to: kubectl prints `Error from server: …`."""

    code, reason = 500, ""


class ServiceUnavailable(ApiError):
    code, reason = 503, "ServiceUnavailable"


class ServerTimeout(ApiError):
    code, reason = 504, "Timeout"


def not_found(resource: Resource, name: str) -> NotFound:
    return NotFound(f'{resource} "{name}" not found', resource=resource, name=name)


def already_exists(resource: Resource, name: str) -> AlreadyExists:
    return AlreadyExists(f'{resource} "{name}" already exists', resource=resource, name=name)


def conflict(resource: Resource, name: str, why: str = "") -> Conflict:
    text = why or "the object has been modified; please apply your changes to the latest version and try again"
    return Conflict(f'Operation cannot be fulfilled on {resource} "{name}": {text}', resource=resource, name=name)


def forbidden(resource: Resource, name: str, why: str) -> Forbidden:
    return Forbidden(f'{resource} "{name}" is forbidden: {why}', resource=resource, name=name)


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> Invalid:
    """`Deployment.apps "x" is invalid: spec.selector: Required value`; several causes stand in brackets."""
    what = f"{kind}.{group}" if group else kind
    texts = list(dict.fromkeys(str(cause) for cause in causes))
    body = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return Invalid(
        f'{what} "{name}" is invalid: {body}', resource=Resource(group, ""), kind=kind, name=name, causes=causes
    )
