"""Malformed requests from a seed: request N is the same in every run, so a failure is one number.

Each is a valid request that went wrong in one way or several: its path, its query, its headers, its body as values or
as bytes, its patch, its protobuf. Manifests are those of the sample cluster.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import orjson
import yaml

from engine.api.kinds import Kind
from tests.engine.http.test_wire_protobuf import META, body, field

_SAMPLES: Final = Path(__file__).parents[3] / "sample-cluster"
_WORDS: Final = (
    "", " ", "a", "-", "..", ".", "/", "%", "*", "app", "web", "default", "kube-system", "metadata.name", "spec", "=",
    "==", "!=", "!", "in", "notin", "(", ")", ",", "a,b", "\0", "\n", "ä", "日本", "\u202e", "x" * 300, "\\", "\\,",
    "0", "-1",
    "1e9", "18446744073709551616", "true", "NaN", "null", "{}", "All", "Strict", "Exact", "Background",
)  # fmt: skip
_VALUES: Final[Sequence[Any]] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63 - 1, -(2**63), 0.5, 1e300, "", "x", "100m", "-1", "1Gi", "\0",
    "ä" * 100,
    "2026-13-45T99:00:00Z", [], {}, [None], [[]], [{}], {"": ""}, {"a": None}, ["a", "a"], {"name": "c"},
    [{"name": "c"}] * 2,
    {"matchLabels": None}, {"matchExpressions": [{"key": "a", "operator": "In"}]}, {"$patch": "delete"}, "x" * 5000,
    {"a": {"b": {"c": {"d": {"e": {"f": {"g": {}}}}}}}},
)  # fmt: skip
_PARAMETERS: Final = (
    "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch", "watch",
    "timeoutSeconds",
    "sendInitialEvents", "allowWatchBookmarks", "dryRun", "fieldManager", "fieldValidation", "force", "pretty",
    "propagationPolicy",
    "orphanDependents", "gracePeriodSeconds", "container", "follow", "tailLines", "sinceTime", "command", "stdin",
    "stdout", "ports",
    "includeObject", "timeout", "path",
)  # fmt: skip
_ACCEPTS: Final = (
    "", "*/*", "application/json", "application/yaml", "application/json;as=Table;v=v1;g=meta.k8s.io", "x", ";;;q=",
    "a/b;q=x,*/*;q=0",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", "application/json;as=Nonsense;v=v9;g=x",
)  # fmt: skip
_JSON: Final = "application/json"
_TYPES: Final = (
    _JSON, _JSON, _JSON, "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", "",
    "application/json; charset=x",
)  # fmt: skip
_PATCHES: Final = (
    "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)  # fmt: skip
_SUBRESOURCES: Final = (
    "status", "scale", "log", "exec", "attach", "portforward", "proxy", "eviction", "binding", "token", "approval",
    "finalize",
    "ephemeralcontainers", "resize", "nope", "proxy/a/b",
)  # fmt: skip
_OPERATIONS: Final = ("add", "remove", "replace", "move", "copy", "test", "", "jump")


class Asked(NamedTuple):
    """One request."""

    method: str
    target: str
    body: bytes
    headers: dict[str, str]


@cache
def manifests() -> tuple[dict[str, Any], ...]:
    found = []
    for path in sorted(_SAMPLES.rglob("*.yaml")):
        found += [each for each in yaml.safe_load_all(path.read_text()) if isinstance(each, dict)]
    return tuple(orjson.loads(orjson.dumps(each)) for each in found)


def asked(seed: int, number: int, kinds: Sequence[Kind]) -> Asked:
    """Request `number` of a seed."""
    chance = random.Random(f"{seed}-{number}")
    kind, manifest = _subject(chance, kinds)
    method = chance.choice((*("GET", "POST", "PUT", "PATCH") * 5, "PATCH", "PATCH", "DELETE", "OPTIONS", "BREW"))
    path, headers = (
        _path(chance, kind, manifest, method),
        {"accept": chance.choice(_ACCEPTS) if chance.random() < 0.2 else ""},
    )
    if method == "PATCH":
        headers["content-type"] = chance.choice((*_PATCHES * 3, "application/json", "x"))
        sent = _patch(chance, headers["content-type"], manifest)
    elif method in ("POST", "PUT") or chance.random() < 0.1:
        headers["content-type"] = chance.choice(_TYPES)
        sent = _body(chance, headers["content-type"], manifest)
    else:
        sent = b""
    if chance.random() < 0.05:
        headers["upgrade"] = chance.choice(("websocket", "SPDY/3.1", "h2c"))
    if chance.random() < 0.05:
        headers[chance.choice(("impersonate-user", "impersonate-group", "impersonate-uid"))] = chance.choice(_WORDS)
    return Asked(method, path + _query(chance), sent, headers)


def _subject(chance: random.Random, kinds: Sequence[Kind]) -> tuple[Kind, dict[str, Any]]:
    """A kind, and a manifest of it where there is one."""
    manifest = chance.choice(manifests())
    of_it = [each for each in kinds if (each.api_version, each.kind) == (manifest["apiVersion"], manifest["kind"])]
    if not of_it or chance.random() < 0.1:
        kind = chance.choice(kinds)
        return kind, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "x"}, "spec": {}}
    return of_it[0], manifest


def collection(kind: Kind, manifest: dict[str, Any]) -> str:
    """The path of the manifest's kind in its namespace."""
    steps = ["apis", kind.resource.group] if kind.resource.group else ["api"]
    steps.append(kind.version)
    if kind.namespaced:
        steps += ["namespaces", str((manifest.get("metadata") or {}).get("namespace", "default"))]
    return "/" + "/".join([*steps, kind.resource.plural])


