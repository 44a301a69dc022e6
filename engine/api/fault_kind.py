"""Schema of Fault (group kubarium.dev): something that is broken on purpose, for a while, and mended again.

Which actions there are is in `engine.client.faults`; what an action does is in `engine.faults`.
"""

from __future__ import annotations

from typing import Final

from engine.api.schema_parts import duration, kind, number, obj, quantity, text, words
from engine.client.faults import ACTIONS

_SELECTOR: Final = {
    "type": "object",
    "description": "Pods by their labels, also those that come later.",
    "properties": {
        "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}},
        "matchExpressions": {
            "type": "array",
            "items": obj(
                "A requirement.",
                {"key": text("Key."), "operator": text("In, NotIn, Exists, DoesNotExist."), "values": words("Values.")},
                ["key", "operator"],
            ),
        },
    },
}  # fmt: skip

FAULT: Final = kind(
    "Fault",
    "Fault breaks something on purpose: a node, a zone, pods, images, a registry, a controller. It ends after its "
    "duration in cluster time, or when it is deleted; then everything is as it was declared.",
    obj(
        "What is broken, and for how long. Only the duration can be changed later.",
        {
            "action": text("What is done: " + "; ".join(f"{name}: {rules.does}" for name, rules in ACTIONS.items())),
            "target": obj(
                "What it is aimed at.",
                {
                    "node": text("Name of a node."),
                    "zone": text("Nodes of a zone (label topology.kubernetes.io/zone)."),
                    "namespace": text("Of pods. Default: all namespaces; of a pod by name: default."),
                    "pod": text("Name of a pod."),
                    "selector": _SELECTOR,
                    "container": text("Only containers of this name."),
                    "image": text("Image as a pod names it (nginx, quay.io/shop/web), or a pattern such as shop/*."),
                    "registry": text("Registry by host name (docker.io, registry.example)."),
                    "controller": text("Controller by name (deployment-controller)."),
                },
            ),
            "duration": duration("How long it lasts, in cluster time. Default: until it is deleted."),
            "parameters": obj(
                "More about it.",
                {
                    "amount": quantity("Of pressures: how much is in use beside pods. Default: all but half of what "
                                       "the kubelet's hard eviction threshold wants left."),
                    "exitCode": number("Of PodCrash: the exit code. Default 1."),
                    "after": duration("Of PodCrash: from the container's start, or the fault's. Default 0s."),
                    "memory": quantity("Of PodOutOfMemory: how far memory grows. Default: beyond the limit."),
                    "probe": text("Of ProbeFailure: Readiness (default), Liveness or Startup."),
                    "delay": duration("Of SlowPull: added to each pull. Default 2m."),
                    "message": text("Of FailedPull: what the registry says."),
                },
            ),
        },
        ["action", "target"],
    ),
    obj(
        "How it stands.",
        {
            "phase": text("Active, Ended or Failed."),
            "startTime": text("When it began."),
            "endTime": text("When it ends, or ended."),
            "affected": words("What it touches: Node/worker-1, Pod/shop/cart-1 … The first fifty."),
            "affectedCount": number("How many objects it touches."),
            "message": text("More in words."),
            "removed": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": True,
                "description": "The Machine that is made anew at the end.",
            },
        },
    ),
)  # fmt: skip
