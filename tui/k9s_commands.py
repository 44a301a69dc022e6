"""What people of k9s type after `:` that has another name here, or is left out and why.

A person's own aliases go before all of it.
"""

from __future__ import annotations

from typing import Final

K9S_COMMANDS: Final = {
    "q!": "q",
    "qa": "q",
    "h": "help",
    "a": "aliases",
    "pu": "pulses",
    "hz": "pulses",
    "x": "xray",
    "can": "can-i",
    "policy": "can-i",
    "ctx": "contexts",
    "context": "contexts",
    "usr": "users",
    "grp": "groups",
}
"""Commands of k9s, and what they are here."""

_NO_PACKETS: Final = "no packets run in a simulated cluster"
_SANITIZER: Final = (
    "no linter is built in: ctrl-z in any table and :pulses show what needs a look, w says why, and "
    "`kubectl` with its plugins works on this cluster"
)
_SCREENDUMP: Final = "ctrl-s saves a table as CSV, a text or log as a file, in the working directory"
_FORWARD: Final = (
    "a forwarded port would end with the console's screen: shift-f on a pod, a Service or a workload gives the "
    "`kubectl port-forward` command for the shell beside"
)
_WORKLOADS: Final = "kinds are not mixed in one table: :pulses counts them all, :xray deploy what stands under each"
_RULES: Final = ":cr and :ro list roles, d on one shows its rules; :can-i user NAME tells what somebody may do"
LEFT_OUT: Final = {
    **dict.fromkeys(("popeye", "pop", "sanitizer"), _SANITIZER),
    **dict.fromkeys(("bench", "be", "benchmark", "benchmarks", "hey"), f"nothing to measure: {_NO_PACKETS}"),
    **dict.fromkeys(("sd", "screendump", "screendumps"), _SCREENDUMP),
    **dict.fromkeys(("pf", "portforward", "portforwards"), _FORWARD),
    **dict.fromkeys(("wk", "workload", "workloads"), _WORKLOADS),
    "rbac": _RULES,
    "helm": "charts are not kept in the cluster: `helm template NAME CHART > DIR/NAME.yaml` puts one into the folder",
    "plugins": "K gives the kubectl command for the shell beside; any action can have any key",
    "containers": "containers are those of a pod: enter on one lists them",
    "co": "containers are those of a pod: enter on one lists them",
}
"""Commands of k9s that are not here, and what to do instead."""
