"""Can A reach B on port P? By which name, through which endpoint, and if not, who says no.

`reach` follows a connection as it would go: the source has to run; a name goes through the pod's search path to the
cluster's name server, which has to be reachable itself; an address is a Service's, a pod's, a node's or nobody's; the
proxy picks endpoints; policies of both ends are asked; somebody has to listen. A host that an Ingress is for leads
to the simulated ingress proxy, which picks a Service by host and path (engine.network.ingress) and connects to it
itself. Each step is written down in words, so that the trail explains the answer. Nothing is sent or changed.

What listens is judged by the containers' declared ports; containers that declare none are taken to listen everywhere.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from engine.api.errors import BadRequest, NotFound
from engine.api.kinds import NODES, PODS
from engine.api.server import Api
from engine.client import Reach, Step, Symptom
from engine.faults.effects import active_faults, unreachable
from engine.network import dns, ingress, policy
from engine.network.addresses import (
    API_SERVER,
    API_SERVER_PORT,
    DNS_SERVICE,
    balanced_service,
    node_at,
    pod_at,
    range_of,
)
from engine.network.listening import listener
from engine.network.policy import Peer, Verdict
from engine.network.proxy import Backend, choose, service_ports
from engine.network.service_allocation import family_of, service_at, service_on_node_port
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey

_DNS_PORT: Final = 53
_MOST_ENDPOINTS: Final = 100
"""Endpoints of one Service that are looked at."""


def reach(
    api: Api, source: tuple[str, str] | None, target: str, port: int = 0, protocol: str = "TCP", path: str = "/"
) -> Reach:
    """Try to connect from a pod, (namespace, name), or from outside of the cluster (None).

    `target`: a name, an address, or a URL. `port`: 0 for the URL's own. `path`: what an Ingress goes by, if it is no
    URL. Raises NotFound for an unknown pod, BadRequest for a target without a port.
    """
    env = api.find(PODS, *source) if source is not None else None
    if env is None and source is not None:
        raise NotFound(f'pods "{source[1]}" not found')
    if "://" in target:
        try:
            url = urlsplit(target)
            own_port = url.port
        except ValueError:
            raise BadRequest(f"{target} is no URL") from None
        port = port or own_port or {"http": 80, "https": 443}.get(url.scheme, 0)
        target, path = url.hostname or "", url.path or "/"
    if not target or not port:
        raise BadRequest("a target needs a name or an address, and a port")
    return _Attempt(api.store, env, Peer(_address_of(env), env)).run(target, port, protocol, path)


def _address_of(pod: Envelope | None) -> str:
    return str((pod.obj.get("status") or {}).get("podIP") or "") if pod is not None else ""


class _Attempt:
    def __init__(self, store: Store, source: Envelope | None, peer: Peer) -> None:
        """`source`: the pod that connects, None for others; `peer`: what policies see of it."""
        self._store, self._source, self._peer = store, source, peer
        self._node: str = (source.obj["spec"].get("nodeName") or "") if source is not None else ""
        self._who = _shown(source) if source is not None else peer.address or "outside of the cluster"
        self._host, self._path = "", "/"
        self._home, self._faults = self._node, active_faults(store)

    def run(self, target: str, port: int, protocol: str, path: str) -> Reach:
        out = Reach()
        self._host, self._path = target, path
        out.ok = self._has_network(out) and self._to_target(out, target, port, protocol)
        return out

    def _has_network(self, out: Reach) -> bool:
        if self._source is None:
            out.good("source", "a client outside of the cluster")
            return True
        name, phase = self._who, (self._source.obj.get("status") or {}).get("phase")
        if phase != "Running" or not self._peer.address:
            return out.bad("source", f"pod {name} is {phase}: nothing in it can connect", f"Pod {name}", "no route")
        out.good("source", f"pod {name} runs on node {self._node} as {self._peer.address}")
        return True

    def _to_target(self, out: Reach, target: str, port: int, protocol: str) -> bool:
        if family_of(target):
            out.address = target
            return self._to_address(out, target, port, protocol)
        addresses = self._resolved(out, target)
        if addresses is None:
            return False
        if not addresses:  # outside of the cluster: the name is all that is known
            proxy = ingress.proxy_address(self._store) if ingress.names_host(self._store, out.name) else ""
            if proxy:
                out.address, self._host = proxy, out.name
                out.good("dns", f"{out.name} → {proxy}, the ingress proxy: the world's DNS is taken to know Ingresses")
                return self._to_proxy(out, proxy, port, protocol)
            return self._to_outside(out, "", port, protocol)
        for index, address in enumerate(addresses):
            out.address = address
            before = len(out.steps)
            if self._to_address(out, address, port, protocol):
                out.refused_by, out.symptom = "", ""
                return True
            if index + 1 < len(addresses):
                del out.steps[before:]
        return False

    # -- names -------------------------------------------------------------------------------------------------------

    def _resolved(self, out: Reach, target: str) -> list[str] | None:
        """Addresses of a name; [] when it is one of the world's, None when there are none."""
        if self._source is None:
            name = target.rstrip(".").lower()
            if dns.lookup(self._store, name).code != "FORWARDED" or "." not in name:
                out.bad("dns", f"{name}: only the cluster's own name server knows such names", "DNS", "no such host")
                return None
            out.name = name
            return []
        resolver = dns.resolver_of(self._source.obj)
        if not resolver.nameservers:
            out.bad("dns", "the pod has no name server (dnsPolicy None without dnsConfig)", "DNS", "no answer")
            return None
        server = resolver.nameservers[0]
        if server == dns.NODE_RESOLVER:
            out.good("dns", f"names go to the node's name server {server}, which knows none of the cluster's")
            name = dns.candidates(resolver, target)[0]
            if dns.lookup(self._store, name).code != "FORWARDED":
                out.bad("dns", f"{name}: no such name outside of the cluster", "DNS", "no such host")
                return None
            out.name = name
            return []
        if not self._reaches_name_server(out, server):
            return None
        found = dns.resolve(self._store, resolver, target)
        tried = " → ".join(f"{answer.name} {_said(answer)}" for answer in found.tried)
        addresses = [record.value for record in found.answer.records if record.type in ("A", "AAAA")]
        if found.answer.code == "FORWARDED" and _is_world(target, found):
            out.name = found.answer.records[-1].value if found.answer.records else found.answer.name
            out.good("dns", f"{tried} → {out.name}, outside of the cluster")
            return []
        if not addresses:
            out.bad("dns", tried, "DNS", "no such host")
            return None
        out.name = found.answer.name
        out.good("dns", f"{tried} → {', '.join(addresses[:4])}{' …' if len(addresses) > 4 else ''}")
        return addresses

    def _reaches_name_server(self, out: Reach, server: str) -> bool:
        way = Reach()
        if self._to_address(way, server, _DNS_PORT, "UDP"):
            out.good("dns", f"name server {server} answers by {way.pod or way.endpoint}")
            return True
        if server == DNS_SERVICE and not way.service:
            text = f"the cluster has no DNS: no Service has the address {server}"
            return out.bad("dns", text, "DNS", "no answer")
        out.steps += [Step(step.stage, step.ok, f"(to name server {server}) {step.text}") for step in way.steps]
        text = f"name server {server} cannot be reached: {way.refused_by}"
        return out.bad("dns", text, way.refused_by, "no answer")

    # -- addresses ---------------------------------------------------------------------------------------------------

    def _to_address(self, out: Reach, address: str, port: int, protocol: str) -> bool:
        service = service_at(self._store, address)
        inside = range_of(self._store, address) if self._source is None else ""
        if inside:
            text = f"{address} is a {inside}'s address, which has no meaning outside of the cluster"
            return out.bad("endpoint", text, f"Address {address}", "connection timed out")
        if service is not None:
            return self._to_service(out, service, port, protocol)
        pod = pod_at(self._store, address)
        if pod is not None:
            return self._to_pod(out, pod, address, port, protocol)
        if address == API_SERVER:
            return self._to_api_server(out, port)
        if ingress.is_proxy(self._store, address):
            return self._to_proxy(out, address, port, protocol)
        node = node_at(self._store, address)
        if node is not None:
            return self._to_node(out, node, port, protocol)
        balanced = balanced_service(self._store, address)
        if balanced is not None:
            return self._may_enter(out, balanced) and self._to_service(out, balanced, port, protocol, external=True)
        whose = range_of(self._store, address)
        if whose:
            text = f"no {whose} has the address {address}"
            return out.bad("endpoint", text, f"Address {address}", "connection timed out")
        return self._to_outside(out, address, port, protocol)

    def _may_enter(self, out: Reach, service: Envelope) -> bool:
        """loadBalancerSourceRanges name whom a load balancer lets in; a client without an address is not judged."""
        ranges = service.obj["spec"].get("loadBalancerSourceRanges") or ()
        client = self._peer.address
        if not ranges or not client or any(ip_address(client) in ip_network(each, strict=False) for each in ranges):
            return True
        text = f"loadBalancerSourceRanges of Service {_shown(service)} ({', '.join(ranges)}) do not let {client} in"
        return out.bad("service", text, f"Service {_shown(service)}", "connection timed out")

    def _to_proxy(self, out: Reach, address: str, port: int, protocol: str) -> bool:
        if not self._may_leave(out, Peer(address), port, protocol):
            return False
        if port not in ingress.PORTS or protocol != "TCP":
            text = f"the ingress proxy listens on 80/TCP and 443/TCP, not on {port}/{protocol}"
            return out.bad("ingress", text, "Ingress proxy", "connection refused")
        found = ingress.route(self._store, self._host, self._path, port == 443)
        if found.certificate:
            out.good("ingress", f"the proxy shows {found.certificate}")
        by = f"Ingress {found.ingress}" if found.ingress else "Ingress proxy"
        if found.service is None or found.port is None:
            symptom: Symptom = "404 Not Found" if found.code == 404 else "503 Service Temporarily Unavailable"
            text = f"{found.rule} of {by}: {found.why}" if found.rule else found.why
            return out.bad("ingress", text, by, symptom)
        name = _shown(found.service)
        out.service = name
        out.good("ingress", f"{found.rule} of {by} → Service {name}, port {found.port['port']}")
        return self._behind_proxy(out, found.service, found.port)

    def _behind_proxy(self, out: Reach, service: Envelope, port: JsonObject) -> bool:
        """The proxy connects to the endpoints itself: their policies see the proxy, the client sees HTTP."""
        if service.obj["spec"].get("type") == "ExternalName":
            out.endpoint = f"{service.obj['spec']['externalName']}:{port['port']}"
            out.good("endpoint", f"{out.endpoint} is outside of the cluster: what answers there is not simulated")
            return True
        choice = choose(self._store, service, port, "")
        if not choice.backends:
            by = f"Service {_shown(service)}"
            return out.bad("endpoint", choice.why_none, by, "503 Service Temporarily Unavailable")
        out.good("endpoint", "; ".join(choice.steps))
        proxy = _Attempt(self._store, None, Peer(ingress.INGRESS_ADDRESS))
        if proxy._to_backends(out, choice.backends, port.get("protocol", "TCP")):
            return True
        out.symptom = "504 Gateway Time-out" if out.symptom == "connection timed out" else "502 Bad Gateway"
        return False

    def _to_service(
        self, out: Reach, service: Envelope, port: int, protocol: str, external: bool = False, node_port: bool = False
    ) -> bool:
        name = _shown(service)
        out.service = name
        key = "nodePort" if node_port else "port"
        ports = service_ports(service)
        found = [each for each in ports if each.get(key) == port and each.get("protocol", "TCP") == protocol]
        if not found:
            has = ", ".join(f"{each['port']}/{each.get('protocol', 'TCP')}" for each in ports) or "none"
            text = f"Service {name} has no port {port}/{protocol} (it has {has})"
            return out.bad("service", text, f"Service {name}", "connection timed out")
        shown = f"Service {name}, port {port}/{protocol} → {found[0].get('targetPort', found[0]['port'])}"
        out.good("service", shown)
        choice = choose(self._store, service, found[0], self._node, external)
        if not choice.backends:
            return out.bad("endpoint", choice.why_none, f"Service {name}", "connection refused")
        out.good("endpoint", "; ".join(choice.steps))
        return self._to_backends(out, choice.backends, protocol)

    def _to_backends(self, out: Reach, backends: tuple[Backend, ...], protocol: str) -> bool:
        """The first endpoint that can be reached; the trail of the first that cannot, when none can."""
        start = len(out.steps)
        first_no: tuple[list[Step], str, Symptom] = ([], "", "")
        for failed, backend in enumerate(backends[:_MOST_ENDPOINTS]):
            del out.steps[start:]
            if self._to_backend(out, backend, protocol):
                if failed:
                    out.good("endpoint", f"but {failed} of {len(backends)} endpoints cannot be reached: {first_no[1]}")
                out.refused_by, out.symptom = "", ""
                return True
            if not failed:
                first_no = (out.steps[start:], out.refused_by, out.symptom)
        out.steps[start:], out.refused_by, out.symptom = first_no
        return False

    def _to_backend(self, out: Reach, backend: Backend, protocol: str) -> bool:
        pod = self._store.get(backend.pod) if backend.pod is not None else None
        if pod is not None:
            return self._to_pod(out, pod, backend.address, backend.port, protocol)
        if backend.address == API_SERVER:
            return self._to_api_server(out, backend.port)
        return self._to_outside(out, backend.address, backend.port, protocol)

    def _to_api_server(self, out: Reach, port: int) -> bool:
        if not self._has_way(out, "") or not self._may_leave(out, Peer(API_SERVER), port, "TCP"):
            return False
        if port != API_SERVER_PORT:
            text = f"the API server listens on {API_SERVER_PORT}, not on {port}"
            return out.bad("endpoint", text, "API server", "connection refused")
        out.endpoint = f"{API_SERVER}:{port}"
        out.good("endpoint", f"the API server answers at {out.endpoint}")
        return True

    def _to_node(self, out: Reach, node: Envelope, port: int, protocol: str) -> bool:
        if not self._has_way(out, node.name):
            return False
        service = service_on_node_port(self._store, protocol, port)
        out.good("endpoint", f"the address is node {node.name}'s")
        if service is not None:
            self_node, self._node = self._node, node.name
            try:
                return self._to_service(out, service, port, protocol, external=True, node_port=True)
            finally:
                self._node = self_node
        text = f"nothing listens on port {port} of node {node.name}: no Service has it as nodePort"
        return out.bad("endpoint", text, f"Node {node.name}", "connection refused")

    def _to_outside(self, out: Reach, address: str, port: int, protocol: str) -> bool:
        if not self._has_way(out, "") or not self._may_leave(out, Peer(address), port, protocol):
            return False
        where = address or out.name
        out.endpoint = f"{where}:{port}"
        out.good("endpoint", f"{where} is outside of the cluster: what answers there is not simulated")
        return True

    # -- the last stretch --------------------------------------------------------------------------------------------

    def _has_way(self, out: Reach, node: str) -> bool:
        """No fault keeps packets from the source's node, or from the node that they go to ("": to none)."""
        if not self._faults:
            return True
        ends = dict.fromkeys(name for name in (self._home, node) if name)
        for name in ends:
            env = self._store.get(ObjectKey(NODES.group, NODES.plural, "", name))
            if env is not None:
                fault, text = unreachable(self._faults, env, self._home == node)
                if fault:
                    return out.bad("endpoint", f"{text} (fault {fault})", f"Fault {fault}", "connection timed out")
        return True

    def _to_pod(self, out: Reach, pod: Envelope, address: str, port: int, protocol: str) -> bool:
        if not self._has_way(out, pod.obj["spec"].get("nodeName") or "") or not self._may_leave(
            out, Peer(address, pod), port, protocol
        ):
            return False
        verdict = policy.ingress(self._store, pod, self._peer, port, protocol)
        if not self._say(out, verdict, pod, f"into {_shown(pod)} from {self._who} on {port}/{protocol}"):
            return False
        out.pod = _shown(pod)
        if not self._listens(out, pod, port, protocol):
            return False
        out.endpoint = f"{address}:{port}"
        return True

    def _may_leave(self, out: Reach, to: Peer, port: int, protocol: str) -> bool:
        if self._source is None:
            return True
        verdict = policy.egress(self._store, self._source, to, port, protocol)
        where = _shown(to.pod) if to.pod is not None else to.address or out.name
        text = f"out of {self._who} to {where} on {port}/{protocol}"
        return self._say(out, verdict, self._source, text)

    def _say(self, out: Reach, verdict: Verdict, pod: Envelope, text: str) -> bool:
        names = ", ".join(f"{pod.namespace}/{name}" for name in verdict.policies)
        if not verdict.allowed:
            by = f"NetworkPolicy {names}"
            return out.bad("policy", f"{text}: no rule of {names} allows it", by, "connection timed out")
        if verdict.policies:
            out.good("policy", f"{text}: {pod.namespace}/{verdict.allowed_by} allows it")
        return True

    def _listens(self, out: Reach, pod: Envelope, port: int, protocol: str) -> bool:
        container, text = listener(pod, port, protocol)
        if not container:
            return out.bad("pod", text, f"Pod {_shown(pod)}", "connection refused")
        out.good("pod", text)
        return True


def _shown(env: Envelope) -> str:
    return f"{env.namespace}/{env.name}"


def _said(answer: dns.Answer) -> str:
    if answer.code != "NOERROR":
        return answer.code
    return "" if answer.records else "NOERROR without addresses"


def _is_world(target: str, found: dns.Resolution) -> bool:
    """A name outside of the cluster needs a dot; a single word that fell through the search path is nobody's."""
    return "." in target.rstrip(".") or bool(found.answer.records)
