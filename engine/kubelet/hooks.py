"""What a lifecycle hook does in a simulated container: how long it takes, and whether it fails, in the kubelet's words.

An exec hook follows its command (`engine.kubelet.commands`); of an unknown one only what it sleeps is counted, and it
succeeds. An httpGet hook fails only when nobody listens: its status is not looked at. A tcpSocket hook always fails,
as the field is kept for old manifests only. Source: pkg/kubelet/lifecycle/handlers.go.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.clock import SECOND
from engine.kubelet.commands import interpret
from engine.kubelet.runtime import ContainerSpec, HookRun

_NONE: Final[Mapping[str, Any]] = {}


def run_hook(spec: ContainerSpec, hook: Mapping[str, Any], listens: bool) -> HookRun:
    """The outcome of a LifecycleHandler. `listens`: the container's ports answer already."""
    pod = f"{spec.pod.name}_{spec.pod.namespace}({spec.pod.uid})"
    where = f'for Container "{spec.facts.name}" in Pod "{pod}" failed - error'
    if "sleep" in hook:
        return HookRun(int((hook["sleep"] or _NONE).get("seconds") or 0) * SECOND)
    if "exec" in hook:
        command = (hook["exec"] or _NONE).get("command") or []
        script = interpret(command)
        if script is None:
            return HookRun(_slept(command))
        if not script.code:
            return HookRun(script.after)
        shown, output = " ".join(command), "\\n".join(text for _, text in script.lines)
        return HookRun(
            script.after,
            f"Exec lifecycle hook ([{shown}]) {where}: command '{shown}' exited with {script.code}: {output}, "
            f'message: "{output}"',
        )
    if "httpGet" in hook:
        if listens:
            return HookRun(0)
        get = hook["httpGet"]
        address = f"{get.get('host') or spec.address}:{spec.facts.port(get.get('port'))}"
        path = "/" + (get.get("path") or "").lstrip("/")
        url = f"{(get.get('scheme') or 'HTTP').lower()}://{address}{path}"
        refused = f'Get "{url}": dial tcp {address}: connect: connection refused'
        return HookRun(0, f"HTTP lifecycle hook ({path}) {where}: {refused}")
    return HookRun(0, f"Cannot run handler: invalid handler: {next(iter(hook), '')}")


def _slept(command: Sequence[str]) -> int:
    """What a command line sleeps that is otherwise unknown, in microseconds."""
    for word, following in itertools.pairwise(" ".join(command).split()):
        number = following.rstrip("s;")
        if word.rpartition("/")[2] == "sleep" and number.replace(".", "", 1).isdigit():
            return round(float(number) * SECOND)
    return 0
