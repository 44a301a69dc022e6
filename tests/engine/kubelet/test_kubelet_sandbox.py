"""What keeps a pod's sandbox or its volumes from being made, and how it is told."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.kinds import CONFIGMAPS, RUNTIMECLASSES, SECRETS
from tests.engine.kubelet.machines import USER, Machines


def runtime_class(machines: Machines, name: str, handler: str) -> None:
    machines.api.create(USER, RUNTIMECLASSES, "", {"metadata": {"name": name}, "handler": handler})


def test_an_unknown_runtime_is_told(machines: Machines) -> None:
    """FailedCreatePodSandBox in containerd's words, again and again; a machine that has the handler runs the pod."""
    runtime_class(machines, "sandboxed", "gvisor")
    machines.node("n2", annotations={"kubarium.dev/runtime-handlers": "gvisor"})
    machines.pod(runtimeClassName="sandboxed")
    machines.pod("q", node="n2", runtimeClassName="sandboxed")
    machines.run(40)
    assert machines.status("q")["phase"] == "Running"
    assert machines.container()["state"]["waiting"]["reason"] == "ContainerCreating"
    assert machines.events() == [
        ("Warning", "FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = Unknown desc = failed "
         'to get sandbox runtime: no runtime for "gvisor" is configured')
    ]  # fmt: skip
    machines.annotate_node("n1", **{"runtime-handlers": "gvisor"})
    machines.when(phase="Running", limit=20)


def test_a_name_too_long_for_a_kernel(machines: Machines) -> None:
    """setHostnameAsFQDN with more than 64 characters keeps the pod from having a sandbox."""
    machines.pod("p" * 40, subdomain="a-rather-long-one", setHostnameAsFQDN=True)
    machines.run(2)
    (event,) = machines.events("p" * 40)
    assert event[1] == "FailedCreatePodSandBox"
    assert "is too long (64 characters is the max, 84 characters requested)" in event[2]


def test_each_volume_fails_on_its_own(machines: Machines) -> None:
    """One event for every missing source; the pod starts when the last of them is there."""
    machines.pod(volumes=[
        {"name": "a", "configMap": {"name": "settings"}}, {"name": "b", "secret": {"secretName": "keys"}},
        {"name": "c", "secret": {"secretName": "spare", "optional": True}},
    ])  # fmt: skip
    machines.run(3)
    assert sorted(message for _, _, message in machines.events()) == [
        'MountVolume.SetUp failed for volume "a" : configmap "settings" not found',
        'MountVolume.SetUp failed for volume "b" : secret "keys" not found',
    ]
    machines.api.create(USER, CONFIGMAPS, "default", {"metadata": {"name": "settings"}})
    machines.run(10)
    assert machines.status()["phase"] == "Pending"
    machines.api.create(USER, SECRETS, "default", {"metadata": {"name": "keys"}})
    machines.when(phase="Running", limit=40)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMap": {"name": "s", "items": [{"key": "x", "path": "x"}]}},
         "configmap references non-existent config key: x"),
        ({"secret": {"secretName": "s", "items": [{"key": "x", "path": "x"}]}},
         "references non-existent secret key: x"),
        ({"projected": {"sources": [{"secret": {"name": "s", "items": [{"key": "x", "path": "x"}]}}]}},
         "references non-existent secret key: x"),
    ],
)  # fmt: skip
def test_a_missing_key_fails_the_mount(machines: Machines, source: dict[str, Any], message: str) -> None:
    """In the words of the volume's kind."""
    for resource in (CONFIGMAPS, SECRETS):
        machines.api.create(USER, resource, "default", {"metadata": {"name": "s"}})
    machines.pod(volumes=[{"name": "v", **source}])
    machines.run(1)
    assert machines.events() == [("Warning", "FailedMount", f'MountVolume.SetUp failed for volume "v" : {message}')]
