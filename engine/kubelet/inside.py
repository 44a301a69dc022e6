"""What a running container sees, for whoever looks into it: exec, the console, tests.

Nothing of it exists before it is asked for; starting a pod costs nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.api.errors import BadRequest
from engine.api.kinds import PODS
from engine.api.server import Api
from engine.clock import SECOND, parse_time
from engine.kubelet.environment import container_named, environment_of
from engine.kubelet.files import FileTree, Tokens, files_of
from engine.kubelet.moments import Moments
from store.types import Envelope

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker

_STATUSES: Final = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


class Inside:
    """Looks into the containers of a cluster."""

    def __init__(self, api: Api, worker: Callable[[Envelope], PodWorker | None]) -> None:
        """`worker` finds the kubelet's worker of a pod."""
        self._api, self._worker = api, worker
        self.tokens: Tokens = api.tokens.of_pod
        """Who issues the tokens of service accounts."""

    def environment(self, namespace: str, pod: str, container: str) -> Mapping[str, str]:
        """Environment variables. Raises NotFound, or BadRequest for a container that the pod does not have."""
        env, spec, started = self._container(namespace, pod, container)
        return environment_of(Moments(self._api.store), env.obj, spec, started)

    def files(self, namespace: str, pod: str, container: str) -> FileTree:
        """The files besides the image's own. Raises as `environment` does."""
        env, spec, started = self._container(namespace, pod, container)
        return files_of(Moments(self._api.store), env.obj, spec, started, self._api.clock.now(), self.tokens)

    def _container(self, namespace: str, pod: str, name: str) -> tuple[Envelope, Mapping[str, Any], int]:
        """(pod, the container's spec, the instant at which it began; now, when it did not yet)."""
        env = self._api.get(PODS, namespace, pod)
        spec = container_named(env.obj, name)
        if spec is None:
            raise BadRequest(f"container {name} is not valid for pod {pod}", name=pod)
        worker = self._worker(env)
        for c in worker.containers if worker is not None else ():
            if c.facts.name == name and c.started_at:
                return env, spec, c.started_at
        status = env.obj.get("status") or {}
        for each in (each for field in _STATUSES for each in status.get(field) or ()):
            state = (each.get("state") or {}).get("running") or (each.get("state") or {}).get("terminated")
            if each["name"] == name and state:
                # The status tells whole seconds: what happened within this one counts.
                return env, spec, parse_time(state["startedAt"]) + SECOND - 1
        return env, spec, self._api.clock.now()
