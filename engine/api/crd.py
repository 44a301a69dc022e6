"""CustomResourceDefinitions: serving what they define, while they are there.

A definition that is stored serves its kinds at once: the store's event registers them (also when a store is reopened),
and the API accepts the names (conditions NamesAccepted, Established). Deleting one marks it, deletes all its objects,
and lets it go when the last of them is gone (finalizer customresourcecleanup.apiextensions.k8s.io).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.api import rules, structural
from engine.api.errors import Cause, MethodNotAllowed
from engine.api.kinds import ALL_VERBS, CRDS, Kind, version_rank
from engine.api.requests import Caller, Context
from engine.clock import rfc3339
from store.types import DELETED, Envelope, JsonObject, ObjectKey, Resource, WatchEvent

SERVER: Final = Caller("system:apiserver")
_ANYTHING: Final[Mapping[str, Any]] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _deprecation(spec: JsonObject, version: JsonObject) -> str:
    """The version's own warning, or which newer version to use instead."""
    if not version.get("deprecated"):
        return ""
    told = version.get("deprecationWarning")
    if told is not None:
        return str(told)
    group, kind = spec["group"], spec["names"]["kind"]
    text = f"{group}/{version['name']} {kind} is deprecated"
    mine = version_rank(version["name"])
    better = [
        each["name"] for each in spec["versions"]
        if each.get("served") and not each.get("deprecated") and version_rank(each["name"]) < mine
    ]  # fmt: skip
    return f"{text}; use {group}/{min(better, key=version_rank)} {kind}" if better else text


