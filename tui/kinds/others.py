"""Networking, storage, policy, access and the rest of what v1.36 serves: the columns of `kubectl get -o wide`."""

from __future__ import annotations

from typing import Any

from engine.client import Item
from tui.kinds.core import created_at
from tui.kinds.spec import AGE, NAME, NAMESPACE, Cell, Column, Facts, Getter, KindView, selector_text, spec, status
from tui.times import human_duration


def field(path: str, none: str = "<none>") -> Getter:
    """Getter of one field by dotted path; lists print joined."""
    parts = path.split(".")

    def get(item: Item, facts: Facts) -> str:
        value: Any = item.obj
        for part in parts:
            value = value.get(part) if isinstance(value, dict) else None
        if value is None or value in ([], {}):
            return none
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)

    return get


def _kind(resource: str, *columns: Column, namespaced: bool = True) -> KindView:
    return KindView(resource=resource, columns=((NAMESPACE,) if namespaced else ()) + columns, namespaced=namespaced)


def _hosts(item: Item, facts: Facts) -> str:
    hosts = [rule["host"] for rule in spec(item).get("rules") or () if rule.get("host")]
    more = f" + {len(hosts) - 3} more..." if len(hosts) > 3 else ""
    return ",".join(hosts[:3]) + more or "*"


