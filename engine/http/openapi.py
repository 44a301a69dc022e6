"""OpenAPI v3 of what is served: an index with hashes, and a document for each group and version (v2: openapi_v2).

kubectl reads it for `explain`, for what `apply`, `edit` and `diff` merge, and to learn that the server validates fields
(the `fieldValidation` parameter of an operation). Documents are made from the distilled schema when first asked for,
custom resources' from their CRDs, and kept until kinds come or go. Used on the HTTP loop, with a schema of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from engine.api.decode import OBJECT_META
from engine.api.kinds import CRDS, Kind
from engine.api.kubarium_kinds import KUBARIUM_SCHEMAS
from engine.api.schema import Field, Schema, TypeInfo
from engine.http import openapi_v2
from engine.http.paths import Catalogue
from store.store import Store
from store.types import ObjectKey

_Json = dict[str, Any]
_REF: Final = "#/components/schemas/"
_PLAINEST: Final = "io.k8s.api.core.v1.ConfigMap"
"""A type whose words for what all objects have do for custom ones."""
_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING: Final = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_TIME: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
_MICRO_TIME: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"
_RAW: Final = "io.k8s.apimachinery.pkg.runtime.RawExtension"
_FIELDS: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1"
_JSON: Final = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"
_OR_ARRAY: Final = f"{_JSON}SchemaPropsOrArray"
_OR_BOOL: Final = f"{_JSON}SchemaPropsOrBool"
_OR_STRINGS: Final = f"{_JSON}SchemaPropsOrStringArray"
_NAMED: Final[Mapping[str, _Json]] = {
    _QUANTITY: {
        "description": "A number with a unit, such as 250m, 2 or 1Gi.",
        "oneOf": [{"type": "string"}, {"type": "number"}],
    },
    _INT_OR_STRING: {
        "description": "A whole number or a text, such as the port 8080 or http, the number of pods 1 or 25%.",
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
    _TIME: {"description": "An instant, RFC 3339.", "type": "string", "format": "date-time"},
    _MICRO_TIME: {"description": "An instant with microseconds, RFC 3339.", "type": "string", "format": "date-time"},
    _RAW: {"description": "Any object.", "type": "object"},
    _FIELDS: {"description": "A set of fields, as a tree of their names.", "type": "object"},
    _JSON: {"description": "Anything."},
    _OR_ARRAY: {"description": "A schema, or a list of them."},
    _OR_BOOL: {"description": "A schema, or true or false."},
    _OR_STRINGS: {"description": "A schema, or a list of texts."},
}  # fmt: skip
"""Types that are a form instead of fields; the schema's own words for them, where it has any, come before these."""
_NAME_OF_FORM: Final = {
    "quantity": _QUANTITY, "int-or-string": _INT_OR_STRING, "time": _TIME, "microtime": _MICRO_TIME,
}  # fmt: skip
_NAME_OF_ANY: Final[Mapping[str, str]] = {
    "additionalItems": _OR_BOOL, "additionalProperties": _OR_BOOL, "default": _JSON, "dependencies": _OR_STRINGS,
    "enum": _JSON, "example": _JSON, "items": _OR_ARRAY,
}  # fmt: skip
"""Only schemas have fields that may be anything: what they are called in Kubernetes."""
_SCALARS: Final[Mapping[str, _Json]] = {
    "string": {"type": "string"}, "bytes": {"type": "string", "format": "byte"}, "bool": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"}, "int64": {"type": "integer", "format": "int64"},
    "float64": {"type": "number", "format": "double"}, "any": {},
}  # fmt: skip
_ROOTS: Final = {
    ".well-known/openid-configuration": ("", "get service account issuer OpenID configuration"),
    "api": ("APIVersions", "get available API versions"),
    "apis": ("APIGroupList", "get available API versions"),
    "openid/v1/jwks": ("", "get service account issuer OpenID JSON Web Key Set"),
    "version": ("", "get the version information for this server"),
}
"""Documents of what belongs to no group: the kind that is answered with, "" for plain JSON, and what it is."""
_WRITE_PARAMETERS: Final = ("dryRun", "fieldManager", "fieldValidation")


