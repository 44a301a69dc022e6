"""`kubectl describe` of services, namespaces, config maps, secrets, service accounts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from tui.describe.parts import Json, events, head
from tui.describe.writer import DescribeWriter
from tui.kinds.spec import selector_text


def describe_service(service: Json, slices: Sequence[Json], own_events: Sequence[Json], now: int) -> str:
    """`slices`: the endpoint slices of the service."""
    writer = DescribeWriter()
    spec, status = service.get("spec") or {}, service.get("status") or {}
    head(writer, service)
    writer.field("Selector", selector_text(spec.get("selector")) or "<none>")
    writer.field("Type", spec.get("type", "ClusterIP"))
    if spec.get("ipFamilyPolicy"):
        writer.field("IP Family Policy", spec["ipFamilyPolicy"])
    writer.field("IP Families", ",".join(spec.get("ipFamilies") or ()) or "<none>")
    writer.field("IP", spec.get("clusterIP", ""))
    writer.field("IPs", ",".join(spec.get("clusterIPs") or ()) or "<none>")
    if spec.get("externalIPs"):
        writer.field("External IPs", ",".join(spec["externalIPs"]))
    if spec.get("loadBalancerIP"):
        writer.field("Desired LoadBalancer IP", spec["loadBalancerIP"])
    if spec.get("externalName"):
        writer.field("External Name", spec["externalName"])
    ingress = (status.get("loadBalancer") or {}).get("ingress") or ()
    if ingress:
        writer.field("LoadBalancer Ingress", ", ".join(i.get("ip") or i.get("hostname") or "" for i in ingress))
    for port in spec.get("ports") or ():
        name, protocol = port.get("name") or "<unset>", port.get("protocol", "TCP")
        writer.line(f"Port:\t{name}\t{port['port']}/{protocol}")
        target = port.get("targetPort", port["port"])
        writer.line(f"TargetPort:\t{target}/{protocol}")
        if port.get("nodePort"):
            writer.line(f"NodePort:\t{name}\t{port['nodePort']}/{protocol}")
        writer.field("Endpoints", _endpoints(port.get("name") or "", slices))
    writer.field("Session Affinity", spec.get("sessionAffinity", "None"))
    if spec.get("externalTrafficPolicy"):
        writer.field("External Traffic Policy", spec["externalTrafficPolicy"])
    if spec.get("internalTrafficPolicy"):
        writer.field("Internal Traffic Policy", spec["internalTrafficPolicy"])
    events(writer, own_events, now)
    return writer.text()


def _endpoints(port_name: str, slices: Sequence[Json], most: int = 3) -> str:
    found = [
        f"{address}:{port.get('port')}"
        for each in slices
        for port in each.get("ports") or ()
        if (port.get("name") or "") == port_name
        for endpoint in each.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True) is not False
        for address in endpoint.get("addresses") or ()
    ]
    more = f" + {len(found) - most} more..." if len(found) > most else ""
    return ",".join(found[:most]) + more


def describe_namespace(namespace: Json, quotas: Sequence[Json], ranges: Sequence[Json]) -> str:
    writer = DescribeWriter()
    head(writer, namespace, namespaced=False)
    status = namespace.get("status") or {}
    writer.field("Status", status.get("phase", ""))
    if status.get("conditions"):
        writer.line("Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage")
        writer.line("  ----\t------\t------------------\t------\t-------")
        from tui.times import rfc1123z

        for c in status["conditions"]:
            since = rfc1123z(c.get("lastTransitionTime"))
            writer.line(f"  {c['type']} \t{c['status']} \t{since} \t{c.get('reason', '')} \t{c.get('message', '')}")
    writer.line()
    if quotas:
        writer.line("Resource Quotas")
        for quota in quotas:
            own = quota.get("status") or {}
            writer.line(f"  Name:\t{quota['metadata']['name']}")
            writer.line("  Resource\tUsed\tHard\n  --------\t---\t---")
            for resource, hard in sorted((own.get("hard") or {}).items()):
                writer.line(f"  {resource}\t{(own.get('used') or {}).get(resource, 0)}\t{hard}")
    else:
        writer.line("No resource quota.")
    writer.line()
    if ranges:
        writer.line("Resource Limits")
        writer.line(" Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio")
        writer.line(" ----\t--------\t---\t---\t---------------\t-------------\t-----------------------")
        for limit in (limit for each in ranges for limit in (each.get("spec") or {}).get("limits") or ()):
            keys = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")
            names = sorted({name for key in keys for name in limit.get(key) or ()})
            for name in names:
                cells = "\t".join(str((limit.get(key) or {}).get(name, "-")) for key in keys)
                writer.line(f" {limit.get('type', '')}\t{name}\t{cells}")
    else:
        writer.line("No LimitRange resource.")
    return writer.text()


def describe_config_map(config_map: Json, own_events: Sequence[Json], now: int) -> str:
    writer = DescribeWriter()
    head(writer, config_map)
    writer.line("\nData\n====")
    for key, value in sorted((config_map.get("data") or {}).items()):
        writer.line(f"{key}:\n----")
        # A value's own tabs are no columns.
        writer.line(str(value).replace("\t", "    ") + "\n")
    writer.line("\nBinaryData\n====")
    for key, value in sorted((config_map.get("binaryData") or {}).items()):
        writer.line(f"{key}: {_bytes(value)} bytes")
    writer.line()
    events(writer, own_events, now)
    return writer.text()


def describe_secret(secret: Json) -> str:
    """Keys and sizes; never the values."""
    writer = DescribeWriter()
    head(writer, secret)
    writer.line(f"\nType:\t{secret.get('type', 'Opaque')}\n\nData\n====")
    for key, value in sorted((secret.get("data") or {}).items()):
        writer.line(f"{key}:\t{_bytes(value)} bytes")
    return writer.text()


def _bytes(value: str) -> int:
    try:
        return len(base64.b64decode(value))
    except (binascii.Error, ValueError):
        return len(value)


def describe_service_account(account: Json, own_events: Sequence[Json], now: int) -> str:
    writer = DescribeWriter()
    head(writer, account)
    for title, key in (("Image pull secrets", "imagePullSecrets"), ("Mountable secrets", "secrets")):
        names = [ref["name"] for ref in account.get(key) or ()]
        writer.field(title, names[0] if names else "<none>")
        for name in names[1:]:
            writer.line(f"\t{name}")
    writer.field("Tokens", "<none>")
    events(writer, own_events, now)
    return writer.text()
