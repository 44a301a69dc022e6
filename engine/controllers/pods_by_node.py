"""Pods by the node they are bound to: one index of the store, shared by the controllers that need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.api.kinds import PODS
from engine.api.server import Api
from store.types import Envelope

_INDEX: Final = "spec.nodeName"


def index_pods_by_node(api: Api) -> None:
    """Keep the index from now on."""
    api.store.add_index(PODS, _INDEX, _node)


def pods_on(api: Api, node: str) -> Sequence[Envelope]:
    """Pods bound to a node, in the order in which they came to it."""
    return api.store.by_index(PODS, _INDEX, node)


def _node(env: Envelope) -> Sequence[str]:
    node = env.obj["spec"].get("nodeName")
    return (node,) if node else ()
