"""One kubectl command is one action in the log; what machines write is nobody's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.history.undo import intents
from engine.http.messages import PeerCertificate
from tests.engine.http.wire_world import WireWorld, config_map

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
KUBECTL = "kubectl/v1.36.2 (linux/amd64) kubernetes/abc"


@pytest.fixture
def world() -> Iterator[WireWorld]:
    made = WireWorld()
    yield made
    made.close()


def actions(world: WireWorld) -> list[tuple[str, str, int]]:
    """(who, title, writes) of all actions, oldest first."""
    found = world.store.history
    return [(each.who, each.title, each.writes) for each in reversed(intents(found))]


def test_a_session_of_kubectl_is_one_action(world: WireWorld) -> None:
    """All writes of one run have one intent, named after the command and its first object; the next run has its own."""
    for name, session in (("a", "11111111-aaaa"), ("b", "11111111-aaaa"), ("c", "22222222-bbbb")):
        world.ask(
            "POST",
            CONFIGMAPS,
            config_map(name),
            kubectl_session=session,
            kubectl_command="kubectl apply",
            user_agent=KUBECTL,
        )
    assert actions(world) == [
        ("kubernetes-admin", "kubectl apply configmaps default", 2),
        ("kubernetes-admin", "kubectl apply configmaps default", 1),
    ]


def test_a_session_belongs_to_its_user(world: WireWorld) -> None:
    """Who sends another's session has an action of their own all the same."""
    other = PeerCertificate("other", ("system:masters",))
    for name, who in (("a", PeerCertificate("ann", ("system:masters",))), ("b", other)):
        world.ask(
            "POST", CONFIGMAPS, config_map(name), certificate=who, kubectl_session="11111111-aaaa",
            kubectl_command="kubectl apply", user_agent=KUBECTL,
        )  # fmt: skip
    assert [(who, writes) for who, _, writes in actions(world)] == [("ann", 1), ("other", 1)]


@pytest.mark.parametrize(
    ("session", "command"), [("x y", "kubectl apply"), ("", "kubectl apply"), ("11111111-aaaa", "rm -rf \x00")]
)
def test_headers_of_no_kubectl_name_no_session(world: WireWorld, session: str, command: str) -> None:
    """Nonsense in the headers: each request is an action, in the user agent's words."""
    for name in ("a", "b"):
        world.ask(
            "POST", CONFIGMAPS, config_map(name), kubectl_session=session, kubectl_command=command, user_agent="curl/8"
        )
    title = "curl create configmaps default"
    assert actions(world) == [("kubernetes-admin", title, 1), ("kubernetes-admin", title, 1)]


def test_machines_have_no_actions(world: WireWorld) -> None:
    """An operator's write has an author and no intent: it is never the last thing that a person did."""
    robot = PeerCertificate("system:serviceaccount:ops:operator", ("system:masters",))
    status, _ = world.ask("POST", CONFIGMAPS, config_map("a"), certificate=robot, user_agent="operator/1")
    assert (status, actions(world)) == (201, [])
