"""Names that exist, for the places of a manifest that refer to something: what the schema cannot know.

`REFERENCES` says by the end of a field's path which kind it names (and whether in the document's own namespace). Other
places want keys of a ConfigMap or Secret, labels of nodes or workloads, images, ports of a Service, or volumes of the
pod itself. What the folder declares counts too, also before it is applied.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from engine.client import FieldHelp, Item, Query
from tui.session import Session, answer
from tui.yaml_place import Place, mappings_around, namespace_of

_MOST: Final = 500
"""Names offered at once."""
_WORKLOADS: Final = ("deployments.apps", "statefulsets.apps", "daemonsets.apps")
_IMAGES: Final = "images.kubarium.dev"

REFERENCES: Final[dict[tuple[str, ...], str]] = {
    ("serviceAccountName",): "serviceaccounts",
    ("serviceAccount",): "serviceaccounts",
    ("configMapKeyRef", "name"): "configmaps",
    ("configMapRef", "name"): "configmaps",
    ("configMap", "name"): "configmaps",
    ("secretKeyRef", "name"): "secrets",
    ("secretRef", "name"): "secrets",
    ("secret", "name"): "secrets",
    ("secretName",): "secrets",
    ("imagePullSecrets", "[]", "name"): "secrets",
    ("persistentVolumeClaim", "claimName"): "persistentvolumeclaims",
    ("volumeName",): "persistentvolumes",
    ("storageClassName",): "storageclasses.storage.k8s.io",
    ("priorityClassName",): "priorityclasses.scheduling.k8s.io",
    ("runtimeClassName",): "runtimeclasses.node.k8s.io",
    ("ingressClassName",): "ingressclasses.networking.k8s.io",
    ("nodeName",): "nodes",
    ("metadata", "namespace"): "namespaces",
    ("subjects", "[]", "namespace"): "namespaces",
    ("serviceName",): "services",
    ("service", "name"): "services",
}
"""Ends of paths → resource."""
_CLUSTER_WIDE: Final = frozenset(
    {"nodes", "namespaces", "persistentvolumes", "storageclasses.storage.k8s.io", "runtimeclasses.node.k8s.io",
     "priorityclasses.scheduling.k8s.io", "ingressclasses.networking.k8s.io"}
)  # fmt: skip
_BY_KIND: Final = (("scaleTargetRef", "name"), ("roleRef", "name"), ("subjects", "[]", "name"))


class _Around(NamedTuple):
    """What a rule may look at."""

    session: Session
    place: Place
    lines: Sequence[str]
    row: int

    @property
    def namespace(self) -> str:
        return namespace_of(self.lines, self.row) or "default"

    def scalars(self, depth: int = 0) -> dict[str, str]:
        """Keys and values of the mapping of the cursor (0), or of one around it."""
        found = mappings_around(self.lines, self.row)
        return found[depth] if depth < len(found) else {}

    async def objects(self, resource: str, namespace: str | None) -> Sequence[Item]:
        if self.session.kind_of(resource) is None:
            return ()
        return await answer(self.session.client.list(Query(resource, namespace)))


async def names_at(session: Session, place: Place, lines: Sequence[str], row: int) -> list[FieldHelp]:
    """What exists and could be named at a place; empty where nothing is named."""
    around = _Around(session, place, lines, row)
    rule = _rule(place)
    return (await rule(around))[:_MOST] if rule is not None else []


def _rule(place: Place) -> Callable[[_Around], Awaitable[list[FieldHelp]]] | None:
    path = place.path
    if path[-1:] == ("image",) and place.key:
        return _images
    if "nodeSelector" in path[-2:] or path[-1:] == ("topologyKey",):
        return _node_labels
    if "nodeAffinity" in path and (path[-3:] == ("matchExpressions", "[]", "key") or path[-2:] == ("values", "[]")):
        return _node_labels
    if path[-2:] in (("configMapKeyRef", "key"), ("secretKeyRef", "key")):
        return _data_keys
    if "service" in path and path[-2:] in (("port", "name"), ("port", "number")):
        return _service_ports
    if path[-3:] == ("volumeMounts", "[]", "name"):
        return _volumes
    if path[-1:] in (("matchLabels",), ("selector",)) or path[-2:-1] in (("matchLabels",), ("selector",)):
        return _workload_labels
    if any(path[-len(end) :] == end for end in _BY_KIND):
        return _by_kind
    if place.key and any(path[-len(end) :] == end for end in REFERENCES):
        return _references
    return None


async def _references(around: _Around) -> list[FieldHelp]:
    path = around.place.path
    resource = next(found for end, found in REFERENCES.items() if path[-len(end) :] == end)
    return await _named(around, resource)


async def _by_kind(around: _Around) -> list[FieldHelp]:
    kind = around.session.find_kind(around.scalars().get("kind", ""))
    return await _named(around, kind.resource) if kind is not None else []


async def _named(around: _Around, resource: str) -> list[FieldHelp]:
    namespace = None if resource in _CLUSTER_WIDE else around.namespace
    kind = around.session.kind_of(resource)
    if kind is not None and not kind.namespaced:
        namespace = None
    names = {item.name: "" for item in await around.objects(resource, namespace)}
    for file in around.session.files:
        for declared, where, name, _ in file.objects:
            if declared == resource and (namespace is None or where == namespace):
                names.setdefault(name, f"declared in {file.path}")
    return _offers(names)


async def _data_keys(around: _Around) -> list[FieldHelp]:
    resource = "configmaps" if around.place.path[-2] == "configMapKeyRef" else "secrets"
    name = around.scalars().get("name", "")
    keys: dict[str, str] = {}
    for item in await around.objects(resource, around.namespace):
        if item.name == name:
            for field in ("data", "binaryData"):
                keys |= dict.fromkeys(item.obj.get(field) or (), f"of {name}")
    return _offers(keys)


async def _service_ports(around: _Around) -> list[FieldHelp]:
    name = around.scalars(1).get("name", "")
    ports: dict[str, str] = {}
    for item in await around.objects("services", around.namespace):
        if item.name == name:
            for port in (item.obj.get("spec") or {}).get("ports") or ():
                by_name = around.place.path[-1] == "name"
                value = port.get("name") if by_name else port.get("port")
                if value:
                    ports[str(value)] = f"port {port.get('port')}" if by_name else str(port.get("name") or "")
    return _offers(ports)


async def _node_labels(around: _Around) -> list[FieldHelp]:
    nodes = await around.objects("nodes", None)
    path = around.place.path
    if path[-2:-1] == ("nodeSelector",):
        return _values(nodes, path[-1])
    if path[-2:] == ("values", "[]"):
        # `values:` stands beside `key:` in the expression around the list.
        return _values(nodes, around.scalars(1).get("key", "") or around.scalars().get("key", ""))
    keys = _label_keys(item.labels for item in nodes)
    if around.place.key:
        return _offers(dict.fromkeys(keys, "label of nodes"))
    return [FieldHelp(key, "label", False, "A label of nodes.") for key in keys]


def _values(nodes: Iterable[Item], key: str) -> list[FieldHelp]:
    counts: dict[str, int] = {}
    for node in nodes:
        if key in node.labels:
            counts[node.labels[key]] = counts.get(node.labels[key], 0) + 1
    return _offers({value: f"{count} node{'s' * (count != 1)}" for value, count in counts.items()})


async def _workload_labels(around: _Around) -> list[FieldHelp]:
    """Labels that pods of the namespace's workloads carry."""
    found: dict[str, dict[str, str]] = {}
    for resource in _WORKLOADS:
        for item in await around.objects(resource, around.namespace):
            for key, value in (_template(item).get("metadata", {}).get("labels") or {}).items():
                found.setdefault(key, {}).setdefault(str(value), f"pods of {item.name}")
    path = around.place.path
    if path[-1] not in ("matchLabels", "selector"):
        return _offers(found.get(path[-1], {}))
    return [FieldHelp(key, "label", False, "A label of pods.") for key in sorted(found)]


