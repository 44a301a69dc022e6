"""A machine that goes down in good order, and one that comes up again.

A changed annotation `kubarium.dev/reboot` on a Node reboots its machine. With `--shutdown-grace-period` the kubelet
first ends its pods, the critical ones last, and says that the node is not ready; without it the power is simply gone.
After `BOOT` the kubelet starts again, with another boot id. Source: pkg/kubelet/nodeshutdown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from engine.clock import SECOND, Timer
from engine.kubelet import spread
from engine.kubelet.eviction import CRITICAL, priority_of
from store.types import Envelope

if TYPE_CHECKING:
    from engine.kubelet.node import Node

REBOOT: Final = "kubarium.dev/reboot"
BOOT: Final = 30 * SECOND
"""From the power to the kubelet's start."""
NOT_READY: Final = "node is shutting down"
REFUSAL: Final = ("NodeShutdown", "Pod was rejected as the node is shutting down.")
_TERMINATED: Final = "Pod was terminated in response to imminent node shutdown."


def reboot_word(node: Envelope) -> str:
    """What the annotation says; another word than before reboots the machine."""
    notes: dict[str, str] = node.obj["metadata"].get("annotations") or {}
    return notes.get(REBOOT, "")


def next_boot_id(info: dict[str, Any]) -> str:
    """The boot id that follows the one in status.nodeInfo."""
    digits = spread.hex_id("boot", info.get("machineID", ""), info.get("bootID", ""))
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"


class Shutdown:
    """One graceful shutdown: every group of pods has its span, and the next one begins when it has ended."""

    def __init__(self, node: Node, done: Callable[[], None]) -> None:
        """`done` is called when the power may go."""
        self._node, self._done = node, done
        critical = node.config.shutdown_grace_critical
        self._groups = [(False, node.config.shutdown_grace - critical), (True, critical)]
        self._waiting: list[str] = []
        self._timer: Timer | None = None

    def begin(self) -> None:
        """End the pods that are next."""
        if not self._node.running or self._node.shutdown is not self:
            return
        while self._groups:
            critical, span = self._groups.pop(0)
            now = [
                worker for worker in self._node.workers.values()
                if not worker.finished and (priority_of(worker) >= CRITICAL) is critical
            ]  # fmt: skip
            if not now or span <= 0:
                continue
            self._waiting = [worker.uid for worker in now]
            self._timer = self._node.clock.call_later(span, self.begin)
            for worker in now:
                worker.fail("Terminated", _TERMINATED, min(worker.facts.grace, span // SECOND))
            return
        self._waiting = []
        self._done()

    def ended(self, uid: str) -> None:
        """A pod has ended."""
        if uid in self._waiting:
            self._waiting.remove(uid)
            if not self._waiting and self._timer is not None:
                self._timer.cancel()
                self._timer = self._node.clock.call_later(SECOND, self.begin)
