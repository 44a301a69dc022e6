"""`kubarium snapshot|snapshots|restore|fork|diff`: the past of a kept cluster, without opening a console.

    kubarium snapshot DIR NAME          kubarium restore DIR NAME        kubarium snapshots DIR
    kubarium fork DIR FILE [NAME]       kubarium diff DIR MOMENT [MOMENT]

DIR is the folder whose cluster is meant, or the store's file itself. A moment is a snapshot, a revision, or `now`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from engine.client import KeptCluster, ObjectChange
from tui.times import clock_text

_SIGNS: Final = {"created": "+", "changed": "~", "deleted": "-"}


def _snapshot(kept: KeptCluster, args: argparse.Namespace) -> None:
    taken = kept.snapshot(args.name)
    print(f"snapshot {taken.name}: {taken.objects} objects at revision {taken.revision}")


def _snapshots(kept: KeptCluster, args: argparse.Namespace) -> None:
    for each in kept.snapshots():
        print(f"{each.name:24} {clock_text(each.cluster_time)}  {each.objects:6} objects  revision {each.revision}")


def _restore(kept: KeptCluster, args: argparse.Namespace) -> None:
    print(f"restored {args.name}: {kept.restore(args.name)} objects written")


def _fork(kept: KeptCluster, args: argparse.Namespace) -> None:
    kept.fork(args.file, args.name)
    print(f"forked; open it with: kubarium --store {args.file}")


def _diff(kept: KeptCluster, args: argparse.Namespace) -> None:
    for change in kept.diff(args.one, args.other):
        print("\n".join(diff_lines(change)))


def diff_lines(change: ObjectChange) -> list[str]:
    """`~ deployments.apps shop/web`, and a line for each field."""
    from tui.plan_text import value_text  # it needs Textual, for which no other command here has to wait

    name = f"{change.namespace}/{change.name}" if change.namespace else change.name
    fields = [f"    {c.path}: {value_text(c.before)} → {value_text(c.after)}" for c in change.changes]
    return [f"{_SIGNS[change.action]} {change.resource} {name}", *fields]


_Arguments = Sequence[tuple[str, str | None, str]]
_NAME: Final = ("name", None, "name of the snapshot")
COMMANDS: Final[dict[str, tuple[str, _Arguments, Callable[[KeptCluster, argparse.Namespace], None]]]] = {
    "snapshot": ("Give the newest moment of a kept cluster a name.", (_NAME,), _snapshot),
    "snapshots": ("List the snapshots of a kept cluster.", (), _snapshots),
    "restore": ("Go back to a snapshot: status included, without Events and Leases.", (_NAME,), _restore),
    "fork": (
        "Copy a kept cluster, history included, into a new file.",
        (("file", None, "the new store's file"), ("name", "?", "snapshot to go back to in the copy")),
        _fork,
    ),
    "diff": (
        "Show what differs between two moments in what is declared.",
        (("one", None, "a snapshot, a revision or `now`"), ("other", "?now", "the same; default: now")),
        _diff,
    ),
}
"""Command → what it does, its arguments (name, `?` with a default where it may be left out, help), and how."""


def run(command: str, words: Sequence[str], default_store: Callable[[Path], Path]) -> int:
    """Do a command of COMMANDS. Raises ClientError."""
    text, arguments, work = COMMANDS[command]
    parser = argparse.ArgumentParser(f"kubarium {command}", description=text, allow_abbrev=False)
    parser.add_argument("folder", metavar="DIR", help="folder whose cluster is meant, or the store's file")
    for name, optional, about in arguments:
        if optional is None:
            parser.add_argument(name, help=about)
        else:
            parser.add_argument(name, nargs="?", default=optional[1:] or None, help=about)
    args = parser.parse_args(words)
    place = Path(args.folder)
    work(KeptCluster(str(default_store(place) if place.is_dir() else place)), args)
    return 0
