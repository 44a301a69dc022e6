"""Typing in the YAML editor: every action is one step of undo, and no text is ever lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets.text_area import Selection

from engine.client import FieldHelp
from tests.tui.odd_yaml import odd_text, values_of
from tui.keymap import pressed
from tui.theme import DARK, variables_for
from tui.widgets.yaml_editor import YamlEditor

TEXT = "kind: A\nmetadata:\n  name: a\nspec:\n  list:\n  - x: 1\n---\nkind: B\n"


class _App(App[None]):
    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variables_for(DARK)

    def compose(self) -> ComposeResult:
        self.register_theme(DARK)
        self.theme = DARK.name
        yield YamlEditor(id="editor")


@asynccontextmanager
async def editing(text: str, row: int = 0, column: int = 0) -> AsyncIterator[tuple[YamlEditor, Pilot[None]]]:
    app = _App()
    async with app.run_test(size=(80, 24)) as pilot:
        editor = app.query_one(YamlEditor)
        editor.load(text)
        editor.focus()
        editor.move_cursor((row, column))
        await pilot.pause()
        yield editor, pilot


async def test_lines_are_commented_moved_and_duplicated() -> None:
    """The cursor stays at its letter; undo takes each back whole."""
    async with editing("a: 1\n  b: 2\nc: 3", 1, 4) as (editor, _):
        for act, text, cursor in (
            (editor.do_comment, "a: 1\n  # b: 2\nc: 3", (1, 6)),
            (editor.do_duplicate, "a: 1\n  b: 2\n  b: 2\nc: 3", (2, 4)),
            (lambda: editor.do_move_lines("-1"), "  b: 2\na: 1\nc: 3", (0, 4)),
            (lambda: editor.do_move_lines("1"), "a: 1\nc: 3\n  b: 2", (2, 4)),
            (editor.do_indent, "a: 1\n    b: 2\nc: 3", (1, 6)),
            (editor.do_dedent, "a: 1\nb: 2\nc: 3", (1, 2)),
        ):
            act()
            assert (editor.text, editor.cursor_location) == (text, cursor)
            editor.do_edit_undo()
            assert editor.text == "a: 1\n  b: 2\nc: 3"
            editor.move_cursor((1, 4))


async def test_several_lines_at_once() -> None:
    """What the selection touches; a line at whose start it ends is not touched."""
    async with editing("a: 1\nb: 2\nc: 3\n") as (editor, pilot):
        editor.selection = Selection((0, 1), (2, 0))
        editor.do_comment()
        assert editor.text == "# a: 1\n# b: 2\nc: 3\n"
        editor.do_comment()
        assert editor.text == "a: 1\nb: 2\nc: 3\n"
        editor.selection = Selection((0, 1), (1, 2))
        await pilot.press("tab")
        assert editor.text == "  a: 1\n  b: 2\nc: 3\n"


async def test_documents_are_duplicated_and_added() -> None:
    """Below a separator, wherever the cursor stands in the document."""
    async with editing("a: 1\n---\nb: 2\n", 0) as (editor, _):
        editor.do_duplicate_document()
        assert editor.text == "a: 1\n---\na: 1\n---\nb: 2\n"
        assert editor.cursor_location[0] == 2
        editor.add_document("n: 1\n")
        assert editor.text == "a: 1\n---\na: 1\n---\nn: 1\n---\nb: 2\n"
        editor.move_cursor((6, 0))
        editor.add_document("z: 1\n")
        assert editor.text.endswith("b: 2\n---\nz: 1\n")
        editor.rewrite("")
        editor.add_document("n: 1\n")
        assert editor.text == "n: 1\n"


@pytest.mark.parametrize(
    ("text", "place", "key", "after"),
    [
        ("spec:", (0, 5), "enter", "spec:\n  "),
        ("- name: x", (0, 9), "enter", "- name: x\n  "),
        ("a:\n  - ", (1, 4), "enter", "a:\n"),
        ("a:\n    ", (1, 4), "backspace", "a:\n  "),
        ("a:\n  b", (1, 3), "backspace", "a:\n  "),
        ("a:\n", (1, 0), "tab", "a:\n  "),
    ],
)
async def test_keys_follow_the_structure(text: str, place: tuple[int, int], key: str, after: str) -> None:
    """enter, tab and backspace know YAML's levels."""
    async with editing(text, *place) as (editor, pilot):
        await pilot.press(key)
        assert editor.text == after