def _path(chance: random.Random, kind: Kind, manifest: dict[str, Any], method: str) -> str:
    steps = collection(kind, manifest)[1:].split("/")
    if kind.namespaced and chance.random() < 0.05:
        del steps[-3:-1]
    if method != "POST" or chance.random() < 0.1:
        steps.append(str((manifest.get("metadata") or {}).get("name", "x")))
    if chance.random() < 0.15:
        steps.append(chance.choice(_SUBRESOURCES))
    while chance.random() < 0.07:
        steps[chance.randrange(len(steps))] = chance.choice(_WORDS)
    return "/" + "/".join(quote(step, safe="") if chance.random() < 0.9 else quote(step) for step in steps)


def _query(chance: random.Random) -> str:
    terms = []
    while chance.random() < 0.3:
        words = "".join(chance.choice(_WORDS) for _ in range(chance.randrange(1, 4)))
        terms.append(f"{chance.choice(_PARAMETERS)}={quote(words)}")
    if any(term.startswith("watch=") for term in terms):
        terms.append("timeoutSeconds=1")
    return "?" + "&".join(terms) if terms else ""


# -- bodies ----------------------------------------------------------------------------------------------------------


def mutated(chance: random.Random, value: Any, rate: float) -> Any:
    """The value with parts of it replaced, left out, doubled or added."""
    if chance.random() < rate:
        return chance.choice(_VALUES)
    if isinstance(value, dict):
        out = {k: mutated(chance, v, rate) for k, v in value.items() if chance.random() > rate}
        if chance.random() < rate:
            out[chance.choice((*_WORDS, "spec", "status", "name", "labels"))] = chance.choice(_VALUES)
        return out
    if isinstance(value, list):
        items = [mutated(chance, each, rate) for each in value]
        return items * 2 if chance.random() < rate else items
    return value


def _body(chance: random.Random, media: str, manifest: dict[str, Any]) -> bytes:
    if "protobuf" in media:
        return _protobuf(chance)
    made = mutated(chance, manifest, chance.choice((0.0, 0.02, 0.05, 0.2)))
    text = yaml.safe_dump(made).encode() if "yaml" in media else orjson.dumps(made)
    return _damaged(chance, text) if chance.random() < 0.2 else text


