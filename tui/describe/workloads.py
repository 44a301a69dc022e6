"""`kubectl describe` of deployments, replica sets, stateful sets, daemon sets, jobs, cron jobs, disruption budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tui.describe.containers import pod_template
from tui.describe.parts import Json, annotation_lines, conditions, controlled_by, events, head, labels, span_text
from tui.describe.writer import DescribeWriter
from tui.kinds.spec import selector_text
from tui.times import rfc1123z

REVISION = "deployment.kubernetes.io/revision"


def _pods_status(pods: Sequence[Json]) -> str:
    """`2 Running / 0 Waiting / 0 Succeeded / 0 Failed`: the pods it controls, by phase."""
    phases = [(pod.get("status") or {}).get("phase") for pod in pods]
    counts = [phases.count(phase) for phase in ("Running", "Pending", "Succeeded", "Failed")]
    return f"{counts[0]} Running / {counts[1]} Waiting / {counts[2]} Succeeded / {counts[3]} Failed"


def controlled(obj: Json, pods: Sequence[Json]) -> list[Json]:
    """Those of `pods` whose controller is `obj`."""
    uid = obj["metadata"].get("uid")
    return [
        pod
        for pod in pods
        if any(r.get("controller") and r["uid"] == uid for r in pod["metadata"].get("ownerReferences") or ())
    ]


def _replica_sets(found: Sequence[Json]) -> str:
    texts = [
        f"{rs['metadata']['name']} ({(rs.get('status') or {}).get('replicas', 0)}/{rs['spec'].get('replicas', 0)}"
        " replicas created)"
        for rs in found
    ]
    return ", ".join(texts) or "<none>"


def describe_deployment(
    deployment: Json, replica_sets: Sequence[Json], deployment_events: Sequence[Json], now: int
) -> str:
    """`replica_sets`: those in its namespace."""
    writer = DescribeWriter()
    spec, status = deployment["spec"], deployment.get("status") or {}
    head(writer, deployment, created=True)
    writer.field("Selector", selector_text(spec.get("selector")))
    counts = (
        (spec.get("replicas", 1), "desired"), (status.get("updatedReplicas", 0), "updated"),
        (status.get("replicas", 0), "total"), (status.get("availableReplicas", 0), "available"),
        (status.get("unavailableReplicas", 0), "unavailable"),
    )  # fmt: skip
    writer.field("Replicas", " | ".join(f"{count} {word}" for count, word in counts))
    strategy = spec.get("strategy") or {"type": "RollingUpdate"}
    writer.field("StrategyType", strategy.get("type", "RollingUpdate"))
    writer.field("MinReadySeconds", spec.get("minReadySeconds", 0))
    if strategy.get("rollingUpdate"):
        rolling = strategy["rollingUpdate"]
        unavailable, surge = rolling.get("maxUnavailable", "25%"), rolling.get("maxSurge", "25%")
        writer.field("RollingUpdateStrategy", f"{unavailable} max unavailable, {surge} max surge")
    pod_template(writer, spec.get("template"))
    conditions(writer, status.get("conditions") or ())
    own = controlled(deployment, replica_sets)
    own.sort(key=lambda rs: (rs["metadata"].get("creationTimestamp") or "", rs["metadata"]["name"]))
    revision = (deployment["metadata"].get("annotations") or {}).get(REVISION)
    new = [rs for rs in own if revision and (rs["metadata"].get("annotations") or {}).get(REVISION) == revision]
    writer.field("OldReplicaSets", _replica_sets([rs for rs in own if rs not in new]))
    writer.field("NewReplicaSet", _replica_sets(new[:1]))
    events(writer, deployment_events, now)
    return writer.text()


def describe_replica_set(replica_set: Json, pods: Sequence[Json], own_events: Sequence[Json], now: int) -> str:
    writer = DescribeWriter()
    spec, status, meta = replica_set["spec"], replica_set.get("status") or {}, replica_set["metadata"]
    writer.field("Name", meta["name"])
    writer.field("Namespace", meta.get("namespace", ""))
    writer.field("Selector", selector_text(spec.get("selector")))
    labels(writer, "Labels", meta.get("labels"))
    annotation_lines(writer, "Annotations", meta.get("annotations"))
    if controlled_by(replica_set):
        writer.field("Controlled By", controlled_by(replica_set))
    writer.field("Replicas", f"{status.get('replicas', 0)} current / {spec.get('replicas', 1)} desired")
    writer.field("Pods Status", _pods_status(controlled(replica_set, pods)))
    pod_template(writer, spec.get("template"))
    conditions(writer, status.get("conditions") or ())
    events(writer, own_events, now)
    return writer.text()


def describe_stateful_set(stateful_set: Json, pods: Sequence[Json], own_events: Sequence[Json], now: int) -> str:
    writer = DescribeWriter()
    spec, status, meta = stateful_set["spec"], stateful_set.get("status") or {}, stateful_set["metadata"]
    writer.field("Name", meta["name"])
    writer.field("Namespace", meta.get("namespace", ""))
    writer.field("CreationTimestamp", rfc1123z(meta.get("creationTimestamp")))
    writer.field("Selector", selector_text(spec.get("selector")))
    labels(writer, "Labels", meta.get("labels"))
    annotation_lines(writer, "Annotations", meta.get("annotations"))
    writer.field("Replicas", f"{spec.get('replicas', 1)} desired | {status.get('replicas', 0)} total")
    strategy = spec.get("updateStrategy") or {}
    writer.field("Update Strategy", strategy.get("type", "RollingUpdate"))
    if (strategy.get("rollingUpdate") or {}).get("partition") is not None:
        writer.field("  Partition", strategy["rollingUpdate"]["partition"])
    writer.field("Pods Status", _pods_status(controlled(stateful_set, pods)))
    pod_template(writer, spec.get("template"))
    claims = spec.get("volumeClaimTemplates") or ()
    writer.line("Volume Claims:" + ("" if claims else "\t<none>"))
    for claim in claims:
        own = claim.get("spec") or {}
        writer.field("Name", claim["metadata"]["name"], 1)
        writer.field("StorageClass", own.get("storageClassName", ""), 1)
        writer.line(f"Labels:\t{_flat(claim['metadata'].get('labels'))}", 1)
        writer.line(f"Annotations:\t{_flat(claim['metadata'].get('annotations'))}", 1)
        writer.field("Capacity", ((own.get("resources") or {}).get("requests") or {}).get("storage", "<default>"), 1)
        writer.field("Access Modes", f"[{' '.join(own.get('accessModes') or ())}]", 1)
    events(writer, own_events, now)
    return writer.text()


def _flat(found: Any) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((found or {}).items())) or "<none>"


def describe_daemon_set(daemon_set: Json, pods: Sequence[Json], own_events: Sequence[Json], now: int) -> str:
    writer = DescribeWriter()
    spec, status, meta = daemon_set["spec"], daemon_set.get("status") or {}, daemon_set["metadata"]
    writer.field("Name", meta["name"])
    writer.field("Selector", selector_text(spec.get("selector")))
    template = spec.get("template") or {}
    writer.field("Node-Selector", _flat((template.get("spec") or {}).get("nodeSelector")))
    labels(writer, "Labels", meta.get("labels"))
    annotation_lines(writer, "Annotations", meta.get("annotations"))
    for words, key in (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ):
        writer.line(f"{words}: {status.get(key, 0)}")
    writer.field("Pods Status", _pods_status(controlled(daemon_set, pods)))
    pod_template(writer, template)
    events(writer, own_events, now)
    return writer.text()


def describe_job(job: Json, own_events: Sequence[Json], now: int) -> str:
    writer = DescribeWriter()
    spec, status, meta = job["spec"], job.get("status") or {}, job["metadata"]
    writer.field("Name", meta["name"])
    writer.field("Namespace", meta.get("namespace", ""))
    writer.field("Selector", selector_text(spec.get("selector")) or "<unset>")
    labels(writer, "Labels", meta.get("labels"))
    annotation_lines(writer, "Annotations", meta.get("annotations"))
    if controlled_by(job):
        writer.field("Controlled By", controlled_by(job))
    for title, key in (("Parallelism", "parallelism"), ("Completions", "completions")):
        writer.field(title, spec.get(key, "<unset>"))
    if spec.get("completionMode"):
        writer.field("Completion Mode", spec["completionMode"])
    if spec.get("suspend") is not None:
        writer.field("Suspend", str(spec["suspend"]).lower())
    if spec.get("backoffLimit") is not None:
        writer.field("Backoff Limit", spec["backoffLimit"])
    if spec.get("ttlSecondsAfterFinished") is not None:
        writer.field("TTL Seconds After Finished", spec["ttlSecondsAfterFinished"])
    if status.get("startTime"):
        writer.field("Start Time", rfc1123z(status["startTime"]))
    if status.get("completionTime"):
        writer.field("Completed At", rfc1123z(status["completionTime"]))
        writer.field("Duration", span_text(status.get("startTime"), status["completionTime"]))
    if spec.get("activeDeadlineSeconds") is not None:
        writer.field("Active Deadline Seconds", f"{spec['activeDeadlineSeconds']}s")
    active, ready = status.get("active", 0), status.get("ready")
    running = f"{active} Active ({ready} Ready)" if ready is not None else f"{active} Active"
    writer.field(
        "Pods Statuses", f"{running} / {status.get('succeeded', 0)} Succeeded / {status.get('failed', 0)} Failed"
    )
    if spec.get("completionMode") == "Indexed":
        writer.field("Completed Indexes", status.get("completedIndexes") or "<none>")
    pod_template(writer, spec.get("template"))
    events(writer, own_events, now)
    return writer.text()


def describe_cron_job(cron_job: Json, own_events: Sequence[Json], now: int) -> str:
    writer = DescribeWriter()
    spec, status = cron_job["spec"], cron_job.get("status") or {}
    head(writer, cron_job)
    writer.field("Schedule", spec.get("schedule", ""))
    if spec.get("timeZone"):
        writer.field("Time Zone", spec["timeZone"])
    writer.field("Concurrency Policy", spec.get("concurrencyPolicy", "Allow"))
    writer.field("Suspend", "True" if spec.get("suspend") else "False")
    for title, key in (
        ("Successful Job History Limit", "successfulJobsHistoryLimit"),
        ("Failed Job History Limit", "failedJobsHistoryLimit"),
    ):
        writer.field(title, spec.get(key, "<unset>"))
    deadline = spec.get("startingDeadlineSeconds")
    writer.field("Starting Deadline Seconds", "<unset>" if deadline is None else f"{deadline}s")
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    writer.field("Selector", selector_text(job.get("selector")) or "<unset>")
    for title, key in (("Parallelism", "parallelism"), ("Completions", "completions")):
        writer.field(title, job.get(key, "<unset>"))
    pod_template(writer, job.get("template"))
    if status.get("lastScheduleTime"):
        writer.field("Last Schedule Time", rfc1123z(status["lastScheduleTime"]))
    else:
        writer.field("Last Schedule Time", "<unset>")
    writer.field("Active Jobs", ", ".join(ref["name"] for ref in status.get("active") or ()) or "<none>")
    events(writer, own_events, now)
    return writer.text()


def describe_disruption_budget(budget: Json, own_events: Sequence[Json], now: int) -> str:
    writer = DescribeWriter()
    spec, status, meta = budget["spec"], budget.get("status") or {}, budget["metadata"]
    writer.field("Name", meta["name"])
    writer.field("Namespace", meta.get("namespace", ""))
    if spec.get("minAvailable") is not None:
        writer.field("Min available", spec["minAvailable"])
    elif spec.get("maxUnavailable") is not None:
        writer.field("Max unavailable", spec["maxUnavailable"])
    writer.field("Selector", selector_text(spec.get("selector")) or "<unset>")
    writer.line("Status:")
    for title, key in (
        ("Allowed disruptions", "disruptionsAllowed"), ("Current", "currentHealthy"), ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ):  # fmt: skip
        writer.field(title, status.get(key, 0), 2)
    events(writer, own_events, now)
    return writer.text()
