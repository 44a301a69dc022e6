"""Why a pod's sandbox cannot be made on a machine: a runtime that it does not have, a name too long for its kernel.

A machine runs pods with `runc`, and with the handlers that the annotation `kubarium.dev/runtime-handlers` on its Node
names besides (`gvisor,kata`). A pod of a RuntimeClass asks for the class's handler.
"""

from __future__ import annotations

from typing import Final

from engine.api.kinds import RUNTIMECLASSES
from engine.api.server import Api
from engine.kubelet.identity import unusable_host_name
from store.types import JsonObject

HANDLERS: Final = "kubarium.dev/runtime-handlers"
_DEFAULT: Final = "runc"


def handlers(node: JsonObject) -> list[str]:
    """The runtime handlers of a machine, the default one first."""
    text: str = (node["metadata"].get("annotations") or {}).get(HANDLERS) or ""
    return list(dict.fromkeys([_DEFAULT, *filter(None, (part.strip() for part in text.split(",")))]))


def problem(api: Api, pod: JsonObject, node: JsonObject) -> str:
    """What containerd or the kubelet says about it; "" when the sandbox can be made."""
    spec = pod["spec"]
    name = spec.get("runtimeClassName")
    if name:
        found = api.find(RUNTIMECLASSES, "", name)
        if found is None:
            return f'runtimeclass.node.k8s.io "{name}" not found'
        handler = found.obj.get("handler") or ""
        if handler and handler not in handlers(node):
            return (
                "rpc error: code = Unknown desc = failed to get sandbox runtime: "
                f'no runtime for "{handler}" is configured'
            )
    return unusable_host_name(pod) if spec.get("setHostnameAsFQDN") else ""
