"""Topology spread and inter-pod affinity against an implementation by the book: one node, one pod, one term at a time.

The naive side is written from Kubernetes' documentation of the fields; it reads the store's objects and knows nothing
of the scheduler's arrays. The scheduler's side gets there by single events: pods come, are relabelled, begin to
terminate and go.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.api.kinds import NAMESPACES, NODES, PODS
from engine.scheduler.framework import MAX_SCORE, FilterPlugin, ScorePlugin
from store.types import Envelope, JsonObject, ObjectKey
from tests.engine.scheduler.cluster_world import USER, SchedulerWorld, pod_spec

HOST, ZONE, RACK = "kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack"
NAMESPACE_LABELS = {"default": {"team": "a"}, "other": {"team": "b"}, "third": {"team": "a"}}

labels = st.fixed_dictionaries(
    {}, optional={"app": st.sampled_from("xy"), "tier": st.sampled_from("fb"), "rev": st.sampled_from("12")}
)
selectors = st.one_of(
    st.none(), st.just({}),
    st.builds(lambda v: {"matchLabels": {"app": v}}, st.sampled_from("xy")),
    st.builds(
        lambda o, v: {"matchExpressions": [{"key": "tier", "operator": o, "values": [v]}]},
        st.sampled_from(["In", "NotIn"]), st.sampled_from("fb"),
    ),
    st.just({"matchExpressions": [{"key": "app", "operator": "Exists"}]}),
)  # fmt: skip
terms = st.fixed_dictionaries(
    {"topologyKey": st.sampled_from([HOST, ZONE, RACK]), "labelSelector": selectors},
    optional={
        "namespaces": st.lists(st.sampled_from(sorted(NAMESPACE_LABELS)), max_size=2, unique=True),
        "namespaceSelector": st.sampled_from([{}, {"matchLabels": {"team": "a"}}, {"matchLabels": {"team": "z"}}]),
        "matchLabelKeys": st.just(["rev"]),
    },
).map(lambda t: {k: v for k, v in t.items() if v is not None})
weighted = st.builds(lambda t, w: {"weight": w, "podAffinityTerm": t}, terms, st.integers(1, 100))
sides = st.fixed_dictionaries(
    {},
    optional={
        "requiredDuringSchedulingIgnoredDuringExecution": st.lists(terms, min_size=1, max_size=2),
        "preferredDuringSchedulingIgnoredDuringExecution": st.lists(weighted, min_size=1, max_size=2),
    },
)
affinities = st.fixed_dictionaries({}, optional={"podAffinity": sides, "podAntiAffinity": sides})
constraints = st.fixed_dictionaries(
    {
        "maxSkew": st.integers(1, 3),
        "topologyKey": st.sampled_from([HOST, ZONE, RACK]),
        "whenUnsatisfiable": st.sampled_from(["DoNotSchedule", "ScheduleAnyway"]),
        "labelSelector": selectors,
    },
    optional={
        "minDomains": st.integers(1, 4),
        "nodeAffinityPolicy": st.sampled_from(["Honor", "Ignore"]),
        "nodeTaintsPolicy": st.sampled_from(["Honor", "Ignore"]),
        "matchLabelKeys": st.just(["rev"]),
    },
).map(lambda c: {k: v for k, v in c.items() if v is not None})


@st.composite
def pods(draw: st.DrawFn) -> JsonObject:
    spec = pod_spec()
    if draw(st.booleans()):
        spec["affinity"] = draw(affinities)
    if draw(st.booleans()):
        spec["topologySpreadConstraints"] = draw(st.lists(constraints, min_size=1, max_size=3))
    if draw(st.integers(0, 3)) == 0:
        spec["nodeSelector"] = {"disk": "ssd"}
    if draw(st.integers(0, 3)) == 0:
        spec["tolerations"] = [{"key": "t", "operator": "Exists"}]
    return {"spec": spec, "labels": draw(labels), "namespace": draw(st.sampled_from(["default", "default", "other"]))}


nodes = st.fixed_dictionaries(
    {
        "zone": st.sampled_from(["", "a", "b", "c"]), "rack": st.sampled_from(["", "1", "2"]),
        "disk": st.sampled_from(["ssd", "hdd"]), "taint": st.sampled_from([False, False, True]),
    }
)  # fmt: skip
RACKED = {"zone": "", "rack": "1", "disk": "ssd", "taint": False}
LONER = {
    **pod_spec(),
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": RACK, "labelSelector": {}}]
        }
    },
}
"""Wants nobody else in its rack."""
placed = st.tuples(pods(), st.integers(0, 20), st.sampled_from(["stay", "stay", "stay", "relabel", "terminate", "go"]))


def put_pod(world: SchedulerWorld, name: str, pod: JsonObject, node: str = "") -> Envelope:
    meta = {"name": name, "namespace": pod["namespace"], "uid": name, "labels": pod["labels"], "generation": 1}
    spec = {**pod["spec"], "nodeName": node} if node else pod["spec"]
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {"phase": "Pending"}}
    return world.store.put(ObjectKey(*PODS, pod["namespace"], name), obj, USER.author, world.clock.now())


def build(node_specs: list[JsonObject], existing: list[tuple[JsonObject, int, str]]) -> SchedulerWorld:
    world = SchedulerWorld()
    for name, own in NAMESPACE_LABELS.items():
        key = ObjectKey(*NAMESPACES, "", name)
        before = world.store.get(key)
        meta = dict(before.obj["metadata"]) if before is not None else {"name": name, "uid": name}
        obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {**meta, "labels": own}}
        world.store.put(key, obj, USER.author, world.clock.now())
    for number, spec in enumerate(node_specs):
        own = {key: spec[short] for key, short in ((ZONE, "zone"), (RACK, "rack"), ("disk", "disk")) if spec[short]}
        taints = [{"key": "t", "effect": "NoSchedule"}] if spec["taint"] else []
        world.node(f"n{number}", labels=own, taints=taints)
    world.settle()
    for number, (pod, where, _) in enumerate(existing):
        put_pod(world, f"p{number}", pod, f"n{where % len(node_specs)}")
    # Someone asks before the changes, so that what is kept up to date by events is put to the test.
    for pod, _, _ in existing[:4]:
        env = put_pod(world, "asks", {**pod, "spec": {**pod["spec"], "schedulerName": "none"}})
        scheduler = world.scheduler
        scheduler.relations.resolve(env, scheduler.classes.classify(env), scheduler.profiles["default-scheduler"])
    world.settle()
    for number, (pod, _, fate) in enumerate(existing):
        key = ObjectKey(*PODS, pod["namespace"], f"p{number}")
        present = world.store.get(key)
        assert present is not None
        if fate == "go":
            world.store.delete(key, USER.author, world.clock.now())
        elif fate != "stay":
            meta = dict(present.obj["metadata"])
            if fate == "relabel":
                meta["labels"] = {"app": "y", "rev": "2"}
            else:
                meta["deletionTimestamp"] = "2026-11-23T09:00:00Z"
            world.store.put(key, {**present.obj, "metadata": meta}, USER.author, world.clock.now())
    world.settle()
    return world


# -- by the book ---------------------------------------------------------------------------------------------------


def matches(selector: JsonObject | None, own: Any) -> bool:
    if selector is None:
        return False
    if any(own.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    for e in selector.get("matchExpressions") or ():
        value = own.get(e["key"])
        holds = {
            "In": value in (e.get("values") or ()), "NotIn": value not in (e.get("values") or ()),
            "Exists": value is not None,
        }[e["operator"]]  # fmt: skip
        if not holds:
            return False
    return True


def term_means(term: JsonObject, owner: Envelope, other: Envelope) -> bool:
    """Does a term of `owner` mean `other`?"""
    names = set(term.get("namespaces") or ())
    chosen = term.get("namespaceSelector")
    if chosen is not None:
        names |= {name for name, own in NAMESPACE_LABELS.items() if matches(chosen, own)}
    elif not names:
        names = {owner.namespace}
    keyed = all(
        owner.labels.get(k) is None or other.labels.get(k) == owner.labels[k] for k in term.get("matchLabelKeys") or ()
    )
    return other.namespace in names and matches(term.get("labelSelector"), other.labels) and keyed


class Book:
    """The cluster as plain lists."""

    def __init__(self, world: SchedulerWorld, pod: Envelope) -> None:
        self.pod = pod
        self.nodes = world.store.list(NODES)
        self.on: dict[str, list[Envelope]] = {node.name: [] for node in self.nodes}
        for env in world.store.list(PODS):
            if env.obj["spec"].get("nodeName"):
                self.on[env.obj["spec"]["nodeName"]].append(env)

    def side(self, pod: Envelope, side: str, strength: str) -> list[JsonObject]:
        affinity = (pod.obj["spec"].get("affinity") or {}).get(side) or {}
        found: list[JsonObject] = affinity.get(f"{strength}DuringSchedulingIgnoredDuringExecution") or []
        return found

    def near(self, key: str, value: str) -> list[Envelope]:
        return [pod for node in self.nodes if node.labels.get(key) == value for pod in self.on[node.name]]

    def affinity_reason(self, node: Envelope) -> str:
        pod = self.pod
        required = self.side(pod, "podAffinity", "required")
        if required:
            if any(term["topologyKey"] not in node.labels for term in required):
                return "node(s) didn't match pod affinity rules"

            def all_mean(other: Envelope) -> bool:
                return all(term_means(term, pod, other) for term in required)

            served = all(
                any(all_mean(o) for o in self.near(t["topologyKey"], node.labels[t["topologyKey"]])) for t in required
            )
            anywhere = any(
                all_mean(other) and any(t["topologyKey"] in n.labels for t in required)
                for n in self.nodes for other in self.on[n.name]
            )  # fmt: skip
            if not served and (anywhere or not all_mean(pod)):
                return "node(s) didn't match pod affinity rules"
        for term in self.side(pod, "podAntiAffinity", "required"):
            key = term["topologyKey"]
            if key in node.labels and any(term_means(term, pod, o) for o in self.near(key, node.labels[key])):
                return "node(s) didn't match pod anti-affinity rules"
        for other_node in self.nodes:
            for other in self.on[other_node.name]:
                for term in self.side(other, "podAntiAffinity", "required"):
                    key = term["topologyKey"]
                    same = key in node.labels and other_node.labels.get(key) == node.labels[key]
                    if same and term_means(term, other, pod):
                        return "node(s) didn't satisfy existing pods anti-affinity rules"
        return ""

    def affinity_score(self, node: Envelope) -> int:
        total = 0
        for side, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
            for term in self.side(self.pod, side, "preferred"):
                inner = term["podAffinityTerm"]
                if inner["topologyKey"] in node.labels:
                    there = self.near(inner["topologyKey"], node.labels[inner["topologyKey"]])
                    total += sign * term["weight"] * sum(term_means(inner, self.pod, o) for o in there)
        for other_node in self.nodes:
            for other in self.on[other_node.name]:
                held = [(t, 1) for t in self.side(other, "podAffinity", "required")]
                held += [(t["podAffinityTerm"], t["weight"]) for t in self.side(other, "podAffinity", "preferred")]
                held += [(t["podAffinityTerm"], -t["weight"]) for t in self.side(other, "podAntiAffinity", "preferred")]
                for term, weight in held:
                    key = term["topologyKey"]
                    if key in node.labels and other_node.labels.get(key) == node.labels[key]:
                        total += weight * term_means(term, other, self.pod)
        return total

    def counted(self, constraint: JsonObject, node: Envelope) -> int:
        """Pods on a node that a constraint counts."""
        return sum(
            self.constraint_means(constraint, other) and "deletionTimestamp" not in other.obj["metadata"]
            for other in self.on[node.name]
        )

    def constraint_means(self, constraint: JsonObject, other: Envelope) -> bool:
        if other.namespace != self.pod.namespace or not matches(constraint.get("labelSelector"), other.labels):
            return False
        keys = [key for key in constraint.get("matchLabelKeys") or () if key in self.pod.labels]
        return all(other.labels.get(key) == self.pod.labels[key] for key in keys)

    def included(self, constraint: JsonObject, node: Envelope) -> bool:
        spec = self.pod.obj["spec"]
        if constraint.get("nodeAffinityPolicy", "Honor") == "Honor":
            selector = spec.get("nodeSelector") or {}
            if any(node.labels.get(key) != value for key, value in selector.items()):
                return False
        tainted = node.obj["spec"].get("taints") and not spec.get("tolerations")
        return not (constraint.get("nodeTaintsPolicy", "Ignore") == "Honor" and tainted)

    def spread(self, when: str) -> list[JsonObject]:
        found = self.pod.obj["spec"].get("topologySpreadConstraints") or []
        return [c for c in found if c["whenUnsatisfiable"] == when]

    def spread_reason(self, node: Envelope) -> str:
        hard = self.spread("DoNotSchedule")
        for constraint in hard:
            key = constraint["topologyKey"]
            if key not in node.labels:
                return "node(s) didn't match pod topology spread constraints (missing required label)"
            domains: dict[str, int] = {}
            for other in self.nodes:
                if all(c["topologyKey"] in other.labels for c in hard) and self.included(constraint, other):
                    value = other.labels[key]
                    domains[value] = domains.get(value, 0) + self.counted(constraint, other)
            least = min(domains.values(), default=0) if len(domains) >= constraint.get("minDomains", 1) else 0
            own = self.constraint_means(constraint, self.pod)
            if domains.get(node.labels[key], 0) + own - least > constraint["maxSkew"]:
                return "node(s) didn't match pod topology spread constraints"
        return ""

    def spread_scores(self, fitting: list[Envelope]) -> dict[str, int]:
        soft = self.spread("ScheduleAnyway")
        keyed = [n for n in fitting if all(c["topologyKey"] in n.labels for c in soft)]
        raw = {}
        for node in keyed:
            score = 0.0
            for constraint in soft:
                key = constraint["topologyKey"]
                if key == HOST:
                    count, size = self.counted(constraint, node), len(keyed)
                else:
                    size = len({n.labels[key] for n in keyed})
                    count = sum(
                        self.counted(constraint, n) for n in self.nodes
                        if n.labels.get(key) == node.labels[key] and self.included(constraint, n)
                        and all(c["topologyKey"] in n.labels for c in soft)
                    )  # fmt: skip
                score += count * math.log(size + 2) + (constraint["maxSkew"] - 1)
            raw[node.name] = math.floor(score + 0.5)
        most, least = max(raw.values(), default=0), min(raw.values(), default=0)
        scores = {name: MAX_SCORE if most == 0 else MAX_SCORE * (most + least - s) // most for name, s in raw.items()}
        return {node.name: scores.get(node.name, 0) for node in fitting}


# -- both ----------------------------------------------------------------------------------------------------------


def asked(world: SchedulerWorld, pod: Envelope, name: str) -> Callable[[str], str]:
    """The scheduler's reason by node."""
    found, table = world.scheduler.class_of(pod), world.scheduler.nodes
    plugin = world.scheduler.profiles["default-scheduler"].by_name[name]
    assert isinstance(plugin, FilterPlugin)
    codes = plugin.filter(found, table, table.all_rows).tolist() if plugin.concerns(found) else [0] * table.size
    trial = plugin.trial(found, table) if plugin.concerns(found) else None
    for row, code in enumerate(codes):
        if trial is not None:
            trial.on(row)
            assert trial.refusal() == code
        if code:
            assert plugin.explain(found, table, row)
    return lambda node: plugin.reasons(codes[table.row(node) or 0], table)[0] if codes[table.row(node) or 0] else ""


