"""The plugins of the default profile, one file each, in Kubernetes' order (filters run in it, first refusal wins)."""

from __future__ import annotations

from engine.api.server import Api, Caller
from engine.scheduler.framework import Plugin
from engine.scheduler.plugins.balanced_allocation import NodeResourcesBalancedAllocation
from engine.scheduler.plugins.default_binder import DefaultBinder
from engine.scheduler.plugins.default_preemption import DefaultPreemption
from engine.scheduler.plugins.dynamic_resources import DynamicResources
from engine.scheduler.plugins.image_locality import ImageLocality
from engine.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from engine.scheduler.plugins.node_affinity import NodeAffinity
from engine.scheduler.plugins.node_name import NodeName
from engine.scheduler.plugins.node_ports import NodePorts
from engine.scheduler.plugins.node_resources_fit import NodeResourcesFit
from engine.scheduler.plugins.node_unschedulable import NodeUnschedulable
from engine.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from engine.scheduler.plugins.pod_topology_spread import PodTopologySpread
from engine.scheduler.plugins.scheduling_gates import SchedulingGates
from engine.scheduler.plugins.taint_toleration import TaintToleration
from engine.scheduler.plugins.volume_binding import VolumeBinding
from engine.scheduler.plugins.volume_restrictions import VolumeRestrictions
from engine.scheduler.plugins.volume_zone import VolumeZone
from engine.scheduler.volumes import VolumeChanges


def default_plugins(api: Api, caller: Caller) -> list[Plugin]:
    """Fresh instances. Who binds does it through `api` as `caller`."""
    changes = VolumeChanges(api)
    return [
        SchedulingGates(),
        NodeUnschedulable(),
        NodeName(),
        TaintToleration(),
        NodeAffinity(),
        NodePorts(),
        NodeResourcesFit(),
        VolumeRestrictions(changes),
        NodeVolumeLimits(changes),
        VolumeBinding(changes, caller),
        VolumeZone(changes),
        PodTopologySpread(),
        InterPodAffinity(),
        DynamicResources(),
        DefaultPreemption(api),
        NodeResourcesBalancedAllocation(),
        ImageLocality(),
        DefaultBinder(api, caller),
    ]
