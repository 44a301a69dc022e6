"""Parts with a door of their own: debug containers, resources of a running pod, the approval of a request."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.errors import Invalid
from engine.api.kinds import CSRS, PODS
from engine.api.server import Caller
from tests.engine.api.door import Door
from tests.engine.auth.signing import signing_request

ME = Caller("me", groups=("system:masters",))


@pytest.fixture
def pod(door: Door) -> Any:
    obj = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]},
    }  # fmt: skip
    return door.api.create(ME, PODS, "default", obj, field_validation="Strict")


def debugger(name: str = "d", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "busybox", **more}


def patched(door: Door, subresource: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The pod's spec after a strategic patch of a subresource."""
    env = door.api.patch(
        ME, PODS, "default", "p", "strategic", {"spec": spec}, subresource=subresource, field_validation="Strict"
    )
    found: dict[str, Any] = env.obj["spec"]
    return found


def test_a_debug_container_is_added_and_nothing_else(door: Door, pod: Any) -> None:
    """ephemeralcontainers takes ephemeralContainers, with their defaults, and leaves the rest as it was."""
    spec = patched(door, "ephemeralcontainers", {"ephemeralContainers": [debugger()], "nodeName": "n"})
    assert spec["ephemeralContainers"][0]["imagePullPolicy"] == "Always"
    assert {**spec, "ephemeralContainers": None} == {**pod.obj["spec"], "ephemeralContainers": None}


@pytest.mark.parametrize(
    ("container", "text"),
    [
        (debugger("c"), 'spec.ephemeralContainers[0].name: Duplicate value: "c"'),
        (debugger(targetContainerName="x"), 'spec.ephemeralContainers[0].targetContainerName: Not found: "x"'),
        (
            debugger(resources={"limits": {"cpu": "1"}}),
            "resources: Forbidden: cannot be set for an Ephemeral Container",
        ),
    ],
)
def test_debug_containers_are_validated(door: Door, pod: Any, container: dict[str, Any], text: str) -> None:
    """Names are free, targets exist, and what a late container may not have is refused."""
    with pytest.raises(Invalid, match="is invalid") as refused:
        patched(door, "ephemeralcontainers", {"ephemeralContainers": [container]})
    assert text in refused.value.message


def test_a_debug_container_stays_as_it_is(door: Door, pod: Any) -> None:
    """One that was added can be neither changed nor removed."""
    patched(door, "ephemeralcontainers", {"ephemeralContainers": [debugger()]})
    with pytest.raises(Invalid, match='"d" may not be changed'):
        patched(door, "ephemeralcontainers", {"ephemeralContainers": [debugger(image="other")]})


def test_a_resize_changes_resources_only(door: Door, pod: Any) -> None:
    """resize takes the containers' resources and leaves images alone."""
    spec = patched(
        door, "resize", {"containers": [{"name": "c", "image": "j", "resources": {"requests": {"cpu": "2"}}}]}
    )
    assert (spec["containers"][0]["image"], spec["containers"][0]["resources"]) == ("i", {"requests": {"cpu": "2"}})


def test_a_resize_keeps_the_quality_of_service(door: Door, pod: Any) -> None:
    """A Burstable pod cannot become BestEffort."""
    with pytest.raises(Invalid, match="Pod QOS Class may not change as a result of resizing"):
        patched(door, "resize", {"containers": [{"name": "c", "resources": {"requests": {"cpu": None}}}]})


def test_a_request_is_approved(door: Door) -> None:
    """approval takes conditions, and dates them."""
    csr = signing_request("r", "me", "us", "example.com/s", "client auth")
    env = door.api.create(ME, CSRS, "", csr, field_validation="Strict")
    condition = {"type": "Approved", "status": "True", "reason": "Me"}
    wanted = {**env.obj, "spec": {"signerName": "other"}, "status": {"conditions": [condition]}}
    approved = door.api.update(ME, CSRS, "", "r", wanted, subresource="approval").obj
    assert approved["spec"] == env.obj["spec"]
    assert approved["status"]["conditions"][0] == {
        **condition, "lastUpdateTime": env.obj["metadata"]["creationTimestamp"],
        "lastTransitionTime": env.obj["metadata"]["creationTimestamp"],
    }  # fmt: skip
