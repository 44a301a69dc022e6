"""What the cloud's controllers have in common: who they are, and when the cloud may have changed.

A provider that keeps its state in the cluster's own store says where (`CloudProvider.watched`): events there are
gathered for a moment and then everything is looked at. Any other cloud has to be asked again after a period. Without
a cloud there is nothing to do, and nothing is watched or kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from engine.api.errors import ApiError
from engine.api.server import Caller
from engine.clock import SECOND
from engine.cloud.objects import ACCOUNT
from engine.cloud.provider import CloudProvider
from engine.controllers.controller import Key, Queue, Watch
from store.types import Envelope, JsonObject, Resource, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

CALLER: Final = Caller(
    f"system:serviceaccount:kube-system:{ACCOUNT}",
    groups=("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"),
)
SOON: Final[Key] = ("soon",)
"""Look at everything in a moment."""
_EVERYTHING: Final[Key] = ("everything",)
_GATHER: Final = SECOND // 10


class CloudUnavailable(ApiError):
    """The cloud does not answer well: the frame backs off."""


class CloudController:
    """Base of the four. A key is (namespace, name) of what is reconciled, or stands for everything."""

    period: ClassVar[int | None] = None
    """How often a cloud that does not tell of its changes is asked about everything; None: never."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self.api, self.clock = context.api, context.clock
        self.queue: Queue | None = None
        self._cloud: CloudProvider | None = context.cloud

    @property
    def cloud(self) -> CloudProvider:
        assert self._cloud is not None
        return self._cloud

    def watches(self) -> Sequence[Watch]:
        if self._cloud is None:
            return ()
        own = [Watch(resource, self._while_there_is_a_cloud(keys)) for resource, keys in self.watched()]
        return [*own, *(Watch(resource, _soon) for resource in self._cloud.watched)]

    def start(self, queue: Queue) -> None:
        self.queue = queue
        if self._cloud is not None and not self._cloud.watched:
            queue.add(_EVERYTHING)

    def reconcile(self, key: Key) -> int | None:
        if self._cloud is None or not self._cloud.configured():
            return None
        if key == SOON:
            assert self.queue is not None
            self.queue.add_after(_EVERYTHING, _GATHER)
            return None
        if key != _EVERYTHING:
            return self.one(key)
        again = self.everything()
        return self.period if again is None and not self._cloud.watched else again

    def _while_there_is_a_cloud(
        self, keys: Callable[[WatchEvent], Iterable[Key]]
    ) -> Callable[[WatchEvent], Iterable[Key]]:
        def gated(event: WatchEvent) -> Iterable[Key]:
            return keys(event) if self.cloud.configured() else ()

        return gated

    # -- of each ---------------------------------------------------------------------------------------------------

    def watched(self) -> Sequence[tuple[Resource, Callable[[WatchEvent], Iterable[Key]]]]:
        """What the controller watches while there is a cloud."""
        raise NotImplementedError

    def everything(self) -> int | None:
        """Look at everything; the span after which to do so again, None for the controller's period."""
        raise NotImplementedError

    def one(self, key: Key) -> int | None:
        """Reconcile one object."""
        return None


def taints_of(node: Envelope) -> Sequence[JsonObject]:
    return (node.obj.get("spec") or {}).get("taints") or ()


def has_taint(node: Envelope, taint: JsonObject) -> bool:
    return any(each["key"] == taint["key"] and each["effect"] == taint["effect"] for each in taints_of(node))


def ready_status(node: Envelope) -> str:
    """True, False or Unknown: also where nobody has said anything yet."""
    conditions = (node.obj.get("status") or {}).get("conditions") or ()
    return next((str(c["status"]) for c in conditions if c["type"] == "Ready"), "Unknown")


def _soon(event: WatchEvent) -> Iterable[Key]:
    return (SOON,)
