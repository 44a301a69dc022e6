"""Kinds are data: group, version, names, scope, verbs. Built-in ones are listed, a CRD adds one at run time.

A resource is stored once and may be served in several versions (`autoscaling/v1` and `/v2`) or even in two groups
(`events.k8s.io/v1` events are core events). `Kind.stored_as` tells where its objects are. The table follows the
discovery of v1.36.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from store.types import Resource

PODS: Final = Resource("", "pods")
NODES: Final = Resource("", "nodes")
NAMESPACES: Final = Resource("", "namespaces")
EVENTS: Final = Resource("", "events")
SERVICES: Final = Resource("", "services")
ENDPOINTS: Final = Resource("", "endpoints")
CONFIGMAPS: Final = Resource("", "configmaps")
SECRETS: Final = Resource("", "secrets")
SERVICEACCOUNTS: Final = Resource("", "serviceaccounts")
PERSISTENTVOLUMECLAIMS: Final = Resource("", "persistentvolumeclaims")
PERSISTENTVOLUMES: Final = Resource("", "persistentvolumes")
RESOURCEQUOTAS: Final = Resource("", "resourcequotas")
LIMITRANGES: Final = Resource("", "limitranges")
REPLICATIONCONTROLLERS: Final = Resource("", "replicationcontrollers")
PODTEMPLATES: Final = Resource("", "podtemplates")
BINDINGS: Final = Resource("", "bindings")
DEPLOYMENTS: Final = Resource("apps", "deployments")
REPLICASETS: Final = Resource("apps", "replicasets")
STATEFULSETS: Final = Resource("apps", "statefulsets")
DAEMONSETS: Final = Resource("apps", "daemonsets")
CONTROLLERREVISIONS: Final = Resource("apps", "controllerrevisions")
JOBS: Final = Resource("batch", "jobs")
CRONJOBS: Final = Resource("batch", "cronjobs")
HPAS: Final = Resource("autoscaling", "horizontalpodautoscalers")
PDBS: Final = Resource("policy", "poddisruptionbudgets")
ENDPOINTSLICES: Final = Resource("discovery.k8s.io", "endpointslices")
INGRESSES: Final = Resource("networking.k8s.io", "ingresses")
INGRESSCLASSES: Final = Resource("networking.k8s.io", "ingressclasses")
NETWORKPOLICIES: Final = Resource("networking.k8s.io", "networkpolicies")
STORAGECLASSES: Final = Resource("storage.k8s.io", "storageclasses")
CSIDRIVERS: Final = Resource("storage.k8s.io", "csidrivers")
CSINODES: Final = Resource("storage.k8s.io", "csinodes")
VOLUMEATTACHMENTS: Final = Resource("storage.k8s.io", "volumeattachments")
LEASES: Final = Resource("coordination.k8s.io", "leases")
PRIORITYCLASSES: Final = Resource("scheduling.k8s.io", "priorityclasses")
RUNTIMECLASSES: Final = Resource("node.k8s.io", "runtimeclasses")
ROLES: Final = Resource("rbac.authorization.k8s.io", "roles")
ROLEBINDINGS: Final = Resource("rbac.authorization.k8s.io", "rolebindings")
CLUSTERROLES: Final = Resource("rbac.authorization.k8s.io", "clusterroles")
CLUSTERROLEBINDINGS: Final = Resource("rbac.authorization.k8s.io", "clusterrolebindings")
CSRS: Final = Resource("certificates.k8s.io", "certificatesigningrequests")
FLOWSCHEMAS: Final = Resource("flowcontrol.apiserver.k8s.io", "flowschemas")
PRIORITYLEVELS: Final = Resource("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations")
APISERVICES: Final = Resource("apiregistration.k8s.io", "apiservices")
CRDS: Final = Resource("apiextensions.k8s.io", "customresourcedefinitions")
IMAGES: Final = Resource("kubarium.dev", "images")
"""Ours (kubarium.dev/v1alpha1 Image, cluster-scoped): how a simulated image behaves."""
CLOUDS: Final = Resource("kubarium.dev", "clouds")
MACHINES: Final = Resource("kubarium.dev", "machines")
LOADBALANCERS: Final = Resource("kubarium.dev", "loadbalancers")
ROUTES: Final = Resource("kubarium.dev", "routes")
"""Ours too: the simulated cloud, and what it has (engine.cloud.simulated)."""
FAULTS: Final = Resource("kubarium.dev", "faults")
"""And what is broken on purpose (engine.faults)."""

ALL_VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Kind:
    """One served kind in one version."""

    resource: Resource
    version: str
    kind: str
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = field(default_factory=frozenset)
    """`status`, `scale`, `binding`, `eviction`, …"""
    verbs: tuple[str, ...] = ALL_VERBS
    stored: bool = True
    """False: nothing is kept, a create is answered at once (bindings, reviews)."""
    storage: Resource | None = None
    """Where the objects are, when not under `resource`."""
    generation: bool = False
    """metadata.generation counts changes of the desired state."""
    custom: bool = False
    """Served because of a CRD."""
    selectable: tuple[str, ...] = ()
    """Of a custom kind: fields (`spec.color`) that field selectors may name."""
    deprecation: str = ""
    """What whoever asks for this version is warned of; "" for nothing."""

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.resource.group}/{self.version}" if self.resource.group else self.version

    @property
    def stored_as(self) -> Resource:
        return self.storage or self.resource

    @property
    def list_kind(self) -> str:
        return f"{self.kind}List"


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sorts v2 before v1 before v1beta2 before v1alpha1 before anything else (apimachinery's version priority)."""
    text = version[1:] if version.startswith("v") else ""
    major, stage, minor = text, "", ""
    for word in ("alpha", "beta"):
        if word in text:
            major, _, minor = text.partition(word)
            stage = word
    if not major.isdigit() or (stage and not minor.isdigit()):
        return 3, 0, 0, version
    return {"": 0, "beta": 1, "alpha": 2}[stage], -int(major), -int(minor or 0), version


