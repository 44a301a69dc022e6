"""Opening: what is no healthy store is told, and left as it was."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from store.store import Store
from store.tables import FORMAT
from store.types import CannotOpen, Damaged, InUse, NewerFormat, StoreError
from tests.store.store_objects import bodies, put

ROOT = Path(__file__).parents[2]


@pytest.fixture
def closed(path: Path) -> Path:
    """A store of some pages, closed."""
    store = Store.open(path)
    for number in range(300):
        put(store, f"pod-{number}", data="x" * 500)
    store.close()
    return path


def sql(statement: str) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.executescript(statement)
        connection.close()

    return run


def overwrite(path: Path) -> None:
    """Garbage over pages in the middle."""
    with path.open("r+b") as file:
        file.seek(8192 * 5)
        file.write(os.urandom(8192 * 12))


DAMAGES: dict[str, tuple[Callable[[Path], object], type[StoreError], str]] = {
    "garbage": (lambda path: path.write_bytes(os.urandom(20_000)), Damaged, "no SQLite file"),
    "text": (lambda path: path.write_text("kind: Pod\n"), Damaged, "no SQLite file"),
    "header only": (lambda path: os.truncate(path, 16), Damaged, "damaged"),
    "truncated": (lambda path: os.truncate(path, path.stat().st_size // 2), Damaged, "malformed"),
    "overwritten": (overwrite, Damaged, "damaged"),
    "other application": (sql("PRAGMA application_id=1"), Damaged, "not a Kubarium store"),
    "missing table": (sql("DROP TABLE attempt"), Damaged, "table attempt"),
    "other columns": (sql("ALTER TABLE meta ADD COLUMN x"), Damaged, "table meta"),
    "lost present": (sql("DELETE FROM current WHERE oid = 5"), Damaged, "disagree"),
    "newer": (sql(f"PRAGMA user_version={FORMAT + 1}"), NewerFormat, f"format {FORMAT + 1}"),
    "bodies": (sql("UPDATE current SET body = 'no json' WHERE oid = 7"), Damaged, "damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_no_healthy_store_is_left_alone(closed: Path, damage: str) -> None:
    """The error says what is wrong, not a byte is changed, and the lock is given back."""
    harm, error, words = DAMAGES[damage]
    harm(closed)
    before = closed.read_bytes()
    for _ in range(2):
        with pytest.raises(error, match=words):
            Store.open(closed)
    assert closed.read_bytes() == before
    assert not closed.with_name(closed.name + ".lock").exists()


def test_any_other_database_is_left_alone(path: Path) -> None:
    """A SQLite file of another program is not taken for a store."""
    sql("CREATE TABLE songs (name)")(path)
    before = path.read_bytes()
    with pytest.raises(Damaged, match="not a Kubarium store"):
        Store.open(path)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    """As `mktemp` leaves one."""
    path.touch()
    Store.open(path).close()
    Store.open(path).close()


def test_an_empty_file_beside_a_log_is_damage(path: Path) -> None:
    """Somebody emptied a store whose newest commits are still beside it."""
    path.touch()
    path.with_name(path.name + "-wal").write_bytes(b"x" * 100)
    with pytest.raises(Damaged, match="write-ahead log"):
        Store.open(path)


def test_only_one_may_have_it_open(closed: Path) -> None:
    """In this process or another one; when the first closes, the next may open."""
    store = Store.open(closed)
    with pytest.raises(InUse, match=f"process {os.getpid()}"):
        Store.open(closed)
    code = f"from store.store import Store\nStore.open({str(closed)!r})"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "InUse" in run.stderr
    put(store, "more")
    store.close()
    again = Store.open(closed)
    assert len(bodies(again)) == 301
    again.close()


def test_places_where_no_store_can_be(tmp_path: Path) -> None:
    """A missing folder, a folder, no permission: told by name."""
    with pytest.raises(CannotOpen, match=r"folder .*missing does not exist"):
        Store.open(tmp_path / "missing" / "x.db")
    with pytest.raises(CannotOpen, match="is not a file"):
        Store.open(tmp_path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_folders_without_permission(tmp_path: Path) -> None:
    """Told before anything is tried."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(CannotOpen, match="no permission"):
        Store.open(folder / "x.db")


def test_durable_means_synchronous_full(tmp_path: Path) -> None:
    """`durable` survives a power cut, the default a killed process."""
    for durable, level in ((False, 1), (True, 2)):
        store = Store.open(tmp_path / str(durable), durable=durable)
        with store._writer.database().reading() as connection:
            pragmas = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("synchronous", "journal_mode", "page_size", "foreign_keys")
            }
        assert pragmas == {"synchronous": level, "journal_mode": "wal", "page_size": 8192, "foreign_keys": 1}
        store.close()


@pytest.mark.skipif(os.name != "posix", reason="there are no modes")
def test_others_cannot_read_what_is_kept(tmp_path: Path) -> None:
    """A store holds Secrets: it, what lies beside it and its copies are their owner's alone, whatever the umask."""
    before = os.umask(0)
    try:
        store = Store.open(tmp_path / "kept.db")
        put(store, "pod-1")
        store.fork(tmp_path / "copy.db")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("*.db*") if ".lock" not in path.name}
        store.close()
    finally:
        os.umask(before)
    assert modes == {"kept.db": 0o600, "kept.db-wal": 0o600, "kept.db-shm": 0o600, "copy.db": 0o600}
