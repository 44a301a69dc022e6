"""One right at a time: who has it may do just what it names through the wire, and nothing else of all that there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from engine.auth.authenticator import BadTokenFile
from engine.clock import SECOND
from engine.http.messages import PeerCertificate, Response, Stream
from tests.engine.http.wire_world import WireWorld, request

CORE: Final = "/api/v1/namespaces/default"
PODS: Final = f"{CORE}/pods"
APPS: Final = "/apis/apps/v1/namespaces/default"
CSRS: Final = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
SPEC: Final = {"containers": [{"name": "c", "image": "i"}]}
POD: Final = {"metadata": {"name": "web"}, "spec": SPEC}
MERGE: Final = "application/merge-patch+json"


class Way(NamedTuple):
    """A request, and the right that it needs."""

    verb: str
    resource: str
    """With its subresource; a path for what is no resource."""
    method: str
    target: str
    body: Any = None
    group: str = ""


WAYS: Final = (
    Way("get", "pods", "GET", f"{PODS}/web"),
    Way("list", "pods", "GET", PODS),
    Way("list", "pods", "GET", "/api/v1/pods"),
    Way("watch", "pods", "GET", f"{PODS}?watch=1&timeoutSeconds=1"),
    Way("watch", "pods", "GET", "/api/v1/watch/namespaces/default/pods?timeoutSeconds=1"),
    Way("create", "pods", "POST", f"{PODS}?dryRun=All", {"metadata": {"name": "new"}, "spec": SPEC}),
    Way("update", "pods", "PUT", f"{PODS}/web?dryRun=All", POD),
    Way("patch", "pods", "PATCH", f"{PODS}/web?dryRun=All", {}),
    Way("delete", "pods", "DELETE", f"{PODS}/web?dryRun=All"),
    Way("deletecollection", "pods", "DELETE", f"{PODS}?dryRun=All"),
    Way("get", "pods/status", "GET", f"{PODS}/web/status"),
    Way("update", "pods/status", "PUT", f"{PODS}/web/status?dryRun=All", POD),
    Way("patch", "pods/resize", "PATCH", f"{PODS}/web/resize?dryRun=All", {}),
    Way("patch", "pods/ephemeralcontainers", "PATCH", f"{PODS}/web/ephemeralcontainers?dryRun=All", {}),
    Way("get", "pods/log", "GET", f"{PODS}/web/log"),
    Way("create", "pods/exec", "POST", f"{PODS}/web/exec?command=ls&stdout=1"),
    Way("create", "pods/attach", "POST", f"{PODS}/web/attach?stdout=1"),
    Way("create", "pods/portforward", "POST", f"{PODS}/web/portforward?ports=80"),
    Way("get", "pods/proxy", "GET", f"{PODS}/web/proxy/"),
    Way("create", "pods/eviction", "POST", f"{PODS}/gone/eviction", {"metadata": {"name": "gone"}}),
    Way("create", "pods/binding", "POST", f"{PODS}/gone/binding", {"target": {"name": "n1"}}),
    Way("get", "services/proxy", "GET", f"{CORE}/services/web/proxy/"),
    Way("get", "nodes/proxy", "GET", "/api/v1/nodes/n1/proxy/pods"),
    Way("get", "secrets", "GET", f"{CORE}/secrets/s"),
    Way("get", "deployments/scale", "GET", f"{APPS}/deployments/web/scale", group="apps"),
    Way("update", "deployments/scale", "PUT", f"{APPS}/deployments/web/scale?dryRun=All", {}, "apps"),
    Way("create", "serviceaccounts/token", "POST", f"{CORE}/serviceaccounts/default/token", {}),
    Way("update", "certificatesigningrequests/approval", "PUT", f"{CSRS}/c/approval", {}, "certificates.k8s.io"),
    Way("update", "certificatesigningrequests/status", "PUT", f"{CSRS}/c/status", {}, "certificates.k8s.io"),
    Way("update", "namespaces/finalize", "PUT", "/api/v1/namespaces/default/finalize?dryRun=All", {}),
    Way("list", "pods", "GET", "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods", group="metrics.k8s.io"),
    Way("get", "/metrics", "GET", "/metrics"),
    Way("get", "/logs", "GET", "/logs"),
)
RIGHTS: Final = tuple(dict.fromkeys((way.verb, way.group, way.resource) for way in WAYS))


@pytest.fixture(scope="module")
def world() -> Iterator[WireWorld]:
    """A user for every right, `u0` …, who has that one."""
    made = WireWorld()
    made.make(f"{CORE}/serviceaccounts", {"metadata": {"name": "default"}})
    made.make(PODS, POD)
    made.make("/api/v1/nodes", {"metadata": {"name": "n8"}})
    for number, (verb, group, resource) in enumerate(RIGHTS):
        rule = {"verbs": [verb], "apiGroups": [group], "resources": [resource]}
        if resource.startswith("/"):
            rule = {"verbs": [verb], "nonResourceURLs": [resource]}
        made.make(f"{RBAC}/clusterroles", {"metadata": {"name": f"r{number}"}, "rules": [rule]})
        made.make(f"{RBAC}/clusterrolebindings", {
            "metadata": {"name": f"r{number}"}, "roleRef": {"kind": "ClusterRole", "name": f"r{number}"},
            "subjects": [{"kind": "User", "name": f"u{number}"}],
        })  # fmt: skip
    yield made
    made.close()


def status(world: WireWorld, way: Way, who: PeerCertificate | None, **headers: str) -> int:
    """The status of a request by somebody, whatever comes then."""

    async def ask() -> int:
        content_type = {"content-type": MERGE} if way.method == "PATCH" else {}
        answer = await world.wire.answer(request(way.method, way.target, way.body, who, {**headers, **content_type}))
        if isinstance(answer, Response):
            return answer.status
        if isinstance(answer, Stream):
            with suppress(AttributeError):
                await answer.chunks.aclose()  # type: ignore[attr-defined]
        answer.over()
        return 200

    return world.run(ask())


def test_each_right_opens_its_own_door_and_no_other(world: WireWorld) -> None:
    """All requests by all users who have one right each: 403 exactly where the right is another."""
    before = world.store.revision
    wrong = []
    for number, right in enumerate(RIGHTS):
        who = PeerCertificate(f"u{number}", ())
        for way in WAYS:
            got = status(world, way, who)
            if (got == 403) is ((way.verb, way.group, way.resource) == right):
                wrong.append((right, way, got))
    assert wrong == []
    assert world.store.revision == before


def test_a_websocket_that_runs_commands_needs_more_than_get(world: WireWorld) -> None:
    """exec, attach and portforward by GET need get and create, as by POST."""
    rules = [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods/exec", "pods/attach", "pods/portforward"]}]
    world.make(f"{RBAC}/clusterroles", {"metadata": {"name": "looks"}, "rules": rules})
    world.make(f"{RBAC}/clusterrolebindings", {
        "metadata": {"name": "looks"}, "roleRef": {"kind": "ClusterRole", "name": "looks"},
        "subjects": [{"kind": "User", "name": "looks"}],
    })  # fmt: skip
    for what in ("exec?command=ls&stdout=1", "attach?stdout=1", "portforward?ports=80"):
        way = Way("get", "", "GET", f"{PODS}/web/{what}")
        assert status(world, way, PeerCertificate("looks", ()), upgrade="websocket") == 403


@pytest.mark.parametrize("verb", ["escalate", "bind"])
def test_nobody_raises_themselves(world: WireWorld, verb: str) -> None:
    """Who may write roles and bindings grants no more than they have, without the verb that says so."""
    who, group = PeerCertificate(f"climber-{verb}", ()), ["rbac.authorization.k8s.io"]
    rules: list[Any] = [{"verbs": ["create"], "apiGroups": group, "resources": ["clusterroles", "clusterrolebindings"]}]
    place, made = (
        ("clusterroles", {"metadata": {"name": f"all-{verb}"}, "rules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        ]})
        if verb == "escalate"
        else ("clusterrolebindings", {
            "metadata": {"name": f"all-{verb}"}, "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "User", "name": who.common_name}],
        })
    )  # fmt: skip
    role = world.make(f"{RBAC}/clusterroles", {"metadata": {"name": who.common_name}, "rules": rules})
    world.make(f"{RBAC}/clusterrolebindings", {
        "metadata": {"name": who.common_name}, "roleRef": {"kind": "ClusterRole", "name": who.common_name},
        "subjects": [{"kind": "User", "name": who.common_name}],
    })  # fmt: skip
    got, answer = world.ask("POST", f"{RBAC}/{place}", made, certificate=who)
    assert (got, "attempting to grant RBAC permissions not currently held" in answer["message"]) == (403, True)
    allowed = {**role, "rules": [*rules, {"verbs": [verb], "apiGroups": group, "resources": ["clusterroles"]}]}
    assert world.ask("PUT", f"{RBAC}/clusterroles/{who.common_name}", allowed)[0] == 200
    assert world.ask("POST", f"{RBAC}/{place}", made, certificate=who)[0] == 201


def test_a_kubelet_keeps_to_its_node(world: WireWorld) -> None:
    """Secrets of others' pods, other nodes, tokens of others' accounts, pods elsewhere: all refused."""
    node = PeerCertificate("system:node:n7", ("system:nodes",))
    mine = {"metadata": {"name": "mirror"}, "spec": {**SPEC, "nodeName": "n8"}}
    for way in (
        Way("", "", "GET", f"{CORE}/secrets/s"), Way("", "", "GET", f"{CORE}/configmaps"),
        Way("", "", "GET", "/api/v1/nodes/n8"), Way("", "", "PATCH", "/api/v1/nodes/n8/status", {}),
        Way("", "", "PATCH", f"{PODS}/web/status", {}), Way("", "", "DELETE", f"{PODS}/web"),
        Way("", "", "POST", f"{CORE}/serviceaccounts/default/token", {}), Way("", "", "POST", PODS, mine),
        Way("", "", "POST", "/api/v1/nodes", {"metadata": {"name": "n8"}}),
    ):  # fmt: skip
        assert status(world, way, node) == 403, way
    assert status(world, Way("", "", "POST", "/api/v1/nodes?dryRun=All", {"metadata": {"name": "n7"}}), node) == 201


# -- credentials -----------------------------------------------------------------------------------------------------


def test_without_credentials_only_health_and_version(world: WireWorld) -> None:
    """Every way in is 401; what is told to everybody changes nothing."""
    before = world.store.revision
    assert {status(world, way, None) for way in WAYS} == {401}
    for path in ("/", "/api", "/apis", "/openapi/v3", "/metrics", "/.well-known/openid-configuration"):
        assert world.ask("GET", path, certificate=None)[0] == 401, path
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert world.ask("GET", path, certificate=None)[0] == 200, path
        assert world.ask("POST", path, {}, certificate=None)[0] == 405, path
    assert world.store.revision == before


def test_a_token_that_is_over(world: WireWorld) -> None:
    """Service accounts' tokens end at their time, and with their account."""
    _, made = world.ask("POST", f"{CORE}/serviceaccounts/default/token", {"spec": {"expirationSeconds": 600}})
    bearer = f"Bearer {made['status']['token']}"
    forged = bearer[:-4] + ("AAAA" if not bearer.endswith("AAAA") else "BBBB")
    who = Way("", "", "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert status(world, who, None, authorization=bearer) == 201
    assert status(world, who, None, authorization=forged) == 401
    loop, clock = world.cluster.loop, world.cluster.clock
    loop.submit(lambda: loop.run_until(clock.now() + 601 * SECOND)).result(30)
    assert status(world, who, None, authorization=bearer) == 401


def test_tokens_of_a_file_and_anonymous_callers(tmp_path: Path) -> None:
    """--token-auth-file names users and groups; with --anonymous-auth who shows nothing is system:anonymous (403)."""
    file = tmp_path / "tokens.csv"
    file.write_text('secret-1,ann,1,"team,system:masters"\nsecret-2,bob,2\n')
    world = WireWorld(flags={"token-auth-file": str(file), "anonymous-auth": "true"})
    try:
        way = Way("", "", "GET", PODS)
        assert status(world, way, None, authorization="Bearer secret-1") == 200
        assert status(world, way, None, authorization="Bearer secret-2") == 403
        assert status(world, way, None, authorization="Bearer secret-3") == 401
        got, answer = world.ask("GET", PODS, certificate=None)
        assert (got, 'User "system:anonymous" cannot list resource "pods"' in answer["message"]) == (403, True)
        reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        _, told = world.ask("POST", reviews, {}, certificate=None, authorization="Bearer secret-2")
        assert told["status"]["userInfo"] == {"username": "bob", "uid": "2", "groups": ["system:authenticated"]}
    finally:
        world.close()


@pytest.mark.parametrize("text", ["only-a-token\n", "a,b\n"])
def test_a_token_file_that_is_none(tmp_path: Path, text: str) -> None:
    """It is said at the start, by name."""
    file = tmp_path / "tokens.csv"
    file.write_text(text)
    with pytest.raises(BadTokenFile, match="must have at least 3 columns"):
        WireWorld(flags={"token-auth-file": str(file)})
