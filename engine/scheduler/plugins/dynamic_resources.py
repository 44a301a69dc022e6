"""DynamicResources: pods with resource claims. No claim is ever allocated here, so PostFilter finds none to free."""

from __future__ import annotations

from engine.scheduler.framework import Diagnosis, PostFilterPlugin, PostFilterResult, ProfileView
from engine.scheduler.nodes import NodeTable
from engine.scheduler.podclass import PodClass
from store.types import Envelope


class DynamicResources(PostFilterPlugin):
    name = "DynamicResources"

    def post_filter(
        self, env: Envelope, pod: PodClass, nodes: NodeTable, diagnosis: Diagnosis, profile: ProfileView
    ) -> PostFilterResult:
        return PostFilterResult("no new claims to deallocate")
