"""What keys do: each write is one intent through the client, each refusal is told in Kubernetes' words."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from textual import events

from engine.client import ClientError, NodeVerdict, WhyReport, WirePlace
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient, FakeItem, done
from tests.tui.fake_world import pod, world
from tui.app import KubariumApp
from tui.screens.resources import ResourceScreen


async def test_cordon_and_uncordon_patch_the_node() -> None:
    """c and u on a node, with an intent that names it."""
    async with console() as (_, pilot, client):
        await pilot.press("c", "u")
        await settle(pilot)
        verbs = [(w[0], w[3], w[4]["spec"]["unschedulable"]) for w in client.writes]
        assert verbs == [("patch", "worker-0", True), ("patch", "worker-0", None)]
        assert "cordon worker-0" in client.writes[0][5]


async def test_deleting_asks_and_tells_what_goes_with_it() -> None:
    """ctrl-d opens the dialog; cancel is the default; Delete deletes with the chosen propagation and grace."""
    client = FakeClient(world())
    client.preview = [
        FakeItem("replicasets.apps", 1, {"kind": "ReplicaSet", "metadata": {"name": "web-1", "uid": "r"}})
    ]
    async with console(client) as (app, pilot, _):
        app.run_command("deploy")
        await settle(pilot)
        await pilot.press("ctrl+d")
        await settle(pilot)
        assert "1 more object goes with it: 1 ReplicaSet" in picture(app)
        await pilot.press("enter")
        await settle(pilot)
        assert not client.writes
        await pilot.press("ctrl+d")
        await settle(pilot)
        assert "Delete deployment slow?" in picture(app)
        await pilot.press("right", "enter")
        await settle(pilot)
        assert client.writes[0][:5] == ("delete", "deployments.apps", "shop", "slow", ("Background", None))


async def test_marked_pods_are_killed_as_one_action() -> None:
    """space marks; ctrl-k deletes all marked without grace, all under one intent."""
    async with console() as (app, pilot, client):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("space", "space", "ctrl+k")
        await settle(pilot)
        assert [w[3] for w in client.writes] == ["web-000", "web-002"]
        assert {w[4] for w in client.writes} == {(None, 0)}
        assert len({w[5] for w in client.writes}) == 1


async def test_a_refusal_is_told_and_loses_nothing() -> None:
    """The API's words are shown; the rest goes on."""
    async with console() as (app, pilot, client):
        client.refuse = ClientError('nodes "worker-0" is forbidden: read-only', code=403)
        await pilot.press("c")
        await settle(pilot)
        assert any("is forbidden: read-only" in n.message for n in app._notifications)


async def test_scaling_asks_for_a_number() -> None:
    """s, up, enter: one more replica than now."""
    async with console() as (app, pilot, client):
        app.run_command("deploy")
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        await pilot.press("up", "enter")
        await settle(pilot)
        assert client.writes[0][:5] == ("scale", "deployments.apps", "shop", "slow", 4)


async def test_a_number_of_replicas_half_typed_breaks_nothing() -> None:
    """A lone minus is no number yet: up starts from 0, enter says what is expected."""
    async with console() as (app, pilot, client):
        app.run_command("deploy")
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        await pilot.press("backspace", "minus", "enter")
        assert any("whole number" in n.message for n in app._notifications)
        await pilot.press("up", "enter")
        await settle(pilot)
        assert client.writes[0][:5] == ("scale", "deployments.apps", "shop", "slow", 1)


async def test_a_kind_is_not_denied_while_the_cluster_starts() -> None:
    """Before the kinds are known, the console says that it is starting, not that there is no such kind."""
    async with console() as (app, pilot, _):
        app.session.kinds = ()
        app.run_command("deploy")
        await settle(pilot)
        assert any("still starting" in n.message for n in app._notifications)


def burst(app: KubariumApp, *keys: tuple[str, str | None]) -> None:
    """Keys that arrive in one piece, before the console has looked at the first."""
    for key, character in keys:
        app.post_message(events.Key(key, character))


async def test_keys_typed_faster_than_the_focus_moves_reach_the_command_line() -> None:
    """`:dep`, rubbed out to `:de`, then `ploy` and enter, all at once: no letter acts on the table instead."""
    async with console() as (app, pilot, client):
        letters = [(letter, letter) for letter in "dep"] + [("backspace", None)] + [(c, c) for c in "ploy"]
        burst(app, ("colon", ":"), *letters, ("enter", None))
        await settle(pilot)
        assert isinstance(app.screen, ResourceScreen)
        assert app.screen.pane.resource == "deployments.apps"
        assert not client.writes


