"""What a sync of a Job has decided, carried out in small steps: pods to make, to remove, to let go.

A step writes at most sixteen pods, so that a Job of thousands holds up nobody. Creation begins with one pod and doubles
while it succeeds (slow start): a quota or a broken template costs one refusal and not a thousand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from engine.api.errors import ApiError, NotFound
from engine.api.kinds import PODS
from engine.api.server import Api, Caller, DeleteOptions
from engine.controllers.controller import with_metadata
from engine.controllers.job.pacing import NewPod
from engine.controllers.job.pods import TRACKING
from engine.controllers.job.template import PodTemplate
from engine.events import EventRecorder
from store.types import Envelope, ObjectKey

_STEP: Final = 16


class PodWriter:
    """Writes pods as the job controller does, with its events."""

    def __init__(self, api: Api, caller: Caller, recorder: EventRecorder) -> None:
        self._api, self._caller, self._recorder = api, caller, recorder

    def create(self, job: Envelope, template: PodTemplate, new: NewPod) -> None:
        """Raises ApiError, after an event unless the namespace is going away."""
        try:
            created = self._api.create(self._caller, PODS, job.namespace, template.pod(new))
        except ApiError as error:
            if not namespace_is_terminating(error):
                self._recorder.event(job, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self._recorder.event(job, "Normal", "SuccessfulCreate", f"Created pod: {created.name}")

    def delete(self, job: Envelope, key: ObjectKey) -> None:
        """Raises ApiError, after an event. A pod that is gone is no error."""
        try:
            self._api.delete(self._caller, PODS, key.namespace, key.name, DeleteOptions())
        except NotFound:
            return
        except ApiError as error:
            self._recorder.event(job, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        self._recorder.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {key.name}")

    def let_go(self, key: ObjectKey) -> None:
        """Take the tracking finalizer off."""
        env = self._api.store.get(key)
        finalizers = (env.obj["metadata"].get("finalizers") or ()) if env is not None else ()
        if env is None or TRACKING not in finalizers:
            return
        left = [name for name in finalizers if name != TRACKING]
        try:
            changed = with_metadata(env.obj, finalizers=left or None)
            self._api.update(self._caller, PODS, key.namespace, key.name, changed)
        except NotFound:
            return


class Work:
    """One sync's decisions about one Job's pods."""

    def __init__(
        self, job: Envelope, create: Iterable[NewPod] = (), remove: Iterable[Envelope] = (),
        settle: Iterable[Envelope] = (), uncount: bool = False,
    ) -> None:  # fmt: skip
        """`uncount`: pods that are removed lose their finalizer first, so that they do not count as failed."""
        self._generation = _generation(job)
        self._create, self._uncount = deque(create), uncount
        self._remove = deque(pod.key for pod in remove)
        self._settle = deque(pod.key for pod in settle)
        self._batch = 1

    def stands(self, job: Envelope) -> bool:
        """The Job still wants what it wanted when this was decided."""
        return self._generation == _generation(job)

    def step(self, job: Envelope, template: PodTemplate, writer: PodWriter) -> bool:
        """Do a part. True when more is to follow. Raises ApiError."""
        for _ in range(min(self._batch, len(self._create))):
            writer.create(job, template, self._create.popleft())
        self._batch = min(self._batch * 2, _STEP)
        for _ in range(min(_STEP, len(self._remove))):
            key = self._remove.popleft()
            if self._uncount:
                writer.let_go(key)
            writer.delete(job, key)
        for _ in range(min(_STEP, len(self._settle))):
            writer.let_go(self._settle.popleft())
        return bool(self._create or self._remove or self._settle)


def namespace_is_terminating(error: ApiError) -> bool:
    """Creating is in vain, and nobody is to be told."""
    return any(cause.reason == "NamespaceTerminating" for cause in error.causes)


def _generation(job: Envelope) -> tuple[object, ...]:
    meta = job.obj["metadata"]
    return job.uid, meta.get("generation"), "deletionTimestamp" in meta
