"""Content types: what a client sends, and what it is willing to read.

Bodies come as JSON, YAML or Kubernetes' protobuf; they leave as JSON or YAML. `Accept` may also ask for another shape
of the same thing: a Table, PartialObjectMetadata (apimachinery's transformations), aggregated discovery.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson
import yaml

from engine.api import errors
from engine.http import protobuf
from engine.http.messages import JSON, Request, Response

YAML: Final = "application/yaml"
_READABLE: Final = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
MAX_DEPTH: Final = 200
"""Nesting of maps and lists in a body."""
_PROTOBUF: Final = "application/vnd.kubernetes.protobuf"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the answer should look like."""

    content_type: str = JSON
    shape: str = ""
    """`Table`, `PartialObjectMetadata`, `PartialObjectMetadataList`, `APIGroupDiscoveryList`; "": the thing itself."""
    group: str = ""
    version: str = ""
    read: bool = False
    """A person may read the bytes: who takes anything (`*/*`) has no decoder in mind (curl, kubectl --raw)."""


_PLAIN: Final = Accepted(read=True)
_SHAPES: Final = {
    ("meta.k8s.io", "v1", "Table"), ("meta.k8s.io", "v1beta1", "Table"),
    ("meta.k8s.io", "v1", "PartialObjectMetadata"), ("meta.k8s.io", "v1", "PartialObjectMetadataList"),
    ("meta.k8s.io", "v1beta1", "PartialObjectMetadata"), ("meta.k8s.io", "v1beta1", "PartialObjectMetadataList"),
    ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList"),
}  # fmt: skip


def accepted(request: Request, *, shapes: bool = True) -> Accepted:
    """The best of what the client accepts. 406 when it accepts nothing that there is."""
    header = request.header("accept")
    if not header or header == "*/*":
        return _PLAIN
    ranked = []
    for index, part in enumerate(header.split(",")):
        media, *attributes = (word.strip() for word in part.split(";"))
        values = dict(word.split("=", 1) for word in attributes if "=" in word)
        ranked.append((-_quality(values.get("q", "1")), index, media.lower(), values))
    for quality, _, media, values in sorted(ranked, key=lambda each: each[:2]):
        content_type = {JSON: JSON, "*/*": JSON, "application/*": JSON, YAML: YAML}.get(media)
        if content_type is None or quality == 0:
            continue
        shape = (values.get("g", ""), values.get("v", ""), values.get("as", ""))
        if not shape[2]:
            return Accepted(content_type, read="*/*" in header)
        if shapes and shape in _SHAPES:
            return Accepted(content_type, shape[2], shape[0], shape[1])
    raise NotAcceptable(f"only the following media types are accepted: {_READABLE}")


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 1.0


class NotAcceptable(errors.ApiError):
    code, reason = 406, "NotAcceptable"


def encoded(obj: Any, form: Accepted, status: int = 200) -> Response:
    """An object in the form the client wants."""
    if form.content_type == YAML:
        text = yaml.dump(orjson.loads(orjson.dumps(obj)), Dumper=_DUMPER, default_flow_style=False, allow_unicode=True)
        return Response(status, text.encode(), YAML)
    return Response(status, orjson.dumps(obj) + b"\n", JSON)


def encoded_raw(raw: bytes, form: Accepted, status: int = 200) -> Response:
    """Canonical bytes in the form the client wants."""
    if form.content_type == YAML:
        return encoded(orjson.loads(raw), form, status)
    return Response(status, raw + b"\n", JSON)


_DUMPER: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def media_type(request: Request) -> str:
    return request.header("content-type").partition(";")[0].strip().lower()


def decoded(request: Request, what: str = "") -> Any:
    """The body as JSON values. BadRequest when it cannot be read, 415 for another content type.

    `what`: kind and version of what is expected, for the refusal.
    """
    media = media_type(request) or JSON
    body = request.body
    if media == _PROTOBUF or (media == JSON and body[:4] == protobuf.MAGIC):
        try:
            return protobuf.decode(body)
        except protobuf.CannotDecode as error:
            raise errors.BadRequest(str(error)) from None
    if media in (JSON, YAML, "application/x-yaml", "text/yaml"):
        return from_json(body, what) if media == JSON else from_yaml(body)
    raise errors.UnsupportedMediaType(
        f"the body of the request was in an unknown format - accepted media types include: {_READABLE}"
    )


def from_json(body: bytes, what: str = "") -> Any:
    """JSON, or YAML where it is no JSON: clients send YAML under JSON's name, as kubectl --raw does."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        text = _go_json_error(body, error)
        raise errors.BadRequest(f"{what}{text}" if what else text) from None
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _too_deep(value):
        raise errors.BadRequest("json: exceeded max depth")
    return value


def _too_deep(value: Any) -> bool:
    """Whether maps and lists are nested more deeply than can be written again."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for each in level
            if isinstance(each, dict | list)
            for part in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def _go_json_error(body: bytes, error: orjson.JSONDecodeError) -> str:
    """encoding/json's words, as near as the other parser's position allows."""
    if not body.strip() or error.pos >= len(error.doc):
        return "couldn't get version/kind; json parse error: unexpected end of JSON input"
    found = error.doc[error.pos] if error.pos < len(error.doc) else ""
    return f"couldn't get version/kind; json parse error: invalid character '{found}' looking for beginning of value"


def from_yaml(body: bytes) -> Any:
    """One YAML document as JSON values. BadRequest when it is none."""
    from engine.folder.yaml_reader import YamlError, read_document

    try:
        tree = read_document(body.decode())
    except UnicodeDecodeError:
        raise errors.BadRequest("yaml: invalid leading UTF-8 octet") from None
    except YamlError as error:
        raise errors.BadRequest(f"error converting YAML to JSON: yaml: {error}") from None
    except RecursionError:
        raise errors.BadRequest("error converting YAML to JSON: yaml: exceeded max depth") from None
    if tree is None:
        return None
    try:
        return orjson.loads(orjson.dumps(tree.value))
    except TypeError as error:  # a number of more than 64 bits
        raise errors.BadRequest(f"error converting YAML to JSON: {error}") from None


def agent_of(request: Request) -> str:
    """The user agent's first word before a slash, 128 letters at most; `unknown` without one."""
    agent = request.header("user-agent").partition("/")[0]
    return "".join(c for c in agent if c.isprintable())[:128] or "unknown"
