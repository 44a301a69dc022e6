"""Which handler serves what: the one place where subresources and resources of their own kind are registered.

Add a line in `build_routes`. A handler gets a `Call` and answers with a Response, a Stream or an Upgrade; the kinds and
subresources themselves are data in engine/api/kinds.py.
"""

from __future__ import annotations

from engine.http import asking, components, proxying, streaming, subresources, usage
from engine.http.calls import Routes
from store.types import Resource


def build_routes() -> Routes:
    """All handlers beside the common verbs."""
    routes = Routes()
    for name in ("status", "ephemeralcontainers", "resize", "approval"):
        routes.subresource("*", name, subresources.part)
    routes.subresource("*", "scale", subresources.scale)
    routes.subresource("namespaces", "finalize", subresources.finalize)
    routes.subresource("pods", "eviction", subresources.eviction)
    routes.subresource("pods", "binding", subresources.binding)
    routes.subresource("serviceaccounts", "token", subresources.token)
    for plural in ("pods", "nodes"):
        routes.resource(Resource("metrics.k8s.io", plural), usage.usage)
        routes.subresource(plural, "proxy", proxying.proxy)
    routes.resource(Resource("", "componentstatuses"), components.component_statuses)
    routes.subresource("services", "proxy", proxying.proxy)
    routes.subresource("pods", "log", streaming.log)
    routes.subresource("pods", "exec", streaming.execute)
    routes.subresource("pods", "attach", streaming.attach)
    routes.subresource("pods", "portforward", streaming.portforward)
    for plural, question in (
        ("diagnoses", asking.diagnosis), ("connections", asking.connection), ("reversals", asking.reversal),
    ):  # fmt: skip
        routes.resource(Resource("kubarium.dev", plural), question)
    return routes
