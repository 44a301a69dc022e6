"""Event recording as client-go does it: who says what about which object, repeats counted instead of repeated.

Two faces of one resource (events are stored once, as core/v1 Event):

- `EventRecorder`, the classic one (controllers, kubelets): `count`, `firstTimestamp`, `lastTimestamp`,
  `source.component`; `engine.event_correlator` decides what becomes of each;
- `SeriesRecorder`, that of events.k8s.io (the scheduler): `eventTime`, `reportingComponent`, `action`, and a `series`
  when the same is said again within 6 minutes.

Events are best effort: what the API refuses (a namespace that is going away) is not the caller's failure.
"""

from __future__ import annotations

from typing import Any, Final, Literal
from zlib import crc32

from engine.api.errors import AlreadyExists, ApiError
from engine.api.kinds import EVENTS
from engine.api.server import Api, Caller
from engine.clock import MINUTE, SECOND, rfc3339, rfc3339_micro
from engine.event_correlator import Correlator, Observed
from store.types import Envelope, Revision, Uid

EventKind = Literal["Normal", "Warning"]
_NAME_TRIES: Final = 8
_SERIES_IDLE: Final = 6 * MINUTE
"""finishTime: a series that was not observed for this long is over; also how often that is looked at."""
_SERIES_REFRESH: Final = 5
"""Running series are written every so many looks: refreshTime is 30 minutes."""
_SERIES_CAPACITY: Final = 16_384
_SERIES_SLICE: Final = 50
"""Series looked at in one callback."""


class _Names:
    """Event names: `<object>.<instant in nanoseconds, 16 hex digits>`, never twice from one recorder."""

    __slots__ = ("_last", "_offset")

    def __init__(self, source: str) -> None:
        self._offset = crc32(source.encode()) % 1000
        """Cluster time stands still while work is done; the nanoseconds tell apart who spoke at one instant."""
        self._last = 0

    def next(self, about: str, now: int) -> str:
        self._last = max(now * 1000 + self._offset, self._last + 1)
        return f"{about}.{self._last:016x}"


class EventRecorder:
    """Records events as one component."""

    def __init__(self, api: Api, component: str, host: str = "") -> None:
        """`component`: `deployment-controller`, `kubelet` …; `host`: the node, for kubelets."""
        self._api, self.component, self._host = api, component, host
        self._caller = Caller(component)
        self._source = {"component": component} | ({"host": host} if host else {})
        self._names = _Names(f"{component}/{host}")
        self._correlator = Correlator()
        self._second, self._stamp = -1, ""

    def event(self, about: Envelope, type_: EventKind, reason: str, message: str, field_path: str = "") -> None:
        """Record. `field_path` names the part of the object: `spec.containers{nginx}`."""
        now = self._api.clock.now()
        if now // SECOND != self._second:
            self._second, self._stamp = now // SECOND, rfc3339(now)
        said = message if not field_path else f"{field_path}\0{message}"
        observed = self._correlator.observe(about.uid, type_, reason, said, now, self._stamp)
        if observed is None:
            return
        text = observed.message.replace(f"{field_path}\0", "", 1) if field_path else observed.message
        try:
            if observed.name and self._count(about, observed, text):
                return
            self._write(about, type_, reason, text, field_path, observed, now)
        except ApiError:
            return

    def _count(self, about: Envelope, observed: Observed, text: str) -> bool:
        namespace = about.namespace or "default"
        env = self._api.find(EVENTS, namespace, observed.name)
        if env is None:
            return False
        changed = {**env.obj, "count": observed.count, "lastTimestamp": self._stamp, "message": text}
        self._api.update(self._caller, EVENTS, namespace, observed.name, changed)
        return True

    def _write(
        self, about: Envelope, type_: str, reason: str, text: str, field_path: str, observed: Observed, now: int
    ) -> None:
        ref = _reference(about)
        if field_path:
            ref["fieldPath"] = field_path
        event: dict[str, Any] = {
            "metadata": None, "involvedObject": ref, "reason": reason, "message": text, "source": self._source,
            "firstTimestamp": observed.first, "lastTimestamp": self._stamp, "count": observed.count, "type": type_,
            "eventTime": None, "reportingComponent": self.component, "reportingInstance": self._host,
        }  # fmt: skip
        observed.name = _create(self._api, self._caller, self._names, about, event, now)


class _Series:
    """One thing that is said again and again."""

    __slots__ = ("count", "last", "name", "namespace", "unwritten")

    def __init__(self, namespace: str, name: str, now: int) -> None:
        self.namespace, self.name = namespace, name
        self.count = 1
        self.last = now
        self.unwritten = False


