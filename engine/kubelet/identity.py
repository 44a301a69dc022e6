"""Who a pod is to itself: its host name, its /etc/hosts, and what the downward API tells its containers.

Rules: pkg/kubelet/kubelet_pods.go (GeneratePodHostNameAndDomain, managedHostsFileContent), pkg/fieldpath and
k8s.io/kubectl/pkg/util/resource (ExtractContainerResourceValue).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from engine.kubelet.amounts import milli, units
from engine.network.addresses import CLUSTER_DOMAIN
from store.types import JsonObject

_NONE: Final[Mapping[str, Any]] = {}
_HOST_LIMIT: Final = 63
FQDN_LIMIT: Final = 64
"""Longest name that a Linux kernel takes for its host."""
_SUBSCRIPT: Final = re.compile(r"(metadata\.(?:labels|annotations))\['(.*)'\]")
_LOCAL: Final = (
    "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix", "fe00::1\tip6-allnodes", "fe00::2\tip6-allrouters",
)  # fmt: skip


class HostName(NamedTuple):
    """A pod's name in its own eyes."""

    host: str
    """What `hostname` prints."""
    domain: str
    """The rest of its full name; "" without a subdomain."""
    short: str
    """The first label, also when `host` is the full name."""


def host_name(pod: JsonObject) -> HostName:
    """By spec.hostname, subdomain and setHostnameAsFQDN. A pod on its node's network has the node's name."""
    spec, meta = pod["spec"], pod["metadata"]
    if spec.get("hostNetwork"):
        node = spec.get("nodeName") or ""
        return HostName(node, "", node)
    short = spec.get("hostname") or meta["name"][:_HOST_LIMIT].rstrip("-.")
    subdomain = spec.get("subdomain") or ""
    domain = f"{subdomain}.{meta['namespace']}.svc.{CLUSTER_DOMAIN}" if subdomain else ""
    if spec.get("hostnameOverride"):
        return HostName(spec["hostnameOverride"], "", spec["hostnameOverride"])
    return HostName(f"{short}.{domain}" if domain and spec.get("setHostnameAsFQDN") else short, domain, short)


def unusable_host_name(pod: JsonObject) -> str:
    """Why no host can have the pod's full name; "" when one can."""
    if not pod["spec"].get("setHostnameAsFQDN"):
        return ""
    host = host_name(pod).host
    if len(host) <= FQDN_LIMIT:
        return ""
    return (
        f"failed to construct FQDN from pod hostname and cluster domain, FQDN {host} is too long ({FQDN_LIMIT} "
        f"characters is the max, {len(host)} characters requested)"
    )


def hosts_file(pod: JsonObject, addresses: tuple[str, ...]) -> str:
    """/etc/hosts of a pod's containers. `addresses`: the pod's."""
    spec = pod["spec"]
    if spec.get("hostNetwork"):
        node = spec.get("nodeName") or ""
        lines = ["# Kubernetes-managed hosts file (host network).", *_LOCAL[:2], f"127.0.1.1\t{node}"]
    else:
        name = host_name(pod)
        full = f"{name.short}.{name.domain}\t{name.short}" if name.domain else name.short
        lines = ["# Kubernetes-managed hosts file.", *_LOCAL, *(f"{address}\t{full}" for address in addresses)]
    aliases = spec.get("hostAliases") or ()
    if aliases:
        lines += ["", "# Entries added by HostAliases."]
        lines += ["\t".join([alias["ip"], *(alias.get("hostnames") or ())]) for alias in aliases]
    return "\n".join(lines) + "\n"


def field_value(pod: JsonObject, path: str) -> str | None:
    """What a fieldRef tells; None for a field that the downward API does not know."""
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status") or _NONE
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript is not None:
        return str((meta.get(subscript[1].removeprefix("metadata.")) or _NONE).get(subscript[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        return _map_text(meta.get(path.removeprefix("metadata.")) or _NONE)
    known = {
        "metadata.name": meta["name"], "metadata.namespace": meta["namespace"], "metadata.uid": meta["uid"],
        "spec.nodeName": spec.get("nodeName") or "", "spec.serviceAccountName": spec.get("serviceAccountName") or "",
        "spec.host": spec.get("nodeName") or "",
        "status.hostIP": status.get("hostIP") or "", "status.podIP": status.get("podIP") or "",
        "status.hostIPs": ",".join(each["ip"] for each in status.get("hostIPs") or ()),
        "status.podIPs": ",".join(each["ip"] for each in status.get("podIPs") or ()),
    }  # fmt: skip
    return known.get(path)


def resource_value(ref: Mapping[str, Any], container: Mapping[str, Any], allocatable: Mapping[str, Any]) -> str | None:
    """What a resourceFieldRef tells: in units of its divisor, rounded up; None for an unknown resource.

    A limit that the container does not have is what the node can give (`allocatable`); a missing request is 0.
    """
    kind, _, name = ref["resource"].partition(".")
    if kind not in ("limits", "requests") or not name:
        return None
    resources = container.get("resources") or _NONE
    given = (resources.get(kind) or _NONE).get(name)
    if given is None and kind == "limits":
        given = allocatable.get(name)
    divisor = ref.get("divisor") or "1"
    if name == "cpu":
        amount, unit = milli(given or 0), milli(divisor if str(divisor) != "0" else 1)
    else:
        amount, unit = units(given or 0), units(divisor if str(divisor) != "0" else 1)
    return str(-(-amount // unit))


def _map_text(values: Mapping[str, str]) -> str:
    """Labels and annotations as files show them: key="value", by key."""
    return "\n".join(f"{name}={_quoted(value)}" for name, value in sorted(values.items()))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
