"""kubectl's way to the cluster: where the API is served, where its kubeconfig lies, and `kubarium kubectl …`.

The kubeconfig of a folder's cluster lies beside its store, so that `kubarium kubectl` finds it while a console or
`kubarium serve` is open in the next terminal.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from engine.client import WireOptions

_USAGE: Final = """\
usage: kubarium kubectl [--in DIR] ARGUMENTS...

Runs kubectl on the cluster of the folder DIR (default: the one that was opened last), which must be open in a console
or by `kubarium serve`. The same without this command: export KUBECONFIG=FILE, with the FILE that `serve` prints.
"""
NOT_OPEN: Final = "no cluster is open: start `kubarium DIR` or `kubarium serve DIR` in another terminal"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of console and serve."""
    group = parser.add_argument_group("Kubernetes API, for kubectl and other clients")
    group.add_argument(
        "--port", type=_port, default=0, metavar="N", help="port to serve on; 0: any (default), none: do not serve"
    )
    group.add_argument(
        "--listen", default="127.0.0.1", metavar="ADDRESS", help="address to serve on (default 127.0.0.1)"
    )
    group.add_argument(
        "--kubeconfig", metavar="FILE", help="kubeconfig to write, mode 0600 (default: beside the cluster's store)"
    )


def _port(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port (0 to 65535, or none)")
    return int(text)


def wire_options(args: argparse.Namespace, base: Path, known: Path) -> WireOptions | None:
    """Where to serve, from the command line. `base`: the store's path, or where it would be if it were kept; `known`:
    the path by which `kubarium get …` and `kubarium kubectl` find the cluster of the folder."""
    if args.port is None:
        return None
    kubeconfig = Path(args.kubeconfig) if args.kubeconfig else kubeconfig_of(base)
    also = kubeconfig_of(known)
    return WireOptions(
        str(base.with_name(f"{base.stem}.pki")), str(kubeconfig), args.listen, args.port,
        str(also) if also != kubeconfig else None,
    )  # fmt: skip


def kubeconfig_of(store: Path) -> Path:
    """Where the kubeconfig of a kept cluster lies."""
    return store.with_name(f"{store.stem}.kubeconfig")


def state_folder() -> Path:
    """Where clusters are kept: `$XDG_STATE_HOME/kubarium`."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "kubarium"


def newest_open(kubeconfigs: Iterable[Path]) -> Path | None:
    """Of these kubeconfigs the newest whose cluster answers; None when no cluster is open.

    A kubeconfig stays behind when its cluster is closed; on its port nobody listens then, or somebody else.
    """
    there = [path for path in kubeconfigs if path.exists()]
    for path in sorted(there, key=lambda each: each.stat().st_mtime, reverse=True):
        server = re.search(r"server: https://(\S+):(\d+)", path.read_text())
        if server is not None:
            with suppress(OSError), socket.create_connection((server[1].strip("[]"), int(server[2])), timeout=2):
                return path
    return None


def run_kubectl(words: Sequence[str], stores_of: Sequence[Path]) -> int:
    """Run kubectl on one of our clusters. `stores_of`: where the cluster of the folder `--in` may be kept."""
    if not words or words[0] in ("-h", "--help"):
        print(_USAGE, end="")
        return 0
    program = shutil.which("kubectl")
    if program is None:
        print("kubarium: kubectl is not installed, or not on the PATH", file=sys.stderr)
        return 1
    kubeconfig = newest_open([kubeconfig_of(store) for store in stores_of] or state_folder().glob("*.kubeconfig"))
    if kubeconfig is None:
        print(f"kubarium: {NOT_OPEN}", file=sys.stderr)
        return 1
    return subprocess.run([program, "--kubeconfig", str(kubeconfig), *words], check=False).returncode
