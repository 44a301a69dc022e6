"""VolumeBinding: a pod goes where its volumes can be reached, and its open claims are bound there before it is.

Claims of a class that waits for its first consumer are decided here: the best volume that the node reaches, else one
that the class can make there. Once the node is chosen, PreBind writes the decision (the volume's claimRef, or the
claim's selected-node annotation) and the pod waits, for ten minutes at most, until the binder has bound all claims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from engine.api.kinds import NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES
from engine.api.server import Caller
from engine.clock import SECOND, Timer
from engine.scheduler.framework import ClusterEvent, PreBindPlugin, ReservePlugin
from engine.scheduler.nodes import Ints, Mask, NodeChange, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.selectors import term_matches, terms_mask
from engine.scheduler.volumes import ClaimState, VolumeChanges, VolumeFilter
from engine.storage.annotations import SELECTED_NODE
from engine.storage.claim_reference import claimed_by
from engine.storage.matching import candidates
from engine.storage.reading import (
    class_of,
    find_claim,
    index_storage,
    is_bound,
    marks_of,
    provisions,
    requested,
    selected_node,
    storage_class,
    topology_allows,
)
from store.types import Envelope, JsonObject, Uid, WatchEvent

_REFUSED: Final = 1
_OUT_OF_REACH: Final = 2
_NOTHING_TO_BIND: Final = 4
_NO_VOLUME: Final = 8
_WORDS: Final = {
    _OUT_OF_REACH: "node(s) didn't match PersistentVolume's node affinity",
    _NOTHING_TO_BIND: "node(s) didn't find available persistent volumes to bind",
    _NO_VOLUME: "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
}
_TIMEOUT: Final = 600 * SECOND
"""bindTimeoutSeconds"""


class _Choice(NamedTuple):
    claim: Envelope
    volume: Envelope | None
    """None: to be provisioned."""


class _Options(NamedTuple):
    """What could serve one claim, by row."""

    claim: Envelope
    volumes: list[tuple[Envelope, Mask]]
    """Best first, with the nodes that reach them."""
    made: Mask
    """Nodes where the class can make one."""


class _Waiting(NamedTuple):
    """A pod whose claims are being bound."""

    claims: tuple[tuple[str, str], ...]
    node: str
    done: Callable[[Exception | None], None]
    timer: Timer


class BindingFailed(Exception):
    """The claims cannot be bound for this node; the pod is tried again."""


class VolumeBinding(VolumeFilter, ReservePlugin, PreBindPlugin):
    name = "VolumeBinding"

    def __init__(self, changes: VolumeChanges, caller: Caller) -> None:
        super().__init__(changes)
        self._caller = caller
        self._choices: dict[Uid, list[_Choice]] = {}
        self._waiting: dict[Uid, _Waiting] = {}
        self._pods: dict[tuple[str, str], dict[Uid, None]] = {}
        """Waiting pods by claim."""
        index_storage(self._api)
        self._api.store.listen(self._on_event)

    # -- filter ----------------------------------------------------------------------------------------------------

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        return isinstance(event, NodeChange) and (event.added or event.labels)

    def pre_filter(self, pod: PodClass) -> str:
        return self.state(pod).refusal

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        state = self.state(pod)
        codes = np.zeros(nodes.size, np.int64)
        if state.refusal:
            codes[:] = _REFUSED
            return codes[rows]
        if state.volume_missing:
            codes |= _NO_VOLUME
        for volume in state.volumes:
            terms = _terms(volume.obj)
            if terms is not None:
                codes[~terms_mask(terms, nodes)] |= _OUT_OF_REACH
        if state.open:
            codes[~self._bindable(state, nodes)] |= _NOTHING_TO_BIND
        return codes[rows]

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        return tuple(words for bit, words in _WORDS.items() if code & bit)

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        state = self.state(pod)
        if state.refusal:
            return (state.refusal,)
        lines = [
            f"volume {volume.name} cannot be reached from here"
            for volume in state.volumes
            if not _reaches(volume.obj, nodes.labels[row], nodes.names[row])
        ]
        if state.volume_missing:
            lines.append("a claim is bound to a volume that does not exist")
        lines += [
            f"no volume here for claim {claim.name}, and its class {class_of(claim.obj)} makes none here"
            for claim in state.open
            if not self._single(claim, nodes)[row]
        ]
        return tuple(lines) or ("the volumes that fit here do not suffice for all claims",)

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        state = self.state(pod)
        if state.refusal:
            return "a claim that exists and is bound, or whose class waits for its first consumer"
        if state.open:
            return "a volume for its claims in reach of them, or a class that makes one there"
        return "moving the pod to where its volumes are"

    # -- claims that are open --------------------------------------------------------------------------------------

    def _bindable(self, state: ClaimState, nodes: NodeTable) -> Mask:
        if len(state.open) == 1:
            return self._single(state.open[0], nodes)
        found = np.zeros(nodes.size, np.bool_)
        options = [self._options(claim, nodes) for claim in _by_size(state.open)]
        for row in range(nodes.size):
            found[row] = _assign(options, row) is not None
        return found

    def _single(self, claim: Envelope, nodes: NodeTable) -> Mask:
        _, volumes, made = self._options(claim, nodes)
        found = made.copy()
        for _, reach in volumes:
            found |= reach
        return found

    def _options(self, claim: Envelope, nodes: NodeTable) -> _Options:
        chosen = selected_node(claim.obj)
        found = storage_class(self._api, class_of(claim.obj))
        made: Mask = np.zeros(nodes.size, np.bool_)
        if found is not None and provisions(found):
            made = terms_mask(_topology_terms(found), nodes) if found.get("allowedTopologies") else ~made
        if chosen:
            row = nodes.row(chosen)
            only = np.zeros(nodes.size, np.bool_)
            if row is not None:
                only[row] = True
            return _Options(claim, [], made & only)
        volumes = []
        for volume in candidates(self._api, claim):
            terms = _terms(volume.obj)
            everywhere = np.ones(nodes.size, np.bool_)
            volumes.append((volume, everywhere if terms is None else terms_mask(terms, nodes)))
        return _Options(claim, volumes, made)

    def _options_on(self, claim: Envelope, node: Envelope) -> _Options:
        """The same for one node, which is row 0."""
        found = storage_class(self._api, class_of(claim.obj))
        made = found is not None and provisions(found) and topology_allows(found, node.labels)
        chosen = selected_node(claim.obj)
        if chosen:
            return _Options(claim, [], np.array([made and chosen == node.name]))
        volumes = [(v, np.array([_reaches(v.obj, node.labels, node.name)])) for v in candidates(self._api, claim)]
        return _Options(claim, volumes, np.array([made]))

    # -- reserve and bind ------------------------------------------------------------------------------------------

    def reserve(self, env: Envelope, pod: PodClass, node: str) -> None:
        """Decide for the node what each open claim gets. BindingFailed if that has become impossible."""
        if pod.mounts is None:
            return
        state, found = self.state(pod), self._api.find(NODES, "", node)
        if not state.open:
            return
        options = [self._options_on(claim, found) for claim in _by_size(state.open)] if found is not None else []
        choices = _assign(options, 0) if options else None
        if choices is None:
            raise BindingFailed("binding volumes: nothing is left to bind its claims to")
        self._choices[env.uid] = choices

    def unreserve(self, env: Envelope, pod: PodClass, node: str) -> None:
        self._choices.pop(env.uid, None)
        self._stop(env.uid)

    def pre_bind(self, env: Envelope, node: str, done: Callable[[Exception | None], None]) -> bool:
        choices = self._choices.pop(env.uid, None)
        if not choices:
            return True
        for claim, volume in choices:
            if volume is not None:
                obj = claimed_by(volume.obj, claim)
                if obj is not volume.obj:
                    self._api.update(self._caller, PERSISTENTVOLUMES, "", volume.name, obj)
            elif selected_node(claim.obj) != node:
                meta = {**claim.obj["metadata"], "annotations": {**marks_of(claim.obj), SELECTED_NODE: node}}
                changed = {**claim.obj, "metadata": meta}
                self._api.update(self._caller, PERSISTENTVOLUMECLAIMS, claim.namespace, claim.name, changed)
        keys = tuple((claim.namespace, claim.name) for claim, _ in choices)
        timer = self._api.clock.call_later(_TIMEOUT, lambda: self._end(env.uid, _timed_out()))
        provisioned = any(volume is None for _, volume in choices)
        self._waiting[env.uid] = _Waiting(keys, node if provisioned else "", done, timer)
        for key in keys:
            self._pods.setdefault(key, {})[env.uid] = None
        return False

    def _on_event(self, event: WatchEvent) -> None:
        if self._pods and event.now.key.plural == "persistentvolumeclaims":
            for uid in self._pods.get((event.now.namespace, event.now.name), ()):
                self._api.clock.call_later(0, partial(self._check, uid))

    def _check(self, uid: Uid) -> None:
        waiting = self._waiting.get(uid)
        if waiting is None:
            return
        open_claims = 0
        for namespace, name in waiting.claims:
            claim = find_claim(self._api, namespace, name)
            if claim is None:
                self._end(uid, BindingFailed(f'binding volumes: persistentvolumeclaim "{name}" not found'))
                return
            if is_bound(claim.obj):
                continue
            open_claims += 1
            if waiting.node and not claim.obj["spec"].get("volumeName") and selected_node(claim.obj) != waiting.node:
                self._end(uid, BindingFailed(f'binding volumes: provisioning failed for PVC "{name}"'))
                return
        if not open_claims:
            self._end(uid, None)

    def _end(self, uid: Uid, error: Exception | None) -> None:
        waiting = self._waiting.get(uid)
        if waiting is not None:
            self._stop(uid)
            waiting.done(error)

    def _stop(self, uid: Uid) -> None:
        waiting = self._waiting.pop(uid, None)
        if waiting is not None:
            waiting.timer.cancel()
            for key in waiting.claims:
                pods = self._pods[key]
                pods.pop(uid, None)
                if not pods:
                    del self._pods[key]


def _timed_out() -> BindingFailed:
    return BindingFailed("binding volumes: context deadline exceeded")


def _assign(options: list[_Options], row: int) -> list[_Choice] | None:
    """A volume for each claim on one node, none twice; None if one claim gets none."""
    taken: set[str] = set()
    found = []
    for claim, volumes, made in options:
        volume = next((v for v, reach in volumes if reach[row] and v.name not in taken), None)
        if volume is not None:
            taken.add(volume.name)
        elif not made[row]:
            return None
        found.append(_Choice(claim, volume))
    return found


def _by_size(claims: tuple[Envelope, ...]) -> list[Envelope]:
    """Small claims first, so that they do not take the large volumes."""
    return sorted(claims, key=lambda claim: requested(claim.obj))


def _terms(volume: JsonObject) -> list[JsonObject] | None:
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return None if required is None else required.get("nodeSelectorTerms") or []


def _reaches(volume: JsonObject, labels: Mapping[str, str], name: str) -> bool:
    terms = _terms(volume)
    return terms is None or any(term_matches(term, labels, name) for term in terms)


def _topology_terms(found: JsonObject) -> list[JsonObject]:
    """allowedTopologies as node selector terms."""
    return [
        {
            "matchExpressions": [
                {"key": rule["key"], "operator": "In", "values": rule.get("values") or []}
                for rule in term.get("matchLabelExpressions") or ()
            ]
        }
        for term in found.get("allowedTopologies") or ()
    ]
