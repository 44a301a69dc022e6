"""Logs on demand, and the refusals of `kubectl logs`."""

from __future__ import annotations

import pytest

from engine.api.errors import BadRequest, NotFound
from engine.clock import SECOND
from tests.engine.kubelet.machines import USER, Machines


def lines(
    machines: Machines, pod: str = "p", container: str = "", previous: bool = False, tail: int | None = None
) -> list[str]:
    return [text for _, text in machines.kubelets.logs("default", pod, container, previous=previous, tail=tail)]


def test_declared_lines_come_at_their_times(machines: Machines) -> None:
    """Lines by template and period, in order; a first line says that they are simulated."""
    machines.image("web", image="web", logs=[
        {"text": "listening"},
        {"text": "request {n} in {container} of {pod} after {seconds}s", "at": "10s", "every": "10s"},
    ])  # fmt: skip
    machines.pod(containers=[{"image": "web:1"}])
    machines.when(state="running")
    machines.run(31)
    found = machines.kubelets.logs("default", "p", "c")
    assert [text for _, text in found] == [
        "[simulated] log of image web:1", "listening", "request 0 in c of p after 10s", "request 1 in c of p after 20s",
        "request 2 in c of p after 30s",
    ]  # fmt: skip
    assert [(at - found[0][0]) // SECOND for at, _ in found] == [0, 0, 10, 20, 30]
    assert lines(machines, tail=2) == ["request 1 in c of p after 20s", "request 2 in c of p after 30s"]


def test_commands_print_what_they_print(machines: Machines) -> None:
    """echo's words are the log; the previous run's too."""
    machines.pod(containers=[{"command": ["sh", "-c", "echo hello; sleep 5; echo bye; exit 1"]}])
    machines.when(state="running")
    assert lines(machines) == ["hello"]
    machines.when(restartCount=1, state="running")
    assert lines(machines) == ["hello"]
    assert lines(machines, previous=True) == ["hello", "bye"]


def test_an_undeclared_image_says_that_it_is_simulated(machines: Machines) -> None:
    """One line that nobody takes for a real log."""
    machines.pod()
    machines.when(state="running")
    assert lines(machines)[0].startswith("[simulated] container c, image nginx:1.27")


def test_refusals_are_those_of_kubernetes(machines: Machines) -> None:
    """No pod, no container, no choice, not started, no image, no previous run."""
    machines.image("gone", image="gone", exists=False)
    machines.pod("two", containers=[{"name": "a"}, {"name": "b"}])
    machines.pod("bad", containers=[{"image": "gone:1"}])
    machines.run(0)
    with pytest.raises(NotFound, match='pods "x" not found'):
        lines(machines, "x")
    with pytest.raises(BadRequest, match="container z is not valid for pod two"):
        lines(machines, "two", "z")
    with pytest.raises(BadRequest, match=r"a container name must be specified for pod two, choose one of: \[a b\]"):
        lines(machines, "two")
    with pytest.raises(BadRequest, match='container "a" in pod "two" is waiting to start: ContainerCreating'):
        lines(machines, "two", "a")
    machines.run(6)
    with pytest.raises(BadRequest, match="is waiting to start: trying and failing to pull image"):
        lines(machines, "bad")
    with pytest.raises(BadRequest, match='previous terminated container "a" in pod "two" not found'):
        lines(machines, "two", "a", previous=True)


def test_a_pod_that_is_not_scheduled_has_no_log(machines: Machines) -> None:
    """Nothing, and no error: there is no node to ask."""
    from engine.api.kinds import PODS

    spec = {"containers": [{"name": "c", "image": "i"}]}
    machines.api.create(USER, PODS, "default", {"metadata": {"name": "p"}, "spec": spec})
    assert lines(machines) == []
