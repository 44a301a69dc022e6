"""The command `kubarium`: the console by default, `run` and `serve` without one.

Exit status: 0 when all went well, 1 when something was refused or failed (the reason is on stderr), 2 for a wrong
command line.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import logging
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import asdict
from pathlib import Path
from typing import Final

from engine.client import ClientError, ClusterClient, ConnectOptions, RunReport, component_flags, connect, play
from tui import keeping
from tui.serving import add_arguments, kubeconfig_of, run_kubectl, state_folder, wire_options

PLAIN: Final = (
    "get", "describe", "apply", "delete", "logs", "scale", "rollout", "cordon", "uncordon", "drain", "why", "reach",
    "faults", "undo",
)  # fmt: skip
"""Commands that ask the open cluster and print plain text (`tui.plain`)."""
_KUBECTL: Final = (
    "annotate", "attach", "auth", "autoscale", "certificate", "config", "cp", "create", "debug", "edit", "events",
    "exec", "explain", "expose", "label", "patch", "proxy", "replace", "set", "taint", "top", "wait",
)  # fmt: skip
"""Commands that kubectl alone has."""
_DESCRIPTION: Final = """\
A whole Kubernetes v1.36 cluster behind glass: one process, one SQLite file, a terminal console.

  kubarium DIR          open the console on a folder of manifests; it is watched and applied as you save
  kubarium run DIR      play cluster time as fast as it goes, and print a report
  kubarium serve DIR    run without a console until SIGTERM or Ctrl-C
  kubarium kubectl …    run kubectl on the cluster that is open in another terminal
  kubarium get|describe|apply|delete|logs|scale|rollout|cordon|uncordon|drain|why|reach|faults|undo …
                        the same cluster as plain text (each has its --help)
  kubarium snapshot|snapshots|restore|fork|diff DIR …
                        the past of a kept cluster (each has its --help)
"""
_EPILOG: Final = """\
examples:
  kubarium sample-cluster
  kubarium sample-cluster --speed 60 --node-monitor-grace-period 40s
  kubarium run sample-cluster --for 15m --seed 7
  kubarium run sample-cluster --for 24h --seed 7 --output json

