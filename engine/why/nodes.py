"""What is the matter with a node: since when it is silent, what is evicted when, what keeps a drain from ending."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.api.kinds import LEASES, PDBS, PODS
from engine.api.selectors import from_spec
from engine.api.server import Api
from engine.client import Diagnosis, Finding
from engine.clock import parse_time
from engine.controllers.taint_eviction import no_execute, shortest_toleration
from engine.why.parts import about, condition, diagnosis, faults, since, span, warnings
from store.types import Envelope

_PRESSURES: Final = ("MemoryPressure", "DiskPressure", "PIDPressure")
_TOLD: Final = 8
"""Pods that are told one by one."""


def node(api: Api, env: Envelope) -> Diagnosis:
    spec = env.obj.get("spec") or {}
    ready = condition(env.obj, "Ready")
    findings: list[Finding] = []
    is_ready = ready.get("status") == "True"
    headline = "Ready" if is_ready else f"NotReady{since(api, ready.get('lastTransitionTime'))}"
    if not is_ready:
        words = ": ".join(part for part in (ready.get("reason"), ready.get("message")) if part) or "it never reported"
        findings.append(Finding("bad", words))
        findings += _heartbeat(api, env)
    findings += faults(api, lambda fault: fault.means_node(env))
    for name in _PRESSURES:
        found = condition(env.obj, name)
        if found.get("status") == "True":
            ago = since(api, found.get("lastTransitionTime"))
            findings.append(Finding("bad", f"{name}{ago}: {found.get('message')}; pods are evicted, BestEffort first."))
    for taint in spec.get("taints") or ():
        findings.append(Finding("warn", f"Taint {taint['key']}{_value(taint)}:{taint['effect']} keeps pods away."))
    pods = [pod for pod in api.store.list(PODS) if (pod.obj["spec"].get("nodeName")) == env.name]
    findings += _evictions(api, env, pods)
    if spec.get("unschedulable"):
        findings.append(Finding("warn", "It is cordoned: no new pod comes until it is uncordoned."))
        findings += drain_blocks(api, pods)
    return diagnosis(headline, [*findings, *([] if is_ready else warnings(api, env))], is_ready)


def _value(taint: dict[str, str]) -> str:
    return f"={taint['value']}" if taint.get("value") else ""


def _heartbeat(api: Api, env: Envelope) -> Iterator[Finding]:
    lease = api.find(LEASES, "kube-node-lease", env.name)
    renewed = (lease.obj.get("spec") or {}).get("renewTime") if lease is not None else None
    if renewed:
        yield Finding("", f"Its kubelet renewed its lease last {span(api.clock.now() - parse_time(renewed))} ago.")
    if (env.obj["metadata"].get("annotations") or {}).get("kubarium.dev/kubelet") == "stopped":
        yield Finding("bad", "Its kubelet is stopped (annotation kubarium.dev/kubelet).")


def _evictions(api: Api, env: Envelope, pods: list[Envelope]) -> Iterator[Finding]:
    """Which pods go when, because of NoExecute taints."""
    taints = no_execute(env)
    if not taints:
        return
    now = api.clock.now()
    added = min((parse_time(taint["timeAdded"]) for taint in taints if taint.get("timeAdded")), default=now)
    stay = 0
    leaving: list[tuple[int, Envelope]] = []
    for pod in pods:
        toleration = shortest_toleration(taints, pod.obj["spec"].get("tolerations") or ())
        if pod.deleting:
            yield about("bad", f"Pod {pod.name} is marked for deletion; its kubelet has to confirm that it ended.", pod)
        elif toleration is None:
            stay += 1
        else:
            leaving.append((added + toleration - now, pod))
    for left, pod in sorted(leaving, key=lambda pair: (pair[0], pair[1].key))[:_TOLD]:
        when = f"in {span(left)}" if left > 0 else "now"
        yield about("warn", f"Pod {pod.namespace}/{pod.name} is evicted {when}.", pod)
    if len(leaving) > _TOLD:
        more = len(leaving) - _TOLD
        yield Finding("warn", f"and {more} more {'pod' if more == 1 else 'pods'}.")
    if stay:
        who = "1 pod tolerates" if stay == 1 else f"{stay} pods tolerate"
        yield Finding("", f"{who} it for ever (those of DaemonSets do).")


def drain_blocks(api: Api, pods: list[Envelope]) -> Iterator[Finding]:
    """Budgets that allow no eviction of these pods, and how many pods they are short."""
    budgets: dict[str, tuple[Envelope, int]] = {}
    for pod in pods:
        if pod.deleting or (pod.obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            continue
        for budget in api.store.list(PDBS, pod.namespace):
            selector = budget.obj["spec"].get("selector")
            if selector is not None and from_spec(selector).matches(pod.labels):
                kept = budgets.get(budget.uid)
                budgets[budget.uid] = (budget, (kept[1] if kept else 0) + 1)
    for budget, held in budgets.values():
        status = budget.obj.get("status") or {}
        if status.get("disruptionsAllowed", 0) > 0:
            continue
        healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
        text = (
            f"Budget {budget.namespace}/{budget.name} holds {held} of its pods: it wants {wanted} healthy and has "
            f"{healthy}; {wanted + 1 - healthy} more would let one go."
        )
        yield about("bad", text, budget)