async def _images(around: _Around) -> list[FieldHelp]:
    """Of the catalogue, and those that workloads use."""
    images: dict[str, str] = {}
    for resource in _WORKLOADS:
        for item in await around.objects(resource, None):
            spec = _template(item).get("spec") or {}
            for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
                images.setdefault(str(container.get("image", "")), f"used by {item.name}")
    for item in await around.objects(_IMAGES, None):
        spec = item.obj.get("spec") or {}
        name = str(spec.get("image") or item.name)
        for tag in spec.get("tags") or ("",):
            if "*" not in f"{name}{tag}":
                images.setdefault(f"{name}:{tag}" if tag else name, "in the catalogue")
    images.pop("", None)
    return _offers(images)


async def _volumes(around: _Around) -> list[FieldHelp]:
    """Volumes of the pod that is being written, and claims of its StatefulSet."""
    blocks = re.compile(r"^( *)(?:volumes|volumeClaimTemplates):\s*\n((?:\1[ -].*\n?|\s*\n)*)", re.MULTILINE)
    names: dict[str, str] = {}
    for block in blocks.finditer("\n".join(around.lines)):
        for name in re.finditer(r"^ *(?:- +)?(?:metadata: *\{)? *name: *([\w.-]+)", block[2], re.MULTILINE):
            names.setdefault(name[1], "volume")
    return _offers(names)


def _template(item: Item) -> dict[str, Any]:
    template: dict[str, Any] = (item.obj.get("spec") or {}).get("template") or {}
    return template


def _label_keys(labels: Iterable[Any]) -> list[str]:
    return sorted({key for each in labels for key in each})


def _offers(names: dict[str, str]) -> list[FieldHelp]:
    """Values to offer: no type, so that nothing is put behind them."""
    return [FieldHelp(name, "", False, about) for name, about in sorted(names.items())]
