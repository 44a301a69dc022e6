"""Go in texts: its names for string types, where the API publishes plain strings, and values as it prints them.

A decoding error names the Go type of the field (`… of type v1.PullPolicy`). OpenAPI has lost those names; this table
brings the common ones back: Go type → the fields that have it, as `Struct.field`.
"""

from __future__ import annotations

from typing import Any, Final

_NAMED: Final = {
    "v1.PullPolicy": "Container.imagePullPolicy EphemeralContainer.imagePullPolicy ImageVolumeSource.pullPolicy",
    "v1.RestartPolicy": "PodSpec.restartPolicy",
    "v1.ContainerRestartPolicy": "Container.restartPolicy EphemeralContainer.restartPolicy",
    "v1.DNSPolicy": "PodSpec.dnsPolicy",
    "v1.PreemptionPolicy": "PodSpec.preemptionPolicy PriorityClass.preemptionPolicy",
    "v1.TerminationMessagePolicy": "Container.terminationMessagePolicy EphemeralContainer.terminationMessagePolicy",
    "v1.Protocol": "ContainerPort.protocol ServicePort.protocol NetworkPolicyPort.protocol EndpointPort.protocol",
    "v1.URIScheme": "HTTPGetAction.scheme",
    "v1.ServiceType": "ServiceSpec.type",
    "v1.ServiceAffinity": "ServiceSpec.sessionAffinity",
    "v1.ServiceExternalTrafficPolicy": "ServiceSpec.externalTrafficPolicy",
    "v1.ServiceInternalTrafficPolicy": "ServiceSpec.internalTrafficPolicy",
    "v1.IPFamilyPolicy": "ServiceSpec.ipFamilyPolicy",
    "v1.SecretType": "Secret.type",
    "v1.TaintEffect": "Taint.effect Toleration.effect",
    "v1.TolerationOperator": "Toleration.operator",
    "v1.NodeSelectorOperator": "NodeSelectorRequirement.operator",
    "v1.LabelSelectorOperator": "LabelSelectorRequirement.operator",
    "v1.UnsatisfiableConstraintAction": "TopologySpreadConstraint.whenUnsatisfiable",
    "v1.StorageMedium": "EmptyDirVolumeSource.medium",
    "v1.HostPathType": "HostPathVolumeSource.type",
    "v1.MountPropagationMode": "VolumeMount.mountPropagation",
    "v1.PersistentVolumeMode": "PersistentVolumeClaimSpec.volumeMode PersistentVolumeSpec.volumeMode",
    "v1.PersistentVolumeReclaimPolicy": "PersistentVolumeSpec.persistentVolumeReclaimPolicy StorageClass.reclaimPolicy",
    "v1.VolumeBindingMode": "StorageClass.volumeBindingMode",
    "v1.PodPhase": "PodStatus.phase",
    "v1.ConditionStatus": "PodCondition.status NodeCondition.status DeploymentCondition.status Condition.status",
    "v1.PodConditionType": "PodCondition.type PodReadinessGate.conditionType",
    "v1.NodeConditionType": "NodeCondition.type",
    "v1.DeploymentStrategyType": "DeploymentStrategy.type",
    "v1.StatefulSetUpdateStrategyType": "StatefulSetUpdateStrategy.type",
    "v1.DaemonSetUpdateStrategyType": "DaemonSetUpdateStrategy.type",
    "v1.PodManagementPolicyType": "StatefulSetSpec.podManagementPolicy",
    "v1.ConcurrencyPolicy": "CronJobSpec.concurrencyPolicy",
    "v1.CompletionMode": "JobSpec.completionMode",
    "v1.PathType": "HTTPIngressPath.pathType",
    "v1.PolicyType": "",
    "types.UID": "ObjectMeta.uid OwnerReference.uid ObjectReference.uid Preconditions.uid",
}
GO_NAMES: Final = {place: go for go, places in _NAMED.items() for place in places.split()}
"""`PodSpec.restartPolicy` → `v1.RestartPolicy`."""


def go_text(value: Any) -> str:
    """A JSON value as Go's %v prints it: `map[spec:map[replicas:x]]`. Used in the text of a patch that does not fit."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
