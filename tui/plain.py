"""`kubarium get`, `why`, `scale` and their like: plain text, for scripts and screen readers.

They speak to the cluster that is open in another terminal (a console or `kubarium serve`), over its Kubernetes API, and
print what kubectl prints. Exit status 0 when it was answered, 1 when it was refused or nothing answers. What is read is
in `plain_reading`, what is changed in `plain_writing`; each command is one action in the timeline.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from engine.client import ClientError
from tui import plain_reading as reading
from tui import plain_writing as writing
from tui.serving import NOT_OPEN, newest_open
from tui.wire import RemoteCluster


class Command(NamedTuple):
    """One command."""

    about: str
    example: str
    do: Callable[[RemoteCluster, argparse.Namespace], Iterator[str]]


_COMMANDS: Final = {
    "get": Command("objects of a kind as a table (-o wide, yaml, json, name)", "get pods -A", reading.get),
    "describe": Command("objects in full, with their events", "describe deploy/cart -n shop", reading.describe),
    "apply": Command("create or change what a file, a folder or stdin (-) declares", "apply -f DIR", writing.apply),
    "delete": Command("delete objects", "delete pod/cart-5d864db59f-4mmn5 -n shop", writing.delete),
    "logs": Command(
        "the log of a container (simulated); of a workload: of one of its pods", "logs deploy/cart -n shop -f",
        reading.logs,
    ),
    "scale": Command("how many pods a workload has", "scale deploy/cart -n shop --replicas 5", writing.scale),
    "rollout": Command(
        "status, history, undo, restart, pause or resume of a workload's rollout", "rollout undo deploy/cart -n shop",
        writing.rollout,
    ),
    "cordon": Command("let no more pods onto nodes", "cordon worker-a1", writing.cordon),
    "uncordon": Command("let pods onto nodes again", "uncordon worker-a1", writing.uncordon),
    "drain": Command(
        "cordon nodes and evict their pods; those of daemon sets stay, budgets are respected", "drain worker-a1",
        writing.drain,
    ),
    "why": Command("what is the matter with an object", "why deploy/payments -n shop", reading.why),
    "reach": Command(
        "can a pod, or `outside`, reach a name or an address on a port", "reach outside http://203.0.113.1",
        reading.reach,
    ),
    "faults": Command("what is broken on purpose", "faults", reading.faults),
    "undo": Command("undo the last action; --dry-run tells what that does", "undo --dry-run", writing.undo),
}  # fmt: skip
COMMANDS: Final = tuple(_COMMANDS)
_OF_OBJECTS: Final = ("get", "describe", "delete")
_NAMESPACED: Final = (*_OF_OBJECTS, "logs", "why", "apply", "scale", "rollout")


def run(command: str, words: Sequence[str], kubeconfigs: Callable[[str | None], Sequence[Path]]) -> int:
    """Do one command. `kubeconfigs`: those of a folder's cluster, or (None) of all. Raises ClientError."""
    args = _parser(command).parse_args(words)
    kubeconfig = newest_open(kubeconfigs(args.folder))
    if kubeconfig is None:
        raise ClientError(NOT_OPEN)
    action = f"{command} {args.action}" if command == "rollout" else command
    cluster = RemoteCluster(kubeconfig, action)
    try:
        for line in _COMMANDS[command].do(cluster, args):
            print(line, flush=True)
    finally:
        for warning in dict.fromkeys(cluster.warnings):
            print(f"Warning: {warning}", file=sys.stderr)
    return 0


