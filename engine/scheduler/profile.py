"""One profile: which plugins run at which extension point, in order, with their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from engine.scheduler.config import Point, ProfileConfig
from engine.scheduler.framework import (
    BindPlugin,
    FilterPlugin,
    Plugin,
    PostFilterPlugin,
    PreBindPlugin,
    PreEnqueuePlugin,
    ReservePlugin,
    ScorePlugin,
)

_FAILED: Mapping[str, str] = {
    "filter": 'running "{}" filter plugin: {}',
    "score": 'running Score plugins: plugin "{}" failed with: {}',
    "bind": 'running Bind plugin "{}": {}',
    "prebind": 'running PreBind plugin "{}": {}',
}


SPREAD: Final = "PodTopologySpread"
AFFINITY: Final = "InterPodAffinity"


class PluginError(Exception):
    """A plugin failed on a pod. The text is what Kubernetes prints: `running "X" filter plugin: …`."""

    def __init__(self, plugin: str, point: Literal["filter", "score", "prebind", "bind"], error: Exception) -> None:
        super().__init__(_FAILED[point].format(plugin, error))
        self.plugin = plugin


class Profile:
    """Plugins by extension point."""

    def __init__(self, plugins: Sequence[Plugin], config: ProfileConfig) -> None:
        enabled = [plugin for plugin in plugins if plugin.name not in config.disabled]

        def at(point: Point) -> list[Plugin]:
            off = config.off.get(point, frozenset())
            return [plugin for plugin in enabled if plugin.name not in off]

        for plugin in enabled:
            plugin.configure(config)
        self.config = config
        self.name = config.scheduler_name
        self.by_name = {plugin.name: plugin for plugin in enabled}
        self.pre_enqueue = [p for p in at("preEnqueue") if isinstance(p, PreEnqueuePlugin)]
        self.filters = [p for p in at("filter") if isinstance(p, FilterPlugin)]
        self.post_filters = [p for p in at("postFilter") if isinstance(p, PostFilterPlugin)]
        self.scorers = [
            (p, config.weights[p.name])
            for p in at("score")
            if isinstance(p, ScorePlugin) and config.weights.get(p.name)
        ]
        self.reserve = [p for p in at("reserve") if isinstance(p, ReservePlugin)]
        self.pre_bind = [p for p in enabled if isinstance(p, PreBindPlugin)]
        self.bind = [p for p in at("bind") if isinstance(p, BindPlugin)]
        working = {plugin.name for plugin in (*self.filters, *(scorer for scorer, _ in self.scorers))}
        self.spreads = SPREAD in working
        """Topology spread counts."""
        self.relates = AFFINITY in working
        """Inter-pod affinity counts."""
        self.spread_defaults = config.spread
        self.defaults_spread = self.spreads and bool(config.spread.constraints)
        """Pods without constraints of their own are spread, too."""
        self.hard_affinity_weight = config.hard_affinity_weight
        self.ignore_preferred_of_others = config.ignore_preferred_of_others
