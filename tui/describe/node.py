"""`kubectl describe node`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tui.describe.parts import Json, annotation_lines, events, labels, multiline
from tui.describe.writer import DescribeWriter
from tui.kinds.nodes import node_roles, taint_text
from tui.kinds.pods import pod_request
from tui.quantity import cpu_text, decimal_text, millis, parse, percent, sum_text, units
from tui.times import age, rfc1123z

_INFO = (
    ("Machine ID", "machineID"), ("System UUID", "systemUUID"), ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"), ("OS Image", "osImage"), ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"), ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
)  # fmt: skip
_STANDARD = ("cpu", "memory", "ephemeral-storage")


def describe_node(node: Json, lease: Json | None, pods: Sequence[Json], node_events: Sequence[Json], now: int) -> str:
    """`pods`: all pods on it (finished ones are left out); `lease`: its lease in kube-node-lease."""
    writer = DescribeWriter()
    meta, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    writer.field("Name", meta["name"])
    writer.field("Roles", ",".join(node_roles(meta.get("labels") or {})) or "<none>")
    labels(writer, "Labels", meta.get("labels"))
    annotation_lines(writer, "Annotations", meta.get("annotations"))
    writer.field("CreationTimestamp", rfc1123z(meta.get("creationTimestamp")))
    taints = sorted(spec.get("taints") or (), key=lambda t: f"{t['effect']},{t['key']}")
    multiline(writer, "Taints", [taint_text(taint) for taint in taints])
    writer.field("Unschedulable", str(bool(spec.get("unschedulable"))).lower())
    _lease(writer, lease)
    if status.get("conditions"):
        writer.line("Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage")
        writer.line("  ----\t------\t-----------------\t------------------\t------\t-------")
        for c in status["conditions"]:
            beat, since = rfc1123z(c.get("lastHeartbeatTime")), rfc1123z(c.get("lastTransitionTime"))
            writer.line(
                f"  {c['type']} \t{c['status']} \t{beat} \t{since} \t{c.get('reason', '')} \t{c.get('message', '')}"
            )
    writer.line("Addresses:")
    for address in status.get("addresses") or ():
        writer.line(f"  {address['type']}:\t{address['address']}")
    for title in ("Capacity", "Allocatable"):
        if status.get(title.lower()):
            writer.line(f"{title}:")
            for name, amount in sorted(status[title.lower()].items()):
                writer.line(f"  {name}:\t{amount}")
    info = status.get("nodeInfo") or {}
    writer.line("System Info:")
    for title, key in _INFO:
        writer.line(f"  {title}:\t{info.get(key, '')}")
    if "kubeProxyVersion" in info:
        writer.line(f"  Kube-Proxy Version:\t{info['kubeProxyVersion']}")
    if spec.get("podCIDR"):
        writer.field("PodCIDR", spec["podCIDR"])
    if spec.get("podCIDRs"):
        writer.field("PodCIDRs", ",".join(spec["podCIDRs"]))
    if spec.get("providerID"):
        writer.field("ProviderID", spec["providerID"])
    _pods(writer, status, pods, now)
    events(writer, node_events, now)
    return writer.text()


def _lease(writer: DescribeWriter, lease: Json | None) -> None:
    spec = (lease or {}).get("spec") or {}
    writer.line("Lease:")
    writer.field("HolderIdentity", spec.get("holderIdentity") or "<unset>", 1)
    writer.field("AcquireTime", rfc1123z(spec.get("acquireTime")), 1)
    writer.field("RenewTime", rfc1123z(spec.get("renewTime")), 1)


def _pods(writer: DescribeWriter, status: Json, pods: Sequence[Json], now: int) -> None:
    """describeNodeResource."""
    allocatable = status.get("allocatable") or status.get("capacity") or {}
    cpu, memory = millis(allocatable.get("cpu")), units(allocatable.get("memory"))
    living = [p for p in pods if (p.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]
    living.sort(key=lambda p: (p["metadata"].get("namespace", ""), p["metadata"]["name"]))
    writer.field("Non-terminated Pods", f"({len(living)} in total)")
    writer.line("Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge", 1)
    writer.line("---------\t----\t\t------------\t----------\t---------------\t-------------\t---", 1)
    for pod in living:
        meta = pod["metadata"]
        cells = [
            _share(cpu_text(request), request, cpu)
            for request in (pod_request(pod, "cpu"), pod_request(pod, "cpu", "limits"))
        ] + [
            _share(_amount([pod], "memory", which), pod_request(pod, "memory", which), memory)
            for which in ("requests", "limits")
        ]
        cells = [cells[0], cells[1], cells[2], cells[3], age(meta.get("creationTimestamp"), now)]
        writer.line(f"{meta.get('namespace', '')}\t{meta['name']}\t\t" + "\t".join(cells), 1)
    writer.line("Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)")
    writer.line("Resource\tRequests\tLimits", 1)
    writer.line("--------\t--------\t------", 1)
    totals = {which: sum(pod_request(pod, "cpu", which) for pod in living) for which in ("requests", "limits")}
    cells = [_share(cpu_text(totals[which]), totals[which], cpu) for which in ("requests", "limits")]
    writer.line("cpu\t" + "\t".join(cells), 1)
    for resource in ("memory", "ephemeral-storage"):
        whole = units(allocatable.get(resource))
        cells = [
            _share(_amount(living, resource, which), sum(pod_request(p, resource, which) for p in living), whole)
            for which in ("requests", "limits")
        ]
        writer.line(f"{resource}\t" + "\t".join(cells), 1)
    for resource in sorted(allocatable):
        if resource in (*_STANDARD, "pods"):
            continue
        cells = [_amount(living, resource, which) for which in ("requests", "limits")]
        if resource.startswith("hugepages-"):
            cells = [_share(text, int(parse(text)), units(allocatable[resource])) for text in cells]
        writer.line(f"{resource}\t" + "\t".join(cells), 1)


def _share(text: str, part: int, whole: int) -> str:
    return f"{text} ({percent(part, whole)}%)"


def _amount(pods: Sequence[Json], resource: str, which: str) -> str:
    """Sum of the pods' requests or limits, in the format of the first of them, as Quantity.Add keeps it."""
    total = sum(pod_request(pod, resource, which) for pod in pods)
    if not total:
        return "0"
    texts = [text for pod in pods for text in _written(pod, resource, which)]
    same = sum_text(texts)
    return same if int(parse(same)) == total else _like(texts, total)


def _written(pod: Json, resource: str, which: str) -> list[str]:
    containers: list[Any] = (pod.get("spec") or {}).get("containers") or []
    found = [((c.get("resources") or {}).get(which) or {}).get(resource) for c in containers]
    return [str(value) for value in found if value is not None]


def _like(texts: Sequence[str], total: int) -> str:
    from tui.quantity import binary_text

    return binary_text(total) if any(text.endswith("i") for text in texts) else decimal_text(total)
