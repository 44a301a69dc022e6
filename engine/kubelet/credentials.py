"""With which credentials an image is pulled: those of the pod's image pull secrets first, then the machine's own.

A pull secret holds a Docker configuration (`kubernetes.io/dockerconfigjson`, or the older `dockercfg`). The machine's
own, which `docker login` leaves in /var/lib/kubelet/config.json, is the annotation `kubarium.dev/docker-config` on its
Node: that file's text, or only the names of the registries (`registry.example,docker.io`). Passwords are not checked:
who has an entry for a registry is let in. Matching: pkg/credentialprovider/keyring.go.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.api.kinds import SECRETS
from engine.api.server import Api
from engine.kubelet.references import Reference
from store.types import JsonObject

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker

DOCKER_CONFIG: Final = "kubarium.dev/docker-config"
NODE: Final = "node"
"""The key of the machine's own credentials."""
_HUB: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")


class Access(NamedTuple):
    """How one image is asked for."""

    keys: tuple[str, ...] = ()
    """The credentials that fit its registry: `NODE`, or `namespace/secret`; empty: it is pulled anonymously."""

    @property
    def granted(self) -> bool:
        return bool(self.keys)


ANONYMOUS: Final = Access()


def access_of(worker: PodWorker, reference: Reference) -> Access:
    """The credentials that a pod has for an image; a pull secret that does not exist is told."""
    node, env = worker.node, worker.env
    wanted = [ref["name"] for ref in env.obj["spec"].get("imagePullSecrets") or () if ref.get("name")]
    if not wanted and not node.has_credentials:
        return ANONYMOUS
    access, missing = access_to(node.api, env.namespace, wanted, node.env.obj, reference)
    if missing:
        worker.say(
            "Warning", "FailedToRetrieveImagePullSecret",
            f"Unable to retrieve some image pull secrets ({', '.join(missing)}); attempting to pull the image may not "
            "succeed.",
        )  # fmt: skip
    return access


def access_to(
    api: Api, namespace: str, secrets: Sequence[str], node: JsonObject, reference: Reference
) -> tuple[Access, list[str]]:
    """The access of a pod with these image pull secrets, and the secrets that do not exist."""
    keys, missing = [], []
    for name in secrets:
        secret = api.find(SECRETS, namespace, name)
        if secret is None:
            missing.append(name)
        elif any(fits(registry, reference) for registry in secret_registries(secret.obj)):
            keys.append(f"{namespace}/{name}")
    if any(fits(registry, reference) for registry in node_registries(node)):
        keys.append(NODE)
    return Access(tuple(keys)), missing


def node_registries(node: JsonObject) -> Sequence[str]:
    """The registries that the machine itself has credentials for."""
    text: str = (node["metadata"].get("annotations") or {}).get(DOCKER_CONFIG) or ""
    if text.lstrip().startswith("{"):
        return list(_registries(text, "auths"))
    return [part.strip() for part in text.split(",") if part.strip()]


def secret_registries(secret: JsonObject) -> Sequence[str]:
    """The registries that an image pull secret has credentials for; none when it is of another kind."""
    data: Mapping[str, str] = secret.get("data") or {}
    found: list[str] = []
    for key, within in ((".dockerconfigjson", "auths"), (".dockercfg", "")):
        if key in data:
            try:
                found += _registries(base64.b64decode(data[key]).decode(), within)
            except ValueError:
                continue
    return found


def fits(registry: str, reference: Reference) -> bool:
    """Whether credentials for `registry` (`https://index.docker.io/v1/`, `*.example:5000/shop`) are for an image."""
    host, _, path = registry.rpartition("://")[2].rstrip("/").partition("/")
    path = "" if path in ("v1", "v2") else path.removeprefix("v2/").removeprefix("v1/")
    if host in _HUB:
        host = "docker.io"
    wanted = reference.domain.split(".")
    parts = host.split(".")
    if len(parts) != len(wanted) or not all(
        fnmatchcase(given, part) for given, part in zip(wanted, parts, strict=True)
    ):
        return False
    return not path or reference.path == path or reference.path.startswith(f"{path}/")


def _registries(text: str, within: str) -> Iterator[str]:
    """Names of the entries of a Docker configuration that hold credentials; none when it is malformed."""
    try:
        config: Any = json.loads(text)
    except ValueError:
        return
    entries = config.get(within) if within and isinstance(config, dict) else config
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        if isinstance(entry, dict) and any(entry.get(key) for key in ("auth", "username", "identitytoken")):
            yield name
