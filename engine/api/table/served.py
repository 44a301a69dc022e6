"""The tables that the API server offers: for each served kind its printer and its columnDefinitions.

Column descriptions that are a field's documentation are looked up in the schema when a kind is first printed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.api.crd import CustomKinds
from engine.api.kinds import Kind
from engine.api.schema import Schema
from engine.api.table import Column, Printer, printer_of
from store.types import JsonObject

_DOCUMENTED_IN: Final = {"Event": "v1", "HorizontalPodAutoscaler": "autoscaling/v2"}
"""The version whose fields the columns of a kind are, where it has several."""


class ServedTable(NamedTuple):
    """How a kind is printed."""

    printer: Printer
    definitions: list[JsonObject]
    """metav1.TableColumnDefinition of each column."""

    def row(self, obj: JsonObject, now: int) -> JsonObject:
        """metav1.TableRow of an object as served, without `object`. `now`: cluster time."""
        row: JsonObject = {"cells": self.printer.cells(obj, now)}
        conditions = self.printer.conditions(obj) if self.printer.conditions is not None else None
        if conditions:
            row["conditions"] = conditions
        return row


class Tables:
    """All kinds' tables, made when first asked for. Any thread."""

    def __init__(self, schema: Schema, customs: CustomKinds) -> None:
        self._schema, self._customs = schema, customs
        self._known: dict[str, tuple[int, ServedTable]] = {}
        """By apiVersion and kind; the number is the revision of the definition that says so."""

    def of(self, kind: Kind) -> ServedTable:
        definition = self._customs.definition(kind)
        revision = 0 if definition is None else definition.revision
        name = f"{kind.api_version} {kind.kind}"
        known = self._known.get(name)
        if known is not None and known[0] == revision:
            return known[1]
        versions = [] if definition is None else definition.obj["spec"]["versions"]
        columns = next((v.get("additionalPrinterColumns") for v in versions if v["name"] == kind.version), None) or ()
        printer = printer_of(str(kind.resource), custom=kind.custom, printer_columns=columns)
        table = ServedTable(printer, [self._definition(kind, column) for column in printer.columns])
        self._known[name] = (revision, table)
        return table

    def _definition(self, kind: Kind, column: Column) -> JsonObject:
        return {
            "name": column.name, "type": column.type, "format": column.format, "description": self._text(kind, column),
            "priority": column.priority,
        }  # fmt: skip

    def _text(self, kind: Kind, column: Column) -> str:
        if not column.doc.startswith("."):
            return column.doc
        path = column.doc[1:].split(".")
        version = kind.api_version if kind.custom else _DOCUMENTED_IN.get(kind.kind, kind.api_version)
        found = self._schema.describe(version, kind.kind, path)
        if found is None and path[0] == "metadata":
            found = self._schema.describe("v1", "ConfigMap", path)
        return "" if found is None else found.description