class KindRegistry:
    """All kinds that the cluster serves now."""

    def __init__(self) -> None:
        self._by_resource: dict[Resource, Kind] = {}
        self._by_name: dict[tuple[str, str], Kind] = {}
        self._words: dict[str, list[Kind]] | None = None

    def add(self, kind: Kind) -> None:
        """Serve a kind. The first version added of a resource is the one its objects are stored in."""
        self._by_resource.setdefault(kind.resource, kind)
        self._by_name[kind.api_version, kind.kind] = kind
        self._words = None

    def remove(self, resource: Resource) -> None:
        """Serve a resource no longer, in no version. KeyError when it is not served."""
        del self._by_resource[resource]
        for name in [name for name, kind in self._by_name.items() if kind.resource == resource]:
            del self._by_name[name]
        self._words = None

    def get(self, resource: Resource) -> Kind | None:
        """The storage version of a resource."""
        return self._by_resource.get(resource)

    def by_kind(self, api_version: str, kind: str) -> Kind | None:
        return self._by_name.get((api_version, kind))

    def version(self, resource: Resource, version: str) -> Kind | None:
        """A resource in one of its versions."""
        return next((k for k in self._by_name.values() if k.resource == resource and k.version == version), None)

    def all(self) -> list[Kind]:
        """One kind (its storage version) per resource."""
        return list(self._by_resource.values())

    def served(self) -> list[Kind]:
        """Every kind in every version."""
        return list(self._by_name.values())

    def resolve(self, word: str) -> Kind | None:
        """A kind as a person names it: `pods`, `pod`, `po`, `Pod`, `deployments.apps`, `deploy.v1.apps`.

        None: no such kind. Of several, core wins, then the order of discovery, as for kubectl.
        """
        name, _, rest = word.partition(".")
        for kind in self._table().get(name.lower(), ()):
            group = kind.resource.group
            if not rest or rest == group or rest in (f"{kind.version}.{group}", f"{kind.version}."):
                return kind
        return None

    def category(self, word: str) -> list[Kind]:
        """The kinds of a category (`all`)."""
        return [kind for kind in self.all() if word in kind.categories]

    def _table(self) -> dict[str, list[Kind]]:
        if self._words is None:
            self._words = {}
            kinds = sorted(self.served(), key=lambda k: k.custom)
            for names in ("plural", "singular", "short"):
                for kind in kinds:
                    for name in _names(kind, names):
                        found = self._words.setdefault(name, [])
                        if kind not in found:
                            found.append(kind)
        return self._words


