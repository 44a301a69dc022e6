"""Opening a cluster in this process, or playing one headless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.client.history import ObjectChange, SnapshotInfo
from engine.client.protocol import ClusterClient
from engine.client.wire import WireOptions


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """How to open a cluster in this process."""

    folder: str | None = None
    """Directory of manifests to watch; None: no watched folder."""
    store: str | None = None
    """SQLite file; None: in memory, gone at the end."""
    seed: int = 0
    speed: float = 1.0
    """Cluster seconds per second; 0 starts paused."""
    start: int | None = None
    """First instant of a new cluster, microseconds since the epoch; None: now. A reopened one keeps its time."""
    durable: bool = False
    """fsync each commit: survives a power cut, not only a killed process."""
    history: int = 200_000
    """Newest revisions that are kept; 0 keeps all."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """Kubernetes' component flags without dashes: {"node-monitor-grace-period": "40s"}; see `engine.flags`."""
    wire: WireOptions | None = None
    """Serve the Kubernetes API; None: do not."""


@dataclass(frozen=True, slots=True)
class FlagInfo:
    """One Kubernetes component flag that Kubarium honours."""

    name: str
    default: str
    help: str


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a headless run ended with."""

    cluster_time: str
    """RFC 3339."""
    revisions: int
    digest: str
    """SHA-256 over the revision log: everything but wall time."""
    objects: Mapping[str, int]
    """Living objects by resource."""
    pods_by_phase: Mapping[str, int]
    nodes_by_status: Mapping[str, int]
    events_by_reason: Mapping[str, int]
    files: Mapping[str, int]
    """Files of the folder by state."""
    problems: tuple[str, ...]
    """`path:line:column: message` of each file error."""
    crashes: int
    wall_seconds: float


def connect(options: ConnectOptions) -> ClusterClient:
    """A client of a cluster in this process; its engine is imported and started by `start()`, on its own thread."""
    from engine.local import LocalClient

    return LocalClient(options)


def play(options: ConnectOptions, span: int) -> RunReport:
    """Run a cluster headless for `span` microseconds of cluster time, as fast as it goes."""
    from engine.headless import play as play_headless

    return play_headless(options, span)


def component_flags() -> Sequence[FlagInfo]:
    """The component flags for `--help`."""
    from engine.flags import FLAGS

    return [FlagInfo(flag.name, flag.default, flag.help) for flag in FLAGS]


class KeptCluster:
    """A cluster's file that no process has open. Methods raise ClientError."""

    def __init__(self, path: str) -> None:
        self._path = path

    def snapshots(self) -> Sequence[SnapshotInfo]:
        """All of them, oldest first."""
        from engine.history import kept

        return kept.snapshots(self._path)

    def snapshot(self, name: str) -> SnapshotInfo:
        """Give the newest moment a name."""
        from engine.history import kept

        return kept.snapshot(self._path, name)

    def restore(self, name: str) -> int:
        """Go back to a snapshot; returns how many objects that changed."""
        from engine.history import kept

        return kept.go_back(self._path, name)

    def fork(self, target: str, name: str | None = None) -> None:
        """Copy it into a new file, as it is or as a snapshot has it."""
        from engine.history import kept

        kept.fork(self._path, target, name)

    def diff(self, one: str, other: str) -> Sequence[ObjectChange]:
        """What differs between two moments: names of snapshots, numbers of revisions, or `now`."""
        from engine.history import kept

        return kept.diff(self._path, one, other)
