"""Serving the Kubernetes API beside a cluster: where, and with which files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class WireOptions:
    """Where the Kubernetes API of a cluster is served."""

    certificates: str
    """Folder of the CA, the certificates and their keys; made when it is not there."""
    kubeconfig: str
    """File that is written for kubectl, readable by its owner alone."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 0
    """0: any that is free."""
    also: str | None = None
    """A second file for the kubeconfig, where Kubarium's own commands look for it; it may fail to be written."""


class WirePlace(NamedTuple):
    """Where the Kubernetes API is served now."""

    url: str
    """`https://127.0.0.1:41234`."""
    kubeconfig: str
    """File with this address and the administrator's certificate."""
