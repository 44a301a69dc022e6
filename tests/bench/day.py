"""A day of the sample cluster, headless, into a store that keeps less than a day: `kubarium run … --for 24h --seed 7`.

Two runs must tell the same digest; of the history no more is left than `--history` and its slack.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

_HISTORY: Final = 50_000
"""Revisions to keep; a day makes more than twice as many."""


def day(folder: str = "sample-cluster") -> dict[str, Any]:
    """Wall and CPU seconds of one run, its digest, and what its store kept."""
    with tempfile.TemporaryDirectory() as place:
        store = Path(place) / "day.db"
        command = [sys.executable, "-m", "tui.cli", "run", folder, "--for", "24h", "--seed", "7", "--output", "json"]
        wall, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        run = subprocess.run(
            [*command, "--store", str(store), "--history", str(_HISTORY)], capture_output=True, text=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if run.returncode:
            return {"error": run.stderr.strip().splitlines()[-1:]}
        report = json.loads(run.stdout)
        with closing(sqlite3.connect(store)) as database:
            kept = database.execute("SELECT count(*) FROM revision").fetchone()[0]
        return {
            "day_wall_s": round(time.perf_counter() - wall, 2),
            "day_cpu_s": round(after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime, 2),
            "day_revisions": report["revisions"],
            "day_digest": report["digest"],
            "kept_revisions": kept,
            "history": _HISTORY,
            "store_mb": round(store.stat().st_size / 1e6, 1),
        }


def days(times: int = 3) -> dict[str, Any]:
    """The run with the median wall time, and whether all had the same digest."""
    runs = sorted([day() for _ in range(times)], key=lambda run: float(run.get("day_wall_s", 0)))
    return {**runs[times // 2], "same_digest": len({run.get("day_digest") for run in runs}) == 1}
