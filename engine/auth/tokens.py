"""Service accounts' tokens: JSON Web Tokens with the claims of Kubernetes v1.36, signed with ES256.

`issue` makes what TokenRequest and the kubelet's projected volumes hand out; `verify` finds the user behind a token and
holds it against the present: the account, and the pod, secret or node that it is bound to, must still be the same
objects. A token's id follows from its claims, so that issuing one takes nothing from the seed. Sources:
pkg/serviceaccount (claims.go, jwt.go, legacy.go, openidmetadata.go).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from engine.api.kinds import NODES, PODS, SECRETS, SERVICEACCOUNTS
from engine.api.requests import Caller
from engine.auth.certificates import Keys, private_key
from engine.clock import SECOND, Clock
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey, Resource

CREDENTIAL_ID: Final = "authentication.kubernetes.io/credential-id"
"""The part of a user that tells which of their credentials was shown."""
ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
"""--service-account-issuer, and the audience of tokens that name none (--api-audiences)."""
LEGACY_ISSUER: Final = "kubernetes/serviceaccount"
WARN_AFTER: Final = 3607
"""Seconds of life by which the API server knows an old client's token, and extends it to a year (`warnafter`)."""
_YEAR: Final = 365 * 24 * 3600
_BOUND: Final[Mapping[str, Resource]] = {"pod": PODS, "secret": SECRETS, "node": NODES}
_PREFIX: Final = "system:serviceaccount:"


class BadToken(Exception):
    """Not to be trusted; the text is what TokenReview tells."""


