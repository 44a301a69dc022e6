"""Why a pod is where it is: node by node while it has none, in the kubelet's words once it has.

Everything is computed anew from the present, with the same plugins that schedule. All filters are asked on every
node, not only up to the first refusal, so that the report can say which single change would make the most nodes fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.api.kinds import PODS
from engine.api.server import Api
from engine.client import NodeVerdict, WhyReport
from engine.clock import rfc3339
from engine.scheduler.explain_status import status_report
from engine.scheduler.framework import PostFilterResult
from engine.scheduler.messages import NO_NODES
from engine.scheduler.nodes import Ints
from engine.scheduler.placement import refusal_message
from engine.scheduler.podclass import PodClass
from engine.scheduler.profile import PluginError
from engine.scheduler.scheduler import Scheduler
from store.types import Attempt, Envelope

_HELP_LINES = 3
"""Changes that are proposed at most."""


def why(api: Api, scheduler: Scheduler, namespace: str, pod: str) -> WhyReport:
    """The report for one pod. Raises NotFound."""
    env = api.get(PODS, namespace, pod)
    spec: Mapping[str, Any] = env.obj["spec"]
    attempts = _attempts(scheduler.attempts.of(env.uid))
    phase = (env.obj.get("status") or {}).get("phase")
    if spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        headline, explanation = status_report(api, env)
        return WhyReport(headline, explanation, (), attempts)
    if env.obj["metadata"].get("deletionTimestamp"):
        return WhyReport("The pod is being deleted", ("It never had a node; it goes as soon as it can.",), (), attempts)
    name = spec.get("schedulerName") or scheduler.config.profiles[0].scheduler_name
    if name not in scheduler.profiles:
        only = ", ".join(scheduler.profiles)
        line = f"Only {only} runs in this cluster: nobody will schedule this pod."
        return WhyReport(f"Waiting for scheduler {name}", (line,), (), attempts)
    if gates := spec.get("schedulingGates"):
        names = ", ".join(gate["name"] for gate in gates)
        line = f"It is tried once nobody holds it back any more: remove the scheduling gates {names}."
        return WhyReport("Scheduling is blocked due to non-empty scheduling gates", (line,), (), attempts)
    try:
        return _placement(scheduler, env, attempts)
    except PluginError as error:
        return WhyReport(
            str(error), ("The scheduler cannot judge this pod; it tries again after a back-off.",), (), attempts
        )


def _placement(scheduler: Scheduler, env: Envelope, attempts: tuple[Mapping[str, Any], ...]) -> WhyReport:
    nodes = scheduler.nodes
    pod = scheduler.class_of(env)
    profile = scheduler.profile_of(pod)
    if not nodes.count:
        return WhyReport(NO_NODES, ("The cluster has no node: add one.",), (), attempts)
    view = scheduler.view(pod)
    refusing = _refusing(scheduler, pod)
    fitting = [row for row in nodes.rows() if view.total(row) >= 0]
    verdicts = [_fits(scheduler, pod, row) for row in fitting]
    verdicts.sort(key=lambda verdict: (-(verdict.score or 0), verdict.node))
    refused = sorted((row for row in nodes.rows() if view.total(row) < 0), key=lambda row: nodes.names[row])
    verdicts += [_refused(scheduler, pod, row, refusing) for row in refused]
    if fitting:
        headline = f"{len(fitting)} of {nodes.count} nodes would take the pod"
        lines = [f"It is about to be tried; {verdicts[0].node} has the best score."]
    else:
        headline, result = refusal_message(env, pod, nodes, profile, scheduler.diagnosis(env, pod))
        lines = [*_room(scheduler, result), *_help(scheduler, pod, refused, refusing)]
    return WhyReport(headline, (*lines, *_when(scheduler, env)), tuple(verdicts), attempts)


def _refusing(scheduler: Scheduler, pod: PodClass) -> dict[str, Ints]:
    """Every filter's code for every row; rows that PreFilter leaves out count as refused by that plugin."""
    nodes = scheduler.nodes
    found = {}
    for plugin in scheduler.profile_of(pod).filters:
        if not plugin.concerns(pod):
            continue
        try:
            codes = plugin.filter(pod, nodes, nodes.all_rows)
        except Exception as error:
            raise PluginError(plugin.name, "filter", error) from error
        if codes.any():
            found[plugin.name] = codes
    return found


