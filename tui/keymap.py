"""Which key does what, where: the registry's defaults with a person's own keys over them.

The config file is TOML, one table `[keys]` from action id to a key or a list of keys:

    [keys]
    "object.delete" = "ctrl+x"
    "pod.logs" = ["l", "L"]

Keys are written `d`, `J` or `shift-j`, `ctrl-d` or `ctrl+d`, `space`, `enter`, `escape`, `:`. An unknown id, a key that
cannot be, and two actions on one key in one place are errors at start that name the file and both actions.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

from textual import events

from tui.actions import ACTIONS, INSIDE, Action


class KeymapError(Exception):
    """The key configuration cannot be used; the text says where and why."""


@dataclass(frozen=True, slots=True)
class KeyContext:
    """Where a key was pressed."""

    views: tuple[str, ...] = ()
    """From the general to the special: `("text", "logs")`."""
    resource: str = ""
    """Kind of the focused table or inspector."""


_NAMED: Final = {
    "enter", "escape", "tab", "space", "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "backspace",
    "delete", "insert", *(f"f{n}" for n in range(1, 25)),
}  # fmt: skip
_ALIASES: Final = {"esc": "escape", "return": "enter", "pgup": "pageup", "pgdown": "pagedown", "del": "delete"}
_TERMINAL: Final = {
    "ctrl+@": "ctrl+space", "ctrl+backslash": "ctrl+\\", "ctrl+right_square_bracket": "ctrl+]",
    "ctrl+underscore": "ctrl+_", "ctrl+slash": "ctrl+/", "ctrl+circumflex_accent": "ctrl+^",
}  # fmt: skip
"""What terminals send (as Textual names it) for keys that people write otherwise."""


def normalise(text: str) -> str:
    """A key as it is written → as it is kept. Raises ValueError when there is no such key."""
    key = text.strip()
    if len(key) == 1:
        return key if not key.isspace() else "space"
    parts = key.replace("-", "+").split("+") if len(key) > 2 else [key]
    if parts[-1] == "" and len(parts) > 1:
        parts = [*parts[:-2], key[-1]]
    *modifiers, base = parts
    modifiers = sorted(modifier.lower() for modifier in modifiers)
    base = _ALIASES.get(base.lower(), base)
    if any(modifier not in ("ctrl", "shift", "alt") for modifier in modifiers):
        raise ValueError(f"no such key: {text!r}")
    if len(base) > 1 and base.lower() not in _NAMED:
        raise ValueError(f"no such key: {text!r}")
    base = base.lower() if len(base) > 1 or "ctrl" in modifiers else base
    if modifiers == ["shift"] and len(base) == 1:
        return base.upper()
    return "+".join([*modifiers, base])


def pressed(event: events.Key) -> str:
    """The key of an event, as kept."""
    if event.character is not None and event.is_printable and not event.key.startswith("alt+"):
        return "space" if event.character == " " else event.character
    return _TERMINAL.get(event.key, event.key)


def shown(key: str) -> str:
    """A key for people: `ctrl-d`, `shift-j`, `esc`, `⏎`."""
    if len(key) == 1 and key.isalpha() and key.isupper():
        return f"shift-{key.lower()}"
    return {"escape": "esc"}.get(key, key if len(key) == 1 else key.replace("+", "-"))


TYPING: Final = frozenset({"editor", "find", "shell"})
"""Views that take letters for themselves."""


def keys_path(path: str | None) -> Path:
    """Where the key configuration is: `path`, else a person's own."""
    if path is not None:
        return Path(path)
    return Path(os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")) / "kubarium" / "keys.toml"


class Keymap:
    """Resolves a pressed key, in a place, to an action."""

    def __init__(self, overrides: Mapping[str, Sequence[str]] | None = None, source: str = "key map") -> None:
        """`overrides`: action id → keys. Raises KeymapError."""
        overrides = overrides or {}
        known = {action.id for action in ACTIONS}
        unknown = sorted(set(overrides) - known)
        if unknown:
            raise KeymapError(f"{source}: no action is called {unknown[0]!r}; `?` lists all ids")
        self._keys: dict[str, tuple[str, ...]] = {}
        for action in ACTIONS:
            try:
                keys = overrides.get(action.id, action.keys)
                self._keys[action.id] = tuple(dict.fromkeys(normalise(key) for key in keys))
            except ValueError as error:
                raise KeymapError(f"{source}: {action.id}: {error}") from error
        self._by_key: dict[str, list[Action]] = {}
        for action in ACTIONS:
            for key in self._keys[action.id]:
                self._by_key.setdefault(key, []).append(action)
        for key, actions in self._by_key.items():
            for one, other in combinations(actions, 2):
                if _clash(one, other):
                    raise KeymapError(
                        f"{source}: {shown(key)} is both {one.id} ({one.title}) and {other.id} ({other.title})"
                    )

    @classmethod
    def load(cls, path: str | None = None) -> Keymap:
        """From `path`, else `$XDG_CONFIG_HOME/kubarium/keys.toml` if it exists, else the defaults."""
        if path is None:
            default = keys_path(None)
            if not default.is_file():
                return cls()
            path = str(default)
        try:
            with open(path, "rb") as file:
                table = tomllib.load(file)
        except OSError as error:
            raise KeymapError(f"{path}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise KeymapError(f"{path}: {error}") from error
        overrides: dict[str, list[str]] = {}
        for ident, keys in (table.get("keys") or {}).items():
            if isinstance(keys, str):
                keys = [keys]
            if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
                raise KeymapError(f'{path}: {ident}: write a key ("ctrl-x") or a list of keys')
            overrides[ident] = keys
        return cls(overrides, path)

    def become(self, other: Keymap) -> None:
        """Be what another one is: for everybody who has this one."""
        self._keys, self._by_key = other._keys, other._by_key

    def keys_of(self, ident: str) -> tuple[str, ...]:
        """Keys of an action, the first is shown."""
        return self._keys[ident]

    def resolve(self, key: str, context: KeyContext) -> Action | None:
        """What a key does here: the most special action wins."""
        found = [action for action in self._by_key.get(key, ()) if applies(action, context)]
        return max(found, key=lambda action: _rank(action, context), default=None)

    def keys_here(self, action: Action, context: KeyContext) -> tuple[str, ...]:
        """Keys that do the action in a place: those that no more special action took."""
        return tuple(key for key in self._keys[action.id] if self.resolve(key, context) is action)

    def available(self, context: KeyContext) -> list[Action]:
        """All actions that can be reached here, in the registry's order. An editor takes letters for itself."""
        typing = bool(TYPING & set(context.views))
        return [
            action
            for action in ACTIONS
            if applies(action, context)
            and (
                not self._keys[action.id]
                or any(
                    self.resolve(k, context) is action and not (typing and len(k) == 1) for k in self._keys[action.id]
                )
            )
        ]


def applies(action: Action, context: KeyContext) -> bool:
    if action.views and not set(action.views) & set(context.views):
        return False
    return (not action.kinds or context.resource in action.kinds) and context.resource not in action.not_kinds


def _rank(action: Action, context: KeyContext) -> tuple[bool, int]:
    places = [context.views.index(view) for view in action.views if view in context.views]
    return (bool(action.kinds), max(places, default=-1))


def _clash(one: Action, other: Action) -> bool:
    if one.id in other.over or other.id in one.over:
        return False
    if one.views and other.views and not _reach(one) & _reach(other):
        return False
    return not one.kinds or not other.kinds or bool(set(one.kinds) & set(other.kinds))


def _reach(action: Action) -> set[str]:
    """Views that the action is for, and those inside them."""
    return set(action.views) | {inner for inner, outer in INSIDE.items() if set(outer) & set(action.views)}
