"""KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1) as a file: what `kube-scheduler --config` reads.

Profiles with their plugins (enabled, disabled, weights, per extension point or `multiPoint`) and arguments
(`pluginConfig`), back-offs and client limits are taken over. What has no meaning in one process is accepted and has no
effect: leader election, parallelism, health and metrics addresses, percentageOfNodesToScore.
Anything else that is unknown or malformed is an error that names the field; extenders are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, get_args

import yaml

from engine.clock import SECOND
from engine.flags import BadFlag
from engine.scheduler.config import (
    DEFAULT_WEIGHTS,
    Point,
    ProfileConfig,
    SchedulerConfig,
    SpreadDefaults,
    Strategy,
)

_VERSION: Final = "kubescheduler.config.k8s.io/v1"
_IDLE: Final = frozenset({
    "apiVersion", "kind", "leaderElection", "parallelism", "percentageOfNodesToScore", "enableProfiling",
    "enableContentionProfiling", "delayCacheUntilActive", "healthzBindAddress", "metricsBindAddress",
})  # fmt: skip
_POINTS: Final[frozenset[str]] = frozenset(get_args(Point))
_WITH: Final[Mapping[str, Point]] = {"preFilter": "filter", "preScore": "score"}
"""Points that are part of another one here."""
_OTHER_POINTS: Final = frozenset({"queueSort", "permit", "preBind", "postBind", "multiPoint"})
_PLUGINS: Final = (
    "SchedulingGates", "PrioritySort", "NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts",
    "NodeResourcesFit", "VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone", "PodTopologySpread",
    "InterPodAffinity", "DynamicResources", "DefaultPreemption", "NodeResourcesBalancedAllocation", "ImageLocality",
    "DefaultBinder",
)  # fmt: skip
"""Names that a profile may switch."""


class BadSchedulerConfig(BadFlag):
    """The file cannot be read or says what cannot be; the text names the field."""


def load_scheduler_config(path: str) -> SchedulerConfig:
    """Read a file. Raises BadSchedulerConfig."""
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSchedulerConfig(f"{path}: {error}") from error
    try:
        return parse_scheduler_config(document)
    except BadSchedulerConfig as error:
        raise BadSchedulerConfig(f"{path}: {error}") from error


def parse_scheduler_config(document: Any) -> SchedulerConfig:
    """A decoded document. Raises BadSchedulerConfig."""
    config = _object(document, "the document")
    if config.get("apiVersion") != _VERSION or config.get("kind") != "KubeSchedulerConfiguration":
        raise BadSchedulerConfig(f"wants apiVersion: {_VERSION} and kind: KubeSchedulerConfiguration")
    if config.get("extenders"):
        raise BadSchedulerConfig("extenders: not supported")
    found = SchedulerConfig()
    for name, value in config.items():
        if name == "profiles":
            found = replace(found, profiles=_profiles(value))
        elif name == "podInitialBackoffSeconds":
            found = replace(found, initial_backoff=_positive(value, name) * SECOND)
        elif name == "podMaxBackoffSeconds":
            found = replace(found, max_backoff=_positive(value, name) * SECOND)
        elif name == "clientConnection":
            client = _object(value, name)
            found = replace(
                found, qps=_positive(client.get("qps", 50), f"{name}.qps"),
                burst=_positive(client.get("burst", 100), f"{name}.burst"),
            )  # fmt: skip
        elif name not in _IDLE and name != "extenders":
            raise BadSchedulerConfig(f'unknown field "{name}"')
    if found.max_backoff < found.initial_backoff:
        raise BadSchedulerConfig("podMaxBackoffSeconds: must be greater than or equal to PodInitialBackoffSeconds")
    return found


def _profiles(value: Any) -> tuple[ProfileConfig, ...]:
    items = _list(value, "profiles")
    found = [_profile(_object(item, f"profiles[{index}]"), f"profiles[{index}]") for index, item in enumerate(items)]
    names = [profile.scheduler_name for profile in found]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise BadSchedulerConfig(f'profiles[{index}].schedulerName: Duplicate value: "{name}"')
    return tuple(found) or (ProfileConfig(),)


def _profile(raw: Mapping[str, Any], at: str) -> ProfileConfig:
    for name in raw:
        if name not in ("schedulerName", "plugins", "pluginConfig", "percentageOfNodesToScore"):
            raise BadSchedulerConfig(f'unknown field "{at}.{name}"')
    profile = _plugins(
        ProfileConfig(raw.get("schedulerName") or "default-scheduler"),
        _object(raw.get("plugins") or {}, f"{at}.plugins"), f"{at}.plugins",
    )  # fmt: skip
    for index, item in enumerate(_list(raw.get("pluginConfig") or [], f"{at}.pluginConfig")):
        where = f"{at}.pluginConfig[{index}]"
        entry = _object(item, where)
        reader = _ARGUMENTS.get(entry.get("name", ""))
        if reader is None and entry.get("name") not in _PLUGINS:
            raise BadSchedulerConfig(f'{where}.name: unknown plugin "{entry.get("name")}"')
        if reader is not None:
            profile = reader(profile, _object(entry.get("args") or {}, f"{where}.args"), f"{where}.args")
    return profile


# -- plugins -------------------------------------------------------------------------------------------------------


def _plugins(profile: ProfileConfig, raw: Mapping[str, Any], at: str) -> ProfileConfig:
    weights = dict(DEFAULT_WEIGHTS)
    everywhere = _object(raw.get("multiPoint") or {}, f"{at}.multiPoint")
    disabled = _names(everywhere, "disabled", f"{at}.multiPoint")
    for name, weight in _enabled(everywhere, f"{at}.multiPoint"):
        disabled.discard(name)
        if weight:
            weights[name] = weight
    off: dict[Point, frozenset[str]] = {}
    for point, value in raw.items():
        if point in _OTHER_POINTS:
            continue
        own = _WITH.get(point, point)
        if own not in _POINTS:
            raise BadSchedulerConfig(f'unknown field "{at}.{point}"')
        entries = _object(value, f"{at}.{point}")
        gone = _names(entries, "disabled", f"{at}.{point}")
        for name, weight in _enabled(entries, f"{at}.{point}"):
            gone.discard(name)
            disabled.discard(name)
            if weight and own == "score":
                weights[name] = weight
        known: Point = next(p for p in get_args(Point) if p == own)
        off[known] = off.get(known, frozenset()) | gone
    return replace(profile, weights=weights, disabled=frozenset(disabled), off=off)


def _names(raw: Mapping[str, Any], part: str, at: str) -> set[str]:
    found: set[str] = set()
    for index, item in enumerate(_list(raw.get(part) or [], f"{at}.{part}")):
        name = _object(item, f"{at}.{part}[{index}]").get("name")
        if name == "*":
            found |= set(_PLUGINS)
        elif name in _PLUGINS:
            found.add(name)
        else:
            raise BadSchedulerConfig(f'{at}.{part}[{index}].name: unknown plugin "{name}"')
    return found


def _enabled(raw: Mapping[str, Any], at: str) -> list[tuple[str, int]]:
    found = []
    for index, item in enumerate(_list(raw.get("enabled") or [], f"{at}.enabled")):
        where = f"{at}.enabled[{index}]"
        entry = _object(item, where)
        if entry.get("name") not in _PLUGINS:
            raise BadSchedulerConfig(f'{where}.name: unknown plugin "{entry.get("name")}"')
        found.append((entry["name"], _number(entry.get("weight") or 0, f"{where}.weight")))
    return found


# -- arguments -----------------------------------------------------------------------------------------------------


def _fit(profile: ProfileConfig, args: Mapping[str, Any], at: str) -> ProfileConfig:
    raw = _object(args.get("scoringStrategy") or {}, f"{at}.scoringStrategy")
    kind: Any = raw.get("type") or "LeastAllocated"
    if kind not in ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"):
        raise BadSchedulerConfig(
            f'{at}.scoringStrategy.type: Unsupported value: "{kind}": supported values: "LeastAllocated", '
            '"MostAllocated", "RequestedToCapacityRatio"'
        )
    resources = _resources(raw.get("resources"), f"{at}.scoringStrategy.resources") or Strategy().resources
    ratio = _object(raw.get("requestedToCapacityRatio") or {}, f"{at}.scoringStrategy.requestedToCapacityRatio")
    where = f"{at}.scoringStrategy.requestedToCapacityRatio.shape"
    shape = tuple(
        (_within(point.get("utilization", 0), 100, f"{where}.utilization"), _within(point.get("score", 0), 10, where))
        for point in (_object(item, where) for item in _list(ratio.get("shape") or [], where))
    )
    if kind == "RequestedToCapacityRatio" and not shape:
        raise BadSchedulerConfig(f"{where}: Required value: at least one point must be specified")
    if any(after[0] <= before[0] for before, after in pairwise(shape)):
        raise BadSchedulerConfig(f"{where}: Invalid value: utilization values must be sorted in increasing order")
    return replace(
        profile, strategy=Strategy(kind, resources, shape),
        ignored_resources=frozenset(args.get("ignoredResources") or ()),
        ignored_groups=frozenset(args.get("ignoredResourceGroups") or ()),
    )  # fmt: skip


def _balanced(profile: ProfileConfig, args: Mapping[str, Any], at: str) -> ProfileConfig:
    resources = _resources(args.get("resources"), f"{at}.resources")
    if resources and {name for name, _ in resources} != {"cpu", "memory"}:
        raise BadSchedulerConfig(f"{at}.resources: only cpu and memory are supported")
    return profile


def _spread(profile: ProfileConfig, args: Mapping[str, Any], at: str) -> ProfileConfig:
    kind = args.get("defaultingType") or "System"
    constraints = _list(args.get("defaultConstraints") or [], f"{at}.defaultConstraints")
    if kind == "System":
        if constraints:
            raise BadSchedulerConfig(f'{at}.defaultConstraints: Invalid value: when .defaultingType is "System"')
        return profile
    if kind != "List":
        raise BadSchedulerConfig(f'{at}.defaultingType: Unsupported value: "{kind}"')
    for index, item in enumerate(constraints):
        where = f"{at}.defaultConstraints[{index}]"
        entry = _object(item, where)
        if not entry.get("topologyKey"):
            raise BadSchedulerConfig(f"{where}.topologyKey: Required value: can not be empty")
        _positive(entry.get("maxSkew", 0), f"{where}.maxSkew")
        if entry.get("labelSelector") is not None:
            raise BadSchedulerConfig(f"{where}.labelSelector: Forbidden: constraint must not define a selector")
        if entry.get("whenUnsatisfiable") not in ("DoNotSchedule", "ScheduleAnyway"):
            when = entry.get("whenUnsatisfiable")
            raise BadSchedulerConfig(f'{where}.whenUnsatisfiable: Unsupported value: "{when}"')
    return replace(profile, spread=SpreadDefaults(tuple(constraints), False))


def _affinity(profile: ProfileConfig, args: Mapping[str, Any], at: str) -> ProfileConfig:
    return replace(
        profile, hard_affinity_weight=_within(args.get("hardPodAffinityWeight", 1), 100, f"{at}.hardPodAffinityWeight"),
        ignore_preferred_of_others=bool(args.get("ignorePreferredTermsOfExistingPods")),
    )  # fmt: skip


def _node_affinity(profile: ProfileConfig, args: Mapping[str, Any], at: str) -> ProfileConfig:
    added = args.get("addedAffinity")
    return replace(profile, added_affinity=None if added is None else dict(_object(added, f"{at}.addedAffinity")))


def _preemption(profile: ProfileConfig, args: Mapping[str, Any], at: str) -> ProfileConfig:
    percentage = _within(args.get("minCandidateNodesPercentage", 10), 100, f"{at}.minCandidateNodesPercentage")
    absolute = _number(args.get("minCandidateNodesAbsolute", 100), f"{at}.minCandidateNodesAbsolute")
    if not percentage and not absolute:
        raise BadSchedulerConfig(f"{at}: both minCandidateNodesPercentage and minCandidateNodesAbsolute cannot be zero")
    return replace(profile, min_candidates_percentage=percentage, min_candidates=absolute)


_ARGUMENTS: Final[Mapping[str, Callable[[ProfileConfig, Mapping[str, Any], str], ProfileConfig]]] = {
    "NodeResourcesFit": _fit,
    "NodeResourcesBalancedAllocation": _balanced,
    "PodTopologySpread": _spread,
    "InterPodAffinity": _affinity,
    "NodeAffinity": _node_affinity,
    "DefaultPreemption": _preemption,
}


def _resources(value: Any, at: str) -> tuple[tuple[str, int], ...]:
    entries = [_object(item, f"{at}[{index}]") for index, item in enumerate(_list(value or [], at))]
    return tuple((str(entry.get("name")), _within(entry.get("weight") or 1, 100, f"{at}.weight")) for entry in entries)


# -- values --------------------------------------------------------------------------------------------------------


def _object(value: Any, at: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadSchedulerConfig(f"{at}: must be a mapping")
    return value


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadSchedulerConfig(f"{at}: must be a list")
    return value


def _number(value: Any, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < 0:
        raise BadSchedulerConfig(f"{at}: Invalid value: {value!r}: must be a number of 0 or more")
    return int(value)


def _positive(value: Any, at: str) -> int:
    if _number(value, at) == 0:
        raise BadSchedulerConfig(f"{at}: Invalid value: 0: must be greater than 0")
    return int(value)


def _within(value: Any, most: int, at: str) -> int:
    if _number(value, at) > most:
        raise BadSchedulerConfig(f"{at}: Invalid value: {value}: must be in the range [0, {most}]")
    return int(value)
