"""Readers of what is declared: the cloud, its machines, their zone and size. Nothing here writes."""

from __future__ import annotations

from typing import Any, Final

from engine.api.kinds import CLOUDS, MACHINES
from engine.api.server import Api
from engine.clock import SECOND
from engine.flags import parse_duration
from store.types import Envelope, JsonObject

PROVIDER: Final = "simulated"
"""The provider's name, and the scheme of provider ids: `simulated:///<zone>/<machine>`."""


def declared_cloud(api: Api) -> Envelope | None:
    """The cloud; of several the first by name."""
    return next(iter(api.store.list(CLOUDS)), None)


def spec_of(env: Envelope) -> JsonObject:
    found: JsonObject = env.obj.get("spec") or {}
    return found


def is_running(machine: Envelope) -> bool:
    """It is switched on, and is not being deleted."""
    return spec_of(machine).get("running") is not False and "deletionTimestamp" not in machine.obj["metadata"]


def zone_of(machine: Envelope, cloud: Envelope) -> str:
    """The machine's zone; "" in a cloud without zones."""
    return spec_of(machine).get("zone") or next(iter(spec_of(cloud).get("zones") or ()), "")


def region_of(cloud: Envelope) -> str:
    return spec_of(cloud).get("region") or cloud.name


def capacity_of(machine: Envelope, cloud: Envelope) -> dict[str, Any]:
    """Resource → amount of its instance type; empty for a type that the cloud does not say anything of."""
    wanted = spec_of(machine).get("instanceType")
    for each in spec_of(cloud).get("instanceTypes") or ():
        if each.get("name") == wanted:
            return dict(each.get("capacity") or {})
    return {}


def provider_id(machine: Envelope, cloud: Envelope) -> str:
    return f"{PROVIDER}:///{zone_of(machine, cloud)}/{machine.name}"


def machine_of(api: Api, node: Envelope) -> Envelope | None:
    """The machine behind a node: by its provider id, else by its name."""
    given = str(spec_of(node).get("providerID") or "")
    if given and not given.startswith(f"{PROVIDER}://"):
        return None
    return api.find(MACHINES, "", given.rpartition("/")[2] if given else node.name)


def span(text: Any, default: int) -> int:
    """Microseconds of a declared duration; the default where it is missing or malformed."""
    try:
        return max(parse_duration(str(text)), 0) if text else default
    except ValueError:
        return default


def boot_time(cloud: Envelope) -> int:
    """From a machine's start to the registration of its node."""
    return span(spec_of(cloud).get("bootTime"), 5 * SECOND)
