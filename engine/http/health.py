"""/healthz, /livez and /readyz with Kubernetes' checks by name, /version, /metrics, and the list of paths at /.

The checks' names are the API server's own. Two say something of themselves here: `etcd` fails once a commit failed
(nothing is acknowledged any more), and all others hold as long as the engine's thread answers. Source:
k8s.io/apiserver/pkg/server/healthz.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import orjson

from engine.http.gate import Gate
from engine.http.messages import Request, Response, text_response

VERSION: Final[dict[str, str]] = {
    "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35", "gitVersion": "v1.36.2", "gitCommit": "98b35193b2ac7a23a673325f5e9b830ecd5ba406",
    "gitTreeState": "clean", "buildDate": "2026-06-09T00:00:00Z", "goVersion": "go1.26.6", "compiler": "gc",
    "platform": "linux/amd64",
}  # fmt: skip
"""The release whose behaviour is followed; some clients look at nothing else before they choose how to speak."""
_HOOKS: Final = tuple(
    f"poststarthook/{name}"
    for name in (
        "start-apiserver-admission-initializer", "generic-apiserver-start-informers",
        "priority-and-fairness-config-consumer", "priority-and-fairness-filter", "storage-object-count-tracker-hook",
        "start-apiextensions-informers", "start-apiextensions-controllers", "crd-informer-synced",
        "start-system-namespaces-controller", "peer-endpoint-reconciler-controller",
        "start-cluster-authentication-info-controller", "start-kube-apiserver-identity-lease-controller",
        "start-kube-apiserver-identity-lease-garbage-collector", "storage-readiness",
        "start-legacy-token-tracking-controller", "start-service-ip-repair-controllers", "rbac/bootstrap-roles",
        "scheduling/bootstrap-system-priority-classes", "priority-and-fairness-config-producer",
        "bootstrap-controller", "start-kubernetes-service-cidr-controller", "start-kube-aggregator-informers",
        "apiservice-status-local-available-controller", "apiservice-status-remote-available-controller",
        "apiservice-registration-controller", "apiservice-wait-for-first-sync", "apiservice-discovery-controller",
        "kube-apiserver-autoregistration",
    )
)  # fmt: skip
_LAST: Final = (
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
)
_LIVE: Final = ("ping", "log", "loopback-serving-certificate", "etcd", *_HOOKS, *_LAST)
CHECKS: Final[dict[str, tuple[str, ...]]] = {
    "healthz": _LIVE,
    "livez": _LIVE,
    "readyz": ("ping", "log", "informer-sync", *_HOOKS, *_LAST, "shutdown"),
}
_ENGINE_TIMEOUT: Final = 5.0


async def health(gate: Gate, request: Request) -> Response | None:
    """Answer /healthz, /livez, /readyz and their single checks; None for a check that does not exist."""
    endpoint, _, single = request.path.strip("/").partition("/")
    names: Sequence[str] = CHECKS[endpoint]
    if single:
        if single not in names:
            return None
        names = (single,)
    excluded = {name for values in request.query.get("exclude") or () for name in values.split(",")}
    failing = await _failing(gate)
    lines, failed = [], False
    for name in names:
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok")
        elif name in failing or "*" in failing:
            failed = True
            lines.append(f"[-]{name} failed: reason withheld")
        else:
            lines.append(f"[+]{name} ok")
    if failed:
        return text_response("\n".join([*lines, f"{endpoint} check failed", ""]), 500)
    if "verbose" not in request.query or single:
        return text_response("ok")
    return text_response("\n".join([*lines, f"{endpoint} check passed", ""]))


async def _failing(gate: Gate) -> set[str]:
    try:
        await asyncio.wait_for(gate.run(lambda: None), _ENGINE_TIMEOUT)
    except TimeoutError:
        return {"*"}
    return {"etcd"} if gate.store.failure is not None else set()


def root_paths(groups: dict[str, list[str]]) -> dict[str, Any]:
    """GET /: what can be asked for."""
    paths = {"/.well-known/openid-configuration", "/api", "/api/v1", "/apis", "/apis/", "/flagz", "/metrics"}
    paths |= {"/metrics/slis", "/openapi/v2", "/openapi/v3", "/openapi/v3/", "/openid/v1/jwks", "/statusz", "/version"}
    for name, versions in groups.items():
        if name:
            paths |= {f"/apis/{name}", *(f"/apis/{name}/{version}" for version in versions)}
    for endpoint, names in CHECKS.items():
        paths |= {f"/{endpoint}", *(f"/{endpoint}/{name}" for name in names)}
    return {"paths": sorted(paths)}


def indented(obj: Any) -> Response:
    """The few answers that Kubernetes writes for people."""
    return Response(200, orjson.dumps(obj, option=orjson.OPT_INDENT_2))
