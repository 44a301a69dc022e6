"""Budgets, quotas, autoscalers and namespaces: what they allow, and what they wait for."""

from __future__ import annotations

from engine.api import quantity
from engine.api.kinds import PODS
from engine.api.selectors import from_spec
from engine.api.server import Api
from engine.client import Diagnosis, Finding
from engine.why.parts import about, bad_conditions, condition, deletion, diagnosis, pod_trouble, warnings
from store.types import Envelope


def budget(api: Api, env: Envelope) -> Diagnosis:
    status = env.obj.get("status") or {}
    healthy, wanted, allowed = (status.get(n, 0) for n in ("currentHealthy", "desiredHealthy", "disruptionsAllowed"))
    selector = env.obj["spec"].get("selector")
    pods = [] if selector is None else [
        pod for pod in api.store.list(PODS, env.namespace) if from_spec(selector).matches(pod.labels)
    ]  # fmt: skip
    findings = deletion(env)
    if not pods:
        findings.append(Finding("warn", "Its selector matches no pod."))
    elif not allowed:
        short = wanted + 1 - healthy
        findings.append(Finding("bad", f"No pod may be evicted: {short} more healthy pods would allow one eviction."))
        findings += pod_trouble(api, pods)
    headline = f"{healthy} healthy of {status.get('expectedPods', 0)}, {wanted} wanted, {allowed} may go"
    return diagnosis(headline, findings, bool(allowed))


def quota(api: Api, env: Envelope) -> Diagnosis:
    status = env.obj.get("status") or {}
    used = status.get("used") or {}
    findings = []
    for name, hard in sorted((status.get("hard") or {}).items()):
        full = quantity.milli(used.get(name, "0")) >= quantity.milli(hard)
        text = f"{name}: {used.get(name, '0')} of {hard}"
        findings.append(Finding("bad", f"{text}, full") if full else Finding("", text))
    full_names = [finding for finding in findings if finding.tone]
    headline = f"{len(full_names)} of {len(findings)} limits are reached" if full_names else "No limit is reached"
    return diagnosis(headline, findings, not full_names)


def autoscaler(api: Api, env: Envelope) -> Diagnosis:
    spec, status = env.obj["spec"], env.obj.get("status") or {}
    now, wanted = status.get("currentReplicas", 0), status.get("desiredReplicas", 0)
    findings = [*deletion(env), *bad_conditions(env.obj)]
    limited = condition(env.obj, "ScalingLimited")
    # It is limited when True; that it is not (False) is no trouble.
    findings = [finding for finding in findings if not finding.text.startswith("ScalingLimited")]
    if limited.get("status") == "True":
        findings.append(Finding("warn", f"{limited.get('reason')}: {limited.get('message')}"))
    target = spec["scaleTargetRef"]
    kind = api.kinds.by_kind(target.get("apiVersion", "apps/v1"), target["kind"])
    env_target = api.find(kind.stored_as, env.namespace, target["name"]) if kind is not None else None
    if env_target is None:
        findings.insert(0, Finding("bad", f"{target['kind']} {target['name']} does not exist."))
    else:
        findings.append(about("", f"It scales {target['kind']} {target['name']}.", env_target))
    bounds = f"between {spec.get('minReplicas', 1)} and {spec['maxReplicas']}"
    fine = not any(finding.tone == "bad" or finding.tone == "warn" for finding in findings)
    if not fine:
        findings += warnings(api, env)
    return diagnosis(f"{now} replicas, {wanted} wanted, {bounds}", findings, fine)


def namespace(api: Api, env: Envelope) -> Diagnosis:
    if not env.deleting:
        return diagnosis("Active", [], True)
    findings = []
    for each in (env.obj.get("status") or {}).get("conditions") or ():
        if each.get("status") == "True":
            findings.append(Finding("bad", f"{each['type']}: {each.get('message')}"))
    left = 0
    for kind in api.kinds.all():
        if kind.namespaced and kind.stored:
            for held in api.store.list(kind.stored_as, env.name):
                left += 1
                finalizers = held.obj["metadata"].get("finalizers")
                if finalizers and held.deleting:
                    text = f"{kind.resource} {held.name} waits for its finalizers: {', '.join(finalizers)}"
                    findings.append(about("bad", text, held))
    return diagnosis(f"Terminating, {left} objects are left in it", findings)
