"""The images on one node: what is there, and pulls, one after another or several at once.

`ensure` follows pkg/kubelet/images: the policy decides whether a registry is asked, each step is an event. An image
that was pulled with a pod's secret is there only for pods that have this secret too (KubeletEnsureSecretPulledImages):
for others the registry is asked again. What was there before the kubelet, everybody may use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from engine.clock import Clock
from engine.kubelet.amounts import go_duration
from engine.kubelet.config import KubeletConfig
from engine.kubelet.credentials import NODE, Access
from engine.kubelet.pulling import Puller
from engine.kubelet.references import Reference
from engine.kubelet.runtime import Cancel, Pulled, PullFailed, Runtime

Say = Callable[[str, str, str], None]
"""(type, reason, message) of an event."""
_NOT_ENSURED: Final = (
    'Container image "{}" is present with pull policy of Never but does not have the proper auth (image secret) '
    "that was used to pull the image"
)
_ANYBODY: Final[frozenset[str]] = frozenset()


class ImageError(NamedTuple):
    """Why a container cannot be created."""

    reason: str
    message: str


class PullRequest:
    """One container waiting for its image."""

    __slots__ = ("access", "asked_at", "begun_at", "done", "image", "node", "pull", "reference", "say")

    def __init__(
        self, node: NodeImages, image: str, reference: Reference, access: Access, say: Say,
        done: Callable[[Pulled | ImageError], None], asked_at: int,
    ) -> None:  # fmt: skip
        self.node, self.image, self.reference, self.access = node, image, reference, access
        self.say, self.done, self.asked_at = say, done, asked_at
        self.begun_at = 0
        self.pull: Cancel | None = None

    def cancel(self) -> None:
        self.node.cancel(self)


class NodeImages:
    """The image store and the puller of one node."""

    def __init__(
        self, runtime: Runtime, clock: Clock, puller: Puller, config: KubeletConfig, changed: Callable[[], None]
    ) -> None:
        """`changed` is called when an image came or went."""
        self._runtime, self._clock, self._puller, self._changed = runtime, clock, puller, changed
        self._config = config
        self._present: dict[Reference, Pulled] = {}
        self._secrets: dict[Reference, frozenset[str]] = {}
        """Image → the secrets with which it was pulled; not in here: everybody may use it."""
        self.size = 0
        """Bytes of all images."""
        self.came: dict[Reference, int] = {}
        """Image → the instant at which it came to the node."""
        self.used: dict[Reference, int] = {}
        """Image → the instant at which a container last asked for it."""
        self._queue: deque[PullRequest] = deque()

    @property
    def present(self) -> Mapping[Reference, Pulled]:
        return self._present

    def add(self, reference: Reference) -> None:
        """The image is there already."""
        if reference not in self._present:
            self._hold(reference, self._runtime.local(reference))

    def remove(self, reference: Reference) -> None:
        """Nobody needs it: it is deleted."""
        self.size -= self._present.pop(reference).size
        for known in (self._secrets, self.used, self.came):
            known.pop(reference, None)
        self._changed()

    def _hold(self, reference: Reference, image: Pulled) -> None:
        self._present[reference] = image
        self.size += image.size
        self.came[reference] = self.used[reference] = self._clock.now()

    def ensure(
        self, image: str, reference: Reference, policy: str, access: Access, say: Say,
        done: Callable[[Pulled | ImageError], None],
    ) -> PullRequest | None:  # fmt: skip
        """Make an image present. `done` is called at once, or later for the returned request."""
        present = self._present.get(reference)
        if present is not None:
            self.used[reference] = self._clock.now()
        usable = present is not None and self._may_use(reference, access)
        if policy == "Never" and not usable:
            message = f'Container image "{image}" is not present with pull policy of Never'
            if present is not None:
                message = _NOT_ENSURED.format(image)
            say("Warning", "ErrImageNeverPull", message)
            done(ImageError("ErrImageNeverPull", message))
            return None
        if present is not None and usable and policy != "Always":
            say(
                "Normal",
                "Pulled",
                f'Container image "{image}" already present on machine and can be accessed by the pod',
            )
            done(present)
            return None
        say("Normal", "Pulling", f'Pulling image "{image}"')
        request = PullRequest(self, image, reference, access, say, done, self._clock.now())
        self._queue.append(request)
        self._next()
        return request

    def _may_use(self, reference: Reference, access: Access) -> bool:
        secrets = self._secrets.get(reference, _ANYBODY)
        return not secrets or any(key in secrets for key in access.keys)

    def cancel(self, request: PullRequest) -> None:
        """Nobody waits for it any more."""
        if request not in self._queue:
            return
        self._queue.remove(request)
        if request.pull is not None:
            request.pull.cancel()
        self._next()

    def ask_again(self, meant: Callable[[Reference], bool]) -> None:
        """The registry answers otherwise from now on: pulls of these images that are under way begin anew."""
        for request in self._queue:
            if request.pull is not None and meant(request.reference):
                request.pull.cancel()
                self._begin(request)

    def status(self) -> list[dict[str, object]]:
        """`status.images`: the largest first."""
        largest = sorted(self._present.items(), key=lambda item: (-item[1].size, str(item[0])))
        if self._config.status_max_images >= 0:
            largest = largest[: self._config.status_max_images]
        return [{"names": [pulled.image_id, str(ref)], "sizeBytes": pulled.size} for ref, pulled in largest]

    def _begin(self, request: PullRequest) -> None:
        request.begun_at = self._clock.now()
        present = request.reference in self._present
        request.pull = self._runtime.pull(
            self._puller,
            request.reference,
            request.access.granted,
            present,
            lambda outcome: self._end(request, outcome),
        )

    def _next(self) -> None:
        """Begin what may begin: the first, or as many as are pulled at once."""
        at_once = self._config.parallel_pulls
        for position, request in enumerate(self._queue):
            if at_once and position >= at_once:
                return
            if request.pull is None:
                self._begin(request)

    def _end(self, request: PullRequest, outcome: Pulled | PullFailed) -> None:
        self._queue.remove(request)
        now = self._clock.now()
        if isinstance(outcome, PullFailed):
            request.say("Warning", "Failed", f'Failed to pull image "{request.image}": {outcome.message}')
            request.done(ImageError("ErrImagePull", outcome.message))
        else:
            self._came(request, outcome)
            took, waited = ((now - since) // 1000 * 1000 for since in (request.begun_at, request.asked_at))
            request.say(
                "Normal", "Pulled",
                f'Successfully pulled image "{request.image}" in {go_duration(took)} ({go_duration(waited)} including '
                f"waiting). Image size: {outcome.size} bytes.",
            )  # fmt: skip
            request.done(outcome)
        self._next()

    def _came(self, request: PullRequest, outcome: Pulled) -> None:
        reference, keys = request.reference, request.access.keys
        fresh = reference not in self._present
        if not keys or NODE in keys:
            self._secrets.pop(reference, None)
        elif fresh or reference in self._secrets:
            self._secrets[reference] = self._secrets.get(reference, _ANYBODY) | set(keys)
        if fresh:
            self._hold(reference, outcome)
            self._changed()
