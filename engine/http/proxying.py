"""proxy of pods, services and nodes: an HTTP request through the API server to a simulated container or a kubelet.

A name may say scheme and port: `web`, `web:8080`, `https:web:8443`. Without a port a pod's first declared one is taken.
What answers is what the container's Image declares. A node's kubelet answers /healthz and /stats/summary.

Sources: pkg/registry/core/{pod,service,node}/storage (ResourceLocation), k8s.io/apimachinery/pkg/util/proxy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from engine.api.errors import BadRequest, ServiceUnavailable
from engine.api.kinds import NODES, PODS, SERVICES
from engine.clock import rfc3339
from engine.cluster import Cluster
from engine.http.calls import Call
from engine.http.messages import JSON, Answer, Response, text_response
from engine.kubelet.runtime import HttpAnswer, HttpRequest, Stats
from engine.kubelet.serving import LABEL
from engine.network.proxy import choose, service_ports
from store.types import Envelope, JsonObject


class Target(NamedTuple):
    """What a proxy path names."""

    scheme: str
    name: str
    port: str
    """"" without one."""


def target_of(text: str) -> Target | None:
    """`NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`; None for anything else (SplitSchemeNamePort)."""
    parts = text.split(":")
    if len(parts) == 1:
        target = Target("", text, "")
    elif len(parts) == 2:
        target = Target("", parts[0], parts[1])
    elif len(parts) == 3 and parts[0] in ("http", "https"):
        target = Target(*parts)
    else:
        return None
    return target if target.name else None


async def proxy(call: Call) -> Answer:
    """Any method on …/proxy and …/proxy/PATH."""
    plural = call.resource.plural
    target = target_of(call.name)
    if target is None:
        raise BadRequest(f'invalid {plural.removesuffix("s")} request "{call.name}"')
    path, cluster = f"/{call.info.rest}", call.gate.cluster
    if plural == "nodes":
        return await call.gate.run(lambda: _kubelet(cluster, target.name, path))
    find: Callable[[Cluster, str, Target], tuple[Envelope, int]] = _of_pod if plural == "pods" else _of_service
    found = await call.gate.run(
        lambda: _asked(cluster, *find(cluster, call.namespace, target), call.request.method, path)
    )  # fmt: skip
    body = b"" if call.request.method == "HEAD" else found.body
    return Response(found.status, body, found.content_type, [(LABEL, "true")])


def _of_pod(cluster: Cluster, namespace: str, target: Target) -> tuple[Envelope, int]:
    env = cluster.api.get(PODS, namespace, target.name)
    ports = [port for c in env.obj["spec"].get("containers") or () for port in c.get("ports") or ()]
    if not (env.obj.get("status") or {}).get("podIP"):
        raise BadRequest("address not allowed")
    first = ports[0]["containerPort"] if ports else (443 if target.scheme == "https" else 80)
    return env, _number(target.port, target) if target.port else int(first)


def _of_service(cluster: Cluster, namespace: str, target: Target) -> tuple[Envelope, int]:
    env = cluster.api.get(SERVICES, namespace, target.name)
    ports = service_ports(env)
    if not target.port and len(ports) == 1:
        port: JsonObject | None = ports[0]
    else:
        matching = (p for p in ports if target.port in (p.get("name") or "", str(p["port"])))
        port = next(matching, None)
    if port is None:
        raise ServiceUnavailable(f'no service port "{target.port}" found for service "{target.name}"')
    for backend in choose(cluster.store, env, port, "").backends:
        pod = cluster.store.get(backend.pod) if backend.pod is not None else None
        if pod is not None:
            return pod, backend.port
    raise ServiceUnavailable(f'no endpoints available for service "{target.name}"')


def _number(text: str, target: Target) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise BadRequest(f'invalid pod request "{target.name}:{text}"')
    return int(text)


def _asked(cluster: Cluster, env: Envelope, port: int, method: str, path: str) -> HttpAnswer:
    handle = cluster.streams.listening(env, port)
    answer = handle.serve(HttpRequest(method, path, port)) if handle is not None else None
    if answer is None:
        address = (env.obj.get("status") or {}).get("podIP", "")
        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        raise ServiceUnavailable(f"error trying to reach service: dial tcp {where}: connect: connection refused")
    return answer


# -- the kubelet ---------------------------------------------------------------------------------------------------

_HEALTHY: Final = ("/healthz", "/healthz/ping", "/healthz/syncloop")


def _kubelet(cluster: Cluster, name: str, path: str) -> Response:
    """What a kubelet's own server answers."""
    env = cluster.api.get(NODES, "", name)
    node = cluster.kubelets.nodes.get(name)
    if node is None or not node.running:
        where = f"{node.address if node is not None and node.address else name}:10250"
        raise ServiceUnavailable(f"error trying to reach service: dial tcp {where}: connect: connection refused")
    if node.unserved:
        raise ServiceUnavailable(f"error trying to reach service: {node.unserved}")
    if path in _HEALTHY:
        return text_response("ok")
    if path == "/stats/summary":
        return Response(200, orjson.dumps(_summary(cluster, env), option=orjson.OPT_INDENT_2), JSON)
    return text_response("404 page not found\n", 404)


def _summary(cluster: Cluster, node: Envelope) -> dict[str, Any]:
    """stats.Summary (k8s.io/kubelet/pkg/apis/stats/v1alpha1), as far as something is simulated."""
    now = rfc3339(cluster.clock.now())

    def usage(stats: Stats) -> dict[str, Any]:
        return {
            "cpu": {"time": now, "usageNanoCores": stats.cpu * 1_000_000},
            "memory": {"time": now, "usageBytes": stats.memory, "workingSetBytes": stats.memory},
        }

    own = cluster.metrics.node(node)
    pods = cluster.metrics.pods(
        env for env in cluster.store.list(PODS) if env.obj["spec"].get("nodeName") == node.name
    )  # fmt: skip
    return {
        "node": {"nodeName": node.name, "simulated": True, **(usage(own.total) if own is not None else {})},
        "pods": [
            {
                "podRef": {"name": each.env.name, "namespace": each.env.namespace, "uid": each.env.uid},
                "startTime": (each.env.obj.get("status") or {}).get("startTime"),
                "containers": [{"name": name, **usage(stats)} for name, stats in each.containers.items()],
                **usage(each.total),
            }
            for each in pods
        ],
    }  # fmt: skip
