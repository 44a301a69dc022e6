"""Which controllers run: one line each, in the order in which they start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.api.server import Api, Caller
from engine.clock import Clock
from engine.cloud.provider import CloudProvider
from engine.cloud.simulated.machines import MachineController
from engine.controllers.api_services import ApiServiceController
from engine.controllers.attach_detach.attacher import SimulatedAttacher
from engine.controllers.attach_detach.controller import AttachDetachController
from engine.controllers.attach_detach.registrar import SimulatedRegistrar
from engine.controllers.certificates import CsrApproving, CsrCleaner, CsrSigning
from engine.controllers.cloud.node import CloudNodeController
from engine.controllers.cloud.node_lifecycle import CloudNodeLifecycleController
from engine.controllers.cloud.route import RouteController
from engine.controllers.cloud.service import ServiceController
from engine.controllers.clusterrole_aggregation import ClusterRoleAggregation
from engine.controllers.controller import Controller
from engine.controllers.cronjob.controller import CronJobController
from engine.controllers.daemonset.controller import DaemonSetController
from engine.controllers.deployment.controller import DeploymentController
from engine.controllers.disruption import DisruptionController
from engine.controllers.endpoints import EndpointsController
from engine.controllers.endpointslice.controller import EndpointSliceController
from engine.controllers.endpointslice_mirroring import EndpointSliceMirroringController
from engine.controllers.flow_schemas import FlowControlConfig
from engine.controllers.garbage_collector import GarbageCollector
from engine.controllers.horizontal.calculator import Usage, no_usage
from engine.controllers.horizontal.controller import HorizontalController
from engine.controllers.ingress import IngressController
from engine.controllers.job.controller import JobController
from engine.controllers.kubernetes_service import KubernetesServiceController
from engine.controllers.namespace import NamespaceController
from engine.controllers.node_ipam import NodeIpamController
from engine.controllers.node_lifecycle.controller import NodeLifecycleController
from engine.controllers.persistent_volume.binder import PersistentVolumeBinder
from engine.controllers.persistent_volume.driver import SimulatedDriver
from engine.controllers.persistent_volume.ephemeral import EphemeralVolumeController
from engine.controllers.persistent_volume.expansion import VolumeExpander
from engine.controllers.persistent_volume.modifier import VolumeModifier
from engine.controllers.persistent_volume.protection import ClaimProtection, VolumeProtection
from engine.controllers.pod_garbage_collector import PodGarbageCollector
from engine.controllers.replicaset import ReplicaSetController
from engine.controllers.replication import ReplicationManager
from engine.controllers.resource_quota import ResourceQuotaController
from engine.controllers.root_ca import RootCaPublisher
from engine.controllers.service_cidrs import IpAddressRepair, ServiceCidrs
from engine.controllers.serviceaccount import ServiceAccountController
from engine.controllers.serviceaccount_tokens import TokensController
from engine.controllers.snapshots.controller import SnapshotController
from engine.controllers.snapshots.sidecar import SimulatedSnapshotter
from engine.controllers.statefulset.controller import StatefulSetController
from engine.controllers.taint_eviction import TaintEvictionController
from engine.controllers.ttl_after_finished import TtlAfterFinishedController
from engine.events import EventRecorder
from engine.faults.controller import FaultController
from engine.flags import Flags
from engine.seed import Seed


@dataclass(frozen=True, slots=True)
class ControllerContext:
    """What a controller is given."""

    api: Api
    clock: Clock
    seed: Seed
    name: str
    flags: Flags
    usage: Usage = no_usage
    """What pods use: the metrics that autoscalers go by."""
    cloud: CloudProvider | None = None
    """The provider that `--cloud-provider` names; None: no cloud."""

    def root_ca(self) -> str:
        """The certificate (PEM) that pods trust the API by."""
        return self.api.keys.authority.certificate

    @property
    def caller(self) -> Caller:
        return Caller(f"system:serviceaccount:kube-system:{self.name}")

    def recorder(self, component: str = "") -> EventRecorder:
        """Events of this controller; `component` where Kubernetes uses another name than the controller's."""
        return EventRecorder(self.api, component or self.name)


CONTROLLERS: dict[str, Callable[[ControllerContext], Controller]] = {
    "namespace-controller": NamespaceController,
    "serviceaccount-controller": ServiceAccountController,
    "serviceaccount-token-controller": TokensController,
    "certificatesigningrequest-approving-controller": CsrApproving,
    "certificatesigningrequest-signing-controller": CsrSigning,
    "certificatesigningrequest-cleaner-controller": CsrCleaner,
    "root-ca-certificate-publisher-controller": RootCaPublisher,
    "clusterrole-aggregation-controller": ClusterRoleAggregation,
    "garbage-collector-controller": GarbageCollector,
    "pod-garbage-collector-controller": PodGarbageCollector,
    "node-lifecycle-controller": NodeLifecycleController,
    "taint-eviction-controller": TaintEvictionController,
    "deployment-controller": DeploymentController,
    "replicaset-controller": ReplicaSetController,
    "replicationcontroller-controller": ReplicationManager,
    "endpoints-controller": EndpointsController,
    "endpointslice-controller": EndpointSliceController,
    "endpointslice-mirroring-controller": EndpointSliceMirroringController,
    "service-cidrs-controller": ServiceCidrs,
    "ipallocator-repair-controller": IpAddressRepair,
    "ingress-controller": IngressController,
    "statefulset-controller": StatefulSetController,
    "daemonset-controller": DaemonSetController,
    "job-controller": JobController,
    "cronjob-controller": CronJobController,
    "ttl-after-finished-controller": TtlAfterFinishedController,
    "persistentvolume-binder-controller": PersistentVolumeBinder,
    "persistentvolumeclaim-protection-controller": ClaimProtection,
    "persistentvolume-protection-controller": VolumeProtection,
    "ephemeral-volume-controller": EphemeralVolumeController,
    "persistentvolume-expander-controller": VolumeExpander,
    "csi-provisioner": SimulatedDriver,
    "volume-modifier": VolumeModifier,
    "persistentvolume-attach-detach-controller": AttachDetachController,
    "csi-attacher": SimulatedAttacher,
    "csi-node-driver-registrar": SimulatedRegistrar,
    "snapshot-controller": SnapshotController,
    "csi-snapshotter": SimulatedSnapshotter,
    "resourcequota-controller": ResourceQuotaController,
    "disruption-controller": DisruptionController,
    "horizontal-pod-autoscaler-controller": HorizontalController,
    "node-ipam-controller": NodeIpamController,
    "cloud-node-controller": CloudNodeController,
    "cloud-node-lifecycle-controller": CloudNodeLifecycleController,
    "node-route-controller": RouteController,
    "service-lb-controller": ServiceController,
    "machine-controller": MachineController,
    "fault-controller": FaultController,
    "apiservice-registration-controller": ApiServiceController,
    "kubernetes-service-controller": KubernetesServiceController,
    "priority-and-fairness-config-producer": FlowControlConfig,
}
"""Controller name → factory."""
