"""Why an image cannot be pulled, in the words of the machine's runtime: containerd's, or Docker's behind cri-dockerd.

A Node whose `status.nodeInfo.containerRuntimeVersion` begins with `docker://` has Docker; every other has containerd.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.kubelet.catalogue import ImageInfo
from engine.kubelet.platforms import normal, runs
from engine.kubelet.references import Reference


class Puller(NamedTuple):
    """What pulls images on one machine."""

    platform: str
    """`linux/arm64`"""
    docker: bool = False


def pull_failure(info: ImageInfo, reference: Reference, puller: Puller, credentials: bool) -> str:
    """What the runtime says about it; empty when the image can be pulled."""
    if info.exists and (credentials or not info.private) and runs(info.platforms, puller.platform):
        return ""
    return _docker(info, reference, puller, credentials) if puller.docker else _containerd(info, reference, credentials)


def _containerd(info: ImageInfo, reference: Reference, credentials: bool) -> str:
    unpack = f'failed to pull and unpack image "{reference}": '
    resolve = f'{unpack}failed to resolve reference "{reference}": '
    if not info.exists:
        return f"rpc error: code = NotFound desc = {resolve}{reference}: not found"
    if info.private and not credentials:
        return (
            f"{resolve}pull access denied, repository does not exist or may require authorization: "
            "server message: insufficient_scope: authorization failed"
        )
    return f"rpc error: code = NotFound desc = {unpack}no match for platform in manifest: not found"


def _docker(info: ImageInfo, reference: Reference, puller: Puller, credentials: bool) -> str:
    daemon = "Error response from daemon: "
    if not info.exists:
        named = f"{reference.familiar}:{reference.tag}" if reference.tag else f"{reference.familiar}@{reference.digest}"
        return f"{daemon}manifest for {named} not found: manifest unknown: manifest unknown"
    if info.private and not credentials:
        return (
            f"{daemon}pull access denied for {reference.familiar}, repository does not exist or may require "
            "'docker login': denied: requested access to the resource is denied"
        )
    system, architecture, variant = normal(puller.platform)
    wanted = "/".join([system, architecture, *([variant] if architecture in ("arm", "arm64") else [])])
    return f"rpc error: code = Unknown desc = no matching manifest for {wanted} in the manifest list entries"
