"""The kubectl commands that do what the console does, for people who want them in a script."""

from __future__ import annotations

import shlex
from typing import Final

from engine.client import Item, Query
from tui.references import containers_of, pod_spec_of

FORWARDED: Final = ("pods", "services", "deployments.apps", "statefulsets.apps", "replicasets.apps")
"""Kinds that `kubectl port-forward` takes."""


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


def forwards(resource: str, item: Item) -> list[tuple[str, str]]:
    """(port, command) for each TCP port of a pod, of a workload's template or of a Service."""
    kind, where = resource.partition(".")[0].removesuffix("s"), f" -n {item.namespace}" if item.namespace else ""
    if resource == "services":
        ports = [port | {"containerPort": port.get("port")} for port in (item.obj.get("spec") or {}).get("ports") or ()]
    else:
        ports = [port for c in containers_of(pod_spec_of(resource, item.obj)) for port in c.get("ports") or ()]
    found = []
    for port in ports:
        number = port.get("containerPort")
        if port.get("protocol", "TCP") == "TCP" and number:
            # Below 1024 only the superuser may listen.
            pair = str(number) if number >= 1024 else f"{8000 + number}:{number}"
            name = str(port.get("name") or number)
            found.append((name, f"kubectl port-forward {kind}/{item.name}{where} {pair}"))
    return list(dict.fromkeys(found))


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
            ("before", f"kubectl logs {item.name}{where} --previous"),
            ("shell", f"kubectl exec -it {item.name}{where} -- sh"),
            ("usage", f"kubectl top pod {item.name}{where}"),
            ("kill", f"kubectl delete pod {item.name}{where} --grace-period=0 --force"),
        ]
    if resource == "nodes":
        found += [
            ("usage", f"kubectl top node {item.name}"),
            ("cordon", f"kubectl cordon {item.name}"),
            ("uncordon", f"kubectl uncordon {item.name}"),
            ("drain", f"kubectl drain {item.name} --ignore-daemonsets --delete-emptydir-data"),
        ]
    kind = resource.partition(".")[0].removesuffix("s")
    if kind in ("deployment", "replicaset", "statefulset"):
        replicas = (item.obj.get("spec") or {}).get("replicas", 1)
        found.append(("scale", f"kubectl scale {kind}/{item.name}{where} --replicas={replicas}"))
    if kind in ("deployment", "statefulset", "daemonset"):
        found += [
            ("restart", f"kubectl rollout restart {kind}/{item.name}{where}"),
            ("rollouts", f"kubectl rollout history {kind}/{item.name}{where}"),
            ("back", f"kubectl rollout undo {kind}/{item.name}{where}"),
        ]
    if kind == "deployment":
        word = "resume" if (item.obj.get("spec") or {}).get("paused") else "pause"
        found.append((word, f"kubectl rollout {word} {kind}/{item.name}{where}"))
    containers = containers_of(pod_spec_of(resource, item.obj))
    if containers:
        images = " ".join(shlex.quote(f"{c['name']}={c.get('image', '')}") for c in containers)
        found.append(("image", f"kubectl set image {kind}/{item.name}{where} {images}"))
    if kind in ("cronjob", "job"):
        suspend = str(not (item.obj.get("spec") or {}).get("suspend")).lower()
        patch = f'{{"spec":{{"suspend":{suspend}}}}}'
        found.append(("suspend" if suspend == "true" else "resume", f"kubectl patch {target} -p '{patch}'"))
    if kind == "cronjob":
        found.append(("trigger", f"kubectl create job {item.name}-manual{where} --from=cronjob/{item.name}"))
    if resource == "secrets":
        template = "{{range $k, $v := .data}}{{$k}}: {{$v | base64decode}}{{println}}{{end}}"
        found.append(("decode", f"kubectl get {target} -o go-template='{template}'"))
    if resource == "serviceaccounts":
        found.append(("rights", f"kubectl auth can-i --list --as=system:serviceaccount:{item.namespace}:{item.name}"))
    if resource in FORWARDED:
        found += [("forward", command) for _, command in forwards(resource, item)]
    found += [
        ("edit", f"kubectl edit {target}"),
        ("events", f"kubectl events --for {kind}/{item.name}{where}"),
    ]
    found.append(("delete", f"kubectl delete {target}"))
    return found
