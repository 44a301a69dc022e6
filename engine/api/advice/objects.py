"""Advice on services, volumes, claims, ingresses, secrets and nodes, in the words of their strategies."""

from __future__ import annotations

import base64
from typing import Final

import orjson

from engine.api.advice.pods import OLD_VOLUMES, claim_spec, node_terms
from store.types import JsonObject

_INGRESS_CLASS: Final = "kubernetes.io/ingress.class"
_BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_BETA_OPTIONS: Final = "volume.beta.kubernetes.io/mount-options"
_OLD_HINTS: Final = "service.kubernetes.io/topology-aware-hints"
_HINTS: Final = "service.kubernetes.io/topology-mode"
_FINALIZER: Final = (
    "prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer "
    "writers"
)
_RECYCLE: Final = (
    "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."
)


def _annotations(obj: JsonObject) -> JsonObject:
    return obj["metadata"].get("annotations") or {}


def service(obj: JsonObject) -> list[str]:
    spec = obj.get("spec") or {}
    found = []
    if _OLD_HINTS in _annotations(obj):
        found.append(f"annotation {_OLD_HINTS} is deprecated, please use {_HINTS} instead")
    if spec.get("externalIPs") and spec.get("type") == "ExternalName":
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if spec.get("clusterIP") == "None" and spec.get("type") == "ClusterIP":
        if spec.get("loadBalancerIP"):
            found.append("spec.loadBalancerIP is ignored for headless services")
        if spec.get("externalIPs"):
            found.append("spec.externalIPs is ignored for headless services")
        if spec.get("sessionAffinity") != "None":
            found.append("spec.SessionAffinity is ignored for headless services")
    return found


def volume(obj: JsonObject) -> list[str]:
    spec = obj.get("spec") or {}
    found = _of_class(obj)
    if _BETA_OPTIONS in _annotations(obj):
        text = 'deprecated since v1.31; use "mountOptions" attribute instead'
        found.append(f"metadata.annotations[{_BETA_OPTIONS}]: {text}")
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(f"spec.persistentVolumeReclaimPolicy: {_RECYCLE}")
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or ()
    found += node_terms(terms, "spec.nodeAffinity.required.nodeSelectorTerms")
    return found + [f"spec.{key}: {text}" for key, text in OLD_VOLUMES.items() if spec.get(key) is not None]


def claim(obj: JsonObject) -> list[str]:
    return _of_class(obj) + claim_spec(obj.get("spec") or {}, "spec")


def _of_class(obj: JsonObject) -> list[str]:
    if _BETA_CLASS not in _annotations(obj):
        return []
    return [f'metadata.annotations[{_BETA_CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead']


def ingress(obj: JsonObject) -> list[str]:
    if _INGRESS_CLASS not in _annotations(obj):
        return []
    return [f"annotation \"{_INGRESS_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"]


def secret(obj: JsonObject) -> list[str]:
    """What stands for a certificate and its key is neither, as crypto/tls says it."""
    if obj.get("type") != "kubernetes.io/tls":
        return []
    data = obj.get("data") or {}
    for key, what in (("tls.crt", "certificate"), ("tls.key", "key")):
        if b"-----BEGIN" not in base64.b64decode(data.get(key) or ""):
            return [f"tls: failed to find any PEM data in {what} input"]
    return []


def node(obj: JsonObject) -> list[str]:
    spec = obj.get("spec") or {}
    found = []
    if spec.get("configSource") is not None:
        found.append("spec.configSource: the feature is removed")
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    return found


def custom(new: JsonObject, old: JsonObject | None) -> list[str]:
    """New finalizers of a custom resource that anybody else might use."""
    before = ((old or {}).get("metadata") or {}).get("finalizers") or ()
    return [
        f"metadata.finalizers: {orjson.dumps(each).decode()}: {_FINALIZER}"
        for each in sorted(set(new["metadata"].get("finalizers") or ()) - set(before))
        if "/" not in each and each not in ("foregroundDeletion", "orphan")
    ]