async def test_keys_typed_ahead_of_a_screen_do_not_act_on_the_one_below() -> None:
    """enter and c at once on a node: c copies or cordons where enter leads, never the node behind it."""
    async with console() as (app, pilot, client):
        burst(app, ("enter", None), ("c", "c"))
        await settle(pilot)
        assert app.screen is not app.home
        assert not client.writes


async def test_restarting_notes_the_cluster_time_in_the_template() -> None:
    """r on a deployment does what kubectl rollout restart does."""
    async with console() as (app, pilot, client):
        app.run_command("deploy")
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        notes = client.writes[0][4]["spec"]["template"]["metadata"]["annotations"]
        assert notes == {"kubectl.kubernetes.io/restartedAt": "2026-11-23T09:07:09Z"}


async def test_a_kubelet_is_stopped_from_the_faults_menu() -> None:
    """x on a node, enter: a Fault that stops its kubelet, tried first, then made."""
    async with console() as (_, pilot, client):
        await pilot.press("x")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        tried, made = client.writes
        assert tried[:5] == made[:5]
        assert made[:4] == ("create", "faults.kubarium.dev", "", "stop-kubelet-worker-0")
        assert made[4]["spec"] == {"action": "StopKubelet", "target": {"node": "worker-0"}}


async def test_draining_cordons_and_evicts() -> None:
    """r on a node: confirmed, then cordon and one eviction per pod."""
    async with console() as (_, pilot, client):
        await pilot.press("r")
        await settle(pilot)
        await pilot.press("right", "enter")
        await settle(pilot)
        assert [w[0] for w in client.writes] == ["patch", *["evict"] * 8]


async def test_time_pauses_and_changes_speed() -> None:
    """. pauses and resumes at the speed there was; > and < change it."""
    async with console() as (app, pilot, client):
        await pilot.press(".")
        await settle(pilot)
        assert client.summary.speed == 1.0
        await pilot.press(">")
        await settle(pilot)
        assert client.summary.speed == 2.0
        await pilot.press(".")
        await settle(pilot)
        assert client.summary.speed == 0.0
        assert "⏸ paused" in picture(app)


async def test_filters_narrow_as_one_types_and_esc_clears() -> None:
    """/ filters rows; esc gives them all back, then goes back."""
    async with console() as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("slash", *"crash")
        await settle(pilot)
        assert "1 of 42" in picture(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "Pods  42" in picture(app), "esc while typing, as the line says"
        await pilot.press("slash", *"crash", "enter")
        await settle(pilot)
        assert "1 of 42" in picture(app)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, ResourceScreen)
        assert "Pods  42" in picture(app)
        await pilot.press("escape")
        await settle(pilot)
        assert len(app.screen_stack) == 1


async def test_only_faults_shows_what_needs_a_look() -> None:
    """ctrl-z: the pending and the crashing pod remain."""
    async with console() as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("ctrl+z")
        await settle(pilot)
        assert "2 of 42" in picture(app)


async def test_sorting_by_a_key_and_again_the_other_way() -> None:
    """shift-t sorts by restarts from the top; shift-n by name."""
    async with console() as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("T")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, ResourceScreen)
        assert screen.pane.model.row_at(0).item.name == "crash"  # type: ignore[union-attr]
        assert "RESTARTS↓" in picture(app)
        await pilot.press("T")
        await settle(pilot)
        assert "RESTARTS↑" in picture(app)


async def test_enter_drills_down_and_crumbs_tell_the_way() -> None:
    """A deployment's enter lists its pods; esc comes back to it."""
    async with console() as (app, pilot, client):
        client.put("pods", pod("slow-1", app="slow"))
        app.run_command("deploy")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        text = picture(app)
        assert "cluster › deployments › slow › pods" in text
        assert "Pods · namespace shop, app=slow  1" in text


async def test_numbers_choose_namespaces() -> None:
    """0 shows all; `:ns shop` puts shop behind a number."""
    async with console() as (app, pilot, _):
        app.run_command("ns shop")
        await settle(pilot)
        assert "Pods · namespace shop  22" in picture(app)
        await pilot.press("0")
        await settle(pilot)
        assert "Pods  42" in picture(app)
        await pilot.press("2")
        await settle(pilot)
        assert "namespace shop" in picture(app)


async def test_why_shows_each_node() -> None:
    """w: the scheduler's word node by node, with what would help."""
    client = FakeClient(world())
    client.report = WhyReport(
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s).",
        ("The pod asks for 3 cpu; the largest free amount is 1.4.",),
        (
            NodeVerdict("worker-0", False, "NodeResourcesFit", ("Insufficient cpu",), ("needs cpu 3, free 1.4 of 4",)),
            NodeVerdict("worker-6", False, "TaintToleration", (), ("untolerated taint dedicated=gpu:NoSchedule",)),
        ),
    )
    async with console(client) as (app, pilot, _):
        app.run_command("pods /big")
        await settle(pilot)
        await pilot.press("w")
        await settle(pilot)
        text = picture(app)
        assert "needs cpu 3, free 1.4 of 4" in text
        assert "untolerated taint dedicated=gpu:NoSchedule" in text
        assert "→ The pod asks for 3 cpu" in text


