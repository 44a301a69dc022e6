"""Event recording as client-go does it: who says what about which object, repeats counted instead of repeated.

Two faces of one resource (events are stored once, as core/v1 Event):
- the classic recorder (controllers, kubelet): `count`, `firstTimestamp`, `lastTimestamp`, `source.component`;
- the events.k8s.io recorder (the scheduler): `eventTime`, `reportingController`, `action`, no count at first.

(First cut: no aggregation of similar messages, no spam filter.)
"""

from __future__ import annotations

from typing import Any, Literal

from engine.api.errors import ApiError
from engine.api.kinds import EVENTS
from engine.api.server import Api, Caller
from engine.clock import rfc3339
from store.types import Envelope, Uid


class EventRecorder:
    """Records events as one component."""

    def __init__(self, api: Api, component: str, host: str = "") -> None:
        """`component`: `deployment-controller`, `kubelet`, `default-scheduler` …; `host`: the node, for kubelets."""
        self._api, self.component, self._host = api, component, host
        self._caller = Caller(component)
        self._seen: dict[tuple[Uid, str, str, str], tuple[str, str]] = {}

    def event(self, about: Envelope, type_: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Record. Events are best effort: the API's refusal (a namespace going away) is not the caller's failure."""
        meta = about.obj["metadata"]
        ref: dict[str, Any] = {
            "kind": about.obj["kind"], "name": about.name, "uid": about.uid, "apiVersion": about.obj["apiVersion"],
            "resourceVersion": str(about.revision),
        }  # fmt: skip
        if about.namespace:
            ref["namespace"] = about.namespace
        namespace = meta.get("namespace") or "default"
        now = self._api.clock.now()
        seen_key = (about.uid, type_, reason, message)
        earlier = self._seen.get(seen_key)
        try:
            if earlier is not None and (env := self._api.find(EVENTS, *earlier)) is not None:
                changed = {**env.obj, "count": env.obj.get("count", 1) + 1, "lastTimestamp": rfc3339(now)}
                self._api.update(self._caller, EVENTS, *earlier, changed)
                return
            name = f"{about.name}.{now * 1000 + self._api.seed.below(1000):x}"
            source = {"component": self.component} | ({"host": self._host} if self._host else {})
            self._api.create(
                self._caller, EVENTS, namespace,
                {
                    "metadata": {"name": name}, "involvedObject": ref, "reason": reason, "message": message,
                    "source": source, "firstTimestamp": rfc3339(now), "lastTimestamp": rfc3339(now), "count": 1,
                    "type": type_, "eventTime": None, "reportingComponent": self.component,
                    "reportingInstance": self._host,
                },
            )  # fmt: skip
            self._seen[seen_key] = (namespace, name)
        except ApiError:
            return
