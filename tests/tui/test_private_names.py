"""What the console takes from Textual without a promise, and names it must not take from it by accident."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import pytest
from textual.message_pump import MessagePump
from textual.scroll_view import ScrollView
from textual.strip import Strip

import tui

MEANT = {"notify",
    "BINDINGS", "BINDING_GROUP_TITLE", "COMPONENT_CLASSES", "CSS", "DEFAULT_CSS", "DEFAULT_MODE",
    "ENABLE_COMMAND_PALETTE", "TITLE",
    "compose", "render", "render_line", "notify_style_update", "get_default_screen", "get_theme_variable_defaults",
    "theme", "display", "virtual_size", "absolute_offset", "can_focus", "can_focus_children",
}  # fmt: skip
"""Names of Textual that the console overrides or sets on purpose."""
OWN_TESTS = {"_Field", "ShellInput", "YamlEditor", "Completions", "FolderTree"}
"""Widgets that extend a whole Textual widget; what they override is told in their own tests."""


def console_classes() -> list[type[MessagePump]]:
    found = []
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if cls.__module__ == module.name and issubclass(cls, MessagePump) and cls.__name__ not in OWN_TESTS:
                found.append(cls)
    return found


@pytest.mark.parametrize("cls", console_classes(), ids=lambda cls: cls.__name__)
def test_own_names_do_not_hide_those_of_textual(cls: type[MessagePump]) -> None:
    """A method or attribute called like one of Textual's (`_render`, `_context`) would break it without a word."""
    theirs: set[str] = set()
    for base in cls.__mro__[1:]:
        if base.__module__.startswith("textual"):
            theirs |= set(vars(base)) | set(re.findall(r"self\.(\w+)(?:: [^=\n]+)? = ", inspect.getsource(base)))
    ours = set(vars(cls)) | set(re.findall(r"self\.(\w+)(?:: [^=\n]+)? = ", inspect.getsource(cls)))
    hidden = {
        name
        for name in ours & theirs
        if not name.startswith(("__", "on_", "_css", "_decorated", "_merged", "_reactives", "_inherit", "_computes"))
    }
    assert hidden <= MEANT | {"is_abstract"}, cls


def test_the_line_api_is_as_it_was() -> None:
    """The tables and texts stand on these."""
    assert callable(ScrollView.render_line)
    assert callable(ScrollView.refresh_line)
    assert isinstance(inspect.getattr_static(ScrollView, "scrollable_content_region"), property)
    assert Strip.blank(3).cell_length == 3


def test_handlers_of_a_base_class_are_called_without_super() -> None:
    """Textual calls `on_mount` of each class of the line; a `super()` call would run it twice."""
    for cls in console_classes():
        assert not re.search(r"super\(\)\.on_\w+\(", inspect.getsource(cls)), cls
