"""What a pod's labels and namespace make of its constraints on other pods.

`RelationResolver.resolve` turns topology spread constraints (its own, or the profile's defaults for pods of Services
and ReplicaSets), its terms of inter-pod affinity, and the terms of pods on nodes that mean it, into questions that the
table answers by row (engine.scheduler.selections). The result hashes by what it asks, so pods whose labels differ
without mattering (a StatefulSet's, say) have one class. A pod that none of it concerns keeps its plain class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from engine.api.kinds import REPLICASETS, REPLICATIONCONTROLLERS, STATEFULSETS
from engine.api.selectors import LabelSelector, Requirement, from_spec
from engine.api.server import Api
from engine.scheduler.affinity_terms import PodIdentity, Term, identity_of, narrowed, resolve_term
from engine.scheduler.nodes import NodeTable
from engine.scheduler.podclass import Classifier, PodClass
from engine.scheduler.profile import Profile
from engine.scheduler.selections import Holding, Part, Selection
from store.types import Envelope, JsonObject, Resource

_OWNERS: Final[Mapping[tuple[str, str], Resource]] = {
    ("apps", "ReplicaSet"): REPLICASETS,
    ("apps", "StatefulSet"): STATEFULSETS,
    ("", "ReplicationController"): REPLICATIONCONTROLLERS,
}


class SpreadTerm(NamedTuple):
    """A TopologySpreadConstraint of one pod."""

    key: str
    max_skew: int
    selection: Selection
    self_match: bool
    """The pod itself counts where it goes."""
    min_domains: int = 1
    honor_affinity: bool = True
    """nodeAffinityPolicy Honor: only nodes that the pod's node affinity matches count."""
    honor_taints: bool = False
    """nodeTaintsPolicy Honor: only nodes whose taints it tolerates count."""


class AffinityTerm(NamedTuple):
    """A term of inter-pod affinity of one pod."""

    term: Term
    selection: Selection
    weight: int = 0
    """Of a preferred term; negative for anti-affinity."""


class Relations(NamedTuple):
    """Everything that ties one pod to others."""

    hard: tuple[SpreadTerm, ...] = ()
    """DoNotSchedule"""
    soft: tuple[SpreadTerm, ...] = ()
    """ScheduleAnyway"""
    all_keys: bool = True
    """Soft constraints look only at nodes that have every topology key (not so for the system's defaults)."""
    affinity: tuple[AffinityTerm, ...] = ()
    """Required; `selection` is of the pods that match all of them."""
    affinity_self: bool = False
    """The pod matches its own required terms."""
    anti: tuple[AffinityTerm, ...] = ()
    """Required."""
    preferred: tuple[AffinityTerm, ...] = ()
    held_anti: tuple[Holding, ...] = ()
    """Required anti-affinity of pods on nodes that means this pod."""
    held_score: tuple[tuple[Holding, int], ...] = ()
    """Other terms of theirs that mean it, with weights."""


_NONE: Final = Relations()
_KNOWN_KEPT: Final = 4096


class ServiceSelectors:
    """Selectors of all Services, found by the pods that they select."""

    def __init__(self) -> None:
        self._by_pair: dict[str, dict[tuple[str, str], dict[str, Mapping[str, str]]]] = {}
        self._known: dict[tuple[str, str], Mapping[str, str]] = {}

    def put(self, namespace: str, name: str, selector: Mapping[str, str] | None) -> None:
        """Add or update; None or empty removes it."""
        before = self._known.pop((namespace, name), None)
        if before is not None:
            pair = min(before.items())
            del self._by_pair[namespace][pair][name]
            if not self._by_pair[namespace][pair]:
                del self._by_pair[namespace][pair]
        if selector:
            self._known[namespace, name] = selector
            pairs = self._by_pair.setdefault(namespace, {})
            pairs.setdefault(min(selector.items()), {})[name] = selector

    def __bool__(self) -> bool:
        return bool(self._known)

    def meaning(self, who: PodIdentity) -> dict[str, str]:
        """The selectors of the Services of this pod, as one."""
        merged: dict[str, str] = {}
        pairs = self._by_pair.get(who.namespace)
        if pairs:
            for pair in who.labels.items():
                for selector in pairs.get(pair, {}).values():
                    if all(who.labels.get(key) == value for key, value in selector.items()):
                        merged.update(selector)
        return merged


