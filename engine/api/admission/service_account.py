"""ServiceAccount: every pod runs as one, gets its token mounted, and inherits its image pull secrets.

The volume's name ends in five random characters, so containers must be copied for each pod; everything inside them,
and the volume's sources, are shared by all pods of the cluster.
"""

from __future__ import annotations

from typing import Any, Final

from engine.api import errors
from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import PODS, SERVICEACCOUNTS
from store.types import JsonObject

MOUNT_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX: Final = "kube-api-access-"
_MIRROR: Final = "kubernetes.io/config.mirror"
_EXPIRY_SECONDS: Final = 3607
"""One hour and seven seconds: tokens of old clients are told apart by it."""
_PROJECTED: Final[JsonObject] = {
    "defaultMode": 420,
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": _EXPIRY_SECONDS, "path": "token"}},
        {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
        {
            "downwardAPI": {
                "items": [{"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}]
            }
        },
    ],
}


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    if _MIRROR in (obj["metadata"].get("annotations") or {}):
        _check_mirror(request, obj)
        return obj
    spec = spec_of(obj)
    name = spec.get("serviceAccountName") or "default"
    account = request.find(SERVICEACCOUNTS, request.namespace, name)
    if account is None:
        why = f'error looking up service account {request.namespace}/{name}: serviceaccount "{name}" not found'
        raise errors.forbidden(PODS, request.name, why)
    spec = {**spec, "serviceAccountName": name, "serviceAccount": name}
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.obj.get("automountServiceAccountToken")
    if wanted is None or wanted:
        _mount_token(request, spec)
    secrets = account.obj.get("imagePullSecrets")
    if secrets and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = secrets
    return {**obj, "spec": spec}


def _check_mirror(request: AdmissionRequest, obj: JsonObject) -> None:
    spec = spec_of(obj)
    if spec.get("serviceAccountName"):
        raise errors.forbidden(PODS, request.name, "a mirror pod may not reference service accounts")
    if any("secret" in volume for volume in spec.get("volumes") or ()):
        raise errors.forbidden(PODS, request.name, "a mirror pod may not reference secrets")


def _mount_token(request: AdmissionRequest, spec: JsonObject) -> None:
    """Change `spec`, a fresh dict, so that every container mounts the token, unless it mounts something there."""
    volumes: list[JsonObject] = spec.get("volumes") or []
    name = ""
    for volume in volumes:
        if volume["name"].startswith(VOLUME_PREFIX):
            name = volume["name"]
            break
    present = bool(name)
    if not present:
        name = VOLUME_PREFIX + request.seed.suffix()
    mount = {"mountPath": MOUNT_PATH, "name": name, "readOnly": True}
    mounted = False
    for key in ("containers", "initContainers"):
        containers = spec.get(key)
        if not containers:
            continue
        new = []
        for container in containers:
            mounts = container.get("volumeMounts")
            if mounts and _occupied(mounts):
                new.append(container)
            else:
                new.append({**container, "volumeMounts": [*mounts, mount] if mounts else [mount]})
                mounted = True
        spec[key] = new
    if mounted and not present:
        spec["volumes"] = [*volumes, {"name": name, "projected": _PROJECTED}]


def _occupied(mounts: list[Any]) -> bool:
    return any(mount.get("mountPath") == MOUNT_PATH for mount in mounts)
