"""The key bar: what the keys do here, most useful first; clickable. Made from the registry of actions."""

from __future__ import annotations

from typing import Final

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.actions import KEY_BAR, Action
from tui.keymap import Keymap, shown

_SHORT: Final = dict(KEY_BAR)


class KeyBar(Widget):
    """One line at the bottom."""

    DEFAULT_CSS = """
    KeyBar { height: 1; background: $panel; color: $tone-dim; padding: 0 1; }
    """

    class Pressed(Message):
        """Somebody clicked an action."""

        def __init__(self, action: Action) -> None:
            super().__init__()
            self.action = action

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap
        self._actions: list[Action] = []
        self._spans: list[tuple[int, int, Action]] = []
        self._typing = False

    def show(self, actions: list[Action], *, typing: bool = False) -> None:
        """The actions that can be reached now; while one types, by keys that are no letters."""
        if typing != self._typing:
            self._typing = typing
            self.refresh()
        reachable = {action.id: action for action in actions}
        chosen = [reachable[ident] for ident, _ in KEY_BAR if ident in reachable]
        if chosen != self._actions:
            self._actions = chosen
            self.refresh()

    def render(self) -> Content:
        room = self.size.width
        self._spans = []
        # Help always fits: it tells the rest.
        help_action = next((a for a in self._actions if a.id == "app.help"), None)
        tail = len(self._entry(help_action)) + 2 if help_action else 0
        parts: list[Content] = []
        used = 0
        for action in self._actions:
            text = self._entry(action)
            last = action is help_action
            if not last and used + len(text) + 2 > room - tail:
                continue
            key = self._key(action)
            tone = "$tone-bad" if action.danger else "$tone-accent"
            parts.append(Content.assemble((key, f"bold {tone}"), " ", _SHORT[action.id]))
            self._spans.append((used, used + len(text), action))
            used += len(text) + 2
        return Content("  ").join(parts)

    def _key(self, action: Action) -> str:
        keys = self._keymap.keys_of(action.id)
        return next((shown(key) for key in keys if len(key) > 1 or not self._typing), "·")

    def _entry(self, action: Action) -> str:
        return f"{self._key(action)} {_SHORT[action.id]}"

    def on_click(self, event: events.Click) -> None:
        at = event.x - 1
        for start, end, action in self._spans:
            if start <= at < end:
                self.post_message(self.Pressed(action))
