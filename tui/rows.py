"""What is no object of the cluster, as rows of its tables: moments, revisions, verdicts; the containers of a pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar

from engine.client import Item, Json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlainRow(Generic[T]):
    """A value with what a table asks of an item."""

    value: T
    uid: str
    name: str = ""
    namespace: str = ""
    revision: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    obj: Json = field(default_factory=dict)


def value_of(item: Item, kind: type[T]) -> T:
    """The value of a row that was made with one of this kind."""
    assert isinstance(item, PlainRow)
    assert isinstance(item.value, kind)
    return item.value


ContainerRole = Literal["init", "sidecar", "main", "ephemeral"]
_FIELDS: Final[tuple[tuple[ContainerRole, str], ...]] = (
    ("init", "initContainers"), ("main", "containers"), ("ephemeral", "ephemeralContainers"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ContainerItem:
    """One container of a pod as an item: its `obj` is the pod with this container alone.

    So whatever is worked out for a pod (requests, restarts, age) is worked out for the container by the same code.
    """

    pod: Item
    role: ContainerRole
    place: int
    """Counted from 1 in its list of the pod's spec; a sidecar stands in that of the init containers."""
    name: str
    obj: Json

    @property
    def uid(self) -> str:
        return f"{self.pod.uid}/{self.name}"

    @property
    def namespace(self) -> str:
        return self.pod.namespace

    @property
    def revision(self) -> int:
        return self.pod.revision

    @property
    def labels(self) -> Mapping[str, str]:
        return self.pod.labels

    @property
    def spec(self) -> Json:
        """Its entry in the pod's spec."""
        found: Json = self.obj["spec"]["containers"][0]
        return found

    @property
    def status(self) -> Json:
        """Its entry in the pod's status; empty while it has none."""
        found: list[Json] = self.obj["status"]["containerStatuses"]
        return found[0] if found else {}


def container_items(pod: Item) -> list[ContainerItem]:
    """A pod's containers in the order in which they start: init containers, containers, ephemeral ones."""
    spec, status = pod.obj.get("spec") or {}, pod.obj.get("status") or {}
    items: list[ContainerItem] = []
    for kind, field_name in _FIELDS:
        statuses = {entry["name"]: entry for entry in status.get(f"{field_name[:-1]}Statuses") or ()}
        for place, container in enumerate(spec.get(field_name) or (), 1):
            name = container["name"]
            alone: Json = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": pod.obj["metadata"],
                "spec": {"containers": [container]},
                "status": {
                    "phase": status.get("phase"),
                    "containerStatuses": [statuses[name]] if name in statuses else [],
                },
            }
            sidecar = kind == "init" and container.get("restartPolicy") == "Always"
            items.append(ContainerItem(pod, "sidecar" if sidecar else kind, place, name, alone))
    return items