class RelationResolver:
    """Finds the class of a pod, relations included."""

    def __init__(self, api: Api, nodes: NodeTable, classes: Classifier) -> None:
        self._api, self._nodes, self._classes = api, nodes, classes
        self.services = ServiceSelectors()
        self._known: dict[tuple[object, ...], PodClass] = {}
        """What was resolved, by all that it depends on."""
        self._defaults: dict[tuple[tuple[tuple[str, str], ...], LabelSelector | None], LabelSelector] = {}

    def resolve(self, env: Envelope, base: PodClass, profile: Profile) -> PodClass:
        """`base`, or its class with the relations that the pod has now."""
        if (
            env.owner is None
            and not base.spread
            and not base.pod_terms
            and not self.services
            and not self._nodes.selections.held
        ):
            return base
        who = identity_of(env)
        default = self._default_selector(env, who) if profile.defaults_spread and not base.spread else None
        held = self._nodes.selections.holdings_meaning(who) if profile.relates else []
        if default is None and not held and not base.spread and not base.pod_terms:
            return base
        labels = tuple(who.labels.items()) if base.spread or base.pod_terms else ()
        # With the default selector only whether the pod itself matches depends on its labels, and it always does.
        key = base.number, who.namespace, labels, default, tuple([holding.number for holding in held])
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KNOWN_KEPT:
                self._known.clear()
            known = self._known[key] = self._resolve(base, who, profile, default, held)
        return known

    def forget(self) -> None:
        """Labels of a namespace changed: terms may mean others than before."""
        self._known.clear()

    def _resolve(
        self, base: PodClass, who: PodIdentity, profile: Profile, default: LabelSelector | None, held: list[Holding]
    ) -> PodClass:
        relations = _NONE
        if profile.spreads:
            constraints, selector = base.spread, None
            if default is not None:
                constraints, selector = list(profile.spread_defaults.constraints), default
                relations = relations._replace(all_keys=not profile.spread_defaults.system)
            relations = relations._replace(
                hard=self._spread(constraints, "DoNotSchedule", who, selector),
                soft=self._spread(constraints, "", who, selector),
            )
        if profile.relates:
            relations = self._affinity(base, who, profile, relations, held)
        return base if relations is _NONE or relations == _NONE else self._classes.with_relations(base, relations)

    # -- topology spread -------------------------------------------------------------------------------------------

    def _spread(
        self, constraints: Sequence[JsonObject], when: str, who: PodIdentity, selector: LabelSelector | None = None
    ) -> tuple[SpreadTerm, ...]:
        found = []
        for raw in constraints:
            if (raw.get("whenUnsatisfiable") == "DoNotSchedule") != (when == "DoNotSchedule"):
                continue
            own = selector
            if own is None:
                own = narrowed(from_spec(raw.get("labelSelector")), raw.get("matchLabelKeys") or (), who.labels)
            parts: tuple[Part, ...] = ((frozenset((who.namespace,)), own),)
            found.append(
                SpreadTerm(
                    raw["topologyKey"], raw["maxSkew"], self._nodes.selections.selection(parts, living=True),
                    own.matches(who.labels), raw.get("minDomains") or 1,
                    (raw.get("nodeAffinityPolicy") or "Honor") == "Honor",
                    (raw.get("nodeTaintsPolicy") or "Ignore") == "Honor",
                )
            )  # fmt: skip
        return tuple(found)

    def _default_selector(self, env: Envelope, who: PodIdentity) -> LabelSelector | None:
        """What the pod's Services and its controller select (helper.DefaultSelector); None for nothing."""
        merged = self.services.meaning(who)
        owner = self._owner(env) if env.owner is not None else None
        own: LabelSelector | None = None
        if owner is not None:
            selector: Any = (owner.obj.get("spec") or {}).get("selector")
            if owner.key.resource == REPLICATIONCONTROLLERS:
                merged = {**merged, **(selector or {})}
            elif selector is not None:
                own = from_spec(selector)
        if not merged:
            return own if own is not None and own.requirements else None
        key = tuple(sorted(merged.items())), own
        found = self._defaults.get(key)
        if found is None:
            if len(self._defaults) > 4096:
                self._defaults.clear()
            more = own.requirements if own is not None else ()
            found = LabelSelector([*(Requirement(k, "=", (v,)) for k, v in key[0]), *more])
            self._defaults[key] = found
        return found

    def _owner(self, env: Envelope) -> Envelope | None:
        for reference in env.obj["metadata"].get("ownerReferences") or ():
            if reference.get("controller"):
                group = reference["apiVersion"].rpartition("/")[0]
                resource = _OWNERS.get((group, reference["kind"]))
                return None if resource is None else self._api.find(resource, env.namespace, reference["name"])
        return None

    # -- inter-pod affinity ----------------------------------------------------------------------------------------

    def _affinity(
        self, base: PodClass, who: PodIdentity, profile: Profile, relations: Relations, held: list[Holding]
    ) -> Relations:
        selections = self._nodes.selections
        preferring = False
        if base.pod_terms:
            terms = [
                (resolve_term(raw, who, selections.namespaces), required, w) for raw, required, w in base.pod_terms
            ]
            required = [term for term, hard, weight in terms if hard and weight > 0]
            every = tuple((term.namespaces, term.selector) for term in required)
            relations = relations._replace(
                affinity=tuple(AffinityTerm(term, selections.selection(every)) for term in required),
                affinity_self=bool(required) and all(term.matches(who) for term in required),
                anti=tuple(self._single(term, 0) for term, hard, weight in terms if hard and weight < 0),
                preferred=tuple(self._single(term, weight) for term, hard, weight in terms if not hard),
            )
            preferring = bool(relations.preferred)
        if not held:
            return relations
        scored = []
        if preferring or not profile.ignore_preferred_of_others:
            for holding in held:
                key = holding.key
                weight = (profile.hard_affinity_weight if key.weight > 0 else 0) if key.required else key.weight
                if weight:
                    scored.append((holding, weight))
        anti = tuple(h for h in held if h.key.required and h.key.weight < 0)
        return relations._replace(held_anti=anti, held_score=tuple(scored))

    def _single(self, term: Term, weight: int) -> AffinityTerm:
        return AffinityTerm(term, self._nodes.selections.selection(((term.namespaces, term.selector),)), weight)
