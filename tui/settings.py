"""A person's own settings: names for commands, columns of tables, colours.

The file is TOML, `$XDG_CONFIG_HOME/kubarium/config.toml`, all of it optional; keys are remapped in keys.toml beside it:

    [aliases]
    mine = "pods shop /web"

    [columns]
    pods = ["NAMESPACE", "NAME", "STATUS", "TEAM:.metadata.labels.team"]

    [skin.dark]
    tone-ok = "#a0d080"

A column is one that the kind has, by its heading, or one of your own: heading, colon, path. What cannot be understood
is an error that names the file and the entry. Both files are read again when they change; a wrong one changes nothing.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from textual.color import Color, ColorParseError
from textual.theme import Theme

from tui.kinds.registry import VIEWS, json_path
from tui.kinds.spec import Column, KindView
from tui.theme import DARK, LIGHT, PLAIN_DARK, PLAIN_LIGHT

_THEME_FIELDS: Final = (
    "primary", "secondary", "accent", "foreground", "background", "surface", "panel", "success", "warning", "error",
)  # fmt: skip
_COLOURS: Final = frozenset((*_THEME_FIELDS, *(name for name in DARK.variables if not name.endswith("text-style"))))


class SettingsError(Exception):
    """The settings cannot be used; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person set."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    """Command by its own name."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns by resource, in order."""
    skins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Colours by name, under `dark` and `light`."""

    def tailored(self, view: KindView) -> KindView:
        """The view with a person's own columns."""
        wanted = self.columns.get(view.resource)
        if wanted is None:
            return view
        known = {column.header: column for column in view.columns}
        columns = []
        for text in wanted:
            header, colon, path = text.partition(":")
            if colon:
                columns.append(Column(header.upper(), json_path(path), max=60, search=True))
            elif header in known:
                columns.append(replace(known[header], wide=False, rank=0 if header == "NAME" else known[header].rank))
        sort = view.sort if any(column.header == view.sort for column in columns) else ""
        return replace(view, columns=tuple(columns), sort=sort)

    def theme(self, base: Theme) -> Theme:
        """Our theme in a person's colours; the terminal's own colours stay as they are."""
        if base.ansi:
            return base
        colours = self.skins.get("dark" if base.dark else "light", {})
        fields: dict[str, Any] = {name: value for name, value in colours.items() if name in _THEME_FIELDS}
        variables = {name: value for name, value in colours.items() if name not in _THEME_FIELDS}
        return replace(base, variables={**base.variables, **variables}, **fields)


def settings_path() -> Path:
    """Where a person's own settings are."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "kubarium" / "config.toml"


def load_settings(path: Path, taken: frozenset[str] = frozenset()) -> Settings:
    """The settings of a file; none there: the defaults. `taken`: commands that no alias may hide.

    Raises SettingsError.
    """
    if not path.is_file():
        return Settings()
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    unknown = sorted(set(table) - {"aliases", "columns", "skin"})
    if unknown:
        raise SettingsError(
            f"{path}: no table [{unknown[0]}]; there are [aliases], [columns], [skin.dark], [skin.light]"
        )
    for name in ("aliases", "columns", "skin"):
        if not isinstance(table.get(name, {}), dict):
            raise SettingsError(f"{path}: {name} is a table: write [{name}] over its entries")
    return Settings(
        _aliases(path, table.get("aliases", {}), taken),
        _columns(path, table.get("columns", {})),
        _skins(path, table.get("skin", {})),
    )


def _aliases(path: Path, table: Mapping[str, Any], taken: frozenset[str]) -> dict[str, str]:
    for name, command in table.items():
        if not isinstance(command, str) or not command.strip():
            raise SettingsError(f'{path}: aliases.{name}: write a command, "pods shop /web"')
        if name in taken:
            raise SettingsError(f"{path}: aliases.{name}: :{name} is a command already")
    return dict(table)


def _columns(path: Path, table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    found = {}
    for resource, columns in table.items():
        if not isinstance(columns, list) or not columns or not all(isinstance(text, str) for text in columns):
            raise SettingsError(f'{path}: columns.{resource}: write a list of headings, ["NAME", "AGE"]')
        view = VIEWS.get(resource)
        for text in columns:
            header, colon, json = text.partition(":")
            if colon and not json.strip().startswith((".", "{")):
                raise SettingsError(f"{path}: columns.{resource}: {text!r}: a path starts with a dot, .metadata.uid")
            if not colon and view is not None and all(column.header != header for column in view.columns):
                have = ", ".join(column.header for column in view.columns)
                raise SettingsError(f"{path}: columns.{resource}: no column {header!r}; there are {have}")
        found[resource] = tuple(columns)
    return found


def _skins(path: Path, table: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    found = {}
    for skin, colours in table.items():
        if skin not in ("dark", "light") or not isinstance(colours, dict):
            raise SettingsError(f"{path}: skin.{skin}: there are [skin.dark] and [skin.light]")
        for name, colour in colours.items():
            if name not in _COLOURS:
                raise SettingsError(f"{path}: skin.{skin}: no colour {name!r}; there are {', '.join(sorted(_COLOURS))}")
            try:
                Color.parse(str(colour))
            except ColorParseError as error:
                raise SettingsError(f"{path}: skin.{skin}.{name}: no colour: {colour!r}") from error
        found[skin] = {name: str(colour) for name, colour in colours.items()}
    return found


THEMES: Final = (DARK, LIGHT, PLAIN_DARK, PLAIN_LIGHT)
