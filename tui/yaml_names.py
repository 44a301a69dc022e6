"""Names that exist, for the places of a manifest that refer to something: what the schema cannot know.

`REFERENCES` says by the end of a field's path which kind it names (and whether in the document's own namespace). Other
places want keys of a ConfigMap or Secret, labels and taints of nodes, labels of workloads, images, ports, resources,
volumes of the pod itself, or what a role may allow. What the folder and the text itself declare counts too, also before
it is applied.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from engine.client import FieldHelp, Item, Query
from tui.session import Session, answer
from tui.yaml_place import Place, declared, keys_under, mappings_around, namespace_of
from tui.yaml_text import document_rows
from tui.yaml_words import words_at

_MOST: Final = 500
"""Names offered at once."""
_NAMED_PORT: Final = re.compile(
    r"^ *- +(?:name: *([\w-]+) *\n +(?:protocol: *\w+ *\n +)?containerPort: *(\d+)"
    r"|containerPort: *(\d+) *\n +(?:protocol: *\w+ *\n +)?name: *([\w-]+))",
    re.MULTILINE,
)
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
    ("secrets", "[]", "name"): "secrets",
    ("persistentVolumeClaim", "claimName"): "persistentvolumeclaims",
    ("volumeName",): "persistentvolumes",
    ("storageClassName",): "storageclasses.storage.k8s.io",
    ("volumeAttributesClassName",): "volumeattributesclasses.storage.k8s.io",
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
     "volumeattributesclasses.storage.k8s.io",
     "priorityclasses.scheduling.k8s.io", "ingressclasses.networking.k8s.io"}
)  # fmt: skip
_BY_KIND: Final = (
    ("scaleTargetRef", "name"), ("roleRef", "name"), ("subjects", "[]", "name"), ("dataSource", "name"),
    ("dataSourceRef", "name"),
)  # fmt: skip
_DATA: Final = {
    "configMapKeyRef": "configmaps",
    "configMap": "configmaps",
    "secretKeyRef": "secrets",
    "secret": "secrets",
}
"""What holds a `key:` → what has the keys."""


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
    words = words_at(place.kind, place.path)
    if words:
        return _offers(dict.fromkeys(words, ""))
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
    if path[-1:] == ("key",) and _data_holder(path) is not None:
        return _data_keys
    if (path[-2:] == ("[]", "key") and path[-3:-2] == ("tolerations",)) or path[-3:] == ("tolerations", "[]", "value"):
        return _taints
    if path[-2:] in (("resources", "requests"), ("resources", "limits")):
        return _resources
    if path[-2:] in (("httpGet", "port"), ("tcpSocket", "port")) or path[-1:] == ("targetPort",):
        return _container_ports
    if path[-4:-2] == ("rules", "[]") and path[-2:] in (("resources", "[]"), ("apiGroups", "[]")):
        return _served
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
    namespace: str | None = around.namespace
    if around.place.path[-3:-1] == ("subjects", "[]"):
        namespace = around.scalars().get("namespace") or namespace
    kind = around.session.kind_of(resource)
    if resource in _CLUSTER_WIDE or (kind is not None and not kind.namespaced):
        namespace = None
    names = {item.name: "" for item in await around.objects(resource, namespace)}
    for file in around.session.files:
        for what, where, name, _ in file.objects:
            if what == resource and (namespace is None or where == namespace):
                names.setdefault(name, f"declared in {file.path}")
    for each in declared(around.lines):
        there = not namespace or (each.namespace or "default") == namespace
        if kind is not None and each.kind == kind.kind and there and each.name:
            names.setdefault(each.name, "declared in this text")
    return _offers(names)


def _data_holder(path: Sequence[str]) -> tuple[str, int] | None:
    """(resource that has the keys, how far out the mapping is that names it) of a path that ends with `key`."""
    if path[-2:-1] and path[-2] in ("configMapKeyRef", "secretKeyRef"):
        return _DATA[path[-2]], 0
    if path[-3:-1] == ("items", "[]") and path[-4:-3] and path[-4] in ("configMap", "secret"):
        return _DATA[path[-4]], 1
    return None


async def _data_keys(around: _Around) -> list[FieldHelp]:
    """Of the object that is named beside: as it is, as a file declares it, and as the text itself does."""
    holder = _data_holder(around.place.path)
    assert holder is not None  # the rule was chosen for it
    resource, depth = holder
    beside = around.scalars(depth)
    name = beside.get("name") or beside.get("secretName") or ""
    fields = ("data", "binaryData", "stringData")
    keys: dict[str, str] = {}
    for item in await around.objects(resource, around.namespace):
        if item.name == name:
            for field in fields:
                keys |= dict.fromkeys(item.obj.get(field) or (), f"of {name}")
    kind = "ConfigMap" if resource == "configmaps" else "Secret"
    texts = [("this text", around.lines)]
    buffers = around.session.buffers
    for file in around.session.files:
        if buffers is not None and any(each[:3] == (resource, around.namespace, name) for each in file.objects):
            texts.append((file.path, buffers.text_of(file.path).split("\n")))
    for where, lines in texts:
        for each in declared(lines):
            if (each.kind, each.namespace or "default", each.name) == (kind, around.namespace, name):
                for field in fields:
                    for key in keys_under(lines, each.first, each.last, field):
                        keys.setdefault(key, f"of {name} in {where}")
    return _offers(keys)


async def _taints(around: _Around) -> list[FieldHelp]:
    """Keys of the nodes' taints, or values of the key beside."""
    of_key = around.place.path[-1] == "key"
    key = around.scalars().get("key", "")
    found: dict[str, str] = {}
    for node in await around.objects("nodes", None):
        for taint in (node.obj.get("spec") or {}).get("taints") or ():
            if of_key:
                found.setdefault(taint["key"], f"taint of {node.name}: {taint.get('effect', '')}")
            elif taint["key"] == key and taint.get("value"):
                found.setdefault(taint["value"], f"taint of {node.name}")
    return _offers(found)


