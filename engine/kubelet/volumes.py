"""What a pod needs from ConfigMaps, Secrets and claims before its containers can be created.

A volume whose source is missing keeps the pod in ContainerCreating with FailedMount events, at waits that double from
0.5 s to 2 m 2 s; a missing key of an environment variable is a CreateContainerConfigError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from engine.api.kinds import CONFIGMAPS, PERSISTENTVOLUMECLAIMS, SECRETS
from engine.api.server import Api
from engine.clock import SECOND
from engine.kubelet.facts import ContainerFacts
from store.types import Envelope, Resource, Uid

_WORDS: Final = {CONFIGMAPS: "configmap", SECRETS: "secret"}
_AUTOMATIC: Final = "kube-root-ca.crt"
"""Published into every namespace by a controller; a pod does not wait for it here."""
_TOKENS: Final = "kube-api-access-"
"""How the volumes of service account tokens begin, that admission adds to nearly every pod."""
_FIRST_WAIT: Final = SECOND // 2
_LONGEST_WAIT: Final = 122 * SECOND


class MissingVolume(NamedTuple):
    """A volume of a pod that cannot be mounted."""

    volume: str
    message: str


class Volumes:
    """One node's view of what pods mount."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._waits: dict[Uid, int] = {}

    def missing(self, pod: Envelope) -> list[MissingVolume]:
        """The volumes whose sources do not exist; each is mounted, and fails, on its own."""
        found: list[MissingVolume] = []
        for volume in pod.obj["spec"].get("volumes") or ():
            if volume["name"].startswith(_TOKENS):
                continue
            if "persistentVolumeClaim" in volume or "ephemeral" in volume:
                why = self._unbound(pod, volume)
                if why:
                    found.append(MissingVolume(volume["name"], why))
            for resource, name, items, optional in _sources(volume):
                why = self._lacks(resource, pod.namespace, name, items)
                if why and not optional:
                    text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {why}'
                    found.append(MissingVolume(volume["name"], text))
                    break
        if not found:
            self._waits.pop(pod.uid, None)
        return found

    def wait(self, uid: Uid) -> int:
        """Microseconds until the next try to mount."""
        wait = self._waits.get(uid, 0)
        self._waits[uid] = wait = min(2 * wait, _LONGEST_WAIT) if wait else _FIRST_WAIT
        return wait

    def forget(self, uid: Uid) -> None:
        self._waits.pop(uid, None)

    def config_problem(self, pod: Envelope, facts: ContainerFacts) -> str | None:
        """Why a container's environment cannot be made; None when it can."""
        for source in facts.spec.get("envFrom") or ():
            for field, resource in (("configMapRef", CONFIGMAPS), ("secretRef", SECRETS)):
                ref = source.get(field)
                if ref and not ref.get("optional") and self._api.find(resource, pod.namespace, ref["name"]) is None:
                    return f'{_WORDS[resource]} "{ref["name"]}" not found'
        for variable in facts.spec.get("env") or ():
            given = variable.get("valueFrom") or {}
            for field, resource in (("configMapKeyRef", CONFIGMAPS), ("secretKeyRef", SECRETS)):
                ref = given.get(field)
                if not ref or ref.get("optional"):
                    continue
                found = self._api.find(resource, pod.namespace, ref["name"])
                if found is None:
                    return f'{_WORDS[resource]} "{ref["name"]}" not found'
                if ref["key"] not in _keys(found):
                    kind = "ConfigMap" if resource == CONFIGMAPS else "Secret"
                    return f"couldn't find key {ref['key']} in {kind} {pod.namespace}/{ref['name']}"
        return None

    def _unbound(self, pod: Envelope, volume: Mapping[str, Any]) -> str:
        """The scheduler sends no pod before its claims are bound; a pod that names its node itself may come early."""
        source = volume.get("persistentVolumeClaim")
        name = source["claimName"] if source is not None else f"{pod.name}-{volume['name']}"
        claim = self._api.find(PERSISTENTVOLUMECLAIMS, pod.namespace, name)
        if claim is None:
            why = f'failed to fetch PVC from API server: persistentvolumeclaims "{name}" not found'
        elif (claim.obj.get("status") or {}).get("phase") != "Bound":
            why = "PVC is not bound"
        else:
            return ""
        listed = volume["name"]
        return (
            f"Unable to attach or mount volumes: unmounted volumes=[{listed}], unattached volumes=[], "
            f"failed to process volumes=[{listed}]: error processing PVC {pod.namespace}/{name}: {why}"
        )

    def _lacks(self, resource: Resource, namespace: str, name: str, items: list[str]) -> str:
        found = self._api.find(resource, namespace, name)
        if found is None:
            return "" if name == _AUTOMATIC else f'{_WORDS[resource]} "{name}" not found'
        keys = _keys(found)
        if any(key not in keys for key in items):
            lacking = next(key for key in items if key not in keys)
            if resource == CONFIGMAPS:
                return f"configmap references non-existent config key: {lacking}"
            return f"references non-existent secret key: {lacking}"
        return ""


def _keys(env: Envelope) -> Mapping[str, Any]:
    return {**(env.obj.get("data") or {}), **(env.obj.get("binaryData") or {}), **(env.obj.get("stringData") or {})}


def _sources(volume: Mapping[str, Any]) -> Iterator[tuple[Resource, str, list[str], bool]]:
    """(kind, name, keys, optional) of each ConfigMap and Secret that a volume takes."""
    if "configMap" in volume:
        yield _source(CONFIGMAPS, volume["configMap"], "name")
    if "secret" in volume:
        yield _source(SECRETS, volume["secret"], "secretName")
    for part in (volume.get("projected") or {}).get("sources") or ():
        if "configMap" in part:
            yield _source(CONFIGMAPS, part["configMap"], "name")
        if "secret" in part:
            yield _source(SECRETS, part["secret"], "name")


def _source(resource: Resource, source: Mapping[str, Any], field: str) -> tuple[Resource, str, list[str], bool]:
    items = [item["key"] for item in source.get("items") or ()]
    return resource, source.get(field) or "", items, bool(source.get("optional"))
