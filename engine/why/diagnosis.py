"""`diagnose`: one question for all kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from engine.api import kinds
from engine.api.server import Api
from engine.client import Diagnosis, Finding
from engine.faults.effects import POD_ACTIONS
from engine.scheduler.explain_status import status_report
from engine.why import batch, nodes, policy, services, storage, workloads
from engine.why.parts import about, bad_conditions, deletion, diagnosis, faults, is_ready, warnings
from store.types import Envelope, Resource

_Diagnose = Callable[[Api, Envelope], Diagnosis]


def _pod(api: Api, env: Envelope) -> Diagnosis:
    headline, explanation = status_report(api, env)
    fine = is_ready(env) or (env.obj.get("status") or {}).get("phase") == "Succeeded"
    lines = [Finding("" if fine else "bad", line) for line in explanation]
    node = api.find(kinds.NODES, "", env.obj["spec"].get("nodeName") or "")
    where = [about("", f"It is on node {node.name}.", node)] if node is not None else []
    broken = faults(api, lambda fault: fault.action in POD_ACTIONS and fault.means_pod(env))
    return diagnosis(headline, [*deletion(env), *broken, *lines, *where, *([] if fine else warnings(api, env))], fine)


def _other(api: Api, env: Envelope) -> Diagnosis:
    """Kinds without an explanation of their own: deletion, conditions, Warning events."""
    findings = [*deletion(env), *bad_conditions(env.obj), *warnings(api, env)]
    headline = "Something is the matter" if findings else "Nothing is known to be the matter"
    return diagnosis(headline, findings, not findings)


def _event(api: Api, env: Envelope) -> Diagnosis:
    """What an event tells of, and what is the matter with that now: the event itself is never unwell."""
    told = env.obj.get("involvedObject") or {}
    headline = f"{env.obj.get('reason', '')}: {env.obj.get('message', '')}"
    kind = api.kinds.by_kind(told.get("apiVersion") or "v1", told.get("kind") or "")
    namespace, name = told.get("namespace") or "", told.get("name") or ""
    target = api.find(kind.stored_as, namespace if kind.namespaced else "", name) if kind is not None else None
    what = f"{told.get('kind', '')} {name}".strip()
    if target is None or target.uid != (told.get("uid") or target.uid):
        return diagnosis(headline, [Finding("", f"It tells of {what}, which is gone.")], fine=True)
    if target.key.resource == env.key.resource:
        return diagnosis(headline, [about("", f"It tells of {what}.", target)], fine=True)
    now = diagnose(api, target.key.resource, target.namespace, target.name)
    present = about("" if now.tone == "ok" else now.tone, f"It tells of {what}, which now is: {now.headline}", target)
    return diagnosis(headline, [present, *now.findings], now.tone == "ok")


_KINDS: Final[Mapping[Resource, _Diagnose]] = {
    kinds.EVENTS: _event,
    kinds.PODS: _pod,
    kinds.DEPLOYMENTS: workloads.deployment,
    kinds.REPLICASETS: workloads.replicated,
    kinds.REPLICATIONCONTROLLERS: workloads.replicated,
    kinds.STATEFULSETS: workloads.replicated,
    kinds.DAEMONSETS: workloads.daemon_set,
    kinds.JOBS: batch.job,
    kinds.CRONJOBS: batch.cron_job,
    kinds.NODES: nodes.node,
    kinds.PDBS: policy.budget,
    kinds.RESOURCEQUOTAS: policy.quota,
    kinds.HPAS: policy.autoscaler,
    kinds.NAMESPACES: policy.namespace,
    kinds.PERSISTENTVOLUMECLAIMS: storage.claim,
    kinds.PERSISTENTVOLUMES: storage.volume,
    kinds.SERVICES: services.service,
    kinds.INGRESSES: services.ingress,
}


def diagnose(api: Api, resource: Resource, namespace: str, name: str) -> Diagnosis:
    """What is the matter with an object. Raises NotFound."""
    return _KINDS.get(resource, _other)(api, api.get(resource, namespace, name))
