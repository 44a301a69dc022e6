"""Who asks, and may they: the seam for users, tokens and rights.

`Access` joins an authenticator (request → caller, or None when it finds no credentials it knows) and an authorizer
(raises Forbidden). Every request but a few open paths passes both, in that order, before anything is read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

from engine.api.errors import Unauthorized
from engine.api.requests import Caller
from engine.auth import authenticator as engine_authenticator
from engine.auth.authenticator import Credentials, certificate_caller, read_token_file
from engine.auth.authorizer import MASTERS
from engine.auth.rbac import Attributes
from engine.flags import Flags
from engine.http.gate import Gate
from engine.http.messages import Request
from engine.http.paths import RequestInfo

_COMMANDS: Final = ("attach", "exec", "portforward")


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
    """The client certificate's user; None without one."""
    return None if request.certificate is None else certificate_caller(*request.certificate)


def access_of(gate: Gate, flags: Flags) -> Access:
    """The cluster's own rules. Raises BadTokenFile for a --token-auth-file that cannot be used.

    A certificate of the administrators costs no way to the engine; everybody else is looked up there.
    """
    path = flags.text("token-auth-file")
    known = read_token_file(path) if path else {}
    api = gate.api
    rules = api.authorizer
    people = engine_authenticator.Authenticator(api.tokens, rules, known, flags.boolean("anonymous-auth"))

    async def authenticate(request: Request) -> Caller | None:
        impersonates = any(name.startswith("impersonate-") for name in request.headers)
        if request.certificate is not None and not impersonates:
            return await by_certificate(request)
        shown = Credentials(request.certificate, request.header("authorization"), request.headers)
        return await gate.run(lambda: people.caller(shown))

    async def authorize(caller: Caller, info: RequestInfo) -> None:
        if MASTERS in caller.groups:
            return
        asked = Attributes(
            info.verb, info.group, info.plural, info.subresource, info.namespace, info.single_name,
            "" if info.is_resource else info.path, info.fields,
        )  # fmt: skip
        await gate.run(lambda: rules.require(caller, asked))

    return Access(authenticate, authorize)
