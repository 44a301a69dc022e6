"""How the API server prints: the columns and cells of `kubectl get`, for every kind.

A `Printer` is a kind's columns; a `Column` has a name, a type, a description and a function (object, now) → cell.
Columns of priority 1 are those that `-o wide` adds; the server always sends them all. Kinds without a printer of their
own show Name and Created At, custom resources what their definition's additionalPrinterColumns say, else Name and Age.
Source of the rules: kubernetes/pkg/printers/internalversion/printers.go (v1.36), apiextensions' tableconvertor.go.

Objects are plain dicts in the version that is served, instants are microseconds of cluster time. Nothing here reads
the store or imports more than the standard library, so the console shows the very same cells (engine.client.printing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.api.table import cluster, core, kubarium, networking, pods, storage, workloads
from engine.api.table.columns import AGE, CREATED_AT, NAME, Cells, Column, Printer
from engine.api.table.custom import custom_columns

__all__ = ["Cells", "Column", "Printer", "printer_of"]

_PLAIN: Final = Printer((NAME, CREATED_AT))
_NAME_AGE: Final = Printer((NAME, AGE))
_PRINTERS: Final[dict[str, Printer]] = {
    **core.PRINTERS, **pods.PRINTERS, **workloads.PRINTERS, **networking.PRINTERS, **storage.PRINTERS,
    **cluster.PRINTERS, **kubarium.PRINTERS,
}  # fmt: skip


def printer_of(resource: str, *, custom: bool = False, printer_columns: Sequence[Mapping[str, Any]] = ()) -> Printer:
    """The printer of a resource, named as kubectl does (`deployments.apps`).

    `custom`: it is defined by a CRD, `printer_columns` are the additionalPrinterColumns of the version shown.
    """
    if custom:
        return Printer((NAME, *custom_columns(printer_columns))) if printer_columns else _NAME_AGE
    return _PRINTERS.get(resource, _PLAIN)
