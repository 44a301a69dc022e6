"""What the plain commands read: get, describe, logs, why, reach, faults.

Each yields the lines that it prints. Tables are the server's, as kubectl prints them; a watch and a followed log go on
until they are ended. What is no answer (nothing found, which pod was chosen) goes to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import yaml

from engine.client import ClientError, Item, Json, KindInfo, Query
from engine.client.printing import parse_time
from tui.wire import RemoteCluster, WireItem

_API: Final = "/apis/kubarium.dev/v1alpha1"
_DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"


def targets(cluster: RemoteCluster, args: argparse.Namespace) -> list[tuple[KindInfo, str]]:
    """(kind, name) of what the words name; a name "" stands for all of a kind. Raises ClientError."""
    words = [args.kind, *args.names]
    named = ["/" in word for word in words]
    if all(named):
        return [(cluster.kind(word.partition("/")[0]), word.partition("/")[2]) for word in words]
    if any(named):
        raise ClientError(
            "there is no need to specify a resource type as a separate argument when passing arguments in "
            "resource/name form"
        )
    return [(kind, name) for kind in cluster.kinds_of(args.kind) for name in args.names or [""]]


def only(cluster: RemoteCluster, args: argparse.Namespace, example: str) -> tuple[KindInfo, str]:
    """The one object that is named. Raises ClientError; `example`: how it is done."""
    found = targets(cluster, args)
    if len(found) != 1 or not found[0][1]:
        raise ClientError(f"name one object: kubarium {example}")
    return found[0]


def qualified(kind: KindInfo) -> str:
    """`pod`, `deployment.apps`."""
    return kind.singular + kind.resource.removeprefix(kind.plural)


def ask(cluster: RemoteCluster, kind: str, plural: str, spec: Json, **parameters: str) -> Json:
    """The status of a review of `kubarium.dev`."""
    obj = {"apiVersion": "kubarium.dev/v1alpha1", "kind": kind, "spec": spec}
    return cast(Json, cluster.json("POST", f"{_API}/{plural}", obj, **parameters)["status"])


# -- get ---------------------------------------------------------------------------------------------------------------


def get(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """Tables, or the objects themselves."""
    wanted = targets(cluster, args)
    if args.all_namespaces and any(name for _, name in wanted):
        raise ClientError("a resource cannot be retrieved by name across all namespaces")
    if args.watch and (len(wanted) > 1 or args.output not in ("", "wide")):
        raise ClientError("one kind, as a table, can be watched at a time")
    chosen = {"labelSelector": args.selector, "fieldSelector": args.field_selector}
    places = [(kind, cluster.path(kind, _namespace(kind, args), name), name) for kind, name in wanted]
    if args.output in ("yaml", "json", "name"):
        yield from _objects(cluster, places, args.output, chosen)
    elif args.watch:
        yield from _watched(cluster, places[0], args, chosen)
    else:
        yield from _tables(cluster, places, args, chosen)


def _namespace(kind: KindInfo, args: argparse.Namespace) -> str | None:
    return None if args.all_namespaces or not kind.namespaced else args.namespace


_Places = Sequence[tuple[KindInfo, str, str]]
"""(kind, path, name) of what is asked for."""


def _objects(cluster: RemoteCluster, places: _Places, form: str, chosen: dict[str, str]) -> Iterator[str]:
    found = [(kind, cluster.json("GET", path, **(chosen if not name else {}))) for kind, path, name in places]
    if form == "name":
        for kind, obj in found:
            yield from (f"{qualified(kind)}/{each['metadata']['name']}" for each in obj.get("items", [obj]))
        return
    one = found[0][1]
    if len(found) > 1:
        items = [
            {"apiVersion": kind.api_version, "kind": kind.kind, **each}
            for kind, obj in found
            for each in obj.get("items", [obj])
        ]
        one = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}
    if form == "json":
        yield json.dumps(one, indent=4, ensure_ascii=False)
    else:
        yield yaml.safe_dump(one, allow_unicode=True).rstrip()


def _tables(cluster: RemoteCluster, places: _Places, args: argparse.Namespace, chosen: dict[str, str]) -> Iterator[str]:
    """A table per kind with a blank line between; of several kinds, names say which kind they are of."""
    several = len({kind.resource for kind, *_ in places}) > 1
    tables: dict[str, Json] = {}
    for kind, path, name in places:
        table = cluster.table(path, **(chosen if not name else {}))
        known = tables.setdefault(kind.resource, {**table, "kind": kind, "rows": []})
        known["rows"] = [*known["rows"], *(table["rows"] or ())]
    shown = 0
    for table in tables.values():
        if table["rows"]:
            if shown:
                yield ""
            shown += 1
            yield from table_lines(table, args, table["kind"], qualified(table["kind"]) if several else "")
    if not shown:
        where = f" in {args.namespace} namespace" if any(_namespace(kind, args) for kind, *_ in places) else ""
        print(f"No resources found{where}{'.' if where else ''}", file=sys.stderr)


def _watched(
    cluster: RemoteCluster, place: tuple[KindInfo, str, str], args: argparse.Namespace, chosen: dict[str, str]
) -> Iterator[str]:
    """The table, then a row for each change."""
    kind, path, name = place
    if name:
        path, chosen = path.rpartition("/")[0], {"fieldSelector": f"metadata.name={name}"}
    table = cluster.table(path, **chosen)
    version = str((table.get("metadata") or {}).get("resourceVersion") or "")
    columns, widths = table["columnDefinitions"], list[int]()
    if table["rows"]:
        yield from table_lines(table, args, kind, widths=widths)
        args.no_headers = True
    for change in cluster.table_changes(path, resourceVersion=version, **chosen):
        # The columns are told with the first rows only.
        yield from table_lines({**change, "columnDefinitions": columns}, args, kind, widths=widths)
        args.no_headers = True


def table_lines(
    table: Json, args: argparse.Namespace, kind: KindInfo, prefix: str = "", widths: list[int] | None = None
) -> Iterator[str]:
    """A metav1.Table as kubectl prints it: headings in capitals, three blanks between columns.

    `widths`: those of the columns so far, which what follows is aligned to and adds to.
    """
    columns = table["columnDefinitions"]
    shown = [i for i, column in enumerate(columns) if args.output == "wide" or not column.get("priority")]
    with_namespace = kind.namespaced and _namespace(kind, args) is None
    head = [columns[i]["name"].upper() for i in shown]
    rows = []
    for row in table["rows"] or ():
        meta = row["object"]["metadata"]
        cells = ["" if row["cells"][i] is None else str(row["cells"][i]) for i in shown]
        if prefix:
            cells[0] = f"{prefix}/{cells[0]}"
        labels = ",".join(f"{key}={value}" for key, value in sorted((meta.get("labels") or {}).items()))
        rows.append([
            *([meta.get("namespace", "")] if with_namespace else ()), *cells,
            *([labels or "<none>"] if args.show_labels else ()),
        ])  # fmt: skip
    if not args.no_headers:
        rows.insert(0, [*(["NAMESPACE"] if with_namespace else ()), *head, *(["LABELS"] if args.show_labels else ())])
    widths = [] if widths is None else widths
    for cells in rows:
        widths[:] = map(max, map(len, cells), widths or [0] * len(cells))
    for cells in rows:
        yield "   ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip()


def faults(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """Those that are there, as a table."""
    args.kind, args.names, args.selector, args.field_selector = "faults.kubarium.dev", [], "", ""
    args.all_namespaces, args.namespace = False, ""
    return get(cluster, args)


# -- describe, logs ----------------------------------------------------------------------------------------------------


class _Source:
    """What the console's descriptions ask for, answered over the wire."""

    def __init__(self, cluster: RemoteCluster) -> None:
        self.client = cluster
        self.board = self

    def now(self) -> int:
        """Cluster time: the youngest heartbeat or event is as near as the API tells."""
        leases = self.client.list(Query("leases.coordination.k8s.io", "kube-node-lease")).result()
        times = [parse_time((lease.obj.get("spec") or {}).get("renewTime")) or 0 for lease in leases]
        return max(times, default=0)

    def kind_of(self, resource: str) -> KindInfo | None:
        return next((kind for kind in self.client.kinds() if kind.resource == resource), None)

    def pods(self, scope: Any) -> list[Item]:
        fields = f"spec.nodeName={scope.node}" if scope.node else ""
        return self.client.list(Query("pods", scope.namespace or None, fields=fields)).result()


