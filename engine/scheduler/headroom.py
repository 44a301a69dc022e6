"""How many more pods like one would fit now, node by node: its requests against what is left of each node.

All filters of the pod's profile are asked as they are when scheduling; on nodes that all but the amounts let through,
the amounts are divided out: what is left of each resource by what the pod asks, a place per pod, one pod per node where
it takes a port of the host or keeps off its own kind. What only many pods together bring about (spreading, affinity to
others) is not played through; the note says so when the pod has such rules.
"""

from __future__ import annotations

from typing import Final

from engine.api.kinds import PODS
from engine.api.server import Api
from engine.client import Headroom, NodeRoom
from engine.scheduler.podclass import PodClass
from engine.scheduler.profile import PluginError
from engine.scheduler.resources import PODS as PLACES
from engine.scheduler.resources import text_of
from engine.scheduler.scheduler import Scheduler
from store.types import Envelope

_AMOUNTS: Final = "NodeResourcesFit"
_NAME: Final = "NodeName"
"""A pod that is placed asks for its own node; its like would not."""


def headroom(api: Api, scheduler: Scheduler, namespace: str, pod: str) -> Headroom:
    """For pods like one that exists. Raises NotFound, PluginError."""
    env = api.get(PODS, namespace, pod)
    # A new pod of the same template: not yet on a node.
    spec = {key: value for key, value in env.obj["spec"].items() if key != "nodeName"}
    like = {**env.obj, "metadata": {**env.obj["metadata"], "uid": ""}, "spec": spec}
    asked = scheduler.class_of(Envelope(env.key, env.revision, env.raw, like))
    nodes = scheduler.nodes
    refusing = {}
    for plugin in scheduler.profile_of(asked).filters:
        if plugin.name in (_AMOUNTS, _NAME) or not plugin.concerns(asked):
            continue
        try:
            codes = plugin.filter(asked, nodes, nodes.all_rows)
        except Exception as error:
            raise PluginError(plugin.name, "filter", error) from error
        if codes.any():
            refusing[plugin] = codes
    alone = bool(asked.ports) or _keeps_off_itself(env)
    rooms = []
    for row in nodes.rows():
        refused = next((plugin for plugin, codes in refusing.items() if codes[row]), None)
        if refused is not None:
            reasons = refused.reasons(int(refusing[refused][row]), nodes)
            rooms.append(NodeRoom(nodes.names[row], 0, ", ".join(reasons) or refused.name))
        else:
            rooms.append(_amounts(scheduler, asked, row, alone))
    return Headroom(sum(room.pods for room in rooms), tuple(rooms), _note(env))


def _amounts(scheduler: Scheduler, asked: PodClass, row: int, alone: bool) -> NodeRoom:
    nodes = scheduler.nodes
    best: tuple[int, str] | None = None
    names = {index: name for name, index in nodes.resources.items()}
    for index, wanted in nodes.wanted(asked):
        free = int(nodes.allocatable[index, row] - nodes.requested[index, row])
        fit = max(0, free // wanted) if wanted else 0
        name = names[index]
        if name == PLACES:
            said = f"{max(free, 0)} places for pods are left"
        else:
            said = f"{name}: {text_of(name, max(free, 0))} left, {text_of(name, wanted)} each"
        if wanted and (best is None or fit < best[0]):
            best = (fit, said)
    fit, said = best if best is not None else (0, "")
    if alone and fit > 1:
        return NodeRoom(nodes.names[row], 1, "one of them per node")
    return NodeRoom(nodes.names[row], fit, said)


def _keeps_off_itself(env: Envelope) -> bool:
    """A required anti-affinity per host against labels that it has itself."""
    rules = ((env.obj["spec"].get("affinity") or {}).get("podAntiAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    return any(
        rule.get("topologyKey") == "kubernetes.io/hostname"
        and ((rule.get("labelSelector") or {}).get("matchLabels") or {}).items() <= env.labels.items()
        for rule in rules or ()
    )


def _note(env: Envelope) -> str:
    spec = env.obj["spec"]
    rules = [
        words
        for words, there in (
            ("topology spread", spec.get("topologySpreadConstraints")),
            ("affinity to other pods", (spec.get("affinity") or {}).get("podAffinity")),
        )
        if there
    ]
    return f"Its rules of {' and '.join(rules)} may allow fewer." if rules else ""
