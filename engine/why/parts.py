"""What answers are made of: sentences with links, Warning events, conditions, and how the pods of a workload fare."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

from engine.api.kinds import EVENTS, FAULTS, PODS
from engine.api.server import Api
from engine.client import Diagnosis, Finding
from engine.clock import parse_time
from engine.faults.targets import Fault, is_active, read
from engine.scheduler.explain_status import status_report
from store.types import Envelope, JsonObject, ObjectKey

Tone = Literal["bad", "warn", "ok", ""]
_NAMED: Final = re.compile(r" pod=\S+")
_EVENTS: Final = 3
_PODS: Final = 5
_FAILING: Final = frozenset({"ReplicaFailure", "Failed", "FailureTarget", "Stalled", "NamesConflict"})
"""Conditions that are bad when True; most others are bad when False."""


def about(tone: Tone, text: str, env: Envelope | None = None) -> Finding:
    """A sentence, leading to an object."""
    if env is None:
        return Finding(tone, text)
    return Finding(tone, text, str(env.key.resource), env.namespace, env.name)


def diagnosis(headline: str, findings: Iterable[Finding], fine: bool = False) -> Diagnosis:
    """Bad, or a warning, as its worst sentence says; `fine` with none of these."""
    found = tuple(findings)
    tones = {finding.tone for finding in found}
    tone: Literal["bad", "warn", "ok"] = "bad" if "bad" in tones else "warn" if "warn" in tones or not fine else "ok"
    return Diagnosis(headline, tone, found)


def warnings(api: Api, env: Envelope) -> list[Finding]:
    """The newest Warning events about an object; not why a pod had no node once it has one."""
    placed = env.key.resource == PODS and bool(env.obj["spec"].get("nodeName"))
    found = [
        event
        for event in api.store.list(EVENTS, env.namespace or None)
        if event.obj.get("type") == "Warning"
        and (event.obj.get("involvedObject") or {}).get("uid") == env.uid
        and not (placed and event.obj.get("reason") == "FailedScheduling")
    ]
    found.sort(key=lambda event: event.revision, reverse=True)
    lines = []
    for event in found[:_EVENTS]:
        obj = event.obj
        count = (obj.get("series") or {}).get("count") or obj.get("count") or 1
        times = f" (×{count})" if count > 1 else ""
        lines.append(Finding("warn", f"{obj.get('reason', '')}{times}: {obj.get('message', '')}"))
    return lines


def faults(api: Api, means: Callable[[Fault], bool]) -> list[Finding]:
    """What is broken on purpose about an object, and until when."""
    found: list[Finding] = []
    for env in api.store.list(FAULTS):
        if is_active(env) and means(fault := read(env)):
            end = (env.obj.get("status") or {}).get("endTime")
            until = f"for {span(parse_time(end) - api.clock.now())} more" if end else "until it is ended"
            found.append(about("bad", f"Fault {fault.name} ({fault.action}) breaks it on purpose, {until}.", env))
    return found


def condition(obj: JsonObject, name: str) -> dict[str, Any]:
    """A condition of the object's status; empty without one."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == name), {})


def bad_conditions(obj: JsonObject) -> list[Finding]:
    """Conditions that say something is wrong, in their own words."""
    found = []
    for each in (obj.get("status") or {}).get("conditions") or ():
        if not isinstance(each, dict) or "status" not in each:
            continue
        wrong = each["status"] == "True" if each.get("type") in _FAILING else each["status"] != "True"
        if wrong:
            words = ": ".join(part for part in (each.get("reason"), each.get("message")) if part)
            found.append(Finding("warn", f"{each.get('type')} is {each['status']}{f' ({words})' if words else ''}"))
    return found


def deletion(env: Envelope) -> list[Finding]:
    """What a deletion waits for."""
    if not env.deleting:
        return []
    finalizers = env.obj["metadata"].get("finalizers") or ()
    if not finalizers:
        return [Finding("warn", "It is being deleted.")]
    names = ", ".join(finalizers)
    return [Finding("bad", f"It is being deleted and waits for whoever has to take away its finalizers: {names}.")]


def pods_of(api: Api, owner: Envelope) -> list[Envelope]:
    """The pods that an object controls."""
    return [env for env in api.store.owned_by(owner.uid) if env.key.resource == PODS and env.owner == owner.uid]


def is_ready(pod: Envelope) -> bool:
    return condition(pod.obj, "Ready").get("status") == "True"


def pod_trouble(api: Api, pods: Sequence[Envelope]) -> list[Finding]:
    """What keeps pods from being ready: the same trouble told once, the pod it is told of linked."""
    troubled = [pod for pod in pods if not is_ready(pod) and not pod.deleting]
    told: dict[str, Envelope] = {}
    counts: Counter[str] = Counter()
    for pod in troubled:
        text = _trouble_of(api, pod)
        counts[text] += 1
        told.setdefault(text, pod)
    found = []
    for text, number in counts.most_common(_PODS):
        who = f"Pod {told[text].name}" if number == 1 else f"{number} pods, among them {told[text].name}"
        found.append(about("bad", f"{who}: {text}", told[text]))
    return found


def _trouble_of(api: Api, pod: Envelope) -> str:
    scheduled = condition(pod.obj, "PodScheduled")
    if not pod.obj["spec"].get("nodeName"):
        return f"Pending, {scheduled['message']}" if scheduled.get("message") else "Pending, not scheduled yet"
    headline, _ = status_report(api, pod)
    # The same trouble names another pod in each message; who it is is told before it.
    return _NAMED.sub("", headline).replace(pod.name, "the pod")


def since(api: Api, text: str | None) -> str:
    """` for 90s`; "" when the instant is not known."""
    if not text:
        return ""
    return f" for {span(api.clock.now() - parse_time(text))}"


def span(micros: int) -> str:
    """`90s`, `12m`, `3h20m`: rough, as people say it."""
    seconds = max(0, micros // 1_000_000)
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 7200:
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h{seconds % 3600 // 60}m" if seconds < 172_800 else f"{seconds // 86_400}d"


def find(api: Api, group: str, plural: str, namespace: str, name: str) -> Envelope | None:
    return api.store.get(ObjectKey(group, plural, namespace, name))
