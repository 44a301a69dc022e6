"""What a manifest leaves unsaid: every default that Kubernetes v1.36 fills in, one module per API group.

`apply_defaults` takes an object and gives it with defaults; the input is never changed, parts that lack nothing are
shared with it, and an object that lacks nothing is returned itself. Filling twice changes nothing. Quantities come out
in canonical form, as Kubernetes gives them back.

Source: the SetDefaults_* functions in pkg/apis/*/v1/defaults.go, and the conversions that fill twin fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from engine.api.defaults import (
    admissionregistration,
    apiextensions,
    apps,
    autoscaling,
    batch,
    core,
    flowcontrol,
    networking,
    pods,
    policy,
    rbac,
    scheduling,
    storage,
)
from engine.api.kinds import Kind
from store.types import JsonObject, Resource

Defaulter = Callable[[JsonObject], JsonObject]

DEFAULTERS: Final[Mapping[Resource, Defaulter]] = {
    Resource(group, plural): defaulter
    for group, table in (
        ("", {"pods": pods.pod, "podtemplates": pods.pod_template_object} | core.DEFAULTERS),
        ("apps", apps.DEFAULTERS),
        ("batch", batch.DEFAULTERS),
        ("autoscaling", autoscaling.DEFAULTERS),
        ("networking.k8s.io", networking.DEFAULTERS),
        ("discovery.k8s.io", networking.DISCOVERY),
        ("policy", policy.DEFAULTERS),
        ("rbac.authorization.k8s.io", rbac.DEFAULTERS),
        ("storage.k8s.io", storage.DEFAULTERS),
        ("scheduling.k8s.io", scheduling.DEFAULTERS),
        ("apiextensions.k8s.io", apiextensions.DEFAULTERS),
        ("admissionregistration.k8s.io", admissionregistration.DEFAULTERS),
        ("flowcontrol.apiserver.k8s.io", flowcontrol.DEFAULTERS),
    )
    for plural, defaulter in table.items()
}
"""One function per kind. Kinds that are not here have no defaults."""


def apply_defaults(kind: Kind, obj: JsonObject) -> JsonObject:
    """`obj` with every default of its kind. `obj` has been decoded: its fields have the right types."""
    defaulter = DEFAULTERS.get(kind.resource)
    return defaulter(obj) if defaulter is not None else obj
