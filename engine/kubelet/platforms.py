"""Which image of a multi-platform manifest list a machine can run (`linux/arm64/v8` is what arm64 machines are).

Rules: containerd's platforms package: without a variant arm64 is v8 and arm is v7; an arm machine also runs what was
built for an older variant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_DEFAULTS: Final = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
_NAMES: Final = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "i386": "386"}


def normal(platform: str) -> tuple[str, str, str]:
    """(system, architecture, variant), with the variant that is meant when none is said."""
    system, _, rest = platform.strip().lower().partition("/")
    architecture, _, variant = rest.partition("/")
    architecture = _NAMES.get(architecture, architecture)
    return system, architecture, variant or _DEFAULTS.get(architecture, "")


def runs(platforms: Sequence[str], machine: str) -> bool:
    """Whether a machine finds an image for itself among `platforms`; an empty list fits every machine."""
    if not platforms:
        return True
    system, architecture, variant = normal(machine)
    for other in platforms:
        found = normal(other)
        if found[:2] == (system, architecture) and (found[2] <= variant if architecture == "arm" else
                                                    found[2] == variant):  # fmt: skip
            return True
    return False
