"""A cluster served on a real socket, with certificates, for clients that exist."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.client import ConnectOptions, WireOptions, WirePlace
from engine.local import LocalClient

NODE: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}


@dataclass(frozen=True, slots=True)
class Served:
    client: LocalClient
    place: WirePlace
    options: WireOptions


@contextmanager
def serving(folder: Path, speed: float = 20.0, port: int = 0) -> Iterator[Served]:
    """One node; cluster time runs fast, so that images are pulled and pods end while nobody sleeps."""
    options = WireOptions(str(folder / "pki"), str(folder / "kubeconfig"), port=port)
    client = LocalClient(ConnectOptions(speed=speed, wire=options))
    client.start()
    try:
        client.ready.result(30)
        assert client.endpoint is not None
        place = client.endpoint.result(30)
        client.create("nodes", "", NODE, intent="a node").result(30)
        yield Served(client, place, options)
    finally:
        client.stop(timeout=10)


def deployment(name: str, replicas: int = 2) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "c", "image": "nginx:1"}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }  # fmt: skip