class OpenApi:
    """Documents by path (`api/v1`, `apis/apps/v1`, `apis/apps`, `version`)."""

    def __init__(self, store: Store, catalogue: Catalogue) -> None:
        self._store, self._catalogue = store, catalogue
        self._schema: Schema | None = None
        self._built_in: dict[str, bytes] = {}
        self._documents: dict[str, tuple[str, bytes]] = {}
        self._generation = -1

    def index(self) -> _Json:
        """GET /openapi/v3: every document, in the order of their paths."""
        names = set(_ROOTS)
        for group, versions in self._catalogue.groups().items():
            names |= {f"apis/{group}/{version}" if group else f"api/{version}" for version in versions}
            if group:
                names.add(f"apis/{group}")
        return {
            "paths": {
                path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={self._document(path)[0]}"}
                for path in sorted(names)
            }
        }

    def document(self, path: str) -> tuple[str, bytes] | None:
        """(hash, document) of a group and version, of a group, or of what stands at the root; None if not served."""
        groups = self._catalogue.groups()
        match path.split("/"):
            case ["api", version]:
                served = version in groups.get("", ())
            case ["apis", group]:
                served = bool(group) and group in groups
            case ["apis", group, version]:
                served = bool(group) and version in groups.get(group, ())
            case _:
                served = path in _ROOTS
        return self._document(path) if served else None

    def swagger(self, *, protobuf: bool) -> bytes:
        """GET /openapi/v2: the definitions of all types."""
        self._refresh()
        path = "v2.pb" if protobuf else "v2.json"
        known = self._documents.get(path)
        if known is None:
            made = openapi_v2.definitions(self._made(self._catalogue.kinds())["components"]["schemas"])
            known = self._keep(path, openapi_v2.encoded(made) if protobuf else openapi_v2.document(made))
        return known[1]

    def _refresh(self) -> None:
        if self._generation != self._catalogue.generation:
            self._documents.clear()
            self._generation = self._catalogue.generation

    def _document(self, path: str) -> tuple[str, bytes]:
        self._refresh()
        known = self._documents.get(path)
        if known is not None:
            return known
        first, *rest = path.split("/")
        if path in _ROOTS or (first == "apis" and len(rest) == 1):
            return self._keep(path, orjson.dumps(self._discovery(path)))
        version = rest.pop()
        group = "".join(rest)
        kinds = [k for k in self._catalogue.kinds() if k.resource.group == group and k.version == version]
        plain = not any(kind.custom for kind in kinds)
        body = self._built_in.get(path) if plain else None
        if body is None:
            body = orjson.dumps(self._made(kinds))
            if plain:
                self._built_in[path] = body
        return self._keep(path, body)

    def _keep(self, path: str, body: bytes) -> tuple[str, bytes]:
        self._documents[path] = found = hashlib.sha512(body).hexdigest().upper(), body
        return found

    # -- one document ------------------------------------------------------------------------------------------------

    def _discovery(self, path: str) -> _Json:
        """What is no group's version: one address to GET, and the type that it answers with."""
        schema = self._schema = self._schema or Schema()
        kind, described = _ROOTS.get(path, ("APIGroup", "get information of a group"))
        info = schema.of("v1", kind)
        schemas: dict[str, _Json] = {}
        answer: _Json = {"type": "string"}
        if info is not None:
            self._add(schemas, info, schema)
            answer = {"$ref": _REF + info.name}
        address = f"/{path}/" if info is not None else f"/{path}"
        content = {"application/json": {"schema": answer}}
        operation = {"description": described, "responses": {"200": {"description": "OK", "content": content}}}
        return _openapi({address: {"get": operation}}, schemas)

    def _made(self, kinds: list[Kind]) -> _Json:
        schema = self._schema = self._schema or Schema()
        schemas: dict[str, _Json] = {}
        paths: dict[str, _Json] = {}
        for kind in kinds:
            info = schema.of(kind.api_version, kind.kind)
            if info is not None:
                name = info.name
                self._add(schemas, info, schema)
            else:
                name = _custom_name(kind)
                schemas[name] = self._custom(kind)
                self._add(schemas, schema.type(OBJECT_META), schema)
            schemas[name].setdefault("x-kubernetes-group-version-kind", [_gvk(kind)])
            paths |= _paths(kind, name)
            for subresource in kind.subresources & {"scale", "eviction", "token", "binding"}:
                self._add_subresource(schemas, schema, subresource)
        return _openapi(paths, schemas)

    def _add_subresource(self, schemas: dict[str, _Json], schema: Schema, name: str) -> None:
        api_version, kind = {
            "scale": ("autoscaling/v1", "Scale"), "eviction": ("policy/v1", "Eviction"),
            "token": ("authentication.k8s.io/v1", "TokenRequest"), "binding": ("v1", "Binding"),
        }[name]  # fmt: skip
        info = schema.of(api_version, kind)
        if info is not None:
            self._add(schemas, info, schema)

    def _add(self, schemas: dict[str, _Json], info: TypeInfo, schema: Schema) -> None:
        """A type and all that it refers to."""
        todo = [info]
        while todo:
            at = todo.pop()
            if at.name in schemas:
                continue
            docs = schema.docs(at.name)
            entry: _Json = {"description": docs.get("", ""), "type": "object"}
            if at.fields:
                entry["properties"] = {
                    name: _described(_field(each, schemas, todo), docs.get(name, ""))
                    for name, each in at.fields.items()
                }
            if at.required:
                entry["required"] = list(at.required)
            if at.gvk is not None:
                group, version, kind = at.gvk
                entry["x-kubernetes-group-version-kind"] = [{"group": group, "kind": kind, "version": version}]
            if at.map_type:
                entry["x-kubernetes-map-type"] = at.map_type
            schemas[at.name] = entry
        for name, own in _NAMED.items():
            if name in schemas:
                schemas[name]["description"] = schema.docs(name).get("") or own["description"]

    def _custom(self, kind: Kind) -> _Json:
        """The schema that a CRD gives, with the fields that every object has."""
        found: Mapping[str, Any] = KUBARIUM_SCHEMAS.get(kind.kind, {}) if kind.resource.group == "kubarium.dev" else {}
        plural, group = kind.resource.plural, kind.resource.group
        definition = self._store.get(ObjectKey(CRDS.group, CRDS.plural, "", f"{plural}.{group}"))
        if definition is not None:
            for version in definition.obj["spec"].get("versions") or ():
                if version.get("name") == kind.version:
                    found = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        schema: _Json = {"type": "object", **found}
        docs = self._schema.docs(_PLAINEST) if self._schema is not None else {}
        schema["properties"] = {
            **(found.get("properties") or {}),
            "apiVersion": _described({"type": "string"}, docs.get("apiVersion", "")),
            "kind": _described({"type": "string"}, docs.get("kind", "")),
            "metadata": _described({"allOf": [{"$ref": _REF + OBJECT_META}]}, docs.get("metadata", "")),
        }
        return schema