def _names(kind: Kind, which: str) -> Iterable[str]:
    if which == "plural":
        return (kind.resource.plural,)
    if which == "singular":
        return (kind.singular, kind.kind.lower()) if kind.singular else (kind.kind.lower(),)
    return kind.short_names


_TABLE: Final = """
/v1
  configmaps ConfigMap cm
  endpoints Endpoints ep singular=endpoints
  events Event ev
  limitranges LimitRange limits
  namespaces Namespace ns cluster sub=finalize,status verbs=create,delete,get,list,patch,update,watch
  nodes Node no cluster sub=proxy,status
  persistentvolumeclaims PersistentVolumeClaim pvc sub=status
  persistentvolumes PersistentVolume pv cluster sub=status
  pods Pod po all gen sub=attach,binding,ephemeralcontainers,eviction,exec,log,portforward,proxy,resize,status
  podtemplates PodTemplate gen
  replicationcontrollers ReplicationController rc all gen sub=scale,status
  resourcequotas ResourceQuota quota sub=status
  secrets Secret
  serviceaccounts ServiceAccount sa sub=token
  services Service svc all sub=proxy,status
  bindings Binding verbs=create
  componentstatuses ComponentStatus cs cluster verbs=get,list
apiregistration.k8s.io/v1
  apiservices APIService cluster api-extensions sub=status
apps/v1
  controllerrevisions ControllerRevision
  daemonsets DaemonSet ds all gen sub=status
  deployments Deployment deploy all gen sub=scale,status
  replicasets ReplicaSet rs all gen sub=scale,status
  statefulsets StatefulSet sts all gen sub=scale,status
events.k8s.io/v1
  events Event ev storage=events
authentication.k8s.io/v1
  selfsubjectreviews SelfSubjectReview cluster verbs=create
  tokenreviews TokenReview cluster verbs=create
authorization.k8s.io/v1
  localsubjectaccessreviews LocalSubjectAccessReview verbs=create
  selfsubjectaccessreviews SelfSubjectAccessReview cluster verbs=create
  selfsubjectrulesreviews SelfSubjectRulesReview cluster verbs=create
  subjectaccessreviews SubjectAccessReview cluster verbs=create
autoscaling/v2
  horizontalpodautoscalers HorizontalPodAutoscaler hpa all sub=status
autoscaling/v1
  horizontalpodautoscalers HorizontalPodAutoscaler hpa all sub=status
batch/v1
  cronjobs CronJob cj all gen sub=status
  jobs Job all gen sub=status
certificates.k8s.io/v1
  certificatesigningrequests CertificateSigningRequest csr cluster sub=approval,status
networking.k8s.io/v1
  ingressclasses IngressClass cluster gen
  ingresses Ingress ing gen sub=status
  ipaddresses IPAddress ip cluster
  networkpolicies NetworkPolicy netpol gen
  servicecidrs ServiceCIDR cluster sub=status
policy/v1
  poddisruptionbudgets PodDisruptionBudget pdb gen sub=status
rbac.authorization.k8s.io/v1
  clusterrolebindings ClusterRoleBinding cluster
  clusterroles ClusterRole cluster
  rolebindings RoleBinding
  roles Role
storage.k8s.io/v1
  csidrivers CSIDriver cluster
  csinodes CSINode cluster
  csistoragecapacities CSIStorageCapacity
  storageclasses StorageClass sc cluster
  volumeattachments VolumeAttachment cluster sub=status
  volumeattributesclasses VolumeAttributesClass vac cluster
admissionregistration.k8s.io/v1
  mutatingadmissionpolicies MutatingAdmissionPolicy cluster api-extensions gen
  mutatingadmissionpolicybindings MutatingAdmissionPolicyBinding cluster api-extensions gen
  mutatingwebhookconfigurations MutatingWebhookConfiguration cluster api-extensions gen
  validatingadmissionpolicies ValidatingAdmissionPolicy cluster api-extensions gen sub=status
  validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding cluster api-extensions gen
  validatingwebhookconfigurations ValidatingWebhookConfiguration cluster api-extensions gen
apiextensions.k8s.io/v1
  customresourcedefinitions CustomResourceDefinition crd,crds cluster api-extensions gen sub=status
scheduling.k8s.io/v1
  priorityclasses PriorityClass pc cluster gen
coordination.k8s.io/v1
  leases Lease
node.k8s.io/v1
  runtimeclasses RuntimeClass cluster
discovery.k8s.io/v1
  endpointslices EndpointSlice gen
resource.k8s.io/v1
  deviceclasses DeviceClass cluster gen
  resourceclaims ResourceClaim sub=status
  resourceclaimtemplates ResourceClaimTemplate
  resourceslices ResourceSlice cluster gen
flowcontrol.apiserver.k8s.io/v1
  flowschemas FlowSchema cluster gen sub=status
  prioritylevelconfigurations PriorityLevelConfiguration cluster gen sub=status
kubarium.dev/v1alpha1
  images Image cluster gen
  clouds Cloud cluster gen
  loadbalancers LoadBalancer cluster gen sub=status
  connections Connection cluster verbs=create
  diagnoses Diagnosis cluster verbs=create
  faults Fault cluster gen sub=status
  machines Machine cluster gen sub=status
  reversals Reversal cluster verbs=create
  routes Route cluster gen
metrics.k8s.io/v1beta1
  nodes NodeMetrics cluster verbs=get,list singular=
  pods PodMetrics verbs=get,list singular=
"""
"""`plural Kind [short names] [cluster] [gen] [category] [sub=…] [verbs=…] [storage=plural in core] [singular=…]`."""


