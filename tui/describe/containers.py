"""Containers, probes, volumes and pod templates, as describe prints them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tui.describe.parts import Json, annotation_lines, labels, tolerations, yes
from tui.describe.writer import DescribeWriter
from tui.times import rfc1123z


def containers(
    writer: DescribeWriter,
    label: str,
    found: Sequence[Json],
    statuses: Sequence[Json],
    pod: Json | None,
    space: str,
) -> None:
    """describeContainers. `pod` resolves field references (None in a template); `space` indents a template."""
    by_name = {status["name"]: status for status in statuses}
    writer.line(f"{space}{label}:" + ("" if found else " <none>"))
    for container in found:
        status = by_name.get(container["name"])
        _basic(writer, container, status, space)
        for title, words in (("Command", container.get("command")), ("Args", container.get("args"))):
            if words:
                writer.line(f"{title}:", 2)
                for word in words:
                    for part in str(word).split("\n"):
                        writer.line(part, 3)
        if status is not None:
            state(writer, "State", status.get("state") or {})
            if (status.get("lastState") or {}).get("terminated"):
                state(writer, "Last State", status["lastState"])
            writer.field("Ready", yes(status.get("ready")), 2)
            writer.field("Restart Count", status.get("restartCount", 0), 2)
        resources(writer, container.get("resources") or {}, 2)
        for title, key in (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")):
            if container.get(key):
                writer.field(title, probe(container[key]), 2)
        _environment(writer, container, pod)
        _mounts(writer, container)


def _basic(writer: DescribeWriter, container: Json, status: Json | None, space: str) -> None:
    writer.line(f"{' ' if space else ''}{container['name']}:", 1)
    if status is not None:
        writer.field("Container ID", status.get("containerID", ""), 2)
    writer.field("Image", container.get("image", ""), 2)
    if status is not None:
        writer.field("Image ID", status.get("imageID", ""), 2)
    ports = container.get("ports") or ()
    for title, key in (("Port", "containerPort"), ("Host Port", "hostPort")):
        text = ", ".join(_port(port, key) for port in ports)
        writer.field(f"{title}s" if "," in text else title, text or "<none>", 2)


def _port(port: Json, key: str) -> str:
    """v1.36 names the port: `8080/TCP (http)`; host ports say so only with a number."""
    name = f" ({port['name']})" if port.get("name") else ""
    return f"{port.get(key, 0)}/{port.get('protocol', 'TCP')}{name}"


def state(writer: DescribeWriter, name: str, found: Json) -> None:
    running, waiting, terminated = found.get("running"), found.get("waiting"), found.get("terminated")
    if running is not None:
        writer.field(name, "Running", 2)
        writer.field("Started", rfc1123z(running.get("startedAt")), 3)
    elif waiting is not None:
        writer.field(name, "Waiting", 2)
        if waiting.get("reason"):
            writer.field("Reason", waiting["reason"], 3)
    elif terminated is not None:
        writer.field(name, "Terminated", 2)
        for title, key in (("Reason", "reason"), ("Message", "message")):
            if terminated.get(key):
                writer.field(title, terminated[key], 3)
        writer.field("Exit Code", terminated.get("exitCode", 0), 3)
        if terminated.get("signal"):
            writer.field("Signal", terminated["signal"], 3)
        writer.field("Started", rfc1123z(terminated.get("startedAt")), 3)
        writer.field("Finished", rfc1123z(terminated.get("finishedAt")), 3)
    else:
        writer.field(name, "Waiting", 2)


def resources(writer: DescribeWriter, found: Json, level: int) -> None:
    for title, key in (("Limits", "limits"), ("Requests", "requests")):
        if found.get(key):
            writer.line(f"{title}:", level)
            for name, amount in sorted(found[key].items()):
                writer.field(name, amount, level + 1)


def probe(found: Json) -> str:
    """`http-get http://:8080/healthz delay=0s timeout=1s period=10s #success=1 #failure=3`."""
    attributes = (
        f"delay={found.get('initialDelaySeconds', 0)}s timeout={found.get('timeoutSeconds', 1)}s "
        f"period={found.get('periodSeconds', 10)}s #success={found.get('successThreshold', 1)} "
        f"#failure={found.get('failureThreshold', 3)}"
    )
    if found.get("exec"):
        return f"exec [{' '.join(map(str, found['exec'].get('command') or ()))}] {attributes}"
    if found.get("httpGet"):
        get = found["httpGet"]
        path = str(get.get("path") or "/")
        url = f"{str(get.get('scheme') or 'HTTP').lower()}://{get.get('host', '')}:{get.get('port', '')}"
        return f"http-get {url}{path if path.startswith('/') else '/' + path} {attributes}"
    if found.get("tcpSocket"):
        tcp = found["tcpSocket"]
        return f"tcp-socket {tcp.get('host', '')}:{tcp.get('port', '')} {attributes}"
    if found.get("grpc"):
        return f"grpc <pod>:{found['grpc'].get('port')} {found['grpc'].get('service') or ''} {attributes}"
    return f"unknown {attributes}"


def _environment(writer: DescribeWriter, container: Json, pod: Json | None) -> None:
    if container.get("envFrom"):
        writer.line("Environment Variables from:", 2)
        for source in container["envFrom"]:
            kind, ref = (
                ("ConfigMap", source["configMapRef"]) if "configMapRef" in source else ("Secret", source["secretRef"])
            )
            prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
            optional = str(bool(ref.get("optional"))).lower()
            writer.line(f"{ref.get('name', '')}\t{kind}{prefix}\tOptional: {optional}", 3)
    entries = container.get("env") or ()
    writer.line("Environment:" + ("" if entries else "\t<none>"), 2)
    for entry in entries:
        source = entry.get("valueFrom") or {}
        name = entry["name"]
        if "fieldRef" in source:
            ref = source["fieldRef"]
            value = _field_value(pod, ref["fieldPath"])
            writer.line(f"{name}:\t{value} ({ref.get('apiVersion', 'v1')}:{ref['fieldPath']})", 3)
        elif "resourceFieldRef" in source:
            ref = source["resourceFieldRef"]
            writer.line(f"{name}:\t{_resource_value(container, ref['resource'])} ({ref['resource']})", 3)
        elif "secretKeyRef" in source or "configMapKeyRef" in source:
            ref = source.get("secretKeyRef") or source["configMapKeyRef"]
            where = "in secret" if "secretKeyRef" in source else "of config map"
            optional = str(bool(ref.get("optional"))).lower()
            writer.line(
                f"{name}:\t<set to the key '{ref['key']}' {where} '{ref.get('name', '')}'>\tOptional: {optional}", 3
            )
        else:
            first, *rest = str(entry.get("value", "")).split("\n")
            writer.line(f"{name}:\t{first}", 3)
            for part in rest:
                writer.line(f"\t{part}", 3)


def _field_value(pod: Json | None, path: str) -> str:
    value: Any = pod
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else str(value)


def _resource_value(container: Json, resource: str) -> str:
    which, _, name = resource.partition(".")
    return str(((container.get("resources") or {}).get(which) or {}).get(name, "node allocatable"))


def _mounts(writer: DescribeWriter, container: Json) -> None:
    mounts = container.get("volumeMounts") or ()
    writer.line("Mounts:" + ("" if mounts else "\t<none>"), 2)
    for mount in sorted(mounts, key=lambda m: m["mountPath"]):
        flags = "ro" if mount.get("readOnly") else "rw"
        if mount.get("subPath"):
            flags += f',path="{mount["subPath"]}"'
        writer.line(f"{mount['mountPath']} from {mount['name']} ({flags})", 3)
    if container.get("volumeDevices"):
        writer.line("Devices:", 2)
        for device in sorted(container["volumeDevices"], key=lambda d: d["devicePath"]):
            writer.line(f"{device['devicePath']} from {device['name']}", 3)


_TYPES = {
    "hostPath": ("HostPath (bare host directory volume)", (("Path", "path"), ("HostPathType", "type"))),
    "nfs": (
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        (("Server", "server"), ("Path", "path"), ("ReadOnly", "readOnly")),
    ),
    "csi": (
        "CSI (a Container Storage Interface (CSI) volume source)",
        (("Driver", "driver"), ("FSType", "fsType"), ("ReadOnly", "readOnly")),
    ),
    "image": ("Image (a container image or OCI artifact)", (("Reference", "reference"), ("PullPolicy", "pullPolicy"))),
}  # fmt: skip


def volumes(writer: DescribeWriter, found: Sequence[Json], space: str) -> None:
    """describeVolumes."""
    if not found:
        writer.line(f"{space}Volumes:\t<none>")
        return
    writer.line(f"{space}Volumes:")
    for volume in found:
        writer.line(f"{' ' if space else ''}{volume['name']}:", 1)
        _volume(writer, volume)


def _volume(writer: DescribeWriter, volume: Json) -> None:
    if "emptyDir" in volume:
        source = volume["emptyDir"] or {}
        writer.field("Type", "EmptyDir (a temporary directory that shares a pod's lifetime)", 2)
        writer.field("Medium", source.get("medium", ""), 2)
        writer.field("SizeLimit", source.get("sizeLimit") or "<unset>", 2)
    elif "configMap" in volume:
        source = volume["configMap"]
        writer.field("Type", "ConfigMap (a volume populated by a ConfigMap)", 2)
        writer.field("Name", source.get("name", ""), 2)
        writer.field("Optional", str(bool(source.get("optional"))).lower(), 2)
    elif "secret" in volume:
        source = volume["secret"]
        writer.field("Type", "Secret (a volume populated by a Secret)", 2)
        writer.field("SecretName", source.get("secretName", ""), 2)
        writer.field("Optional", str(bool(source.get("optional"))).lower(), 2)
    elif "persistentVolumeClaim" in volume:
        source = volume["persistentVolumeClaim"]
        words = "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)"
        writer.field("Type", words, 2)
        writer.field("ClaimName", source.get("claimName", ""), 2)
        writer.field("ReadOnly", str(bool(source.get("readOnly"))).lower(), 2)
    elif "projected" in volume:
        _projected(writer, volume["projected"].get("sources") or ())
    elif "downwardAPI" in volume:
        writer.field("Type", "DownwardAPI (a volume populated by information about the pod)", 2)
        writer.line("Items:", 2)
        for item in volume["downwardAPI"].get("items") or ():
            if "fieldRef" in item:
                writer.line(f"{item['fieldRef']['fieldPath']} -> {item['path']}", 3)
    else:
        for key, (words, fields) in _TYPES.items():
            if key in volume:
                writer.field("Type", words, 2)
                for title, field in fields:
                    value = volume[key].get(field, "")
                    writer.field(title, str(value).lower() if isinstance(value, bool) else value, 2)
                return
        writer.line("<unknown>", 2)


def _projected(writer: DescribeWriter, sources: Sequence[Json]) -> None:
    writer.field("Type", "Projected (a volume that contains injected data from multiple sources)", 2)
    for source in sources:
        if "secret" in source:
            writer.field("SecretName", source["secret"].get("name", ""), 2)
            writer.field("SecretOptionalName", _optional(source["secret"]), 2)
        elif "downwardAPI" in source:
            writer.field("DownwardAPI", "true", 2)
        elif "configMap" in source:
            writer.field("ConfigMapName", source["configMap"].get("name", ""), 2)
            writer.field("ConfigMapOptional", _optional(source["configMap"]), 2)
        elif "serviceAccountToken" in source:
            writer.field("TokenExpirationSeconds", source["serviceAccountToken"].get("expirationSeconds", 3600), 2)


def _optional(source: Json) -> str:
    """Go prints the pointer's value, `<nil>` without one."""
    value = source.get("optional")
    return "<nil>" if value is None else str(value).lower()


