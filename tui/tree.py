"""What stands under what: the rows of the tree that `:xray` draws.

Under an object come those that it owns (by ownerReferences), under a node the pods on it, under a Service the pods that
it selects; under a pod its containers and what it refers to. Pure: objects in, rows out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from engine.client import Item
from tui.kinds.podstatus import container_tone, container_word, pod_faulty, pod_status, pod_tone
from tui.references import references
from tui.rows import container_items
from tui.theme import GLYPHS, Tone

OWNED: Final = ("replicasets.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "pods")
"""Kinds whose objects belong to others."""
MOST: Final = 3000
"""Rows that are drawn at most."""


class Branch(NamedTuple):
    """One row of the tree."""

    uid: str
    stem: str
    """`│ ├─ `"""
    kind: str
    name: str
    namespace: str
    status: str
    tone: Tone
    resource: str
    """"" for what is no object: containers."""


class World(NamedTuple):
    """All that can stand in the tree."""

    by_owner: Mapping[str, Sequence[tuple[str, Item]]]
    """Owned objects with their kind, by the owner's uid."""
    pods: Sequence[Item]
    known: Mapping[tuple[str, str, str], str]
    """uid by (resource, namespace, name) of what pods refer to; missing: it is not there."""


def world_of(found: Mapping[str, Iterable[Item]]) -> World:
    """`found`: objects by kind."""
    by_owner: dict[str, list[tuple[str, Item]]] = {}
    known: dict[tuple[str, str, str], str] = {}
    pods: list[Item] = []
    for resource, items in found.items():
        for item in sorted(items, key=lambda each: (each.namespace, each.name)):
            known[resource, item.namespace, item.name] = item.uid
            if resource == "pods":
                pods.append(item)
            if resource in OWNED:
                for ref in item.obj["metadata"].get("ownerReferences") or ():
                    by_owner.setdefault(ref["uid"], []).append((resource, item))
    return World(by_owner, pods, known)


def branches(resource: str, roots: Sequence[Item], world: World, checked: Iterable[str] = ()) -> list[Branch]:
    """The tree of the roots, at most `MOST` rows. `checked`: kinds whose missing objects are told as missing."""
    rows: list[Branch] = []
    tell = frozenset(checked)
    for root in sorted(roots, key=lambda each: (each.namespace, each.name)):
        if len(rows) >= MOST:
            break
        _add(rows, resource, root, world, "", "", tell, root.uid)
    return rows


def _add(
    rows: list[Branch], resource: str, item: Item, world: World, stem: str, below: str, checked: frozenset[str],
    path: str,
) -> None:  # fmt: skip
    status, tone = _state(resource, item)
    rows.append(Branch(path, stem, _kind(item, resource), item.name, item.namespace, status, tone, resource))
    if len(rows) >= MOST:
        return
    children = _children(resource, item, world)
    leaves = _leaves(item, world, checked) if resource == "pods" else []
    last = len(children) + len(leaves) - 1
    for place, (kind, child) in enumerate(children):
        if len(rows) >= MOST:
            return
        end = place == last
        _add(rows, kind, child, world, below + ("└─ " if end else "├─ "), below + ("   " if end else "│  "), checked,
             f"{path}/{child.uid}")  # fmt: skip
    for place, leaf in enumerate(leaves, len(children)):
        rows.append(leaf._replace(stem=below + ("└─ " if place == last else "├─ "), uid=f"{path}/{leaf.uid}"))


def _kind(item: Item, resource: str) -> str:
    return str(item.obj.get("kind") or resource.partition(".")[0])


def _children(resource: str, item: Item, world: World) -> Sequence[tuple[str, Item]]:
    if resource == "nodes":
        return [("pods", pod) for pod in world.pods if (pod.obj.get("spec") or {}).get("nodeName") == item.name]
    if resource == "services":
        selector = (item.obj.get("spec") or {}).get("selector") or {}
        return [
            ("pods", pod)
            for pod in world.pods
            if selector and pod.namespace == item.namespace and selector.items() <= pod.labels.items()
        ]
    if resource == "namespaces":
        return [("pods", pod) for pod in world.pods if pod.namespace == item.name]
    return world.by_owner.get(item.uid, ())


def _leaves(pod: Item, world: World, checked: frozenset[str]) -> list[Branch]:
    """Containers with their state, then what the pod refers to, once each."""
    leaves = []
    for container in container_items(pod):
        tone = container_tone(container.role, container.status)
        word = f"{GLYPHS.get(tone, '?')} {container_word(container.status)}"
        leaves.append(Branch(f"c-{container.name}", "", "container", container.name, pod.namespace, word, tone, ""))
    for ref in dict.fromkeys((r.resource, r.name) for r in references("pods", pod.obj)):
        resource, name = ref
        there = (resource, pod.namespace, name) in world.known or resource not in checked
        leaves.append(
            Branch(
                f"{resource}-{name}", "", _REFERRED.get(resource, resource), name, pod.namespace,
                "" if there else "✗ missing", "" if there else "bad", resource,
            )
        )  # fmt: skip
    return leaves


_REFERRED: Final = {
    "configmaps": "ConfigMap", "secrets": "Secret", "serviceaccounts": "ServiceAccount",
    "persistentvolumeclaims": "PersistentVolumeClaim",
}  # fmt: skip


def _state(resource: str, item: Item) -> tuple[str, Tone]:
    """A word for a row: a pod's status, else how many of the wanted are ready, else its phase."""
    status, spec = item.obj.get("status") or {}, item.obj.get("spec") or {}
    if resource == "pods":
        state = pod_status(item.obj)
        tone = pod_tone(item.obj, state)
        return f"{GLYPHS.get(tone, '?')} {state.word}", "bad" if pod_faulty(item.obj) else tone
    wanted = spec.get("replicas", status.get("desiredNumberScheduled", spec.get("completions")))
    if wanted is not None:
        ready = status.get("readyReplicas", status.get("numberReady", status.get("succeeded"))) or 0
        return f"{'●' if ready >= wanted else '▲'} {ready}/{wanted} ready", "ok" if ready >= wanted else "warn"
    phase = status.get("phase")
    return (f"● {phase}", "") if phase else ("", "")
