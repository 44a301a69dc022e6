"""Breaking things from the console: what is offered, what is made, what is refused, and how it is ended."""

from __future__ import annotations

import pytest

from engine.client import ClientError
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient, FakeItem
from tests.tui.fake_world import world
from tui.faults import FAULTS, manifests, offers, parse_parameters
from tui.screens.faults import FaultsDialog


def fault(name: str, phase: str = "Active", **status: object) -> dict[str, object]:
    return {
        "apiVersion": "kubarium.dev/v1alpha1", "kind": "Fault", "metadata": {"name": name},
        "spec": {"action": "StopKubelet", "target": {"node": "worker-0"}},
        "status": {"phase": phase, "affected": ["Node/worker-0"], "affectedCount": 1, **status},
    }  # fmt: skip


def item(**obj: object) -> FakeItem:
    return FakeItem("pods", 1, {"metadata": {"name": "cart-1", "namespace": "shop", "uid": "u"}, **obj})


def test_a_pod_may_break_and_so_may_its_image() -> None:
    """Faults of the pod, of each image, and of the registry that it comes from."""
    found = offers("pods", [item(spec={"containers": [{"image": "quay.io/shop/cart:1"}]})])
    assert [(offer.action, offer.targets[0]) for offer in found] == [
        ("PodCrash", {"namespace": "shop", "pod": "cart-1"}),
        ("PodOutOfMemory", {"namespace": "shop", "pod": "cart-1"}),
        ("ProbeFailure", {"namespace": "shop", "pod": "cart-1"}),
        ("SlowPull", {"image": "quay.io/shop/cart:1"}),
        ("FailedPull", {"image": "quay.io/shop/cart:1"}),
        ("RegistryDown", {"registry": "quay.io"}),
    ]


def test_names_are_free_and_say_what_breaks() -> None:
    """One Fault for each target; a name that is taken is numbered."""
    (crash, *_) = offers("deployments.apps", [item(spec={"selector": {"matchLabels": {"app": "cart"}}})])
    (made,) = manifests(crash, "5m", "exitCode=3 after=1s", ["pod-crash-cart"])
    assert made["metadata"]["name"] == "pod-crash-cart-2"
    assert made["spec"] == {
        "action": "PodCrash", "target": {"namespace": "shop", "selector": {"matchLabels": {"app": "cart"}}},
        "duration": "5m", "parameters": {"exitCode": 3, "after": "1s"},
    }  # fmt: skip


def test_parameters_are_names_with_values() -> None:
    """Anything else is told."""
    with pytest.raises(ValueError, match="'loud' is no parameter: write name=value"):
        parse_parameters("exitCode=3 loud")


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_the_dialog_says_what_will_happen(size: tuple[int, int]) -> None:
    """The line under the cursor is explained; the duration that is typed goes into the Fault."""
    async with console(size=size) as (app, pilot, client):
        await pilot.press("x")
        await settle(pilot)
        assert "Break node worker-0" in picture(app)
        assert "The kubelet is stopped: no heartbeats." in picture(app)
        await pilot.press("down")
        await settle(pilot)
        assert "The node is cut off" in picture(app)
        await pilot.press("tab", *"10m", "enter")
        await settle(pilot)
        assert client.writes[-1][3] == "cut-network-worker-0"
        assert client.writes[-1][4]["spec"]["duration"] == "10m"


async def test_a_refusal_stays_in_the_dialog_with_what_was_typed() -> None:
    """The cluster's words stand below; nothing is lost."""
    async with console() as (app, pilot, client):
        client.refuse = ClientError('Fault is invalid: spec.duration: Invalid value: "soon"')
        await pilot.press("x")
        await settle(pilot)
        await pilot.press("tab", *"soon", "enter")
        await settle(pilot)
        assert isinstance(app.screen, FaultsDialog)
        assert 'Invalid value: "soon"' in picture(app)
        assert not client.writes


async def test_a_zone_line_offers_the_zone() -> None:
    """x on the line of a zone: its outage comes first."""
    async with console() as (app, pilot, client):
        await pilot.press("k", "x")
        await settle(pilot)
        assert "Break zone" in picture(app)
        await pilot.press("enter")
        await settle(pilot)
        assert client.writes[-1][4]["spec"]["action"] == "ZoneOutage"


async def test_what_is_broken_can_be_ended_where_it_is_seen() -> None:
    """x again offers the end first; in :faults, x ends the one under the cursor."""
    client = FakeClient(world())
    client.put(FAULTS, fault("stop-kubelet-worker-0"))
    async with console(client) as (app, pilot, _):
        await pilot.press("x")
        await settle(pilot)
        assert "End stop-kubelet-worker-0 (until it is ended)" in picture(app)
        await pilot.press("enter")
        await settle(pilot)
        assert client.writes[-1][:4] == ("delete", FAULTS, "", "stop-kubelet-worker-0")


async def test_the_header_counts_what_is_broken() -> None:
    """So many faults are active."""
    async with console() as (app, pilot, client):
        assert "faults" not in picture(app)
        client.tell_summary(faults=2)
        await settle(pilot)
        assert "▲ 2 faults" in picture(app)
