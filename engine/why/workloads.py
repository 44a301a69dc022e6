"""Why a workload is not where its spec says: which ReplicaSet, which refusal, which pods."""

from __future__ import annotations

from engine.api.kinds import REPLICASETS
from engine.api.server import Api
from engine.client import Diagnosis, Finding
from engine.why.parts import about, condition, deletion, diagnosis, is_ready, pod_trouble, pods_of, since, warnings
from store.types import Envelope


def deployment(api: Api, env: Envelope) -> Diagnosis:
    spec, status = env.obj["spec"], env.obj.get("status") or {}
    wanted, available = spec.get("replicas", 1), status.get("availableReplicas", 0)
    updated = status.get("updatedReplicas", 0)
    findings = deletion(env)
    if spec.get("paused"):
        findings.append(Finding("warn", "It is paused: a changed template is not rolled out until it is resumed."))
    progressing = condition(env.obj, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        deadline = spec.get("progressDeadlineSeconds", 600)
        ago = since(api, progressing.get("lastTransitionTime"))
        findings.append(
            Finding("bad", f"ProgressDeadlineExceeded{ago}: no progress within {deadline}s. {progressing['message']}")
        )
    failure = condition(env.obj, "ReplicaFailure")
    if failure.get("status") == "True":
        findings.append(Finding("bad", f"{failure.get('reason')}: {failure.get('message')}"))
    sets = [each for each in api.store.owned_by(env.uid) if each.key.resource == REPLICASETS]
    sets.sort(key=lambda each: each.created, reverse=True)
    rolling = [each for each in sets if _counts(each)]
    for each in rolling:
        findings += _replica_set_line(each, len(rolling) > 1)
        findings += pod_trouble(api, pods_of(api, each))
    if not wanted:
        findings.append(Finding("warn", "It is scaled to 0: nothing runs."))
    elif updated < wanted and rolling[1:] and not findings:
        findings.append(Finding("", "It rolls out: pods of the older ReplicaSet go as new ones become available."))
    fine = available >= wanted and updated >= wanted
    headline = f"{available} of {wanted} available, {updated} of {wanted} up to date"
    return diagnosis(headline, [*findings, *([] if fine else warnings(api, env))], fine)


def _counts(env: Envelope) -> bool:
    """It wants pods, or still has some."""
    return bool(env.obj["spec"].get("replicas") or (env.obj.get("status") or {}).get("replicas"))


def _replica_set_line(env: Envelope, several: bool) -> list[Finding]:
    status = env.obj.get("status") or {}
    found = []
    if several:
        numbers = f"{status.get('readyReplicas', 0)} ready of {status.get('replicas', 0)}"
        found.append(about("", f"ReplicaSet {env.name} wants {env.obj['spec'].get('replicas', 0)}: {numbers}", env))
    failure = condition(env.obj, "ReplicaFailure")
    if failure.get("status") == "True":
        found.append(about("bad", f"ReplicaSet {env.name} cannot create pods: {failure.get('message')}", env))
    return found


def replicated(api: Api, env: Envelope) -> Diagnosis:
    """ReplicaSets, ReplicationControllers and StatefulSets."""
    spec, status = env.obj["spec"], env.obj.get("status") or {}
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    findings = deletion(env)
    failure = condition(env.obj, "ReplicaFailure")
    if failure.get("status") == "True":
        findings.append(Finding("bad", f"{failure.get('reason')}: {failure.get('message')}"))
    pods = pods_of(api, env)
    findings += pod_trouble(api, pods)
    ordered = env.key.plural == "statefulsets" and spec.get("podManagementPolicy") != "Parallel"
    if ordered and ready < wanted:
        first = next((pod for pod in sorted(pods, key=_ordinal) if not is_ready(pod)), None)
        if first is not None and len(pods) < wanted:
            text = f"Pods come one after another: the next waits until {first.name} is ready."
            findings.append(about("", text, first))
    if not wanted:
        findings.append(Finding("warn", "It is scaled to 0: nothing runs."))
    fine = ready >= wanted
    return diagnosis(f"{ready} of {wanted} ready", [*findings, *([] if fine else warnings(api, env))], fine)


def daemon_set(api: Api, env: Envelope) -> Diagnosis:
    status = env.obj.get("status") or {}
    wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    findings = [*deletion(env), *pod_trouble(api, pods_of(api, env))]
    if status.get("numberMisscheduled"):
        findings.append(Finding("warn", f"{status['numberMisscheduled']} run on nodes that they should not be on."))
    if not wanted:
        findings.append(Finding("warn", "No node matches: its nodeSelector, affinity or tolerations fit none."))
    fine = ready >= wanted and bool(wanted)
    return diagnosis(f"{ready} of {wanted} nodes ready", [*findings, *([] if fine else warnings(api, env))], fine)


def _ordinal(pod: Envelope) -> int:
    tail = pod.name.rpartition("-")[2]
    return int(tail) if tail.isdigit() else 0
