"""What the cluster's own components own, told without a book: who writes which part of an object is known.

Components write tens of thousands of statuses, and booking each would cost more than the write. Their entries follow
instead from the object as it is: whatever has a value and is in nobody's book belongs to the component whose business
it is. A pod's status is the kubelet's but for the condition with which the scheduler says that no node takes it, a
node is registered by its kubelet, all other status is the controller manager's, and an object that no client made is
its controller's. What the API server itself fills in (a first phase, a class, a binding) is nobody's, as in Kubernetes.

Times are those that the status tells of, else the creation. The rules hold for what Kubernetes' own components write;
an object of a custom kind belongs to whoever is booked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from engine.api.kinds import (
    CONFIGMAPS,
    CRDS,
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    EVENTS,
    INGRESSES,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SERVICEACCOUNTS,
    SERVICES,
    Kind,
)
from engine.api.managed.fields import NOTHING, FieldSet, Path
from engine.api.managed.managers import ALWAYS_THERE, Entry, Manager, Managers, owned, read, written
from engine.api.managed.typed import Node, changes
from store.types import JsonObject, Resource

KUBELET: Final = "kubelet"
_FAKE_KUBELET: Final = "fake-kubelet"
_FAKE: Final = "fake://"
"""How the ids of a fake runtime's containers begin."""
CONTROLLERS: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"
SERVER: Final = "kube-apiserver"
_STATUS: Final = {PODS: KUBELET, NODES: KUBELET, CRDS: SERVER, SERVICES: "cloud-controller-manager", INGRESSES: ""}
"""Whose the status is; "" nobody's. Of all other kinds it is the controller manager's."""
_MADE_BY_CONTROLLERS: Final = frozenset({ENDPOINTS, ENDPOINTSLICES})
_TIMES: Final = frozenset({
    "lastTransitionTime", "lastUpdateTime", "lastHeartbeatTime", "startedAt", "finishedAt", "startTime",
    "completionTime", "lastScheduleTime", "lastSuccessfulTime", "lastScaleTime",
})  # fmt: skip
_SCHEDULED: Final = 'k:{"type":"PodScheduled"}'
_TAINTS: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_API_ACCESS: Final = "kube-api-access-"
_API_MOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_REVISION: Final = ("f:metadata", "f:annotations", "f:deployment.kubernetes.io/revision")
_TTL: Final = ("f:metadata", "f:annotations", "f:node.alpha.kubernetes.io/ttl")


def components(kind: Kind, obj: JsonObject, node: Node) -> Managers:
    """The components' entries: fields that nobody has booked. `kind` and `node` in the stored version."""
    if kind.custom or kind.resource.group.endswith("kubarium.dev"):
        return {}
    booked = read(obj["metadata"])
    everything, _ = changes({}, obj, node)
    has_status = "status" in kind.subresources
    taken: FieldSet = NOTHING.union(*(entry.fields for entry in booked.values())) if booked else NOTHING
    free = everything - taken - ALWAYS_THERE
    found: dict[tuple[str, str], FieldSet] = {}
    if not booked:
        found |= {(who, ""): paths for who, paths in _made(kind, obj, owned(free, "", has_status)) if paths}
    if has_status and obj.get("status"):
        parts = _status(kind, obj, owned(free, "status", has_status) | _with_status(kind, free, taken))
        found |= {(who, "status"): paths for who, paths in parts if who and paths}
    created = obj["metadata"].get("creationTimestamp") or ""
    changed = max(_times(obj.get("status")), default="")
    return {
        Manager(who, "Update", kind.api_version, door): Entry(paths, max(created, changed) if door else created)
        for (who, door), paths in found.items()
    }


def _times(status: Any) -> Iterator[str]:
    """All moments that a status tells of, RFC 3339 to the second."""
    if isinstance(status, dict):
        for name, value in status.items():
            if name in _TIMES and isinstance(value, str):
                yield value
            elif isinstance(value, dict | list):
                yield from _times(value)
    elif isinstance(status, list):
        for each in status:
            yield from _times(each)


# -- status ----------------------------------------------------------------------------------------------------------


def _status(kind: Kind, obj: JsonObject, paths: FieldSet) -> Iterator[tuple[str, FieldSet]]:
    if kind.resource == PODS:
        yield from _pod_status(obj["status"], paths)
    elif kind.resource != NAMESPACES or "conditions" in obj["status"]:  # a namespace begins as Active
        yield _STATUS.get(kind.resource, CONTROLLERS), paths


def _with_status(kind: Kind, free: FieldSet, taken: FieldSet) -> FieldSet:
    """What of the metadata is written with the status: the revision of a deployment. With the first annotation goes the
    map of them."""
    if kind.resource != DEPLOYMENTS or _REVISION not in free:
        return NOTHING
    notes = _REVISION[:2]
    return frozenset({_REVISION}) if any(path[:2] == notes for path in taken) else frozenset({notes, _REVISION})


