"""`kubarium get|describe|apply|delete|logs|why|reach|faults|undo`: plain text, for scripts and screen readers.

They speak to the cluster that is open in another terminal (a console or `kubarium serve`), over its Kubernetes API, and
print what kubectl prints. Exit status 0 when it was answered, 1 when it was refused or nothing answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import yaml

from engine.client import ClientError, Item, Json, KindInfo, Query
from engine.client.printing import parse_time
from tui.wire import RemoteCluster, WireItem

_HELP: Final = {
    "get": "objects of a kind as a table (-o wide, yaml, json, name)",
    "describe": "an object in full, with its events",
    "apply": "create or change what a file, a folder or stdin (-) declares",
    "delete": "delete an object",
    "logs": "the log of a pod's container (simulated)",
    "why": "what is the matter with an object",
    "reach": "can a pod, or `outside`, reach a name or an address on a port",
    "faults": "what is broken on purpose",
    "undo": "undo the last action; --dry-run tells what that does",
}
COMMANDS: Final = tuple(_HELP)
_API: Final = "/apis/kubarium.dev/v1alpha1"


def run(command: str, words: Sequence[str], kubeconfigs: Callable[[str | None], Sequence[Path]]) -> int:
    """Do one command. `kubeconfigs`: those of a folder's cluster, or (None) of all. Raises ClientError."""
    args = _parser(command).parse_args(words)
    found = sorted((path for path in kubeconfigs(args.folder) if path.exists()), key=lambda path: path.stat().st_mtime)
    if not found:
        raise ClientError("no cluster is open: start `kubarium DIR` or `kubarium serve DIR` in another terminal")
    cluster = RemoteCluster(found[-1])
    try:
        for line in _DO[command](cluster, args):
            print(line)
    finally:
        for warning in dict.fromkeys(cluster.warnings):
            print(f"Warning: {warning}", file=sys.stderr)
    return 0


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        f"kubarium {command}", description=_HELP[command][:1].upper() + _HELP[command][1:] + ".", allow_abbrev=False
    )
    parser.add_argument("--in", dest="folder", metavar="DIR", help="the cluster of this folder (default: opened last)")
    if command in ("get", "describe", "delete", "logs", "why", "apply"):
        parser.add_argument("-n", "--namespace", default="default", help="namespace (default: default)")
    if command in ("get", "describe", "delete", "why"):
        parser.add_argument("kind", help="kind, short name, or KIND/NAME")
        parser.add_argument("name", nargs="?", default="")
    if command in ("get", "faults"):
        parser.add_argument("-o", "--output", choices=("wide", "yaml", "json", "name"), default="")
    if command == "get":
        parser.add_argument("-A", "--all-namespaces", action="store_true")
        parser.add_argument("-l", "--selector", default="", help="labels: app=web")
    if command == "apply":
        parser.add_argument("-f", "--filename", required=True, help="file, folder, or - for stdin")
        parser.add_argument("--dry-run", action="store_true", help="only tell what the server would say")
    if command == "logs":
        parser.add_argument("pod")
        parser.add_argument("-c", "--container", default="")
        parser.add_argument("-p", "--previous", action="store_true", help="of the run before")
        parser.add_argument("--tail", type=int, default=-1)
    if command == "reach":
        parser.add_argument("source", help="[NAMESPACE/]POD, or outside")
        parser.add_argument("target", help="a name as the pod would use it, an address, or a URL")
        parser.add_argument("port", nargs="?", type=int, default=0)
        parser.add_argument("--protocol", choices=("TCP", "UDP", "SCTP"), default="TCP")
    if command == "undo":
        parser.add_argument("intent", nargs="?", default="", help="id of an action (default: the last one)")
        parser.add_argument("--dry-run", action="store_true", help="only tell what it would do")
    return parser


def _meant(cluster: RemoteCluster, args: argparse.Namespace) -> tuple[KindInfo, str]:
    word, slash, name = args.kind.partition("/")
    if slash and args.name:
        raise ClientError(
            "there is no need to specify a resource type as a separate argument when passing arguments in "
            "resource/name form"
        )
    return cluster.kind(word), name if slash else args.name


