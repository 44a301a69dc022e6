"""Questions over the wire: why, reach and undo as reviews; who asks needs rights, to ask and to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.http.messages import PeerCertificate
from tests.engine.http.wire_world import ADMIN, WireWorld, config_map

OURS = "/apis/kubarium.dev/v1alpha1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ASKER = PeerCertificate("asker", ())


@pytest.fixture(scope="module")
def world() -> Iterator[WireWorld]:
    """User `asker` may ask, and read config maps."""
    made = WireWorld(())
    asks = {"apiGroups": ["kubarium.dev"], "resources": ["diagnoses", "connections"], "verbs": ["create"]}
    reads = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    made.make(f"{RBAC}/clusterroles", {"metadata": {"name": "asker"}, "rules": [asks, reads]})
    made.make(
        f"{RBAC}/clusterrolebindings",
        {
            "metadata": {"name": "asker"}, "subjects": [{"kind": "User", "name": "asker"}],
            "roleRef": {"kind": "ClusterRole", "name": "asker"},
        },
    )  # fmt: skip
    made.make("/api/v1/namespaces/default/configmaps", config_map("words"))
    yield made
    made.close()


def review(kind: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "kubarium.dev/v1alpha1", "kind": kind, "spec": spec}


def test_a_diagnosis_is_answered_in_its_status(world: WireWorld) -> None:
    """As a SelfSubjectAccessReview is."""
    asked = review("Diagnosis", resource="configmaps", namespace="default", name="words")
    for certificate in (ADMIN, ASKER):
        status, answer = world.ask("POST", f"{OURS}/diagnoses", asked, certificate=certificate)
        assert (status, answer["kind"], answer["spec"]) == (201, "Diagnosis", asked["spec"])
        assert answer["status"] == {
            "headline": "Nothing is known to be the matter", "tone": "ok", "findings": []
        }  # fmt: skip


@pytest.mark.parametrize(
    ("plural", "asked", "complaint"),
    [
        (
            "diagnoses", review("Diagnosis", resource="secrets", namespace="default", name="s"),
            'secrets "s" is forbidden: User "asker" cannot get resource "secrets"',
        ),
        (
            "connections", review("Connection", **{"from": {"pod": "web"}, "to": "x", "port": 80}),
            'pods "web" is forbidden: User "asker" cannot get resource "pods"',
        ),
        (
            "reversals", review("Reversal"),
            'reversals.kubarium.dev is forbidden: User "asker" cannot create resource "reversals"',
        ),
    ],
)  # fmt: skip
def test_who_asks_must_be_allowed_to_read(world: WireWorld, plural: str, asked: dict[str, Any], complaint: str) -> None:
    """Nobody learns by asking what reading would not tell; undo is the administrators'."""
    status, answer = world.ask("POST", f"{OURS}/{plural}", asked, certificate=ASKER)
    assert status == 403
    assert answer["message"].startswith(complaint)


@pytest.mark.parametrize(
    ("plural", "asked", "status", "complaint"),
    [
        ("diagnoses", review("Diagnosis", resource="pods"), 400, "spec.name must be set"),
        ("diagnoses", review("Diagnosis", resource="pods", name="x"), 404, 'pods "x" not found'),
        ("connections", review("Connection", to="x", port="many"), 400, "spec.port must be a number from 0 to 65535"),
        ("connections", review("Connection", to="x"), 400, "a target needs a name or an address, and a port"),
        ("reversals", review("Reversal", intent="nothing"), 400, "no action nothing"),
        ("diagnoses", {"spec": 5}, 400, "spec must be an object"),
    ],
)
def test_nonsense_is_a_clients_fault(
    world: WireWorld, plural: str, asked: dict[str, Any], status: int, complaint: str
) -> None:
    """A Status that says what is missing."""
    got, answer = world.ask("POST", f"{OURS}/{plural}", asked)
    assert (got, answer["message"]) == (status, complaint)


def test_a_reversal_undoes_the_last_action(world: WireWorld) -> None:
    """With dryRun it is only told; then it is done, and is an action that can be undone in turn."""
    world.make("/api/v1/namespaces/default/configmaps", config_map("late"))
    status, answer = world.ask("POST", f"{OURS}/reversals?dryRun=All", review("Reversal"))
    assert (status, [step["name"] for step in answer["status"]["plan"]["steps"]]) == (201, ["late"])
    assert world.get("/api/v1/namespaces/default/configmaps/late")[0] == 200
    status, answer = world.ask("POST", f"{OURS}/reversals", review("Reversal"))
    assert (status, answer["status"]["result"]["done"]) == (201, 1)
    assert world.get("/api/v1/namespaces/default/configmaps/late")[0] == 404
