"""Ingresses: which rule takes a request, what the proxy answers when none does, and what reach makes of it."""

from __future__ import annotations

import pytest
import yaml

from engine.api.errors import BadRequest
from engine.api.kinds import EVENTS, INGRESSCLASSES, INGRESSES, SECRETS, SERVICES
from engine.network.ingress import CONTROLLER, INGRESS_ADDRESS, path_matches, route
from store.types import JsonObject
from tests.engine.controllers.world import USER, World
from tests.engine.network.network_world import NetworkWorld

DEFAULT = "ingressclass.kubernetes.io/is-default-class"


def ingress_class(
    world: World, name: str = "sim", controller: str = CONTROLLER, default: bool = True, **notes: str
) -> None:
    meta = {"name": name, "annotations": {**({DEFAULT: "true"} if default else {}), **notes}}
    world.api.create(USER, INGRESSCLASSES, "", {"metadata": meta, "spec": {"controller": controller}})


def ingress(world: World, text: str, name: str = "web", namespace: str = "shop", **spec: str) -> JsonObject:
    """An Ingress; `text`: lines of `host path pathType service port`, with - for no host."""
    rules: dict[str, list[JsonObject]] = {}
    for line in text.split("\n"):
        host, path, kind, service, port = line.split()
        target = {"number": int(port)} if port.isdigit() else {"name": port}
        backend = {"service": {"name": service, "port": target}}
        rules.setdefault(host, []).append({"path": path, "pathType": kind, "backend": backend})
    made = [{"http": {"paths": paths}} | ({"host": host} if host != "-" else {}) for host, paths in rules.items()]
    obj = {"metadata": {"name": name}, "spec": {"rules": made, **spec}}
    return world.api.create(USER, INGRESSES, namespace, obj).obj


@pytest.fixture
def web(net: NetworkWorld) -> NetworkWorld:
    """The simulated class is the default, and Service shop/api has two endpoints."""
    ingress_class(net)
    net.backend()
    return net


@pytest.mark.parametrize(
    ("kind", "rule", "path", "matches"),
    [
        ("Prefix", "/", "/anything", True), ("Exact", "/foo", "/foo", True), ("Exact", "/foo", "/foo/", False),
        ("Exact", "/foo/", "/foo", False), ("Prefix", "/foo", "/foo/", True), ("Prefix", "/foo/", "/foo", True),
        ("Prefix", "/aaa/bb", "/aaa/bbb", False), ("Prefix", "/aaa/bbb", "/aaa/bbb/ccc", True),
        ("Prefix", "/aaa/bbb/", "/aaa/bbb", True), ("Prefix", "/aaa/bbb", "/aaa/bbbxyz", False),
        ("ImplementationSpecific", "/x", "/x/y", True),
    ],
)  # fmt: skip
def test_paths(kind: str, rule: str, path: str, matches: bool) -> None:
    """Exact is the very path, Prefix goes element by element."""
    assert path_matches(kind, rule, path) is matches


def test_the_best_rule(web: NetworkWorld) -> None:
    """The very host before a wildcard before any host; the longest path; Exact before Prefix; the older Ingress."""
    for name in ("a", "b", "c", "d", "e"):
        web.service(name, "shop", ports=[{"name": "http", "port": 80}])
    ingress(web, "shop.example / Prefix a 80\nshop.example /cart Prefix b http\nshop.example /cart Exact c 80")
    web.run(2)
    ingress(web, "*.example / Prefix d 80\n- / Prefix e 80\nshop.example / Prefix e 80", name="other")

    def to(host: str, path: str) -> str:
        found = route(web.store, host, path)
        return found.service.name if found.service is not None else str(found.code)

    assert to("shop.example", "/") == "a"
    assert to("SHOP.example", "/cart/1") == "b"
    assert to("shop.example", "/cart") == "c"
    assert to("blog.example", "/") == "d"
    assert to("a.blog.example", "/") == "e"
    assert to(INGRESS_ADDRESS, "/") == "e"
    assert route(web.store, "shop.example", "/cart/1").rule == "host shop.example, path /cart (Prefix)"


def test_what_the_proxy_answers_itself(web: NetworkWorld) -> None:
    """404 without a rule, 503 without Service or port, with the rule that led there."""
    ingress(web, "shop.example /a Prefix gone 80\nshop.example /b Prefix api 81\nshop.example /c Prefix api web")
    assert route(web.store, "other.example").code == route(web.store, "shop.example", "/z").code == 404
    assert route(web.store, "shop.example", "/a").why == "Service shop/gone does not exist"
    found = route(web.store, "shop.example", "/b")
    assert (found.code, found.why) == (503, "Service shop/api has no port 81 (it has web 80)")
    assert route(web.store, "shop.example", "/c").code == 0


def test_default_backends(web: NetworkWorld) -> None:
    """That of the host's Ingress, else that of an Ingress without rules."""
    web.api.create(
        USER, INGRESSES, "shop",
        yaml.safe_load("{metadata: {name: all}, spec: {defaultBackend: {service: {name: api, port: {number: 80}}}}}"),
    )  # fmt: skip
    assert route(web.store, "nobody.example", "/x").rule == "default backend"
    ingress(web, "shop.example /a Prefix api 80")
    assert route(web.store, "shop.example", "/x").ingress == "shop/all"


