"""The scheduling framework: extension points as Kubernetes has them, over all nodes at once.

Order of a cycle: PreEnqueue (may the pod be tried at all) → PreFilter (which nodes can come into question) → Filter →
PostFilter when no node is left → PreScore (does this plugin have a say) → Score → Normalize → Reserve → Bind.

A filter answers with one number per node: 0 takes the pod, any other is the plugin's own code for why not, which
`reasons` turns into Kubernetes' words. A plugin is *dynamic* when its answer depends on the pods that are on a node;
it is then asked again for the nodes that changed: many at once, or a single one by the same rule in plain Python
(`refusal`, `score_one`), which is quicker for one. Both ways must agree. Scores are integers from 0 to 100; a plugin
that counts things says how they are normalised (over the nodes that fit; it must not be dynamic then).

A plugin is *related* when its answer for one node depends on what is on others, too. It says by its `signature`
whether anything that matters to a pod has changed, and is then asked again for all nodes; its scores are final
(`rank`).

Preemption asks what a node would say without some of its pods: a plugin that cares about pods gives a `Trial`.

A plugin is one file and one line in plugins/__init__.py. It keeps no state of its own between pods.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import ClassVar, Final, Literal, NamedTuple, Protocol

import numpy as np

from engine.scheduler.affinity_terms import NOBODY, PodIdentity
from engine.scheduler.config import ProfileConfig
from engine.scheduler.nodes import Ints, Mask, NodeChange, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from store.types import Envelope, Uid

MAX_SCORE: Final = 100
Nominees = tuple[tuple[int, PodClass, PodIdentity], ...]


class Freed(NamedTuple):
    """A pod left its node (it was deleted, or it ended)."""

    row: int
    pod: PodClass
    who: PodIdentity = NOBODY


class Arrived(NamedTuple):
    """A pod came to a node, or has other labels there."""

    row: int
    pod: PodClass
    who: PodIdentity = NOBODY


ClusterEvent = NodeChange | Freed | Arrived
"""What may make room for a pod that found none."""


class Trial(Protocol):
    """What one plugin would say of a pod on one node if other pods came or went. Nothing is changed by it.

    Kubernetes calls this PreFilterExtensions (AddPod, RemovePod)."""

    def on(self, row: int) -> None:
        """Look at this node as it is; what was tried on another is forgotten."""

    def change(self, other: PodClass, who: PodIdentity, sign: int) -> None:
        """One pod comes (1) or goes (-1)."""

    def refusal(self) -> int:
        """The code, as from `FilterPlugin.refusal`."""


class Plugin:
    """Base of all plugins."""

    name: ClassVar[str]

    def configure(self, config: ProfileConfig) -> None:
        """Take its arguments (pluginConfig) from the profile that it becomes part of."""

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        """May this event let through a pod that this plugin refused? (QueueingHintFn)"""
        return isinstance(event, NodeChange) and event.added


class PreEnqueuePlugin(Plugin):
    """May hold a pod back before it is tried at all."""

    def pre_enqueue(self, env: Envelope) -> bool:
        """False keeps the pod out of the queue until it is updated."""
        raise NotImplementedError


class FilterPlugin(Plugin):
    """Refuses nodes."""

    dynamic: ClassVar[bool] = False
    """Looks at what is on a node, not only at what the node is."""
    related: ClassVar[bool] = False
    """Looks at what is on other nodes."""

    def signature(self, pod: PodClass, nodes: NodeTable) -> Hashable:
        """Of a related plugin: differs when its answer may."""
        raise NotImplementedError

    def touched(self, pod: PodClass, nodes: NodeTable) -> Mask:
        """Of a related plugin: rows whose own pods matter to it; its answer on the others stays, whoever goes."""
        return np.ones(nodes.size, np.bool_)

    def trial(self, pod: PodClass, nodes: NodeTable) -> Trial | None:
        """For preemption; None if pods on the node make no difference."""
        return None

    def concerns(self, pod: PodClass) -> bool:
        """PreFilter's Skip: False if no node can be refused."""
        return True

    def node_names(self, pod: PodClass) -> frozenset[str] | None:
        """PreFilter: the only nodes in question, when the pod names them; None for all."""
        return None

    def pre_filter(self, pod: PodClass) -> str:
        """PreFilter: why the pod can go nowhere at all for now; "" if that is for the nodes to say."""
        return ""

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        """A code for each of the rows; 0 takes the pod."""
        raise NotImplementedError

    def refusal(self, pod: PodClass, nodes: NodeTable, row: int) -> int:
        """The same for one node."""
        return int(self.filter(pod, nodes, np.array([row]))[0])

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        """Kubernetes' words for a code."""
        raise NotImplementedError

    def resolvable(self, code: int) -> bool:
        """Could removing pods from the node help? (Unschedulable, not UnschedulableAndUnresolvable)"""
        return False

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        """The refusal of one node in words for people, with figures."""
        raise NotImplementedError

    def figures(self, pod: PodClass, nodes: NodeTable, row: int, code: int) -> tuple[str, str]:
        """(needed, had) for the record of an attempt; empty where there is nothing to measure."""
        return "", ""

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        """The one change that would let these nodes pass, as the end of a sentence; they are refused by this plugin."""
        raise NotImplementedError


