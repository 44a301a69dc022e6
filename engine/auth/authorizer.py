"""May they: system:masters may everything, nodes what their pods need, everybody what the roles say.

The cluster's own components are not asked (Caller.outside is False), so a question costs only those who come from
outside. Texts are apiserver's (endpoints/handlers/responsewriters/errors.go).
"""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from engine.api.errors import Forbidden
from engine.api.kinds import NAMESPACES, Kind
from engine.api.requests import Caller
from engine.auth.node_authorizer import NODES_GROUP, NodeAuthorizer
from engine.auth.rbac import Attributes, Rbac
from store.store import Store
from store.types import Resource

MASTERS: Final = "system:masters"


class Authorizer:
    """Of one cluster. Engine thread only."""

    def __init__(self, store: Store) -> None:
        self.rbac = Rbac(store)
        self._nodes = NodeAuthorizer(store)

    def decide(self, caller: Caller, asked: Attributes) -> tuple[bool, str]:
        """(whether the caller may, why)."""
        if MASTERS in caller.groups:
            return True, ""
        reason = ""
        if NODES_GROUP in caller.groups:
            allowed, reason = self._nodes.decide(caller, asked)
            if allowed:
                return True, ""
        allowed, why = self.rbac.allows(caller, asked)
        if not allowed and reason:
            why = f"{reason}, {why}" if why else reason
        return allowed, why

    def allows(self, caller: Caller, asked: Attributes) -> bool:
        return not caller.outside or self.decide(caller, asked)[0]

    def require(self, caller: Caller, asked: Attributes) -> None:
        """Raises Forbidden when the caller may not."""
        if not caller.outside:
            return
        allowed, reason = self.decide(caller, asked)
        if not allowed:
            raise refusal(caller, asked, reason)


def attributes(verb: str, kind: Kind, namespace: str, name: str, subresource: str) -> Attributes:
    """What a verb of the API asks for. A namespace is inside itself."""
    if kind.resource == NAMESPACES and name:
        namespace = name
    return Attributes(verb, kind.resource.group, kind.resource.plural, subresource, namespace, name)


def refusal(caller: Caller, asked: Attributes, reason: str = "") -> Forbidden:
    """`pods "web" is forbidden: User "ann" cannot get resource "pods" in API group "" in the namespace "shop"`."""
    if not asked.resource:
        why = f'User "{caller.user}" cannot {asked.verb} path "{asked.path}"'
        return Forbidden(f"forbidden: {why}" + (f": {reason}" if reason else ""))
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    why = f'User "{caller.user}" cannot {asked.verb} resource "{asked.combined}" in API group "{asked.group}" {where}'
    resource = Resource(asked.group, asked.resource)
    what = f'{resource} "{asked.name}"' if asked.name else str(resource)
    text = f"{what} is forbidden: {why}" + (f": {reason}" if reason else "")
    return Forbidden(text, resource=resource, name=asked.name)


_AUTHORIZERS: WeakKeyDictionary[Store, Authorizer] = WeakKeyDictionary()


def authorizer_of(store: Store) -> Authorizer:
    """The store's authorizer; it is made when it is first asked for, and lives as long as the store."""
    found = _AUTHORIZERS.get(store)
    if found is None:
        found = _AUTHORIZERS[store] = Authorizer(store)
    return found
