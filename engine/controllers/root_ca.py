"""Every namespace gets a ConfigMap `kube-root-ca.crt` with the certificate that its pods trust the API by.

kube-controller-manager's root-ca-certificate-publisher-controller. The certificate is that of
the cluster's authority; a changed or deleted ConfigMap is put right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.errors import AlreadyExists, ApiError
from engine.api.kinds import CONFIGMAPS, NAMESPACES
from engine.controllers.controller import Key, Queue, Watch, being_deleted, with_metadata
from store.types import DELETED, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

NAME: Final = "kube-root-ca.crt"
_ANNOTATIONS: Final = {
    "kubernetes.io/description": (
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as "
        "the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
        "Kubernetes clusters."
    )
}


class RootCaPublisher:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller, self._certificate = context.api, context.caller, context.root_ca

    def watches(self) -> Sequence[Watch]:
        return Watch(NAMESPACES, _namespace), Watch(CONFIGMAPS, _config_map)

    def start(self, queue: Queue) -> None:
        """When the cluster signs with other keys, every namespace is told."""

        def tell() -> None:
            for env in self._api.store.list(NAMESPACES):
                queue.add((env.name,))

        self._api.on_keys(tell)

    def reconcile(self, key: Key) -> None:
        (namespace,) = key
        owner = self._api.find(NAMESPACES, "", namespace)
        if owner is None or being_deleted(owner.obj):
            return
        data = {"ca.crt": self._certificate()}
        env = self._api.find(CONFIGMAPS, namespace, NAME)
        if env is None:
            obj = {"metadata": {"name": NAME, "annotations": _ANNOTATIONS}, "data": data}
            try:
                self._api.create(self._caller, CONFIGMAPS, namespace, obj)
            except AlreadyExists:
                return
            except ApiError as error:
                if not any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                    raise
            return
        present = env.obj["metadata"].get("annotations") or {}
        if env.obj.get("data") != data or not _ANNOTATIONS.items() <= present.items():
            changed = {**with_metadata(env.obj, annotations={**present, **_ANNOTATIONS}), "data": data}
            self._api.update(self._caller, CONFIGMAPS, namespace, NAME, changed)


def _namespace(event: WatchEvent) -> Iterable[Key]:
    return () if event.type == DELETED or event.before is not None else ((event.now.name,),)


def _config_map(event: WatchEvent) -> Iterable[Key]:
    return ((event.now.namespace,),) if event.now.name == NAME and event.before is not None else ()
