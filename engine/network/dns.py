"""DNS as data: what the cluster's name server answers, and which names a pod's resolver tries.

`lookup` answers for one full name as CoreDNS does with kubeadm's configuration (the Kubernetes DNS specification
1.1.0; `pods insecure`): names of Services, of the pods behind headless ones, of ports (SRV), of pods by address,
ExternalName as a CNAME, and addresses backwards (PTR). `resolver_of` gives a pod's resolv.conf by its dnsPolicy,
`resolve` follows it. Whether the name server can be reached at all is the business of engine.network.reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Final, Literal, NamedTuple

from engine.api.kinds import NAMESPACES, SERVICES
from engine.network.addresses import CLUSTER_DOMAIN, DNS_SERVICE
from engine.network.service_allocation import addresses_of, family_of, is_headless, service_at
from engine.network.slices import slices_of
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey

RecordType = Literal["A", "AAAA", "CNAME", "PTR", "SRV"]
Code = Literal["NOERROR", "NXDOMAIN", "FORWARDED"]
NDOTS: Final = 5
_FAMILY: Final = {"A": "IPv4", "AAAA": "IPv6"}
_MOST_ALIASES: Final = 8
_REVERSE: Final = (".in-addr.arpa", ".ip6.arpa")
NODE_RESOLVER: Final = "192.168.255.253"
"""The machines' own name server; it knows no names of the cluster."""


class Record(NamedTuple):
    """One resource record, without its time to live."""

    name: str
    type: RecordType
    value: str
    """An address; a name for CNAME and PTR; `priority weight port target` for SRV."""


class Answer(NamedTuple):
    """What the name server says to one question."""

    name: str
    type: RecordType
    code: Code
    """FORWARDED: no name of this cluster; what the world answers is not simulated."""
    records: tuple[Record, ...] = ()


class Resolver(NamedTuple):
    """A pod's /etc/resolv.conf."""

    nameservers: tuple[str, ...]
    searches: tuple[str, ...]
    ndots: int
    options: tuple[str, ...]

    def text(self) -> str:
        """The file as a container reads it."""
        lines = [f"search {' '.join(self.searches)}"] if self.searches else []
        lines += [f"nameserver {server}" for server in self.nameservers]
        return "\n".join([*lines, *([f"options {' '.join(self.options)}"] if self.options else [])]) + "\n"


class Resolution(NamedTuple):
    """What a resolver found out about a name."""

    answer: Answer
    """The first with records, or that was forwarded; else the last."""
    tried: tuple[Answer, ...]


# -- a pod's resolver ----------------------------------------------------------------------------------------------


