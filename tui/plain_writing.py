"""What the plain commands change: apply, delete, scale, cordon, uncordon, drain, rollout, undo.

Each yields a line per object that it changed, in kubectl's words. What is refused for one object does not keep the
others from being changed: it goes to stderr, and the command ends with status 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml

from engine.client import ClientError, Item, Json, KindInfo
from tui.evicting import RETRY_SECONDS, evictable
from tui.plain_reading import ask, only, qualified, targets
from tui.rollouts import CAUSE, PROGRESS, Rollout, back_patch, rollout_of
from tui.wire import RemoteCluster, WireItem

_MERGE: Final = "application/merge-patch+json"
_STRATEGIC: Final = "application/strategic-merge-patch+json"
_POLL: Final = 1.0
"""Wall seconds between two looks at a rollout."""
_What = TypeVar("_What")


def _each(found: Iterable[tuple[str, _What]], work: Callable[[_What], str]) -> Iterator[str]:
    """Do it to one (name, what) after the other. Raises ClientError at the end when some were refused."""
    refused = 0
    for name, what in found:
        try:
            yield work(what)
        except ClientError as error:
            refused += 1
            print(f"{name}: {error.message}", file=sys.stderr)
    if refused:
        raise ClientError(f"{refused} {'object was' if refused == 1 else 'objects were'} refused")


# -- apply, delete -----------------------------------------------------------------------------------------------------


def apply(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """Server-side, by the field manager `kubarium`."""

    def work(obj: Json) -> str:
        kind, path, name = _place_of(cluster, obj, args)
        cluster.json(
            "PATCH", path, obj, content="application/apply-patch+yaml", fieldManager="kubarium", force="true",
            dryRun="All" if args.dry_run else "",
        )  # fmt: skip
        return f"{qualified(kind)}/{name} serverside-applied{' (server dry run)' if args.dry_run else ''}"

    return _each(((_title(obj), obj) for obj in _documents(args.filename, "apply")), work)


def delete(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """What is named, what labels choose, or what a file declares."""

    def work(kind: KindInfo, path: str, name: str) -> str:
        cluster.json("DELETE", path)
        return f'{qualified(kind)} "{name}" deleted'

    if args.filename:
        if args.kind:
            raise ClientError("when a file says what is meant, nothing else can be named")
        for obj in _documents(args.filename, "delete"):
            yield work(*_place_of(cluster, obj, args))
        return
    if not args.kind:
        raise ClientError("You must provide one or more resources by argument or filename: kubarium delete KIND/NAME")
    for kind, name in targets(cluster, args):
        if not name and not args.selector:
            raise ClientError("resource(s) were provided, but no name was specified")
        namespace = args.namespace if kind.namespaced else None
        if name:
            yield work(kind, cluster.path(kind, namespace, name), name)
            continue
        where = cluster.path(kind, None if args.all_namespaces else namespace)
        found = cluster.json("GET", where, labelSelector=args.selector)["items"]
        if not found:
            print("No resources found", file=sys.stderr)
        for obj in found:
            meta = obj["metadata"]
            yield work(kind, cluster.path(kind, meta.get("namespace"), meta["name"]), meta["name"])


def _title(obj: Json) -> str:
    return f"{obj.get('kind')}/{(obj.get('metadata') or {}).get('name')}"


def _place_of(cluster: RemoteCluster, obj: Json, args: argparse.Namespace) -> tuple[KindInfo, str, str]:
    """(kind, path, name) of an object of a file."""
    kind = next(
        (k for k in cluster.kinds() if k.kind == obj.get("kind") and k.api_version == obj.get("apiVersion")), None
    )
    meta = obj.get("metadata") or {}
    if kind is None or not meta.get("name"):
        raise ClientError(f'no matches for kind "{obj.get("kind")}" in version "{obj.get("apiVersion")}"')
    name = str(meta["name"])
    return kind, cluster.path(kind, meta.get("namespace") or args.namespace, name), name


def _documents(filename: str, verb: str) -> Iterator[Json]:
    """Objects of YAML and JSON files, in order; Lists are opened. Raises ClientError."""
    if filename == "-":
        texts = [sys.stdin.read()]
    else:
        path = Path(filename)
        if not path.exists():
            raise ClientError(f'the path "{filename}" does not exist')
        found = (
            sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml", ".json")) if path.is_dir() else [path]
        )
        texts = [file.read_text() for file in found]
    count = 0
    for text in texts:
        try:
            for obj in yaml.safe_load_all(text):
                if isinstance(obj, dict):
                    count += 1
                    yield from obj["items"] if obj.get("kind") == "List" else [obj]
        except yaml.YAMLError as error:
            raise ClientError(f"{filename}: {error}") from error
    if not count:
        raise ClientError(f"no objects passed to {verb}")


# -- workloads ---------------------------------------------------------------------------------------------------------


def scale(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """By the subresource `scale`."""
    for kind, name in targets(cluster, args):
        if not name:
            raise ClientError("name what is to be scaled: kubarium scale deploy/NAME --replicas N")
        if "scale" not in kind.subresources:
            raise ClientError(f"cannot scale {kind.resource}")
        path = cluster.path(kind, args.namespace, name, "scale")
        cluster.json("PATCH", path, {"spec": {"replicas": args.replicas}}, content=_MERGE)
        yield f"{qualified(kind)}/{name} scaled"


def rollout(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """Status, history, undo, restart, pause, resume."""
    kind, name = only(cluster, args, f"rollout {args.action} deploy/NAME")
    kinds = ("deployments.apps",) if args.action in ("pause", "resume") else tuple(PROGRESS)
    if kind.resource not in kinds:
        raise ClientError(f"{args.action} of {kind.resource} is not supported")
    return _ROLLOUT[args.action](cluster, args, kind, name)


def _status(cluster: RemoteCluster, args: argparse.Namespace, kind: KindInfo, name: str) -> Iterator[str]:
    path, said = cluster.path(kind, args.namespace, name), ""
    deadline = time.monotonic() + args.timeout if args.timeout else None
    while True:
        text, done = PROGRESS[kind.resource](cluster.json("GET", path))
        if text != said:
            yield text
            said = text
        if done:
            return
        _wait(_POLL, deadline, "the rollout was not over")


def _revisions(
    cluster: RemoteCluster, args: argparse.Namespace, kind: KindInfo, name: str
) -> tuple[Item, list[Rollout]]:
    """The workload, and its revisions, oldest first."""
    workload = cluster.get(kind.resource, args.namespace, name).result()
    kept = cluster.kind("replicasets" if kind.resource == "deployments.apps" else "controllerrevisions")
    items = [WireItem(obj) for obj in cluster.json("GET", cluster.path(kept, args.namespace))["items"]]
    found = [each for each in (rollout_of(kind.resource, workload, item) for item in items) if each is not None]
    return workload, sorted(found, key=lambda each: each.number)


def _history(cluster: RemoteCluster, args: argparse.Namespace, kind: KindInfo, name: str) -> Iterator[str]:
    _, found = _revisions(cluster, args, kind, name)
    yield f"{qualified(kind)}/{name}"
    width = max(len("REVISION"), *(len(str(each.number)) for each in found)) if found else len("REVISION")
    yield f"{'REVISION':{width}}  CHANGE-CAUSE"
    for each in found:
        cause = (each.item.obj["metadata"].get("annotations") or {}).get(CAUSE) or "<none>"
        yield f"{each.number:<{width}}  {cause}"


def _undo_rollout(cluster: RemoteCluster, args: argparse.Namespace, kind: KindInfo, name: str) -> Iterator[str]:
    workload, found = _revisions(cluster, args, kind, name)
    if (workload.obj.get("spec") or {}).get("paused"):
        raise ClientError(
            f"you cannot rollback a paused {kind.singular}; resume it first with 'kubarium rollout resume' and try "
            "again"
        )
    if args.to_revision:
        wanted = next((each for each in found if each.number == args.to_revision), None)
        if wanted is None:
            raise ClientError(f"unable to find specified revision {args.to_revision} in history")
    elif len(found) < 2:
        raise ClientError(f"no rollout history found for {kind.singular} {name!r}")
    else:
        wanted = found[-2]
    if wanted.current:
        yield f"{qualified(kind)}/{name} skipped rollback (current template already matches revision {wanted.number})"
        return
    patch, form = back_patch(kind.resource, wanted)
    content = "application/json-patch+json" if form == "json" else _STRATEGIC
    cluster.json("PATCH", cluster.path(kind, args.namespace, name), patch, content=content)
    yield f"{qualified(kind)}/{name} rolled back"


def _restart(cluster: RemoteCluster, args: argparse.Namespace, kind: KindInfo, name: str) -> Iterator[str]:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    note = {"kubectl.kubernetes.io/restartedAt": stamp}
    patch = {"spec": {"template": {"metadata": {"annotations": note}}}}
    cluster.json("PATCH", cluster.path(kind, args.namespace, name), patch, content=_STRATEGIC)
    yield f"{qualified(kind)}/{name} restarted"


def _pause(cluster: RemoteCluster, args: argparse.Namespace, kind: KindInfo, name: str) -> Iterator[str]:
    path, value = cluster.path(kind, args.namespace, name), args.action == "pause"
    word = "paused" if value else "resumed"
    if bool((cluster.json("GET", path).get("spec") or {}).get("paused")) is value:
        raise ClientError(f'{kind.resource} "{name}" is {f"already {word}" if value else "not paused"}')
    cluster.json("PATCH", path, {"spec": {"paused": value}}, content=_MERGE)
    yield f"{qualified(kind)}/{name} {word}"


_ROLLOUT: Final[dict[str, Callable[[RemoteCluster, argparse.Namespace, KindInfo, str], Iterator[str]]]] = {
    "status": _status, "history": _history, "undo": _undo_rollout, "restart": _restart, "pause": _pause,
    "resume": _pause,
}  # fmt: skip


# -- nodes -------------------------------------------------------------------------------------------------------------


def cordon(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """Unschedulable from now on."""
    return _each(((f"node/{name}", name) for name in args.names), lambda name: _set_unschedulable(cluster, name, True))


def uncordon(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """Schedulable again."""
    return _each(((f"node/{name}", name) for name in args.names), lambda name: _set_unschedulable(cluster, name, False))


def _set_unschedulable(cluster: RemoteCluster, name: str, value: bool) -> str:
    path = cluster.path(cluster.kind("nodes"), None, name)
    word = "cordoned" if value else "uncordoned"
    if bool((cluster.json("GET", path).get("spec") or {}).get("unschedulable")) is value:
        return f"node/{name} already {word}"
    cluster.json("PATCH", path, {"spec": {"unschedulable": True if value else None}}, content=_STRATEGIC)
    return f"node/{name} {word}"


def drain(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """Cordon, evict, and wait until the pods are gone; what a budget holds back is tried again, as kubectl does."""
    pods = cluster.kind("pods")
    deadline = time.monotonic() + args.timeout if args.timeout else None
    for name in args.names:
        yield _set_unschedulable(cluster, name, True)
    for name in args.names:
        waiting = _evictable_on(cluster, pods, name)
        left = {pod.uid: pod for pod in waiting}
        while waiting:
            held: list[WireItem] = []
            for pod in waiting:
                yield f"evicting pod {pod.namespace}/{pod.name}"
                if not _is_let_go(cluster, pods, pod):
                    held.append(pod)
            waiting = held
            if waiting:
                _wait(RETRY_SECONDS, deadline, f"node/{name}: {len(waiting)} pods were not let go")
        while left:
            there = {pod.uid for pod in _evictable_on(cluster, pods, name)}
            for pod in [pod for uid, pod in left.items() if uid not in there]:
                yield f"pod/{pod.name} evicted"
                del left[pod.uid]
            if left:
                _wait(_POLL, deadline, f"node/{name}: {len(left)} pods are still going")
        yield f"node/{name} drained"


def _wait(seconds: float, deadline: float | None, what: str) -> None:
    """Raises ClientError when there is no time left."""
    if deadline is not None and time.monotonic() + seconds > deadline:
        raise ClientError(f"{what} when the time was up")
    time.sleep(seconds)


def _evictable_on(cluster: RemoteCluster, pods: KindInfo, node: str) -> list[WireItem]:
    found = cluster.json("GET", cluster.path(pods, None), fieldSelector=f"spec.nodeName={node}")["items"]
    return [pod for pod in map(WireItem, found) if evictable(pod)]


def _is_let_go(cluster: RemoteCluster, pods: KindInfo, pod: Item) -> bool:
    """Ask for its eviction; one that is gone already is no trouble. False: a budget holds it. Raises ClientError."""
    eviction: Any = {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod.name, "namespace": pod.namespace},
    }  # fmt: skip
    try:
        cluster.json("POST", cluster.path(pods, pod.namespace, pod.name, "eviction"), eviction)
    except ClientError as error:
        if error.code == 429:
            print(f'error when evicting pods/"{pod.name}" -n "{pod.namespace}" (will retry after 5s): '
                  f"{error.message}", file=sys.stderr)  # fmt: skip
            return False
        if error.code != 404:
            raise
    return True


# -- undo --------------------------------------------------------------------------------------------------------------


def undo(cluster: RemoteCluster, args: argparse.Namespace) -> Iterator[str]:
    """The last action, or the one whose id is given."""
    dry = {"dryRun": "All"} if args.dry_run else {}
    status = ask(cluster, "Reversal", "reversals", {"intent": args.intent} if args.intent else {}, **dry)
    plan = status["plan"]
    yield f"{'would undo' if args.dry_run else 'undone'}: {plan['intent']['title']}"
    for step in plan["steps"]:
        where = f"{step['namespace']}/" if step["namespace"] else ""
        note = f" ({step['note']})" if step["note"] else ""
        yield f"  {step['action']} {step['resource']} {where}{step['name']}{note}"
    yield from (f"  {problem}" for problem in (status.get("result") or {}).get("problems") or ())