class ScorePlugin(Plugin):
    """Ranks nodes."""

    score_dynamic: ClassVar[bool] = False
    score_related: ClassVar[bool] = False
    """Looks at what is on other nodes; answers `rank` and not `score`."""
    normalize: ClassVar[Literal["no", "up", "down"]] = "no"
    """DefaultNormalizeScore over the nodes that fit: `up` scales the largest to 100, `down` turns it round."""

    def scores(self, pod: PodClass, nodes: NodeTable) -> bool:
        """PreScore: False skips the plugin for this pod."""
        return True

    def score(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        """One integer for each of the rows."""
        raise NotImplementedError

    def score_one(self, pod: PodClass, nodes: NodeTable, row: int) -> int:
        """The same for one node."""
        return int(self.score(pod, nodes, np.array([row]))[0])

    def score_signature(self, pod: PodClass, nodes: NodeTable) -> Hashable:
        """Of a related plugin: differs when its ranking may, for the same nodes that fit."""
        raise NotImplementedError

    def rank(self, pod: PodClass, nodes: NodeTable, fits: Mask) -> Ints | None:
        """Of a related plugin: the final score of all rows, given those that fit. None: all 0."""
        raise NotImplementedError


class PostFilterResult(NamedTuple):
    message: str
    nominated: str | None = None
    """Node that room is made on; "" takes back a nomination; None leaves it."""
    victims: tuple[Uid, ...] = ()
    """Pods that have to go from there, most important first."""
    failed: bool = False
    """The plugin could not do its work: the round ends with its message alone."""


class PostFilterPlugin(Plugin):
    """Runs when no node takes the pod."""

    def post_filter(
        self, env: Envelope, pod: PodClass, nodes: NodeTable, diagnosis: Diagnosis, profile: ProfileView
    ) -> PostFilterResult:
        """Decides, and changes nothing."""
        raise NotImplementedError


class ProfileView(Protocol):
    """What a plugin may know of its profile."""

    filters: list[FilterPlugin]


class ReservePlugin(Plugin):
    """Takes and gives back what a placed pod needs besides its node."""

    def reserve(self, env: Envelope, pod: PodClass, node: str) -> None:
        """Raise to refuse; the pod is tried again after a back-off."""

    def unreserve(self, env: Envelope, pod: PodClass, node: str) -> None:
        """Undo `reserve`; must not fail."""


class PreBindPlugin(Plugin):
    """Does what must be done before a pod is bound, and may take its time over it."""

    def pre_bind(self, env: Envelope, node: str, done: Callable[[Exception | None], None]) -> bool:
        """True when nothing is left to do; else `done` is called later, with what went wrong if anything did."""
        raise NotImplementedError


class BindPlugin(Plugin):
    """Writes the decision."""

    def bind(self, env: Envelope, node: str) -> Envelope:
        """The bound pod. Raises ApiError when the API refuses."""
        raise NotImplementedError


class Diagnosis(NamedTuple):
    """Why no node took a pod."""

    total: int
    """Nodes that exist."""
    refusals: Mapping[str, Ints]
    """By plugin in the order of filters: its code per row, 0 where it passed or was not asked."""
    reasons: Mapping[str, int]
    """Kubernetes' words → number of nodes."""
    resolvable: int
    """Nodes where removing pods might help."""
    ruled_out: tuple[str, ...] = ()
    """Plugins whose PreFilter left nodes out of question."""
    absent: Mask | None = None
    """Those nodes; None without any."""
    pre_filter: str = ""
    """PreFilter's own message when it refused the pod as such."""
    helpful: Mask | None = None
    """Nodes where removing pods might help; None without any."""
    nominees: Nominees = ()
    """Pods that room is kept for: (row, class, identity). They were counted."""

    @property
    def rejectors(self) -> tuple[str, ...]:
        """Plugins that an event must satisfy before the pod is worth another try."""
        return tuple(dict.fromkeys((*self.refusals, *self.ruled_out)))


def normalized(raw: Ints, fits: Mask, direction: Literal["no", "up", "down"]) -> Ints:
    """DefaultNormalizeScore over the rows that fit; what the others get means nothing."""
    if direction == "no":
        return raw
    most = int(raw[fits].max(initial=0))
    if most == 0:
        return np.full_like(raw, MAX_SCORE) if direction == "down" else raw
    scaled = raw * MAX_SCORE // most
    return MAX_SCORE - scaled if direction == "down" else scaled