In the console, ? lists the keys of the present view.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. Returns the exit status."""
    try:
        status = _command(argv)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever reads has enough (`| head`). What is still buffered goes nowhere, or Python complains of it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _command(argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["kubectl"]:
        return _kubectl(words[1:])
    if words and words[0] in keeping.COMMANDS:
        return _kept(words[0], words[1:])
    if words and words[0] in PLAIN:
        return _plain(words[0], words[1:])
    command = words[0] if words[:1] in (["run"], ["serve"]) else "console"
    parser = _parser(command)
    args = parser.parse_args(words if command == "console" else words[1:])
    try:
        if getattr(args, "tour", False) and args.folder is None:
            args.folder, args.memory = str(sample_copy()), True
        options = _options(parser, args, command)
        if command == "run":
            return _run(options, args)
        if command == "serve":
            return _serve(options)
        return _console(options, args)
    except BrokenPipeError:
        raise
    except (ClientError, OSError, ValueError) as error:
        print(f"kubarium: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def sample_copy() -> Path:
    """A fresh copy of the sample cluster, to be edited on the tour. Raises OSError where there is no sample.

    What the tour mends waits in the copy even if it was mended in the sample before.
    """
    places = (Path("sample-cluster"), Path(__file__).parent.parent / "sample-cluster")
    sample = next((path for path in places if path.is_dir()), None)
    if sample is None:
        raise FileNotFoundError("the sample cluster is not here: give its folder, `kubarium --tour DIR`")
    copy = state_folder() / "tour" / "sample-cluster"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(sample, copy)
    waiting = copy / "team-insights" / "sales-report.yaml"
    if waiting.exists():
        waiting.write_text(re.sub(r"(requests:\s+cpu: ).*", r'\1"3"', waiting.read_text(), count=1))
    return copy


def default_store(folder: Path, kept: bool = True) -> Path:
    """Where a folder's cluster is kept: `$XDG_STATE_HOME/kubarium/<name>-<hash of its path>.db`.

    `kept` False: the name under which the kubeconfig of one in memory lies.
    """
    mark = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
    return state_folder() / f"{folder.resolve().name}-{mark}{'' if kept else '-memory'}.db"


# -- commands ----------------------------------------------------------------------------------------------------------


def ask_for_frames() -> None:
    """Have Textual paint up to 120 times a second, unless TEXTUAL_FPS says otherwise; before it is imported.

    What a key changes is often painted in two frames (the letter typed, then the rows it leaves): at 60 a second the
    second one comes 10 ms later.
    """
    os.environ.setdefault("TEXTUAL_FPS", "120")


def _console(options: ConnectOptions, args: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("kubarium: the console needs a terminal; without one use `kubarium run` or `serve`", file=sys.stderr)
        return 1
    ask_for_frames()
    from tui.app import KubariumApp
    from tui.keymap import KeymapError
    from tui.settings import SettingsError

    try:
        app = KubariumApp(connect(options), keys_file=args.keys, read_only=args.read_only, tour=args.tour)
    except (KeymapError, SettingsError) as error:
        print(f"kubarium: {error}", file=sys.stderr)
        return 1
    app.run()
    return app.return_code or 0


def _kept(command: str, words: Sequence[str]) -> int:
    try:
        return keeping.run(command, words, default_store)
    except BrokenPipeError:
        raise
    except (ClientError, OSError) as error:
        print(f"kubarium: {error}", file=sys.stderr)
        return 1


def _plain(command: str, words: Sequence[str]) -> int:
    from tui import plain

    def kubeconfigs(folder: str | None) -> list[Path]:
        if folder is None:
            return list(state_folder().glob("*.kubeconfig"))
        return [kubeconfig_of(default_store(Path(folder), kept)) for kept in (True, False)]

    try:
        return plain.run(command, words, kubeconfigs)
    except BrokenPipeError:
        raise
    except (ClientError, OSError) as error:
        print(f"kubarium: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options: ConnectOptions, args: argparse.Namespace) -> int:
    report = play(options, args.span)
    if args.output == "json":
        print(json.dumps(asdict(report), indent=2))
    else:
        print(format_report(report))
    return 1 if report.crashes else 0


def _serve(options: ConnectOptions) -> int:
    client = connect(options)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    client.start()
    if not _wait_ready(client, stop):
        return 0
    try:
        place = client.endpoint.result() if client.endpoint is not None else None
    except ClientError:
        client.stop(timeout=10)
        raise
    where = options.store or "memory"
    print(f"kubarium: serving {options.folder or 'an empty cluster'}, store {where}; stop with Ctrl-C", flush=True)
    if place is not None:
        print(f"kubarium: Kubernetes API at {place.url}\n  export KUBECONFIG={place.kubeconfig}", flush=True)
    client.lost.add_done_callback(lambda _: stop.set())
    stop.wait()
    client.stop(timeout=10)
    if client.lost.done():
        client.lost.result()
    print("kubarium: stopped", flush=True)
    return 0


def _kubectl(words: Sequence[str]) -> int:
    stores: list[Path] = []
    if words[:1] == ["--in"] and len(words) > 1:
        stores = [default_store(Path(words[1]), kept) for kept in (True, False)]
        words = words[2:]
    return run_kubectl(words, stores)


def _wait_ready(client: ClusterClient, stop: threading.Event) -> bool:
    """False when it was told to stop before the cluster was up. Raises what kept it from coming up."""
    while not stop.is_set():
        try:
            client.ready.result(timeout=0.1)
        except FutureTimeout:
            if not client.ready.done():
                continue
            raise
        return True
    return False


# -- command line ------------------------------------------------------------------------------------------------------


def _parser(command: str) -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    if command == "console":
        parser = argparse.ArgumentParser(
            "kubarium", usage="kubarium [options] [DIR]", description=_DESCRIPTION, epilog=_EPILOG,
            formatter_class=formatter, allow_abbrev=False,
        )  # fmt: skip
        parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
        parser.add_argument(
            "folder", nargs="?", metavar="DIR", help="folder of manifests to watch; none: empty cluster"
        )
        parser.add_argument("--keys", metavar="FILE", help="key bindings (default ~/.config/kubarium/keys.toml)")
        parser.add_argument(
            "--tour", action="store_true", help="begin with the tour; without DIR on a copy of the sample cluster"
        )
        parser.add_argument("--read-only", action="store_true", help="refuse all changes from the console")
    elif command == "run":
        parser = argparse.ArgumentParser(
            "kubarium run", usage="kubarium run [options] [DIR]",
            description="Play cluster time as fast as it goes, then print a report.",
            formatter_class=formatter, allow_abbrev=False,
        )  # fmt: skip
        parser.add_argument("folder", nargs="?", metavar="DIR", help="folder of manifests to apply")
        parser.add_argument(
            "--for", dest="span", type=_duration, default=_duration("15m"), metavar="SPAN",
            help="cluster time to play: 90s, 15m, 24h (default 15m)",
        )  # fmt: skip
        parser.add_argument("--output", "-o", choices=("text", "json"), default="text", help="form of the report")
    else:
        parser = argparse.ArgumentParser(
            "kubarium serve", usage="kubarium serve [options] [DIR]",
            description="Run a cluster without a console until SIGTERM or Ctrl-C.",
            formatter_class=formatter, allow_abbrev=False,
        )  # fmt: skip
        parser.add_argument("folder", nargs="?", metavar="DIR", help="folder of manifests to watch")
    shared = parser.add_argument_group("cluster")
    shared.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of names, UIDs and tie-breaks (default 0)"
    )
    where = "in memory, gone at the end" if command == "run" else "one per folder under ~/.local/state/kubarium"
    shared.add_argument("--store", metavar="FILE", help=f"SQLite file of the cluster (default: {where})")
    shared.add_argument(
        "--history", type=int, default=200_000, metavar="N", help="newest revisions to keep, 0: all (default 200000)"
    )
    shared.add_argument("--durable", action="store_true", help="fsync each commit: survives a power cut as well")
    shared.add_argument("--log", metavar="FILE", help="write the log of the engine to FILE")
    if command != "run":
        shared.add_argument("--memory", action="store_true", help="keep nothing: the cluster is gone at the end")
        shared.add_argument("--fresh", action="store_true", help="begin anew: the folder's kept cluster is set aside")
        shared.add_argument(
            "--speed",
            type=float,
            default=1.0,
            metavar="X",
            help="cluster seconds per second; 0 starts paused (default 1)",
        )
        add_arguments(parser)
    flags = parser.add_argument_group("Kubernetes' component flags")
    for flag in component_flags():
        # argparse formats help texts: a flag whose text or default has a % (85%) is meant as it stands.
        text = f"{flag.help} (default {flag.default})".replace("%", "%%")
        flags.add_argument(f"--{flag.name}", metavar="VALUE", help=text)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: package metadata is slow to read."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"kubarium {version('kubarium')}")
        parser.exit()


def _options(parser: argparse.ArgumentParser, args: argparse.Namespace, command: str) -> ConnectOptions:
    if args.log:
        logging.basicConfig(
            filename=args.log, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
        )
    else:
        logging.basicConfig(level=logging.CRITICAL if command == "console" else logging.WARNING)
    if args.folder is not None and not Path(args.folder).is_dir():
        parser.error(_no_folder(args.folder) if command == "console" else f"{args.folder}: no such folder")
    in_memory = args.store == ":memory:" or getattr(args, "memory", command == "run")
    store = None if args.store == ":memory:" else args.store
    if store is None and args.folder is not None and not in_memory:
        path = default_store(Path(args.folder))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = str(path)
    if store is not None and getattr(args, "fresh", False):
        set_aside(Path(store))
    wire = None
    if command != "run":
        known = default_store(Path(args.folder or "."), kept=store is not None)
        wire = wire_options(args, Path(store) if store is not None else known, known)
    given = {flag.name: getattr(args, flag.name.replace("-", "_")) for flag in component_flags()}
    speed = getattr(args, "speed", 1.0)
    if not 0 <= speed <= 1000:
        parser.error(f"argument --speed: {speed:g} is not between 0 and 1000")
    return ConnectOptions(
        folder=args.folder,
        store=store,
        seed=args.seed,
        speed=speed,
        durable=args.durable,
        history=args.history,
        flags={name: value for name, value in given.items() if value is not None},
        wire=wire,
    )


def _no_folder(word: str) -> str:
    """What to say of a first word that is no folder: it may have been meant as a command."""
    if not word.isidentifier():
        return f"{word}: no such folder"
    near = difflib.get_close_matches(word, ("run", "serve", "kubectl", *PLAIN, *keeping.COMMANDS), 1)
    if near:
        meant = f"did you mean `kubarium {near[0]}`?"
    elif word in _KUBECTL:
        meant = f"it is one of kubectl's: `kubarium kubectl {word} …`"
    else:
        meant = "`kubarium --help` lists the commands"
    return f"{word}: no such folder, and no such command; {meant}"


def set_aside(store: Path) -> None:
    """Rename a kept cluster to `<file>.old` (one generation is kept), so that the next one begins anew."""
    for suffix in ("", "-wal", "-shm"):
        path = store.with_name(store.name + suffix)
        old = store.with_name(store.name + ".old" + suffix)
        if path.exists():
            path.replace(old)
        elif old.exists():
            old.unlink()


def _duration(text: str) -> int:
    """Microseconds of `90s`, `15m`, `24h`, `1h30m`, `2d`."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    total, number = 0.0, ""
    for character in text:
        if character in units and number:
            total, number = total + float(number) * units[character], ""
        elif character.isdigit() or character == ".":
            number += character
        else:
            raise argparse.ArgumentTypeError(f"{text!r} is no span of time (expected such as 90s, 15m, 1h30m, 2d)")
    if number or not text:
        raise argparse.ArgumentTypeError(f"{text!r} is no span of time: the unit is missing (s, m, h or d)")
    return round(total * 1_000_000)


def format_report(report: RunReport) -> str:
    """The report of a headless run as text."""
    lines = [
        f"cluster time   {report.cluster_time}",
        f"revisions      {report.revisions}",
        f"digest         {report.digest}",
        f"wall time      {report.wall_seconds:.2f} s",
    ]
    if report.crashes:
        lines.append(f"crashes        {report.crashes}")
    sections = (
        ("nodes", report.nodes_by_status),
        ("pods by phase", report.pods_by_phase),
        ("files", report.files),
        ("events by reason", report.events_by_reason),
        ("objects", report.objects),
    )
    for title, counts in sections:
        if counts:
            width = max(len(word) for word in counts)
            lines += ["", title, *(f"  {word:{width}}  {count}" for word, count in counts.items())]
    if report.problems:
        lines += ["", "problems in the folder", *(f"  {problem}" for problem in report.problems)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
