"""What `kubectl logs` gets: a container's lines, computed when somebody asks, or the kubelet's refusal.

Refusals: pkg/registry/core/pod/strategy.go (LogLocation) and pkg/kubelet/kubelet_pods.go (validateContainerLogStatus).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.api.errors import BadRequest
from engine.api.kinds import PODS
from engine.api.server import Api
from engine.clock import parse_time
from engine.kubelet.facts import ContainerFacts, facts_of
from engine.kubelet.runtime import ContainerSpec, Runtime
from store.types import Envelope

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def read(
    api: Api, runtime: Runtime, namespace: str, pod: str, container: str, previous: bool, tail: int | None
) -> Sequence[tuple[int, str]]:
    """(instant, line), oldest first; the last `tail` lines, None: all. Raises NotFound or BadRequest."""
    env = api.get(PODS, namespace, pod)
    facts = _container(env, container)
    status = env.obj.get("status") or {}
    found = next(
        (
            s
            for s in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
            if s["name"] == facts.name
        ),
        None,
    )
    if not env.obj["spec"].get("nodeName"):
        return []
    if found is None:
        raise BadRequest(f'container "{facts.name}" in pod "{pod}" is not available')
    run = _run(found, facts.name, pod, previous)
    begun = run["startedAt"]
    until = parse_time(run["finishedAt"]) if "finishedAt" in run else api.clock.now()
    restarts = max(0, found.get("restartCount", 0) - previous)
    spec = ContainerSpec(env, facts, restarts, run.get("containerID", ""), status.get("podIP", ""))
    return runtime.logs(spec, parse_time(begun), until, tail)


def _container(env: Envelope, name: str) -> ContainerFacts:
    facts = facts_of(env.obj["spec"])
    if not name:
        name = (env.obj["metadata"].get("annotations") or {}).get(_DEFAULT_CONTAINER, "")
    if not name:
        if len(facts.apps) == 1 and not facts.inits:
            return facts.apps[0]
        names = " ".join(c.name for c in facts.apps)
        inits = f" or one of the init containers: [{' '.join(c.name for c in facts.inits)}]" if facts.inits else ""
        raise BadRequest(
            f"a container name must be specified for pod {env.name}, choose one of: [{names}]{inits}", name=env.name
        )
    for c in facts.containers:
        if c.name == name:
            return c
    raise BadRequest(f"container {name} is not valid for pod {env.name}", name=env.name)


def _run(status: dict[str, Any], name: str, pod: str, previous: bool) -> dict[str, Any]:
    """The ContainerStateRunning or ContainerStateTerminated whose log is asked for."""
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
    if previous:
        if last is None:
            raise BadRequest(f'previous terminated container "{name}" in pod "{pod}" not found')
        return dict(last)
    for kind in ("running", "terminated"):
        if kind in state:
            return dict(state[kind])
    if last is not None:
        return dict(last)
    reason = (state.get("waiting") or {}).get("reason", "")
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        raise BadRequest(f'container "{name}" in pod "{pod}" is waiting to start: trying and failing to pull image')
    if reason == "InvalidImageName":
        raise BadRequest(f'container "{name}" in pod "{pod}" is waiting to start: {reason}')
    raise BadRequest(f'container "{name}" in pod "{pod}" is waiting to start: {reason or "ContainerCreating"}')
