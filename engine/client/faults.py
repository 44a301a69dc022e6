"""What can be broken on purpose: the actions of Faults, what each is aimed at, and what it does in words.

The schema, validation, the controller, the console's dialog and the documentation go by this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

ON_PODS: Final = ("pod", "selector", "image")


class ActionRules(NamedTuple):
    """One action."""

    targets: tuple[str, ...]
    """Fields of spec.target of which exactly one says what it is aimed at."""
    parameters: tuple[str, ...]
    does: str
    """What it does, as a sentence."""
    lasts: str = ""
    """How long it lasts without a duration; "": until it is deleted."""


ACTIONS: Final[Mapping[str, ActionRules]] = {
    "StopKubelet": ActionRules(
        ("node", "zone"), (), "The kubelet is stopped: no heartbeats. Containers go on running."
    ),
    "CutNetwork": ActionRules(
        ("node", "zone"), (),
        "The node is cut off: its kubelet cannot reach the API, nothing reaches its pods from elsewhere, nor do they "
        "reach anything. Containers go on running.",
    ),
    "MemoryPressure": ActionRules(("node", "zone"), ("amount",), "Something beside the pods takes the node's memory."),
    "DiskPressure": ActionRules(("node", "zone"), ("amount",), "Something beside the pods fills the node's disk."),
    "PIDPressure": ActionRules(("node", "zone"), ("amount",), "Something beside the pods starts processes."),
    "Reboot": ActionRules(
        ("node", "zone"), (), "The machine goes down, and comes up again after the duration.", "30s"
    ),
    "RemoveMachine": ActionRules(
        ("node",), (), "The cloud loses the machine: its Machine is deleted, and made anew at the end."
    ),
    "ZoneOutage": ActionRules(("zone",), (), "Every machine of the zone is without power."),
    "PodCrash": ActionRules(ON_PODS, ("exitCode", "after"), "Containers exit, each time they are started."),
    "PodOutOfMemory": ActionRules(
        ON_PODS, ("memory",), "Containers leak memory, by default beyond their limit: they are OOMKilled."
    ),
    "ProbeFailure": ActionRules(ON_PODS, ("probe",), "Containers fail a probe, by default the readiness probe."),
    "SlowPull": ActionRules(("image", "registry"), ("delay",), "Pulls take longer."),
    "FailedPull": ActionRules(("image",), ("message",), "The registry answers pulls with an error."),
    "RegistryDown": ActionRules(("registry",), (), "The registry does not answer."),
    "ControllerCrash": ActionRules(
        ("controller",), (), "The controller is down, and starts anew after the duration.", "10s"
    ),
}  # fmt: skip
"""Action → its rules."""
TARGETS: Final = ("node", "zone", "pod", "selector", "image", "registry", "controller")
PROBES: Final = ("Liveness", "Readiness", "Startup")
