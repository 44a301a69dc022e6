"""The catalogue of images, the simulated cloud and what it has, what CSI drivers say of themselves and their nodes."""

from __future__ import annotations

from typing import Final

from engine.client import Item
from tui.kinds.others import field
from tui.kinds.spec import AGE, NAME, Cell, Column, Facts, KindView, spec, status
from tui.quantity import millis, units


def _phase(item: Item, facts: Facts) -> Cell:
    phase = str(status(item).get("phase") or "")
    return Cell(phase, "bad" if phase == "Stopped" else "warn" if phase == "Provisioning" else "")


def _internal_address(item: Item, facts: Facts) -> str:
    found = status(item).get("addresses") or ()
    return next((str(a.get("address")) for a in found if a.get("type") == "InternalIP"), "")


def _instance_types(item: Item, facts: Facts) -> str:
    return ",".join(str(each.get("name")) for each in spec(item).get("instanceTypes") or ())


def _ports(item: Item, facts: Facts) -> str:
    found = spec(item).get("ports") or ()
    return ",".join(f"{p.get('port')}:{p.get('nodePort', '')}/{p.get('protocol', 'TCP')}" for p in found)


def _targets(item: Item, facts: Facts) -> str:
    return str(len(spec(item).get("nodes") or ()))


def _drivers(item: Item, facts: Facts) -> str:
    return str(len(spec(item).get("drivers") or ()))


def _limits(item: Item, facts: Facts) -> str:
    """How many volumes of each driver the node takes."""
    found = [
        f"{d.get('name')}={(d.get('allocatable') or {}).get('count', '*')}" for d in spec(item).get("drivers") or ()
    ]
    return ",".join(found) or "<none>"


def _yes(path: str) -> Column:
    get = field(path, "false")
    return Column(path.rpartition(".")[2].upper(), lambda item, facts: str(get(item, facts)).lower(), rank=2)


def _view(resource: str, *columns: Column) -> KindView:
    return KindView(resource=resource, columns=(NAME, *columns, AGE), namespaced=False)


def _memory(item: Item, facts: Facts) -> str:
    """What a container of the image takes at its start, and what it grows to: `70Mi-110Mi`."""
    memory = spec(item).get("memory") or {}
    start, most = str(memory.get("start") or ""), str(memory.get("max") or "")
    return f"{start}-{most}" if start and most else start or most


CLOUD_KINDS: Final = (
    _view(
        "images.kubarium.dev",
        Column("IMAGE", field("spec.image", ""), min=20, search=True, rank=1),
        Column(
            "SIZE",
            field("spec.size", ""),
            lambda item, facts: units(str(spec(item).get("size") or "0")),
            align="right",
            rank=3,
        ),
        Column(
            "CPU",
            field("spec.cpu", ""),
            lambda item, facts: millis(str(spec(item).get("cpu") or "0")),
            align="right",
            rank=4,
        ),
        Column("MEMORY", _memory, align="right", rank=4),
    ),
    _view(
        "clouds.kubarium.dev",
        Column("REGION", field("spec.region", "")),
        Column("ZONES", field("spec.zones", ""), max=60),
        Column("INSTANCE-TYPES", _instance_types, rank=2, max=60),
    ),
    _view(
        "machines.kubarium.dev",
        Column("PHASE", _phase),
        Column("TYPE", field("spec.instanceType", "")),
        Column("ZONE", field("spec.zone", "")),
        Column("INTERNAL-IP", _internal_address, rank=2),
        Column("PROVIDER-ID", field("status.providerID", ""), rank=3, max=60),
    ),
    _view(
        "loadbalancers.kubarium.dev",
        Column("SERVICE", field("spec.service", ""), search=True),
        Column("PHASE", _phase),
        Column("ADDRESSES", field("spec.addresses", "")),
        Column("PORTS", _ports, rank=2, max=40),
        Column("NODES", _targets, align="right"),
    ),
    _view(
        "routes.kubarium.dev",
        Column("NODE", field("spec.node", ""), search=True),
        Column("DESTINATION", field("spec.destinationCIDR", "")),
        Column("NEXT-HOP", field("spec.nextHop", "")),
    ),
    _view(
        "csidrivers.storage.k8s.io",
        _yes("spec.attachRequired"),
        _yes("spec.podInfoOnMount"),
        _yes("spec.storageCapacity"),
        Column("MODES", field("spec.volumeLifecycleModes"), rank=2),
    ),
    _view(
        "csinodes.storage.k8s.io",
        Column("DRIVERS", _drivers, lambda item, facts: int(_drivers(item, facts)), align="right"),
        Column("LIMITS", _limits, wide=True, max=60),
    ),
    _view("volumeattributesclasses.storage.k8s.io", Column("DRIVERNAME", field("driverName", ""))),
)
