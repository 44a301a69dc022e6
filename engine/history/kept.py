"""The past of a kept cluster that no process has open: what `kubarium snapshot`, `restore`, `fork` and `diff` do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.api import restore
from engine.api.requests import Caller
from engine.client.history import ObjectChange, SnapshotInfo
from engine.client.values import ClientError
from engine.history import between
from store import branches
from store.store import Store
from store.types import InUse, Micros, NoSnapshot, Revision, StoreError

_USER = "kubernetes-admin"


def snapshots(path: str) -> list[SnapshotInfo]:
    """All of them, oldest first. Raises ClientError."""
    with _opened(path) as store:
        return [SnapshotInfo(*each) for each in store.snapshots()]


def snapshot(path: str, name: str) -> SnapshotInfo:
    """Give the newest moment a name. Raises ClientError."""
    with _opened(path) as store:
        return SnapshotInfo(*store.snapshot(name, restore.LEFT_ALONE).result())


def go_back(path: str, name: str) -> int:
    """Go back to a snapshot; returns how many objects that changed. Raises ClientError."""
    with _opened(path) as store:
        return restore_in(store, name)


def fork(path: str, target: str, name: str | None) -> None:
    """Copy a cluster into a new file, gone back to a snapshot if one is named. Raises ClientError."""
    goal = Path(target).expanduser().absolute()
    with _opened(path) as store:
        if name is not None and name not in [each.name for each in store.snapshots()]:
            raise NoSnapshot(f'there is no snapshot named "{name}"')
        store.fork(goal)
    if name is not None:
        with _opened(str(goal)) as copy:
            restore_in(copy, name)


def diff(path: str, one: str, other: str) -> list[ObjectChange]:
    """What differs between two moments: names of snapshots, numbers of revisions, or `now`. Raises ClientError."""
    with _opened(path) as store:
        return between.changes(store.history, _moment(store, one), _moment(store, other))


def restore_in(store: Store, name: str) -> int:
    """Go back to a snapshot in a store that no cluster runs on."""
    difference = store.difference(name, restore.LEFT_ALONE)
    caller = Caller(_USER, f"{store.revision} restore {name}")
    return sum(branches.go_back(store, difference, caller.author, store.cluster_time or Micros(0)))


def _moment(store: Store, text: str) -> Revision:
    if text == "now":
        return store.revision
    for each in store.snapshots():
        if each.name == text:
            return each.revision
    if text.isdigit():
        return Revision(int(text))
    raise NoSnapshot(f'there is no snapshot named "{text}" (a moment is a snapshot, a revision or `now`)')


@contextmanager
def _opened(path: str) -> Iterator[Store]:
    path = str(Path(path).expanduser())
    if not Path(path).is_file():
        raise ClientError(f"{path}: no cluster is kept there")
    try:
        store = Store.open(path)
    except InUse as error:
        raise ClientError(
            f"{error}: do it in its console (:snapshot, :restore, :fork), or end that one first"
        ) from error
    except StoreError as error:
        raise ClientError(str(error)) from error
    try:
        yield store
    except StoreError as error:
        raise ClientError(str(error)) from error
    finally:
        store.close()
