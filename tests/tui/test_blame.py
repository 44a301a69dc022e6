"""Which field a pod's trouble points to, and where that stands in a manifest."""

from __future__ import annotations

from typing import Any

import pytest

from tui.blame import Blamed, blamed, row_of

MANIFEST = """\
kind: Service
spec:
  requests: {cpu: 1}
---
kind: Deployment
spec:
  template:
    spec:
      nodeSelector:
        disk: ssd
      containers:
      - name: side
        image: "side:1"
        resources:
          limits:
            memory: 1Gi
      - name: web
        image: web:2 # the newest
        resources:
          limits:
            cpu: 4
          requests:
            cpu: "3"
""".splitlines()


def waiting(message: str) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": message}]}}


def container(**status: Any) -> dict[str, Any]:
    return {"status": {"containerStatuses": [{"name": "web", "image": "web:2", "ready": False, **status}]}}


@pytest.mark.parametrize(
    ("pod", "line"),
    [
        (
            waiting(
                "0/11 nodes are available: 1 node(s) were unschedulable, 4 node(s) had untolerated taint(s), 6 "
                "Insufficient cpu. no new claims to deallocate, preemption: 0/11 nodes are available: 11 Preemption "
                "is not helpful for scheduling."
            ),
            'cpu: "3"',
        ),
        (waiting("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."), "nodeSelector:"),
        (waiting("0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 Insufficient cpu."), 'cpu: "3"'),
        (container(state={"waiting": {"reason": "ImagePullBackOff"}}), "image: web:2 # the newest"),
        (
            container(state={"waiting": {"reason": "CrashLoopBackOff"}},
                      lastState={"terminated": {"reason": "OOMKilled"}}),
            "memory: 1Gi",
        ),
    ],
)  # fmt: skip
def test_the_line_at_fault_is_found(pod: dict[str, Any], line: str) -> None:
    """The most frequent refusal of the scheduler; the image that is not pulled; the limit that killed."""
    assert MANIFEST[row_of(MANIFEST, 4, blamed(pod))].strip() == line


@pytest.mark.parametrize(
    "pod",
    [
        waiting("0/2 nodes are available: 2 node(s) had untolerated taint(s)."),
        waiting("0/2 nodes are available: 2 node(s) were unschedulable."),
        {"status": {"containerStatuses": [{"name": "web", "ready": True, "state": {"running": {}}}]}},
        {},
    ],
)
def test_what_no_field_stands_for_stays_at_the_object(pod: dict[str, Any]) -> None:
    """A taint that nothing tolerates, a cordoned node, a pod that is well."""
    assert row_of(MANIFEST, 4, blamed(pod)) == 4


def test_fields_of_other_documents_do_not_count() -> None:
    """The document at the row alone is searched."""
    assert row_of(MANIFEST, 0, [Blamed(("nodeSelector",))]) == 0
