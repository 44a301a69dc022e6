"""The console's app: paints its frame first, then starts the cluster, then shows it.

The client is handed in; nothing of the engine is imported here. Screens are opened by name from `SCREENS`, or by
command; the app keeps what belongs to no screen: theme, time, palette, progress of long work.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, ClassVar, Final

from textual import work
from textual.app import App

from engine.client import ClientError, ClusterClient, Item, Query
from tui import tidying
from tui.answering import SEVERITIES, AnsweringActions
from tui.blame import Blamed, blamed
from tui.commands import CommandError, Do, Goto, parse
from tui.keymap import KeyContext, Keymap
from tui.kinds.spec import KindView
from tui.leaving import Leaving
from tui.own_settings import OwnSettings, own_settings
from tui.screens.cluster import ClusterScreen
from tui.screens.resources import ResourceScreen
from tui.session import SPEEDS, Session, answer
from tui.settings import THEMES
from tui.tabs import FIRST, Tabs
from tui.theme import DARK, LIGHT, PLAIN_DARK, PLAIN_LIGHT, variables_for
from tui.tour import Tour, TourActions
from tui.travel import TravelActions

SCREENS: Final = {
    "manifests": "tui.screens.manifests:ManifestsScreen",
    "help": "tui.screens.help:HelpScreen",
    "aliases": "tui.screens.aliases:AliasesScreen",
    "why": "tui.screens.why:WhyScreen",
    "diagnosis": "tui.screens.diagnosis:DiagnosisScreen",
    "inspect": "tui.screens.inspect:InspectScreen",
    "failure": "tui.screens.failure:FailureScreen",
    "edit": "tui.screens.edit:EditScreen",
    "shell": "tui.screens.shell:ShellScreen",
    "reading": "tui.screens.reading:ReadingScreen",
    "rollouts": "tui.screens.rollouts:RolloutsScreen",
    "used-by": "tui.screens.used_by:UsedByScreen",
    "headroom": "tui.screens.headroom:HeadroomScreen",
    "can-i": "tui.screens.can_i:CanIScreen",
    "subjects": "tui.screens.subjects:SubjectsScreen",
    "xray": "tui.screens.xray:XrayScreen",
    "pulses": "tui.screens.pulses:PulsesScreen",
    "timeline": "tui.screens.timeline:TimelineScreen",
    "history": "tui.screens.history:HistoryScreen",
    "snapshots": "tui.screens.snapshots:SnapshotsScreen",
}
"""Screens by name, imported when they are first opened. Each is called with (session, keymap, *arguments)."""


LONGEST_TOAST: Final = 400
"""Characters of a message that are shown in passing: a whole pasted page must not cover the screen."""


class KubariumApp(OwnSettings, Leaving, TravelActions, TourActions, AnsweringActions, Tabs, App[None]):
    """The console on one cluster."""

    TITLE = "kubarium"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[Any]] = []
    DEFAULT_MODE = FIRST
    CSS = """
    Toast { background: $panel; width: auto; max-width: 60%; margin: 0; padding: 0 1; }
    ToastRack { overflow-y: hidden; }
    Input:ansi > .input--cursor { background: ansi_default; color: ansi_default; text-style: reverse; }
    .touring ToastRack { margin-bottom: 5; }
    """

    def __init__(
        self, client: ClusterClient, *, keys_file: str | None = None, read_only: bool = False, tour: bool = False
    ) -> None:
        """`keys_file`: key configuration, None for the user's own. Raises KeymapError, SettingsError.

        `read_only`: writes are refused until that is switched off. `tour`: begin with the tour.
        """
        # Textual would turn colours into shades of grey: no colour is none at all.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self._keys_file = keys_file
        self.keymap_of_actions = Keymap.load(keys_file)
        settings = own_settings()
        self.session = Session(client, self, read_only=read_only)
        self.client = self.session.client
        self.tour = Tour(self.session)
        self._begins_with_tour = tour
        self._asked_speed: float | None = None
        self.home = ClusterScreen(self.session, self.keymap_of_actions)
        self.begin_tabs(self.home)
        self.session.settings = settings
        for base in THEMES:
            self.register_theme(settings.theme(base))
        if self.no_color or (self.theme == "textual-dark" and self.console.color_system not in ("truecolor", "256")):
            self.theme = PLAIN_DARK.name
        elif self.theme == "textual-dark":
            self.theme = DARK.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variables_for(self.current_theme)

    # -- life --------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.heed_signals()
        # After the first frame: whatever the engine costs to import, the frame is already there.
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        self.client.start()
        self.run_worker(self._open(), exit_on_error=False)

    async def _open(self) -> None:
        try:
            await answer(self.client.ready)
            await self.session.open()
        except Exception as error:  # noqa: BLE001 - whatever kept the cluster from running is shown with its remedy
            self.open_screen("failure", error)
            return
        self.home.cluster_ready()
        tidying.begin(self)
        self.watch_settings_files()
        if self._begins_with_tour:
            self.do_tour()
        # Called on the store's thread: `call_later` only posts a message.
        self.client.lost.add_done_callback(lambda lost: self.call_later(self._was_lost, lost))
        endpoint = self.client.endpoint
        if endpoint is not None:
            try:
                self.session.endpoint = await answer(endpoint)
            except ClientError as error:
                self.notify(error.message, title="No kubectl", severity="error", timeout=15)

    def _was_lost(self, lost: Future[None]) -> None:
        """What is on the screen can be stale from now on: it is covered by what happened."""
        self.open_screen("failure", lost.exception())

    def on_unmount(self) -> None:
        self.session.board.close()
        self.client.stop()

    # -- opening -----------------------------------------------------------------------------------------------------

    def open_screen(self, name: str, *arguments: Any) -> None:
        """Open a screen of `SCREENS`."""
        module, _, cls = SCREENS[name].partition(":")
        try:
            screen = getattr(importlib.import_module(module), cls)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            self.notify(f"This build has no {name} screen", severity="warning")
            return
        if not arguments and type(self.screen) is screen:  # asked for again: it is live, one of it is enough
            return
        self.push_screen(screen(self.session, self.keymap_of_actions, *arguments))

    def open_query(
        self, query: Query, via: str = "", filter: str = "", select: str = "", only_faults: bool = False
    ) -> None:
        """Show what a query finds, full width."""
        screen = ResourceScreen(self.session, self.keymap_of_actions, query, via=via, filter=filter, select=select)
        screen.pane.only_faults = only_faults
        self.push_screen(screen)

    def open_resource(self, resource: str, namespace: str | None, select: str = "") -> None:
        self.open_query(Query(resource, namespace), select=select)

    def open_inspector(self, view: KindView, item: Item, tab: str, previous: bool = False, container: str = "") -> None:
        """One object over the whole screen. `previous`, `container`: which of its logs."""
        self.open_screen("inspect", view, item, tab, previous, container)

    def edit_object(self, resource: str, item: Item) -> None:
        """Its newest state as YAML in an editor."""
        complaint = self.session.gate.complaint
        if complaint:
            self.notify(complaint, severity="warning")
            return

        async def begin() -> None:
            try:
                newest = await answer(self.client.get(resource, item.namespace, item.name))
            except ClientError as error:
                self.notify(error.message, severity="error")
                return
            self.open_screen("edit", resource, newest)

        self.run_worker(begin(), exit_on_error=False)

    def open_why(self, resource: str, item: Item) -> None:
        """Why an object is as it is; a pod that waits for a node: node by node."""
        waiting = resource == "pods" and not (item.obj.get("spec") or {}).get("nodeName")
        if waiting:
            self.open_screen("why", item)
        else:
            self.open_screen("diagnosis", resource, item)

    def open_manifest(self, path: str | None = None, line: int = 0, fields: Sequence[Blamed] = ()) -> None:
        """The Manifests screen, at a line of a file (relative to the folder); None: where it was.

        `fields`: the cursor goes to the first of them that the document at the line has.
        """
        if not self.go_to_manifests(path, line, fields):
            self.open_screen("manifests", path, line, fields)

    def find_manifest(self, resource: str, item: Item) -> None:
        """Open the file of the folder that declares an object (a pod: its workload, at the field that is at fault)."""

        async def find() -> None:
            try:
                place = await answer(self.client.manifest_of(resource, item.namespace, item.name))
            except ClientError as error:
                self.notify(error.message, severity="error")
                return
            if place is None:
                self.notify(f"No file of the folder declares {item.name}", severity="warning")
            else:
                self.open_manifest(*place, blamed(item.obj) if resource == "pods" else ())

        self.run_worker(find(), exit_on_error=False)

    def notify(self, message: str, *, title: str = "", severity: str = "information", **more: Any) -> None:
        """Show in passing, and keep for `:messages`."""
        self.note(message, title=title, severity=severity)
        if len(message) > LONGEST_TOAST:
            message = f"{message[:LONGEST_TOAST]}… (:messages has it whole)"
        glyph = "" if severity == "information" else f"{SEVERITIES[severity]} "
        title, message = (f"{glyph}{title}", message) if title else ("", f"{glyph}{message}")
        super().notify(message, title=title, severity=severity, **{**more, "markup": False})  # type: ignore[arg-type]

    def note(self, message: str, *, title: str = "", severity: str = "information") -> None:
        """Keep for `:messages` only."""
        self.session.messages.append((self.session.now(), title, message, severity))

    def open_help(self, context: KeyContext) -> None:
        self.open_screen("help", context)

    def go_back(self, quit: bool = False) -> None:
        """Leave the screen; `quit`: from the home screen, close the tab, and leave the console from the last one."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif quit and not self.close_tab():
            self.leave()

    # -- commands ----------------------------------------------------------------------------------------------------

    def run_command(self, text: str, again: bool = False) -> None:
        """Do what was typed after `:`. `again`: show its view as it was left."""
        try:
            command = parse(text, self.session)
        except CommandError as error:
            self.notify(str(error), severity="error")
            return
        if isinstance(command, Goto):
            self._go_to(command.screen)
            return
        if isinstance(command, Do):
            getattr(self, command.method)(*command.arguments)
            return
        self.session.remember(text)
        if command.query.namespace is not None:
            self.session.favour(command.query.namespace)
        self.go_home()
        screen = ResourceScreen(self.session, self.keymap_of_actions, command.query, filter=command.filter)
        screen.command = text
        if again and text in self.session.kept:
            screen.restore(self.session.kept[text])
        self.push_screen(screen)
        self.run_worker(self._check_namespaces(command.query), group="namespaces", exit_on_error=False)

    async def _check_namespaces(self, query: Query) -> None:
        """Say so when a namespace that was typed is not there."""
        for name in filter(None, (query.namespace or "").split(",")):
            try:
                await answer(self.client.get("namespaces", "", name))
            except ClientError as error:
                if error.code == 404:
                    self.session.forget_namespace(name)
                    others = [each for each in self.session.namespace_names() if each != name]
                    near = get_close_matches(name, others, 1)
                    hint = f"; did you mean {near[0]}?" if near else ""
                    self.notify(f"There is no namespace {name}{hint}", severity="warning")

    def go_home(self) -> None:
        """A command starts anew from the home screen; drilling down goes on from where one is."""
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def _go_to(self, screen: str) -> None:
        if screen == "q":
            self.leave()
        elif screen == "cluster":
            self.go_home()
        elif screen == "dir":
            self.open_manifest()
        elif screen == "help":
            self.open_help(KeyContext())
        elif screen == "contexts":
            self.show_contexts()
        elif screen in ("users", "groups"):
            self.show_subjects(screen[:-1].capitalize())
        elif screen == "messages":
            self.do_messages()
        else:
            self.open_screen(screen)

    def do_history(self, by: str) -> None:
        place = self.session.place + int(by)
        if not 0 <= place < len(self.session.commands):
            self.notify("No command there", severity="warning")
            return
        self.session.place = place
        self.run_command(self.session.commands[place], again=True)

    def do_last_command(self) -> None:
        commands, place = self.session.commands, self.session.place
        if place > 0:
            self.run_command(commands[place - 1], again=True)

    def do_aliases(self) -> None:
        self.open_screen("aliases")

    def do_palette(self) -> None:
        from textual.command import CommandPalette

        from tui.palette import ActionProvider

        self.push_screen(CommandPalette(providers=[ActionProvider], placeholder="Search all actions"))

    def do_theme(self) -> None:
        if self.no_color:
            self.notify("There are no colours: NO_COLOR is set", severity="warning")
            return
        dark, light = (PLAIN_DARK, PLAIN_LIGHT) if self.current_theme.ansi else (DARK, LIGHT)
        self.theme = light.name if self.current_theme.dark else dark.name

    # -- time --------------------------------------------------------------------------------------------------------

    def do_clock_pause(self) -> None:
        speed = self._speed
        if speed:
            self.session.resume_speed = speed
        self._set_speed(0.0 if speed else self.session.resume_speed)

    def do_clock_speed(self, by: str) -> None:
        speed = self._speed or self.session.resume_speed
        if by == "1":
            wanted = next((s for s in SPEEDS if s > speed), SPEEDS[-1])
        else:
            wanted = next((s for s in reversed(SPEEDS) if s < speed), SPEEDS[0])
        self._set_speed(wanted)

    @property
    def _speed(self) -> float:
        """The one that was asked for last, also before the engine has told it: keys can be faster."""
        return self.session.summary.speed if self._asked_speed is None else self._asked_speed

    def _set_speed(self, speed: float) -> None:
        self._asked_speed = speed
        self._ask_for_speed(speed)

    @work(exclusive=True, group="speed", exit_on_error=False)
    async def _ask_for_speed(self, speed: float) -> None:
        try:
            await answer(self.client.set_speed(speed))
        except ClientError as error:
            self.notify(error.message, severity="error")
            return
        finally:
            if self._asked_speed == speed:
                self._asked_speed = None
        self.session.summary = replace(self.session.summary, speed=speed)
        self.notify(f"Cluster time runs at {speed:g}×" if speed else "Cluster time stands still", timeout=2)

    # -- long work ---------------------------------------------------------------------------------------------------

    def do_stop_work(self) -> None:
        """Stop what is under way, at the end of its present step; of several, the one that is chosen."""
        running = [work for work in self.session.work.running if work.stoppable]
        if not running:
            going = [work.what for work in self.session.work.running]
            self.notify(f"{going[0]}: one step, it cannot be stopped" if going else "No long work is under way")
        elif len(running) == 1:
            running[0].stop()
        else:
            from tui.screens.picker import PickDialog

            def chosen(place: int | None) -> None:
                if place is not None:
                    running[place].stop()

            lines = [(work.what, f"{work.done} of {work.total}") for work in running]
            self.push_screen(PickDialog("Stop which?", lines), chosen)
