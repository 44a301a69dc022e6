"""DynamicResources: pods with resource claims. No claim is ever allocated here, so PostFilter finds none to free.

When an earlier plugin's PreFilter refuses the pod, this plugin's own never runs; its PostFilter then misses what that
would have left, fails with the framework's bare "not found", and nobody looks for room (Kubernetes v1.36).
"""

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
        if diagnosis.pre_filter:
            return PostFilterResult("not found", failed=True)
        return PostFilterResult("no new claims to deallocate")
