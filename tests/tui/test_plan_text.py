"""What saving will do, in words."""

from __future__ import annotations

from engine.client import Diagnostic, DriftedObject, FieldChange, Plan, PlannedObject
from tui.plan_text import drift_lines, highlight, plan_lines, plan_title

PLAN = Plan(
    (Diagnostic(5, 13, "error", "spec.replicas", "must be greater than or equal to 0"),),
    (
        PlannedObject("create", "configmaps", "shop", "settings", 1),
        PlannedObject(
            "change", "deployments.apps", "shop", "web", 9,
            (FieldChange("spec.replicas", 3, 5), FieldChange("metadata.labels.tier", None, "front")),
        ),
        PlannedObject("unchanged", "services", "shop", "web", 30),
        PlannedObject("prune", "secrets", "shop", "old", 0),
        PlannedObject("error", "deployments.apps", "shop", "bad", 5, (), "must be greater than or equal to 0"),
    ),
)  # fmt: skip


def test_lines_tell_problems_then_objects_then_what_stays() -> None:
    """A refusal that stands among the problems is not said twice."""
    assert plan_lines(PLAN) == [
        "✗ 5:13 spec.replicas: must be greater than or equal to 0",
        "+ create configmaps shop/settings",
        "~ change deployments.apps shop/web",
        "    spec.replicas: 3 → 5",
        "    metadata.labels.tier: (none) → front",
        "- delete secrets shop/old",
        "= 1 unchanged",
    ]
    assert plan_title(PLAN) == "1 to create · 1 to change · 1 to delete · 1 error"


def test_highlighting_keeps_every_letter() -> None:
    """Tones never change the text."""
    for line in plan_lines(PLAN):
        assert "".join(piece for piece, _ in highlight(line)) == line


def test_an_empty_file_says_so() -> None:
    """No object, no problem: still a sentence."""
    assert plan_lines(Plan((), ())) == ["Nothing to apply: the file declares no object."]
    assert plan_title(Plan((), ())) == "nothing to apply"


def test_drift_tells_the_ways_out_that_there_are() -> None:
    """Values can be taken into the text; what is gone can be taken out of it; the file can always be applied again."""
    changed = DriftedObject("deployments.apps", "shop", "web", 1, (FieldChange("spec.replicas", 5, 3),), "drifted")
    gone = DriftedObject("nodes", "", "n1", 9, (), 'nodes "n1" was deleted; save the file to create it again')
    push = "  alt-s: the cluster follows the file (applies it again)"
    take = "  alt-t: the file follows the cluster (takes the live values into the text)"
    out = "  taken out of the text, what is gone stays gone"
    assert drift_lines([changed], "alt-t", "alt-s") == [
        "▲ drifted deployments.apps shop/web: in the cluster it is not as the file says",
        "    spec.replicas: the file says 3, it is 5",
        take,
        push,
    ]
    assert drift_lines([gone], "alt-t", "alt-s") == [f"▲ drifted nodes n1: {gone.message}", out, push]
    assert drift_lines([changed, gone], "alt-t", "alt-s")[-3:] == [take, out, push]
    assert drift_lines([], "alt-t", "alt-s") == []
