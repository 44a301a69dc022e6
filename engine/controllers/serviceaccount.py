"""Every namespace has a ServiceAccount `default` (kube-controller-manager's serviceaccount-controller)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.errors import AlreadyExists, ApiError
from engine.api.kinds import NAMESPACES, SERVICEACCOUNTS
from engine.controllers.controller import Key, Queue, Watch, being_deleted
from store.types import DELETED, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

NAME: Final = "default"


class ServiceAccountController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller

    def watches(self) -> Sequence[Watch]:
        return Watch(NAMESPACES, _namespace), Watch(SERVICEACCOUNTS, _deleted_account)

    def start(self, queue: Queue) -> None:
        """Nothing is kept."""

    def reconcile(self, key: Key) -> None:
        (namespace,) = key
        owner = self._api.find(NAMESPACES, "", namespace)
        if owner is None or being_deleted(owner.obj) or self._api.find(SERVICEACCOUNTS, namespace, NAME) is not None:
            return
        try:
            self._api.create(self._caller, SERVICEACCOUNTS, namespace, {"metadata": {"name": NAME}})
        except AlreadyExists:
            return
        except ApiError as error:
            if not any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                raise


def _namespace(event: WatchEvent) -> Iterable[Key]:
    return () if event.type == DELETED else ((event.now.name,),)


def _deleted_account(event: WatchEvent) -> Iterable[Key]:
    return ((event.now.namespace,),) if event.type == DELETED and event.now.name == NAME else ()
