"""Image references as containerd reads them: `nginx` is `docker.io/library/nginx:latest`.

Grammar: github.com/distribution/reference. A reference that does not fit it is refused with the kubelet's words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_DOMAIN: Final = re.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9-]+)*(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?"
)
_PATH: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")


class Reference(NamedTuple):
    """A parsed image reference."""

    domain: str
    path: str
    tag: str
    """"" with a digest and no tag."""
    digest: str
    """`sha256:…`, or ""."""

    @property
    def repository(self) -> str:
        """`docker.io/library/nginx`."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar(self) -> str:
        """The repository as people write it: `nginx`, `quay.io/prometheus/node-exporter`."""
        if self.domain != "docker.io":
            return self.repository
        return self.path.removeprefix("library/")

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


class InvalidReference(ValueError):
    """The text is no image reference. The message is the kubelet's."""


@lru_cache(maxsize=4096)
def parse(image: str) -> Reference:
    """Parse and complete a reference. Raises InvalidReference."""
    rest, _, digest = image.partition("@")
    first, slash, remainder = rest.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first.startswith("[")):
        domain, path = first, remainder
    else:
        domain, path = "docker.io", rest
    if domain == "index.docker.io":
        domain = "docker.io"
    head, colon, tag = path.rpartition(":")
    if not colon:
        head, tag = path, ""
    if head != head.lower():
        raise InvalidReference(_refusal(image, f"invalid reference format: repository name ({head}) must be lowercase"))
    well_formed = (
        _DOMAIN.fullmatch(domain)
        and _PATH.fullmatch(head)
        and (not colon or _TAG.fullmatch(tag))
        and ("@" not in image or _DIGEST.fullmatch(digest))
    )
    if not well_formed:
        raise InvalidReference(_refusal(image, "invalid reference format"))
    if domain == "docker.io" and "/" not in head:
        head = f"library/{head}"
    if not tag and not digest:
        tag = "latest"
    return Reference(domain, head, tag, digest)


def _refusal(image: str, why: str) -> str:
    return f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {why}'
