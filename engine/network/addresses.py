"""Well-known addresses, and who has an address: a Service, a pod, a node, the API server, or nobody in the cluster.

Machines have 192.168.0.0/16, pods 10.244.0.0/14 (engine.kubelet.addresses), Services what the ServiceCIDRs say.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Final

from engine.api.kinds import NODES, PODS, SERVICES
from engine.network.service_allocation import service_ranges
from store.store import Store
from store.types import Envelope

API_SERVER: Final = "192.168.255.254"
"""Where the API server listens, a place in the machines' network that no machine is given before the 65,000th."""
API_SERVER_PORT: Final = 6443
DNS_SERVICE: Final = "10.96.0.10"
"""`clusterDNS` of every kubelet: the Service kube-dns is expected there."""
POD_RANGE: Final = "10.244.0.0/14"
"""`--cluster-cidr`: where nodes get the addresses of their pods."""
UNRANGED_PODS: Final = "10.248.0.0/16"
"""Where the pods of nodes without a range of their own have theirs."""
CLUSTER_DOMAIN: Final = "cluster.local"


def pod_at(store: Store, address: str) -> Envelope | None:
    """The pod that has this address in the pods' network; not one that uses its node's. Looks at every pod."""
    for env in store.list(PODS):
        status = env.obj.get("status") or {}
        if (
            any(each.get("ip") == address for each in status.get("podIPs") or ())
            and not env.obj["spec"].get("hostNetwork")
            and status.get("phase") not in ("Succeeded", "Failed")
        ):
            return env
    return None


def node_at(store: Store, address: str) -> Envelope | None:
    """The node that has this address. Looks at every node."""
    for env in store.list(NODES):
        if any(each.get("address") == address for each in (env.obj.get("status") or {}).get("addresses") or ()):
            return env
    return None


def balanced_service(store: Store, address: str) -> Envelope | None:
    """The Service that a load balancer's or an external address leads to. Looks at every Service."""
    for env in store.list(SERVICES):
        ingress = ((env.obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
        external = env.obj["spec"].get("externalIPs") or ()
        if address in external or any(each.get("ip") == address for each in ingress):
            return env
    return None


def range_of(store: Store, address: str) -> str:
    """Whose range an address lies in: `Service`, `pod`, or "" for addresses that are not the cluster's to give."""
    parsed = ip_address(address)
    if any(parsed in network for networks in service_ranges(store).values() for network in networks):
        return "Service"
    ranges = [env.obj["spec"]["podCIDR"] for env in store.list(NODES) if (env.obj.get("spec") or {}).get("podCIDR")]
    return (
        "pod" if any(parsed in ip_network(each, strict=False) for each in (POD_RANGE, UNRANGED_PODS, *ranges)) else ""
    )
