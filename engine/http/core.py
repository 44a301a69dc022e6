"""The core of the wire: a request in, an answer out, and no server library in sight.

In this order: bounds (method, path, header sizes, requests in flight, time), discovery of what the path means, who
asks and whether they may, then the handler. Whatever goes wrong is a Status: an `ApiError` says its own, a client's
nonsense is a 4xx; only a fault of ours is a 500, and it is logged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Final

import orjson

from engine.api import errors
from engine.api.errors import ApiError
from engine.api.kinds import Kind
from engine.cluster import Cluster
from engine.http import discovery, health, objects, openapi_v2
from engine.http.access import Access, access_of
from engine.http.calls import Call, Handler, Routes, warning_headers
from engine.http.flows import MAX_IN_FLIGHT, MAX_OF_FLOW, MAX_STREAMS, MAX_STREAMS_OF_USER, Shares
from engine.http.gate import Gate
from engine.http.intents import Intents
from engine.http.messages import JSON, Answer, Request, Response, Upgrade, json_response, text_response
from engine.http.metrics import WireMetrics
from engine.http.negotiation import accepted
from engine.http.openapi import OpenApi
from engine.http.parameters import flag
from engine.http.paths import Catalogue, RequestInfo, request_info
from engine.http.routes import build_routes
from engine.http.watching import WatchHub
from engine.network.addresses import API_SERVER, API_SERVER_PORT
from store.types import StoreError

MAX_BODY: Final = 3 * 1024 * 1024
"""Bytes of a request body (--max-resource-write-bytes of Kubernetes)."""
REQUEST_TIMEOUT: Final = 60.0
"""Wall seconds (--request-timeout)."""
_LONG: Final = frozenset({"exec", "attach", "portforward", "log", "proxy"})
_OPEN_PATHS: Final = ("healthz", "livez", "readyz", "version")
"""What is told without credentials (role system:public-info-viewer)."""
_DEPRECATED: Final = {
    "endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    "componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
}
_log = logging.getLogger(__name__)
NOT_FOUND: Final = "404 page not found\n"


class Wire:
    """Answers requests. Made and used on one asyncio loop."""

    def __init__(self, cluster: Cluster, access: Access | None = None, routes: Routes | None = None) -> None:
        """`access` None: the cluster's own users and roles. `routes` None: all of engine.http.routes."""
        self.gate = Gate(cluster)
        self.catalogue = Catalogue(cluster.api.kinds)
        self.hub = WatchHub(cluster.store, asyncio.get_running_loop())
        self.openapi = OpenApi(cluster.store, self.catalogue)
        self.metrics = WireMetrics(cluster)
        self._access = access or access_of(self.gate, cluster.options.flags)
        self._routes = routes or build_routes()
        self.intents = Intents()
        self.in_flight = Shares(MAX_IN_FLIGHT, MAX_OF_FLOW)
        self.streams = Shares(MAX_STREAMS, MAX_STREAMS_OF_USER)

    def close(self) -> None:
        """End all watches."""
        self.hub.close()

    async def answer(self, request: Request) -> Answer:
        """Never raises but for cancellation."""
        started = time.perf_counter()
        info = request_info(request)
        if is_long(request, info):
            answer = await self._guarded(request, info)
        else:
            try:
                give_back = self.in_flight.take(flow_of(request))
            except errors.TooManyRequests as error:
                answer = _busy(error)
            else:
                try:
                    answer = await self._within_time(request, info)
                finally:
                    give_back()
        status = answer.status if not isinstance(answer, Upgrade) else 101
        self.metrics.answered(info, status, time.perf_counter() - started)
        return answer

    async def _within_time(self, request: Request, info: RequestInfo) -> Answer:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                return await self._guarded(request, info)
        except TimeoutError:
            return status_response(
                errors.ServerTimeout("Timeout: request did not complete within the allotted timeout")
            )

    async def _guarded(self, request: Request, info: RequestInfo) -> Answer:
        warnings: list[str] = []
        answer: Answer
        try:
            if len(request.body) > MAX_BODY:
                raise TooLarge(f"Request entity too large: limit is {MAX_BODY}")
            answer = await self._route(request, info, warnings)
        except ApiError as error:
            answer = status_response(error)
        except StoreError as error:
            answer = status_response(errors.InternalError(f"Internal error occurred: {error}"))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  one bad request must not harm another
            _log.exception("%s %s failed", request.method, request.path)
            answer = status_response(errors.InternalError(f"Internal error occurred: {error}"))
        if warnings and not isinstance(answer, Upgrade):
            answer.headers.extend(warning_headers(warnings))
        return answer

    # -- ways ----------------------------------------------------------------------------------------------------------

    async def _route(self, request: Request, info: RequestInfo, warnings: list[str]) -> Answer:
        first = request.path.strip("/").partition("/")[0]
        if first in _OPEN_PATHS and not info.is_resource:
            return await self._plain(request, first)
        caller = await self._access.admit(request, info)
        if not info.is_resource:
            return await self._plain(request, first)
        kind = self.catalogue.kind(info.group, info.version, info.plural)
        if kind is None:
            return self._unknown(info)
        if kind.namespaced and info.name and not info.namespace:
            return self._unknown(info)
        if not kind.namespaced and info.namespace and info.plural != "namespaces":
            return self._unknown(info)
        if info.plural in _DEPRECATED and not info.group:
            warnings.append(_DEPRECATED[info.plural])
        if kind.deprecation:
            warnings.append(kind.deprecation)
        call = Call(request, info, kind, caller, self.gate, self.catalogue, self.hub, warnings, self.intents)
        handler = self._routes.find(kind, info.subresource)
        if handler is None:
            if info.subresource:
                return self._no_subresource(kind, info)
            handler = objects.handle
        if not is_long(request, info):
            return await handler(call)
        return await self._held(caller.user, handler, call)

    async def _held(self, user: str, handler: Handler, call: Call) -> Answer:
        """A stream takes one of its user's places until it is over."""
        try:
            give_back = self.streams.take(user)
        except errors.TooManyRequests as error:
            return _busy(error)
        try:
            answer = await handler(call)
        except BaseException:
            give_back()
            raise
        if isinstance(answer, Response):
            give_back()
        else:
            answer.over = give_back
        return answer

    def _unknown(self, info: RequestInfo) -> Response:
        """An unknown resource of a group that there is has a Status; everything else is a page that does not exist."""
        if info.version in self.catalogue.groups().get(info.group, ()):
            return status_response(unknown_resource())
        return text_response(NOT_FOUND, 404)

    def _no_subresource(self, kind: Kind, info: RequestInfo) -> Response:
        if info.subresource in kind.subresources:
            return status_response(
                errors.MethodNotAllowed("the server does not allow this method on the requested resource")
            )
        return status_response(unknown_resource())

    async def _plain(self, request: Request, first: str) -> Answer:
        """Paths that name no resource."""
        if request.method not in ("GET", "HEAD"):
            known = first in ("api", "apis", "openapi", "", *_OPEN_PATHS)
            return status_response(objects.not_allowed()) if known else text_response(NOT_FOUND, 404)
        path = request.path.rstrip("/") or "/"
        if path == "/":
            return health.indented(health.root_paths(self.catalogue.groups()))
        if path == "/version":
            return health.indented(health.VERSION)
        if first in health.CHECKS:
            return await health.health(self.gate, request) or text_response(NOT_FOUND, 404)
        if path == "/.well-known/openid-configuration":
            tokens = self.gate.api.tokens
            return json_response(
                await self.gate.run(lambda: tokens.discovery(f"https://{API_SERVER}:{API_SERVER_PORT}"))
            )
        if path == "/openid/v1/jwks":
            return json_response(await self.gate.run(self.gate.api.tokens.key_set))
        if path == "/metrics":
            body, content_type = self.metrics.text(self.in_flight.total)
            return Response(200, body, content_type)
        if first == "openapi":
            return self._openapi(request, path)
        if first in ("api", "apis"):
            return self._discovery(request, path.strip("/").split("/"))
        return text_response(NOT_FOUND, 404)

    def _openapi(self, request: Request, path: str) -> Response:
        if path == "/openapi/v2":
            protobuf = openapi_v2.PROTOBUF in request.header("accept")
            body = self.openapi.swagger(protobuf=protobuf)
            return Response(200, body, openapi_v2.PROTOBUF_TYPE if protobuf else JSON)
        accepted(request, shapes=False)
        if path == "/openapi/v3":
            return json_response(self.openapi.index())
        found = self.openapi.document(path.removeprefix("/openapi/v3/"))
        if found is None:
            return text_response(NOT_FOUND, 404)
        digest, body = found
        etag = f'"{digest}"'
        headers = [("Etag", etag)]
        if request.parameter("hash") == digest:
            headers.append(("Cache-Control", "public, immutable"))
        if etag in request.header("if-none-match"):
            return Response(304, b"", JSON, headers)
        return Response(200, body, JSON, headers)

    def _discovery(self, request: Request, steps: list[str]) -> Response:
        core = steps[0] == "api"
        if len(steps) == 1:
            if accepted(request).shape == "APIGroupDiscoveryList":
                body = orjson.dumps(discovery.aggregated(self.catalogue, core)) + b"\n"
                return Response(200, body, discovery.AGGREGATED)
            if core:
                return json_response(discovery.api_versions(f"{API_SERVER}:{API_SERVER_PORT}"))
            return json_response(discovery.group_list(self.catalogue))
        found: Any = None
        if core and len(steps) == 2:
            found = discovery.resource_list(self.catalogue, "", steps[1])
        elif not core and len(steps) == 3:
            found = discovery.resource_list(self.catalogue, steps[1], steps[2])
        elif not core and len(steps) == 2 and steps[1] in self.catalogue.groups():
            found = discovery.group(steps[1], self.catalogue.groups()[steps[1]])
        return json_response(found) if found is not None else text_response(NOT_FOUND, 404)


class TooLarge(ApiError):
    code, reason = 413, "RequestEntityTooLarge"


def unknown_resource() -> errors.NotFound:
    return errors.NotFound("the server could not find the requested resource")


def is_long(request: Request, info: RequestInfo) -> bool:
    """Whether a request may go on for as long as it likes: watches and streams (BasicLongRunningRequestCheck)."""
    return info.verb == "watch" or info.subresource in _LONG or (info.is_resource and flag(request, "watch"))


def flow_of(request: Request) -> tuple[str, str]:
    """Who asks with which program, as they say: who is cut short is told from others by it, nobody is let in."""
    shown = request.certificate.common_name if request.certificate is not None else request.header("authorization")
    return shown, request.header("user-agent")


def _busy(error: ApiError) -> Response:
    return text_response(error.message, error.code, [("Retry-After", str(error.retry_after))])


def status_response(error: ApiError) -> Response:
    """A refusal as Kubernetes answers it."""
    headers = [("Retry-After", str(error.retry_after))] if error.retry_after else []
    return json_response(error.status(), error.code, headers)
