"""Schemas of the simulated cloud (group kubarium.dev): the cloud itself, and what it has.

A Cloud and its Machines are declared by a person: they are the cloud's console. LoadBalancers and Routes are made by
the simulated provider when the cloud controllers ask for them, and can be broken like anything else in a cloud.
"""

from __future__ import annotations

from typing import Final

from engine.api.schema_parts import Schema, duration, flag, kind, list_of, map_of, number, obj, quantity, text, words

_LABELS: Final = map_of({"type": "string"}, "Labels that the machine's kubelet registers its node with.")
_TAINT: Final = obj("A taint.", {"key": text("Key."), "value": text("Value."), "effect": text("Effect.")}, ["key"])
_ADDRESS: Final = obj("One address.", {"type": text("InternalIP, ExternalIP …"), "address": text("The address.")})

_CLOUD: Final = kind(
    "Cloud",
    "Cloud declares a simulated cloud. With one, Machines become nodes, Services of type LoadBalancer get addresses, "
    "and pod networks get routes. Without any, the cluster stands on bare machines.",
    obj(
        "What the cloud offers.",
        {
            "region": text("Its region. Default: the object's name."),
            "zones": words("Its zones. Empty: any that a Machine names."),
            "instanceTypes": list_of(
                obj(
                    "A size of machine.",
                    {
                        "name": text("As Machines name it."),
                        "capacity": map_of(quantity("An amount."), "cpu, memory and other resources of a machine."),
                    },
                    ["name"],
                ),
                "Sizes of machines.",
            ),
            "bootTime": duration("From a machine's start to the registration of its node. Default 5s."),
            "loadBalancers": obj(
                "Its load balancers.",
                {
                    "addresses": words("Ranges that their addresses come from. Default 203.0.113.0/24."),
                    "setupTime": duration("How long it takes to set one up. Default 2s."),
                    "error": text("When set, every request for a load balancer fails with this text."),
                },
            ),
            "routes": flag("false: the cloud has no routes; its network carries pod addresses. Default true."),
        },
    ),
)
_MACHINE: Final = kind(
    "Machine",
    "Machine is a virtual machine of the simulated cloud. While it runs, its kubelet registers a node of the machine's "
    "name; stopped, the node falls silent; deleted, the node goes too.",
    obj(
        "The machine.",
        {
            "instanceType": text("One of the cloud's instance types."),
            "zone": text("The zone it is in. Default: the cloud's first."),
            "running": flag("false: the machine is shut down. Default true."),
            "externalIP": text("An address by which it is reached from outside. Default: none."),
            "node": obj(
                "What its kubelet registers with.",
                {"labels": _LABELS, "taints": list_of(_TAINT, "Taints that the node starts with.")},
            ),
        },
    ),
    obj(
        "What the cloud says of it.",
        {
            "phase": text("Provisioning, Running or Stopped."),
            "providerID": text("Its name for Kubernetes: spec.providerID of the node."),
            "addresses": list_of(_ADDRESS, "Its addresses."),
        },
    ),
)
_PORT: Final = obj(
    "One listener.",
    {
        "name": text("As in the Service."), "protocol": text("TCP or UDP."),
        "port": number("Where clients connect."), "nodePort": number("Where the nodes listen."),
    },
)  # fmt: skip
_LOAD_BALANCER: Final = kind(
    "LoadBalancer",
    "LoadBalancer is a load balancer of the simulated cloud, made for a Service by the service controller.",
    obj(
        "What it was asked for.",
        {
            "service": text("Namespace and name of the Service."),
            "serviceUID": text("Its uid."),
            "addresses": words("Its addresses."),
            "ports": list_of(_PORT, "Listeners."),
            "sourceRanges": words("Clients that may connect; empty: all."),
            "nodes": words("Nodes that traffic is sent to."),
            "healthCheckPort": number("Port of the health check: only nodes with a local endpoint answer it."),
        },
    ),
    obj("Its state.", {"phase": text("Provisioning or Active."), "readyAt": text("When it is set up.")}),
)
_ROUTE: Final = kind(
    "Route",
    "Route leads one range of pod addresses to its node, in the network of the simulated cloud.",
    obj(
        "The route.",
        {"node": text("The node."), "destinationCIDR": text("The range."), "nextHop": text("The node's address.")},
        ["destinationCIDR"],
    ),
)

CLOUD_SCHEMAS: Final[dict[str, Schema]] = {
    "Cloud": _CLOUD, "LoadBalancer": _LOAD_BALANCER, "Machine": _MACHINE, "Route": _ROUTE,
}  # fmt: skip
"""Kind → OpenAPI v3 schema."""
