"""Commands that people of k9s type: what they mean here, or why they are left out; what is near an unknown one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient, FakeItem, kind
from tests.tui.fake_world import world
from tui.app import KubariumApp
from tui.commands import CommandError, Do, Goto, Open, parse
from tui.k9s_commands import K9S_COMMANDS, LEFT_OUT
from tui.screens.aliases import AliasesScreen
from tui.screens.can_i import CanIScreen, subject_of
from tui.screens.pulses import PulsesScreen
from tui.screens.reading import ReadingScreen
from tui.screens.subjects import SubjectsScreen, subjects_of
from tui.screens.xray import XrayScreen

ROLE_BINDINGS = "rolebindings.rbac.authorization.k8s.io"


def said(app: KubariumApp) -> list[str]:
    return [text for _, _, text, _ in app.session.messages]


@asynccontextmanager
async def typed(*lines: str) -> AsyncIterator[tuple[KubariumApp, Pilot[None], FakeClient]]:
    """The console after these commands."""
    async with console() as (app, pilot, client):
        for line in lines:
            app.run_command(line)
            await settle(pilot)
        yield app, pilot, client


@pytest.mark.parametrize(
    ("line", "screen"),
    [("pu", PulsesScreen), ("pulse", PulsesScreen), ("hz", PulsesScreen), ("x dp", XrayScreen),
     ("xray deploy", XrayScreen), ("a", AliasesScreen), ("aliases", AliasesScreen),
     ("can", CanIScreen), ("policy u:jane", CanIScreen),
     ("ctx", ReadingScreen), ("contexts", ReadingScreen), ("Context", ReadingScreen), ("users", SubjectsScreen),
     ("grp", SubjectsScreen)],
)  # fmt: skip
async def test_commands_of_k9s_open_what_they_mean(line: str, screen: type) -> None:
    """Short names and long ones, in any case."""
    async with typed(line) as (app, _, __):
        assert isinstance(app.screen, screen)


@pytest.mark.parametrize("line", ["q", "q!", "qa", "Q", "quit", "exit"])
async def test_all_ways_to_quit_quit(line: str) -> None:
    """As in vim and in k9s."""
    async with typed() as (app, _, __):
        assert parse(line, app.session) == Goto("q")


async def test_pods_are_asked_for_in_all_of_k9s_ways() -> None:
    """Namespace, filter, labels, context, inverse, in any order."""
    async with typed() as (app, _, __):
        session = app.session

        def opened(line: str) -> Open:
            found = parse(line, session)
            assert isinstance(found, Open)
            return found

        assert opened("pod /fred").filter == "fred"
        assert opened("pod shop").query.namespace == "shop"
        assert opened("pod app=x,y=z").query.labels == "app=x,y=z"
        assert opened("pod shop app=x /fred") == Open(opened("pod shop app=x").query, "fred")
        assert opened(f"po @{session.summary.name}") == opened("po")
        assert opened("po !fred").filter == "!fred"
        assert opened("ns default").query.namespace == "default"
        with pytest.raises(CommandError, match=r"this console is the cluster .*; :contexts tells of others"):
            parse("po @elsewhere", session)
        with pytest.raises(CommandError, match="two namespaces, shop and data: write shop,data for both"):
            parse("po shop data", session)


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
async def test_what_is_left_out_says_what_to_do_instead(name: str) -> None:
    """Not as if nobody had ever heard of it."""
    async with typed() as (app, _, __):
        with pytest.raises(CommandError, match=f"^:{name} is left out: ..."):
            parse(name, app.session)


async def test_a_kind_goes_before_what_is_left_out_and_ones_own_alias_before_all() -> None:
    """A CRD may have a k9s command's name, and so may an alias."""

    async with typed() as (app, _, __):
        session = app.session
        session.kinds = [*session.kinds, kind("workloads.example.com", "Workload", "wk")]
        assert parse("wk", session) == Open(parse("workloads.example.com", session).query)  # type: ignore[union-attr]
        session.settings.aliases["pu"] = "pods"  # type: ignore[index]
        assert isinstance(parse("pu", session), Open)
        assert isinstance(parse("hz", session), Goto)


@pytest.mark.parametrize(("word", "near"), [("depoy", "deployments"), ("secrt", "secrets"), ("pulzes", "pulses")])
async def test_an_unknown_command_names_the_nearest(word: str, near: str) -> None:
    """The most alike of kinds, short names and screens."""
    async with typed() as (app, _, __):
        with pytest.raises(CommandError, match=f"no kind and no screen is called '{word}'; did you mean {near}"):
            parse(word, app.session)