def _parse(text: str) -> Iterable[Kind]:
    group = version = ""
    for line in text.strip().splitlines():
        if not line.startswith(" "):
            group, _, version = line.partition("/")
            continue
        plural, kind, *words = line.split()
        options = dict(word.split("=") for word in words if "=" in word)
        flags = [word for word in words if "=" not in word]
        short = next((w for w in flags if w not in ("cluster", "gen", "all", "api-extensions")), "")
        verbs = tuple(options["verbs"].split(",")) if "verbs" in options else ALL_VERBS
        yield Kind(
            Resource(group, plural),
            version,
            kind,
            namespaced="cluster" not in flags,
            singular=options.get("singular", kind.lower()),
            short_names=tuple(short.split(",")) if short else (),
            categories=tuple(w for w in flags if w in ("all", "api-extensions")),
            subresources=frozenset(options["sub"].split(",")) if "sub" in options else frozenset(),
            verbs=verbs,
            stored="list" in verbs and plural != "componentstatuses" and group != "metrics.k8s.io",
            storage=Resource("", options["storage"]) if "storage" in options else None,
            generation="gen" in flags,
        )


def builtin_kinds() -> KindRegistry:
    """A registry with every built-in kind."""
    registry = KindRegistry()
    for kind in _parse(_TABLE):
        registry.add(kind)
    return registry
