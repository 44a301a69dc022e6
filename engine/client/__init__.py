"""The cluster as the console (or any other outsider) sees it: plain values, futures and subscriptions.

`ClusterClient` (protocol.py) is the protocol; `engine.local.LocalClient` speaks to the engine thread of the same
process. This package imports neither SQLModel nor the engine, so that a first frame can be painted before they are
loaded.

- Every write takes an `intent`: one id per user action (make one with `new_intent()`), kept with each revision.
- Futures are `concurrent.futures.Future`; in a coroutine await `asyncio.wrap_future(f)`. Errors that arrive in them
  are `ClientError` (text ready to be shown, Kubernetes' `Status` beside it).
- `watch` delivers to a `Mailbox` on the engine thread: first everything (`Relist`), then `Change`s in revision order,
  committed ones only. A mailbox must only store and wake; it must never touch a widget.
- Items are read-only: nobody mutates `obj`.
"""

from engine.client.folder import (
    Diagnostic,
    DriftedObject,
    FieldChange,
    FieldHelp,
    FolderFile,
    FolderReceiver,
    Plan,
    PlannedObject,
    TakenLive,
)
from engine.client.history import (
    HistoryClient,
    Intent,
    Moment,
    MomentFilter,
    ObjectChange,
    PastRevision,
    PastView,
    SnapshotInfo,
    Span,
    UndoPlan,
    UndoResult,
    UndoStep,
)
from engine.client.opening import (
    ConnectOptions,
    FlagInfo,
    KeptCluster,
    RunReport,
    component_flags,
    connect,
    play,
)
from engine.client.protocol import ClusterClient
from engine.client.reach import Reach, Step, Symptom
from engine.client.streams import ExecAnswer, LogLine, LogQuery, LogReceiver, NodeUsage, PodUsage, Usage
from engine.client.values import (
    Change,
    ClientError,
    ClusterSummary,
    Item,
    Json,
    KindInfo,
    Mailbox,
    Query,
    Relist,
    Subscription,
    SummaryReceiver,
    new_intent,
)
from engine.client.why import Diagnosis, Finding, Headroom, NodeRoom, NodeVerdict, WhyReport
from engine.client.wire import WireOptions, WirePlace

__all__ = [
    "Change",
    "ClientError",
    "ClusterClient",
    "ClusterSummary",
    "ConnectOptions",
    "Diagnosis",
    "Diagnostic",
    "DriftedObject",
    "ExecAnswer",
    "FieldChange",
    "FieldHelp",
    "Finding",
    "FlagInfo",
    "FolderFile",
    "FolderReceiver",
    "Headroom",
    "HistoryClient",
    "Intent",
    "Item",
    "Json",
    "KeptCluster",
    "KindInfo",
    "LogLine",
    "LogQuery",
    "LogReceiver",
    "Mailbox",
    "Moment",
    "MomentFilter",
    "NodeRoom",
    "NodeUsage",
    "NodeVerdict",
    "ObjectChange",
    "PastRevision",
    "PastView",
    "Plan",
    "PlannedObject",
    "PodUsage",
    "Query",
    "Reach",
    "Relist",
    "RunReport",
    "SnapshotInfo",
    "Span",
    "Step",
    "Subscription",
    "SummaryReceiver",
    "Symptom",
    "TakenLive",
    "UndoPlan",
    "UndoResult",
    "UndoStep",
    "Usage",
    "WhyReport",
    "WireOptions",
    "WirePlace",
    "component_flags",
    "connect",
    "new_intent",
    "play",
]
