"""Node selectors: terms of matchExpressions and matchFields, over all nodes at once or for one.

Follows component-helpers/scheduling/corev1/nodeaffinity: terms are alternatives, the requirements of a term all
hold, an empty term matches nothing, NotIn and DoesNotExist hold where the label is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from engine.scheduler.nodes import Mask, NodeTable

Term = Mapping[str, Any]


def terms_mask(terms: Iterable[Term], nodes: NodeTable) -> Mask:
    """Rows that match any of the terms."""
    found = np.zeros(nodes.size, np.bool_)
    for term in terms:
        found |= term_mask(term, nodes)
    return found


def term_mask(term: Term, nodes: NodeTable) -> Mask:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return np.zeros(nodes.size, np.bool_)
    found = np.ones(nodes.size, np.bool_)
    for requirement in expressions:
        found &= _label_mask(requirement, nodes)
    for requirement in fields:
        found &= _field_mask(requirement, nodes)
    return found


def selector_mask(selector: Mapping[str, str], nodes: NodeTable) -> Mask:
    """spec.nodeSelector: every label as given."""
    found = np.ones(nodes.size, np.bool_)
    for key, value in selector.items():
        column = nodes.column(key)
        found &= column.codes[: nodes.size] == column.values.get(value, -2)
    return found


def term_matches(term: Term, labels: Mapping[str, str], name: str) -> bool:
    """One node."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return all(holds(r, labels.get(r["key"])) for r in expressions) and all(holds(r, name) for r in fields)


def holds(requirement: Mapping[str, Any], value: str | None) -> bool:
    """One NodeSelectorRequirement on one value; None: the label is missing."""
    operator: str = requirement["operator"]
    wanted: Sequence[str] = requirement.get("values") or ()
    if operator == "In":
        return value is not None and value in wanted
    if operator == "NotIn":
        return value is None or value not in wanted
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    if value is None or len(wanted) != 1:
        return False
    try:
        have, limit = int(value), int(wanted[0])
    except ValueError:
        return False
    return have > limit if operator == "Gt" else have < limit if operator == "Lt" else False


def describe_requirement(requirement: Mapping[str, Any]) -> str:
    """`In [ssd, nvme]`, `Exists`."""
    wanted = requirement.get("values") or ()
    return f"{requirement['operator']} [{', '.join(wanted)}]" if wanted else str(requirement["operator"])


def _label_mask(requirement: Mapping[str, Any], nodes: NodeTable) -> Mask:
    column = nodes.column(requirement["key"])
    codes = column.codes[: nodes.size]
    operator = requirement["operator"]
    if operator == "Exists":
        return codes >= 0
    if operator == "DoesNotExist":
        return codes < 0
    if operator in ("In", "NotIn"):
        chosen = [column.values[value] for value in requirement.get("values") or () if value in column.values]
        found = np.zeros(nodes.size, np.bool_)
        if len(chosen) <= 8:
            for code in chosen:
                found |= codes == code
        else:
            found = np.isin(codes, chosen)
        return ~found if operator == "NotIn" else found
    # One answer per distinct value, and the last one, at index -1, for nodes without the label.
    answers = np.array([holds(requirement, value) for value in column.values] + [holds(requirement, None)], np.bool_)
    return answers[codes]


def _field_mask(requirement: Mapping[str, Any], nodes: NodeTable) -> Mask:
    found = np.zeros(nodes.size, np.bool_)
    if requirement["key"] != "metadata.name":
        return found
    if requirement["operator"] == "In":
        for name in requirement.get("values") or ():
            row = nodes.row(name)
            if row is not None:
                found[row] = True
        return found
    return np.array([holds(requirement, name) for name in nodes.names], np.bool_)
