"""The tour: five minutes in which one does what the console is for, on the sample cluster.

A small panel above the key bar says what to do next and watches whether it was done: each step has a condition that is
asked of the screens, the board and the cluster's summary, a few times a second. A step can be skipped, the tour left
and taken up again where it was. It presses no key and changes nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from textual.app import App
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from engine.client import Item
from tui.board import Scope
from tui.keymap import Keymap, shown
from tui.successor import own_labels

if TYPE_CHECKING:
    from tui.session import Session

_LOOK: Final = 0.25
"""Wall seconds between two looks at what was done."""


class Seen(NamedTuple):
    """What the tour knows of the console at one moment."""

    screen: str
    """Class of the topmost screen."""
    resource: str
    """What the screen is about: a table's kind, the kind of the object asked about."""
    subject: Item | None
    """The object asked about."""
    faults: int
    speed: float
    silent: int
    """Nodes that are not ready."""
    past: bool


class Step(NamedTuple):
    """One thing to do."""

    title: str
    text: str
    """What to do; {keys} of actions by their id, as in `{object.why}`."""
    done: Callable[[Tour, Seen], bool]
    about_waiting: bool = False
    """It is about a pod that waits for a node: without one, that is said instead."""


class Tour:
    """Where somebody is on the tour."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.place = 0
        self.running = False
        self.waiting: Item | None = None
        """The pod that was asked about because it waits for a node."""
        self._faults_before = 0

    @property
    def step(self) -> Step:
        return STEPS[self.place]

    @property
    def at_the_end(self) -> bool:
        return self.place == len(STEPS) - 1

    def look(self, seen: Seen) -> bool:
        """Go on if the step was done. True if it was."""
        if seen.subject is not None and seen.resource == "pods" and _node_of(seen.subject) == "":
            self.waiting = seen.subject
        if self.at_the_end or not self.step.done(self, seen):
            return False
        self.go_on()
        return True

    def go_on(self) -> None:
        """The next step; after the last one the tour is over, and begins anew the next time."""
        if self.at_the_end:
            self.place, self.running = 0, False
        else:
            self.place += 1

    @property
    def text(self) -> str:
        """What to do next."""
        asked = not self.step.about_waiting or self.waiting is not None
        if asked or any(_node_of(pod) == "" for pod in self.session.board.pods(Scope())):
            return self.step.text
        return _NONE_WAITS

    def is_evicted(self) -> bool:
        """A pod was told to go from a node that is silent."""
        return any(
            condition.get("reason") == "DeletionByTaintManager"
            for pod in self.session.board.pods(Scope())
            for condition in (pod.obj.get("status") or {}).get("conditions") or ()
        )

    def is_placed(self) -> bool:
        """A pod of the workload that waited runs."""
        if self.waiting is None:
            return False
        labels = own_labels(self.waiting.labels)
        return any(
            labels.items() <= pod.labels.items()
            and _node_of(pod)
            and (pod.obj.get("status") or {}).get("phase") == "Running"
            for pod in self.session.board.pods(Scope(namespace=self.waiting.namespace))
        )


def _node_of(pod: Item) -> str:
    return str((pod.obj.get("spec") or {}).get("nodeName") or "")


_NONE_WAITS: Final = (
    "Each pod has its node now, so there is nothing to ask here; {tour.skip} goes on. `kubarium --tour` begins with a "
    "cluster in which one waits."
)
STEPS: Final[tuple[Step, ...]] = (
    Step(
        "A cluster, alive",
        "Nodes by zone, namespaces, pods, events. {pane.next} walks through the panes. Type {app.command}pods and "
        "enter: all pods, full width.",
        lambda tour, seen: seen.resource == "pods",
    ),
    Step(
        "One pod waits: why?",
        "{table.faults} shows only what needs a look. Put the cursor on the pod that is Pending (sales-report) and "
        "press {object.why}.",
        lambda tour, seen: tour.waiting is not None and seen.screen in ("WhyScreen", "DiagnosisScreen"),
        about_waiting=True,
    ),
    Step(
        "Each node says what is missing. Mend it",
        "{object.manifest} opens its manifest where it asks for cpu: make it 500m; below stands what saving will do. "
        "Save with {manifest.save}; the pod is placed while you watch.",
        lambda tour, seen: tour.is_placed(),
        about_waiting=True,
    ),
    Step(
        "Break something",
        "{app.back} leads back, {app.command}nodes to the nodes. On one of them press {object.faults}, and enter: its "
        "kubelet stops, for as long as the fault lasts.",
        lambda tour, seen: seen.faults > 0,
    ),
    Step(
        "Time is yours",
        "{clock.faster} makes cluster time faster, {clock.slower} slower, {clock.pause} stops it. Go to 30× or more.",
        lambda tour, seen: seen.speed >= 30,
    ),
    Step(
        "NotReady, then evicted",
        "After 50 s of silence the node is NotReady and tainted; 300 s later its pods are evicted and run elsewhere. "
        "Watch the node's line.",
        lambda tour, seen: seen.silent > 0 and tour.is_evicted(),
    ),
    Step(
        "Take it back",
        "{time.undo} shows what undoing the last action does, enter does it: the fault ends, the node comes back.",
        lambda tour, seen: seen.faults == 0,
    ),
    Step(
        "Look back",
        "{time.timeline} is the timeline. Put the cursor on a moment and press enter: every screen shows the cluster "
        "as it was then.",
        lambda tour, seen: seen.past,
    ),
    Step(
        "And now again",
        "Walk around in the past: nothing can be changed there. {time.now} returns to now.",
        lambda tour, seen: not seen.past,
    ),
    Step(
        "That was it",
        "{app.help} lists each view's keys, {app.command} goes to any kind; {clock.slower} slows the clock, {app.quit} "
        "at home quits. Your own manifests: `kubarium DIR`. {tour.skip} ends the tour.",
        lambda tour, seen: False,
    ),
)


class TourPanel(Static):
    """What to do next."""

    DEFAULT_CSS = """
    TourPanel { height: auto; max-height: 4; padding: 0 1; background: $tour; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__("", id="tour", markup=False)

    def tell(self, tour: Tour, keymap: Keymap) -> None:
        step = tour.step
        place = f"Tour {tour.place + 1}/{len(STEPS)}"
        leave = f"{_keys(keymap, 'tour.skip')} skips, {_keys(keymap, 'tour.leave')} leaves"
        self.update(
            Content.assemble((f"{place}  {step.title}", "bold $tone-accent"), ("   " + leave, "$tone-dim"), "\n")
            + Content(words(tour.text, keymap))
        )


def words(text: str, keymap: Keymap) -> str:
    """The text with the keys that actions have."""
    for ident in sorted({part.partition("}")[0] for part in text.split("{")[1:]}):
        text = text.replace("{" + ident + "}", _keys(keymap, ident))
    return text


def _keys(keymap: Keymap, ident: str) -> str:
    keys = keymap.keys_of(ident)
    return shown(keys[0]) if keys else ident


class TourActions(App[None]):
    """The tour's part of the app."""

    session: Session
    keymap_of_actions: Keymap
    tour: Tour
    _tour_timer: Timer | None = None

    def do_tour(self) -> None:
        """Begin the tour, or take it up where it was left."""
        self.tour.running = True
        while len(self.screen_stack) > 1:
            self.pop_screen()
        if self._tour_timer is None:
            self._tour_timer = self.set_interval(_LOOK, self._look_around)
        self._tour_timer.resume()
        self.call_after_refresh(self._look_around)

    def do_tour_skip(self) -> None:
        if self.tour.running:
            self.tour.go_on()
            self._look_around()
        else:
            self.notify("The tour: ? then t, or kubarium --tour", severity="warning")

    def do_tour_leave(self) -> None:
        if self.tour.running:
            self.tour.running = False
            self._look_around()
            self.notify("The tour goes on where it was: ? then t")

    def _look_around(self) -> None:
        """Go on if the step was done, and show the step on the screen that is on top."""
        from tui.screens.base import BaseScreen

        tour, screen = self.tour, self.screen
        if tour.running and self.session.ready and tour.look(self._seen()):
            self.bell()
        if not tour.running:
            for each in self.screen_stack:
                each.remove_class("touring")
                each.query(TourPanel).remove()
            if self._tour_timer is not None:
                self._tour_timer.pause()
        elif isinstance(screen, BaseScreen) and screen.is_mounted:
            screen.add_class("touring")
            panels = list(screen.query(TourPanel))
            if not panels:
                panels = [TourPanel()]
                screen.mount(panels[0], before=screen.key_bar)
            panels[0].tell(tour, self.keymap_of_actions)

    def _seen(self) -> Seen:
        screen: Any = self.screen
        summary = self.session.summary
        pane = getattr(screen, "pane", None)
        subject = getattr(screen, "item", None)
        resource = pane.resource if pane is not None else getattr(screen, "resource", "")
        return Seen(
            type(screen).__name__, str(resource or ""), subject, summary.faults, summary.speed,
            summary.nodes - summary.nodes_ready, self.session.gate.moment is not None,
        )  # fmt: skip
