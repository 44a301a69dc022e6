"""Ingress routing: which Service answers a request for a host and a path, and what the client sees when none does.

One function, `route`, judges a request as an ingress controller's proxy would: the Ingresses of the classes that this
controller serves, the host (an exact one before a wildcard), then the longest path (Exact before Prefix), then the
default backends. It looks at the stored objects only; endpoints and policies behind the Service are asked by
`engine.network.reach`.

The proxy itself is simulated: it listens on `INGRESS_ADDRESS`, or where the Service that its class names
(`kubarium.dev/publish-service`) has its load balancer, as long as an IngressClass of `kubarium.dev/ingress`
exists. Paths of type ImplementationSpecific are taken as Prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from engine.api.kinds import INGRESSCLASSES, INGRESSES, SECRETS, SERVICES
from engine.network.service_allocation import family_of
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey

CONTROLLER: Final = "kubarium.dev/ingress"
"""`spec.controller` of the IngressClasses that the simulated controller serves."""
INGRESS_ADDRESS: Final = "192.168.255.252"
"""Where the simulated proxy listens, on ports 80 and 443: a place in the machines' network that no machine is given."""
PORTS: Final = {80: "http", 443: "https"}
CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"
_PUBLISH: Final = "kubarium.dev/publish-service"


class Route(NamedTuple):
    """Where a request goes."""

    code: int
    """HTTP status that the proxy answers by itself: 404 no rule, 503 no such Service or port; 0: it passes it on."""
    ingress: str
    """namespace/name of the Ingress that decides; "" when none does."""
    rule: str
    """`host shop.example, path /cart (Prefix)`, `default backend`; "" when none matches."""
    why: str
    """Why it is not passed on; "" when it is."""
    service: Envelope | None = None
    port: JsonObject | None = None
    """The Service's port."""
    certificate: str = ""
    """What the proxy shows a client that speaks TLS; "" for plain requests."""


def class_name(ingress: JsonObject) -> str:
    """The class of an Ingress, by its field or by the older annotation; "" without one."""
    named = (ingress.get("spec") or {}).get("ingressClassName")
    return str(named or (ingress["metadata"].get("annotations") or {}).get(CLASS_ANNOTATION) or "")


def serving_class(store: Store, ingress: JsonObject) -> Envelope | None:
    """The IngressClass of an Ingress if the simulated controller serves it."""
    name = class_name(ingress)
    env = store.get(ObjectKey(*INGRESSCLASSES, "", name)) if name else None
    return env if env is not None and _is_ours(env) else None


def why_unserved(store: Store, ingress: JsonObject) -> str:
    """Why no controller takes an Ingress, as a sentence; "" when one does."""
    name = class_name(ingress)
    if not name:
        return "names no class, and none was the default when it was created"
    env = store.get(ObjectKey(*INGRESSCLASSES, "", name))
    if env is None:
        return f"has class {name}, which does not exist"
    controller = env.obj["spec"].get("controller", "")
    return "" if _is_ours(env) else f"has class {name}, whose controller {controller} does not run here"


def addresses(store: Store, ingress_class: Envelope) -> list[JsonObject]:
    """status.loadBalancer.ingress of the Ingresses of a class; empty while the published Service has no address."""
    published = (ingress_class.obj["metadata"].get("annotations") or {}).get(_PUBLISH)
    if not published:
        return [{"ip": INGRESS_ADDRESS}]
    namespace, _, name = published.partition("/")
    service = store.get(ObjectKey(*SERVICES, namespace, name))
    status = (service.obj.get("status") or {}) if service is not None else {}
    balanced: list[JsonObject] = (status.get("loadBalancer") or {}).get("ingress") or []
    return [{key: each[key] for key in ("ip", "hostname") if key in each} for each in balanced]


def proxy_address(store: Store) -> str:
    """Where the simulated proxy listens; "" when it does not run."""
    for env in store.list(INGRESSCLASSES):
        if _is_ours(env):
            return next((each["ip"] for each in addresses(store, env) if "ip" in each), INGRESS_ADDRESS)
    return ""


def is_proxy(store: Store, address: str) -> bool:
    """The address is the simulated proxy's."""
    return bool(address) and address in (INGRESS_ADDRESS, proxy_address(store)) and bool(proxy_address(store))


def names_host(store: Store, host: str) -> bool:
    """Some Ingress, of whatever class, is for this host: then the world's DNS is taken to point to the proxy."""
    return any(_host_rank(rule.get("host") or "", host) > 1 for env in store.list(INGRESSES) for rule in _rules(env))


