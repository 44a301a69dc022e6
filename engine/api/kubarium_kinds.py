"""Schemas of Kubarium's own kinds (group kubarium.dev): what a person can declare about the simulation.

`KUBARIUM_SCHEMAS` maps a kind to its OpenAPI v3 schema, in the shape of a CustomResourceDefinition's `openAPIV3Schema`.
"""

from __future__ import annotations

from typing import Any, Final

from engine.api.cloud_kinds import CLOUD_SCHEMAS
from engine.api.fault_kind import FAULT
from engine.api.schema_parts import duration as _duration
from engine.api.schema_parts import kind
from engine.api.schema_parts import obj as _object
from engine.api.schema_parts import quantity as _quantity

_IMAGE_SPEC: Final = _object(
    "How the image can be pulled and how its simulated containers behave. What is left out is as for an image that "
    "nobody declared: it exists, runs everywhere, answers its probes and runs until it is stopped.",
    {
        "image": {
            "type": "string",
            "description": "The repository as a pod names it: nginx, quay.io/shop/web, or a pattern such as "
            "registry.example/shop/*. A tag may follow. Default: the object's name.",
        },
        "tags": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Tags this object speaks of, or patterns such as 1.*. Empty: all. Where every Image of a "
            "repository lists tags, no other tag exists.",
        },
        "size": _quantity("Compressed size in bytes (70Mi); it decides how long a pull takes."),
        "platforms": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Platforms it was built for (linux/amd64). On other nodes the pull fails with "
            "`no match for platform in manifest`. Empty: all.",
        },
        "exists": {"type": "boolean", "description": "false: the registry does not have it. Default true."},
        "private": {
            "type": "boolean",
            "description": "true: pulling needs credentials for its registry: of an image pull secret, or the "
            "machine's own. Default false.",
        },
        "pullDelay": _duration("Added to each pull: a slow registry."),
        "startupDelay": _duration("From a container's start until it listens; probes are refused before."),
        "exit": _object(
            "The container ends by itself.",
            {
                "after": _duration("From its start to its end."),
                "code": {"type": "integer", "minimum": 0, "maximum": 255, "description": "Exit code. Default 0."},
            },
        ),
        "stop": _object(
            "What the container does when it is asked to stop (SIGTERM).",
            {
                "ignoresSigterm": {
                    "type": "boolean",
                    "description": "true: only SIGKILL, after the grace period, ends it.",
                },
                "after": _duration("From SIGTERM to its end."),
                "code": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 255,
                    "description": "Exit code then (143). Default 0.",
                },
            },
        ),
        "memory": _object(
            "Memory in use. Above the container's limit it is OOMKilled.",
            {
                "start": _quantity("In use at the start."),
                "growthPerSecond": _quantity("Growth each second: a leak."),
                "max": _quantity("Where growth ends. Default: never."),
            },
        ),
        "storage": _object(
            "Disk of the node in use: logs, and what is written outside of claims. Above the container's "
            "ephemeral-storage limit its pod is evicted.",
            {
                "start": _quantity("In use at the start."),
                "growthPerSecond": _quantity("Growth each second."),
                "max": _quantity("Where growth ends. Default: never."),
            },
        ),
        "pids": _object(
            "Processes and threads.",
            {
                "start": _quantity("At the start."),
                "growthPerSecond": _quantity("Growth each second: a leak."),
                "max": _quantity("Where growth ends. Default: never."),
            },
        ),
        "cpu": _quantity("CPU in use (100m)."),
        "logs": {
            "type": "array",
            "description": "Lines that its containers log.",
            "items": _object(
                "One template of log lines.",
                {
                    "text": {
                        "type": "string",
                        "description": "The line. {n}, {pod}, {container} and {seconds} are replaced.",
                    },
                    "at": _duration("From the start to the first such line."),
                    "every": _duration("Between lines. Without it the line appears once."),
                },
                ["text"],
            ),
        },
        "probes": {
            "type": "array",
            "description": "What its containers answer to probes.",
            "items": _object(
                "The answer on one path, or to every probe.",
                {
                    "path": {"type": "string", "description": "Path of an HTTP probe. Empty: every probe."},
                    "status": {
                        "type": "integer",
                        "minimum": 100,
                        "maximum": 599,
                        "description": "HTTP status. Default 200.",
                    },
                    "readyAfter": _duration("From the start until it answers so; refused before."),
                    "failsAfter": _duration("From the start until it answers 500 instead."),
                },
            ),
        },
        "http": {
            "type": "array",
            "description": "What its containers answer to HTTP requests (port-forward, proxy, wget and curl of other "
            "containers). The first that matches counts. Other paths: a page that says who answers.",
            "items": _object(
                "The answer on one path.",
                {
                    "path": {"type": "string", "description": "A path, or a pattern such as /api/*."},
                    "status": {
                        "type": "integer",
                        "minimum": 100,
                        "maximum": 599,
                        "description": "HTTP status. Default 200.",
                    },
                    "body": {
                        "type": "string",
                        "description": "{pod}, {namespace}, {container}, {address}, {path} and {port} are replaced.",
                    },
                    "contentType": {"type": "string", "description": "Default text/plain; charset=utf-8."},
                },
                ["path"],
            ),
        },
        "requires": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Environment variables without which its containers say so and exit with 1.",
        },
        "executables": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Programs of the image, by name or path. A container that asks for another one cannot be "
            "started. Empty: whatever is asked for.",
        },
        "commands": {
            "type": "array",
            "description": "Commands that exec finds in its containers, besides the few that every container has.",
            "items": _object(
                "One command.",
                {
                    "command": {
                        "type": "string",
                        "description": "Its first words (redis-cli ping). Of several that match, the longest counts.",
                    },
                    "output": {"type": "string", "description": "What it prints. {pod} and {container} are replaced."},
                    "error": {"type": "string", "description": "What it prints to its standard error."},
                    "code": {"type": "integer", "minimum": 0, "maximum": 255, "description": "Exit code. Default 0."},
                    "after": _duration("How long it takes."),
                },
                ["command"],
            ),
        },
    },
)

KUBARIUM_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "Image": kind(
        "Image",
        "Image declares how a container image behaves in the simulation: whether it can be pulled, its size and "
        "platforms, when its containers exit, what they log and use, and how they answer probes.",
        _IMAGE_SPEC,
    ),
    **CLOUD_SCHEMAS,
    "Fault": FAULT,
}
"""Kind → OpenAPI v3 schema."""
