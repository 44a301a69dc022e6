"""What every namespace is given: a default ServiceAccount and the API's certificate."""

from __future__ import annotations

import pytest

from engine.api.kinds import CONFIGMAPS, NAMESPACES, SERVICEACCOUNTS
from tests.engine.controllers.world import USER, World


@pytest.fixture
def world() -> World:
    """Both controllers are served."""
    return World(["serviceaccount-controller", "root-ca-certificate-publisher-controller"])


def test_old_and_new_namespaces_are_furnished(world: World) -> None:
    """Those that exist at the start and those that come later."""
    world.create(NAMESPACES, {"metadata": {"name": "team"}}, "")
    world.settle()
    for namespace in ("default", "kube-system", "team"):
        assert world.api.find(SERVICEACCOUNTS, namespace, "default") is not None
        data = world.api.get(CONFIGMAPS, namespace, "kube-root-ca.crt").obj["data"]["ca.crt"]
        assert data.startswith("-----BEGIN CERTIFICATE-----\n")
        assert data.endswith("-----END CERTIFICATE-----\n")


def test_does_nothing_when_all_is_there(world: World) -> None:
    """Nothing is written in an hour."""
    world.writes()
    world.run(3600)
    assert world.writes() == []


def test_what_is_deleted_or_changed_comes_back(world: World) -> None:
    """A deleted account and a certificate that was tampered with are put right; no event is made of it."""
    before = world.api.get(CONFIGMAPS, "default", "kube-root-ca.crt").obj["data"]
    world.api.delete(USER, SERVICEACCOUNTS, "default", "default")
    world.edit(CONFIGMAPS, "kube-root-ca.crt", lambda o: {**o, "data": {"ca.crt": "mine"}})
    world.settle()
    assert world.api.find(SERVICEACCOUNTS, "default", "default") is not None
    assert world.api.get(CONFIGMAPS, "default", "kube-root-ca.crt").obj["data"] == before
    assert world.events() == []


def test_a_namespace_that_goes_away_is_left_alone(world: World) -> None:
    """Nothing is made again in a terminating namespace."""
    world.create(NAMESPACES, {"metadata": {"name": "team"}}, "")
    world.settle()
    world.api.delete(USER, NAMESPACES, "", "team")
    world.api.delete(USER, SERVICEACCOUNTS, "team", "default")
    world.api.delete(USER, CONFIGMAPS, "team", "kube-root-ca.crt")
    world.run(10)
    assert world.store.list(SERVICEACCOUNTS, "team") == []
    assert world.store.list(CONFIGMAPS, "team") == []