def spread_constraints(writer: DescribeWriter, found: Sequence[Json], space: str) -> None:
    """describeTopologySpreadConstraints."""
    if not found:
        return
    from tui.kinds.spec import selector_text

    lines = []
    for c in sorted(found, key=lambda c: c["topologyKey"]):
        text = f"{c['topologyKey']}:{c['whenUnsatisfiable']} when max skew {c['maxSkew']} is exceeded"
        selector = selector_text(c.get("labelSelector"))
        lines.append(text + (f" for selector {selector}" if selector else ""))
    writer.line(f"{space}Topology Spread Constraints:\t{lines[0]}")
    for text in lines[1:]:
        writer.line(f"{space}\t{text}")


def pod_template(writer: DescribeWriter, template: Json | None) -> None:
    """DescribePodTemplate."""
    writer.line("Pod Template:")
    if template is None:
        writer.line("  <unset>")
        return
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    labels(writer, "  Labels", meta.get("labels"))
    if meta.get("annotations"):
        annotation_lines(writer, "  Annotations", meta["annotations"])
    if spec.get("serviceAccountName"):
        writer.field("  Service Account", spec["serviceAccountName"])
    if spec.get("initContainers"):
        containers(writer, "Init Containers", spec["initContainers"], (), None, "  ")
    containers(writer, "Containers", spec.get("containers") or (), (), None, "  ")
    volumes(writer, spec.get("volumes") or (), "  ")
    spread_constraints(writer, spec.get("topologySpreadConstraints") or (), "  ")
    if spec.get("priorityClassName"):
        writer.field("  Priority Class Name", spec["priorityClassName"])
    labels(writer, "  Node-Selectors", spec.get("nodeSelector"))
    tolerations(writer, "  Tolerations", spec.get("tolerations"))
