"""Which view a kind gets: a declared one, or columns made from what a CRD prints, or name and age."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from engine.client import Item
from tui.kinds import core, workloads
from tui.kinds.cloud import CLOUD_KINDS
from tui.kinds.containers import CONTAINERS
from tui.kinds.faults import FAULTS
from tui.kinds.nodes import NODES
from tui.kinds.others import OTHERS
from tui.kinds.pods import PODS
from tui.kinds.spec import AGE, LABELS, NAME, NAMESPACE, Column, Facts, Getter, KindView
from tui.times import age

VIEWS: Final[dict[str, KindView]] = {
    view.resource: view
    for view in (
        PODS,
        CONTAINERS,
        NODES,
        core.NAMESPACES,
        core.EVENTS,
        core.SERVICES,
        core.CONFIGMAPS,
        core.SECRETS,
        core.SERVICEACCOUNTS,
        core.ENDPOINTS,
        core.PERSISTENTVOLUMES,
        core.PERSISTENTVOLUMECLAIMS,
        core.RESOURCEQUOTAS,
        core.LIMITRANGES,
        workloads.DEPLOYMENTS,
        workloads.REPLICASETS,
        workloads.STATEFULSETS,
        workloads.DAEMONSETS,
        workloads.JOBS,
        workloads.CRONJOBS,
        workloads.PODDISRUPTIONBUDGETS,
        workloads.HORIZONTALPODAUTOSCALERS,
        workloads.CONTROLLERREVISIONS,
        *OTHERS,
        *CLOUD_KINDS,
        FAULTS,
    )
}

_PATH_PART: Final = re.compile(r"\[[^\]]*\]|[^.\[\]]+")


def view_of(resource: str, namespaced: bool, printer_columns: Sequence[dict[str, Any]] = ()) -> KindView:
    """The view of a kind. `printer_columns`: additionalPrinterColumns of its CRD."""
    declared = VIEWS.get(resource)
    if declared is not None:
        return declared
    own = tuple(_printer_column(column) for column in printer_columns)
    columns: tuple[Column, ...] = ((NAMESPACE,) if namespaced else ()) + (NAME, *own)
    if not any(column.header == "AGE" for column in own):
        columns = (*columns, LABELS, AGE)
    return KindView(resource=resource, columns=columns, namespaced=namespaced)


def _printer_column(column: dict[str, Any]) -> Column:
    get = json_path(column["jsonPath"])
    if column.get("type") == "date":
        return Column(
            column["name"].upper(), lambda item, facts: age(str(get(item, facts)), facts.now()), get, live=True
        )
    sort = (
        (lambda item, facts: float(str(get(item, facts)) or 0)) if column.get("type") in ("integer", "number") else None
    )
    return Column(column["name"].upper(), get, sort, wide=bool(column.get("priority")), max=60, search=True)


def json_path(path: str) -> Getter:
    """Getter of a simple JSONPath (`.spec.replicas`, `.status.conditions[0].type`); "" where there is nothing."""
    parts = _PATH_PART.findall(path.strip("{}"))

    def get(item: Item, facts: Facts) -> str:
        value: Any = item.obj
        for part in parts:
            if part.startswith("[") and isinstance(value, list):
                index = part.strip("[]")
                if index.isdigit() and int(index) < len(value):
                    value = value[int(index)]
                elif index.startswith("?(@"):
                    value = _matching(value, index)
                else:
                    return ""
            elif isinstance(value, dict):
                value = value.get(part)
            else:
                return ""
        return "" if value is None else str(value)

    return get


def _matching(items: list[Any], test: str) -> Any:
    """First item that satisfies `?(@.type=="Ready")`."""
    name, _, wanted = test.removeprefix("?(@").removesuffix(")").partition("==")
    key, value = name.strip().lstrip("."), wanted.strip().strip("\"'")
    return next((item for item in items if isinstance(item, dict) and str(item.get(key)) == value), None)