@pytest.mark.parametrize(("line", "said"), [("snapshot", "write :snapshot NAME"), ("undo now", "write :undo"),
                                            ("fork", "write :fork FILE [SNAPSHOT]")])  # fmt: skip
async def test_a_command_with_too_few_words_says_how_it_is_written(line: str, said: str) -> None:
    """In the words of its usage, not by a number."""
    async with typed() as (app, _, __):
        with pytest.raises(CommandError, match=f"^{re.escape(said)}$"):
            parse(line, app.session)


async def test_a_command_that_is_like_nothing_says_where_all_are() -> None:
    """ctrl-a lists them."""
    async with typed() as (app, _, __):
        with pytest.raises(CommandError, match="ctrl-a lists all kinds"):
            parse("§§§", app.session)


async def test_a_namespace_that_is_not_there_is_said() -> None:
    """With the nearest; the table opens as in k9s, it may come yet, but no number key leads there."""
    async with typed("pods shpo,data") as (app, _, __):
        assert said(app)[-1] == "There is no namespace shpo; did you mean shop?"
        assert app.session.favourites == ["default"]
        assert app.screen.query_shown.namespace == "shpo,data"  # type: ignore[attr-defined]


async def test_contexts_tell_the_one_cluster_and_how_to_get_others() -> None:
    """Its name, its namespace, its snapshots, forks."""
    async with typed("ctx") as (app, _, __):
        shown = picture(app)
        assert f"Context:     {app.session.summary.name}" in shown
        assert "One console is one cluster" in shown
        assert ":fork FILE SNAPSHOT" in shown


def binding(name: str, namespace: str, role: str, *subjects: tuple[str, str]) -> FakeItem:
    meta = {"name": name, "namespace": namespace, "uid": name}
    named = [{"kind": kind, "name": who} for kind, who in subjects]
    return FakeItem(ROLE_BINDINGS, 1, {"metadata": meta, "roleRef": {"name": role}, "subjects": named})


def test_users_are_those_that_bindings_name() -> None:
    """Once each, with all their roles; groups and accounts are not among them."""
    found = subjects_of("User", [
        binding("a", "shop", "view", ("User", "jane"), ("Group", "dev")),
        binding("b", "", "admin", ("User", "jane"), ("User", "ann"), ("ServiceAccount", "ci")),
    ])  # fmt: skip
    assert [(each.name, each.roles) for each in found] == [("ann", ("admin",)), ("jane", ("view in shop", "admin"))]


async def test_enter_on_a_user_tells_what_he_may_do() -> None:
    """From the list of users to rights."""
    client = FakeClient([*world(), (ROLE_BINDINGS, binding("a", "shop", "view", ("User", "jane")).obj)])

    async with console(client) as (app, pilot, _):
        app.session.kinds = [*app.session.kinds, kind(ROLE_BINDINGS, "RoleBinding")]
        app.run_command("users")
        await settle(pilot)
        assert "jane" in picture(app)
        assert "view in shop" in picture(app)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, CanIScreen)
        assert "What user jane may do" in picture(app)


@pytest.mark.parametrize(("word", "who"), [("u:jane", "user jane"), ("g:dev", "group dev"),
                                           ("s:shop/web", "service account shop/web")])  # fmt: skip
def test_subjects_are_written_as_k9s_does(word: str, who: str) -> None:
    """`:can u:jane`."""
    assert subject_of((word,))[0] == who


async def test_a_file_of_the_folder_is_opened_by_dir() -> None:
    """`:dir FILE`; `:dir` alone opens the folder."""
    async with typed() as (app, _, __):
        assert parse("dir web.yaml", app.session) == Do("open_manifest", ("web.yaml",))
        assert parse("dir", app.session) == Goto("dir")


def test_no_name_means_two_things() -> None:
    """What is left out has no meaning besides."""
    assert not LEFT_OUT.keys() & K9S_COMMANDS.keys()


async def test_a_screen_that_is_open_is_not_opened_over_itself() -> None:
    """`:pu` twice: esc leads home at once; `:dir` from a table that was opened over the editor leads back to it."""
    async with typed("pu", "pu", "pulses") as (app, pilot, _):
        assert len(app.screen_stack) == 2
        await pilot.press("escape")
        app.run_command("dir")
        await settle(pilot)
        editor = app.screen
        app.run_command("dir")
        await settle(pilot)
        assert app.screen_stack[1:] == [editor]
        app.open_resource("pods", None)
        app.run_command("dir")
        await settle(pilot)
        assert app.screen_stack[1:] == [editor]