def _ingress_address(item: Item, facts: Facts) -> str:
    ingress = (status(item).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(i.get("ip") or i.get("hostname") or "" for i in ingress)


def _subjects(kind: str) -> Getter:
    def get(item: Item, facts: Facts) -> str:
        found = [s for s in item.obj.get("subjects") or () if s["kind"] == kind]
        names = [f"{s['namespace']}/{s['name']}" if s.get("namespace") else s["name"] for s in found]
        return ", ".join(names)

    return get


def _role(item: Item, facts: Facts) -> str:
    ref = item.obj.get("roleRef") or {}
    return f"{ref.get('kind', '')}/{ref.get('name', '')}"


def _slice_ports(item: Item, facts: Facts) -> str:
    return ",".join(str(p.get("port", "*")) for p in item.obj.get("ports") or ()) or "<unset>"


def _slice_endpoints(item: Item, facts: Facts) -> str:
    addresses = [a for e in item.obj.get("endpoints") or () for a in e.get("addresses") or ()]
    more = f" + {len(addresses) - 3} more..." if len(addresses) > 3 else ""
    return ",".join(addresses[:3]) + more or "<unset>"


def _webhooks(item: Item, facts: Facts) -> str:
    return str(len(item.obj.get("webhooks") or ()))


def _available(item: Item, facts: Facts) -> Cell:
    for condition in status(item).get("conditions") or ():
        if condition["type"] == "Available":
            true = condition["status"] == "True"
            return Cell(
                condition["status"] if true else f"False ({condition.get('reason', '')})", "" if true else "bad"
            )
    return Cell("Unknown", "warn")


def _api_service(item: Item, facts: Facts) -> str:
    service = spec(item).get("service")
    return f"{service['namespace']}/{service['name']}" if service else "Local"


def _request_condition(item: Item, facts: Facts) -> str:
    words = [c["type"] for c in status(item).get("conditions") or ()]
    return ",".join(words) or "Pending"


def _requested_duration(item: Item, facts: Facts) -> str:
    seconds = spec(item).get("expirationSeconds")
    return "<none>" if seconds is None else human_duration(seconds * 1_000_000)


def _default_class(item: Item, facts: Facts) -> str:
    """kubectl prints `standard (default)`."""
    notes = item.obj["metadata"].get("annotations") or {}
    default = any(notes.get(f"{prefix}.kubernetes.io/is-default-class") == "true" for prefix in _CLASS_PREFIXES)
    return f"{item.name} (default)" if default else item.name


_CLASS_PREFIXES = ("storageclass", "ingressclass")
_CREATED = Column("CREATED AT", created_at)
_CLASS_NAME = Column("NAME", _default_class, min=24, grow=True, search=True)

OTHERS = (
    _kind(
        "ingresses.networking.k8s.io",
        NAME,
        Column("CLASS", field("spec.ingressClassName"), rank=2),
        Column("HOSTS", _hosts, max=60, search=True),
        Column("ADDRESS", _ingress_address, rank=3),
        Column("PORTS", lambda item, facts: "80, 443" if spec(item).get("tls") else "80", rank=4),
        AGE,
    ),
    _kind(
        "networkpolicies.networking.k8s.io",
        NAME,
        Column("POD-SELECTOR", lambda item, facts: selector_text(spec(item).get("podSelector")) or "<none>", max=60),
        AGE,
    ),
    _kind(
        "ingressclasses.networking.k8s.io",
        _CLASS_NAME,
        Column("CONTROLLER", field("spec.controller")),
        Column("PARAMETERS", field("spec.parameters.name"), rank=2),
        AGE,
        namespaced=False,
    ),
    _kind(
        "storageclasses.storage.k8s.io",
        _CLASS_NAME,
        Column("PROVISIONER", field("provisioner")),
        Column("RECLAIMPOLICY", field("reclaimPolicy", "Delete"), rank=2),
        Column("VOLUMEBINDINGMODE", field("volumeBindingMode", "Immediate"), rank=3),
        Column(
            "ALLOWVOLUMEEXPANSION", lambda item, facts: str(bool(item.obj.get("allowVolumeExpansion"))).lower(), rank=4
        ),
        AGE,
        namespaced=False,
    ),
    _kind(
        "volumeattachments.storage.k8s.io",
        NAME,
        Column("ATTACHER", field("spec.attacher")),
        Column("PV", field("spec.source.persistentVolumeName")),
        Column("NODE", field("spec.nodeName")),
        Column("ATTACHED", lambda item, facts: str(bool(status(item).get("attached"))).lower()),
        AGE,
        namespaced=False,
    ),
    _kind(
        "priorityclasses.scheduling.k8s.io",
        NAME,
        Column("VALUE", field("value", "0"), lambda item, facts: int(item.obj.get("value") or 0), align="right"),
        Column("GLOBAL-DEFAULT", lambda item, facts: str(bool(item.obj.get("globalDefault"))).lower()),
        Column("PREEMPTIONPOLICY", field("preemptionPolicy", "PreemptLowerPriority"), rank=2),
        AGE,
        namespaced=False,
    ),
    _kind("leases.coordination.k8s.io", NAME, Column("HOLDER", field("spec.holderIdentity", ""), search=True), AGE),
    _kind(
        "endpointslices.discovery.k8s.io",
        NAME,
        Column("ADDRESSTYPE", field("addressType")),
        Column("PORTS", _slice_ports),
        Column("ENDPOINTS", _slice_endpoints, max=60),
        AGE,
    ),
    _kind("clusterroles.rbac.authorization.k8s.io", NAME, _CREATED, namespaced=False),
    _kind("roles.rbac.authorization.k8s.io", NAME, _CREATED),
    _kind(
        "clusterrolebindings.rbac.authorization.k8s.io",
        NAME,
        Column("ROLE", _role, search=True),
        AGE,
        Column("USERS", _subjects("User"), wide=True, max=40),
        Column("GROUPS", _subjects("Group"), wide=True, max=40),
        Column("SERVICEACCOUNTS", _subjects("ServiceAccount"), wide=True, max=40),
        namespaced=False,
    ),
    _kind(
        "rolebindings.rbac.authorization.k8s.io",
        NAME,
        Column("ROLE", _role, search=True),
        AGE,
        Column("USERS", _subjects("User"), wide=True, max=40),
        Column("GROUPS", _subjects("Group"), wide=True, max=40),
        Column("SERVICEACCOUNTS", _subjects("ServiceAccount"), wide=True, max=40),
    ),
    _kind("customresourcedefinitions.apiextensions.k8s.io", NAME, _CREATED, namespaced=False),
    _kind(
        "apiservices.apiregistration.k8s.io",
        NAME,
        Column("SERVICE", _api_service),
        Column("AVAILABLE", _available),
        AGE,
        namespaced=False,
    ),
    _kind("runtimeclasses.node.k8s.io", NAME, Column("HANDLER", field("handler")), AGE, namespaced=False),
    _kind(
        "certificatesigningrequests.certificates.k8s.io",
        NAME,
        AGE,
        Column("SIGNERNAME", field("spec.signerName")),
        Column("REQUESTOR", field("spec.username"), rank=2),
        Column("REQUESTEDDURATION", _requested_duration, rank=3),
        Column("CONDITION", _request_condition),
        namespaced=False,
    ),
    _kind(
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        NAME,
        Column("WEBHOOKS", _webhooks),
        AGE,
        namespaced=False,
    ),
    _kind(
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        NAME,
        Column("WEBHOOKS", _webhooks),
        AGE,
        namespaced=False,
    ),
)
