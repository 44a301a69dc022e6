"""The file: locking, checking, creating and closing it; connections for the writer and for readers of history.

A file is looked at before it is touched. Under a lock on `<file>.lock` (one Kubarium per store) its header, its
format number, its pages and its tables are checked through a read-only connection; only a healthy store is opened
for writing. So `Damaged`, `NewerFormat` and `InUse` leave every byte as it was.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import QueuePool
from sqlmodel import SQLModel

from store.tables import APPLICATION_ID, FORMAT, REVISION_BY_INTENT, SINCE, TABLES, prepare_connection
from store.types import CannotOpen, Damaged, InUse, NewerFormat

_MAGIC: Final = b"SQLite format 3\0"


class Database:
    """An open store file. `close` gives it and its lock back."""

    def __init__(self, path: Path, synchronous: str, lock: _Lock | None, folder: Path | None = None) -> None:
        """`folder`: of a temporary store, removed at the end."""
        self.path = path
        self._lock, self._folder = lock, folder

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(path, check_same_thread=False)
            prepare_connection(connection, synchronous)
            return connection

        self._engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=4, max_overflow=8)
        # The driver's own transaction handling is off (isolation_level None): reads get a snapshot too.
        event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

    @classmethod
    def open(cls, path: Path, *, durable: bool = False) -> Database:
        """Open a store, or create one where there is no file or an empty one.

        Raises CannotOpen, InUse, Damaged, NewerFormat; the file is then as it was.
        """
        if not path.parent.is_dir():
            raise CannotOpen(f"{path}: the folder {path.parent} does not exist")
        if path.exists() and not path.is_file():
            raise CannotOpen(f"{path} is not a file")
        for place in (path.parent, path):
            if place.exists() and not os.access(place, os.R_OK | os.W_OK):
                raise CannotOpen(f"{path}: no permission to read and write {place}")
        lock = _Lock(path.with_name(path.name + ".lock"), path)
        try:
            if path.exists() and path.stat().st_size > 0:
                check(path)
            elif path.with_name(path.name + "-wal").exists():
                raise Damaged(f"{path} is empty, but a write-ahead log of a store lies beside it")
            path.touch(mode=0o600)  # Secrets are in it; what SQLite puts beside it gets the same mode
            database = cls(path, "FULL" if durable else "NORMAL", lock)
            database._create()
        except sqlite3.OperationalError as error:
            lock.release()
            raise CannotOpen(f"{path}: {error}") from error
        except BaseException:
            lock.release()
            raise
        return database

    @classmethod
    def temporary(cls) -> Database:
        """A store that nobody will reopen: a real file, so that memory stays free, gone when it is closed."""
        folder = Path(tempfile.mkdtemp(prefix="kubarium-"))
        database = cls(folder / "store.db", "OFF", None, folder)
        database._create()
        return database

    def _create(self) -> None:
        with self._engine.begin() as connection:
            if connection.exec_driver_sql("PRAGMA application_id").scalar() == APPLICATION_ID:
                if connection.exec_driver_sql("PRAGMA user_version").scalar() == FORMAT:
                    return
                # Format 1: only whole tables and an index were added since.
                REVISION_BY_INTENT.create(connection, checkfirst=True)
            SQLModel.metadata.create_all(connection, tables=list(TABLES))
            connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
            connection.exec_driver_sql(f"PRAGMA user_version={FORMAT}")

    def connect(self) -> Connection:
        """A connection of one's own, for the writer."""
        return self._engine.connect()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the file, however many statements are run. Any thread."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections (the write-ahead log goes into the file) and give the lock back."""
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def check(path: Path) -> None:
    """Look at an existing file without changing it. Raises Damaged, NewerFormat, or CannotOpen (locked by a tool)."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise Damaged(f"{path} is not a Kubarium store (no SQLite file)")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as connection:
            _check_contents(path, connection)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise InUse(f"{path} is locked by another program") from error
        raise CannotOpen(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise Damaged(f"{path} is damaged: {error}") from error


def _check_contents(path: Path, connection: sqlite3.Connection) -> None:
    def value(sql: str) -> Any:
        return connection.execute(sql).fetchone()[0]

    if value("PRAGMA application_id") != APPLICATION_ID:
        raise Damaged(f"{path} is not a Kubarium store")
    version = value("PRAGMA user_version")
    if version > FORMAT:
        raise NewerFormat(f"{path} has format {version}, written by a newer Kubarium; this one reads up to {FORMAT}")
    for table in TABLES:
        if SINCE.get(table.name, 1) > version:
            continue
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table.name}")')]
        if columns != [column.name for column in table.columns]:
            raise Damaged(f"{path} is damaged: table {table.name} is not as format {version} has it")
    finding = value("PRAGMA quick_check(1)")
    if finding != "ok":
        raise Damaged(f"{path} is damaged: {finding}")
    living = value("SELECT count(*) FROM object WHERE deleted IS NULL")
    if living != value("SELECT count(*) FROM current"):
        raise Damaged(f"{path} is damaged: its present and its log disagree")


class _Lock:
    """An exclusive lock on a side file, kept by the process while it lives. The file names the process."""

    def __init__(self, path: Path, store: Path) -> None:
        """Take it, or raise InUse."""
        self._path = path
        try:
            while True:
                self._file: IO[str] = path.open("a+")
                if not _try_lock(self._file.fileno()):
                    self._file.seek(0)
                    holder = self._file.read().strip()
                    self._file.close()
                    raise InUse(f"{store} is open in another Kubarium" + (f" (process {holder})" if holder else ""))
                # The holder before us may have removed the file between our opening and our locking it.
                if path.exists() and os.path.samestat(os.fstat(self._file.fileno()), path.stat()):
                    break
                self._file.close()
        except OSError as error:
            raise CannotOpen(f"{store}: cannot lock {path}: {error.strerror}") from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        if not self._file.closed:
            if sys.platform != "win32":  # there an open file cannot be removed
                self._path.unlink(missing_ok=True)
            self._file.close()


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