def describe(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """As the console describes them, with two blank lines between objects."""
    from tui.describe.registry import describe as described
    from tui.session import Session

    source, count = cast(Session, _Source(cluster)), 0
    for kind, name in targets(cluster, args):
        chosen = {} if name else {"labelSelector": args.selector, "fieldSelector": args.field_selector}
        found = cluster.json("GET", cluster.path(kind, _namespace(kind, args), name), **chosen)
        shared = {"apiVersion": kind.api_version, "kind": kind.kind}
        for obj in [found] if name else found["items"]:
            if count:
                yield "\n"
            count += 1
            yield asyncio.run(described(source, kind.resource, WireItem({**shared, **obj}))).rstrip("\n")
    if not count:
        where = "" if args.all_namespaces else f" in {args.namespace} namespace."
        print(f"No resources found{where}", file=sys.stderr)


def logs(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """Lines of one container; with `-f` until it ends."""
    pod = _pod_of(cluster, args)
    container = args.container or _default_container(pod)
    path = cluster.path(cluster.kind("pods"), args.namespace, pod["metadata"]["name"], "log")
    wanted = {
        "container": container, "previous": "true" if args.previous else "",
        "timestamps": "true" if args.timestamps else "", "tailLines": str(args.tail) if args.tail >= 0 else "",
    }  # fmt: skip
    if args.follow:
        for line in cluster.lines(path, "*/*", follow="true", **wanted):
            yield line.decode(errors="replace").rstrip("\n")
        return
    text = cluster.request("GET", path, **wanted)
    if text:
        yield text.decode(errors="replace").rstrip("\n")


def _pod_of(cluster: RemoteCluster, args: argparse.Namespace) -> Json:
    """The pod that is named, or one of the workload that is: one that is ready before others, then by name."""
    from tui.kinds.spec import selector_text

    word, slash, name = args.pod.partition("/")
    kind = cluster.kind(word if slash else "pods")
    obj = cluster.json("GET", cluster.path(kind, args.namespace, name if slash else word))
    if kind.resource == "pods":
        return obj
    selector = selector_text((obj.get("spec") or {}).get("selector"))
    if not selector:
        raise ClientError(f"{qualified(kind)} has no pods whose log could be shown")
    found = cluster.json("GET", cluster.path(cluster.kind("pods"), args.namespace), labelSelector=selector)["items"]
    if not found:
        raise ClientError(f"no pods of {args.pod} are there")
    pod = min(found, key=lambda each: (not _is_ready(each), each["metadata"]["name"]))
    if len(found) > 1:
        print(f"Found {len(found)} pods, using pod/{pod['metadata']['name']}", file=sys.stderr)
    return cast(Json, pod)


def _is_ready(pod: Json) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _default_container(pod: Json) -> str:
    """The one that an annotation names, else the first; which of several it is, is told."""
    names = [each["name"] for each in pod["spec"]["containers"]]
    chosen = (pod["metadata"].get("annotations") or {}).get(_DEFAULT_CONTAINER) or names[0]
    if len(names) > 1:
        print(f'Defaulted container "{chosen}" out of: {", ".join(names)}', file=sys.stderr)
    return str(chosen)


# -- why, reach --------------------------------------------------------------------------------------------------------


def why(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """A headline, and a line per finding with where it leads."""
    kind, name = only(cluster, args, "why pod/NAME")
    spec = {"resource": kind.resource, "namespace": args.namespace if kind.namespaced else "", "name": name}
    status = ask(cluster, "Diagnosis", "diagnoses", spec)
    yield f"{kind.singular}/{name}: {status['headline']}"
    marks = {"bad": "✗", "warn": "!", "ok": "✓"}
    for finding in status["findings"]:
        resource, leads, where = (finding[part] for part in ("resource", "name", "namespace"))
        at = f"  [{resource} {f'{where}/' if where else ''}{leads}]" if leads else ""
        yield f"  {marks.get(finding['tone'], '-')} {finding['text']}{at}"


def reach(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """A line per step of the connection, then how it ends."""
    spec: Json = {"to": args.target, "port": args.port, "protocol": args.protocol}
    if args.source != "outside":
        namespace, slash, pod = args.source.removeprefix("pod/").rpartition("/")
        spec["from"] = {"namespace": namespace if slash else "default", "pod": pod}
    status = ask(cluster, "Connection", "connections", spec)
    for step in status["steps"]:
        yield f"{'ok' if step['ok'] else 'NO'}  {step['stage']}: {step['text']}"
    yield f"reached {status['endpoint']}" if status["ok"] else f"{status['symptom']}, by {status['refused_by']}"
