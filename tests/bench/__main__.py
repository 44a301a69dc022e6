"""`make bench`: every figure of the budget table as JSON, medians of three. `python -m tests.bench NAME…` runs some."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from tests.bench import console, editor
from tests.bench import large as large_console
from tests.bench.day import days
from tests.bench.terminal import compiled

_Figures = dict[str, Any]


def medians(measure: Callable[[], _Figures], times: int) -> _Figures:
    """Each figure's median over several runs; what is no number is taken from the last."""
    runs = [measure() for _ in range(times)]
    result = dict(runs[-1])
    for name in result:
        values = [run[name] for run in runs]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            result[name] = statistics.median(values)
    return result


def child(module: str, *arguments: str) -> _Figures:
    """Run a benchmark in a process of its own."""
    command = [sys.executable, "-m", module, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=compiled())
    if run.returncode:
        return {"error": run.stderr.strip().splitlines()[-1:]}
    figures: _Figures = json.loads(run.stdout)
    return figures


def reopening() -> _Figures:
    with tempfile.TemporaryDirectory() as folder:
        store = os.path.join(folder, "big.db")
        child("tests.bench.deployment", "--keep", store)
        return medians(lambda: console.reopen(store), 3)


def large() -> _Figures:
    with tempfile.TemporaryDirectory() as folder:
        store = os.path.join(folder, "large.db")
        child("tests.bench.deployment", "--keep", store, "--replicas", str(large_console.PODS))
        return medians(lambda: large_console.large(store), 3)


BENCHES: dict[str, Callable[[], _Figures]] = {
    "start": lambda: medians(console.start, 3),
    "idle": lambda: console.idle(),
    "deployment": lambda: medians(lambda: child("tests.bench.deployment"), 3),
    "deployment_1x": lambda: child("tests.bench.deployment", "--pace"),
    "scheduler": lambda: medians(lambda: child("tests.bench.bench_scheduler"), 3),
    "keys": lambda: medians(console.keys, 3),
    "editor": lambda: medians(editor.typing, 3),
    "tables": lambda: medians(lambda: child("tests.bench.tables"), 3),
    "large": large,
    "reopen": reopening,
    "past": lambda: medians(lambda: child("tests.bench.past"), 3),
    "mixed": lambda: medians(lambda: child("tests.bench.workloads", "mixed"), 3),
    "rolling": lambda: medians(lambda: child("tests.bench.workloads", "rolling"), 3),
    "preemption": lambda: medians(lambda: child("tests.bench.workloads", "preemption"), 3),
    "wire": lambda: medians(lambda: child("tests.bench.wire"), 3),
    "day": days,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}")
    names = parser.parse_args().names or list(BENCHES)
    result: dict[str, Any] = {"python": platform.python_version(), "cores": os.cpu_count()}
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        result[name] = BENCHES[name]()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
