"""Keys: defaults, own keys, clashes, and that every action leads somewhere."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import tui
from tui.actions import ACTIONS, KEY_BAR
from tui.keymap import KeyContext, Keymap, KeymapError, normalise, shown

PODS = KeyContext(("table",), "pods")
NODES = KeyContext(("table",), "nodes")


def test_the_default_keys_do_not_clash() -> None:
    """The registry itself is a valid key map."""
    Keymap()


def test_the_action_for_the_kind_wins() -> None:
    """c copies a pod's name and cordons a node; l goes right and shows a pod's logs."""
    keymap = Keymap()
    assert _id(keymap, "c", PODS) == "object.copy"
    assert _id(keymap, "c", NODES) == "node.cordon"
    assert _id(keymap, "l", NODES) == "table.right"
    assert _id(keymap, "l", PODS) == "pod.logs"
    assert _id(keymap, "w", KeyContext(("text", "inspector", "logs"), "pods")) == "logs.wrap"


def test_a_clash_names_both_actions() -> None:
    """A key given to two actions of one place is an error that names both."""
    with pytest.raises(KeymapError, match=r"object\.delete .*object\.describe|object\.describe .*object\.delete"):
        Keymap({"object.delete": ["d"]})


def test_a_key_of_a_kind_may_not_silently_hide_another() -> None:
    """pod.kill on j would hide `down`: an error, not a surprise."""
    with pytest.raises(KeymapError, match=r"table\.down"):
        Keymap({"pod.kill": ["j"]})


def test_an_unknown_action_is_an_error() -> None:
    """A misspelt id is named."""
    with pytest.raises(KeymapError, match=r"pod\.lgos"):
        Keymap({"pod.lgos": ["l"]})


def test_an_impossible_key_is_an_error() -> None:
    """So is a key that does not exist."""
    with pytest.raises(KeymapError, match="no such key"):
        Keymap({"pod.logs": ["hyper+l"]})


def test_own_keys_come_from_a_file(tmp_path: Path) -> None:
    """The TOML file remaps by id; the key it took from is free."""
    file = tmp_path / "keys.toml"
    file.write_text('[keys]\n"object.delete" = "ctrl-x"\n"object.copy" = ["shift-y", "f5"]\n')
    keymap = Keymap.load(str(file))
    assert _id(keymap, "ctrl+x", PODS) == "object.delete"
    assert _id(keymap, "Y", PODS) == "object.copy"
    assert keymap.resolve("ctrl+d", PODS) is None


@pytest.mark.parametrize("text", ["[keys", '[keys]\n"pod.logs" = 3\n'])
def test_a_broken_file_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    """Syntax errors and wrong types say which file."""
    file = tmp_path / "keys.toml"
    file.write_text(text)
    with pytest.raises(KeymapError, match=r"keys\.toml"):
        Keymap.load(str(file))


@pytest.mark.parametrize(
    ("written", "kept"),
    [("shift-j", "J"), ("ctrl-d", "ctrl+d"), ("Ctrl+D", "ctrl+d"), ("esc", "escape"), (":", ":"), ("-", "-"),
     ("ctrl-\\", "ctrl+\\"), ("space", "space"), ("shift-left", "shift+left")],
)  # fmt: skip
def test_keys_are_read_as_people_write_them(written: str, kept: str) -> None:
    """Several spellings, one key."""
    assert normalise(written) == kept


def test_keys_are_shown_as_k9s_writes_them() -> None:
    """Capitals read as shift."""
    assert [shown(key) for key in ("J", "ctrl+d", "escape", "/")] == ["shift-j", "ctrl-d", "esc", "/"]


def test_every_action_has_a_handler() -> None:
    """Some class of the console has `do_<handler>` for each action."""
    handlers: set[str] = set()
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        if module.name == "tui.cli":
            continue
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            handlers |= {name for name in dir(cls) if name.startswith("do_")}
    missing = [action.id for action in ACTIONS if f"do_{action.handler}" not in handlers]
    assert not missing


def test_ids_are_unique_and_the_key_bar_knows_them() -> None:
    """One id, one action; the key bar names only actions."""
    ids = [action.id for action in ACTIONS]
    assert len(ids) == len(set(ids))
    assert {ident for ident, _ in KEY_BAR} <= set(ids)


def _id(keymap: Keymap, key: str, context: KeyContext) -> str:
    action = keymap.resolve(key, context)
    assert action is not None
    return action.id