def route(store: Store, host: str, path: str = "/", tls: bool = False) -> Route:
    """Judge a request. `host`: of the request, an address or "" counts as no host."""
    host = "" if family_of(host) else host.lower().rstrip(".")
    served = [env for env in _oldest_first(store) if serving_class(store, env.obj) is not None]
    certificate = _certificate(store, served, host) if tls else ""
    ranks = [_host_rank(rule.get("host") or "", host) for env in served for rule in _rules(env)]
    best = max(ranks, default=0)
    found: tuple[int, bool, Envelope, JsonObject, JsonObject] | None = None
    of_host: list[Envelope] = []
    for env in served:
        for rule in _rules(env):
            if not best or _host_rank(rule.get("host") or "", host) != best:
                continue
            of_host.append(env)
            for entry in (rule.get("http") or {}).get("paths") or ():
                if path_matches(entry.get("pathType") or "", entry.get("path") or "/", path):
                    rank = (len((entry.get("path") or "/").rstrip("/")), entry.get("pathType") == "Exact")
                    if found is None or rank > found[:2]:
                        found = (*rank, env, rule, entry)
    if found is not None:
        _, _, env, rule, entry = found
        shown = f"host {rule.get('host') or '*'}, path {entry.get('path') or '/'} ({entry.get('pathType')})"
        return _to_backend(store, env, shown, entry.get("backend") or {}, certificate)
    for env in [*of_host, *(env for env in served if not _rules(env))]:
        backend = (env.obj.get("spec") or {}).get("defaultBackend")
        if backend:
            return _to_backend(store, env, "default backend", backend, certificate)
    return Route(404, "", "", _why_unknown(store, host, path, of_host), certificate=certificate)


def path_matches(kind: str, rule: str, path: str) -> bool:
    """Exact, or Prefix element by element between slashes (networking.k8s.io/v1 PathType)."""
    if kind == "Exact":
        return path == rule
    wanted = [part for part in rule.split("/") if part]
    return [part for part in path.split("/") if part][: len(wanted)] == wanted


def _host_rank(pattern: str, host: str) -> int:
    """How well a rule's host fits: 3 the very host, 2 a wildcard for one label, 1 any host, 0 not at all."""
    if not pattern:
        return 1
    if pattern == host:
        return 3
    first, _, rest = host.partition(".")
    return 2 if first and pattern.startswith("*.") and rest == pattern[2:] else 0


def _to_backend(store: Store, env: Envelope, rule: str, backend: JsonObject, certificate: str) -> Route:
    name = f"{env.namespace}/{env.name}"
    wanted = backend.get("service")
    if wanted is None:
        text = f"its backend is a {(backend.get('resource') or {}).get('kind', 'resource')}, which is not served"
        return Route(503, name, rule, text, certificate=certificate)
    service = store.get(ObjectKey(*SERVICES, env.namespace, wanted["name"]))
    if service is None:
        text = f"Service {env.namespace}/{wanted['name']} does not exist"
        return Route(503, name, rule, text, certificate=certificate)
    port, ports = wanted.get("port") or {}, service.obj["spec"].get("ports") or ()
    for each in ports:
        if each["port"] == port.get("number") or (port.get("name") and each.get("name") == port["name"]):
            return Route(0, name, rule, "", service, each, certificate)
    has = ", ".join(f"{each.get('name') or ''} {each['port']}".strip() for each in ports) or "none"
    text = f"Service {env.namespace}/{service.name} has no port {port.get('name') or port.get('number')} (it has {has})"
    return Route(503, name, rule, text, service, certificate=certificate)


def _why_unknown(store: Store, host: str, path: str, of_host: Sequence[Envelope]) -> str:
    if of_host:
        names = ", ".join(dict.fromkeys(f"{env.namespace}/{env.name}" for env in of_host))
        return f"no path of {names} matches {path}, and there is no default backend"
    for env in store.list(INGRESSES):
        if any(_host_rank(rule.get("host") or "", host) > 1 for rule in _rules(env)):
            return f"Ingress {env.namespace}/{env.name} is for {host}, but {why_unserved(store, env.obj)}"
    return f"no Ingress is for host {host or '<none>'}, and there is no default backend"


def _certificate(store: Store, served: Sequence[Envelope], host: str) -> str:
    """The Secret of the host's TLS section, or the proxy's own certificate, which nobody trusts."""
    own = "the proxy's own certificate, which clients do not trust"
    for env in served:
        for tls in (env.obj.get("spec") or {}).get("tls") or ():
            hosts = tls.get("hosts") or [rule.get("host") or "" for rule in _rules(env)]
            if not any(_host_rank(each, host) for each in hosts):
                continue
            name = tls.get("secretName")
            secret = store.get(ObjectKey(*SECRETS, env.namespace, name)) if name else None
            if secret is None:
                return f"{own}: Secret {env.namespace}/{name} does not exist" if name else own
            if not {"tls.crt", "tls.key"} <= set(secret.obj.get("data") or ()):
                return f"{own}: Secret {env.namespace}/{name} has no tls.crt and tls.key"
            return f"the certificate of Secret {env.namespace}/{name}"
    return f"{own}: no Ingress has a TLS section for {host or 'this host'}"


def _oldest_first(store: Store) -> list[Envelope]:
    """Of two Ingresses with the same rule the older one holds."""
    return sorted(
        store.list(INGRESSES), key=lambda env: (env.obj["metadata"]["creationTimestamp"], env.namespace, env.name)
    )


def _rules(env: Envelope) -> Sequence[JsonObject]:
    rules: Sequence[JsonObject] = (env.obj.get("spec") or {}).get("rules") or ()
    return rules


def _is_ours(env: Envelope) -> bool:
    return bool((env.obj.get("spec") or {}).get("controller") == CONTROLLER)