class CustomKinds:
    """The kinds that CRDs define, and their schemas."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._schemas: dict[tuple[str, str], Mapping[str, Any]] = {}
        """(apiVersion, kind) → openAPIV3Schema."""
        self._ruled: set[tuple[str, str]] = set()
        """Of those, the ones with validation rules."""
        for env in context.store.list(CRDS):
            self._serve(env.obj)
        context.store.listen(self._on_event, CRDS)

    def serve_built_in(self, kinds: Mapping[str, Mapping[str, Any]], api_version: str) -> None:
        """Give Kubarium's own kinds their schemas."""
        for kind, schema in kinds.items():
            self._add_schema(api_version, kind, schema)

    def schema(self, kind: Kind) -> Mapping[str, Any] | None:
        """openAPIV3Schema of a kind, None for Kubernetes' own."""
        return self._schemas.get((kind.api_version, kind.kind))

    def judge(self, kind: Kind, obj: JsonObject, old: JsonObject | None) -> list[Cause]:
        """What the kind's schema and its rules say against an object. Rules are asked when the form is right."""
        openapi = self.schema(kind)
        if openapi is None:
            return []
        before = rules.MISSING if old is None else old
        causes = structural.validate(openapi, obj, old=before)
        if (kind.api_version, kind.kind) not in self._ruled:
            return causes
        if any(each.reason in rules.BLOCKING for each in causes):
            return [*causes, rules.UNCHECKED]
        return [*causes, *rules.judge(openapi, obj, before)]

    def require_creatable(self, kind: Kind) -> None:
        """Nothing is created of a kind whose definition is going away (405)."""
        definition = self.definition(kind)
        if definition is not None and "deletionTimestamp" in definition.obj["metadata"]:
            raise MethodNotAllowed("create not allowed while custom resource definition is terminating")

    def definition(self, kind: Kind) -> Envelope | None:
        """The CRD of a custom kind."""
        name = f"{kind.resource.plural}.{kind.resource.group}"
        return self._context.store.get(ObjectKey(CRDS.group, CRDS.plural, "", name)) if kind.custom else None

    def accepted_status(self, env: Envelope) -> JsonObject:
        """Status of a definition whose names are free: accepted and established."""
        now = rfc3339(self._context.clock.now())
        spec, status = env.obj["spec"], env.obj.get("status") or {}
        accepted, conflict = self._accepted(env)
        wanted = [
            ("NamesAccepted", not conflict, conflict[0] if conflict else "NoConflicts",
             conflict[1] if conflict else "no conflicts found"),
            ("Established", not conflict, "NotAccepted" if conflict else "InitialNamesAccepted",
             "not all names are accepted" if conflict else "the initial names have been accepted"),
        ]  # fmt: skip
        present = {c["type"]: c for c in status.get("conditions") or ()}
        conditions = []
        for type_, true, reason, message in wanted:
            value = "True" if true else "False"
            old = present.pop(type_, None)
            same = old is not None and old["status"] == value
            moved = old["lastTransitionTime"] if old is not None and same else now
            conditions.append(
                {"lastTransitionTime": moved, "message": message, "reason": reason, "status": value, "type": type_}
            )
        stored = list(status.get("storedVersions") or ())
        for version in spec.get("versions") or ():
            if version.get("storage") and version["name"] not in stored:
                stored.append(version["name"])
        return {
            "acceptedNames": accepted,
            "conditions": [*conditions, *present.values()],
            "storedVersions": stored,
        }

    def terminating_status(self, env: Envelope, reason: str, message: str) -> JsonObject:
        """Status while the objects of a definition are being deleted."""
        now = rfc3339(self._context.clock.now())
        status = env.obj.get("status") or {}
        done = reason == "InstanceDeletionCompleted"
        condition = {
            "lastTransitionTime": now, "message": message, "reason": reason, "status": "False" if done else "True",
            "type": "Terminating",
        }  # fmt: skip
        others = [c for c in status.get("conditions") or () if c["type"] != "Terminating"]
        return {**status, "conditions": [*others, condition]}

    # -- inside ----------------------------------------------------------------------------------------------------

    def _accepted(self, env: Envelope) -> tuple[JsonObject, tuple[str, str] | None]:
        """(the names that a definition gets, the last (reason, message) for which it does not get all)."""
        spec = env.obj["spec"]
        names = {"singular": spec["names"]["kind"].lower(), "listKind": f"{spec['names']['kind']}List", **spec["names"]}
        words, kinds = self._taken(spec["group"], names["plural"])
        got: JsonObject = {"kind": "", "plural": "", **((env.obj.get("status") or {}).get("acceptedNames") or {})}
        conflict: tuple[str, str] | None = None
        for field, reason, taken in (
            ("plural", "PluralConflict", words), ("singular", "SingularConflict", words),
            ("shortNames", "ShortNamesConflict", words), ("kind", "KindConflict", kinds),
            ("listKind", "ListKindConflict", kinds),
        ):  # fmt: skip
            wanted = names.get(field)
            clash = [each for each in (wanted if isinstance(wanted, list) else [wanted]) if each in taken]
            if clash:
                texts = [f'"{each}" is already in use' for each in clash]
                conflict = reason, texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
            elif wanted:
                got[field] = wanted
            else:
                got.pop(field, None)
        if names.get("categories"):
            got["categories"] = names["categories"]
        else:
            got.pop("categories", None)
        return got, conflict

    def _taken(self, group: str, plural: str) -> tuple[set[str], set[str]]:
        """(resources' names, kinds' names) of a group that others than this plural have."""
        words: set[str] = set()
        names: set[str] = set()
        for kind in self._context.kinds.all():
            if kind.resource.group == group and kind.resource.plural != plural:
                words |= {kind.resource.plural, kind.singular, *kind.short_names}
                names |= {kind.kind, kind.list_kind}
        return words, names

    def _on_event(self, event: WatchEvent) -> None:
        if event.before is not None:
            if event.type != DELETED and event.before.obj.get("spec") == event.now.obj.get("spec"):
                return
            self._withdraw(event.before.obj)
        if event.type != DELETED:
            self._serve(event.now.obj)
            return
        for env in self._context.store.list(CRDS):  # one that had to wait for the names
            if self._context.kinds.get(Resource(env.obj["spec"]["group"], env.obj["spec"]["names"]["plural"])) is None:
                self._serve(env.obj)

    def _serve(self, crd: JsonObject) -> None:
        spec, kinds = crd["spec"], self._context.kinds
        names = {"singular": spec["names"]["kind"].lower(), **spec["names"]}
        words, taken = self._taken(spec["group"], names["plural"])
        if words & {names["plural"], names["singular"], *(names.get("shortNames") or ())} or names["kind"] in taken:
            return
        resource = Resource(spec["group"], names["plural"])
        versions = sorted(spec.get("versions") or (), key=lambda v: not v.get("storage"))
        for version in versions:
            if not version.get("served"):
                continue
            kind = Kind(
                resource,
                version["name"],
                names["kind"],
                namespaced=spec.get("scope") == "Namespaced",
                singular=names["singular"],
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                subresources=frozenset(version.get("subresources") or ()),
                verbs=ALL_VERBS,
                generation=True,
                custom=True,
                selectable=tuple(each["jsonPath"].lstrip(".") for each in version.get("selectableFields") or ()),
                deprecation=_deprecation(spec, version),
            )
            if kinds.by_kind(kind.api_version, kind.kind) is None:
                kinds.add(kind)
                openapi = (version.get("schema") or {}).get("openAPIV3Schema") or _ANYTHING
                self._add_schema(kind.api_version, kind.kind, openapi)

    def _add_schema(self, api_version: str, kind: str, openapi: Mapping[str, Any]) -> None:
        self._schemas[api_version, kind] = openapi
        self._ruled.discard((api_version, kind))
        if rules.uses(openapi):
            self._ruled.add((api_version, kind))
        root = f"{api_version}/{kind}"
        self._context.schema.register(api_version, kind, structural.types_of(root, kind, openapi), root)

    def _withdraw(self, crd: JsonObject) -> None:
        spec, kinds = crd["spec"], self._context.kinds
        resource = Resource(spec["group"], spec["names"]["plural"])
        for kind in [kind for kind in kinds.served() if kind.resource == resource and kind.custom]:
            self._schemas.pop((kind.api_version, kind.kind), None)
            self._context.schema.forget(kind.api_version, kind.kind)
        present = kinds.get(resource)
        if present is not None and present.custom:
            kinds.remove(resource)
