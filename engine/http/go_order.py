"""An object's fields in the order in which Kubernetes writes them, for whoever reads the bytes (curl, kubectl --raw).

Go writes the fields of a struct as they stand in its declaration and the keys of a map by the alphabet. Most
declarations follow the numbers of the protobuf form (engine.http.protobuf), fields that came late excepted: `_DECLARED`
has those that do not, and fields newer than that table. A field that neither names comes last. Clients that decode
what they get are spared all this: they get the bytes as they lie in the store.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import orjson

from engine.api.kinds import Kind
from engine.http import protobuf
from store.types import JsonObject

_MAP: Final = "*"
"""Instead of a message's name: a map."""
_DECLARED: Final = """
admissionregistration.v1.ValidatingWebhook name clientConfig rules failurePolicy matchPolicy namespaceSelector
  objectSelector sideEffects timeoutSeconds admissionReviewVersions matchConditions
admissionregistration.v1.MutatingWebhook name clientConfig rules failurePolicy matchPolicy namespaceSelector
  objectSelector sideEffects timeoutSeconds admissionReviewVersions reinvocationPolicy matchConditions
admissionregistration.v1.RuleWithOperations operations apiGroups apiVersions resources scope
apps.v1.DeploymentCondition type status lastUpdateTime lastTransitionTime reason message
apps.v1.DeploymentStatus observedGeneration replicas updatedReplicas readyReplicas availableReplicas
  unavailableReplicas terminatingReplicas conditions collisionCount
apps.v1.ReplicaSetSpec replicas minReadySeconds selector template
apps.v1.ReplicaSetStatus replicas fullyLabeledReplicas readyReplicas availableReplicas terminatingReplicas
  observedGeneration conditions
autoscaling.v2.HPAScalingRules stabilizationWindowSeconds selectPolicy policies tolerance
autoscaling.v2.MetricSpec type object pods resource containerResource external
autoscaling.v2.MetricStatus type object pods resource containerResource external
batch.v1.JobSpec parallelism completions activeDeadlineSeconds podFailurePolicy successPolicy backoffLimit
  backoffLimitPerIndex maxFailedIndexes selector manualSelector template ttlSecondsAfterFinished completionMode suspend
  podReplacementPolicy managedBy
batch.v1.JobStatus conditions startTime completionTime active succeeded failed terminating completedIndexes
  failedIndexes uncountedTerminatedPods ready
batch.v1.CronJobSpec schedule timeZone startingDeadlineSeconds concurrencyPolicy suspend jobTemplate
  successfulJobsHistoryLimit failedJobsHistoryLimit
core.v1.ConfigMap metadata immutable data binaryData
core.v1.Container name image command args workingDir ports envFrom env resources resizePolicy restartPolicy
  restartPolicyRules volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle
  terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty
core.v1.EphemeralContainer name image command args workingDir ports envFrom env resources resizePolicy restartPolicy
  restartPolicyRules volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle
  terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty
  targetContainerName
core.v1.NodeSpec podCIDR podCIDRs providerID unschedulable taints configSource externalID
core.v1.PersistentVolumeClaimSpec accessModes selector resources volumeName storageClassName volumeMode dataSource
  dataSourceRef volumeAttributesClassName
core.v1.PodCondition type observedGeneration status lastProbeTime lastTransitionTime reason message
core.v1.PodSecurityContext seLinuxOptions windowsOptions runAsUser runAsGroup runAsNonRoot supplementalGroups
  supplementalGroupsPolicy fsGroup sysctls fsGroupChangePolicy seccompProfile appArmorProfile seLinuxChangePolicy
core.v1.PodSpec volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds
  activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName serviceAccount automountServiceAccountToken nodeName
  hostNetwork hostPID hostIPC shareProcessNamespace securityContext imagePullSecrets hostname subdomain affinity
  schedulerName tolerations hostAliases priorityClassName priority dnsConfig readinessGates runtimeClassName
  enableServiceLinks preemptionPolicy overhead topologySpreadConstraints setHostnameAsFQDN os hostUsers schedulingGates
  resourceClaims resources hostnameOverride
core.v1.PodStatus observedGeneration phase conditions message reason nominatedNodeName hostIP hostIPs podIP podIPs
  startTime initContainerStatuses containerStatuses qosClass ephemeralContainerStatuses resize resourceClaimStatuses
core.v1.Secret metadata immutable data stringData type
core.v1.SecurityContext capabilities privileged seLinuxOptions windowsOptions runAsUser runAsGroup runAsNonRoot
  readOnlyRootFilesystem allowPrivilegeEscalation procMount seccompProfile appArmorProfile
core.v1.ServicePort name protocol appProtocol port targetPort nodePort
core.v1.ServiceSpec ports selector clusterIP clusterIPs type externalIPs sessionAffinity loadBalancerIP
  loadBalancerSourceRanges externalName externalTrafficPolicy healthCheckNodePort publishNotReadyAddresses
  sessionAffinityConfig ipFamilies ipFamilyPolicy allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy
  trafficDistribution
core.v1.VolumeMount name readOnly recursiveReadOnly mountPath subPath mountPropagation subPathExpr
discovery.v1.EndpointSlice metadata addressType endpoints ports
meta.v1.OwnerReference apiVersion kind name uid controller blockOwnerDeletion
networking.v1.HTTPIngressPath path pathType backend
networking.v1.IngressBackend service resource
networking.v1.IngressSpec ingressClassName defaultBackend tls rules
"""


def ordered_bytes(kind: Kind, obj: JsonObject, *, listed: bool = False) -> bytes:
    """JSON of an object as Go writes it. `listed`: an item of a list, which leaves out what the list says already."""
    if kind.custom:
        raw = orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)
    else:
        head = {} if listed else {"kind": kind.kind, "apiVersion": kind.api_version}
        rest = {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}
        raw = orjson.dumps({**head, **_ordered(protobuf.message_of(kind.api_version, kind.kind), rest)})
    return _escaped(raw)


def _escaped(raw: bytes) -> bytes:
    """What could be taken for HTML is escaped, as encoding/json does."""
    for char, escape in ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026")):
        raw = raw.replace(char, escape)
    return raw


def _ordered(message: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(message, each) for each in value] if message else value
    if not isinstance(value, dict) or not message:
        return value
    if message == _MAP:
        return dict(sorted(value.items()))
    fields = _fields(message)
    found = {name: _ordered(fields[name], value[name]) for name in fields if name in value}
    return found if len(found) == len(value) else {**found, **{k: v for k, v in value.items() if k not in fields}}


@lru_cache(maxsize=1024)
def _fields(message: str) -> dict[str, str]:
    """Fields in order, with the message that each holds: "" where there is nothing to order."""
    found: dict[str, str] = {}
    for name, holds, inline in protobuf.fields_of(message):
        if inline:
            found |= _fields(holds)
        else:
            found[name] = holds
    declared = _declared().get(message)
    return {name: found.get(name, "") for name in dict.fromkeys((*declared, *found))} if declared else found


@lru_cache(maxsize=1)
def _declared() -> dict[str, list[str]]:
    lines = _DECLARED.replace("\n  ", " ").split("\n")
    return {words[0]: words[1:] for words in map(str.split, lines) if words}
