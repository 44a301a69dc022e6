"""What a handler gets: the request, where it goes, who asks, and the way to the engine.

A handler is an async function from a `Call` to an answer. It raises `ApiError` to refuse. `routes.Routes` finds the
handler of a request: one of the resource's own, else one of its subresource, else the verbs of engine.http.objects.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from engine.api.kinds import Kind
from engine.api.requests import Caller, FieldValidation
from engine.api.server import Api
from engine.http.gate import Gate
from engine.http.intents import Intents
from engine.http.messages import Answer, Headers, Request
from engine.http.negotiation import agent_of
from engine.http.parameters import dry_run, field_manager, field_validation
from engine.http.paths import Catalogue, RequestInfo
from engine.http.watching import WatchHub
from store.types import ObjectKey, Resource


@dataclass(slots=True)
class Call:
    """One request on its way through the handlers."""

    request: Request
    info: RequestInfo
    kind: Kind
    """In the version of the path."""
    caller: Caller
    """With an intent for changes, see `begin_change`."""
    gate: Gate
    catalogue: Catalogue
    hub: WatchHub
    """Wakes watchers after each commit."""
    warnings: list[str]
    """Sent as Warning headers with whatever answer follows."""
    intents: Intents

    @property
    def api(self) -> Api:
        """Engine thread only, but for what the gate's documentation allows."""
        return self.gate.api

    @property
    def resource(self) -> Resource:
        return self.kind.resource

    @property
    def namespace(self) -> str:
        return self.info.namespace if self.kind.namespaced else ""

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def key(self) -> ObjectKey:
        """Where the object is stored."""
        stored = self.kind.stored_as
        return ObjectKey(stored.group, stored.plural, self.namespace, self.info.name)

    @property
    def dry_run(self) -> bool:
        return dry_run(self.request)

    @property
    def field_validation(self) -> FieldValidation:
        return field_validation(self.request)

    @property
    def field_manager(self) -> str:
        """`fieldManager` of the query, else the beginning of the user agent, as Kubernetes names managers."""
        return field_manager(self.request) or agent_of(self.request)

    def parameter(self, name: str) -> str:
        return self.request.parameter(name)

    def begin_change(self) -> None:
        """From here on the caller's writes belong to an action."""
        self.caller = self.intents.of(self.request, self.caller, self.info, self.gate.store.revision)


Handler = Callable[[Call], Awaitable[Answer]]


class Routes:
    """Handlers beside the common verbs."""

    def __init__(self) -> None:
        self._subresources: dict[tuple[str, str], Handler] = {}
        self._resources: dict[Resource, Handler] = {}

    def subresource(self, plural: str, name: str, handler: Handler) -> None:
        """Serve a subresource, of one plural or of every resource that has it ("*")."""
        self._subresources[plural, name] = handler

    def resource(self, resource: Resource, handler: Handler) -> None:
        """Serve all requests for a resource (not those for its subresources)."""
        self._resources[resource] = handler

    def find(self, kind: Kind, subresource: str) -> Handler | None:
        """None: the common verbs, or no such subresource."""
        if not subresource:
            return self._resources.get(kind.resource)
        if subresource not in kind.subresources:
            return None
        plural = kind.resource.plural
        return self._subresources.get((plural, subresource)) or self._subresources.get(("*", subresource))


def warning_headers(warnings: list[str]) -> Headers:
    """`Warning: 299 - "text"` for each, once (RFC 7234)."""
    return [("Warning", f'299 - "{_quoted(text)}"') for text in dict.fromkeys(warnings)]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\r", " ")


__all__ = ["Call", "Handler", "Routes", "warning_headers"]