def _damaged(chance: random.Random, data: bytes) -> bytes:
    """Cut, with wrong bytes, nested without end, or nothing at all."""
    way = chance.randrange(5)
    if way == 0:
        return data[: chance.randrange(len(data) + 1)]
    if way == 1:
        out = bytearray(data)
        for _ in range(chance.randrange(1, 10)):
            out[chance.randrange(len(out))] = chance.randrange(256)
        return bytes(out)
    if way == 2:
        return chance.choice((b"[", b'{"a":', b"- ", b"&a [*a,")) * chance.choice((10, 5000))
    if way == 3:
        return data + data
    return chance.choice(
        (b"", b"null", b"[]", b"0", b'"x"', b"\xff\xfe", b"--- \n---\n", b"!!python/object:os.system {}")
    )


def _protobuf(chance: random.Random) -> bytes:
    quantity = field(1, "cpu") + field(2, field(1, chance.choice(("100m", "x", ""))))
    container = field(1, "c") + field(2, "nginx") + field(8, field(2, quantity))
    kind = chance.choice(("Pod", "ConfigMap", "Secret", "Service", "Deployment", "Nosuch", "DeleteOptions"))
    sent = bytearray(body("v1", kind, META + field(2, field(2, container)) + field(3, b"")))
    for _ in range(chance.randrange(6)):
        sent[chance.randrange(len(sent))] = chance.randrange(256)
    cut = chance.random() < 0.3
    return bytes(sent[: chance.randrange(len(sent))] if cut else sent)


def _patch(chance: random.Random, media: str, manifest: dict[str, Any]) -> bytes:
    if media == "application/json-patch+json" and chance.random() < 0.8:
        return orjson.dumps([_operation(chance, manifest) for _ in range(chance.randrange(5))])
    made = mutated(chance, manifest, chance.choice((0.0, 0.05, 0.2)))
    if chance.random() < 0.2 and isinstance(made, dict):
        made = {**made, "$patch": chance.choice(("replace", "delete", "merge", "nope", 3))}
        made["$retainKeys"] = chance.choice(_VALUES)
    if chance.random() < 0.2 and isinstance(made, dict) and isinstance(made.get("spec"), dict):
        order, lost = chance.choice(_VALUES), chance.choice(_VALUES)
        directives = {"$setElementOrder/containers": order, "$deleteFromPrimitiveList/finalizers": lost}
        made = {**made, "spec": {**made["spec"], **directives}}
    text = orjson.dumps(made)
    return _damaged(chance, text) if chance.random() < 0.2 else text


def _operation(chance: random.Random, manifest: dict[str, Any]) -> Any:
    if chance.random() < 0.05:
        return chance.choice(_VALUES)
    steps: list[str] = []
    value: Any = manifest
    while isinstance(value, dict | list) and value and chance.random() < 0.8:
        step = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        value = value[step]
        steps.append(str(step))
    if chance.random() < 0.3:
        steps.append(chance.choice(("-", "~0", "~1", "~", "99", "-1", "01", *_WORDS)))
    path = "".join(f"/{step}" for step in steps)
    made = {"op": chance.choice(_OPERATIONS), "path": path, "value": chance.choice((value, *_VALUES)), "from": path}
    return {k: v for k, v in made.items() if chance.random() < 0.95}


# -- frames ----------------------------------------------------------------------------------------------------------


def frames(seed: int, number: int) -> list[bytes]:
    """What a client of exec or port-forward sends: channels that are and are not, sizes that make no sense."""
    chance = random.Random(f"frames-{seed}-{number}")
    out = []
    for _ in range(chance.randrange(12)):
        channel = chance.choice((0, 0, 0, 1, 2, 3, 4, 4, 5, 17, 255))
        data = chance.choice((
            b"", b"\0", b"exit\n", b"help\n", b"ls; echo $X | cat\n", b'{"Width":80,"Height":24}', b'{"Width":-1}',
            b"{", b"\xff" * 300,
            chance.randbytes(chance.randrange(200)), bytes([chance.randrange(256)]),
            b"GET /hi HTTP/1.1\r\nHost: x\r\n\r\n",
        ))  # fmt: skip
        out.append(bytes([channel]) + data if chance.random() < 0.95 else data)
    return out
