"""What goes into the API's verbs and comes out of them: caller, options, list results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.api.kinds import KindRegistry
from engine.api.schema import Schema
from engine.clock import Clock
from engine.network.ip_addresses import AddressBook
from engine.seed import Seed
from store.store import Store
from store.types import Author, Envelope, Revision, Uid

FieldValidation = Literal["Strict", "Warn", "Ignore"]
"""What to do about unknown fields: refuse, warn and drop, or drop. None in a verb's argument: see `Api`."""
Propagation = Literal["Background", "Foreground", "Orphan"]
Warnings = list[str] | None
"""A list that receives what the API has to say beside its answer; None: nobody listens."""
PatchType = Literal["json", "merge", "strategic"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and for which user action."""

    user: str
    """`system:admin`, `system:node:worker-1`, `system:serviceaccount:kube-system:deployment-controller` …"""
    intent: str = ""
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """UserInfo's extra: (key, values)."""
    outside: bool = False
    """Known by credentials alone: each request is looked up in the roles. False for the cluster's own components and
    for the person at the console."""
    author: Author = field(init=False, repr=False, compare=False)
    """As the log names the caller."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "author", Author(self.user, self.intent))


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """metav1.DeleteOptions."""

    grace_period_seconds: int | None = None
    """None: the object's own (pods) or none."""
    propagation: Propagation | None = None
    """None: what the object's finalizers say, else the kind's default."""
    uid: Uid | None = None
    """Precondition."""
    resource_version: str | None = None
    """Precondition."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ListResult:
    items: Sequence[Envelope]
    revision: Revision
    """The list is the state as of this revision."""
    continue_token: str = ""
    """"" at the end."""
    remaining: int | None = None
    """How many more there are; None when a selector makes it unknown, or at the end."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every part of the API works with."""

    store: Store
    clock: Clock
    seed: Seed
    kinds: KindRegistry
    schema: Schema
    addresses: AddressBook
    """Follows the Services."""
