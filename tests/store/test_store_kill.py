"""kill -9: what was acknowledged is there."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from store.store import Store
from store.types import Revision
from tests.store.store_objects import PODS, bodies

ROOT = Path(__file__).parents[2]
ROUNDS = int(os.environ.get("KUBARIUM_KILL_ROUNDS", "3"))
"""20 for the full promise."""

WRITER = """
import sys
from store.store import Store
from store.types import Author, Micros, ObjectKey

store = Store.open(sys.argv[1])
author = Author("load", "kill")
number = 0
while True:
    for _ in range(37):
        number += 1
        name = f"pod-{number * 7919 % 500}"
        key = ObjectKey("", "pods", "default", name)
        if number % 11 == 0 and store.get(key):
            store.delete(key, author, Micros(number))
        else:
            uid = store.get(key).uid if store.get(key) else f"uid-{store.revision}"
            obj = {"metadata": {"name": name, "uid": uid}, "number": number, "data": "x" * (number % 900)}
            store.put(key, obj, author, Micros(number))
    if number % 3 == 0:
        revision = store.revision
        store.when_committed(revision).result()
        print(revision, flush=True)
    if number % 2000 < 37 and store.revision > 2000:
        store.compact(store.revision - 1500)
"""


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_what_was_acknowledged_survives_a_kill(path: Path, round_: int) -> None:
    """At a random moment under load, twice over the same file; the log and the present agree afterwards."""
    chance = random.Random(round_)
    for _ in range(2):
        acknowledged = killed_while_writing(path, chance.uniform(0.05, 0.6))
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        store = Store.open(path)
        assert store.revision >= acknowledged
        oldest = store.history.oldest()
        records = store.history.changes(oldest, store.revision)
        assert [r.revision for r in records if r.revision > acknowledged - 900] == list(
            range(max(oldest + 1, acknowledged - 899), store.revision + 1)
        )
        state = {env.name: env.raw for env in store.history.state_at(store.revision, PODS)}
        assert state == bodies(store)
        replayed = {env.name: env.raw for env in store.history.state_at(oldest, PODS)} if oldest else {}
        for record in records:
            if record.op == "delete":
                del replayed[record.key.name]
            else:
                replayed[record.key.name] = record.raw
        assert replayed == state
        assert store.when_committed(Revision(acknowledged)).done()
        store.close()


def killed_while_writing(path: Path, after: float) -> int:
    """Run the load, kill it `after` seconds from its first acknowledgement. Returns the newest acknowledged one."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(after)  # the kill has to come at a moment that neither side can foresee
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().splitlines()
    process.wait()
    process.stdout.close()
    # The kill may have cut the last line short; a whole one ends in a line break.
    return int(rest[-2] if len(rest) > 1 else first)
