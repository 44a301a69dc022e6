"""Which nodes a DaemonSet's pods belong on, by the scheduler's own predicates, and how a pod is pinned to its node.

A node takes the pod when nodeSelector, required node affinity and taints allow it; a pod that is there already stays
as long as no NoExecute taint drives it away. Resources do not matter: that is the scheduler's to say. The pods
tolerate what a node's troubles bring (not ready, unreachable, pressure, cordoned), so they stay when others go.
(NodeShouldRunDaemonPod in daemon_controller.go, daemonset_util.go.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from engine.scheduler.podclass import PodClass
from engine.scheduler.selectors import term_matches
from store.types import Envelope, JsonObject

_TOLERATED: Final = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_TOLERATED_WITH_HOST_NETWORK: Final = (("node.kubernetes.io/network-unavailable", "NoSchedule"),)
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


class Verdict(NamedTuple):
    """What a node says to the pods of one DaemonSet."""

    run: bool
    """A pod should be there."""
    stay: bool
    """A pod that is there should stay."""


class Placement:
    """The demands of one template on a node."""

    def __init__(self, template_spec: JsonObject) -> None:
        self.spec: JsonObject = {**template_spec, "tolerations": tolerations(template_spec)}
        """The template's spec with the tolerations that daemon pods get."""
        self._pod = PodClass(0, self.spec)
        self._node_name: str = template_spec.get("nodeName") or ""

    def verdict(self, node: Envelope) -> Verdict:
        pod, labels = self._pod, node.labels
        if self._node_name and self._node_name != node.name:
            return Verdict(False, False)
        if any(labels.get(key) != value for key, value in pod.selector.items()):
            return Verdict(False, False)
        terms = pod.required_terms
        if terms is not None and not any(term_matches(term, labels, node.name) for term in terms):
            return Verdict(False, False)
        refusing = [
            taint["effect"] for taint in taints_of(node)
            if taint["effect"] in ("NoSchedule", "NoExecute")
            and not pod.tolerates(taint["key"], taint.get("value") or "", taint["effect"])
        ]  # fmt: skip
        return Verdict(not refusing, "NoExecute" not in refusing)

    def pinned(self, node: str) -> JsonObject:
        """The spec of the pod for a node. Everything but the affinity is shared."""
        affinity: Mapping[str, Any] = self.spec.get("affinity") or {}
        by_name = {"key": "metadata.name", "operator": "In", "values": [node]}
        required = {"nodeSelectorTerms": [{"matchFields": [by_name]}]}
        node_affinity = {**(affinity.get("nodeAffinity") or {}), _REQUIRED: required}
        return {**self.spec, "affinity": {**affinity, "nodeAffinity": node_affinity}}


def taints_of(node: Envelope) -> Sequence[JsonObject]:
    return (node.obj.get("spec") or {}).get("taints") or ()


def tolerations(spec: JsonObject) -> list[JsonObject]:
    """AddOrUpdateDaemonPodTolerations: the template's own ones, then those that it lacks."""
    own: list[JsonObject] = spec.get("tolerations") or []
    wanted = _TOLERATED + (_TOLERATED_WITH_HOST_NETWORK if spec.get("hostNetwork") else ())
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in wanted]
    # A template's toleration that says the same for a number of seconds gives way: daemon pods stay for good.
    kept = [one for one in own if not any(_same_but_for_seconds(one, new) for new in added)]
    return kept + added


def _same_but_for_seconds(one: JsonObject, other: JsonObject) -> bool:
    """Toleration.MatchToleration."""
    return all((one.get(part) or "") == (other.get(part) or "") for part in ("key", "effect", "operator", "value"))


def target_node(pod: JsonObject) -> str:
    """The node that a daemon pod is on, or is meant for; "" when it is meant for none."""
    spec = pod["spec"]
    name: str = spec.get("nodeName") or ""
    if name:
        return name
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED) or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name" and field["operator"] == "In" and len(field.get("values") or ()) == 1:
                return str(field["values"][0])
    return ""