def _fits(scheduler: Scheduler, pod: PodClass, row: int) -> NodeVerdict:
    view = scheduler.view(pod)
    return NodeVerdict(
        scheduler.nodes.names[row], True, "", (), (), view.total(row), view.score_parts(row)
    )  # fmt: skip


def _refused(scheduler: Scheduler, pod: PodClass, row: int, refusing: Mapping[str, Ints]) -> NodeVerdict:
    nodes = scheduler.nodes
    first = ""
    reasons: tuple[str, ...] = ()
    details: list[str] = []
    for plugin in scheduler.profile_of(pod).filters:
        codes = refusing.get(plugin.name)
        if codes is not None and codes[row]:
            if not first:
                first, reasons = plugin.name, plugin.reasons(int(codes[row]), nodes)
            details += plugin.explain(pod, nodes, row)
    return NodeVerdict(nodes.names[row], False, first, reasons, tuple(details))


def _room(scheduler: Scheduler, result: PostFilterResult) -> list[str]:
    """What preemption would do."""
    if not result.nominated:
        return []
    names = [f"{who.namespace}/{who.name}" for who in (scheduler.nodes.identity(uid) for uid in result.victims)]
    return [f"Preemption makes room on {result.nominated} by removing {', '.join(names)}."] if names else []


def _help(scheduler: Scheduler, pod: PodClass, refused: list[int], refusing: Mapping[str, Ints]) -> list[str]:
    """Which single change makes the most nodes fit."""
    count = sum((codes[refused] != 0).astype(np.int64) for codes in refusing.values())
    proposals = []
    for plugin in scheduler.profile_of(pod).filters:
        codes = refusing.get(plugin.name)
        if codes is None:
            continue
        alone = [row for row, n in zip(refused, count, strict=True) if n == 1 and codes[row]]
        if alone:
            which = scheduler.nodes.names[alone[0]] if len(alone) == 1 else f"{len(alone)} nodes"
            proposals.append((len(alone), f"{which}: {plugin.remedy(pod, scheduler.nodes, alone)}"))
    if not proposals:
        return ["No single change helps: every node refuses the pod for two reasons or more."]
    proposals.sort(key=lambda proposal: -proposal[0])
    lines = [f"Would make it fit on {text}." for _, text in proposals[:_HELP_LINES]]
    both = int(np.count_nonzero(np.asarray(count) > 1))
    if both:
        lines.append(
            f"{both} nodes refuse it for two reasons or more."
            if both > 1
            else "1 node refuses it for two reasons or more."
        )
    return lines


def _when(scheduler: Scheduler, env: Envelope) -> list[str]:
    """When the pod is tried again."""
    queued = scheduler.queue.get(env.uid)
    if queued is None:
        return []
    if queued.where == "backoff":
        return [f"It backs off until {rfc3339(queued.backoff_until)} (attempt {queued.attempts} failed)."]
    if queued.where == "unschedulable":
        latest = rfc3339(queued.timestamp + scheduler.config.max_in_unschedulable)
        names = ", ".join(queued.rejectors)
        return [f"Tried {queued.attempts}×; again when something changes for {names}, at the latest at {latest}."]
    return []


def _attempts(rows: list[Attempt]) -> tuple[Mapping[str, Any], ...]:
    """One line per attempt, newest first."""
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        if row.attempt in found:
            continue
        placed = row.verdict == "Scheduled"
        found[row.attempt] = {
            "attempt": row.attempt, "time": rfc3339(row.cluster_time), "node": row.node,
            "result": "Scheduled" if placed else "Error" if row.plugin else "Unschedulable",
            "message": f"Successfully assigned {row.namespace}/{row.pod} to {row.node}" if placed else row.verdict,
        }  # fmt: skip
    return tuple(found[number] for number in sorted(found, reverse=True))
