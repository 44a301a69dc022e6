"""The console's look: one calm theme, dark and light, and the words-and-glyphs language of states.

Colour is for what needs attention. A state is always glyph + word + colour, so that `NO_COLOR`, 16-colour terminals and
people who do not see red from green read the same. Widgets name tones (`ok`, `warn`, …), never colours.
"""

from __future__ import annotations

from typing import Final, Literal

from textual.theme import Theme

Tone = Literal["", "ok", "busy", "warn", "bad", "dim", "strong", "accent"]
"""What a piece of text means: fine, under way, needs a look, broken, unimportant, important, chosen."""

TONES: Final[tuple[Tone, ...]] = ("ok", "busy", "warn", "bad", "dim", "strong", "accent")

GLYPHS: Final[dict[Tone, str]] = {"ok": "●", "busy": "◐", "warn": "▲", "bad": "✗", "dim": "○"}

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
        "button-focus-text-style": "bold",
        "tone-ok": "#7fc796",
        "tone-busy": "#82b4e8",
        "tone-warn": "#e0b062",
        "tone-bad": "#f07f7a",
        "tone-dim": "#77828f",
        "tone-strong": "#f2f5f8",
        "tone-accent": "#7cb7ff",
        "cursor-background": "#2b4a6f",
        "cursor-foreground": "#ffffff",
        "cursor-blurred": "#232c37",
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
    success="#1f7a43",
    warning="#8a5a00",
    error="#b3261e",
    variables={
        "button-focus-text-style": "bold",
        "tone-ok": "#1f7a43",
        "tone-busy": "#1f5fae",
        "tone-warn": "#8a5a00",
        "tone-bad": "#b3261e",
        "tone-dim": "#66717d",
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

VARIABLE_DEFAULTS: Final = {
    "tone-ok": "ansi_green",
    "tone-busy": "ansi_cyan",
    "tone-warn": "ansi_yellow",
    "tone-bad": "ansi_red",
    "tone-dim": "ansi_bright_black",
    "tone-strong": "ansi_bright_white",
    "tone-accent": "ansi_blue",
    "cursor-background": "ansi_blue",
    "cursor-foreground": "ansi_bright_white",
    "cursor-blurred": "ansi_bright_black",
}
"""Our variables under a foreign theme (`TEXTUAL_THEME`, the 16-colour `ansi-dark`): the terminal's own colours."""


def bar(part: int, whole: int, width: int) -> str:
    """A gauge of `width` cells: `━━━╸──`; more than full is full."""
    if width <= 0:
        return ""
    halves = min(width * 2, part * width * 2 // whole) if whole > 0 else 0
    full, half = divmod(halves, 2)
    text = "━" * full + "╸" * half
    return text + "─" * (width - len(text))