class SeriesRecorder:
    """Records events in the events.k8s.io manner, as the scheduler does (client-go tools/events)."""

    def __init__(self, api: Api, component: str, host: str = "") -> None:
        """`host`: where the component runs; reportingInstance is `<component>-<host>`."""
        self._api, self.component = api, component
        self._caller = Caller(component)
        self._instance = f"{component}-{host}" if host else component
        self._names = _Names(component)
        self._series: dict[tuple[Uid, Revision, str, str, str], _Series] = {}
        self._looks = 0
        self._looking = False

    def event(
        self, about: Envelope, type_: EventKind, reason: str, message: str, action: str,
        related: Envelope | None = None,
    ) -> None:  # fmt: skip
        """Record. Said again within 6 minutes (whatever the message) of an object that has not changed since, it is
        counted in the first one's series: an event's `regarding` has the object's resourceVersion, and so the refusal
        of a pod begins a second event after the first has been written into the pod's conditions.
        `related`: another object that has to do with it."""
        now = self._api.clock.now()
        key = (about.uid, about.revision, type_, reason, action)
        series = self._series.get(key)
        if series is not None and now - series.last <= _SERIES_IDLE:
            series.count += 1
            series.last = now
            series.unwritten = True
            if series.count == 2:
                self._write_series(series)
            return
        event: dict[str, Any] = {
            "metadata": None, "involvedObject": _reference(about), "reason": reason, "message": message, "source": {},
            "firstTimestamp": None, "lastTimestamp": None, "type": type_, "eventTime": rfc3339_micro(now),
            "action": action, "reportingComponent": self.component, "reportingInstance": self._instance,
        }  # fmt: skip
        if related is not None:
            event["related"] = _reference(related)
        try:
            name = _create(self._api, self._caller, self._names, about, event, now)
        except ApiError:
            return
        if series is None and len(self._series) >= _SERIES_CAPACITY:
            del self._series[next(iter(self._series))]
        self._series[key] = _Series(about.namespace or "default", name, now)
        if not self._looking:
            self._looking = True
            self._api.clock.call_later(_SERIES_IDLE, self._look)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Every 6 minutes while there is anything: forget what is over, write what is running."""
        self._looks += 1
        self._look_at(list(self._series), 0, self._api.clock.now())

    def _look_at(self, keys: list[tuple[Uid, Revision, str, str, str]], start: int, now: int) -> None:
        for key in keys[start : start + _SERIES_SLICE]:
            series = self._series.get(key)
            if series is None:
                continue
            over = now - series.last >= _SERIES_IDLE
            if series.unwritten and (over or self._looks % _SERIES_REFRESH == 0):
                self._write_series(series)
            if over:
                del self._series[key]
        if start + _SERIES_SLICE < len(keys):
            self._api.clock.call_later(0, lambda: self._look_at(keys, start + _SERIES_SLICE, now))
        elif self._series:
            self._api.clock.call_at(now + _SERIES_IDLE, self._look)
        else:
            self._looking = False

    def _write_series(self, series: _Series) -> None:
        series.unwritten = False
        env = self._api.find(EVENTS, series.namespace, series.name)
        if env is None:
            return
        observed = {"count": series.count, "lastObservedTime": rfc3339_micro(series.last)}
        try:
            self._api.update(
                self._caller, EVENTS, series.namespace, series.name, {**env.obj, "series": observed}
            )  # fmt: skip
        except ApiError:
            return


def _reference(about: Envelope) -> dict[str, Any]:
    obj = about.obj
    ref: dict[str, Any] = {"kind": obj["kind"]}
    if about.namespace:
        ref["namespace"] = about.namespace
    ref["name"] = about.name
    ref["uid"] = about.uid
    ref["apiVersion"] = obj["apiVersion"]
    ref["resourceVersion"] = obj["metadata"].get("resourceVersion", "")
    return ref


def _create(
    api: Api, caller: Caller, names: _Names, about: Envelope, event: dict[str, Any], now: int
) -> str:  # fmt: skip
    namespace = about.namespace or "default"
    for attempt in range(_NAME_TRIES):
        name = names.next(about.name, now)
        event["metadata"] = {"name": name, "namespace": namespace}
        try:
            api.create(caller, EVENTS, namespace, event)
        except AlreadyExists:
            if attempt + 1 == _NAME_TRIES:
                raise
        else:
            return name
    raise AssertionError("unreachable")