async def test_find_and_replace() -> None:
    """Plain words and expressions with groups; all of them is one step of undo."""
    async with editing("image: a:1\nimage: b:2\n") as (editor, _):
        assert editor.find("image")
        assert editor.selection == Selection((0, 0), (0, 5))
        assert editor.replace_match("image", "picture")
        assert editor.text.startswith("picture: a:1\n")
        assert not editor.replace_match("image", "picture"), "nothing is selected any more"
        assert editor.find("image", forward=False)
        assert editor.cursor_location[0] == 1
        assert editor.replace_all(r"(\w):(\d)", r"\1:v\2", regex=True) == 2
        assert editor.text == "picture: a:v1\nimage: b:v2\n"
        editor.do_edit_undo()
        assert editor.text == "picture: a:1\nimage: b:2\n"
        assert editor.replace_all(".", "-") == 0, "plain words are no expression"
        assert not editor.find("IMAGE"), "capitals are meant"


async def test_formatting_keeps_comments_or_says_why_not() -> None:
    """What is no YAML yet is left alone."""
    async with editing("a:\n    b: 1  # why\n") as (editor, _):
        editor.do_format()
        assert editor.text == "a:\n  b: 1  # why\n"
        editor.rewrite("a: [\n")
        editor.do_format()
        assert editor.text == "a: [\n"


KEY, PART, VALUE = "integer", "[]ContainerPort", ""


@pytest.mark.parametrize(
    ("text", "column", "offers", "key", "after"),
    [
        ("replicas: 3", 3, {"replicas": KEY}, "tab", "replicas: 3"),
        ("repl", 4, {"replicas": KEY}, "tab", "replicas: "),
        ("por", 3, {"ports": PART}, "tab", "ports:"),
        ("port", 4, {"port": KEY, "ports": PART}, "enter", "port: "),
        ("image: reg.io/a:1", 17, {"reg.io/a:1.2": VALUE}, "tab", "image: reg.io/a:1.2"),
        ("restartPolicy:", 14, {"Always": VALUE}, "tab", "restartPolicy: Always"),
        ("restartPolicy: Nevr", 17, {"Never": VALUE}, "tab", "restartPolicy: Never"),
        ("gpu: tr", 7, {'"true"': VALUE}, "tab", 'gpu: "true"'),
        ('gpu: "tr"', 8, {'"true"': VALUE}, "tab", 'gpu: "true"'),
        ("name: web", 9, {"web": VALUE, "web-2": VALUE}, "enter", "name: web\n"),
        ("name: web", 9, {"web": VALUE}, "enter", "name: web\n"),
    ],
)
async def test_what_is_offered_takes_the_place_of_the_word(
    text: str, column: int, offers: dict[str, str], key: str, after: str
) -> None:
    """The whole word, with a colon where one is missing; enter behind a whole value begins a line."""
    async with editing(text, 0, column) as (editor, pilot):
        editor.do_complete()
        wanted = editor._wanted
        assert wanted is not None
        editor.offer(wanted, [FieldHelp(name, type_, False, "") for name, type_ in offers.items()])
        await pilot.press(key)
        assert editor.text == after


async def test_a_card_goes_with_the_next_key() -> None:
    """It shows the whole documentation and the values."""
    async with editing("restartPolicy: Always\n") as (editor, pilot):
        editor.explain(FieldHelp("restartPolicy", "string", False, "Restart policy."), ["Always", "Never"])
        await pilot.pause()
        shown = "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
        assert "Restart policy." in shown
        assert "One of: Always, Never" in shown
        await pilot.press("escape")
        assert editor.has_focus
        assert "Restart policy." not in "\n".join(s.text for s in pilot.app.screen._compositor.render_strips())