def _parser(command: str) -> argparse.ArgumentParser:
    about = _COMMANDS[command].about
    parser = argparse.ArgumentParser(
        f"kubarium {command}", description=f"{about[:1].upper()}{about[1:]}.", allow_abbrev=False,
        epilog=f"example: kubarium {_COMMANDS[command].example}",
    )  # fmt: skip
    parser.add_argument("--in", dest="folder", metavar="DIR", help="the cluster of this folder (default: opened last)")
    if command in _NAMESPACED:
        parser.add_argument("-n", "--namespace", default="default", metavar="NAME", help="namespace (default: default)")
    if command in _OF_OBJECTS:
        _add_objects(parser, command)
    if command == "why":
        parser.add_argument("kind", metavar="KIND", help="kind, short name, or KIND/NAME")
        parser.add_argument("names", metavar="NAME", nargs="*")
    if command in ("scale", "rollout"):
        if command == "rollout":
            actions = ("status", "history", "undo", "restart", "pause", "resume")
            parser.add_argument("action", choices=actions, metavar="ACTION", help=", ".join(actions))
        parser.add_argument("kind", metavar="KIND", help="deployment, statefulset …, or KIND/NAME")
        parser.add_argument("names", metavar="NAME", nargs="*")
    if command in ("get", "faults"):
        parser.add_argument("-o", "--output", choices=("wide", "yaml", "json", "name"), default="")
        parser.add_argument("-w", "--watch", action="store_true", help="then what changes, until Ctrl-C")
        parser.add_argument("--no-headers", action="store_true", help="without the line of headings")
        parser.add_argument("--show-labels", action="store_true", help="a column with the labels")
    if command in ("cordon", "uncordon", "drain"):
        parser.add_argument("names", metavar="NODE", nargs="+")
    _add_own(parser, command)
    return parser


def _add_objects(parser: argparse.ArgumentParser, command: str) -> None:
    files = command == "delete"
    parser.add_argument(
        "kind", metavar="KIND", nargs="?" if files else None, default="",
        help="kind or short name; several as pods,svc; all: the usual ones; or KIND/NAME",
    )  # fmt: skip
    parser.add_argument("names", metavar="NAME", nargs="*")
    parser.add_argument("-A", "--all-namespaces", action="store_true")
    parser.add_argument("-l", "--selector", default="", metavar="LABELS", help="labels: app=web,tier!=db")
    if files:
        parser.add_argument("-f", "--filename", help="what a file, a folder, or stdin (-) declares")
    else:
        parser.add_argument("--field-selector", default="", metavar="FIELDS", help="fields: spec.nodeName=worker-a1")


def _add_own(parser: argparse.ArgumentParser, command: str) -> None:
    """Arguments that one command alone has."""
    add = parser.add_argument
    if command == "apply":
        add("-f", "--filename", required=True, help="file, folder, or - for stdin")
        add("--dry-run", action="store_true", help="only tell what the server would say")
    elif command == "logs":
        add("pod", metavar="POD", help="a pod, or a workload as KIND/NAME")
        add("-c", "--container", default="", metavar="NAME", help="default: the first one")
        add("-f", "--follow", action="store_true", help="then what is written, until Ctrl-C")
        add("-p", "--previous", action="store_true", help="of the run before")
        add("--tail", type=int, default=-1, metavar="N", help="newest lines (default: all)")
        add("--timestamps", action="store_true", help="with the cluster's time")
    elif command == "scale":
        add("--replicas", type=int, required=True, metavar="N")
    elif command == "rollout":
        add("--to-revision", type=int, default=0, metavar="N", help="undo: the revision to go back to (default: last)")
        add("--timeout", type=float, default=0.0, metavar="SECONDS", help="status: wait so long (default: no end)")
    elif command == "drain":
        add("--timeout", type=float, default=0.0, metavar="SECONDS", help="give up after (default: never)")
        for flag in ("--ignore-daemonsets", "--delete-emptydir-data", "--force"):
            add(flag, action="store_true", help=argparse.SUPPRESS)  # kubectl's; it is always done so
    elif command == "reach":
        add("source", metavar="FROM", help="[NAMESPACE/]POD, or outside")
        add("target", metavar="TO", help="a name as the pod would use it, an address, or a URL")
        add("port", metavar="PORT", nargs="?", type=int, default=0)
        add("--protocol", choices=("TCP", "UDP", "SCTP"), default="TCP")
    elif command == "undo":
        add("intent", metavar="ACTION", nargs="?", default="", help="id of an action (default: the last one)")
        add("--dry-run", action="store_true", help="only tell what it would do")
