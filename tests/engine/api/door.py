"""An API with a namespace to play in, and short ways to use it as a person or as a component would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from engine.api.errors import ApiError
from engine.api.kinds import NAMESPACES, NODES, PODS, Kind, builtin_kinds
from engine.api.server import Api, Caller, DeleteOptions, FieldValidation
from engine.clock import SECOND, Clock, parse_time
from engine.seed import Seed
from store.store import Store
from store.types import Envelope, JsonObject, Resource, WatchEvent

START = parse_time("2026-11-23T09:00:00Z")
PERSON = Caller("kubernetes-admin", "1 test")
COMPONENT = Caller("system:serviceaccount:kube-system:replicaset-controller")


class Door:
    """`log` holds every event of the store."""

    def __init__(self) -> None:
        self.store = Store()
        self.clock = Clock(START)
        self.api = Api(self.store, self.clock, Seed(7), builtin_kinds())
        self.log: list[WatchEvent] = []
        for name in ("default", "kube-system"):
            self.api.create(COMPONENT, NAMESPACES, "", {"metadata": {"name": name}})
            self.api.create(
                COMPONENT, Resource("", "serviceaccounts"), name, {"metadata": {"name": "default"}}
            )  # fmt: skip
        self.store.listen(self.log.append)

    def kind(self, obj: JsonObject) -> Kind:
        kind = self.api.kinds.by_kind(obj["apiVersion"], obj["kind"])
        assert kind is not None, obj
        return kind

    def create(
        self, manifest: str | JsonObject, *, validation: FieldValidation | None = "Strict", namespace: str = "default",
        warnings: list[str] | None = None, dry_run: bool = False,
    ) -> Envelope:  # fmt: skip
        obj = yaml.safe_load(manifest) if isinstance(manifest, str) else manifest
        kind = self.kind(obj)
        namespace = (obj.get("metadata") or {}).get("namespace", namespace) if kind.namespaced else ""
        return self.api.create(
            PERSON, kind.resource, namespace, obj, field_validation=validation, warnings=warnings, dry_run=dry_run
        )

    def apply(self, manifest: str, **options: Any) -> Envelope:
        obj = yaml.safe_load(manifest)
        kind = self.kind(obj)
        namespace = (obj.get("metadata") or {}).get("namespace", "default") if kind.namespaced else ""
        return self.api.apply(PERSON, kind.resource, namespace, obj, **options)

    def refusal(self, manifest: str | JsonObject, **options: Any) -> ApiError:
        """The error that creating the manifest gives; nothing may have been written."""
        before = self.store.revision
        try:
            self.create(manifest, **options)
        except ApiError as error:
            assert self.store.revision == before
            return error
        raise AssertionError("it was accepted")

    def pod(self, name: str = "p", node: str = "", **meta: Any) -> Envelope:
        """A pod, on a node if one is named."""
        obj: JsonObject = {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **meta},
            "spec": {"containers": [{"name": "c", "image": "i"}], "terminationGracePeriodSeconds": 30},
        }  # fmt: skip
        env = self.create(obj)
        return self.api.bind(COMPONENT, "default", name, node) if node else env

    def node(self, name: str, labels: JsonObject) -> Envelope:
        return self.api.create(COMPONENT, NODES, "", {"metadata": {"name": name, "labels": labels}})

    def delete(self, env: Envelope, **options: Any) -> Envelope | None:
        return self.api.delete(PERSON, env.key.resource, env.namespace, env.name, DeleteOptions(**options))

    def now(self, env: Envelope) -> JsonObject:
        """The object's present state."""
        found = self.store.get(env.key)
        assert found is not None
        return found.obj

    def gone(self, env: Envelope) -> bool:
        return self.store.get(env.key) is None

    def wait(self, seconds: int) -> None:
        self.clock.advance(self.clock.now() + seconds * SECOND)

    def events(self, resource: Resource = PODS) -> Sequence[tuple[str, str]]:
        """(type, name) of what happened to a resource since the last call."""
        seen = [(event.type, event.now.name) for event in self.log if event.now.key.resource == resource]
        self.log.clear()
        return seen
