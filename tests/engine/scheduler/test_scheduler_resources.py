"""What a pod asks for, as k8s.io/component-helpers/resource counts it."""

from __future__ import annotations

import pytest

from engine.scheduler.podclass import PodClass
from engine.scheduler.resources import amount, nonzero_requests, pod_requests, text_of
from store.types import JsonObject

MI = 1024 * 1024


def container(cpu: str = "", memory: str = "", **more: object) -> JsonObject:
    requests = {name: value for name, value in (("cpu", cpu), ("memory", memory)) if value}
    return {"name": "c", "resources": {"requests": requests}, **more}


def sidecar(cpu: str) -> JsonObject:
    return container(cpu, restartPolicy="Always")


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [container("1"), container("500m")]}, 1500),
        ({"containers": [container("1")], "initContainers": [container("3"), container("2")]}, 3000),
        ({"containers": [container("1")], "initContainers": [container("100m")]}, 1000),
        ({"containers": [container("1")], "initContainers": [sidecar("500m")]}, 1500),
        ({"containers": [container("1")], "initContainers": [sidecar("1"), container("3")]}, 4000),
        ({"containers": [container("1")], "initContainers": [container("3"), sidecar("1")]}, 3000),
        ({"containers": [container("1")], "overhead": {"cpu": "250m"}}, 1250),
        ({"containers": [container("1")], "resources": {"requests": {"cpu": "4"}}}, 4000),
        ({"containers": [{"name": "c"}]}, 0),
    ],
)
def test_requests(spec: JsonObject, cpu: int) -> None:
    """Containers add up, sidecars stay, init containers count at their peak, the overhead comes on top."""
    assert pod_requests(spec).get("cpu", 0) == cpu


def test_non_zero_requests() -> None:
    """Each container that is silent counts 100m and 200Mi for the scores; an explicit zero is a zero."""
    assert nonzero_requests({"containers": [container(), container("1")]}) == (1100, 400 * MI)
    assert nonzero_requests({"containers": [container("0", "0")]}) == (0, 0)
    silent = PodClass(1, {"containers": [container()]})
    assert silent.best_effort
    assert (silent.milli_cpu_counted, silent.memory_counted) == (100, 200 * MI)


def test_amounts_round_up() -> None:
    """Millicores for cpu, whole units for the rest."""
    assert amount("cpu", "0.1001") == 101
    assert amount("memory", "1.5Ki") == 1536
    assert amount("nvidia.com/gpu", "2") == 2
    with pytest.raises(ValueError):
        amount("cpu", "much")


@pytest.mark.parametrize(
    ("resource", "number", "text"),
    [
        ("cpu", 1400, "1.4"),
        ("cpu", 3000, "3"),
        ("cpu", 1, "0.001"),
        ("memory", 3 * 512 * MI, "1.5Gi"),
        ("memory", 512, "512"),
        ("pods", 110, "110"),
    ],
)
def test_in_words(resource: str, number: int, text: str) -> None:
    """Figures are written as people write them."""
    assert text_of(resource, number) == text
