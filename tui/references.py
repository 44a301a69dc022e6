"""Which objects a manifest refers to by name: configuration, secrets, claims, accounts. And who refers to one.

Pure functions over objects; a reference is (resource, name, how), in the object's own namespace. What is read follows
the pod's fields (volumes, env, envFrom, pull secrets, account), wherever a pod template stands, and what accounts,
Ingresses and bindings name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from engine.client import Item, Json

TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
    "pods": ("spec",),
    "deployments.apps": ("spec", "template", "spec"),
    "statefulsets.apps": ("spec", "template", "spec"),
    "daemonsets.apps": ("spec", "template", "spec"),
    "replicasets.apps": ("spec", "template", "spec"),
    "replicationcontrollers": ("spec", "template", "spec"),
    "jobs.batch": ("spec", "template", "spec"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template", "spec"),
}
"""Where a kind's pod spec stands."""
OTHER_REFERRERS: Final = (
    "serviceaccounts", "ingresses.networking.k8s.io", "rolebindings.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io", "persistentvolumes",
)  # fmt: skip
REFERRED: Final = ("configmaps", "secrets", "persistentvolumeclaims", "serviceaccounts")
"""Kinds that `u` asks for."""


class Reference(NamedTuple):
    """One name in an object."""

    resource: str
    name: str
    how: str
    """In what way: `volume config`, `env of web`."""
    namespace: str | None = None
    """None: that of the object which refers."""


def pod_spec_of(resource: str, obj: Json) -> Json:
    """The pod spec in an object, {} where it has none."""
    value: Any = obj
    for part in TEMPLATES.get(resource, ()):
        value = (value or {}).get(part) or {}
    return value if resource in TEMPLATES else {}


def containers_of(spec: Json) -> list[Json]:
    """All containers of a pod spec, init containers last."""
    return [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]


def references(resource: str, obj: Json) -> Iterator[Reference]:
    """What an object refers to."""
    if resource in TEMPLATES:
        yield from _of_pod_spec(pod_spec_of(resource, obj), obj["metadata"]["name"])
    elif resource == "serviceaccounts":
        for field, how in (("secrets", "secret"), ("imagePullSecrets", "pull secret")):
            for ref in obj.get(field) or ():
                yield Reference("secrets", ref["name"], how)
    elif resource.startswith("ingresses."):
        for tls in (obj.get("spec") or {}).get("tls") or ():
            if tls.get("secretName"):
                yield Reference("secrets", tls["secretName"], "TLS")
    elif resource.endswith("bindings.rbac.authorization.k8s.io"):
        role = (obj.get("roleRef") or {}).get("name", "")
        for subject in obj.get("subjects") or ():
            if subject.get("kind") == "ServiceAccount":
                yield Reference("serviceaccounts", subject["name"], f"role {role}", subject.get("namespace"))
    elif resource == "persistentvolumes":
        claim = (obj.get("spec") or {}).get("claimRef") or {}
        if claim:
            yield Reference("persistentvolumeclaims", claim["name"], "bound to it", claim.get("namespace"))


def _of_pod_spec(spec: Json, pod: str) -> Iterator[Reference]:
    for volume in spec.get("volumes") or ():
        yield from _of_volume(volume, pod)
    for container in containers_of(spec):
        for source in container.get("envFrom") or ():
            for field, resource in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
                if field in source:
                    yield Reference(resource, source[field].get("name", ""), f"env of {container['name']}")
        for variable in container.get("env") or ():
            value = variable.get("valueFrom") or {}
            for field, resource in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
                if field in value:
                    how = f"env {variable['name']} of {container['name']}"
                    yield Reference(resource, value[field].get("name", ""), how)
    for ref in spec.get("imagePullSecrets") or ():
        yield Reference("secrets", ref.get("name", ""), "pull secret")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        yield Reference("serviceaccounts", account, "account")


def _of_volume(volume: Json, pod: str) -> Iterator[Reference]:
    how = f"volume {volume['name']}"
    for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
        if "configMap" in source:
            yield Reference("configmaps", source["configMap"].get("name", ""), how)
        if "secret" in source:
            yield Reference("secrets", source["secret"].get("secretName") or source["secret"].get("name", ""), how)
    if "persistentVolumeClaim" in volume:
        yield Reference("persistentvolumeclaims", volume["persistentVolumeClaim"]["claimName"], how)
    if "ephemeral" in volume:
        yield Reference("persistentvolumeclaims", f"{pod}-{volume['name']}", how)


def users_of(resource: str, item: Item, where: str, candidates: list[Item]) -> Iterator[tuple[Item, str]]:
    """(object, how) of the candidates (of kind `where`) that refer to an object."""
    for candidate in candidates:
        hows = [
            ref.how
            for ref in references(where, candidate.obj)
            if ref.resource == resource
            and ref.name == item.name
            and (candidate.namespace if ref.namespace is None else ref.namespace) == item.namespace
        ]
        if hows:
            yield candidate, ", ".join(dict.fromkeys(hows))