async def test_texts_open_over_a_narrow_screen() -> None:
    """d, y, v, l: describe, YAML, events and logs of the pod, each on its key."""
    async with console(size=(100, 30)) as (app, pilot, _):
        app.run_command("pods /crash")
        await settle(pilot)
        await pilot.press("d")
        await settle(pilot)
        assert "Name:" in picture(app)
        await pilot.press("y")
        await settle(pilot)
        assert "kind: Pod" in picture(app)
        await pilot.press("v")
        await settle(pilot)
        assert "Back-off restarting failed container" in picture(app)
        await pilot.press("l")
        await settle(pilot)
        assert "crash line 3 now" in picture(app)


async def test_the_csv_has_all_shown_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ctrl-s writes what the filter shows, all columns."""
    monkeypatch.chdir(tmp_path)
    async with console() as (app, pilot, _):
        app.run_command("pods /crash")
        await settle(pilot)
        await pilot.press("ctrl+s")
        await settle(pilot)
    lines = next(tmp_path.glob("*.csv")).read_text().splitlines()
    assert len(lines) == 2
    assert "CrashLoopBackOff" in lines[1]


async def test_an_unknown_command_says_what_is_near() -> None:
    """Nothing happens but a word of help."""
    async with console() as (app, pilot, _):
        app.run_command("podz")
        await settle(pilot)
        assert any("did you mean pods" in n.message for n in app._notifications)


async def test_help_lists_every_key_of_the_view() -> None:
    """? on pods names its actions with their ids."""
    async with console(size=(160, 60)) as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("question_mark")
        await settle(pilot)
        text = picture(app)
        assert "pod.kill" in text
        assert "node.cordon" not in text


async def test_kubectl_is_told() -> None:
    """shift-k shows the commands that do the same."""
    async with console() as (app, pilot, _):
        await pilot.press("K")
        await settle(pilot)
        assert "kubectl drain worker-0 --ignore-daemonsets" in picture(app)


async def test_the_way_for_kubectl_is_told() -> None:
    """shift-k and ? say which kubeconfig to use, once the API is served."""
    client = FakeClient(world())
    client.endpoint = done(WirePlace("https://127.0.0.1:1", "/state/shop.kubeconfig"))
    async with console(client) as (app, pilot, _):
        for keys in (("K",), ("question_mark", "G")):
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            assert "export KUBECONFIG=/state/shop.kubeconfig" in picture(app)
            await pilot.press("escape")


async def test_an_api_that_cannot_be_served_is_told() -> None:
    """The console works without it, and says why kubectl does not."""
    client = FakeClient(world())
    client.endpoint = Future()
    client.endpoint.set_exception(ClientError("the port is in use"))
    async with console(client) as (app, _, _):
        assert any("the port is in use" in n.message for n in app._notifications)


async def test_own_keys_work(tmp_path: Path) -> None:
    """A remapped key does what its action does."""
    file = tmp_path / "keys.toml"
    file.write_text('[keys]\n"node.cordon" = "f2"\n')
    async with console(keys_file=str(file)) as (_, pilot, client):
        await pilot.press("f2")
        await settle(pilot)
        assert client.writes


def test_the_app_is_quiet_until_it_runs() -> None:
    """Constructing it starts nothing."""
    client = FakeClient()
    KubariumApp(client)
    assert not client.started


async def test_a_kind_that_came_by_a_definition_is_known() -> None:
    """The command line asks what is served when it opens: a CRD may have come since the start."""
    async with console() as (app, pilot, client):
        new = replace(client.kinds().result()[0], resource="widgets.example.com", plural="widgets", short_names=("wd",))
        client.served = (*client.kinds().result(), new)
        await pilot.press("colon")
        await settle(pilot)
        await pilot.press("w", "d", "enter")
        await settle(pilot)
        assert app.session.find_kind("wd") is not None
        assert not app._notifications


async def test_speed_keys_pressed_faster_than_the_cluster_answers_all_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each > is one step more, whatever the summary still says."""
    client = FakeClient(world())
    asked: list[float] = []

    def set_speed(speed: float) -> Future[None]:
        asked.append(speed)
        return Future()  # never answered

    monkeypatch.setattr(client, "set_speed", set_speed)
    async with console(client) as (_, pilot, _):
        client.tell_summary(speed=1.0)
        await settle(pilot)
        await pilot.type(">>>>>")
        assert asked[-1] == 60.0
        await pilot.type("<.")
        assert asked[-1] == 0.0
        await pilot.type(".")
        assert asked[-1] == 30.0
