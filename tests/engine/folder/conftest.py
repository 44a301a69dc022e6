"""A folder on disk beside a cluster without controllers, on the stepped clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.api.kinds import CONFIGMAPS, SERVICEACCOUNTS
from engine.api.server import Caller
from engine.client import FolderFile
from engine.clock import Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.folder.folder import Folder
from store.store import Store
from store.types import Author, Envelope, JsonObject, Micros, ObjectKey, Resource

START = parse_time("2026-01-01T00:00:00Z")
SOMEBODY = Caller("kubernetes-admin", "by hand", ("system:masters",))


class World:
    """A cluster, its folder, and the files in it."""

    somebody = SOMEBODY

    def __init__(self, root: Path, store: Store | None = None) -> None:
        self.root = root
        self.store = store if store is not None else new_store()
        self._authors: list[Author] = []
        self._record_authors()
        self.cluster = Cluster(self.store, Clock(START), ClusterOptions(controllers=[], folder=str(root)))
        self.api = self.cluster.api
        assert self.cluster.folder is not None
        self.folder: Folder = self.cluster.folder

    def _record_authors(self) -> None:
        store, put = self.store, self.store.put

        def recording(key: ObjectKey, obj: JsonObject, author: Author, at: Micros) -> Envelope:
            self._authors.append(author)
            return put(key, obj, author, at)

        store.put = recording  # type: ignore[method-assign]

    def write(self, path: str, text: str | bytes) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode() if isinstance(text, str) else text)

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def start(self) -> World:
        self.cluster.start(stepped=True)
        if self.find("default", resource=SERVICEACCOUNTS) is None:  # its controller does not run here
            self.api.create(SOMEBODY, SERVICEACCOUNTS, "default", {"metadata": {"name": "default"}})
        self.cluster.loop.settle()
        return self

    def rescan(self) -> None:
        """What the watcher's thread does after a burst of events."""
        self.folder.load(self.folder.watcher.read_all())
        self.cluster.loop.settle()

    def save(self, path: str, text: str | bytes) -> FolderFile:
        self.write(path, text)
        self.rescan()
        return self.file(path)

    def file(self, path: str) -> FolderFile:
        return next(file for file in self.folder.files() if file.path == path)

    def find(self, name: str, namespace: str = "default", resource: Resource = CONFIGMAPS) -> Envelope | None:
        return self.api.find(resource, namespace, name)

    def live(self, name: str, namespace: str = "default", resource: Resource = CONFIGMAPS) -> Envelope:
        return self.api.get(resource, namespace, name)

    def change(self, env: Envelope, **top: object) -> None:
        """Somebody else replaces top-level fields of an object."""
        obj: JsonObject = {**env.obj, **top}
        self.api.update(SOMEBODY, env.key.resource, env.namespace, env.name, obj)
        self.cluster.loop.settle()

    def own(self, resource: str, name: str, owner: Envelope, api_version: str, kind: str) -> Envelope:
        """An object controlled by another one."""
        ref = {"apiVersion": api_version, "kind": kind, "name": owner.name, "uid": owner.uid, "controller": True}
        labels = {"app": "web"}
        spec: JsonObject = {"containers": [{"name": "web", "image": "nginx:1.27"}]}
        if resource != "pods":
            spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}
        obj = {"metadata": {"name": name, "labels": labels, "ownerReferences": [ref]}, "spec": spec}
        return self.api.create(self.somebody, Resource.parse(resource), "default", obj)

    def authors(self) -> list[Author]:
        """Of all revisions so far."""
        return list(self._authors)

    def delete(self, env: Envelope) -> None:
        self.api.delete(SOMEBODY, env.key.resource, env.namespace, env.name)
        self.cluster.loop.settle()

    @staticmethod
    def configmap(name: str, value: str = "v", namespace: str = "") -> str:
        where = f"\n  namespace: {namespace}" if namespace else ""
        return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}{where}\ndata:\n  key: {value}\n"

    @staticmethod
    def namespace(name: str) -> str:
        return f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n"

    @staticmethod
    def deployment(name: str, replicas: object = 1, image: str = "nginx:1.27", app: str = "") -> str:
        app = app or name
        return (
            f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  replicas: {replicas}\n"
            f"  selector:\n    matchLabels: {{app: {app}}}\n"
            f"  template:\n    metadata:\n      labels: {{app: {app}}}\n"
            f"    spec:\n      containers:\n      - name: web\n        image: {image}\n"
        )


def new_store() -> Store:
    """A store in memory."""
    return Store()


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[..., World]:
    """Worlds on one folder, not started yet; given a store, it is another life of that cluster."""

    def make(store: Store | None = None) -> World:
        (tmp_path / "folder").mkdir(exist_ok=True)
        return World(tmp_path / "folder", store)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world().start()
