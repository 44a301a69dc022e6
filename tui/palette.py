"""The command palette (ctrl-p): every action that can be reached here, and every kind, by a few letters."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.keymap import shown
from tui.screens.base import BaseScreen

if TYPE_CHECKING:
    from tui.actions import Action


class ActionProvider(Provider):
    """Actions of the screen under the palette, and kinds."""

    @property
    def _base(self) -> BaseScreen | None:
        return self.screen if isinstance(self.screen, BaseScreen) else None

    def _actions(self) -> list[Action]:
        base = self._base
        return [] if base is None else base.keymap.available(base.key_context())

    def _entry(self, action: Action) -> tuple[str, str]:
        base = self._base
        assert base is not None
        keys = "  ".join(shown(key) for key in base.keymap.keys_of(action.id))
        return f"{action.title}", f"{action.group} · {keys} · {action.id}"

    async def discover(self) -> Hits:
        base = self._base
        for action in self._actions():
            title, hint = self._entry(action)
            assert base is not None
            yield DiscoveryHit(title, partial(base.perform, action), help=hint)

    async def search(self, query: str) -> Hits:
        matcher, base = self.matcher(query), self._base
        if base is None:
            return
        for action in self._actions():
            title, hint = self._entry(action)
            score = max(matcher.match(title), matcher.match(action.id))
            if score > 0:
                yield Hit(score, matcher.highlight(title), partial(base.perform, action), help=hint)
        for kind in base.session.kinds:
            score = max(matcher.match(kind.plural), matcher.match(kind.kind))
            if score > 0:
                shorts = ", ".join((kind.resource, *kind.short_names))
                run = partial(base.console.run_command, kind.resource)
                yield Hit(score * 0.9, matcher.highlight(kind.plural), run, help=f"Kind · {shorts}")