def resolver_of(pod: JsonObject) -> Resolver:
    """resolv.conf by dnsPolicy and dnsConfig (pkg/kubelet/network/dns)."""
    spec, namespace = pod["spec"], pod["metadata"]["namespace"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        policy = "Default"
    servers: list[str] = []
    searches: list[str] = []
    options: dict[str, str] = {}
    if policy in ("ClusterFirst", "ClusterFirstWithHostNet"):
        servers = [DNS_SERVICE]
        searches = [f"{namespace}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN]
        options["ndots"] = str(NDOTS)
    elif policy == "Default":
        servers = [NODE_RESOLVER]
    extra = spec.get("dnsConfig") or {}
    servers = list(dict.fromkeys([*servers, *(extra.get("nameservers") or ())]))
    searches = list(dict.fromkeys([*searches, *(extra.get("searches") or ())]))
    options |= {each["name"]: each.get("value") or "" for each in extra.get("options") or () if each.get("name")}
    ndots = options.get("ndots", "1")
    shown = tuple(f"{name}:{value}" if value else name for name, value in options.items())
    return Resolver(tuple(servers), tuple(searches), int(ndots) if ndots.isdigit() else 1, shown)


def candidates(resolver: Resolver, name: str) -> Sequence[str]:
    """Full names in the order in which a resolver tries them."""
    if name.endswith("."):
        return [name.rstrip(".")]
    searched = [f"{name}.{domain.rstrip('.')}" for domain in resolver.searches]
    return [name, *searched] if name.count(".") >= resolver.ndots else [*searched, name]


def resolve(store: Store, resolver: Resolver, name: str, kind: RecordType = "A") -> Resolution:
    """Try the candidates until one has records, as the C library does."""
    tried: list[Answer] = []
    for candidate in candidates(resolver, name):
        answer = lookup(store, candidate, kind)
        tried.append(answer)
        if answer.records or answer.code == "FORWARDED":
            break
    return Resolution(tried[-1], tuple(tried))


# -- the name server -----------------------------------------------------------------------------------------------


def lookup(store: Store, name: str, kind: RecordType = "A") -> Answer:
    """The answer to one question. Names are compared without regard to case."""
    name = name.rstrip(".").lower()
    if name.endswith(_REVERSE):
        return _backwards(store, name, kind)
    records: list[Record] = []
    asked = name
    for _ in range(_MOST_ALIASES):
        labels = _within_cluster(asked)
        if labels is None:
            return Answer(name, kind, "FORWARDED", tuple(records))
        found = _answer(store, asked, labels, kind)
        if found is None:
            return Answer(name, kind, "NXDOMAIN", tuple(records))
        records += found
        if not found or found[-1].type != "CNAME" or kind == "CNAME":
            break
        asked = found[-1].value
    return Answer(name, kind, "NOERROR", tuple(records))


def _backwards(store: Store, name: str, kind: RecordType) -> Answer:
    """Whose address `10.0.96.10.in-addr.arpa` is: a Service's, or an endpoint's of a headless Service (then its own
    name). Others are asked of the world (CoreDNS: `fallthrough in-addr.arpa ip6.arpa`)."""
    address = _address_in(name)
    service = service_at(store, address) if address else None
    targets = [f"{service.name}.{service.namespace}.svc.{CLUSTER_DOMAIN}"] if service is not None else []
    for env in store.list(SERVICES) if address and not targets else ():
        if is_headless(env.obj["spec"]):
            own = f"{env.name}.{env.namespace}.svc.{CLUSTER_DOMAIN}"
            targets += [f"{label}.{own}" for label, found, _ in _endpoints(store, env) if found == address]
    if not targets:
        return Answer(name, kind, "FORWARDED")
    return Answer(name, kind, "NOERROR", tuple(Record(name, "PTR", each) for each in targets if kind == "PTR"))


def _address_in(name: str) -> str:
    """The address of a reverse name; "" when it is not a whole one."""
    labels = name.split(".")[:-2][::-1]
    if name.endswith(".in-addr.arpa"):
        address = ".".join(labels)
    else:
        digits = "".join(labels)
        address = ":".join(digits[at : at + 4] for at in range(0, len(digits), 4))
    return str(ip_address(address)) if family_of(address) else ""


def _within_cluster(name: str) -> list[str] | None:
    """The labels before the cluster's domain; None for names of the world."""
    if name == CLUSTER_DOMAIN:
        return []
    return name.removesuffix(f".{CLUSTER_DOMAIN}").split(".") if name.endswith(f".{CLUSTER_DOMAIN}") else None


def _answer(store: Store, name: str, labels: list[str], kind: RecordType) -> list[Record] | None:
    """Records of a name of the cluster, [] when it has none of this type, None when there is no such name."""
    if not labels or labels in (["svc"], ["pod"]):
        return []
    if labels[-1] not in ("svc", "pod") or not _has_namespace(store, labels[-2]):
        return None
    if len(labels) == 2:
        return []
    if labels[-1] == "pod":
        return _pod_records(name, labels[:-2], kind)
    service = store.get(ObjectKey(SERVICES.group, SERVICES.plural, labels[-2], labels[-3]))
    if service is None:
        return None
    before = labels[:-3]
    if service.obj["spec"].get("type") == "ExternalName":
        return [] if before else [Record(name, "CNAME", service.obj["spec"]["externalName"].rstrip(".").lower())]
    if len(before) == 2 and all(label.startswith("_") for label in before):
        return _port_records(store, name, service, before[0][1:], before[1][1:], kind)
    if len(before) == 1:
        return _endpoint_records(store, name, service, before[0], kind)
    if before:
        return None
    if kind == "SRV":
        return [record for port in _ports(service) for record in _srv(store, name, service, port)]
    return [Record(name, kind, address) for address in _service_addresses(store, service) if _is(address, kind)]


def _pod_records(name: str, labels: list[str], kind: RecordType) -> list[Record] | None:
    if len(labels) != 1:
        return None
    dashed = labels[0]
    address = dashed.replace("-", ":") if dashed.count("-") > 3 else dashed.replace("-", ".")
    if not family_of(address):
        return None
    return [Record(name, kind, address)] if _is(address, kind) else []


def _port_records(
    store: Store, name: str, service: Envelope, port: str, protocol: str, kind: RecordType
) -> list[Record] | None:
    named = [
        each
        for each in _ports(service)
        if (each.get("name") or "").lower() == port and each.get("protocol", "TCP").lower() == protocol
    ]
    if not named:
        return None
    if kind == "SRV":
        return [record for each in named for record in _srv(store, name, service, each)]
    return [Record(name, kind, address) for address in _service_addresses(store, service) if _is(address, kind)]


def _endpoint_records(
    store: Store, name: str, service: Envelope, host: str, kind: RecordType
) -> list[Record] | None:  # fmt: skip
    found = [address for label, address, _ in _endpoints(store, service) if label == host]
    if not found:
        return None
    return [Record(name, kind, address) for address in dict.fromkeys(found) if _is(address, kind)]


def _srv(store: Store, name: str, service: Envelope, port: JsonObject) -> list[Record]:
    own = f"{service.name}.{service.namespace}.svc.{CLUSTER_DOMAIN}"
    if not is_headless(service.obj["spec"]):
        return [Record(name, "SRV", f"0 100 {port['port']} {own}")]
    wanted = port.get("name") or ""
    found = [
        (label, each["port"])
        for label, _, ports in _endpoints(store, service)
        for each in ports
        if (each.get("name") or "") == wanted and each.get("protocol", "TCP") == port.get("protocol", "TCP")
    ]
    weight = max(100 // len(found), 1) if found else 0
    return [Record(name, "SRV", f"0 {weight} {number} {label}.{own}") for label, number in dict.fromkeys(found)]


def _service_addresses(store: Store, service: Envelope) -> list[str]:
    if not is_headless(service.obj["spec"]):
        return addresses_of(service.obj["spec"])
    return list(dict.fromkeys(address for _, address, _ in _endpoints(store, service)))


def _endpoints(store: Store, service: Envelope) -> Iterator[tuple[str, str, Sequence[JsonObject]]]:
    """(label, address, ports) of each endpoint that is ready."""
    for env in slices_of(store, service.namespace, service.name):
        for endpoint in env.obj.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is False:
                continue
            for address in endpoint["addresses"]:
                label = endpoint.get("hostname") or address.replace(".", "-").replace(":", "-")
                yield label.lower(), address, env.obj.get("ports") or ()


def _ports(service: Envelope) -> Sequence[JsonObject]:
    ports: Sequence[JsonObject] = service.obj["spec"].get("ports") or ()
    return ports


def _is(address: str, kind: RecordType) -> bool:
    return family_of(address) == _FAMILY.get(kind)


def _has_namespace(store: Store, name: str) -> bool:
    return store.get(ObjectKey(NAMESPACES.group, NAMESPACES.plural, "", name)) is not None
