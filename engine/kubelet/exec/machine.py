"""The inside of one simulated container, as the programs in it see it: files, environment, processes, network.

`connect` asks the service model whether a name or an address can be reached, and which container answers there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.api.kinds import PODS
from engine.api.server import Api
from engine.client import Reach
from engine.clock import Clock, parse_time
from engine.kubelet import serving
from engine.kubelet.behaviour import Behaviour, CommandRule
from engine.kubelet.exec.files import Files
from engine.kubelet.facts import ContainerFacts, facts_of
from engine.kubelet.identity import host_name
from engine.kubelet.inside import Inside
from engine.kubelet.logs import container_status
from engine.kubelet.runtime import ContainerSpec, Handle, HttpAnswer, HttpRequest
from engine.network.addresses import API_SERVER
from engine.network.listening import listener
from engine.network.reach import reach
from store.types import Envelope

_HOST: Final = re.compile(r"[A-Za-z0-9_.:-]+")
SIMULATED: Final = "[simulated] this container is simulated: it knows a few commands (`help` lists them)"
_API_SERVER_SAYS: Final = (
    b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"forbidden: User '
    b'\\"system:anonymous\\" cannot get path \\"/\\"","reason":"Forbidden","details":{},"code":403}\n'
)


@dataclass(frozen=True, slots=True)
class Machine:
    """One container that runs."""

    api: Api
    clock: Clock
    spec: ContainerSpec
    handle: Handle
    inside: Inside
    commands: Sequence[CommandRule]
    """What its image declares."""
    behaviour: Callable[[Envelope, ContainerFacts], Behaviour]
    """How a container of a pod behaves."""

    @property
    def files(self) -> Files:
        """As they are now."""
        pod = self.spec.pod
        return Files(self.inside.files(pod.namespace, pod.name, self.spec.facts.name))

    @property
    def hostname(self) -> str:
        return host_name(self.spec.pod.obj).host

    @property
    def main_command(self) -> str:
        """The command line of process 1."""
        if self.spec.facts.command:
            return " ".join(self.spec.facts.command)
        return self.spec.facts.image.rpartition("/")[2].partition("@")[0].partition(":")[0]

    @property
    def user(self) -> int:
        """runAsUser, else 0."""
        own: dict[str, Any] = self.spec.facts.spec.get("securityContext") or {}
        pods = self.spec.pod.obj["spec"].get("securityContext") or {}
        return int(own.get("runAsUser", pods.get("runAsUser", 0)))

    @property
    def directory(self) -> str:
        """workingDir, else /."""
        return str(self.spec.facts.spec.get("workingDir") or "/")

    def environment(self, tty: bool) -> dict[str, str]:
        """As the container began, with what a terminal adds."""
        pod = self.spec.pod
        found = dict(self.inside.environment(pod.namespace, pod.name, self.spec.facts.name))
        return {"PATH": found.pop("PATH", ""), "TERM": "xterm", **found} if tty else found

    # -- network ---------------------------------------------------------------------------------------------------

    def connect(self, target: str, port: int, protocol: str = "TCP", path: str = "/") -> Reach:
        """Try to connect from here. `localhost` is the pod itself. `path`: of an HTTP request, for Ingresses."""
        pod = self.spec.pod
        if target in ("localhost", "127.0.0.1", "::1"):
            out = Reach(address="127.0.0.1")
            container, text = listener(self._present(pod) or pod, port, protocol)
            out.ok = bool(container) or out.bad("pod", text, f"Pod {pod.namespace}/{pod.name}", "connection refused")
            if out.ok:
                out.pod, out.endpoint = f"{pod.namespace}/{pod.name}", f"127.0.0.1:{port}"
            return out
        if not _HOST.fullmatch(target) or not 0 < port < 65536:
            out = Reach()
            out.bad("dns", f"{target!r} is no name and no address", "DNS", "no such host")
            return out
        return reach(self.api, (pod.namespace, pod.name), target, port, protocol, path)

    def request(self, where: Reach, method: str, path: str) -> HttpAnswer | None:
        """What answers an HTTP request where `where` ends; None: nobody does (outside of the cluster, or not yet)."""
        if where.answered:
            return HttpAnswer(where.answered, "text/html", f"{where.symptom}\n".encode())
        if not where.ok:
            return None
        port = int(where.endpoint.rpartition(":")[2])
        if where.pod:
            namespace, _, name = where.pod.partition("/")
            return self._of_pod(namespace, name, HttpRequest(method, path, port))
        if where.endpoint.rpartition(":")[0] == API_SERVER:
            return HttpAnswer(403, "application/json", _API_SERVER_SAYS)
        return None

    def _of_pod(self, namespace: str, name: str, request: HttpRequest) -> HttpAnswer | None:
        env = self.api.find(PODS, namespace, name)
        container = listener(env, request.port, "TCP")[0] if env is not None else ""
        status = container_status(env, container) if env is not None else None
        started = ((status or {}).get("state") or {}).get("running") or {}
        if env is None or not started:
            return None
        facts = next(c for c in facts_of(env.obj["spec"]).containers if c.name == container)
        address = (env.obj.get("status") or {}).get("podIP", "")
        spec = ContainerSpec(env, facts, 0, "", address)
        elapsed = self.clock.now() - parse_time(started["startedAt"])
        return serving.answer(self.behaviour(env, facts), spec, elapsed, request)

    def _present(self, pod: Envelope) -> Envelope | None:
        return self.api.find(PODS, pod.namespace, pod.name)
