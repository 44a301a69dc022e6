"""The log told as news: what a person who looks back wants to stop at.

Of all revisions most are routine: a kubelet's report, a count in a status. News is what people did, Warning events,
nodes that became ready or not, were tainted or cordoned, pods that failed, crashed or were evicted, conditions of
workloads that turned, and objects of people that came or went (dependents of controllers come and go unnoticed).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from engine.api.kinds import EVENTS, NODES, PODS
from engine.client.history import Moment, MomentFilter
from store.history import History
from store.types import JsonObject, Resource, Revision, RevisionRecord

_PAGE: Final = 500
_PAGES: Final = 40
"""Revisions looked at for one answer: 20,000. Then it is told with what was found."""
_VERBS: Final[Mapping[str, str]] = {"create": "created", "update": "changed", "delete": "deleted"}


def moments(
    history: History, *, before: Revision | None, after: Revision | None, limit: int, only: MomentFilter
) -> list[Moment]:
    """News up to `before`, newest first, or from `after` on, oldest first. Cascades of one action are one moment."""
    found: list[Moment] = []
    told: set[str] = set()
    resource = Resource.parse(only.resource) if only.resource else None
    for _ in range(_PAGES):
        page = history.told(
            until=before, after=after, limit=_PAGE, who=only.who, resource=resource, namespace=only.namespace,
            name=only.name,
        )  # fmt: skip
        for record, was in page:
            moment = news_of(record, was)
            if moment is None or (only.kinds and moment.kind not in only.kinds):
                continue
            if moment.intent:
                if moment.intent in told:
                    continue
                told.add(moment.intent)
            found.append(moment)
            if len(found) == limit:
                return found
        if len(page) < _PAGE:
            return found
        last = page[-1][0].revision
        if after is not None:
            after = last
        else:
            before = Revision(last - 1)
    return found


def news_of(record: RevisionRecord, was: bytes | None) -> Moment | None:
    """One revision as news; None when it is routine."""
    now: JsonObject = orjson.loads(record.raw)
    before: JsonObject | None = orjson.loads(was) if was is not None else None
    resource = record.key.resource
    if record.author.intent:
        title = record.author.intent.partition(" ")[2] or f"{_VERBS[record.op]} {record.key}"
        return _moment(record, "action", title)
    if resource == EVENTS:
        if record.op != "create" or now.get("type") != "Warning":
            return None
        about = now.get("involvedObject") or now.get("regarding") or {}
        text = now.get("message") or now.get("note") or ""
        return _moment(
            record, "warning", f"{now.get('reason', '')} {about.get('kind', '')} {about.get('name')}: {text}"
        )
    if resource == NODES:
        return _about_node(record, now, before)
    if resource == PODS:
        title = _about_pod(now, before)
        if title:
            return _moment(record, "pod", title)
    elif before is not None and record.op == "update":
        turned = _turned_conditions(now, before)
        if turned:
            return _moment(record, "workload", f"{now.get('kind', '')} {record.key.name} {', '.join(turned)}")
    if record.op == "update" or now["metadata"].get("ownerReferences"):
        return None
    return _moment(record, "object", f"{_VERBS[record.op]} {record.key}")


def _moment(record: RevisionRecord, kind: str, title: str) -> Moment:
    key = record.key
    return Moment(
        record.revision, record.cluster_time, record.author.who, record.author.intent, kind,  # type: ignore[arg-type]
        str(key.resource), key.namespace, key.name, title,
    )  # fmt: skip


def _about_node(record: RevisionRecord, now: JsonObject, before: JsonObject | None) -> Moment | None:
    name = record.key.name
    if record.op != "update" or before is None:
        return _moment(record, "node", f"node {name} {'left' if record.op == 'delete' else 'joined'}")
    said = []
    was_ready, is_ready = _condition(before, "Ready"), _condition(now, "Ready")
    if was_ready != is_ready:
        said.append(f"Ready {was_ready or 'unknown'} → {is_ready}")
    was_taints, are_taints = _taints(before), _taints(now)
    said += [f"tainted {taint}" for taint in sorted(are_taints - was_taints)]
    said += [f"no longer tainted {taint}" for taint in sorted(was_taints - are_taints)]
    if bool(before["spec"].get("unschedulable")) != bool(now["spec"].get("unschedulable")):
        said.append("cordoned" if now["spec"].get("unschedulable") else "uncordoned")
    return _moment(record, "node", f"node {name} {', '.join(said)}") if said else None


def _about_pod(now: JsonObject, before: JsonObject | None) -> str:
    """What went wrong with a pod in this revision; "" for the ordinary."""
    name = f"pod {now['metadata']['name']}"
    status = now.get("status") or {}
    was = (before or {}).get("status") or {}
    if status.get("phase") == "Failed" and was.get("phase") != "Failed":
        reason = status.get("reason")
        return f"{name} failed: {reason}" if reason else f"{name} failed"
    if before is None:
        return ""
    crashed = []
    restarts = {each["name"]: each.get("restartCount", 0) for each in was.get("containerStatuses") or ()}
    for each in status.get("containerStatuses") or ():
        if each.get("restartCount", 0) > restarts.get(each["name"], 0):
            ended = (each.get("lastState") or {}).get("terminated") or {}
            crashed.append(
                f"{each['name']} restarted ({ended.get('reason', 'Error')}, exit {ended.get('exitCode', '?')})"
            )
    return f"{name}: {', '.join(crashed)}" if crashed else ""


def _turned_conditions(now: JsonObject, before: JsonObject) -> list[str]:
    """Conditions whose status changed, other than by coming into being as True."""
    was = {each["type"]: each["status"] for each in _conditions(before)}
    turned = []
    for each in _conditions(now):
        old = was.get(each["type"])
        if old != each["status"] and not (old is None and each["status"] == "True"):
            reason = f" ({each['reason']})" if each.get("reason") else ""
            turned.append(f"{each['type']} {each['status']}{reason}")
    return turned


def _conditions(obj: JsonObject) -> list[dict[str, Any]]:
    status = obj.get("status")
    found = status.get("conditions") if isinstance(status, dict) else None
    return [each for each in found or () if isinstance(each, dict) and "type" in each and "status" in each]


def _condition(obj: JsonObject, name: str) -> str | None:
    return next((each["status"] for each in _conditions(obj) if each["type"] == name), None)


def _taints(obj: JsonObject) -> set[str]:
    return {f"{taint['key']}:{taint['effect']}" for taint in obj["spec"].get("taints") or ()}
