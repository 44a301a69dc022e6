"""What can stand at places of a manifest whose values are few, where the published schema does not list them.

Kubernetes' OpenAPI of v1.36 describes most enumerations in prose only. The words here are the constants of its API
types (k8s.io/api). A place is the end of a field's path, or a kind and the whole path.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_ACCESS: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_EFFECTS: Final = ("NoExecute", "NoSchedule", "PreferNoSchedule")
_HONOUR: Final = ("Honor", "Ignore")
_KEEP: Final = ("Delete", "Retain")
_RESTART: Final = ("Always", "Never", "OnFailure")
_SCALED: Final = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")

WORDS: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    # -- pods
    ("dnsPolicy",): ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    ("tolerations", "[]", "effect"): _EFFECTS,
    ("taints", "[]", "effect"): _EFFECTS,
    ("whenUnsatisfiable",): ("DoNotSchedule", "ScheduleAnyway"),
    ("nodeAffinityPolicy",): _HONOUR,
    ("nodeTaintsPolicy",): _HONOUR,
    ("terminationMessagePolicy",): ("FallbackToLogsOnError", "File"),
    ("mountPropagation",): ("Bidirectional", "HostToContainer", "None"),
    ("recursiveReadOnly",): ("Disabled", "Enabled", "IfPossible"),
    ("hostPath", "type"): (
        "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
    ),
    ("emptyDir", "medium"): ("Memory",),
    ("seccompProfile", "type"): ("Localhost", "RuntimeDefault", "Unconfined"),
    ("appArmorProfile", "type"): ("Localhost", "RuntimeDefault", "Unconfined"),
    ("fsGroupChangePolicy",): ("Always", "OnRootMismatch"),
    ("httpGet", "scheme"): ("HTTP", "HTTPS"),
    ("os", "name"): ("linux", "windows"),
    ("containers", "[]", "restartPolicy"): _RESTART,
    ("initContainers", "[]", "restartPolicy"): _RESTART,
    ("resizePolicy", "[]", "restartPolicy"): ("NotRequired", "RestartContainer"),
    # -- workloads
    ("podManagementPolicy",): ("OrderedReady", "Parallel"),
    ("StatefulSet", "spec", "updateStrategy", "type"): ("OnDelete", "RollingUpdate"),
    ("persistentVolumeClaimRetentionPolicy", "whenDeleted"): _KEEP,
    ("persistentVolumeClaimRetentionPolicy", "whenScaled"): _KEEP,
    ("concurrencyPolicy",): ("Allow", "Forbid", "Replace"),
    ("completionMode",): ("Indexed", "NonIndexed"),
    ("podReplacementPolicy",): ("Failed", "TerminatingOrFailed"),
    ("podFailurePolicy", "rules", "[]", "action"): ("Count", "FailIndex", "FailJob", "Ignore"),
    ("onExitCodes", "operator"): ("In", "NotIn"),
    ("unhealthyPodEvictionPolicy",): ("AlwaysAllow", "IfHealthyBudget"),
    # -- autoscaling
    ("scaleTargetRef", "kind"): _SCALED,
    ("metrics", "[]", "type"): ("ContainerResource", "External", "Object", "Pods", "Resource"),
    ("target", "type"): ("AverageValue", "Utilization", "Value"),
    ("policies", "[]", "type"): ("Percent", "Pods"),
    ("selectPolicy",): ("Disabled", "Max", "Min"),
    # -- network
    ("externalTrafficPolicy",): ("Cluster", "Local"),
    ("internalTrafficPolicy",): ("Cluster", "Local"),
    ("ipFamilyPolicy",): ("PreferDualStack", "RequireDualStack", "SingleStack"),
    ("trafficDistribution",): ("PreferClose", "PreferSameNode", "PreferSameZone"),
    ("policyTypes", "[]"): ("Egress", "Ingress"),
    ("pathType",): ("Exact", "ImplementationSpecific", "Prefix"),
    # -- storage
    ("accessModes", "[]"): _ACCESS,
    ("volumeMode",): ("Block", "Filesystem"),
    ("persistentVolumeReclaimPolicy",): _KEEP,
    ("StorageClass", "reclaimPolicy"): _KEEP,
    ("volumeBindingMode",): ("Immediate", "WaitForFirstConsumer"),
    # -- configuration, quotas, rights
    ("Secret", "type"): (
        "Opaque", "bootstrap.kubernetes.io/token", "kubernetes.io/basic-auth", "kubernetes.io/dockerconfigjson",
        "kubernetes.io/service-account-token", "kubernetes.io/ssh-auth", "kubernetes.io/tls",
    ),
    ("ResourceQuota", "spec", "scopes", "[]"): (
        "BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating",
        "VolumeAttributesClass",
    ),
    ("LimitRange", "spec", "limits", "[]", "type"): ("Container", "PersistentVolumeClaim", "Pod"),
    ("roleRef", "kind"): ("ClusterRole", "Role"),
    ("roleRef", "apiGroup"): ("rbac.authorization.k8s.io",),
    ("subjects", "[]", "kind"): ("Group", "ServiceAccount", "User"),
    ("verbs", "[]"): ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch", "*"),
    ("CustomResourceDefinition", "spec", "scope"): ("Cluster", "Namespaced"),
}  # fmt: skip
"""Ends of places → the words, in alphabetical order."""


def words_at(kind: str, path: Sequence[str]) -> tuple[str, ...]:
    """The words for a field of a kind; empty where the schema knows them, or anything may stand."""
    place = (kind, *path)
    return next((words for end, words in WORDS.items() if place[-len(end) :] == end), ())
