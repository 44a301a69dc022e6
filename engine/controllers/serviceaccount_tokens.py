"""legacy-serviceaccount-token-controller's Secrets: one of type kubernetes.io/service-account-token gets its token.

The Secret names its account in an annotation; token, CA and namespace are filled in, and it goes with its account.
Source: pkg/controller/serviceaccount/tokens_controller.go.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.kinds import SECRETS, SERVICEACCOUNTS
from engine.controllers.controller import Key, Queue, Watch, with_metadata
from store.types import DELETED, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

TYPE: Final = "kubernetes.io/service-account-token"
_NAME: Final = "kubernetes.io/service-account.name"
_UID: Final = "kubernetes.io/service-account.uid"


class TokensController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller, self._certificate = context.api, context.caller, context.root_ca

    def watches(self) -> Sequence[Watch]:
        return Watch(SECRETS, _secret), Watch(SERVICEACCOUNTS, self._account)

    def start(self, queue: Queue) -> None:
        """Nothing is kept."""

    def reconcile(self, key: Key) -> None:
        namespace, name = key
        secret = self._api.find(SECRETS, namespace, name)
        if secret is None or secret.deleting or secret.obj.get("type") != TYPE:
            return
        notes = secret.obj["metadata"].get("annotations") or {}
        account = self._api.find(SERVICEACCOUNTS, namespace, notes.get(_NAME) or "")
        if account is None or notes.get(_UID) not in (None, "", account.uid):
            self._api.delete(self._caller, SECRETS, namespace, name)
            return
        data = dict(secret.obj.get("data") or {})
        wanted = {"ca.crt": self._certificate(), "namespace": namespace}
        if not data.get("token"):
            wanted["token"] = self._api.tokens.legacy(account, name)
        data |= {key: base64.b64encode(text.encode()).decode() for key, text in wanted.items()}
        if data != secret.obj.get("data") or notes.get(_UID) != account.uid:
            changed = {**with_metadata(secret.obj, annotations={**notes, _UID: account.uid}), "data": data}
            self._api.update(self._caller, SECRETS, namespace, name, changed)

    def _account(self, event: WatchEvent) -> Iterable[Key]:
        """The Secrets of an account that came or went."""
        if event.type != DELETED and event.before is not None:
            return ()
        return [
            (env.namespace, env.name) for env in self._api.store.list(SECRETS, event.now.namespace)
            if env.obj.get("type") == TYPE
            and (env.obj["metadata"].get("annotations") or {}).get(_NAME) == event.now.name
        ]  # fmt: skip


def _secret(event: WatchEvent) -> Iterable[Key]:
    if event.type == DELETED or event.now.obj.get("type") != TYPE:
        return ()
    return ((event.now.namespace, event.now.name),)
