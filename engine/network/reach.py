"""Can A reach B on port P? By which name, through which endpoint, and if not, who says no.

`reach` follows a connection as it would go: the source has to run; a name goes through the pod's search path to the
cluster's name server, which has to be reachable itself; an address is a Service's, a pod's, a node's or nobody's; the
proxy picks endpoints; policies of both ends are asked; somebody has to listen. Each step is written down in words, so
that the trail explains the answer. Nothing is sent, and nothing changes.

What listens is judged by the containers' declared ports; containers that declare none are taken to listen everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from engine.api.errors import NotFound
from engine.api.kinds import PODS
from engine.api.server import Api
from engine.network import dns, policy
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
from store.types import Envelope

Symptom = Literal["", "no answer", "connection refused", "connection timed out", "no such host", "no route"]
Stage = Literal["source", "dns", "service", "endpoint", "policy", "pod"]
_DNS_PORT: Final = 53
_MOST_ENDPOINTS: Final = 100
"""Endpoints of one Service that are looked at."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was asked on the way."""

    stage: Stage
    ok: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok' if self.ok else 'NO'}  {self.stage}: {self.text}"


@dataclass(slots=True)
class Reach:
    """The answer."""

    ok: bool = False
    name: str = ""
    """The full name that was resolved; "" when an address was asked for."""
    address: str = ""
    """What the client connects to; "" when the name led nowhere."""
    service: str = ""
    """namespace/name of the Service that it went through; "" without one."""
    endpoint: str = ""
    """`10.244.1.3:8080`, where the connection ends; "" when it does not get there."""
    pod: str = ""
    """namespace/name of the pod there; "" for what is no pod."""
    refused_by: str = ""
    """Who says no, `NetworkPolicy shop/default-deny`, `Service shop/web`, `DNS` …; "" when nobody does."""
    symptom: Symptom = ""
    """What the client would see."""
    steps: list[Step] = field(default_factory=list)

    def trail(self) -> str:
        """The steps as text, one a line."""
        return "\n".join(map(str, self.steps))

    def good(self, stage: Stage, text: str) -> None:
        """Note a step that goes well."""
        self.steps.append(Step(stage, True, text))

    def bad(self, stage: Stage, text: str, by: str, symptom: Symptom) -> bool:
        """Note who says no. Always False."""
        self.steps.append(Step(stage, False, text))
        self.refused_by, self.symptom = by, symptom
        return False


def reach(api: Api, source: tuple[str, str], target: str, port: int, protocol: str = "TCP") -> Reach:
    """Try to connect from a pod, (namespace, name), to a name or an address. Raises NotFound for an unknown pod."""
    env = api.find(PODS, *source)
    if env is None:
        raise NotFound(f'pods "{source[1]}" not found')
    return _Attempt(api.store, env).run(target, port, protocol)


class _Attempt:
    def __init__(self, store: Store, source: Envelope) -> None:
        self._store, self._source = store, source
        self._status = source.obj.get("status") or {}
        self._address: str = self._status.get("podIP") or ""
        self._node: str = source.obj["spec"].get("nodeName") or ""

    def run(self, target: str, port: int, protocol: str) -> Reach:
        out = Reach()
        out.ok = self._has_network(out) and self._to_target(out, target, port, protocol)
        return out

    def _has_network(self, out: Reach) -> bool:
        name, phase = _shown(self._source), self._status.get("phase")
        if phase != "Running" or not self._address:
            return out.bad("source", f"pod {name} is {phase}: nothing in it can connect", f"Pod {name}", "no route")
        out.good("source", f"pod {name} runs on node {self._node} as {self._address}")
        return True

    def _to_target(self, out: Reach, target: str, port: int, protocol: str) -> bool:
        if family_of(target):
            out.address = target
            return self._to_address(out, target, port, protocol)
        addresses = self._resolved(out, target)
        if addresses is None:
            return False
        if not addresses:  # outside of the cluster: the name is all that is known
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
        if service is not None:
            return self._to_service(out, service, port, protocol)
        pod = pod_at(self._store, address)
        if pod is not None:
            return self._to_pod(out, pod, address, port, protocol)
        if address == API_SERVER:
            return self._to_api_server(out, port)
        node = node_at(self._store, address)
        if node is not None:
            return self._to_node(out, node, port, protocol)
        balanced = balanced_service(self._store, address)
        if balanced is not None:
            return self._to_service(out, balanced, port, protocol, external=True)
        whose = range_of(self._store, address)
        if whose:
            text = f"no {whose} has the address {address}"
            return out.bad("endpoint", text, f"Address {address}", "connection timed out")
        return self._to_outside(out, address, port, protocol)

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
        if not self._may_leave(out, Peer(API_SERVER), port, "TCP"):
            return False
        if port != API_SERVER_PORT:
            text = f"the API server listens on {API_SERVER_PORT}, not on {port}"
            return out.bad("endpoint", text, "API server", "connection refused")
        out.endpoint = f"{API_SERVER}:{port}"
        out.good("endpoint", f"the API server answers at {out.endpoint}")
        return True

    def _to_node(self, out: Reach, node: Envelope, port: int, protocol: str) -> bool:
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
        if not self._may_leave(out, Peer(address), port, protocol):
            return False
        where = address or out.name
        out.endpoint = f"{where}:{port}"
        out.good("endpoint", f"{where} is outside of the cluster: what answers there is not simulated")
        return True

    # -- the last stretch --------------------------------------------------------------------------------------------

    def _to_pod(self, out: Reach, pod: Envelope, address: str, port: int, protocol: str) -> bool:
        if not self._may_leave(out, Peer(address, pod), port, protocol):
            return False
        verdict = policy.ingress(self._store, pod, Peer(self._address, self._source), port, protocol)
        if not self._say(out, verdict, pod, f"into {_shown(pod)} from {_shown(self._source)} on {port}/{protocol}"):
            return False
        out.pod = _shown(pod)
        if not self._listens(out, pod, port, protocol):
            return False
        out.endpoint = f"{address}:{port}"
        return True

    def _may_leave(self, out: Reach, to: Peer, port: int, protocol: str) -> bool:
        verdict = policy.egress(self._store, self._source, to, port, protocol)
        where = _shown(to.pod) if to.pod is not None else to.address or out.name
        text = f"out of {_shown(self._source)} to {where} on {port}/{protocol}"
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
