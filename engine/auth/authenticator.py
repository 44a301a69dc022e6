"""Who asks: a client certificate, a line of the token file, a service account's token, or nobody known.

`Credentials` is what a request carries, whatever wire it came by. Tried in kube-apiserver's order; a bearer token that
nobody knows is refused, it does not make the caller anonymous. Impersonation comes after: who may, acts as another.
Sources: apiserver/pkg/authentication, endpoints/filters/impersonation.go, token/tokenfile.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple
from urllib.parse import unquote

from engine.api.errors import BadRequest, Unauthorized
from engine.api.requests import Caller
from engine.auth.authorizer import Authorizer
from engine.auth.rbac import Attributes
from engine.auth.tokens import CREDENTIAL_ID, BadToken, Tokens, account_groups

AUTHENTICATED: Final = "system:authenticated"
UNAUTHENTICATED: Final = "system:unauthenticated"
ANONYMOUS: Final = Caller("system:anonymous", groups=(UNAUTHENTICATED,), outside=True)
_ACCOUNT: Final = "system:serviceaccount:"
_IMPERSONATE: Final = "impersonate-"
_EXTRA: Final = "impersonate-extra-"
_GROUP: Final = "authentication.k8s.io"


class BadTokenFile(ValueError):
    """The token file cannot be used; the text says why."""


class Credentials(NamedTuple):
    """What a request shows."""

    certificate: tuple[str, tuple[str, ...], str] | None = None
    """(common name, organizations, fingerprint) of a client certificate that TLS has checked."""
    authorization: str = ""
    """The header."""
    headers: Mapping[str, str] = {}
    """All headers, names in lower case; several of one name joined by commas."""


def read_token_file(path: str) -> dict[str, Caller]:
    """Token → user of a file of `token,user,uid[,"group1,group2"]` lines (--token-auth-file). BadTokenFile."""
    found: dict[str, Caller] = {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.reader(file, skipinitialspace=True):
                if not row:
                    continue
                if len(row) < 3:
                    raise BadTokenFile(f"token file {path!r} must have at least 3 columns (token, user name, user uid)")
                if row[0]:
                    groups = tuple(each.strip() for each in row[3].split(",")) if len(row) > 3 and row[3] else ()
                    found[row[0]] = Caller(row[1], groups=(*groups, AUTHENTICATED), uid=row[2], outside=True)
    except (OSError, UnicodeDecodeError) as error:
        raise BadTokenFile(f"token file {path!r}: {error}") from error
    return found


class Authenticator:
    """Of one cluster. Engine thread only."""

    def __init__(self, tokens: Tokens, authorizer: Authorizer, known: Mapping[str, Caller], anonymous: bool) -> None:
        """`known`: the token file's users. `anonymous`: callers without credentials are system:anonymous."""
        self._tokens, self._authorizer, self._known, self._anonymous = tokens, authorizer, known, anonymous

    def caller(self, shown: Credentials) -> Caller:
        """Who asks, after impersonation. Raises Unauthorized, Forbidden or BadRequest."""
        caller = self._identified(shown)
        if any(name.startswith(_IMPERSONATE) for name in shown.headers):
            return self._impersonated(caller, shown.headers)
        return caller

    def _identified(self, shown: Credentials) -> Caller:
        if shown.certificate is not None:
            return certificate_caller(*shown.certificate)
        scheme, _, token = shown.authorization.partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return self._by_token(token.strip())
        if not self._anonymous:
            raise Unauthorized("Unauthorized")
        return ANONYMOUS

    def _by_token(self, token: str) -> Caller:
        if token in self._known:
            return self._known[token]
        try:
            return self._tokens.verify(token)[0]
        except (BadToken, KeyError) as error:
            raise Unauthorized("Unauthorized") from error

    # -- impersonation -------------------------------------------------------------------------------------------------

    def _impersonated(self, caller: Caller, headers: Mapping[str, str]) -> Caller:
        user, uid = headers.get("impersonate-user", ""), headers.get("impersonate-uid", "")
        groups = tuple(each.strip() for each in headers.get("impersonate-group", "").split(",") if each.strip())
        extra = tuple(sorted(
            (unquote(name.removeprefix(_EXTRA)).lower(), tuple(each.strip() for each in value.split(",")))
            for name, value in headers.items() if name.startswith(_EXTRA)
        ))  # fmt: skip
        if not user:
            if groups or uid or extra:
                raise BadRequest("requested groups, uid or extra without impersonating a user")
            return caller
        parts = user.removeprefix(_ACCOUNT).split(":")
        account = user.startswith(_ACCOUNT) and len(parts) == 2
        asked = [
            Attributes("impersonate", resource="serviceaccounts", namespace=parts[0], name=parts[1]) if account
            else Attributes("impersonate", resource="users", name=user)
        ]  # fmt: skip
        asked += [Attributes("impersonate", resource="groups", name=group) for group in groups]
        asked += [
            Attributes("impersonate", _GROUP, "userextras", key, name=value)
            for key, values in extra
            for value in values
        ]
        if uid:
            asked.append(Attributes("impersonate", _GROUP, "uids", name=uid))
        for each in asked:
            self._authorizer.require(caller, each)
        if account and not groups:
            groups = account_groups(parts[0])
        if user == ANONYMOUS.user:
            groups = groups if UNAUTHENTICATED in groups else (*groups, UNAUTHENTICATED)
        elif AUTHENTICATED not in groups and UNAUTHENTICATED not in groups:
            groups = (*groups, AUTHENTICATED)
        return replace(caller, user=user, groups=groups, uid=uid, extra=extra, outside=True)


def certificate_caller(common_name: str, organizations: tuple[str, ...], fingerprint: str) -> Caller:
    """The client certificate's common name is the user, its organizations are the groups, its fingerprint is told."""
    extra = ((CREDENTIAL_ID, (f"X509SHA256={fingerprint}",)),) if fingerprint else ()
    return Caller(common_name, groups=(*organizations, AUTHENTICATED), extra=extra, outside=True)
