"""`kubectl describe pod`."""

from __future__ import annotations

from collections.abc import Sequence

from tui.describe import containers as container_parts
from tui.describe.parts import Json, annotation_lines, controlled_by, events, labels, tolerations
from tui.describe.writer import DescribeWriter
from tui.times import age, rfc1123z


def describe_pod(pod: Json, pod_events: Sequence[Json], now: int) -> str:
    """`pod_events`: events about it; `now`: cluster time."""
    writer = DescribeWriter()
    meta, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    writer.field("Name", meta["name"])
    writer.field("Namespace", meta.get("namespace", ""))
    if spec.get("priority") is not None:
        writer.field("Priority", spec["priority"])
    if spec.get("priorityClassName"):
        writer.field("Priority Class Name", spec["priorityClassName"])
    if spec.get("runtimeClassName"):
        writer.field("Runtime Class Name", spec["runtimeClassName"])
    if spec.get("serviceAccountName"):
        writer.field("Service Account", spec["serviceAccountName"])
    node = spec.get("nodeName")
    writer.field("Node", f"{node}/{status.get('hostIP', '')}" if node else "<none>")
    if status.get("startTime"):
        writer.field("Start Time", rfc1123z(status["startTime"]))
    labels(writer, "Labels", meta.get("labels"))
    annotation_lines(writer, "Annotations", meta.get("annotations"))
    if meta.get("deletionTimestamp") and status.get("reason") != "NodeLost":
        writer.field("Status", f"Terminating (lasts {age(meta['deletionTimestamp'], now)})")
        writer.field("Termination Grace Period", f"{meta.get('deletionGracePeriodSeconds', 0)}s")
    else:
        writer.field("Status", status.get("phase", ""))
    for title in ("Reason", "Message"):
        if status.get(title.lower()):
            writer.field(title, status[title.lower()])
    seccomp = (spec.get("securityContext") or {}).get("seccompProfile")
    if seccomp:
        writer.field("SeccompProfile", seccomp["type"])
    writer.field("IP", status.get("podIP", ""))
    if status.get("podIPs"):
        writer.line("IPs:")
        for address in status["podIPs"]:
            writer.field("IP", address["ip"], 1)
    else:
        writer.field("IPs", "<none>")
    if controlled_by(pod):
        writer.field("Controlled By", controlled_by(pod))
    if status.get("nominatedNodeName"):
        writer.field("NominatedNodeName", status["nominatedNodeName"])
    if spec.get("resources"):
        writer.line("Resources:")
        container_parts.resources(writer, spec["resources"], 1)
    if spec.get("initContainers"):
        container_parts.containers(
            writer, "Init Containers", spec["initContainers"], status.get("initContainerStatuses") or (), pod, ""
        )
    container_parts.containers(
        writer, "Containers", spec.get("containers") or (), status.get("containerStatuses") or (), pod, ""
    )
    if spec.get("readinessGates"):
        writer.line("Readiness Gates:\n  Type\tStatus")
        found = {c["type"]: c["status"] for c in status.get("conditions") or ()}
        for gate in spec["readinessGates"]:
            writer.line(f"  {gate['conditionType']} \t{found.get(gate['conditionType'], '<none>')} ")
    if status.get("conditions"):
        writer.line("Conditions:\n  Type\tStatus")
        for condition in status["conditions"]:
            writer.line(f"  {condition['type']} \t{condition['status']} ")
    container_parts.volumes(writer, spec.get("volumes") or (), "")
    writer.field("QoS Class", status.get("qosClass") or "BestEffort")
    labels(writer, "Node-Selectors", spec.get("nodeSelector"))
    tolerations(writer, "Tolerations", spec.get("tolerations"))
    container_parts.spread_constraints(writer, spec.get("topologySpreadConstraints") or (), "")
    events(writer, pod_events, now)
    return writer.text()
