"""Discovery: which groups, versions and resources there are, in the classic and in the aggregated form.

Made from the catalogue, so that CRDs appear and go with their definitions. Sources: metav1.APIResourceList,
apidiscovery.k8s.io/v2.
"""

from __future__ import annotations

from typing import Any, Final

from engine.api.kinds import Kind
from engine.http.paths import Catalogue

AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_Json = dict[str, Any]
_PART: Final = ("get", "patch", "update")
_PROXY: Final = ("create", "delete", "get", "patch", "update")
_VERBS: Final[dict[str, tuple[str, ...]]] = {
    "attach": ("create", "get"), "exec": ("create", "get"), "portforward": ("create", "get"), "log": ("get",),
    "binding": ("create",), "eviction": ("create",), "token": ("create",), "finalize": ("update",), "proxy": _PROXY,
}  # fmt: skip
"""Verbs of subresources; others are parts of their object."""
_KINDS: Final[dict[str, tuple[str, str, str]]] = {
    "attach": ("", "", "PodAttachOptions"), "exec": ("", "", "PodExecOptions"),
    "portforward": ("", "", "PodPortForwardOptions"), "binding": ("", "", "Binding"),
    "eviction": ("policy", "v1", "Eviction"), "scale": ("autoscaling", "v1", "Scale"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}  # fmt: skip
"""(group, version, kind) that a subresource takes, where it is not the object itself."""


def _subresource_kind(kind: Kind, subresource: str) -> tuple[str, str, str]:
    if subresource == "proxy":
        return "", "", f"{kind.kind}ProxyOptions"
    return _KINDS.get(subresource, ("", "", kind.kind))


def api_versions(address: str) -> _Json:
    """GET /api."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group(name: str, versions: list[str], *, in_list: bool = False) -> _Json:
    """APIGroup, as GET /apis/NAME answers it."""
    served = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    head = {} if in_list else {"kind": "APIGroup", "apiVersion": "v1"}
    return {**head, "name": name, "versions": served, "preferredVersion": served[0]}


def group_list(catalogue: Catalogue) -> _Json:
    """GET /apis."""
    groups = [group(name, versions, in_list=True) for name, versions in catalogue.groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def resource_list(catalogue: Catalogue, group_name: str, version: str) -> _Json | None:
    """GET of a group and version; None when there is none."""
    if version not in catalogue.groups().get(group_name, ()):
        return None
    found: list[_Json] = []
    for kind in _kinds(catalogue, group_name, version):
        found.append(_resource(kind))
        for name in sorted(kind.subresources):
            found.append(_subresource(kind, name))
    head = {"kind": "APIResourceList", "groupVersion": f"{group_name}/{version}" if group_name else version}
    return {**head, **({"apiVersion": "v1"} if group_name else {}), "resources": found}


def _kinds(catalogue: Catalogue, group_name: str, version: str) -> list[Kind]:
    found = [k for k in catalogue.kinds() if k.resource.group == group_name and k.version == version]
    return sorted(found, key=lambda k: k.resource.plural)


def _resource(kind: Kind) -> _Json:
    entry: _Json = {
        "name": kind.resource.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind,
        "verbs": sorted(kind.verbs),
    }  # fmt: skip
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    return entry


def _subresource(kind: Kind, name: str) -> _Json:
    group_name, version, kind_name = _subresource_kind(kind, name)
    entry: _Json = {"name": f"{kind.resource.plural}/{name}", "singularName": "", "namespaced": kind.namespaced}
    if version:
        entry |= {"group": group_name, "version": version}
    return {**entry, "kind": kind_name, "verbs": list(_VERBS.get(name, _PART))}


def aggregated(catalogue: Catalogue, core: bool) -> _Json:
    """GET /api or /apis for clients that ask for everything at once."""
    items = []
    for name, versions in catalogue.groups().items():
        if bool(name) is core:
            continue
        served = [
            {
                "version": version,
                "resources": [_aggregated_resource(kind) for kind in _kinds(catalogue, name, version)],
                "freshness": "Current",
            }
            for version in versions
        ]
        items.append({"metadata": {"name": name} if name else {}, "versions": served})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _response_kind(group_name: str, version: str, kind: str) -> _Json:
    return {"group": group_name, "version": version, "kind": kind}


def _aggregated_resource(kind: Kind) -> _Json:
    group_name, version = (kind.resource.group, kind.version) if kind.custom else ("", "")
    entry: _Json = {
        "resource": kind.resource.plural, "responseKind": _response_kind(group_name, version, kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster", "singularResource": kind.singular,
        "verbs": sorted(kind.verbs),
    }  # fmt: skip
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if kind.subresources:
        entry["subresources"] = [
            {
                "subresource": name,
                "responseKind": _response_kind(*_subresource_kind(kind, name)),
                "verbs": list(_VERBS.get(name, _PART)),
            }
            for name in sorted(kind.subresources)
        ]
    return entry
