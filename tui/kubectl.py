"""The kubectl commands that do what the console does, for people who want them in a script."""

from __future__ import annotations

import shlex

from engine.client import Item, Query


def _target(resource: str, item: Item) -> str:
    where = f" -n {item.namespace}" if item.namespace else ""
    return f"{resource} {shlex.quote(item.name)}{where}"


def query(asked: Query) -> str:
    """`kubectl get pods -n shop -l app=web`."""
    parts = ["kubectl get", asked.resource]
    parts.append("-A" if asked.namespace is None or "," in asked.namespace else f"-n {asked.namespace}")
    if asked.labels:
        parts.append(f"-l {shlex.quote(asked.labels)}")
    if asked.fields:
        parts.append(f"--field-selector {shlex.quote(asked.fields)}")
    return " ".join(parts)


def commands(resource: str, item: Item) -> list[tuple[str, str]]:
    """(what, command) for an object."""
    target = _target(resource, item)
    found = [
        ("table", f"kubectl get {target} -o wide"),
        ("yaml", f"kubectl get {target} -o yaml"),
        ("describe", f"kubectl describe {target}"),
    ]
    where = f" -n {item.namespace}" if item.namespace else ""
    if resource == "pods":
        found += [
            ("logs", f"kubectl logs {item.name}{where} -f"),
            ("kill", f"kubectl delete pod {item.name}{where} --grace-period=0 --force"),
        ]
    if resource == "nodes":
        found += [
            ("cordon", f"kubectl cordon {item.name}"),
            ("uncordon", f"kubectl uncordon {item.name}"),
            ("drain", f"kubectl drain {item.name} --ignore-daemonsets --delete-emptydir-data"),
        ]
    kind = resource.partition(".")[0].removesuffix("s")
    if kind in ("deployment", "replicaset", "statefulset"):
        replicas = (item.obj.get("spec") or {}).get("replicas", 1)
        found.append(("scale", f"kubectl scale {kind}/{item.name}{where} --replicas={replicas}"))
    if kind in ("deployment", "statefulset", "daemonset"):
        found.append(("restart", f"kubectl rollout restart {kind}/{item.name}{where}"))
    found.append(("delete", f"kubectl delete {target}"))
    return found
