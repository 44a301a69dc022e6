"""Why a Service leads nowhere, and why an Ingress does not answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.api.kinds import INGRESSCLASSES, PODS, SECRETS, SERVICES
from engine.api.selectors import from_labels
from engine.api.server import Api
from engine.client import Diagnosis, Finding
from engine.network.pod_endpoints import find_port, is_headless
from engine.why.parts import about, deletion, diagnosis, is_ready, pod_trouble, warnings
from store.types import Envelope


def service(api: Api, env: Envelope) -> Diagnosis:
    spec = env.obj["spec"]
    findings = deletion(env)
    if spec.get("type") == "ExternalName":
        return diagnosis(f"An alias of {spec.get('externalName')}", findings, True)
    balancer = (env.obj.get("status") or {}).get("loadBalancer") or {}
    if spec.get("type") == "LoadBalancer" and not balancer.get("ingress"):
        findings.append(Finding("warn", "Its load balancer is pending: no cloud has given it an address."))
    selector = spec.get("selector")
    if not selector:
        findings.append(Finding("warn", "It has no selector: its endpoints are whatever somebody writes."))
        return diagnosis("Without a selector", [*findings, *warnings(api, env)])
    pods = [pod for pod in api.store.list(PODS, env.namespace) if from_labels(selector).matches(pod.labels)]
    ready = [pod for pod in pods if is_ready(pod) and not pod.deleting]
    if not pods:
        wanted = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        findings.append(Finding("bad", f"No pod has the labels {wanted}."))
        findings += _near_misses(api, env, selector)
    elif not ready and not spec.get("publishNotReadyAddresses"):
        findings.append(Finding("bad", f"None of its {len(pods)} pods is ready."))
    findings += pod_trouble(api, pods)
    for port in spec.get("ports") or ():
        findings += _port(env, port, ready or pods)
    fine = bool(ready) and not any(finding.tone == "bad" for finding in findings)
    kind = "headless, " if is_headless(spec) else ""
    return diagnosis(f"{kind}{len(ready)} of {len(pods)} pods ready behind it", findings, fine)


def _near_misses(api: Api, env: Envelope, selector: Mapping[str, str]) -> Iterator[Finding]:
    """Pods that have some of the labels: what they have instead of the others."""
    best: dict[str, tuple[int, Envelope]] = {}
    for pod in api.store.list(PODS, env.namespace):
        shared = sum(pod.labels.get(key) == value for key, value in selector.items())
        known = sum(key in pod.labels for key in selector)
        if shared or known:
            owner = pod.owner or pod.uid
            best.setdefault(owner, (shared * 10 + known, pod))
    for _, pod in sorted(best.values(), key=lambda pair: -pair[0])[:3]:
        differs = [
            f"{key} is {pod.labels[key]!r}" if key in pod.labels else f"{key} is missing"
            for key, value in sorted(selector.items())
            if pod.labels.get(key) != value
        ]
        yield about("warn", f"Pod {pod.name} comes close: {', '.join(differs)}.", pod)


def _port(env: Envelope, port: Mapping[str, Any], pods: list[Envelope]) -> Iterator[Finding]:
    if not pods:
        return
    target = port.get("targetPort") or port["port"]
    found = [find_port(pod.obj, dict(port)) for pod in pods]
    if isinstance(target, str) and not any(found):
        yield about("bad", f'Port {port["port"]}: no container of {pods[0].name} names a port "{target}".', pods[0])
        return
    declared = [
        each["containerPort"]
        for container in pods[0].obj["spec"].get("containers") or ()
        for each in container.get("ports") or ()
    ]
    number = next((each for each in found if each), None)
    if declared and number is not None and number not in declared:
        listens = ", ".join(str(each) for each in declared)
        text = f"Port {port['port']} leads to {number}, where {pods[0].name} does not listen (it declares {listens})."
        yield about("bad", text, pods[0])


def ingress(api: Api, env: Envelope) -> Diagnosis:
    spec = env.obj["spec"]
    findings = deletion(env)
    name = spec.get("ingressClassName")
    if name and api.find(INGRESSCLASSES, "", name) is None:
        findings.append(Finding("bad", f'IngressClass "{name}" does not exist: no controller serves it.'))
    elif not name:
        findings.append(Finding("warn", "It names no IngressClass, and none was the default when it was created."))
    for tls in spec.get("tls") or ():
        secret = tls.get("secretName")
        if secret and api.find(SECRETS, env.namespace, secret) is None:
            findings.append(Finding("bad", f'Secret "{secret}" of its TLS section does not exist.'))
    backends = [(f"{r.get('host', '*')}{p.get('path', '/')}", p.get("backend")) for r in spec.get("rules") or ()
                for p in (r.get("http") or {}).get("paths") or ()]  # fmt: skip
    if spec.get("defaultBackend"):
        backends.append(("default backend", spec["defaultBackend"]))
    for where, backend in backends:
        findings += _backend(api, env, where, (backend or {}).get("service"))
    fine = not any(finding.tone in ("bad", "warn") for finding in findings)
    return diagnosis(f"{len(backends)} ways through it", [*findings, *([] if fine else warnings(api, env))], fine)


def _backend(api: Api, env: Envelope, where: str, backend: Mapping[str, Any] | None) -> Iterator[Finding]:
    if not backend:
        return
    found = api.find(SERVICES, env.namespace, backend["name"])
    if found is None:
        yield Finding("bad", f"{where}: Service {backend['name']} does not exist (503).")
        return
    port = backend.get("port") or {}
    ports = found.obj["spec"].get("ports") or ()
    named = port.get("name")
    if not any(port.get("number") == each["port"] or (named and named == each.get("name")) for each in ports):
        wanted = port.get("number") or port.get("name")
        has = ", ".join(str(each["port"]) for each in ports)
        yield about("bad", f"{where}: Service {found.name} has no port {wanted} (it has {has}).", found)
        return
    behind = service(api, found)
    if behind.tone != "ok":
        yield about("bad", f"{where}: Service {found.name}: {behind.headline}.", found)
        yield from behind.findings
    else:
        yield about("", f"{where} → Service {found.name}: {behind.headline}.", found)
