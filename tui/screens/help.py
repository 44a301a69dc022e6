"""Help of a view: every action that can be reached there, with its keys and its id, made from the registry."""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual.widget import Widget

from tui.actions import Action
from tui.keymap import KeyContext, Keymap, shown
from tui.screens.base import BaseScreen
from tui.session import Session
from tui.theme import Tone
from tui.widgets.text_view import TextView

_ORDER = ("Object", "View", "Move", "Text", "Logs", "General", "Time", "Tabs", "Namespaces", "Sort")
_FILTERS = (
    "regular expression   web|api        not   !web       labels   -l app=web",
    "fuzzy                -f wbe         typed cpu>500m  mem>1Gi  age<2h  restarts>3  pods>10",
)
_COMMANDS = (":pods   :po shop   :deploy shop /web   :pods app=web   :ns shop   :node   :ev   :cluster   :dir   :q",)
_TYPING = (
    "ctrl-c ctrl-x ctrl-v  copy, cut, paste      f7      all of it     shift-arrows  select",
    "ctrl-k ctrl-u         delete to the line's end, its start  ctrl-w  a word   ctrl-left  word by word",
)
GAP = 3
_HEADING = re.compile(r"(?:^| {3})([A-Z]{3,}(?: [A-Z]+|: \w+)*)(?=\s|$)")


def help_lines(context: KeyContext, keymap: Keymap, width: int) -> list[str]:
    """Groups of `keys title id`, in as many columns as there is room for."""
    groups: dict[str, list[Action]] = {}
    for action in keymap.available(context):
        groups.setdefault(action.group, []).append(action)
    blocks = []
    first = ("Text",) if "editor" in context.views else ()
    for name in dict.fromkeys((*first, *_ORDER)):
        if name in groups:
            rows = []
            for action in groups[name]:
                keys = " ".join(shown(key) for key in keymap.keys_here(action, context)) or "no key"
                danger = " ⚠" if action.danger else ""
                rows.append((keys, f"{action.title}{danger}", action.id))
            blocks.append((name, rows))
    columns = 2 if width >= 150 else 1
    room = (width - GAP * (columns - 1)) // columns
    rendered = [_block(name, rows, room) for name, rows in blocks]
    if columns == 1:
        return [line for block in rendered for line in block]
    left: list[str] = []
    right: list[str] = []
    for block in rendered:
        (left if len(left) <= len(right) else right).extend(block)
    height = max(len(left), len(right))
    left += [""] * (height - len(left))
    right += [""] * (height - len(right))
    return [f"{one.ljust(room)}{' ' * GAP}{other}" for one, other in zip(left, right, strict=True)]


def _block(name: str, rows: list[tuple[str, str, str]], room: int) -> list[str]:
    key_width = max(16, *(len(keys) for keys, _, _ in rows))
    lines = [name.upper()]
    for keys, title, ident in rows:
        text = f"  {keys.ljust(key_width)}  {title}"
        lines.append(f"{text.ljust(room - len(ident) - 1)} {ident}" if len(text) + len(ident) + 2 <= room else text)
    return [*lines, ""]


def highlight_help(line: str) -> list[tuple[str, Tone]]:
    """Headings strong, the rest plain."""
    pieces: list[tuple[str, Tone]] = []
    at = 0
    for match in _HEADING.finditer(line):
        pieces += [(line[at : match.start(1)], ""), (match[1], "strong")]
        at = match.end(1)
    return [*pieces, (line[at:], "")]


class HelpScreen(BaseScreen):
    """The keys of the view that was left."""

    NAME = "help"
    DEFAULT_CSS = """
    HelpScreen > TextView { height: 1fr; padding: 1 2; }
    """

    def __init__(self, session: Session, keymap: Keymap, context: KeyContext) -> None:
        super().__init__(session, keymap)
        self._place = context
        self._text = TextView()

    def compose_body(self) -> Iterable[Widget]:
        yield self._text

    def on_mount(self) -> None:
        self._text.focus()
        self.call_after_refresh(self._fill)

    def on_resize(self) -> None:
        self._fill()

    def _fill(self) -> None:
        where = self._place.resource or (self._place.views[-1] if self._place.views else "everywhere")
        lines = [f"KEYS: {where.upper()}", ""]
        lines[1:1] = [f"  {shown(self.keymap.keys_of('tour.start')[0])} starts the tour: five minutes, by doing"]
        lines += help_lines(self._place, self.keymap, self.size.width - 6)
        if "editor" in self._place.views:
            lines += ["TYPING", *(f"  {line}" for line in _TYPING), ""]
        lines += ["FILTERS  after /", *(f"  {line}" for line in _FILTERS), ""]
        lines += ["COMMANDS  after :", *(f"  {line}" for line in _COMMANDS), ""]
        lines += ["OWN KEYS", "  ~/.config/kubarium/keys.toml:", "", "      [keys]", '      "object.delete" = "ctrl-x"']
        if self.session.endpoint is not None:
            lines += ["", "KUBECTL  in another terminal", f"  export KUBECONFIG={self.session.endpoint.kubeconfig}"]
        self._text.show(lines, highlight_help)

    def key_context(self) -> KeyContext:
        return KeyContext(("text", "help"))

    def do_help(self) -> None:
        self.console.go_back()