async def test_undo_goes_back_to_the_beginning_and_redo_to_the_end() -> None:
    """Thirty actions in any order; nothing is lost on the way back or forth."""
    for seed in range(4):
        chance = Random(seed)
        async with editing(TEXT) as (editor, _):
            for _step in range(30):
                editor.move_cursor((chance.randrange(editor.document.line_count), 0))
                act = chance.choice(
                    (editor.do_comment, editor.do_duplicate, editor.do_duplicate_document, editor.do_indent,
                     editor.do_dedent, editor.do_format, lambda: editor.do_move_lines("1"),
                     lambda: editor.do_move_lines("-1"), lambda: editor.insert("new: 1\n"),
                     lambda: editor.add_document("kind: C\n"))
                )  # fmt: skip
                act()
                editor.history.checkpoint()
            last = editor.text
            for _step in range(40):
                editor.do_edit_undo()
            assert editor.text == TEXT
            for _step in range(40):
                editor.do_edit_redo()
            assert editor.text == last


async def test_a_document_more_leaves_all_others_as_they_are() -> None:
    """Duplicated, or a template put in: in 300 odd texts every document still says what it said."""
    chance = Random(5)
    async with editing("") as (editor, _):
        for _ in range(300):
            text = odd_text(chance)
            before = values_of(text)
            editor.load(text, chance.randrange(text.count("\n") + 1))
            if chance.random() < 0.5:
                editor.do_duplicate_document()
                wanted = [before, *([*before[: n + 1], *before[n:]] for n in range(len(before)))]
            else:
                editor.add_document("new: 1\n")
                wanted = [[*before[:n], {"new": 1}, *before[n:]] for n in range(len(before) + 1)]
            assert values_of(editor.text) in wanted, text
            editor.do_edit_undo()
            assert editor.text == text


@pytest.mark.parametrize(
    ("pasted", "after"),
    [
        ("b: 2\r\nc: 3\r\n", "a: 1\nb: 2\nc: 3\n"),
        ("b:\n\tc: 3\n\t\td: 4\n", "a: 1\nb:\n  c: 3\n    d: 4\n"),
        ("b: |\n  x\ty\n  \tz\n", "a: 1\nb: |\n  x\ty\n  \tz\n"),
    ],
)
async def test_a_paste_is_taken_whole(pasted: str, after: str) -> None:
    """With any ends of lines; tabs that indent become blanks, others stay, and undo brings those back first."""
    async with editing("a: 1\n", 1) as (editor, pilot):
        editor.post_message(events.Paste(pasted))
        await pilot.pause()
        assert editor.text == after
        editor.do_edit_undo()
        plain = "a: 1\n" + pasted.replace("\r\n", "\n")
        assert editor.text == (plain if plain != after else "a: 1\n")
        editor.read_only = True
        editor.post_message(events.Paste(pasted))
        await pilot.pause()
        assert editor.text == (plain if plain != after else "a: 1\n")


async def test_a_large_paste_is_one_step() -> None:
    """3,000 lines come at once, and go at once."""
    async with editing("data:\n", 1) as (editor, pilot):
        editor.post_message(events.Paste("".join(f"  k{number}: x\r" for number in range(3000))))
        await pilot.pause()
        assert editor.document.line_count == 3002
        assert editor.cursor_location == (3001, 0)
        editor.do_edit_undo()
        assert editor.text == "data:\n"


async def test_alt_and_a_letter_types_nothing() -> None:
    """Terminals send the letter with it; it belongs to the actions."""
    async with editing("a: 1\n") as (editor, pilot):
        editor.post_message(events.Key("alt+e", "e"))
        await pilot.pause()
        assert editor.text == "a: 1\n"
        assert pressed(events.Key("alt+e", "e")) == "alt+e"
