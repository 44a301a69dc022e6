"""The quality-of-service class of a pod."""

from __future__ import annotations

import pytest

from engine.api.qos import qos_class

BOTH = {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "0"}}, "BestEffort"),
        ({"limits": BOTH}, "Guaranteed"),
        ({"limits": BOTH, "requests": {"cpu": "1000m", "memory": "1024Mi"}}, "Guaranteed"),
        ({"limits": BOTH, "requests": {"cpu": "500m", "memory": "1Gi"}}, "Burstable"),
        ({"limits": {"cpu": "1"}}, "Burstable"),
    ],
)
def test_quality_of_service_follows_requests_and_limits(resources: dict[str, dict[str, str]], expected: str) -> None:
    """Guaranteed needs equal cpu and memory in every container; nothing at all is BestEffort."""
    assert qos_class({"containers": [{"name": "a", "resources": resources}]}) == expected


def test_the_resources_of_the_pod_decide_alone() -> None:
    """PodLevelResources: what the containers say does not count."""
    assert qos_class({"containers": [{"name": "a"}], "resources": {"limits": BOTH}}) == "Guaranteed"
