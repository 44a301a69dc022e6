"""The console's look: one calm theme, dark and light, and the words-and-glyphs language of states.

Colour is for what needs attention. A state is always glyph + word + colour, so that `NO_COLOR`, 16-colour terminals and
people who do not see red from green read the same. Widgets name tones (`ok`, `warn`, …), never colours.

Where a terminal has 16 colours or none are wanted, surfaces are the terminal's own background, and what is chosen is
shown in reverse: shades made for 16 million colours would come out grey on grey there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from textual.theme import Theme

Tone = Literal["", "ok", "busy", "warn", "bad", "dim", "strong", "accent"]
"""What a piece of text means: fine, under way, needs a look, broken, unimportant, important, chosen."""

TONES: Final[tuple[Tone, ...]] = ("ok", "busy", "warn", "bad", "dim", "strong", "accent")

GLYPHS: Final[dict[Tone, str]] = {"ok": "●", "busy": "◐", "warn": "▲", "bad": "✗", "dim": "○"}

_SHADED: Final = {
    "button-focus-text-style": "bold",
    "cursor-text-style": "none",
    "blurred-text-style": "none",
    "match-text-style": "bold",
}
_REVERSED: Final = {
    "button-focus-text-style": "bold reverse",
    "cursor-text-style": "reverse",
    "blurred-text-style": "bold",
    "match-text-style": "bold reverse",
}

DARK: Final = Theme(
    name="kubarium-dark",
    dark=True,
    primary="#7cb7ff",
    secondary="#9aa7b8",
    accent="#7cb7ff",
    foreground="#ccd3dc",
    background="#10141a",
    surface="#151a21",
    panel="#1d242d",
    success="#7fc796",
    warning="#e0b062",
    error="#f07f7a",
    variables={
        **_SHADED,
        "past": "#2e2819",
        "tour": "#1b2737",
        "rule": "#333d49",
        "tone-ok": "#7fc796",
        "tone-busy": "#82b4e8",
        "tone-warn": "#e0b062",
        "tone-bad": "#f07f7a",
        "tone-dim": "#929da9",
        "tone-strong": "#f2f5f8",
        "tone-accent": "#7cb7ff",
        "cursor-background": "#2b4a6f",
        "cursor-foreground": "#ffffff",
        "cursor-blurred": "#222b36",
        "scrollbar": "#333d49",
        "scrollbar-hover": "#465362",
        "scrollbar-active": "#7cb7ff",
        "scrollbar-background": "#151a21",
        "scrollbar-background-hover": "#151a21",
        "scrollbar-background-active": "#151a21",
    },
)

LIGHT: Final = Theme(
    name="kubarium-light",
    dark=False,
    primary="#1f5fae",
    secondary="#56616e",
    accent="#1f5fae",
    foreground="#232a32",
    background="#f4f5f7",
    surface="#fcfcfd",
    panel="#e6e9ed",
    success="#186a38",
    warning="#7d5000",
    error="#b3261e",
    variables={
        **_SHADED,
        "past": "#f3e3c3",
        "tour": "#dbe7f5",
        "rule": "#c3cad2",
        "tone-ok": "#186a38",
        "tone-busy": "#1f5fae",
        "tone-warn": "#7d5000",
        "tone-bad": "#b3261e",
        "tone-dim": "#56606b",
        "tone-strong": "#0b0f14",
        "tone-accent": "#1f5fae",
        "cursor-background": "#bcd6f5",
        "cursor-foreground": "#0b0f14",
        "cursor-blurred": "#e3e8ee",
        "scrollbar": "#c3cad2",
        "scrollbar-hover": "#a4aeb9",
        "scrollbar-active": "#1f5fae",
        "scrollbar-background": "#fcfcfd",
        "scrollbar-background-hover": "#fcfcfd",
        "scrollbar-background-active": "#fcfcfd",
    },
)

_PLAIN: Final = {
    **_REVERSED,
    **dict.fromkeys(
        ("past", "tour", "cursor-background", "cursor-foreground", "cursor-blurred", "block-cursor-foreground",
         "block-cursor-background", "block-cursor-blurred-foreground", "block-cursor-blurred-background",
         "input-selection-background", "input-selection-foreground", "screen-selection-background",
         "screen-selection-foreground", "ansi-background", "ansi-foreground", "scrollbar-background",
         "scrollbar-background-hover", "scrollbar-background-active"),
        "ansi_default",
    ),
    **dict.fromkeys(("rule", "scrollbar", "scrollbar-hover", "border-blurred"), "ansi_bright_black"),
    "block-cursor-text-style": "bold underline",
    "block-cursor-blurred-text-style": "bold underline",
    "tone-dim": "ansi_bright_black",
    "tone-strong": "ansi_default",
}  # fmt: skip


def _plain(name: str, dark: bool, tones: Mapping[str, str]) -> Theme:
    own, accent = "ansi_default", tones["tone-accent"]
    return Theme(
        name=name, ansi=True, dark=dark, primary=accent, secondary=accent, accent=accent, success=tones["tone-ok"],
        warning=tones["tone-warn"], error=tones["tone-bad"], foreground=own, background=own, surface=own, panel=own,
        boost=own, variables={**_PLAIN, **tones, "scrollbar-active": accent, "border": accent},
    )  # fmt: skip


PLAIN_DARK: Final = _plain(
    "kubarium-plain-dark",
    True,
    {
        "tone-ok": "ansi_green",
        "tone-busy": "ansi_cyan",
        "tone-warn": "ansi_yellow",
        "tone-bad": "ansi_bright_red",
        "tone-accent": "ansi_bright_blue",
    },
)
PLAIN_LIGHT: Final = _plain(
    "kubarium-plain-light",
    False,
    {
        "tone-ok": "ansi_default",
        "tone-busy": "ansi_blue",
        "tone-warn": "ansi_magenta",
        "tone-bad": "ansi_red",
        "tone-accent": "ansi_blue",
    },
)
"""In the terminal's own 16 colours; those that can be read on its background (green and yellow on white cannot)."""


def variables_for(theme: Theme) -> dict[str, str]:
    """Our variables under somebody else's theme (`TEXTUAL_THEME`): those made for its ground."""
    dark, light = (PLAIN_DARK, PLAIN_LIGHT) if theme.ansi else (DARK, LIGHT)
    return dict((dark if theme.dark else light).variables)


def bar(part: int, whole: int, width: int) -> str:
    """A gauge of `width` cells: `━━━╸──`; more than full is full."""
    if width <= 0:
        return ""
    halves = min(width * 2, part * width * 2 // whole) if whole > 0 else 0
    full, half = divmod(halves, 2)
    text = "━" * full + "╸" * half
    return text + "─" * (width - len(text))


def rich_colour(colour: str) -> str | None:
    """A Rich colour of a theme variable; Textual's `ansi_…` names have another form there."""
    if not colour:
        return None
    return colour.removeprefix("ansi_") if colour.startswith("ansi_") else colour[:7]
