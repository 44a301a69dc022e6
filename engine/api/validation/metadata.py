"""Metadata of every object: names by kind, labels, annotations, owners, finalizers (ValidateObjectMeta).

The name rules are declared per kind; kinds that are not listed take an RFC 1123 subdomain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from engine.api.kinds import Kind
from engine.api.names import (
    dns_label_errors,
    label_value_errors,
    path_segment_errors,
    qualified_name_errors,
    regex_message,
    subdomain_errors,
)
from engine.api.validation.causes import Causes, each_message, forbidden, invalid, required, too_long
from store.types import JsonObject, Resource

NameCheck = Callable[[str], Sequence[str]]

_ANNOTATIONS_MOST: Final = 256 * 1024
_RBAC: Final = "rbac.authorization.k8s.io"
_NAMES: Final[Mapping[Resource, NameCheck]] = {
    Resource("", "namespaces"): dns_label_errors,
    Resource("", "services"): dns_label_errors,
    Resource("apps", "statefulsets"): dns_label_errors,
    Resource(_RBAC, "roles"): path_segment_errors,
    Resource(_RBAC, "rolebindings"): path_segment_errors,
    Resource(_RBAC, "clusterroles"): path_segment_errors,
    Resource(_RBAC, "clusterrolebindings"): path_segment_errors,
    Resource("apiregistration.k8s.io", "apiservices"): path_segment_errors,
    Resource("certificates.k8s.io", "certificatesigningrequests"): path_segment_errors,
    Resource("flowcontrol.apiserver.k8s.io", "flowschemas"): subdomain_errors,
}
STANDARD_FINALIZERS: Final = ("foregroundDeletion", "orphan", "kubernetes")
_FREE_FINALIZERS: Final = frozenset({
    "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "coordination.k8s.io",
})  # fmt: skip
"""Groups whose finalizers only have to be qualified names, like those of custom resources."""
_DOMAIN_PATH: Final = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+\Z", re.ASCII)


def name_errors(kind: Kind, name: str) -> Sequence[str]:
    """What is wrong with a name of this kind; empty when nothing is."""
    return _NAMES.get(kind.resource, subdomain_errors)(name)


def validate_metadata(causes: Causes, kind: Kind, meta: JsonObject, path: str = "metadata") -> None:
    """Everything about the metadata of a new object."""
    base = meta.get("generateName")
    if base:
        trimmed = base[:-1] + "a" if base.endswith("-") else base
        each_message(causes, f"{path}.generateName", base, name_errors(kind, trimmed))
    name = meta.get("name")
    if not name:
        causes.append(required(f"{path}.name", "name or generateName is required"))
    else:
        each_message(causes, f"{path}.name", name, name_errors(kind, name))
    namespace = meta.get("namespace")
    if kind.namespaced:
        if not namespace:
            causes.append(required(f"{path}.namespace"))
        else:
            each_message(causes, f"{path}.namespace", namespace, dns_label_errors(namespace))
    elif namespace:
        causes.append(forbidden(f"{path}.namespace", "not allowed on this type"))
    validate_parts(causes, kind, meta, path)


def validate_parts(causes: Causes, kind: Kind, meta: JsonObject, path: str = "metadata") -> None:
    """What may change in metadata: labels, annotations, owners, finalizers."""
    labels = meta.get("labels")
    if labels:
        validate_labels(causes, labels, f"{path}.labels")
    annotations = meta.get("annotations")
    if annotations:
        validate_annotations(causes, annotations, f"{path}.annotations")
    owners = meta.get("ownerReferences")
    if owners:
        _validate_owners(causes, owners, f"{path}.ownerReferences")
    finalizers = meta.get("finalizers")
    if finalizers:
        _validate_finalizers(causes, kind, finalizers, f"{path}.finalizers")


def validate_labels(causes: Causes, labels: Mapping[str, Any], path: str) -> None:
    for key in labels:
        value = labels[key]
        if qualified_name_errors(key) or label_value_errors(value or ""):
            break
    else:
        return
    for key in sorted(labels):
        each_message(causes, path, key, qualified_name_errors(key))
        each_message(causes, path, labels[key], label_value_errors(labels[key] or ""))


@lru_cache(maxsize=8192)
def _annotation_key_errors(key: str) -> Sequence[str]:
    return qualified_name_errors(key.lower())


def validate_annotations(causes: Causes, annotations: Mapping[str, str], path: str) -> None:
    size = 0
    bad = []
    for key, value in annotations.items():
        if _annotation_key_errors(key):
            bad.append(key)
        size += len(key) + len(value or "")
    for key in sorted(bad):
        each_message(causes, path, key, _annotation_key_errors(key))
    if size * 4 > _ANNOTATIONS_MOST:
        size = sum(len(key.encode()) + len((value or "").encode()) for key, value in annotations.items())
        if size > _ANNOTATIONS_MOST:
            causes.append(too_long(path, _ANNOTATIONS_MOST))


def _validate_owners(causes: Causes, owners: Sequence[JsonObject], path: str) -> None:
    controller = ""
    for index, owner in enumerate(owners):
        where = f"{path}[{index}]"
        version = owner.get("apiVersion") or ""
        if not version.rpartition("/")[2]:
            causes.append(invalid(f"{where}.apiVersion", version, "version must not be empty"))
        for key in ("kind", "name", "uid"):
            if not owner.get(key):
                causes.append(invalid(f"{where}.{key}", owner.get(key) or "", "must not be empty"))
        if version == "v1" and owner.get("kind") == "Event":
            causes.append(invalid(where, owner, "/v1, Kind=Event is disallowed from being an owner"))
        if owner.get("controller"):
            if controller:
                text = (
                    "Only one reference can have Controller set to true. "
                    f'Found "true" in references for {controller} {owner.get("name")}'
                )
                causes.append(invalid(path, owners, text))
            controller = f"{owner.get('name')} and"


def _validate_finalizers(causes: Causes, kind: Kind, finalizers: Sequence[str], path: str) -> None:
    for finalizer in finalizers:
        each_message(causes, path, finalizer, qualified_name_errors(finalizer))
    if "foregroundDeletion" in finalizers and "orphan" in finalizers:
        text = "finalizer orphan and foregroundDeletion cannot be both set"
        causes.append(invalid(path, list(finalizers), text))
    if kind.custom or kind.resource.group in _FREE_FINALIZERS:
        return
    for index, finalizer in enumerate(finalizers):
        if "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            causes.append(invalid(f"{path}[{index}]", finalizer, text))


def domain_prefixed(causes: Causes, value: str, path: str) -> None:
    """IsDomainPrefixedPath."""
    domain, slash, rest = value.partition("/")
    if not slash or not domain or not rest:
        causes.append(invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'))
        return
    each_message(causes, path, domain, subdomain_errors(domain))
    if not _DOMAIN_PATH.match(rest):
        causes.append(invalid(path, rest, regex_message("Invalid path", _DOMAIN_PATH.pattern.removesuffix(r"\Z"))))
