"""The header: cluster, namespace, filter, cluster time and speed, nodes, pods, requests, folder, revision.

Pieces have ranks; where the line is short those of the highest rank go, so nothing is ever cut in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.widget import Widget

from engine.client import ClusterSummary, FolderFile
from tui.quantity import percent, short_bytes, short_cpu
from tui.session import Session
from tui.theme import GLYPHS, Tone, bar
from tui.times import clock_text
from tui.work import WorkState

TAB_CELLS: Final = 28
"""Widest title of a tab."""


class Piece(NamedTuple):
    """A part of the header. Higher ranks go first where room is short."""

    text: str
    tone: Tone
    rank: int


def speed_text(speed: float) -> str:
    """`▶ 1×`, `⏸ paused`."""
    return f"▶ {speed:g}×" if speed else "⏸ paused"


def fit_pieces(pieces: list[Piece], room: int, gap: int) -> list[Piece]:
    """The pieces that fit `room` cells, in order."""
    kept = [piece for piece in pieces if piece.text]
    while len(kept) > 1 and width_of(kept, gap) > room:
        # Of equal ones, the last: the first is what most depends on.
        kept.pop(max(range(len(kept)), key=lambda place: (kept[place].rank, place)))
    return kept


def width_of(pieces: list[Piece], gap: int) -> int:
    """Cells that the pieces take in one line."""
    widths = [cell_len(piece.text) for piece in pieces if piece.text]
    return sum(widths) + gap * max(0, len(widths) - 1)


_PHASES: Final[tuple[tuple[str, Tone], ...]] = (
    ("Running", "ok"), ("Pending", "busy"), ("Failed", "bad"), ("Unknown", "warn"), ("Succeeded", "dim"),
)  # fmt: skip


def pods_text(summary: ClusterSummary) -> list[tuple[str, Tone]]:
    counts = summary.pods_by_phase
    return [(f"{GLYPHS[tone]} {counts[phase]} {phase}", tone) for phase, tone in _PHASES if counts.get(phase)]


def folder_text(files: list[FolderFile], short: bool) -> tuple[str, Tone]:
    """`folder ✓ 12 applied`, `folder ✗ 1 error ✓ 12 applied`; `short`: `folder ✓ 12`, `folder ✗ 1 error`."""
    counts: dict[str, int] = {}
    for file in files:
        counts[file.state] = counts.get(file.state, 0) + 1
    order: tuple[tuple[str, str], ...] = (
        ("error", "✗"), ("drifted", "≠"), ("waiting", "…"), ("pending", "◐"), ("applied", "✓"),
    )  # fmt: skip
    states = [(state, glyph) for state, glyph in order if counts.get(state)]
    words = {state: "errors" if state == "error" and counts[state] > 1 else state for state in counts}
    parts = [f"{glyph} {counts[state]} {words[state]}" for state, glyph in states]
    if short:
        parts = [f"✓ {counts['applied']}"] if len(states) == 1 and "applied" in counts else [
            part for part, (state, _) in zip(parts, states, strict=True) if state != "applied"
        ]  # fmt: skip
    tone: Tone = "bad" if counts.get("error") else "warn" if counts.get("waiting") or counts.get("drifted") else ""
    return (f"folder {' '.join(parts)}" if parts else "folder empty", tone)


def work_pieces(states: Sequence[WorkState], stop_key: str) -> list[Piece]:
    """`◐ drain worker-1 3/12`, what it waits for, and the key that stops it."""
    pieces, shown = [], [work for work in states if work.shown]
    for work in shown:
        count = f" {work.done}/{work.total}" if work.total else ""
        pieces.append(Piece(f"◐ {work.what}{count}", "busy", 1))
        pieces.append(Piece(f"({work.remark})" if work.remark else "", "busy", 2))
    if any(work.stoppable for work in shown):
        pieces.append(Piece(f"{stop_key} stops", "dim", 1))
    return pieces


class HeaderBar(Widget):
    """Two lines on top of every screen, and a third one once there are tabs."""

    DEFAULT_CSS = """
    HeaderBar { height: 2; background: $panel; color: $foreground; padding: 0 1; }
    HeaderBar.tabbed { height: 3; }
    HeaderBar.past { background: $past; }
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.namespace: Callable[[], str | None] = lambda: None
        """Namespace of the view under this header; None: all."""
        self.filter_text = ""
        self.crumbs: tuple[str, ...] = ()
        """Where the view is: `cluster › deployments › pods`."""
        self.now_key = "|"
        """What returns from the past."""
        self.stop_key = "shift-x"
        """What stops long work."""

    def show_time(self) -> None:
        """Paint anew, marked while the past is looked at; with the strip of tabs if there are several."""
        self.set_class(self._session.gate.moment is not None, "past")
        self.set_class(len(self._session.tabs()) > 1, "tabbed")
        self.refresh()

    def render(self) -> Content:
        summary, session = self._session.summary, self._session
        room = self.size.width
        if not session.ready:
            return Content.assemble(("kubarium", "bold $tone-accent"), ("  starting the cluster …", "$tone-dim"))
        paused = not summary.speed
        gate = session.gate
        left = [
            Piece(summary.name, "accent", 0),
            Piece(" › ".join(self.crumbs), "", 4),
            Piece(f"ns {self.namespace() or 'all'}", "", 2),
            Piece(f"filter {self.filter_text}" if self.filter_text else "", "warn", 1),
        ]
        if gate.read_only:
            left.insert(1, Piece("read-only", "warn", 1))
        if gate.moment is not None:
            left.insert(1, Piece(f"◀◀ THE PAST, {self.now_key} returns to now", "warn", 0))
        left += work_pieces(session.work.states, self.stop_key)
        top = self._top_line(left, paused, room)
        nodes_tone: Tone = "ok" if summary.nodes_ready == summary.nodes else "bad"
        glyph = GLYPHS[nodes_tone]
        second = [Piece(f"{glyph} {summary.nodes_ready}/{summary.nodes} nodes ready", nodes_tone, 0)]
        ranks = {"bad": 1, "dim": 6}
        second += [Piece(text, tone, ranks.get(tone, 2)) for text, tone in pods_text(summary)]
        if summary.faults:
            second.insert(
                1, Piece(f"{GLYPHS['warn']} {summary.faults} {'fault' if summary.faults == 1 else 'faults'}", "warn", 1)
            )
        cpu, memory = (
            (summary.cpu_requested, summary.cpu_allocatable),
            (summary.memory_requested, summary.memory_allocatable),
        )
        gap = 3 if room >= 150 else 2
        gauge = 8 if room >= 150 else 0
        cpu_figures = f" {short_cpu(cpu[0])}/{short_cpu(cpu[1])}" if room >= 110 else ""
        memory_figures = f" {short_bytes(memory[0])}/{short_bytes(memory[1])}" if room >= 110 else ""
        second.append(Piece(f"cpu {bar(*cpu, gauge)}{' ' if gauge else ''}{percent(*cpu)}%{cpu_figures}", "", 3))
        second.append(
            Piece(f"mem {bar(*memory, gauge)}{' ' if gauge else ''}{percent(*memory)}%{memory_figures}", "", 4)
        )
        if session.client.folder is not None:
            text, tone = folder_text(list(session.files), short=room < 150)
            second.append(Piece(text, tone, 1 if tone else 5))
        lines = [top, _join(fit_pieces(second, room, gap), gap)]
        tabs = session.tabs()
        if len(tabs) > 1:
            lines.append(_join(fit_pieces(_tab_pieces(tabs), room, 2), 2))
        return Content("\n").join(lines)

    def _top_line(self, left: list[Piece], paused: bool, room: int) -> Content:
        """`left` and, at the right end, time. Where room is short the day and the way here are shortened first."""
        session, gate = self._session, self._session.gate
        speed = session.summary.speed
        right = [
            Piece(f"rev {session.summary.revision}", "dim", 3),
            Piece(clock_text(session.now()), "", 1),
            Piece("" if gate.moment is not None else speed_text(speed), "warn" if paused or speed != 1 else "ok", 0),
        ]
        if width_of([*left, *right], 2) > room and gate.moment is None:
            right[1] = right[1]._replace(text=clock_text(session.now(), day=False))
        if width_of([*left, *right], 2) > room:
            here = self.crumbs[-1].rpartition(" › ")[2] if self.crumbs else ""
            left = [piece._replace(text=here) if piece.text == " › ".join(self.crumbs) else piece for piece in left]
        fitting = fit_pieces([*left, *right], room, 2)
        first, last = [p for p in fitting if p in left], [p for p in fitting if p in right]
        space = " " * max(2, room - width_of(first, 2) - width_of(last, 2))
        return Content.assemble(_join(first, 2), space, _join(last, 2))


def _tab_pieces(tabs: Sequence[tuple[str, bool]]) -> list[Piece]:
    """`1 cluster`, `▸ 2 pods /web`: the farther from the open one, the sooner one gives way."""
    here = next(at for at, (_, is_open) in enumerate(tabs) if is_open)
    pieces = []
    for at, (title, is_open) in enumerate(tabs):
        name = title if cell_len(title) <= TAB_CELLS else f"{set_cell_size(title, TAB_CELLS - 1)}…"
        mark = "▸ " if is_open else ""
        pieces.append(Piece(f"{mark}{at + 1} {name}", "accent" if is_open else "dim", abs(at - here)))
    return pieces


def _join(pieces: list[Piece], gap: int) -> Content:
    return Content(" " * gap).join([_styled(piece.text, piece.tone) for piece in pieces])


def _styled(text: str, tone: Tone) -> Content:
    style = f"$tone-{tone}" if tone else ""
    if tone in ("bad", "warn", "accent"):
        style = f"bold {style}"
    return Content.styled(text, style) if style else Content(text)
