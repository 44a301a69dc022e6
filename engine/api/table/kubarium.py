"""Printers of Kubarium's own kinds: faults, the catalogue of images, and what the simulated cloud has."""

from __future__ import annotations

from typing import Any, Final

from engine.api.table.columns import AGE, NAME, Column, Printer, at, count, field, number, selector_text
from engine.api.table.times import human_duration, parse_time
from engine.client.faults import TARGETS


def _fault_target(obj: dict[str, Any], now: int) -> str:
    """`node/worker-1`, `pod/shop/cart-1`, `selector/app=cart`."""
    target = at(obj, "spec.target") or {}
    name = next((name for name in TARGETS if target.get(name) is not None), "")
    shown = selector_text(target[name]) if name == "selector" else target.get(name, "")
    where = f"{target['namespace']}/" if target.get("namespace") else ""
    return f"{name}/{where}{shown}"


def _fault_left(obj: dict[str, Any], now: int) -> str:
    end = parse_time(at(obj, "status.endTime"))
    if at(obj, "status.phase") != "Active":
        return ""
    return "<never>" if end is None else f"in {human_duration(end - now)}"


def _zones(obj: dict[str, Any], now: int) -> str:
    return ",".join(at(obj, "spec.zones") or ())


def _addresses(obj: dict[str, Any], now: int) -> str:
    return ",".join(at(obj, "spec.addresses") or ())


def _internal_address(obj: dict[str, Any], now: int) -> str:
    found = at(obj, "status.addresses") or ()
    return next((str(each.get("address")) for each in found if each.get("type") == "InternalIP"), "")


PRINTERS: Final = {
    "faults.kubarium.dev": Printer(
        (
            NAME, Column("Action", field("spec.action"), ".spec.action"),
            Column("Target", _fault_target, ".spec.target"), Column("Phase", field("status.phase"), ".status.phase"),
            Column("Ends", _fault_left, "Time until it ends by itself."), AGE,
            Column("Affected", number("status.affectedCount"), ".status.affectedCount", "integer", priority=1),
            Column("Message", field("status.message"), ".status.message", priority=1),
        )
    ),
    "images.kubarium.dev": Printer(
        (
            NAME, Column("Image", field("spec.image"), ".spec.image"), Column("Size", field("spec.size"), ".spec.size"),
            AGE, Column("CPU", field("spec.cpu"), ".spec.cpu", priority=1),
            Column("Memory", field("spec.memory.start"), ".spec.memory.start", priority=1),
        )
    ),
    "clouds.kubarium.dev": Printer(
        (
            NAME, Column("Region", field("spec.region"), ".spec.region"), Column("Zones", _zones, ".spec.zones"), AGE,
            Column("Types", count("spec.instanceTypes"), "How many instance types it has.", "integer", priority=1),
        )
    ),
    "machines.kubarium.dev": Printer(
        (
            NAME, Column("Phase", field("status.phase"), ".status.phase"),
            Column("Type", field("spec.instanceType"), ".spec.instanceType"),
            Column("Zone", field("spec.zone"), ".spec.zone"), AGE,
            Column("Internal-IP", _internal_address, ".status.addresses", priority=1),
            Column("Provider-ID", field("status.providerID"), ".status.providerID", priority=1),
        )
    ),
    "loadbalancers.kubarium.dev": Printer(
        (
            NAME, Column("Service", field("spec.service"), ".spec.service"),
            Column("Phase", field("status.phase"), ".status.phase"),
            Column("Addresses", _addresses, ".spec.addresses"), AGE,
            Column("Nodes", count("spec.nodes"), "How many nodes it sends to.", "integer", priority=1),
        )
    ),
    "routes.kubarium.dev": Printer(
        (
            NAME, Column("Node", field("spec.node"), ".spec.node"),
            Column("Destination", field("spec.destinationCIDR"), ".spec.destinationCIDR"),
            Column("Next-Hop", field("spec.nextHop"), ".spec.nextHop"), AGE,
        )
    ),
}  # fmt: skip
