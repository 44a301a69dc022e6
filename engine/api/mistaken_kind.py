"""What a request is told that brings an object of another kind or version (transformDecodeError of apiserver)."""

from __future__ import annotations

from typing import Final

from engine.api.kinds import Kind, KindRegistry

_SCHEME: Final = "pkg/api/legacyscheme/scheme.go:30"
"""Where kube-apiserver makes the scheme of its kinds: the scheme's name."""
_PACKAGES: Final = {"": "core", "events.k8s.io": "core"}


def mistaken_kind(kinds: KindRegistry, wanted: Kind, version: str, named: str) -> str:
    """`version`, `named`: apiVersion and kind of what was given."""
    given = kinds.by_kind(version, named) or kinds.by_kind(version, named.removesuffix("List"))
    same = given is not None and named == wanted.kind and _package(given) == _package(wanted)
    if wanted.custom or same:
        return f"the API version in the data ({version}) does not match the expected API version ({wanted.api_version})"
    short = version.rpartition("/")[2]
    if given is None or given.custom:
        why = f'no kind "{named}" is registered for version "{version}" in scheme "{_SCHEME}"'
    else:
        why = f"converting ({short}.{named}) to ({_package(wanted)}.{wanted.kind}): unknown conversion"
    return f'{named} in version "{short}" cannot be handled as a {wanted.kind}: {why}'


def _package(kind: Kind) -> str:
    """Go's package of the form that a kind's versions have in common."""
    return _PACKAGES.get(kind.resource.group) or kind.resource.group.partition(".")[0]