def ranked(world: SchedulerWorld, pod: Envelope, name: str, fitting: list[Envelope]) -> dict[str, int]:
    found, table = world.scheduler.class_of(pod), world.scheduler.nodes
    plugin = world.scheduler.profiles["default-scheduler"].by_name[name]
    assert isinstance(plugin, ScorePlugin)
    fits = table.alive[: table.size].copy()
    names = {node.name for node in fitting}
    for row in range(table.size):
        fits[row] &= table.names[row] in names
    ranks = plugin.rank(found, table, fits) if plugin.scores(found, table) else None
    rows = {node.name: table.row(node.name) or 0 for node in fitting}
    return {node: int(ranks[row]) if ranks is not None else 0 for node, row in rows.items()}


@settings(max_examples=250, deadline=None)
@given(st.lists(nodes, min_size=1, max_size=7), st.lists(placed, max_size=12), pods(), st.integers(0, 127))
def test_filters_and_scores_are_by_the_book(
    node_specs: list[JsonObject], existing: list[tuple[JsonObject, int, str]], incoming: JsonObject, some: int
) -> None:
    """Each node's refusal, in Kubernetes' words, and each score is what the documentation says."""
    world = build(node_specs, existing)
    incoming["spec"]["schedulerName"] = "default-scheduler"
    world.scheduler._started = False
    pod = put_pod(world, "incoming", incoming)
    book = Book(world, pod)
    by_spread, by_affinity = asked(world, pod, "PodTopologySpread"), asked(world, pod, "InterPodAffinity")
    for node in book.nodes:
        assert by_spread(node.name) == book.spread_reason(node)
        assert by_affinity(node.name) == book.affinity_reason(node)
    fitting = [node for number, node in enumerate(book.nodes) if some >> number & 1]
    raw = {node.name: book.affinity_score(node) for node in fitting}
    most, least = max(raw.values(), default=0), min(raw.values(), default=0)
    scores = {
        name: int(float(MAX_SCORE) * ((s - least) / (most - least))) if most > least else 0 for name, s in raw.items()
    }
    assert ranked(world, pod, "InterPodAffinity", fitting) == scores
    if book.spread("ScheduleAnyway"):
        assert ranked(world, pod, "PodTopologySpread", fitting) == book.spread_scores(fitting)