def _one(kind: KindInfo) -> str:
    """`pod`, `deployment.apps`."""
    return kind.singular + kind.resource.removeprefix(kind.plural)


# -- reading -----------------------------------------------------------------------------------------------------------


def _get(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    kind, name = _meant(cluster, args)
    if name and args.all_namespaces:
        raise ClientError("a resource cannot be retrieved by name across all namespaces")
    namespace = None if args.all_namespaces or not kind.namespaced else args.namespace
    if args.output in ("yaml", "json", "name"):
        found = cluster.json("GET", cluster.path(kind, namespace, name), labelSelector=args.selector)
        if args.output == "name":
            yield from (f"{_one(kind)}/{obj['metadata']['name']}" for obj in found.get("items", [found]))
        elif args.output == "json":
            yield json.dumps(found, indent=4, ensure_ascii=False)
        else:
            yield yaml.safe_dump(found, allow_unicode=True).rstrip()
        return
    table = cluster.table(kind, namespace, name, args.selector)
    rows = list(table_lines(table, args.output == "wide", with_namespace=kind.namespaced and namespace is None))
    if len(rows) > 1:
        yield from rows
    else:
        where = f" in {namespace} namespace" if namespace else ""
        print(f"No resources found{where}", file=sys.stderr)


def table_lines(table: Json, wide: bool, with_namespace: bool) -> Iterator[str]:
    """A metav1.Table as kubectl prints it: headings in capitals, three blanks between columns."""
    shown = [i for i, column in enumerate(table["columnDefinitions"]) if wide or not column.get("priority")]
    head = [table["columnDefinitions"][i]["name"].upper() for i in shown]
    rows = [["" if row["cells"][i] is None else str(row["cells"][i]) for i in shown] for row in table["rows"] or ()]
    if with_namespace:
        head = ["NAMESPACE", *head]
        objects = [row["object"]["metadata"] for row in table["rows"] or ()]
        rows = [[meta.get("namespace", ""), *row] for meta, row in zip(objects, rows, strict=True)]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        yield "   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


class _Source:
    """What the console's descriptions ask for, answered over the wire."""

    def __init__(self, cluster: RemoteCluster, namespace: str) -> None:
        self.client, self._namespace = cluster, namespace
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


def _describe(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    from tui.describe.registry import describe
    from tui.session import Session

    kind, name = _meant(cluster, args)
    path = cluster.path(kind, args.namespace if kind.namespaced else None, name)
    found = cluster.json("GET", path)
    shared = {"apiVersion": kind.api_version, "kind": kind.kind}
    source = cast(Session, _Source(cluster, args.namespace))
    for number, obj in enumerate(found["items"] if not name else [found]):
        if number:
            yield "\n"
        yield asyncio.run(describe(source, kind.resource, WireItem({**shared, **obj}))).rstrip("\n")


def _logs(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    path = cluster.path(cluster.kind("pods"), args.namespace, args.pod.removeprefix("pod/"), "log")
    text = cluster.request(
        "GET", path, container=args.container, previous="true" if args.previous else "",
        tailLines=str(args.tail) if args.tail >= 0 else "",
    )  # fmt: skip
    if text:
        yield text.decode(errors="replace").rstrip("\n")


def _why(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    kind, name = _meant(cluster, args)
    if not name:
        raise ClientError("why needs the name of an object: kubarium why pod/NAME")
    spec = {"resource": kind.resource, "namespace": args.namespace if kind.namespaced else "", "name": name}
    status = _ask(cluster, "Diagnosis", "diagnoses", spec)
    yield f"{kind.singular}/{name}: {status['headline']}"
    marks = {"bad": "✗", "warn": "!", "ok": "✓"}
    for finding in status["findings"]:
        resource, leads, where = (finding[part] for part in ("resource", "name", "namespace"))
        at = f"  [{resource} {f'{where}/' if where else ''}{leads}]" if leads else ""
        yield f"  {marks.get(finding['tone'], '-')} {finding['text']}{at}"


def _reach(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    spec: Json = {"to": args.target, "port": args.port, "protocol": args.protocol}
    if args.source != "outside":
        namespace, slash, pod = args.source.removeprefix("pod/").rpartition("/")
        spec["from"] = {"namespace": namespace if slash else "default", "pod": pod}
    status = _ask(cluster, "Connection", "connections", spec)
    for step in status["steps"]:
        yield f"{'ok' if step['ok'] else 'NO'}  {step['stage']}: {step['text']}"
    yield f"reached {status['endpoint']}" if status["ok"] else f"{status['symptom']}, by {status['refused_by']}"


def _ask(cluster: RemoteCluster, kind: str, plural: str, spec: Json, **parameters: str) -> Json:
    obj = {"apiVersion": "kubarium.dev/v1alpha1", "kind": kind, "spec": spec}
    return cast(Json, cluster.json("POST", f"{_API}/{plural}", obj, **parameters)["status"])


def _faults(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    args.kind, args.name, args.selector, args.all_namespaces, args.namespace = "faults.kubarium.dev", "", "", False, ""
    return _get(cluster, args)


# -- writing -----------------------------------------------------------------------------------------------------------


def _apply(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    refused = 0
    for obj in _documents(args.filename):
        where = f"{obj.get('kind')}/{(obj.get('metadata') or {}).get('name')}"
        try:
            yield _apply_one(cluster, obj, args)
        except ClientError as error:
            refused += 1
            print(f"{where}: {error.message}", file=sys.stderr)
    if refused:
        raise ClientError(f"{refused} {'object was' if refused == 1 else 'objects were'} refused")


def _apply_one(cluster: RemoteCluster, obj: Json, args: argparse.Namespace) -> str:
    kind = next(
        (k for k in cluster.kinds() if k.kind == obj.get("kind") and k.api_version == obj.get("apiVersion")), None
    )
    meta = obj.get("metadata") or {}
    if kind is None or not meta.get("name"):
        raise ClientError(f'no matches for kind "{obj.get("kind")}" in version "{obj.get("apiVersion")}"')
    path = cluster.path(kind, meta.get("namespace") or args.namespace, str(meta["name"]))
    cluster.json(
        "PATCH", path, obj, content="application/apply-patch+yaml", fieldManager="kubarium", force="true",
        dryRun="All" if args.dry_run else "",
    )  # fmt: skip
    return f"{_one(kind)}/{meta['name']} serverside-applied{' (server dry run)' if args.dry_run else ''}"


def _documents(filename: str) -> Iterator[Json]:
    """Objects of YAML and JSON files, in order; Lists are opened."""
    if filename == "-":
        texts = [sys.stdin.read()]
    else:
        path = Path(filename)
        found = (
            sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml", ".json")) if path.is_dir() else [path]
        )
        texts = [file.read_text() for file in found]
    for text in texts:
        try:
            for obj in yaml.safe_load_all(text):
                if isinstance(obj, dict):
                    yield from obj["items"] if obj.get("kind") == "List" else [obj]
        except yaml.YAMLError as error:
            raise ClientError(f"{filename}: {error}") from error


def _delete(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    kind, name = _meant(cluster, args)
    if not name:
        raise ClientError("resource(s) were provided, but no name was specified")
    cluster.json("DELETE", cluster.path(kind, args.namespace if kind.namespaced else None, name))
    yield f'{_one(kind)} "{name}" deleted'


def _undo(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    dry = {"dryRun": "All"} if args.dry_run else {}
    status = _ask(cluster, "Reversal", "reversals", {"intent": args.intent} if args.intent else {}, **dry)
    plan = status["plan"]
    yield f"{'would undo' if args.dry_run else 'undone'}: {plan['intent']['title']}"
    for step in plan["steps"]:
        where = f"{step['namespace']}/" if step["namespace"] else ""
        note = f" ({step['note']})" if step["note"] else ""
        yield f"  {step['action']} {step['resource']} {where}{step['name']}{note}"
    yield from (f"  {problem}" for problem in (status.get("result") or {}).get("problems") or ())


_DO: Final[dict[str, Callable[[RemoteCluster, argparse.Namespace], Iterator[str]]]] = {
    "get": _get, "describe": _describe, "apply": _apply, "delete": _delete, "logs": _logs, "why": _why,
    "reach": _reach, "faults": _faults, "undo": _undo,
}  # fmt: skip
