"""The images on one node: what is there, and pulls, one after another (`--serialize-image-pulls`).

`ensure` follows pkg/kubelet/images: the policy decides whether a registry is asked, each step is an event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from engine.clock import Clock
from engine.kubelet.amounts import go_duration
from engine.kubelet.references import Reference
from engine.kubelet.runtime import Cancel, Pulled, PullFailed, Runtime

Say = Callable[[str, str, str], None]
"""(type, reason, message) of an event."""
_STATUS_LIMIT: Final = 50
"""`nodeStatusMaxImages`."""


class ImageError(NamedTuple):
    """Why a container cannot be created."""

    reason: str
    message: str


class PullRequest:
    """One container waiting for its image."""

    __slots__ = ("asked_at", "begun_at", "credentials", "done", "image", "node", "pull", "reference", "say")

    def __init__(
        self, node: NodeImages, image: str, reference: Reference, credentials: bool, say: Say,
        done: Callable[[Pulled | ImageError], None], asked_at: int,
    ) -> None:  # fmt: skip
        self.node, self.image, self.reference, self.credentials = node, image, reference, credentials
        self.say, self.done, self.asked_at = say, done, asked_at
        self.begun_at = 0
        self.pull: Cancel | None = None

    def cancel(self) -> None:
        self.node.cancel(self)


class NodeImages:
    """The image store and the puller of one node."""

    def __init__(self, runtime: Runtime, clock: Clock, platform: str, changed: Callable[[], None]) -> None:
        """`changed` is called when an image came."""
        self._runtime, self._clock, self.platform, self._changed = runtime, clock, platform, changed
        self._present: dict[Reference, Pulled] = {}
        self._queue: deque[PullRequest] = deque()

    def add(self, reference: Reference) -> None:
        """The image is there already."""
        if reference not in self._present:
            self._present[reference] = self._runtime.local(reference)

    def ensure(
        self, image: str, reference: Reference, policy: str, credentials: bool, say: Say,
        done: Callable[[Pulled | ImageError], None],
    ) -> PullRequest | None:  # fmt: skip
        """Make an image present. `done` is called at once, or later for the returned request."""
        present = self._present.get(reference)
        if policy == "Never" and present is None:
            message = f'Container image "{image}" is not present with pull policy of Never'
            say("Warning", "ErrImageNeverPull", message)
            done(ImageError("ErrImageNeverPull", message))
            return None
        if present is not None and policy != "Always":
            say(
                "Normal",
                "Pulled",
                f'Container image "{image}" already present on machine and can be accessed by the pod',
            )
            done(present)
            return None
        say("Normal", "Pulling", f'Pulling image "{image}"')
        request = PullRequest(self, image, reference, credentials, say, done, self._clock.now())
        self._queue.append(request)
        if len(self._queue) == 1:
            self._begin(request)
        return request

    def cancel(self, request: PullRequest) -> None:
        """Nobody waits for it any more."""
        if request not in self._queue:
            return
        first = self._queue[0] is request
        self._queue.remove(request)
        if first:
            if request.pull is not None:
                request.pull.cancel()
            self._next()

    def status(self) -> list[dict[str, object]]:
        """`status.images`: the largest first."""
        largest = sorted(self._present.items(), key=lambda item: (-item[1].size, str(item[0])))[:_STATUS_LIMIT]
        return [{"names": [pulled.image_id, str(ref)], "sizeBytes": pulled.size} for ref, pulled in largest]

    def _begin(self, request: PullRequest) -> None:
        request.begun_at = self._clock.now()
        present = request.reference in self._present
        request.pull = self._runtime.pull(
            self.platform, request.reference, request.credentials, present, lambda outcome: self._end(request, outcome)
        )

    def _next(self) -> None:
        if self._queue:
            self._begin(self._queue[0])

    def _end(self, request: PullRequest, outcome: Pulled | PullFailed) -> None:
        self._queue.popleft()
        now = self._clock.now()
        if isinstance(outcome, PullFailed):
            request.say("Warning", "Failed", f'Failed to pull image "{request.image}": {outcome.message}')
            request.done(ImageError("ErrImagePull", outcome.message))
        else:
            if request.reference not in self._present:
                self._present[request.reference] = outcome
                self._changed()
            took, waited = ((now - since) // 1000 * 1000 for since in (request.begun_at, request.asked_at))
            request.say(
                "Normal", "Pulled",
                f'Successfully pulled image "{request.image}" in {go_duration(took)} ({go_duration(waited)} including '
                f"waiting). Image size: {outcome.size} bytes.",
            )  # fmt: skip
            request.done(outcome)
        self._next()
