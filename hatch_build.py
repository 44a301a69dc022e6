"""Build step: distil the API schema of Kubernetes v1.36 into two small files inside the package.

In comes `_definitions.json` of the package `kubernetes-validate` (OpenAPI as the API server publishes it). Out go, for
the types that the served kinds reach (beta and alpha versions and list kinds are left out):

- `engine/api/data/schema-v1.36.zst`: one line a type: name, tab, its fields as JSON (read by engine.api.schema);
- `engine/api/data/schema-docs-v1.36.zst`: one line a type: name, tab, `{"": type's doc, field: doc}`; also for those
  that are a form instead of fields.

Hatchling runs it for wheels and editable installs alike; `python hatch_build.py` does so by hand.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import zstandard

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand in an environment without hatchling
    BuildHookInterface = object

VERSION = "v1.36"
SOURCE = "kubernetes-json-schema/v1.36.0-local/_definitions.json"
DATA = Path(__file__).parent / "engine" / "api" / "data"
OUTPUTS = (f"schema-{VERSION}.zst", f"schema-docs-{VERSION}.zst")

SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "microtime",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "raw",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "raw",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
}
"""Types that Go decodes by a method of their own: a form instead of fields."""
ATTRIBUTES = {
    "x-kubernetes-patch-merge-key": "mk",
    "x-kubernetes-patch-strategy": "ps",
    "x-kubernetes-list-type": "lt",
    "x-kubernetes-list-map-keys": "lk",
    "x-kubernetes-map-type": "mt",
    "enum": "e",
}


def definitions() -> dict[str, Any]:
    """The OpenAPI definitions as the installed `kubernetes-validate` carries them."""
    spec = importlib.util.find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("kubernetes-validate is not installed: pip install 'kubernetes-validate==1.37.0'")
    path = Path(next(iter(spec.submodule_search_locations))) / SOURCE
    found: dict[str, Any] = json.loads(path.read_text())["$defs"]
    return found


def field(schema: dict[str, Any]) -> dict[str, Any]:
    """One field: `t` its form, `r` the type it refers to, `i` what its items or values are, and attributes."""
    out: dict[str, Any] = {}
    declared = schema.get("type")
    kind = next((t for t in declared if t != "null"), None) if isinstance(declared, list) else declared
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in SPECIAL:
            out["t"] = SPECIAL[name]
        else:
            out["r"] = name
    elif kind == "array":
        out["t"], out["i"] = "list", field(schema["items"])
    elif kind == "object":
        out["t"] = "map" if "additionalProperties" in schema else "raw"
        if "additionalProperties" in schema:
            out["i"] = field(schema["additionalProperties"])
    elif kind == "string":
        out["t"] = "bytes" if schema.get("format") == "byte" else "string"
    elif kind == "integer":
        out["t"] = schema.get("format", "int64")
    elif kind == "number":
        out["t"] = "float64"
    elif kind == "boolean":
        out["t"] = "bool"
    else:
        out["t"] = "any"
    for long, short in ATTRIBUTES.items():
        if long in schema:
            out[short] = schema[long]
    return out


def references(entry: dict[str, Any]) -> list[str]:
    """Types that a field mentions."""
    found = [entry["r"]] if "r" in entry else []
    return found + references(entry["i"]) if "i" in entry else found


def distil(types: dict[str, Any]) -> tuple[str, str]:
    """The two files' texts."""
    kept: dict[str, dict[str, Any]] = {}
    todo = []
    for name, schema in types.items():
        gvks = schema.get("x-kubernetes-group-version-kind", [])
        if gvks and "items" not in schema.get("properties", {}) and not any(b in name for b in ("alpha", "beta")):
            todo.append(name)
    while todo:
        name = todo.pop()
        if name in kept or name in SPECIAL:
            continue
        schema = types[name]
        fields = {key: field(value) for key, value in schema.get("properties", {}).items()}
        for key in ("apiVersion", "kind"):
            if key in fields:
                fields[key].pop("e", None)
        entry: dict[str, Any] = {"f": fields}
        if schema.get("required"):
            entry["q"] = schema["required"]
        gvks = schema.get("x-kubernetes-group-version-kind", [])
        if len(gvks) == 1:
            entry["g"] = [gvks[0]["group"], gvks[0]["version"], gvks[0]["kind"]]
        if schema.get("x-kubernetes-map-type"):
            entry["mt"] = schema["x-kubernetes-map-type"]
        kept[name] = entry
        for value in fields.values():
            todo.extend(references(value))
    lines = []
    docs = [
        f"{name}\t{json.dumps({'': types[name].get('description', '')}, separators=(',', ':'))}" for name in SPECIAL
    ]
    for name in sorted(kept):
        lines.append(f"{name}\t{json.dumps(kept[name], separators=(',', ':'))}")
        schema = types[name]
        properties = schema.get("properties", {}).items()
        text = {key: value["description"] for key, value in properties if "description" in value}
        docs.append(f"{name}\t{json.dumps({'': schema.get('description', '')} | text, separators=(',', ':'))}")
    return "\n".join(lines), "\n".join(docs)


def write() -> None:
    """Write both files unless they are there already with the same content."""
    DATA.mkdir(parents=True, exist_ok=True)
    pack = zstandard.ZstdCompressor(level=19)
    for name, text in zip(OUTPUTS, distil(definitions()), strict=True):
        packed = pack.compress(text.encode())
        path = DATA / name
        if not path.exists() or path.read_bytes() != packed:
            path.write_bytes(packed)


class CustomBuildHook(BuildHookInterface):
    """Hatchling's custom hook (`[tool.hatch.build.hooks.custom]`)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        write()
        build_data["artifacts"].extend(f"/engine/api/data/{name}" for name in OUTPUTS)


if __name__ == "__main__":
    write()
    for output in OUTPUTS:
        print(f"{DATA / output}: {(DATA / output).stat().st_size} bytes")
