"""Pieces of OpenAPI v3 schemas, for the schemas of Kubarium's own kinds."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def text(description: str) -> Schema:
    return {"type": "string", "description": description}


def duration(description: str) -> Schema:
    return text(f"{description} A duration such as 300ms, 5s or 1m30s.")


def quantity(description: str) -> Schema:
    return {
        "x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}],
        "description": description,
    }  # fmt: skip


def flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def number(description: str) -> Schema:
    return {"type": "integer", "description": description}


def list_of(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


def words(description: str) -> Schema:
    """A list of strings."""
    return list_of({"type": "string"}, description)


def map_of(values: Schema, description: str) -> Schema:
    return {"type": "object", "additionalProperties": values, "description": description}


def obj(description: str, properties: Schema, required: list[str] | None = None) -> Schema:
    schema: Schema = {"type": "object", "description": description, "properties": properties}
    return schema | ({"required": required} if required else {})


def kind(name: str, description: str, spec: Schema, status: Schema | None = None) -> Schema:
    """A whole kind of kubarium.dev/v1alpha1, cluster-scoped."""
    properties: Schema = {
        "apiVersion": {"type": "string", "description": "kubarium.dev/v1alpha1"},
        "kind": {"type": "string", "description": name},
        "metadata": {"type": "object", "description": "Standard object's metadata. These objects have no namespace."},
        "spec": spec,
    }
    if status is not None:
        properties["status"] = status
    return obj(description, properties)