@settings(max_examples=120, deadline=None)
@given(st.lists(nodes, min_size=1, max_size=5), st.lists(placed, min_size=1, max_size=10), pods(), st.integers(0, 1023))
@example(  # the only pod with a term goes and comes back while somebody's class asks about the term
    [RACKED, RACKED],
    [({"spec": LONER, "labels": {}, "namespace": "default"}, 0, "stay")],
    {"spec": pod_spec(), "labels": {}, "namespace": "default"},
    1,
)
def test_trials_foresee_what_removal_brings(
    node_specs: list[JsonObject], existing: list[tuple[JsonObject, int, str]], incoming: JsonObject, gone: int
) -> None:
    """What a trial says of a node without some of its pods is what the filter says once they are gone."""
    world = build(node_specs, existing)
    incoming["spec"]["schedulerName"] = "default-scheduler"
    world.scheduler._started = False
    found = world.scheduler.class_of(put_pod(world, "incoming", incoming))
    table = world.scheduler.nodes
    for name in ("PodTopologySpread", "InterPodAffinity"):
        plugin = world.scheduler.profiles["default-scheduler"].by_name[name]
        assert isinstance(plugin, FilterPlugin)
        if not plugin.concerns(found):
            continue
        trial = plugin.trial(found, table)
        assert trial is not None
        for row in table.rows():
            leaving = [uid for number, uid in enumerate(list(table.pods[row])) if gone >> number & 1]
            trial.on(row)
            for uid in leaving:
                trial.change(table.pods[row][uid], table.identity(uid), -1)
            foreseen = trial.refusal()
            removed = [(uid, table.remove_pod(uid)) for uid in leaving]
            assert foreseen == plugin.filter(found, table, table.all_rows)[row]
            for uid, was in removed:
                assert was is not None
                table.assign(uid, was.pod, table.names[row], was.who)
