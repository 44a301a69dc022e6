"""The file tree that a container sees besides its image: mounted volumes, /etc/hosts, /etc/resolv.conf, tokens.

Computed when somebody asks, as of an instant. A volume of ConfigMaps, Secrets or the downward API shows what the
kubelet's last look at the pod found, every 60 to 90 s; a file mounted by subPath stays as it was when the container
started. What a simulated program would have written is not there: an emptyDir or a claim is an empty directory.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from engine.api.kinds import CONFIGMAPS, SECRETS
from engine.clock import SECOND
from engine.kubelet import spread
from engine.kubelet.environment import allocatable_of, container_named, data_of, environment_of, expand
from engine.kubelet.identity import field_value, host_name, hosts_file, resource_value
from engine.kubelet.moments import Moments
from engine.network.dns import resolver_of
from store.types import JsonObject

SYNC_PERIOD: Final = (60 * SECOND, 90 * SECOND)
"""Between two looks of a kubelet at a pod at which nothing happens (`--sync-frequency`, spread by half)."""
_TOKEN_LIFE: Final = 3600
_NONE: Final[Mapping[str, Any]] = {}

Tokens = Callable[[JsonObject, str, int, int], str]
"""(pod, audience, seconds of life, instant of issue) → the text of a service account's token."""


class Mount(NamedTuple):
    """One volume mount of a container."""

    path: str
    volume: str
    """Name of the volume in the pod's spec; "" for the kubelet's own files."""
    type: str
    """`configMap`, `emptyDir`, `persistentVolumeClaim` …"""
    read_only: bool


class File(NamedTuple):
    """A regular file."""

    content: bytes
    mode: int = 0o644


class FileTree(NamedTuple):
    """What a container sees besides its image's own files."""

    files: Mapping[str, File]
    """By absolute path, sorted."""
    directories: Mapping[str, Mount]
    """Mounted directories by absolute path, also those that are empty."""
    mounts: tuple[Mount, ...]


def files_of(
    moments: Moments, pod: JsonObject, container: Mapping[str, Any], started_at: int, now: int, tokens: Tokens
) -> FileTree:
    """The tree at `now` of a container that began at `started_at` (instants of cluster time)."""
    status = pod.get("status") or _NONE
    addresses = tuple(each["ip"] for each in status.get("podIPs") or ())
    files = {
        "/etc/hostname": File(f"{host_name(pod).host}\n".encode()),
        "/etc/hosts": File(hosts_file(pod, addresses).encode()),
        "/etc/resolv.conf": File(resolver_of(pod).text().encode()),
        container.get("terminationMessagePath") or "/dev/termination-log": File(b"", 0o666),
    }
    mounts = [Mount(path, "", "kubelet", False) for path in files]
    directories: dict[str, Mount] = {}
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    looked = last_look(pod, started_at, now)
    environment: Mapping[str, str] | None = None
    for spec in container.get("volumeMounts") or ():
        volume = volumes.get(spec["name"])
        if volume is None:
            continue
        path = posixpath.normpath("/" + spec["mountPath"].strip("/"))
        type_ = next((key for key, value in volume.items() if key != "name" and value is not None), "emptyDir")
        written = type_ not in ("configMap", "secret", "downwardAPI", "projected")
        mount = Mount(path, spec["name"], type_, bool(spec.get("readOnly")) or not written)
        mounts.append(mount)
        within = spec.get("subPath") or ""
        if spec.get("subPathExpr"):
            environment = environment or environment_of(moments, pod, container, started_at)
            within = expand(spec["subPathExpr"], environment)
        held = volume_files(moments, pod, volume, started_at if within else looked, tokens)
        if within in held:
            files[path] = held[within]
            continue
        directories[path] = mount
        inside = f"{within}/" if within else ""
        for name, file in held.items():
            if name.startswith(inside):
                files[posixpath.join(path, name[len(inside) :])] = file
    return FileTree(dict(sorted(files.items())), dict(sorted(directories.items())), tuple(mounts))


def last_look(pod: JsonObject, started_at: int, now: int) -> int:
    """The instant of the kubelet's last look at a settled pod."""
    period = spread.within(SYNC_PERIOD, pod["metadata"]["uid"], "sync")
    return started_at + max(0, now - started_at) // period * period


def volume_files(
    moments: Moments, pod: JsonObject, volume: Mapping[str, Any], at: int, tokens: Tokens
) -> dict[str, File]:
    """Relative path → file of a volume whose content the kubelet makes; {} for any other."""
    made: dict[str, File] = {}
    sources = [volume]
    mode = 0o644
    if projected := volume.get("projected"):
        sources = projected.get("sources") or []
        mode = projected.get("defaultMode", mode)
    for source in sources:
        made.update(_source_files(moments, pod, source, mode, at, tokens))
    return dict(sorted(made.items()))


def _source_files(
    moments: Moments, pod: JsonObject, source: Mapping[str, Any], mode: int, at: int, tokens: Tokens
) -> Iterator[tuple[str, File]]:
    namespace = pod["metadata"]["namespace"]
    for field, resource, name in (("configMap", CONFIGMAPS, "name"), ("secret", SECRETS, "secretName")):
        if part := source.get(field):
            obj = moments.find(resource, namespace, part.get(name) or part.get("name") or "", at)
            data = data_of(obj, resource == SECRETS) if obj is not None else {}
            mode = part.get("defaultMode", mode)
            items = part.get("items") or [{"key": key, "path": key} for key in data]
            for item in items:
                if item["key"] in data:
                    yield item["path"], File(data[item["key"]], item.get("mode", mode))
    if part := source.get("downwardAPI"):
        for item in part.get("items") or ():
            yield item["path"], File(_told(moments, pod, item, at).encode(), item.get("mode", mode))
    if part := source.get("serviceAccountToken"):
        life = part.get("expirationSeconds") or _TOKEN_LIFE
        # A kubelet renews a token at four fifths of its life.
        renewed = at - at % (life * SECOND * 4 // 5)
        begun = max(renewed, 0)
        yield part["path"], File(tokens(pod, part.get("audience") or "", life, begun).encode(), mode)


def _told(moments: Moments, pod: JsonObject, item: Mapping[str, Any], at: int) -> str:
    """One file of the downward API."""
    if ref := item.get("fieldRef"):
        return field_value(pod, ref["fieldPath"]) or ""
    ref = item.get("resourceFieldRef") or _NONE
    container = container_named(pod, ref.get("containerName")) or _NONE
    return resource_value(ref, container, allocatable_of(moments, pod, at)) or ""
