"""Why a Job does not complete, and when a CronJob runs next."""

from __future__ import annotations

from engine.api.kinds import JOBS
from engine.api.server import Api
from engine.client import Diagnosis, Finding
from engine.clock import parse_time, rfc3339
from engine.controllers.cronjob.cron import UnknownZone, schedule_of
from engine.controllers.cronjob.missed import next_look
from engine.why.parts import about, condition, deletion, diagnosis, pod_trouble, pods_of, span, warnings
from store.types import Envelope


def job(api: Api, env: Envelope) -> Diagnosis:
    spec, status = env.obj["spec"], env.obj.get("status") or {}
    wanted = spec.get("completions")
    succeeded, failed, active = (status.get(name, 0) for name in ("succeeded", "failed", "active"))
    findings = deletion(env)
    for name in ("Failed", "FailureTarget"):
        ended = condition(env.obj, name)
        if ended.get("status") == "True":
            findings.append(Finding("bad", f"{ended.get('reason')}: {ended.get('message')}"))
            break
    complete = condition(env.obj, "Complete").get("status") == "True"
    if spec.get("suspend"):
        findings.append(Finding("warn", "It is suspended: nothing runs until spec.suspend is false."))
    limit = spec.get("backoffLimit")
    if failed and not complete and limit is not None:
        findings.append(Finding("warn", f"{failed} pods failed; it gives up after more than {limit}."))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not complete and status.get("startTime"):
        left = parse_time(status["startTime"]) + deadline * 1_000_000 - api.clock.now()
        text = "is over" if left <= 0 else f"comes in {span(left)}"
        findings.append(Finding("warn", f"Its deadline of {deadline}s {text}."))
    pods = pods_of(api, env)
    if not complete:
        findings += pod_trouble(api, [pod for pod in pods if _phase(pod) in ("Pending", "Running")])
        findings += _last_failure(pods)
    of = f" of {wanted}" if wanted is not None else ""
    headline = f"{succeeded}{of} succeeded, {active} active, {failed} failed"
    return diagnosis(headline, [*findings, *([] if complete else warnings(api, env))], complete)


def _phase(pod: Envelope) -> str:
    return str((pod.obj.get("status") or {}).get("phase", "Pending"))


def _last_failure(pods: list[Envelope]) -> list[Finding]:
    failed = sorted((pod for pod in pods if _phase(pod) == "Failed"), key=lambda pod: pod.created)
    if not failed:
        return []
    status = failed[-1].obj.get("status") or {}
    for each in status.get("containerStatuses") or ():
        ended = (each.get("state") or {}).get("terminated")
        if ended and ended.get("exitCode"):
            text = f"Pod {failed[-1].name}: container {each['name']} ended with exit code {ended['exitCode']}"
            return [about("bad", f"{text} ({ended.get('reason', 'Error')}).", failed[-1])]
    return [about("bad", f"Pod {failed[-1].name} failed: {status.get('reason') or 'no reason is told'}.", failed[-1])]


def cron_job(api: Api, env: Envelope) -> Diagnosis:
    spec, status = env.obj["spec"], env.obj.get("status") or {}
    findings = deletion(env)
    now = api.clock.now()
    headline = f"Schedule {spec['schedule']}"
    try:
        wait = next_look(env.obj, schedule_of(spec["schedule"], spec.get("timeZone") or ""), now)
        headline += ", never due" if wait is None else f", next in {span(wait)} at {rfc3339(now + wait)}"
    except (UnknownZone, ValueError) as error:
        findings.append(Finding("bad", f"Its schedule cannot be read: {error}"))
    if spec.get("suspend"):
        findings.insert(0, Finding("warn", "It is suspended: no Job is created until spec.suspend is false."))
    if status.get("lastScheduleTime"):
        findings.append(Finding("", f"Last scheduled at {status['lastScheduleTime']}."))
    else:
        findings.append(Finding("", "It was never due yet."))
    for reference in status.get("active") or ():
        running = api.find(JOBS, env.namespace, reference["name"])
        if running is not None:
            policy = spec.get("concurrencyPolicy", "Allow")
            effect = {"Forbid": "while it runs no other is started", "Replace": "the next one replaces it"}
            text = f"Job {running.name} is active; {effect.get(policy, 'others may run beside it')}."
            findings.append(about("warn" if policy == "Forbid" else "", text, running))
    return diagnosis(headline, [*findings, *warnings(api, env)], not spec.get("suspend"))
