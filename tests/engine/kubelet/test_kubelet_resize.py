"""In-place resize: granted, deferred, infeasible, by restart, below what is in use."""

from __future__ import annotations

import json
from typing import Any

from engine.api.kinds import PODS
from store.types import JsonObject
from tests.engine.kubelet.machines import USER, Machines


def sized(machines: Machines, name: str = "p", cpu: str = "1", memory: str = "1Gi", **container: Any) -> None:
    machines.pod(name, containers=[{"resources": {"requests": {"cpu": cpu, "memory": memory}}, **container}])


def resize(machines: Machines, name: str = "p", **resources: Any) -> None:
    """As the resize subresource stores it."""
    env = machines.api.get(PODS, "default", name)
    (container,) = env.obj["spec"]["containers"]
    spec = {**env.obj["spec"], "containers": [{**container, "resources": resources}]}
    meta = {**env.obj["metadata"], "generation": env.obj["metadata"].get("generation", 1) + 1}
    machines.store.put(env.key, {**env.obj, "metadata": meta, "spec": spec}, USER.author, machines.clock.now())
    machines.run(0)


def conditions(machines: Machines, name: str = "p") -> dict[str, JsonObject]:
    return {c["type"]: c for c in machines.status(name)["conditions"] if "Resize" in c["type"]}


def test_a_resize_in_place(machines: Machines) -> None:
    """Allocated at once, in progress until the container has it, without a restart; two events tell of it."""
    sized(machines)
    machines.when(phase="Running")
    resize(machines, requests={"cpu": "2", "memory": "1Gi"})
    assert conditions(machines)["PodResizeInProgress"]["status"] == "True"
    status = machines.container()
    assert (status["allocatedResources"]["cpu"], status["resources"]["requests"]["cpu"]) == ("2", "1")
    machines.run(2)
    assert conditions(machines) == {}
    status = machines.container()
    assert (status["resources"]["requests"]["cpu"], status["restartCount"]) == ("2", 0)
    told = [(reason, message) for _, reason, message in machines.events() if reason.startswith("Resize")]
    assert [reason for reason, _ in told] == ["ResizeStarted", "ResizeCompleted"]
    assert json.loads(told[0][1].removeprefix("Pod resize started: ")) == {
        "containers": [{"name": "c", "resources": {"requests": {"cpu": "2", "memory": "1Gi"}}}], "generation": 2,
    }  # fmt: skip


def test_what_is_resized_counts_on_its_node(machines: Machines) -> None:
    """The next pod is refused by what the first one was given since."""
    sized(machines)
    machines.when(phase="Running")
    resize(machines, requests={"cpu": "3"})
    machines.run(2)
    sized(machines, "next", cpu="2")
    machines.run(0)
    assert machines.status("next")["message"].endswith("cpu, requested: 2000, used: 3000, capacity: 4000")


def test_a_resize_that_never_fits(machines: Machines) -> None:
    """Infeasible: more than the node has at all; nothing changes."""
    sized(machines)
    machines.when(phase="Running")
    resize(machines, requests={"cpu": "5"})
    pending = conditions(machines)["PodResizePending"]
    assert (pending["reason"], pending["message"]) == (
        "Infeasible", "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000",
    )  # fmt: skip
    assert machines.container()["resources"]["requests"]["cpu"] == "1"
    assert "ResizeInfeasible" in machines.reasons()
    resize(machines, requests={"cpu": "1", "memory": "1Gi"})
    assert conditions(machines) == {}


def test_a_deferred_resize_is_granted_when_another_pod_leaves(machines: Machines) -> None:
    """Deferred says what is used; the pod that goes makes room."""
    sized(machines)
    sized(machines, "other", cpu="2")
    machines.run(5)
    resize(machines, requests={"cpu": "3", "memory": "1Gi"})
    pending = conditions(machines)["PodResizePending"]
    assert (pending["reason"], pending["message"]) == (
        "Deferred", "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000",
    )  # fmt: skip
    machines.delete("other")
    machines.run(3)
    assert conditions(machines) == {}
    assert machines.container()["resources"]["requests"]["cpu"] == "3"


def test_a_resize_by_restart(machines: Machines) -> None:
    """resizePolicy RestartContainer: the container is killed and started again with its new memory."""
    machines.pod(containers=[{
        "resources": {"limits": {"memory": "1Gi"}, "requests": {"memory": "1Gi"}},
        "resizePolicy": [{"resourceName": "memory", "restartPolicy": "RestartContainer"}],
    }])  # fmt: skip
    machines.when(phase="Running")
    resize(machines, limits={"memory": "2Gi"}, requests={"memory": "2Gi"})
    machines.run(3)
    assert machines.container()["restartCount"] == 1
    assert ("Normal", "Killing", "Container c resize requires restart") in machines.events()
    assert machines.container()["resources"]["limits"]["memory"] == "2Gi"


def test_a_larger_limit_saves_from_the_kill(machines: Machines) -> None:
    """A leak that would have ended the container goes on up to its new limit."""
    machines.pod(
        annotations={"kubarium.dev/memory": "growth=10Mi"},
        containers=[{"resources": {"limits": {"memory": "500Mi"}, "requests": {"memory": "100Mi"}}}],
    )  # fmt: skip
    machines.run(40)
    resize(machines, limits={"memory": "1000Mi"}, requests={"memory": "100Mi"})
    machines.run(40)
    assert machines.container()["restartCount"] == 0
    machines.when(restartCount=1, limit=40)
    assert machines.container()["lastState"]["terminated"]["reason"] == "OOMKilled"


def test_a_limit_below_what_is_in_use_waits(machines: Machines) -> None:
    """PodResizeInProgress with an error; the old limit holds."""
    machines.pod(
        annotations={"kubarium.dev/memory": "300Mi"},
        containers=[{"resources": {"limits": {"memory": "500Mi"}, "requests": {"memory": "100Mi"}}}],
    )  # fmt: skip
    machines.when(phase="Running")
    resize(machines, limits={"memory": "200Mi"}, requests={"memory": "100Mi"})
    machines.run(30)
    found = conditions(machines)["PodResizeInProgress"]
    assert (found["reason"], found["message"]) == (
        "Error", 'attempting to set container "c" memory limit (209715200) below current usage (314572800)',
    )  # fmt: skip
    assert machines.container()["resources"]["limits"]["memory"] == "500Mi"
    assert "running" in machines.container()["state"]


def test_a_pending_resize_survives_a_restart_of_the_process(machines: Machines) -> None:
    """The container keeps what it has, and the wish is still deferred."""
    sized(machines)
    sized(machines, "other", cpu="2")
    machines.run(5)
    resize(machines, requests={"cpu": "3", "memory": "1Gi"})
    again = machines.restart()
    again.run(1)
    assert conditions(again)["PodResizePending"]["reason"] == "Deferred"
    assert again.container()["resources"]["requests"]["cpu"] == "1"
    again.delete("other")
    again.run(3)
    assert again.container()["resources"]["requests"]["cpu"] == "3"


def test_the_same_resources_are_no_resize(machines: Machines) -> None:
    """A pod whose image changes is restarted and nothing else."""
    sized(machines)
    machines.when(phase="Running")
    env = machines.api.get(PODS, "default", "p")
    (container,) = env.obj["spec"]["containers"]
    new = {**env.obj, "spec": {**env.obj["spec"], "containers": [{**container, "image": "nginx:1.28"}]}}
    machines.api.update(USER, PODS, "default", "p", new)
    machines.run(5)
    assert machines.container()["restartCount"] == 1
    assert not any(reason.startswith("Resize") for reason in machines.reasons())