def test_certificates(web: NetworkWorld) -> None:
    """A TLS section whose Secret is missing, or is none, makes clients see the proxy's own certificate."""
    ingress(web, "shop.example / Prefix api 80", tls=[{"hosts": ["shop.example"], "secretName": "cert"}])  # type: ignore[arg-type]
    assert route(web.store, "shop.example").certificate == ""
    assert route(web.store, "shop.example", tls=True).certificate.endswith("Secret shop/cert does not exist")
    data = {"tls.crt": "YQ==", "tls.key": "YQ=="}
    web.api.create(
        USER, SECRETS, "shop", {"metadata": {"name": "cert"}, "type": "kubernetes.io/tls", "data": data}
    )  # fmt: skip
    assert route(web.store, "shop.example", tls=True).certificate == "the certificate of Secret shop/cert"
    assert "the proxy shows the certificate of Secret" in web.reach("https://shop.example/", 0).trail()


def test_reached_from_inside_and_outside(web: NetworkWorld) -> None:
    """The host's name leads to the proxy, the proxy to an endpoint; an address asks for the rules of any host."""
    ingress(web, "shop.example /api Prefix api 80")
    for source in (("shop", "client"), None):
        found = web.reach("http://shop.example/api/x", 0, source=source)
        assert found.ok, found.trail()
        assert (found.name, found.address, found.service) == ("shop.example", INGRESS_ADDRESS, "shop/api")
        assert found.endpoint == f"{web.address('api-0')}:8080"
        assert "host shop.example, path /api (Prefix) of Ingress shop/web → Service shop/api, port 80" in found.trail()
    assert web.reach("shop.example").symptom == "404 Not Found"
    assert web.reach(INGRESS_ADDRESS).symptom == "404 Not Found"
    assert web.reach("shop.example", 8443).symptom == "connection refused"
    assert web.reach("http://api.shop.svc.cluster.local/", 0, source=None).symptom == "no such host"
    assert web.reach(web.address("api-0"), source=None).symptom == "connection timed out"
    with pytest.raises(BadRequest):
        web.reach("shop.example", 0)


def test_what_stands_behind_the_proxy(web: NetworkWorld) -> None:
    """No endpoint is 503, nobody who listens 502, a policy that shuts the proxy out 504."""
    ingress(web, "shop.example / Prefix api 80")
    web.edit(SERVICES, "api", lambda o: {**o, "spec": {**o["spec"], "selector": {"app": "apy"}}}, "shop")
    web.run(1)
    found = web.reach("http://shop.example/", 0)
    assert (found.symptom, found.refused_by) == ("503 Service Temporarily Unavailable", "Service shop/api")
    ports = [{"name": "web", "port": 80, "targetPort": 9}]
    web.edit(
        SERVICES, "api", lambda o: {**o, "spec": {**o["spec"], "selector": {"app": "api"}, "ports": ports}}, "shop"
    )
    web.run(1)
    assert web.reach("http://shop.example/", 0).symptom == "502 Bad Gateway"
    web.policy("{metadata: {name: shut}, spec: {podSelector: {matchLabels: {app: api}}, policyTypes: [Ingress]}}")
    found = web.reach("http://shop.example/", 0)
    assert (found.symptom, found.refused_by) == ("504 Gateway Time-out", "NetworkPolicy shop/shut")


def test_the_default_class() -> None:
    """The newest class that is marked is given to an Ingress that names none; one that does keeps it."""
    world = World([])
    assert "ingressClassName" not in ingress(world, "- / Prefix a 80", "one", "default")["spec"]
    ingress_class(world, "old")
    world.run(2)
    ingress_class(world, "new")
    ingress_class(world, "plain", default=False)
    assert ingress(world, "- / Prefix a 80", "two", "default")["spec"]["ingressClassName"] == "new"
    named = ingress(world, "- / Prefix a 80", "three", "default", ingressClassName="plain")
    assert named["spec"]["ingressClassName"] == "plain"


def test_the_controller_takes_up_its_own() -> None:
    """Status and event for an Ingress of its class, once; nothing for others; a published Service's address."""
    world = World(["ingress-controller"])
    ingress_class(world)
    ingress_class(world, "other", "k8s.io/ingress-nginx", default=False)
    ingress(world, "- / Prefix a 80", "mine", "default")
    ingress(world, "- / Prefix a 80", "theirs", "default", ingressClassName="other")
    world.settle()

    def shown(name: str) -> list[JsonObject]:
        status = world.api.get(INGRESSES, "default", name).obj.get("status") or {}
        return list((status.get("loadBalancer") or {}).get("ingress") or ())

    assert shown("mine") == [{"ip": INGRESS_ADDRESS}]
    assert shown("theirs") == []
    assert world.messages("Sync") == ["Scheduled for sync"]
    world.writes()
    world.run(600)
    assert world.writes() == []
    world.api.create(
        USER,
        SERVICES,
        "default",
        {"metadata": {"name": "edge"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}},
    )
    notes = {"kubarium.dev/publish-service": "default/edge", DEFAULT: "true"}
    world.edit(
        INGRESSCLASSES, "sim", lambda o: {**o, "metadata": {**o["metadata"], "annotations": notes}}, namespace=""
    )
    world.settle()
    assert shown("mine") == []
    edge = world.api.get(SERVICES, "default", "edge")
    world.api.update_status(USER, edge, {"loadBalancer": {"ingress": [{"ip": "203.0.113.9", "ipMode": "VIP"}]}})
    world.settle()
    assert shown("mine") == [{"ip": "203.0.113.9"}]
    world.spec(INGRESSES, "mine", ingressClassName="other")
    world.settle()
    assert shown("mine") == []
    assert len(list(world.store.list(EVENTS))) == 1
