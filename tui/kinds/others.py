"""Networking, storage, policy, access and the rest of what v1.36 serves: the very columns of `kubectl get -o wide`.

What the columns are and say is declared once, with the API (engine.client.printing); here is only how they behave in a
table: which goes first where room is short, how wide they may grow, how they sort.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.client import Item
from engine.client.printing import Column as PrintedColumn
from engine.client.printing import printer_of
from tui.kinds.core import created_at
from tui.kinds.spec import AGE, NAME, NAMESPACE, Cell, Column, Facts, Getter, KindView

_CREATED = Column("CREATED AT", created_at)


def field(path: str, none: str = "<none>") -> Getter:
    """Getter of one field by dotted path; lists print joined."""
    parts = path.split(".")

    def get(item: Item, facts: Facts) -> str:
        value: Any = item.obj
        for part in parts:
            value = value.get(part) if isinstance(value, dict) else None
        if value is None or value in ([], {}):
            return none
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)

    return get


def _text(value: Any) -> str:
    """A cell as kubectl writes it."""
    if value is None:
        return "<none>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def printed(resource: str, *, namespaced: bool = True, **looks: dict[str, Any]) -> KindView:
    """The view of a kind with the columns that `kubectl get -o wide` shows.

    `looks`: how a column behaves where room is short or when sorted, by its header with underscores.
    """
    columns = [_column(column, looks.get(column.name.replace("-", "_"), {})) for column in printer_of(resource).columns]
    return KindView(
        resource=resource, columns=((NAMESPACE,) if namespaced else ()) + tuple(columns), namespaced=namespaced
    )


def _column(column: PrintedColumn, look: dict[str, Any]) -> Column:
    known = {"Age": AGE, "Created At": _CREATED}.get(column.name)
    if known is not None:
        return known
    cell = column.cell

    def get(item: Item, facts: Facts) -> str:
        return _text(cell(item.obj, facts.now()))

    if column.name == "Name":
        return replace(NAME, get=get)
    if column.type == "integer":
        look = {"sort": lambda item, facts: int(cell(item.obj, facts.now()) or 0), "align": "right", **look}
    return Column(column.name.upper(), **{"get": get, "wide": column.priority > 0, "min": 20, **look})


def _availability(item: Item, facts: Facts) -> Cell:
    """Whether an API service answers, in its colour."""
    available = next(c for c in printer_of("apiservices.apiregistration.k8s.io").columns if c.name == "Available")
    word = str(available.cell(item.obj, facts.now()))
    return Cell(word, "" if word == "True" else "warn" if word == "Unknown" else "bad")


_SEARCH: dict[str, Any] = {"search": True}
_SHORT: dict[str, Any] = {"max": 40}
_LONG: dict[str, Any] = {"max": 60}
_SUBJECTS: dict[str, Any] = {"Role": _SEARCH, "Users": _SHORT, "Groups": _SHORT, "ServiceAccounts": _SHORT}

OTHERS = (
    printed(
        "ingresses.networking.k8s.io", Class={"rank": 2}, Hosts={"max": 60, "search": True}, Address={"rank": 3},
        Ports={"rank": 4},
    ),
    printed("networkpolicies.networking.k8s.io", Pod_Selector=_LONG),
    printed("ingressclasses.networking.k8s.io", namespaced=False, Parameters={"rank": 2}),
    printed(
        "storageclasses.storage.k8s.io", namespaced=False, ReclaimPolicy={"rank": 2}, VolumeBindingMode={"rank": 3},
        AllowVolumeExpansion={"rank": 4},
    ),
    printed("volumeattachments.storage.k8s.io", namespaced=False),
    printed("priorityclasses.scheduling.k8s.io", namespaced=False, PreemptionPolicy={"rank": 2}),
    printed("leases.coordination.k8s.io", Holder=_SEARCH),
    printed("endpointslices.discovery.k8s.io", Endpoints=_LONG),
    printed("clusterroles.rbac.authorization.k8s.io", namespaced=False),
    printed("roles.rbac.authorization.k8s.io"),
    printed("clusterrolebindings.rbac.authorization.k8s.io", namespaced=False, **_SUBJECTS),
    printed("rolebindings.rbac.authorization.k8s.io", **_SUBJECTS),
    printed("customresourcedefinitions.apiextensions.k8s.io", namespaced=False),
    printed("apiservices.apiregistration.k8s.io", namespaced=False, Available={"get": _availability}),
    printed("runtimeclasses.node.k8s.io", namespaced=False),
    printed(
        "certificatesigningrequests.certificates.k8s.io", namespaced=False, Requestor={"rank": 2},
        RequestedDuration={"rank": 3},
    ),
    printed("validatingwebhookconfigurations.admissionregistration.k8s.io", namespaced=False),
    printed("mutatingwebhookconfigurations.admissionregistration.k8s.io", namespaced=False),
    printed("replicationcontrollers"),
    printed("podtemplates"),
    printed("ipaddresses.networking.k8s.io", namespaced=False),
    printed("servicecidrs.networking.k8s.io", namespaced=False),
    printed("volumeattributesclasses.storage.k8s.io", namespaced=False),
    printed("csistoragecapacities.storage.k8s.io"),
    printed("flowschemas.flowcontrol.apiserver.k8s.io", namespaced=False),
    printed("prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", namespaced=False),
)  # fmt: skip
