"""One profile: which plugins run at which extension point, in order, with their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from engine.scheduler.config import SchedulerConfig
from engine.scheduler.framework import (
    BindPlugin,
    FilterPlugin,
    Plugin,
    PostFilterPlugin,
    PreEnqueuePlugin,
    ReservePlugin,
    ScorePlugin,
)

_FAILED: Mapping[str, str] = {
    "filter": 'running "{}" filter plugin: {}',
    "score": 'running Score plugins: plugin "{}" failed with: {}',
    "bind": 'running Bind plugin "{}": {}',
}


class PluginError(Exception):
    """A plugin failed on a pod. The text is what Kubernetes prints: `running "X" filter plugin: …`."""

    def __init__(self, plugin: str, point: Literal["filter", "score", "bind"], error: Exception) -> None:
        super().__init__(_FAILED[point].format(plugin, error))
        self.plugin = plugin


class Profile:
    """Plugins by extension point."""

    def __init__(self, plugins: Sequence[Plugin], config: SchedulerConfig) -> None:
        enabled = [plugin for plugin in plugins if plugin.name not in config.disabled]
        self.config = config
        self.by_name = {plugin.name: plugin for plugin in enabled}
        self.pre_enqueue = [p for p in enabled if isinstance(p, PreEnqueuePlugin)]
        self.filters = [p for p in enabled if isinstance(p, FilterPlugin)]
        self.post_filters = [p for p in enabled if isinstance(p, PostFilterPlugin)]
        self.scorers = [
            (p, config.weights[p.name]) for p in enabled if isinstance(p, ScorePlugin) and config.weights.get(p.name)
        ]
        self.reserve = [p for p in enabled if isinstance(p, ReservePlugin)]
        self.bind = [p for p in enabled if isinstance(p, BindPlugin)]