def _pod_status(status: JsonObject, paths: FieldSet) -> Iterator[tuple[str, FieldSet]]:
    """A pod's status begins with what the API server says: its class, phase Pending, and later that it is bound."""
    conditions = [each for each in status.get("conditions") or () if isinstance(each, dict) and "type" in each]
    paths |= {
        ("f:status", "f:conditions", f'k:{{"type":"{each["type"]}"}}', "f:lastProbeTime")
        for each in conditions if "lastProbeTime" in each
    }  # fmt: skip
    waiting = any(each["type"] == "PodScheduled" and each.get("status") == "False" for each in conditions)
    scheduled = frozenset(path for path in paths if path[2:3] == (_SCHEDULED,))
    yield SCHEDULER, scheduled if waiting else NOTHING
    if "startTime" not in status and "reason" not in status:
        return  # no kubelet has looked at it yet
    given: set[Path] = {("f:status", "f:qosClass"), ("f:status", "f:conditions")}
    if status.get("phase") == "Pending":
        given.add(("f:status", "f:phase"))
    containers = status.get("containerStatuses") or ()
    faked = any(str(each.get("containerID", "")).startswith(_FAKE) for each in containers if isinstance(each, dict))
    yield _FAKE_KUBELET if faked else KUBELET, paths - scheduled - given


# -- what is no status -----------------------------------------------------------------------------------------------


def _made(kind: Kind, obj: JsonObject, paths: FieldSet) -> Iterator[tuple[str, FieldSet]]:
    """Of an object that no client has made."""
    if kind.resource == NODES:
        theirs = frozenset(path for path in paths if path[:1] == ("f:spec",) or path == _TTL)
        yield CONTROLLERS, theirs
        yield KUBELET, paths - theirs
        return
    if kind.resource == PODS:
        paths = frozenset(path for path in paths if not _admitted(path, obj["spec"]))
    who = _maker(kind.resource, obj)
    if who:
        yield who, paths


def _admitted(path: Path, spec: JsonObject) -> bool:
    """Whether a pod's field is what admission or binding put there, not whoever made the pod."""
    name, item, mount = ("".join(path[at : at + 1]) for at in (1, 2, 4))
    if path[0] == "f:metadata":
        return name == "f:labels" and path[-1].startswith("f:topology.kubernetes.io/")
    if name in ("f:nodeName", "f:priority", "f:preemptionPolicy"):
        return True
    if name in ("f:serviceAccount", "f:serviceAccountName"):
        return bool(spec.get(name[2:]) == "default")
    if name == "f:tolerations":
        return all(each.get("key", "").startswith(_TAINTS) for each in spec["tolerations"])
    if name == "f:volumes":
        names = [each["name"] for each in spec["volumes"]]
        return _API_ACCESS in (item or ("".join(names) if len(names) == 1 else ""))
    if path[3:4] == ("f:volumeMounts",):
        if mount:
            return _API_MOUNT in mount
        mounts: list[Any] = next((each["volumeMounts"] for each in spec[name[2:]] if f'"{each["name"]}"' in item), [])
        return len(mounts) == 1 and mounts[0]["mountPath"] == _API_MOUNT
    return False


def _maker(resource: Resource, obj: JsonObject) -> str:
    """The component that made an object; "" when a person may have."""
    meta = obj["metadata"]
    controller = next((each for each in meta.get("ownerReferences") or () if each.get("controller")), None)
    if resource.plural == EVENTS.plural:
        source = obj.get("reportingComponent") or obj.get("reportingController") or (obj.get("source") or {}).get(
            "component", ""
        )  # fmt: skip
        return {KUBELET: KUBELET, "default-scheduler": SCHEDULER}.get(source, CONTROLLERS)
    if controller is not None:
        return KUBELET if controller.get("kind") == "Node" else CONTROLLERS
    if resource == LEASES:
        return KUBELET if meta.get("namespace") == "kube-node-lease" else ""
    if (meta.get("labels") or {}).get("kubernetes.io/bootstrapping"):
        return SERVER
    name = meta["name"]
    if resource == NAMESPACES:
        return SERVER if name == "default" or name.startswith("kube-") else ""
    if resource == SERVICES:
        return SERVER if name == "kubernetes" and meta.get("namespace") == "default" else ""
    by_every_namespace = {SERVICEACCOUNTS: "default", CONFIGMAPS: "kube-root-ca.crt"}.get(resource) == name
    return CONTROLLERS if by_every_namespace or resource in _MADE_BY_CONTROLLERS else ""


# -- as it is shown --------------------------------------------------------------------------------------------------


def with_owners(kind: Kind, obj: JsonObject, node: Node) -> JsonObject:
    """The object with the components' entries among its managedFields; itself when there are none."""
    found = components(kind, obj, node)
    if not found:
        return obj
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "managedFields": written({**found, **read(meta)})}}
