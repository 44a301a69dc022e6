"""What crosses the border between the cluster and its outsiders: items, queries, changes, the header's figures."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

Json = dict[str, Any]
_intents = itertools.count(1)
_process = secrets.token_hex(3)
"""Ids of one process are told from those of others that wrote to the same store."""


def new_intent(what: str) -> str:
    """An id for one user action: `1f0c2a-7 scale shop/web to 5`."""
    return f"{_process}-{next(_intents)} {what}"


class Item(Protocol):
    """One object as it was at `revision`."""

    @property
    def uid(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> int: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def obj(self) -> Json: ...


class Relist(NamedTuple):
    """The view starts anew with these."""

    items: Sequence[Item]


class Change(NamedTuple):
    """One object came into the view, changed in it or left it."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    item: Item


class Mailbox(Protocol):
    def deliver(self, news: Relist | Sequence[Change]) -> None:
        """Called on the engine thread."""


class Subscription(Protocol):
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Query:
    """What a view shows. `resource` as kubectl writes it: `pods`, `deployments.apps`."""

    resource: str
    namespace: str | None = None
    """None: all namespaces."""
    labels: str = ""
    fields: str = ""
    """`spec.nodeName=worker-1`, `involvedObject.uid=…`"""


@dataclass(frozen=True, slots=True)
class KindInfo:
    """One served kind (discovery)."""

    resource: str
    api_version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...]
    namespaced: bool
    subresources: frozenset[str]
    verbs: tuple[str, ...] = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    categories: tuple[str, ...] = ()


class ClientError(Exception):
    """A refusal, ready to be shown."""

    def __init__(self, message: str, status: Json | None = None, code: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.message, self.status, self.code, self.reason = message, status, code, reason


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """What the header tells. Sent when it changes, a few times a second at most."""

    name: str = "kubarium"
    cluster_time: int = 0
    """Microseconds since the epoch, at the moment of sending; extrapolate by `speed` while showing it."""
    speed: float = 1.0
    """Cluster seconds per second; 0 is paused."""
    revision: int = 0
    nodes: int = 0
    nodes_ready: int = 0
    pods_by_phase: Mapping[str, int] = field(default_factory=dict)
    """Running, Pending, Succeeded, Failed, Unknown."""
    cpu_requested: int = 0
    """Millicores."""
    cpu_allocatable: int = 0
    memory_requested: int = 0
    """Bytes."""
    memory_allocatable: int = 0
    folder: Mapping[str, int] = field(default_factory=dict)
    """File count by state: applied, waiting, error, drifted. Empty without a watched folder."""
    faults: int = 0
    """Faults that are active."""


class SummaryReceiver(Protocol):
    def __call__(self, summary: ClusterSummary) -> None:
        """Called on the engine thread; must only store and wake."""
