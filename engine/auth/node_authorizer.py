"""What a kubelet may: all of the role system:node, but secrets, configmaps, claims and volumes only of its own pods.

The graph from nodes over pods to what they use is not kept: kubelets of this cluster do not ask, and one from outside
asks seldom. Source: plugin/pkg/auth/authorizer/node (node_authorizer.go, graph.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.api.kinds import (
    CLUSTERROLES,
    CONFIGMAPS,
    CSINODES,
    LEASES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    SECRETS,
    SERVICEACCOUNTS,
    VOLUMEATTACHMENTS,
)
from engine.api.requests import Caller
from engine.auth.rbac import Attributes, rule_allows
from store.store import Store
from store.types import JsonObject, ObjectKey, Resource

NODES_GROUP: Final = "system:nodes"
USER_PREFIX: Final = "system:node:"
_LEASE_NAMESPACE: Final = "kube-node-lease"
_READS: Final = ("get", "list", "watch")
_OF_PODS: Final = frozenset({SECRETS, CONFIGMAPS, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, SERVICEACCOUNTS})


def node_of(caller: Caller) -> str:
    """The node that the caller is the kubelet of; "" for anybody else."""
    if NODES_GROUP in caller.groups and caller.user.startswith(USER_PREFIX):
        return caller.user.removeprefix(USER_PREFIX)
    return ""


class NodeAuthorizer:
    """Engine thread only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def decide(self, caller: Caller, asked: Attributes) -> tuple[bool, str]:
        """(whether, why not)."""
        node = node_of(caller)
        if not node:
            return False, f'unknown node for user "{caller.user}"'
        resource = Resource(asked.group, asked.resource)
        if resource in _OF_PODS:
            return self._of_pods(node, resource, asked)
        if resource == VOLUMEATTACHMENTS and not asked.subresource:
            found = self._store.get(ObjectKey(*VOLUMEATTACHMENTS, "", asked.name))
            own = found is not None and (found.obj.get("spec") or {}).get("nodeName") == node
            return (own and asked.verb == "get"), "" if own else _unrelated(node)
        if resource == LEASES:
            if asked.namespace != _LEASE_NAMESPACE:
                return False, f'can only access leases in the "{_LEASE_NAMESPACE}" system namespace'
            own = asked.verb == "create" or asked.name == node
            return own, "" if own else "can only access node lease with the same name as the requesting node"
        if resource == CSINODES:
            own = asked.verb == "create" or asked.name == node
            return own, "" if own else "can only access CSINode with the same name as the requesting node"
        if resource == NODES and asked.verb in _READS and asked.name != node:
            what = f"'{asked.name}'" if asked.name else "all nodes"
            return False, f"node '{node}' cannot read {what}, only its own Node object"
        if resource == PODS and asked.verb in _READS and not asked.subresource:
            return self._pod(node, asked)
        role = self._store.get(ObjectKey(*CLUSTERROLES, "", "system:node"))
        rules = () if role is None else role.obj.get("rules") or ()
        return any(rule_allows(rule, asked) for rule in rules), ""

    def _pod(self, node: str, asked: Attributes) -> tuple[bool, str]:
        """Its own pods: one of them, or a list or watch that is held to its node (AuthorizeNodeWithSelectors)."""
        if f"spec.nodeName={node}" in asked.fields.replace("==", "=").split(","):
            return True, ""
        if not asked.name:
            return False, "can only list/watch pods with spec.nodeName field selector"
        own = any(pod["metadata"]["name"] == asked.name for pod in self._pods(node, asked.namespace))
        return own, "" if own else _unrelated(node)

    def _of_pods(self, node: str, resource: Resource, asked: Attributes) -> tuple[bool, str]:
        if resource == SERVICEACCOUNTS:
            if asked.verb != "create" or asked.subresource != "token":
                return False, "can only create tokens for individual service accounts"
        elif asked.verb not in _READS or asked.subresource:
            allowed = resource == PERSISTENTVOLUMECLAIMS and asked.subresource == "status"
            if not allowed or asked.verb not in ("get", "update", "patch"):
                return False, "can only read resources of this type"
        if not asked.name:
            return False, "No Object name found,"
        for pod in self._pods(node, asked.namespace if resource != PERSISTENTVOLUMES else None):
            if (resource, asked.name) in self._used(pod):
                return True, ""
        return False, _unrelated(node)

    def _pods(self, node: str, namespace: str | None) -> Iterator[JsonObject]:
        for env in self._store.list(PODS, namespace):
            if (env.obj.get("spec") or {}).get("nodeName") == node:
                yield env.obj

    def _used(self, pod: JsonObject) -> Iterator[tuple[Resource, str]]:
        """What a pod refers to."""
        spec, namespace = pod["spec"], pod["metadata"]["namespace"]
        yield SERVICEACCOUNTS, spec.get("serviceAccountName") or "default"
        for each in spec.get("imagePullSecrets") or ():
            yield SECRETS, each.get("name") or ""
        for volume in spec.get("volumes") or ():
            for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
                if found := source.get("secret"):
                    yield SECRETS, found.get("secretName") or found.get("name") or ""
                if found := source.get("configMap"):
                    yield CONFIGMAPS, found.get("name") or ""
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if "ephemeral" in volume:
                claim = f"{pod['metadata']['name']}-{volume['name']}"
            if claim:
                yield PERSISTENTVOLUMECLAIMS, claim
                bound = self._store.get(ObjectKey(*PERSISTENTVOLUMECLAIMS, namespace, claim))
                if bound is not None:
                    yield PERSISTENTVOLUMES, (bound.obj.get("spec") or {}).get("volumeName") or ""
        for key in ("containers", "initContainers", "ephemeralContainers"):
            for container in spec.get(key) or ():
                yield from _environment(container)


def _environment(container: JsonObject) -> Iterator[tuple[Resource, str]]:
    sources = [*(container.get("envFrom") or ()), *(e.get("valueFrom") or {} for e in container.get("env") or ())]
    for source in sources:
        for key, resource in (("secretRef", SECRETS), ("secretKeyRef", SECRETS), ("configMapRef", CONFIGMAPS),
                              ("configMapKeyRef", CONFIGMAPS)):  # fmt: skip
            if found := source.get(key):
                yield resource, found.get("name") or ""


def _unrelated(node: str) -> str:
    return f"no relationship found between node '{node}' and this object"
