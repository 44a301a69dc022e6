"""How many pods a PodDisruptionBudget counts on, and how many of them must stay healthy.

A whole number in minAvailable counts the pods that are there. Everything else is measured by what the pods' controllers
are to have: the sum of spec.replicas over the controllers of all pods (a ReplicaSet of a Deployment stands for that
Deployment), whatever is there at the moment. Percentages are rounded up. Source: getExpectedPodCount of
pkg/controller/disruption/disruption.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from engine.api.kinds import DEPLOYMENTS
from engine.api.server import Api
from store.types import Envelope, JsonObject, Resource

_SCALED: Final = {
    ("", "ReplicationController"): Resource("", "replicationcontrollers"),
    ("apps", "ReplicaSet"): Resource("apps", "replicasets"),
    ("apps", "StatefulSet"): Resource("apps", "statefulsets"),
}
"""Controllers that are read directly; others by their scale subresource."""


class CannotCount(Exception):
    """The budget cannot be computed. The text is Kubernetes' own."""


class Expected(NamedTuple):
    pods: int
    healthy: int
    unmanaged: Sequence[str]
    """Names of pods without a controller, where controllers are counted."""


def expected_pods(api: Api, spec: JsonObject, pods: Sequence[Envelope]) -> Expected:
    """Pods that are to be there, and how many must be healthy. Raises CannotCount."""
    most, least = spec.get("maxUnavailable"), spec.get("minAvailable")
    if most is not None:
        scale, unmanaged = _scale(api, pods)
        return Expected(scale, max(scale - _share(most, scale), 0), unmanaged)
    if isinstance(least, str):
        scale, unmanaged = _scale(api, pods)
        return Expected(scale, _share(least, scale), unmanaged)
    if least is not None:
        return Expected(len(pods), least, ())
    return Expected(0, 0, ())


def _share(amount: int | str, whole: int) -> int:
    """GetScaledValueFromIntOrPercent, rounded up."""
    if isinstance(amount, int):
        return amount
    if not amount.endswith("%") or not amount[:-1].isdecimal():
        raise CannotCount("invalid value for IntOrString: invalid type: string is not a percentage")
    return -(-whole * int(amount[:-1]) // 100)


def _scale(api: Api, pods: Sequence[Envelope]) -> tuple[int, Sequence[str]]:
    scales: dict[str, int] = {}
    """uid of the controller that pods name → its replicas; several ReplicaSets of one Deployment count once."""
    known: set[str] = set()
    unmanaged = []
    for pod in pods:
        if pod.owner is None:
            unmanaged.append(pod.name)
        elif pod.owner not in known:
            known.add(pod.owner)
            uid, replicas = _controller_scale(api, pod)
            scales[uid] = replicas
    return sum(scales.values()), unmanaged


def _controller_scale(api: Api, pod: Envelope) -> tuple[str, int]:
    """(uid, replicas) of the pod's controller. Raises CannotCount when there is none with a scale."""
    ref: dict[str, Any] = next(r for r in pod.obj["metadata"]["ownerReferences"] if r.get("controller"))
    group = ref["apiVersion"].rpartition("/")[0]
    resource = _SCALED.get((group, ref["kind"]))
    if resource is not None:
        env = api.find(resource, pod.namespace, ref["name"])
        if env is not None and env.uid == ref["uid"]:
            owner = next((r for r in env.obj["metadata"].get("ownerReferences", ()) if r.get("controller")), None)
            if owner is None or owner["kind"] != "Deployment":
                return env.uid, env.obj["spec"].get("replicas", 1)
            deployment = api.find(DEPLOYMENTS, pod.namespace, owner["name"])
            if deployment is not None and deployment.uid == owner["uid"]:
                return deployment.uid, deployment.obj["spec"].get("replicas", 1)
    kind = api.kinds.by_kind(ref["apiVersion"], ref["kind"])
    if kind is None:
        raise CannotCount(f'no matches for kind "{ref["kind"]}" in version "{ref["apiVersion"]}"')
    if "scale" not in kind.subresources:
        raise CannotCount(f"{kind.resource} does not implement the scale subresource")
    env = api.find(kind.stored_as, pod.namespace, ref["name"])
    if resource is not None or env is None or env.uid != ref["uid"]:
        raise CannotCount(f'found no controllers for pod "{pod.name}"')
    return env.uid, api.get_scale(kind.resource, pod.namespace, ref["name"])["spec"]["replicas"]
