"""Values as kube-apiserver holds them inside: what a refusal of a changed pod, claim, volume or Job template prints.

The API's own types have JSON names; those that the server works on have none, so that Go writes every field by its Go
name, missing ones too: `"Command": null`. Which fields there are, in which order, and what a missing one is, is the
table below; it follows the internal types of v1.36 (pkg/apis/core/types.go) as far as pod specs and claims reach.
Volumes of in-tree drivers that are long gone are written with capitalised names only.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from store.types import JsonObject

_TABLE: Final = """
PodSpec volumes:[Volume initContainers:[Container containers:[Container ephemeralContainers:[EphemeralContainer
  restartPolicy:s terminationGracePeriodSeconds:- activeDeadlineSeconds:- dnsPolicy=DNSPolicy:s nodeSelector:-
  serviceAccountName:s automountServiceAccountToken:- nodeName:s securityContext:*PodSecurityContext
  imagePullSecrets:[Name hostname:s subdomain:s setHostnameAsFQDN:- affinity:*Affinity schedulerName:s
  tolerations:[Toleration hostAliases:[HostAlias priorityClassName:s priority:- preemptionPolicy:-
  dnsConfig=DNSConfig:*DNSConfig readinessGates:[ReadinessGate runtimeClassName:- overhead:- enableServiceLinks:-
  topologySpreadConstraints:[SpreadConstraint os=OS:*Name schedulingGates:[Name resourceClaims:[PodClaim
  resources:*Resources hostnameOverride:- schedulingGroup:-
PodSecurityContext hostNetwork:b hostPID:b hostIPC:b shareProcessNamespace:- hostUsers:-
  seLinuxOptions=SELinuxOptions:*SELinux windowsOptions:*Windows runAsUser:- runAsGroup:-
  runAsNonRoot:- supplementalGroups:- supplementalGroupsPolicy:-
  fsGroup=FSGroup:- fsGroupChangePolicy=FSGroupChangePolicy:- sysctls:[NameValue seccompProfile:*Profile
  appArmorProfile:*Profile seLinuxChangePolicy=SELinuxChangePolicy:-
Container name:s image:s command:- args:- workingDir:s ports:[Port envFrom:[EnvFrom env:[Env resources:Resources
  resizePolicy:[Resize restartPolicy:- restartPolicyRules:[Rule volumeMounts:[Mount volumeDevices:[Device
  livenessProbe:*Probe readinessProbe:*Probe startupProbe:*Probe lifecycle:*Lifecycle terminationMessagePath:s
  terminationMessagePolicy:s imagePullPolicy:s securityContext:*SecurityContext stdin:b stdinOnce:b tty=TTY:b
EphemeralContainer @Container targetContainerName:s
Resources limits:- requests:- claims:[Claim
Claim name:s request:s
Port name:s hostPort:i containerPort:i protocol:s hostIP:s
EnvFrom prefix:s configMapRef:*NameOptional secretRef:*NameOptional
NameOptional name:s optional:-
Env name:s value:s valueFrom:*EnvSource
EnvSource fieldRef:*FieldRef resourceFieldRef:*ResourceRef configMapKeyRef:*KeyRef secretKeyRef:*KeyRef
  fileKeyRef:*FileKey
FieldRef apiVersion=APIVersion:s fieldPath:s
ResourceRef containerName:s resource:s divisor:q
KeyRef name:s key:s optional:-
FileKey volumeName:s path:s key:s optional:-
Resize resourceName:s restartPolicy:s
Rule action:s exitCodes:*ExitCodes
ExitCodes operator:s values:-
Mount name:s readOnly:b recursiveReadOnly:- mountPath:s subPath:s mountPropagation:- subPathExpr:s
Device name:s devicePath:s
Probe @Handler initialDelaySeconds:i timeoutSeconds:i periodSeconds:i successThreshold:i failureThreshold:i
  terminationGracePeriodSeconds:-
Handler exec:*Exec httpGet=HTTPGet:*HTTPGet tcpSocket=TCPSocket:*TCPSocket grpc=GRPC:*GRPC
Exec command:-
HTTPGet path:s port:p host:s scheme:s httpHeaders=HTTPHeaders:[NameValue
TCPSocket port:p host:s
GRPC port:i service:-
Lifecycle postStart:*Hook preStop:*Hook stopSignal:-
Hook exec:*Exec httpGet=HTTPGet:*HTTPGet tcpSocket=TCPSocket:*TCPSocket sleep:*Sleep
Sleep seconds:i
SecurityContext capabilities:*Capabilities privileged:- seLinuxOptions=SELinuxOptions:*SELinux windowsOptions:*Windows
  runAsUser:- runAsGroup:- runAsNonRoot:- readOnlyRootFilesystem:- allowPrivilegeEscalation:- procMount:-
  seccompProfile:*Profile appArmorProfile:*Profile
Capabilities add:- drop:-
SELinux user:s role:s type:s level:s
Windows gmsaCredentialSpecName=GMSACredentialSpecName:- gmsaCredentialSpec=GMSACredentialSpec:-
  runAsUserName:- hostProcess:-
Profile type:s localhostProfile:-
Name name:s
NameValue name:s value:s
Affinity nodeAffinity:*NodeAffinity podAffinity:*PodAffinity podAntiAffinity:*PodAffinity
NodeAffinity requiredDuringSchedulingIgnoredDuringExecution:*NodeSelector
  preferredDuringSchedulingIgnoredDuringExecution:[PreferredNode
NodeSelector nodeSelectorTerms:[Term
Term matchExpressions:[Requirement matchFields:[Requirement
Requirement key:s operator:s values:-
PreferredNode weight:i preference:Term
PodAffinity requiredDuringSchedulingIgnoredDuringExecution:[AffinityTerm
  preferredDuringSchedulingIgnoredDuringExecution:[PreferredPod
AffinityTerm labelSelector:- namespaces:- topologyKey:s namespaceSelector:- matchLabelKeys:- mismatchLabelKeys:-
PreferredPod weight:i podAffinityTerm:AffinityTerm
Toleration key:s operator:s value:s effect:s tolerationSeconds:-
HostAlias ip=IP:s hostnames:-
DNSConfig nameservers:- searches:- options:[Option
Option name:s value:-
ReadinessGate conditionType:s
SpreadConstraint maxSkew:i topologyKey:s whenUnsatisfiable:s labelSelector:- minDomains:- nodeAffinityPolicy:-
  nodeTaintsPolicy:- matchLabelKeys:-
PodClaim name:s resourceClaimName:- resourceClaimTemplateName:-
Volume name:s hostPath:*HostPath emptyDir:*EmptyDir gcePersistentDisk=GCEPersistentDisk:?
  awsElasticBlockStore=AWSElasticBlockStore:? gitRepo:? secret:*SecretVolume nfs=NFS:*NFS iscsi=ISCSI:? glusterfs:?
  persistentVolumeClaim:*ClaimVolume rbd=RBD:? quobyte:? flexVolume:? cinder:? cephfs=CephFS:? flocker:?
  downwardAPI:*DownwardVolume fc=FC:? azureFile:? configMap:*ConfigVolume vsphereVolume:? azureDisk:?
  photonPersistentDisk:? projected:*Projected portworxVolume:? scaleIO:? storageos=StorageOS:? csi=CSI:*CSI
  ephemeral:*Ephemeral image:*Image
HostPath path:s type:-
EmptyDir medium:s sizeLimit:-
SecretVolume secretName:s items:[Item defaultMode:- optional:-
ConfigVolume name:s items:[Item defaultMode:- optional:-
DownwardVolume items:[DownwardItem defaultMode:-
Item key:s path:s mode:-
DownwardItem path:s fieldRef:*FieldRef resourceFieldRef:*ResourceRef mode:-
NFS server:s path:s readOnly:b
ClaimVolume claimName:s readOnly:b
Projected sources:[Source defaultMode:-
Source secret:*ProjectedConfig downwardAPI:*ProjectedDownward configMap:*ProjectedConfig
  serviceAccountToken:*TokenSource
  clusterTrustBundle:? podCertificate:?
ProjectedConfig name:s items:[Item optional:-
ProjectedDownward items:[DownwardItem
TokenSource audience:s expirationSeconds:i path:s
CSI driver:s readOnly:- fsType=FSType:- volumeAttributes:- nodePublishSecretRef:*Name
Ephemeral volumeClaimTemplate:?
Image reference:s pullPolicy:s
ClaimSpec accessModes:- selector:- resources:ClaimResources volumeName:s storageClassName:- volumeMode:-
  dataSource:*Reference dataSourceRef:*SpacedReference volumeAttributesClassName:-
ClaimResources limits:- requests:-
VolumeSource gcePersistentDisk=GCEPersistentDisk:? awsElasticBlockStore=AWSElasticBlockStore:? hostPath:*HostPath
  glusterfs:? nfs=NFS:*NFS rbd=RBD:? quobyte:? iscsi=ISCSI:? flexVolume:? cinder:? cephfs=CephFS:? fc=FC:? flocker:?
  azureFile:? vsphereVolume:? azureDisk:? photonPersistentDisk:? portworxVolume:? scaleIO:? local:*Local
  storageos=StorageOS:? csi=CSI:*VolumeCSI
Local path:s fsType=FSType:-
VolumeCSI driver:s volumeHandle:s readOnly:b fsType=FSType:s volumeAttributes:- controllerPublishSecretRef:*SecretRef
  nodeStageSecretRef:*SecretRef nodePublishSecretRef:*SecretRef controllerExpandSecretRef:*SecretRef
  nodeExpandSecretRef:*SecretRef
SecretRef name:s namespace:s
Reference apiGroup=APIGroup:- kind:s name:s
Strategy type:s rollingUpdate:*RollingUpdate
RollingUpdate maxUnavailable:p maxSurge:p
SetStrategy type:s rollingUpdate:*SetRollingUpdate
SetRollingUpdate partition:i maxUnavailable:-
Budget minAvailable:- selector:- maxUnavailable:- unhealthyPodEvictionPolicy:-
SuccessPolicy rules:[SuccessRule
SuccessRule succeededIndexes:- succeededCount:-
ServicePort name:s protocol:s appProtocol:- port:i targetPort:p nodePort:i
Taint key:s value:s effect:s timeAdded:-
ScopeSelector matchExpressions:[ScopeRequirement
ScopeRequirement scopeName:s operator:s values:-
SpacedReference apiGroup=APIGroup:- kind:s name:s namespace:-
"""
"""A struct a line: `name=Go:type`. Types: s string, i number, b flag, q quantity, p port, - what may be null, Struct,
*Struct that may be null, [Struct a list, ? whatever stands there, with capitalised names; @Struct is embedded."""
_ZERO: Final[dict[str, Any]] = {"s": "", "i": 0, "b": False, "q": "0", "p": 0, "-": None, "?": None}
_OF_SECURITY: Final = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")
"""Fields of a pod's spec that are part of its security context inside."""


class _Field(NamedTuple):
    name: str
    go: str
    type: str


def _structs() -> dict[str, list[_Field]]:
    found: dict[str, list[_Field]] = {}
    fields: list[_Field] = []
    for line in _TABLE.strip().split("\n"):
        words = line.split()
        if not line.startswith(" "):
            fields = found[words.pop(0)] = []
        for word in words:
            names, _, kind = word.partition(":")
            name, _, go = names.partition("=")
            fields.append(_Field(name, go or name[:1].upper() + name[1:], kind))
    embedded = {name: fields for name, fields in found.items() if not any(f.name.startswith("@") for f in fields)}
    for name, fields in found.items():
        if name not in embedded:
            found[name] = [f for each in fields for f in (embedded[each.name[1:]] if each.name[0] == "@" else [each])]
    return found


_STRUCTS: Final = _structs()


def pod_spec(spec: JsonObject) -> JsonObject:
    """A pod's spec."""
    security = dict(spec.get("securityContext") or {})
    security |= {name: spec[name] for name in _OF_SECURITY if name in spec}
    return _struct("PodSpec", {**spec, "securityContext": security})


def pod_template(template: JsonObject) -> JsonObject:
    """A template of pods: its metadata keep their names, and are embedded."""
    return {**(template.get("metadata") or {}), "Spec": pod_spec(template.get("spec") or {})}


def security_context(context: JsonObject) -> JsonObject:
    """A container's security context."""
    return _struct("SecurityContext", context)


def claim_spec(spec: JsonObject) -> JsonObject:
    """A PersistentVolumeClaim's spec."""
    return _struct("ClaimSpec", spec)


def volume_source(spec: JsonObject) -> JsonObject:
    """What is behind a PersistentVolume: part of its spec."""
    return _struct("VolumeSource", spec)


def scope_selector(selector: JsonObject) -> JsonObject:
    """A ResourceQuota's scopeSelector."""
    return _struct("ScopeSelector", selector)


def update_strategy(strategy: JsonObject) -> JsonObject:
    """A Deployment's or a DaemonSet's strategy."""
    return _struct("Strategy", strategy)


def stateful_strategy(strategy: JsonObject) -> JsonObject:
    """A StatefulSet's update strategy."""
    return _struct("SetStrategy", strategy)


def stateful_rolling_update(rolling: JsonObject) -> JsonObject:
    """How a StatefulSet rolls."""
    return _struct("SetRollingUpdate", rolling)


def budget_spec(spec: JsonObject) -> JsonObject:
    """A PodDisruptionBudget's spec."""
    return _struct("Budget", spec)


def success_policy(policy: JsonObject) -> JsonObject:
    """A Job's success policy."""
    return _struct("SuccessPolicy", policy)


def service_port(port: JsonObject) -> JsonObject:
    """A port of a Service."""
    return _struct("ServicePort", port)


def taint(value: JsonObject) -> JsonObject:
    """A node's taint."""
    return _struct("Taint", value)


def _struct(name: str, value: JsonObject) -> JsonObject:
    return {field.go: _value(field.type, value.get(field.name)) for field in _STRUCTS[name]}


def _value(kind: str, value: Any) -> Any:
    if kind == "?":
        return _capitalised(value)
    if kind in _ZERO:
        # Maps are written in the order of their keys, as Go does.
        return _ZERO[kind] if value is None else dict(sorted(value.items())) if isinstance(value, dict) else value
    if kind[0] == "[":
        return [_struct(kind[1:], each) for each in value] if value else None
    if kind[0] == "*":
        return None if value is None else _struct(kind[1:], value)
    return _struct(kind, value or {})


def _capitalised(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _capitalised(each) for key, each in value.items()}
    return [_capitalised(each) for each in value] if isinstance(value, list) else value