def _openapi(paths: _Json, schemas: _Json) -> _Json:
    return {
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.2"}, "paths": paths,
        "components": {"schemas": schemas},
    }  # fmt: skip


def _described(schema: _Json, text: str) -> _Json:
    if not text:
        return schema
    return {"description": text, **schema}


def _reference(name: str) -> _Json:
    return {"allOf": [{"$ref": _REF + name}]}


def _field(entry: Field, schemas: dict[str, _Json], todo: list[TypeInfo]) -> _Json:
    out: _Json
    if entry.form == "struct":
        todo.append(entry.type)
        out = _reference(entry.type_name)
    elif entry.form in ("list", "map"):
        inner = _item(entry.item, entry.name, schemas, todo) if entry.item is not None else {}
        out = (
            {"type": "array", "items": inner}
            if entry.form == "list"
            else {"type": "object", "additionalProperties": inner}
        )
    elif entry.form in _NAME_OF_FORM or entry.form == "raw":
        name = _NAME_OF_FORM.get(entry.form) or (_FIELDS if entry.name == "fieldsV1" else _RAW)
        out = _named(name, schemas)
    elif entry.form == "any" and entry.name in _NAME_OF_ANY:
        out = _named(_NAME_OF_ANY[entry.name], schemas)
    else:
        out = dict(_SCALARS[entry.form])
    for key, value in (
        ("enum", list(entry.values)), ("x-kubernetes-patch-merge-key", entry.merge_key),
        ("x-kubernetes-patch-strategy", entry.strategy), ("x-kubernetes-list-type", entry.list_type),
        ("x-kubernetes-list-map-keys", list(entry.map_keys)),
    ):  # fmt: skip
        if value:
            out[key] = value
    return out


def _named(name: str, schemas: dict[str, _Json]) -> _Json:
    schemas.setdefault(name, dict(_NAMED[name]))
    return _reference(name)


def _item(entry: Field, of: str, schemas: dict[str, _Json], todo: list[TypeInfo]) -> _Json:
    anything = entry.form == "any" and of in _NAME_OF_ANY
    found = _named(_NAME_OF_ANY[of], schemas) if anything else _field(entry, schemas, todo)
    return found["allOf"][0] if list(found) == ["allOf"] else found


def _custom_name(kind: Kind) -> str:
    """`dev.kubarium.v1alpha1.Image`: the group turned around, as CRDs' schemas are named."""
    return ".".join([*reversed(kind.resource.group.split(".")), kind.version, kind.kind])


def _gvk(kind: Kind) -> _Json:
    return {"group": kind.resource.group, "kind": kind.kind, "version": kind.version}


def _paths(kind: Kind, schema: str) -> dict[str, _Json]:
    base = f"/apis/{kind.resource.group}/{kind.version}" if kind.resource.group else f"/api/{kind.version}"
    if kind.namespaced:
        base += "/namespaces/{namespace}"
    base += f"/{kind.resource.plural}"
    verbs = set(kind.verbs)
    collection: _Json = {}
    single: _Json = {}
    for place, method, verb, action in (
        (collection, "get", "list", "list"), (collection, "post", "create", "post"),
        (collection, "delete", "deletecollection", "deletecollection"), (single, "get", "get", "get"),
        (single, "put", "update", "put"), (single, "patch", "patch", "patch"), (single, "delete", "delete", "delete"),
    ):  # fmt: skip
        if verb in verbs:
            place[method] = _operation(kind, schema, action, method in ("post", "put", "patch"))
    found = {base: collection} if collection else {}
    return {**found, base + "/{name}": single} if single else found


def _operation(kind: Kind, schema: str, action: str, writes: bool) -> _Json:
    content = {"application/json": {"schema": {"$ref": _REF + schema}}}
    operation: _Json = {
        "operationId": f"{action}{kind.version.title()}{kind.kind}",
        "responses": {"200": {"description": "OK", "content": content}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(kind),
    }
    if writes:
        operation["parameters"] = [
            {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
            for name in _WRITE_PARAMETERS
        ]
        operation["requestBody"] = {"content": content}
    return operation
