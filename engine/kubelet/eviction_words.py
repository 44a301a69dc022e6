"""What an eviction says: about the node, the threshold, and the containers that used more than they asked for.

Texts and their blanks at the end are pkg/kubelet/eviction/helpers.go's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.kubelet import spread
from engine.kubelet.container import Container
from engine.kubelet.references import InvalidReference, parse
from engine.kubelet.signals import Observation, Threshold
from engine.kubelet.usage import pod_stats, total

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker


def evicted_for(worker: PodWorker, resource: str, threshold: Threshold, seen: Observation) -> str:
    """Why a pod is evicted from a node that runs out of a resource."""
    text = f"The node was low on resource: {resource}. "
    text += (
        f"Threshold quantity: {binary_text(threshold.value(seen.capacity))}, available: {binary_text(seen.available)}. "
    )
    stats = pod_stats(worker)
    for c in worker.apps:
        used = stats.get(c.facts.name)
        if used is None or resource not in ("memory", "ephemeral-storage"):
            continue
        amount = used.memory if resource == "memory" else used.storage
        asked = c.facts.memory_request if resource == "memory" else c.facts.storage_request
        if amount > asked:
            text += (
                f"Container {c.facts.name} was using {binary_text(amount)}, request is {binary_text(asked)}, has "
                f"larger consumption of {resource}. "
            )
    return text


def limit_exceeded(worker: PodWorker) -> str:
    """Why a pod is evicted that uses more of the disk than its limits allow; "" when it does not."""
    stats = pod_stats(worker)
    limits = [c.facts.storage_limit for c in worker.apps]
    whole = worker.facts.storage_limit
    if whole and total(stats.values()).storage > whole:
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {binary_text(whole)}. "
    for c, limit in zip(worker.apps, limits, strict=True):
        used = stats.get(c.facts.name)
        if limit and used is not None and used.storage > limit:
            return f'Container {c.facts.name} exceeded its local ephemeral storage limit "{binary_text(limit)}". '
    return ""


def node_condition(conditions: Sequence[str]) -> str:
    """Why a node under pressure takes no pod."""
    return f"The node had condition: [{' '.join(conditions)}]. "


def oom_words(c: Container, uid: str) -> str:
    """The event about a process that the kernel killed."""
    try:
        process = parse(c.facts.image).path.rpartition("/")[2]
    except InvalidReference:
        process = c.facts.name
    return f"System OOM encountered, victim process: {process}, pid: {spread.within((1000, 99999), uid, c.facts.name)}"


def binary_text(amount: int) -> str:
    """A number of bytes as Kubernetes prints it: in the largest binary unit that leaves no rest."""
    for unit, power in (("Ti", 4), ("Gi", 3), ("Mi", 2), ("Ki", 1)):
        if amount >= 1024**power and amount % 1024**power == 0:
            return f"{amount // 1024**power}{unit}"
    return str(amount)