async def _resources(around: _Around) -> list[FieldHelp]:
    """What nodes have to give."""
    found = {"cpu": "", "memory": "", "ephemeral-storage": ""}
    for node in await around.objects("nodes", None):
        for name, amount in ((node.obj.get("status") or {}).get("allocatable") or {}).items():
            if name != "pods":
                found[name] = found.get(name) or f"{node.name} has {amount}"
    return [FieldHelp(name, "quantity", False, about) for name, about in found.items()]


async def _container_ports(around: _Around) -> list[FieldHelp]:
    """Names of ports: of the containers in the text, and, for a Service, of the namespace's workloads."""
    found: dict[str, str] = {}
    lines = around.lines
    if around.place.path[-1] != "targetPort":  # a probe: of the pod itself
        first, last = document_rows(lines, around.row)
        lines = lines[first:last]
    for match in _NAMED_PORT.finditer("\n".join(lines)):
        found.setdefault(match[1] or match[4], f"container port {match[2] or match[3]}")
    if around.place.path[-1] == "targetPort":
        for resource in _WORKLOADS:
            for item in await around.objects(resource, around.namespace):
                for container in (_template(item).get("spec") or {}).get("containers") or ():
                    for port in container.get("ports") or ():
                        if port.get("name"):
                            found.setdefault(port["name"], f"port {port.get('containerPort')} of {item.name}")
    return _offers(found)


async def _served(around: _Around) -> list[FieldHelp]:
    """Resources, or API groups, that a role can speak of."""
    kinds = around.session.kinds
    if around.place.path[-2] == "apiGroups":
        return _offers(dict.fromkeys(sorted({kind.resource.partition(".")[2] for kind in kinds} - {""}), "API group"))
    return _offers({kind.resource.partition(".")[0]: kind.resource.partition(".")[2] for kind in kinds})


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
    return _offers(ports, text=around.place.path[-1] == "name")


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


def _offers(names: dict[str, str], *, text: bool = True) -> list[FieldHelp]:
    """Values to offer: no type, so that nothing is put behind them. `text`: with quotes where YAML would read
    something else than a text (`true`, `1.0`)."""
    return [FieldHelp(_quoted(name) if text else name, "", False, about) for name, about in sorted(names.items())]


def _quoted(name: str) -> str:
    import yaml  # not before somebody asks

    try:
        read = yaml.safe_load(name)
    except yaml.YAMLError:
        read = None
    return name if read == name else f'"{name}"'
