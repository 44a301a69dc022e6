"""Who asks, and may they: the seam for users, tokens and rights.

`Access` joins an authenticator (request → caller, or None when it finds no credentials it knows) and an authorizer
(raises Forbidden). Every request but a few open paths passes both, in that order, before anything is read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

from engine.api.errors import Unauthorized
from engine.api.requests import Caller
from engine.http.messages import Request
from engine.http.paths import RequestInfo

_COMMANDS: Final = ("attach", "exec", "portforward")
AUTHENTICATED: Final = "system:authenticated"


class Authenticator(Protocol):
    async def __call__(self, request: Request) -> Caller | None:
        """Who asks; None without credentials. Raises Unauthorized for ones that are wrong."""


class Authorizer(Protocol):
    async def __call__(self, caller: Caller, info: RequestInfo) -> None:
        """Raises Forbidden when the caller may not."""


@dataclass(frozen=True, slots=True)
class Access:
    authenticate: Authenticator
    authorize: Authorizer

    async def admit(self, request: Request, info: RequestInfo) -> Caller:
        """The caller, who may do what `info` says. Raises Unauthorized or Forbidden."""
        caller = await self.authenticate(request)
        if caller is None:
            raise Unauthorized("Unauthorized")
        await self.authorize(caller, info)
        if request.upgrades and info.verb == "get" and info.subresource in _COMMANDS:
            # A WebSocket begins with a GET, and yet it runs commands (AuthorizePodWebsocketUpgradeCreatePermission).
            await self.authorize(caller, replace(info, verb="create"))
        return caller


async def by_certificate(request: Request) -> Caller | None:
    """The client certificate's common name is the user, its organizations are the groups."""
    if request.certificate is None:
        return None
    name, organizations = request.certificate
    return Caller(name, groups=(*organizations, AUTHENTICATED))


async def everybody(caller: Caller, info: RequestInfo) -> None:
    """Whoever is known may do everything."""


def open_access() -> Access:
    """Certificates signed by our CA, and no rules beyond."""
    return Access(by_certificate, everybody)