class Tokens:
    """Issues and verifies. Engine thread only."""

    def __init__(self, store: Store, clock: Clock, keys: Keys) -> None:
        self._store, self._clock, self.keys = store, clock, keys

    def issue(
        self, account: Envelope, audiences: Sequence[str], seconds: int, bound: Envelope | None = None,
        node: Envelope | None = None, issued: int | None = None,
    ) -> str:  # fmt: skip
        """A token for a ServiceAccount. `bound`: the Pod, Secret or Node that it dies with; `node`: where the pod is.

        `issued`: microseconds since the epoch; None: now.
        """
        now = (self._clock.now() if issued is None else issued) // SECOND
        private: JsonObject = {"namespace": account.namespace}
        if node is not None:
            private["node"] = {"name": node.name, "uid": node.uid}
        if bound is not None:
            private[bound.key.plural.removesuffix("s")] = {"name": bound.name, "uid": bound.uid}
        private["serviceaccount"] = {"name": account.name, "uid": account.uid}
        if seconds == WARN_AFTER and bound is not None and bound.key.plural == "pods":
            private["warnafter"] = now + WARN_AFTER
            seconds = _YEAR
        claims: JsonObject = {
            "aud": list(audiences) or [ISSUER], "exp": now + seconds, "iat": now, "iss": ISSUER, "jti": "",
            "kubernetes.io": private, "nbf": now, "sub": f"{_PREFIX}{account.namespace}:{account.name}",
        }  # fmt: skip
        claims["jti"] = _id_of(claims)
        return self._signed(claims)

    def legacy(self, account: Envelope, secret: str) -> str:
        """The token of a Secret of type kubernetes.io/service-account-token: without end."""
        prefix = "kubernetes.io/serviceaccount"
        return self._signed({
            "iss": LEGACY_ISSUER, f"{prefix}/namespace": account.namespace, f"{prefix}/secret.name": secret,
            f"{prefix}/service-account.name": account.name, f"{prefix}/service-account.uid": account.uid,
            "sub": f"{_PREFIX}{account.namespace}:{account.name}",
        })  # fmt: skip

    def of_pod(self, pod: JsonObject, audience: str, seconds: int, issued: int) -> str:
        """What a projected volume of a pod holds; "" while there is no such account."""
        spec, meta = pod["spec"], pod["metadata"]
        account = self._find(SERVICEACCOUNTS, meta["namespace"], spec.get("serviceAccountName") or "default")
        if account is None:
            return ""
        bound = self._find(PODS, meta["namespace"], meta["name"])
        node = self._find(NODES, "", spec.get("nodeName") or "")
        return self.issue(account, [audience] if audience else [], seconds, bound, node, issued)

    def verify(self, token: str, audiences: Sequence[str] = ()) -> tuple[Caller, list[str]]:
        """(who carries it, audiences in common). BadToken when it is not ours, ended, or its objects are gone."""
        claims = self._claims(token)
        if claims.get("iss") == LEGACY_ISSUER:
            return self._legacy_caller(token, claims), list(audiences)
        if claims.get("iss") != ISSUER:
            raise BadToken("invalid bearer token")
        now = self._clock.now() // SECOND
        if claims["exp"] <= now:
            raise BadToken("[invalid bearer token, service account token has expired]")
        if claims["nbf"] > now + 1:
            raise BadToken("[invalid bearer token, service account token is not valid yet]")
        common = [each for each in audiences or (ISSUER,) if each in claims["aud"]]
        if not common:
            wanted, has = " ".join(audiences or (ISSUER,)), " ".join(claims["aud"])
            raise BadToken(f'[invalid bearer token, token audiences ["{has}"] is invalid for the target audiences '
                           f'["{wanted}"]]')  # fmt: skip
        private = claims["kubernetes.io"]
        account = self._account(private["namespace"], private["serviceaccount"]["name"],
                                private["serviceaccount"]["uid"])  # fmt: skip
        extra: list[tuple[str, tuple[str, ...]]] = []
        for word, resource in _BOUND.items():
            if word in private and not (word == "node" and "pod" in private):
                where = "" if resource == NODES else account.namespace
                found = self._find(resource, where, private[word]["name"])
                if found is None or found.uid != private[word]["uid"]:
                    raise BadToken("[invalid bearer token, service account token has been invalidated]")
            if word in private and word != "secret":
                prefix = f"authentication.kubernetes.io/{word}"
                extra += [(f"{prefix}-name", (private[word]["name"],)), (f"{prefix}-uid", (private[word]["uid"],))]
        extra.append((CREDENTIAL_ID, (f"JTI={claims['jti']}",)))
        return account_caller(account, tuple(sorted(extra))), common

    def discovery(self, address: str) -> JsonObject:
        """/.well-known/openid-configuration. `address`: https://host:port by which the keys are found."""
        return {
            "issuer": ISSUER, "jwks_uri": f"{address}/openid/v1/jwks", "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
        }  # fmt: skip

    def key_set(self) -> JsonObject:
        """/openid/v1/jwks."""
        numbers = private_key(self.keys.token_key).public_key().public_numbers()
        x, y = (_text(number.to_bytes(32)) for number in (numbers.x, numbers.y))
        return {"keys": [{"use": "sig", "kty": "EC", "kid": self._key_id(), "crv": "P-256", "alg": "ES256",
                          "x": x, "y": y}]}  # fmt: skip

    # -- inside --------------------------------------------------------------------------------------------------------

    def _find(self, resource: Resource, namespace: str, name: str) -> Envelope | None:
        return self._store.get(ObjectKey(resource.group, resource.plural, namespace, name))

    def _account(self, namespace: str, name: str, uid: str) -> Envelope:
        account = self._find(SERVICEACCOUNTS, namespace, name)
        if account is None or account.uid != uid:
            raise BadToken("[invalid bearer token, service account token has been invalidated]")
        return account

    def _legacy_caller(self, token: str, claims: JsonObject) -> Caller:
        prefix = "kubernetes.io/serviceaccount"
        namespace = claims[f"{prefix}/namespace"]
        secret = self._find(SECRETS, namespace, claims[f"{prefix}/secret.name"])
        kept = "" if secret is None or secret.deleting else (secret.obj.get("data") or {}).get("token") or ""
        if base64.b64decode(kept) != token.encode():
            raise BadToken("[invalid bearer token, service account token has been invalidated]")
        return account_caller(
            self._account(namespace, claims[f"{prefix}/service-account.name"], claims[f"{prefix}/service-account.uid"])
        )

    def _key_id(self) -> str:
        from cryptography.hazmat.primitives import serialization

        public = private_key(self.keys.token_key).public_key()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return _text(hashlib.sha256(public.public_bytes(serialization.Encoding.DER, form)).digest())

    def _signed(self, claims: JsonObject) -> str:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        head = _text(orjson.dumps({"alg": "ES256", "kid": self._key_id()}))
        signed = f"{head}.{_text(orjson.dumps(claims))}"
        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        r, s = utils.decode_dss_signature(private_key(self.keys.token_key).sign(signed.encode(), algorithm))
        return f"{signed}.{_text(r.to_bytes(32) + s.to_bytes(32))}"

    def _claims(self, token: str) -> JsonObject:
        """The claims of a token that our key signed. BadToken."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        try:
            head, body, signature = token.split(".")
            raw = _bytes(signature)
            if orjson.loads(_bytes(head)).get("alg") != "ES256" or len(raw) != 64:
                raise ValueError("another algorithm")
            pair = utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
            public = private_key(self.keys.token_key).public_key()
            public.verify(pair, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
            claims: JsonObject = orjson.loads(_bytes(body))
        except (ValueError, AttributeError, InvalidSignature) as error:
            raise BadToken("invalid bearer token") from error
        return claims


def account_caller(account: Envelope, extra: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Caller:
    """A ServiceAccount as a user of the API."""
    return Caller(
        f"{_PREFIX}{account.namespace}:{account.name}", groups=account_groups(account.namespace),
        uid=account.uid, extra=extra, outside=True,
    )  # fmt: skip


def account_groups(namespace: str) -> tuple[str, ...]:
    return "system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"


def _id_of(claims: JsonObject) -> str:
    digits = hashlib.sha256(orjson.dumps(claims)).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
