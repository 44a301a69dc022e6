"""A shell in a container, as far as one can be simulated: each line is run by the container's runtime, as exec does.

Containers are simulated, and the screen says so: what a command answers comes from the image's catalogue entry and the
small set of commands that every simulated container has (`help` lists them). There is no terminal inside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from textual import events
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.client import ClientError, ExecAnswer, Item
from tui.keymap import KeyContext, Keymap
from tui.rows import container_items
from tui.screens.base import BaseScreen
from tui.session import Session
from tui.theme import Tone
from tui.widgets.text_view import TextView


def _pieces(line: str) -> list[tuple[str, Tone]]:
    if line.startswith("$ "):
        return [(line, "accent")]
    return [(line, "bad")] if line.startswith("✗ ") else [(line, "dim" if line.startswith("# ") else "")]


class ShellInput(Input):
    """Where commands are typed; up and down walk those given before."""

    def __init__(self) -> None:
        super().__init__(placeholder="a command, run in the simulated container", compact=True)
        self.given: list[str] = []
        self._at = 0

    def remember(self, line: str) -> None:
        self.given.append(line)
        self._at = len(self.given)

    async def on_key(self, event: events.Key) -> None:
        if event.key in ("up", "down") and self.given:
            event.stop()
            self._at = max(0, min(len(self.given), self._at + (-1 if event.key == "up" else 1)))
            self.value = self.given[self._at] if self._at < len(self.given) else ""
            self.cursor_position = len(self.value)


class ShellScreen(BaseScreen):
    """One pod's containers."""

    DEFAULT_CSS = """
    ShellScreen {
        & TextView { height: 1fr; padding: 0 1; }
        & .line { height: 1; background: $panel; }
        & .prompt { width: auto; color: $tone-accent; text-style: bold; padding: 0 1; }
        & ShellInput { width: 1fr; background: $panel; border: none; padding: 0; }
    }
    """

    def __init__(self, session: Session, keymap: Keymap, pod: Item, container: str = "") -> None:
        """`container`: the one to talk to at first; "": the pod's first."""
        super().__init__(session, keymap)
        self.NAME = f"shell {pod.name}"
        self._pod = pod
        items = container_items(pod)
        # Those that run on come first; what has ended can still be asked for.
        self._containers = [c.name for c in sorted(items, key=lambda each: each.role != "main")]
        self._container = container or (self._containers[0] if self._containers else "")
        self._out = TextView()
        self._lines: list[str] = []
        self._prompt = Static("", classes="prompt", markup=False)
        self.input = ShellInput()
        self._command: asyncio.Future[ExecAnswer] | None = None

    def compose_body(self) -> Iterable[Widget]:
        yield self._out
        with Horizontal(classes="line"):
            yield self._prompt
            yield self.input

    def on_mount(self) -> None:
        self.header.namespace = lambda: self._pod.namespace
        self._out.follow = True
        self._print("# Simulated: commands are answered by the container's simulated runtime, nothing is really run.")
        self._draw_prompt()
        self.input.focus()

    def on_unmount(self) -> None:
        if self._command is not None:
            self._command.cancel()

    def key_context(self) -> KeyContext:
        return KeyContext(("shell",))

    def _draw_prompt(self) -> None:
        self._prompt.update(f"{self._pod.name}/{self._container} $")

    def _print(self, *lines: str) -> None:
        self._lines = [*self._lines, *lines][-5000:]
        self._out.show(self._lines, _pieces)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        line = event.value.strip()
        self.input.value = ""
        if not line:
            return
        if line in ("exit", "logout"):
            self.console.go_back()
            return
        if line == "clear":
            self._lines = []
            self._out.show([], _pieces)
            return
        self.input.remember(line)
        if self._command is not None:
            self.notify("A command still runs; ctrl-c ends it", severity="warning")
            return
        self._print(f"$ {line}")
        self.run_worker(self._run(line), group="shell", exit_on_error=False)

    async def _run(self, line: str) -> None:
        pod = self._pod
        asked = self.session.client.exec(pod.namespace, pod.name, ["sh", "-c", line], self._container)
        self._command = asyncio.wrap_future(asked)
        try:
            code, out, err = await self._command
        except ClientError as error:
            self._print(f"✗ {error.message}")
            return
        except asyncio.CancelledError:
            self._print("# ended")
            return
        finally:
            self._command = None
        said = [*out.splitlines(), *(f"✗ {line}" for line in err.splitlines())]
        self._print(*said, *([f"# exit code {code}"] if code else []))

    # -- actions -----------------------------------------------------------------------------------------------------

    def do_shell_cancel(self) -> None:
        if self._command is None:
            self.notify("No command runs; esc leaves")
        else:
            self._command.cancel()

    def do_shell_container(self) -> None:
        """Talk to the next container."""
        if len(self._containers) < 2:
            self.notify("It has one container")
            return
        self._container = self._containers[(self._containers.index(self._container) + 1) % len(self._containers)]
        self._draw_prompt()
