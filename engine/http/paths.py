"""Where a request goes: `/apis/apps/v1/namespaces/shop/deployments/web/scale` taken apart (apiserver's RequestInfo).

`Catalogue` finds the kind that a group, version and plural name; it is made anew when a CRD comes or goes, and may be
read on any thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from engine.api.kinds import Kind, KindRegistry, version_rank
from engine.http.messages import Request

_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}
NAMESPACE_SUBRESOURCES: Final = frozenset({"status", "finalize"})


_NAME_TERM: Final = re.compile(r"(?:^|,)metadata\.name==?([^,=!/%\\]+)(?=,|$)")
"""A term that a name must equal."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What is asked for, in the words of an authorizer."""

    verb: str
    """get, list, watch, create, update, patch, delete, deletecollection; the HTTP method in lower case without a
    resource."""
    path: str
    group: str = ""
    version: str = ""
    plural: str = ""
    """"" for a path that names no resource (/healthz, /apis)."""
    namespace: str = ""
    """"" for cluster-scoped requests and for all namespaces."""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    """What follows the subresource (proxy paths)."""
    fields: str = ""
    """The field selector of a list or watch."""

    @property
    def single_name(self) -> str:
        """The only object that is asked for: the path's, or the one whose name a list or watch is held to; "": any."""
        if self.name or not self.fields or self.verb not in ("list", "watch"):
            return self.name
        found = _NAME_TERM.search(self.fields)
        name = found[1] if found is not None else ""
        return name if name not in (".", "..") else ""

    @property
    def is_resource(self) -> bool:
        return bool(self.plural)


def request_info(request: Request) -> RequestInfo:
    """Take a path apart. Never fails: what is no resource path has no plural."""
    path = request.path
    plain = RequestInfo(request.method.lower(), path)
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, steps = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, steps = parts[1], parts[2], parts[3:]
    else:
        return plain
    verb = _VERBS.get(request.method, request.method.lower())
    if steps[0] == "watch" and len(steps) > 1:
        steps, verb = steps[1:], "watch"
    namespace = ""
    if steps[0] == "namespaces" and len(steps) > 1:
        namespace = steps[1]
        if len(steps) > 2 and steps[2] not in NAMESPACE_SUBRESOURCES:
            steps = steps[2:]
    if not all(steps[:2]):
        return plain
    plural, name = steps[0], steps[1] if len(steps) > 1 else ""
    subresource = steps[2] if len(steps) > 2 else ""
    if verb in ("get", "watch") and not subresource:
        watching = verb == "watch" or request.parameter("watch").lower() in ("1", "true", "t")
        verb = "watch" if watching else verb if name else "list"
    elif verb == "delete" and not name:
        verb = "deletecollection"
    fields = request.parameter("fieldSelector") if verb in ("list", "watch") else ""
    return RequestInfo(verb, path, group, version, plural, namespace, name, subresource, "/".join(steps[3:]), fields)


class Catalogue:
    """Kinds by group, version and plural."""

    def __init__(self, kinds: KindRegistry) -> None:
        self._kinds = kinds
        self._seen: list[Kind] = []
        self._by_path: dict[tuple[str, str, str], Kind] = {}
        self._versions: dict[str, list[str]] = {}
        self.generation = 0
        """Counts what came and went."""

    def kind(self, group: str, version: str, plural: str) -> Kind | None:
        self.refresh()
        return self._by_path.get((group, version, plural))

    def groups(self) -> dict[str, list[str]]:
        """Served versions of each group, preferred ones first; groups in the order of discovery."""
        self.refresh()
        return self._versions

    def kinds(self) -> list[Kind]:
        self.refresh()
        return self._seen

    def refresh(self) -> None:
        """Look whether kinds came or went."""
        served = self._kinds.served()
        if len(served) == len(self._seen) and all(a is b for a, b in zip(served, self._seen, strict=True)):
            return
        own = [kind for kind in served if not kind.custom]
        custom = sorted((k for k in served if k.custom), key=lambda k: (k.resource.group, version_rank(k.version)))
        versions: dict[str, list[str]] = {}
        for kind in [*own, *custom]:
            found = versions.setdefault(kind.resource.group, [])
            if kind.version not in found:
                found.append(kind.version)
        self._by_path = {(k.resource.group, k.version, k.resource.plural): k for k in served}
        self._versions = versions
        self._seen = served
        self.generation += 1
