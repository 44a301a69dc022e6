"""The roles that every cluster has, as text: names, labels and rules are kube-apiserver's bootstrap policy of v1.36.

    name                          a role
      verbs resources @groups =names     a rule: words with commas between them; groups are core without @
      get /healthz,/version              a rule for paths
      events                             what all who record events may

R is get,list,watch; L is list,watch; W is create,delete,deletecollection,patch,update; RW is both. A suffix `/status`
with nothing before it stands for the resource before it: `jobs,/status` is `jobs,jobs/status`. A line that is indented
twice goes on with the word before it.
"""

from __future__ import annotations

from typing import Final

USER_ROLES: Final = """
cluster-admin
  * * @*
  * *URL
system:discovery
  get /api,/api/*,/apis,/apis/*,/healthz,/livez,/openapi,/openapi/*,/readyz,/version,/version/
system:monitoring
  get /healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*
system:basic-user
  create selfsubjectaccessreviews,selfsubjectrulesreviews @authorization.k8s.io
  create selfsubjectreviews @authentication.k8s.io
system:public-info-viewer
  get /healthz,/livez,/readyz,/version,/version/
admin
edit
view
system:aggregate-to-admin
  create localsubjectaccessreviews @authorization.k8s.io
  RW roles,rolebindings @rbac.authorization.k8s.io
system:aggregate-to-edit
  R pods/attach,pods/proxy,pods/exec,pods/portforward,secrets,services/proxy
  impersonate serviceaccounts
  W pods,/attach,/proxy,/exec,/portforward
  create pods/eviction
  W replicationcontrollers,/scale,serviceaccounts,services,/proxy,persistentvolumeclaims,configmaps,secrets,events
  create serviceaccounts/token
  W statefulsets,/scale,daemonsets,deployments,/scale,/rollback,replicasets,/scale @apps
  W horizontalpodautoscalers @autoscaling
  W jobs,cronjobs @batch
  W daemonsets,deployments,/scale,/rollback,ingresses,replicasets,/scale,replicationcontrollers/scale,
    networkpolicies @extensions
  W poddisruptionbudgets @policy
  W networkpolicies,ingresses @networking.k8s.io
  RW leases @coordination.k8s.io
  W resourceclaims,resourceclaimtemplates @resource.k8s.io
system:aggregate-to-view
  R pods,replicationcontrollers,/scale,serviceaccounts,services,/status,endpoints,persistentvolumeclaims,
    /status,configmaps
  R limitranges,resourcequotas,bindings,events,pods/status,resourcequotas/status,namespaces/status,
    replicationcontrollers/status,pods/log
  R namespaces
  R endpointslices @discovery.k8s.io
  R controllerrevisions,statefulsets,/status,/scale,daemonsets,/status,deployments,/status,/scale,replicasets,
    /status,/scale @apps
  R horizontalpodautoscalers,/status @autoscaling
  R jobs,cronjobs,/status,jobs/status @batch
  R daemonsets,/status,deployments,/scale,/status,ingresses,/status,replicasets,/scale,/status,
    replicationcontrollers/scale,networkpolicies @extensions
  R poddisruptionbudgets,/status @policy
  R networkpolicies,ingresses,/status @networking.k8s.io
  R resourceclaims,/status,resourceclaimtemplates @resource.k8s.io
system:heapster
  R events,namespaces,nodes,pods
  R deployments @extensions
system:node
  create tokenreviews @authentication.k8s.io
  create localsubjectaccessreviews,subjectaccessreviews @authorization.k8s.io
  R services
  create,get,list,watch nodes
  patch,update nodes/status
  patch,update nodes
  events
  R pods
  create,delete pods
  patch,update pods/status
  create pods/eviction
  R configmaps,secrets
  get persistentvolumeclaims,persistentvolumes
  get endpoints
  create,get,list,watch certificatesigningrequests @certificates.k8s.io
  create,delete,get,patch,update leases @coordination.k8s.io
  get volumeattachments @storage.k8s.io
  create serviceaccounts/token
  get,patch,update persistentvolumeclaims/status
  R csidrivers @storage.k8s.io
  create,delete,get,patch,update csinodes @storage.k8s.io
  R runtimeclasses @node.k8s.io
  get resourceclaims @resource.k8s.io
  deletecollection resourceslices @resource.k8s.io
system:node-problem-detector
  get nodes
  patch nodes/status
  events
system:kubelet-api-admin
  R nodes
  proxy nodes
  * nodes/checkpoint,nodes/configz,nodes/healthz,nodes/log,nodes/metrics,nodes/pods,nodes/proxy,nodes/spec,nodes/stats
system:node-bootstrapper
  create,get,list,watch certificatesigningrequests @certificates.k8s.io
system:auth-delegator
  create tokenreviews @authentication.k8s.io
  create subjectaccessreviews @authorization.k8s.io
system:kube-aggregator
  R endpoints,services
system:kube-controller-manager
  events
  create leases @coordination.k8s.io
  get,update leases @coordination.k8s.io =kube-controller-manager
  create secrets,serviceaccounts
  delete secrets
  get configmaps,namespaces,secrets,serviceaccounts
  update secrets,serviceaccounts
  create tokenreviews @authentication.k8s.io
  create subjectaccessreviews @authorization.k8s.io
  L * @*
  create serviceaccounts/token
system:kube-dns
  L endpoints,services
system:persistent-volume-provisioner
  create,delete,get,list,watch persistentvolumes
  get,list,update,watch persistentvolumeclaims
  R storageclasses @storage.k8s.io
  watch events
  events
system:certificates.k8s.io:certificatesigningrequests:nodeclient
  create certificatesigningrequests/nodeclient @certificates.k8s.io
system:certificates.k8s.io:certificatesigningrequests:selfnodeclient
  create certificatesigningrequests/selfnodeclient @certificates.k8s.io
system:certificates.k8s.io:kube-apiserver-client-approver
  approve signers @certificates.k8s.io =kubernetes.io/kube-apiserver-client
system:certificates.k8s.io:kube-apiserver-client-kubelet-approver
  approve signers @certificates.k8s.io =kubernetes.io/kube-apiserver-client-kubelet
system:certificates.k8s.io:kubelet-serving-approver
  approve signers @certificates.k8s.io =kubernetes.io/kubelet-serving
system:certificates.k8s.io:legacy-unknown-approver
  approve signers @certificates.k8s.io =kubernetes.io/legacy-unknown
system:volume-scheduler
  get,list,patch,update,watch persistentvolumes
  R storageclasses @storage.k8s.io
  get,list,patch,update,watch persistentvolumeclaims
system:node-proxier
  L endpoints,services
  R nodes
  events
  L servicecidrs @networking.k8s.io
  L endpointslices @discovery.k8s.io
system:kube-scheduler
  events
  create leases @coordination.k8s.io
  get,list,update,watch leases @coordination.k8s.io =kube-scheduler
  R nodes
  delete,get,list,watch pods
  create bindings,pods/binding
  patch,update pods/status
  R replicationcontrollers,services
  R replicasets @apps,extensions
  R statefulsets @apps
  R poddisruptionbudgets @policy
  R persistentvolumeclaims,persistentvolumes
  create tokenreviews @authentication.k8s.io
  create subjectaccessreviews @authorization.k8s.io
  R csinodes @storage.k8s.io
  R namespaces
  R csidrivers @storage.k8s.io
  R csistoragecapacities @storage.k8s.io
  R volumeattachments @storage.k8s.io
  R deviceclasses,resourceclaims,resourceslices @resource.k8s.io
  patch,update resourceclaims,/status @resource.k8s.io
system:service-account-issuer-discovery
  get /.well-known/openid-configuration,/.well-known/openid-configuration/,/openid/v1/jwks,/openid/v1/jwks/
"""

CONTROLLER_ROLES: Final = """
attachdetach-controller
  L persistentvolumeclaims,persistentvolumes
  R nodes
  patch,update nodes/status
  L pods
  events
  create,delete,get,list,watch volumeattachments @storage.k8s.io
  R csidrivers @storage.k8s.io
  R csinodes @storage.k8s.io
clusterrole-aggregation-controller
  escalate,get,list,patch,update,watch clusterroles @rbac.authorization.k8s.io
cronjob-controller
  get,list,update,watch cronjobs @batch
  create,delete,get,list,patch,update,watch jobs @batch
  update cronjobs/status @batch
  update cronjobs/finalizers @batch
  delete,list,watch pods
  events
daemon-set-controller
  R daemonsets @apps,extensions
  update daemonsets/status @apps,extensions
  update daemonsets/finalizers @apps,extensions
  L nodes
  create,delete,list,patch,watch pods
  create pods/binding
  create,delete,get,list,patch,update,watch controllerrevisions @apps
  events
deployment-controller
  get,list,update,watch deployments @apps,extensions
  update deployments/status @apps,extensions
  update deployments/finalizers @apps,extensions
  create,delete,get,list,patch,update,watch replicasets @apps,extensions
  get,list,update,watch pods
  events
disruption-controller
  R deployments @apps,extensions
  R replicasets @apps,extensions
  R replicationcontrollers
  R poddisruptionbudgets @policy
  R statefulsets @apps
  update poddisruptionbudgets/status @policy
  patch,update pods/status
  get */scale @*
  events
endpoint-controller
  R pods,services
  create,delete,get,list,update,watch endpoints
  create endpoints/restricted
  events
endpointslice-controller
  R nodes,pods,services
  update services/finalizers
  create,delete,get,list,update,watch endpointslices @discovery.k8s.io
  events
endpointslicemirroring-controller
  R endpoints,services
  update services/finalizers
  update endpoints/finalizers
  create,delete,get,list,update,watch endpointslices @discovery.k8s.io
  events
expand-controller
  get,list,patch,update,watch persistentvolumes
  patch,update persistentvolumeclaims/status
  R persistentvolumeclaims
  events
  get services
ephemeral-volume-controller
  R pods
  update pods/finalizers
  create,get,list,watch persistentvolumeclaims
  events
resource-claim-controller
  R pods
  update pods/finalizers
  create,delete,get,list,watch resourceclaims @resource.k8s.io
  patch,update resourceclaims,/status @resource.k8s.io
  patch,update pods/status
  events
generic-garbage-collector
  delete,get,list,patch,update,watch * @*
  events
horizontal-pod-autoscaler
  R horizontalpodautoscalers @autoscaling
  update horizontalpodautoscalers/status @autoscaling
  get,update */scale @*
  L pods
  L pods @metrics.k8s.io
  R * @custom.metrics.k8s.io
  R * @external.metrics.k8s.io
  events
job-controller
  get,list,patch,update,watch jobs @batch
  update jobs/status @batch
  update jobs/finalizers @batch
  create,delete,list,patch,watch pods
  events
namespace-controller
  delete,get,list,watch namespaces
  update namespaces/finalize,namespaces/status
  delete,deletecollection,get,list,watch * @*
node-controller
  delete,get,list,patch,update,watch nodes
  patch,update nodes/status
  patch,update pods/status
  delete,get,list,watch pods
  events
persistent-volume-binder
  create,delete,get,list,update,watch persistentvolumes
  update persistentvolumes/status
  get,list,update,watch persistentvolumeclaims
  update persistentvolumeclaims/status
  create,delete,get,list,watch pods
  R storageclasses @storage.k8s.io
  L nodes
  events
  watch events
  get services
pod-garbage-collector
  delete,list,watch pods
  R nodes
  patch pods/status
replicaset-controller
  get,list,update,watch replicasets @apps,extensions
  update replicasets/status @apps,extensions
  update replicasets/finalizers @apps,extensions
  create,delete,list,patch,watch pods
  events
replication-controller
  get,list,update,watch replicationcontrollers
  update replicationcontrollers/status
  update replicationcontrollers/finalizers
  create,delete,list,patch,watch pods
  events
resourcequota-controller
  L * @*
  update resourcequotas/status
  events
route-controller
  L nodes
  patch nodes/status
  events
service-account-controller
  create serviceaccounts
  events
service-controller
  R services
  patch,update services/status
  L nodes
  events
service-cidrs-controller
  get,list,patch,update,watch servicecidrs @networking.k8s.io
  patch,update servicecidrs/finalizers @networking.k8s.io
  patch,update servicecidrs/status @networking.k8s.io
  R ipaddresses @networking.k8s.io
  events
statefulset-controller
  L pods
  R statefulsets @apps
  update statefulsets/status @apps
  update statefulsets/finalizers @apps
  create,delete,get,patch,update pods
  create,delete,get,list,patch,update,watch controllerrevisions @apps
  create,get,list,watch persistentvolumeclaims
  delete,update persistentvolumeclaims
  update pods/finalizers
  events
ttl-controller
  list,patch,update,watch nodes
  events
certificate-controller
  delete,get,list,watch certificatesigningrequests @certificates.k8s.io
  update certificatesigningrequests/approval,certificatesigningrequests/status @certificates.k8s.io
  approve signers @certificates.k8s.io =kubernetes.io/kube-apiserver-client-kubelet
  sign signers @certificates.k8s.io =kubernetes.io/kube-apiserver-client,
    kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving,kubernetes.io/legacy-unknown
  create subjectaccessreviews @authorization.k8s.io
  events
pvc-protection-controller
  get,list,update,watch persistentvolumeclaims
  R pods
  events
pv-protection-controller
  get,list,update,watch persistentvolumes
  events
volumeattributesclass-protection-controller
  R persistentvolumeclaims
  R persistentvolumes
  get,list,update,watch volumeattributesclasses @storage.k8s.io
  events
ttl-after-finished-controller
  delete,get,list,watch jobs @batch
  events
root-ca-cert-publisher
  create,update configmaps
  events
service-ca-cert-publisher
  create,update configmaps
  events
device-taint-eviction-controller
  delete,get,list,watch pods
  patch,update pods/status
  R deviceclasses,resourceclaims,resourceslices,devicetaintrules @resource.k8s.io
  patch,update devicetaintrules/status @resource.k8s.io
  events
validatingadmissionpolicy-status-controller
  R validatingadmissionpolicies @admissionregistration.k8s.io
  get,patch,update validatingadmissionpolicies/status @admissionregistration.k8s.io
  events
legacy-service-account-token-cleaner
  get configmaps =kube-apiserver-legacy-service-account-token-tracking
  delete,patch secrets
selinux-warning-controller
  events
  R persistentvolumes
  R persistentvolumeclaims
  R pods
  R csidrivers @storage.k8s.io
"""
"""Each is role and ServiceAccount in one: `system:controller:NAME`, bound to kube-system's account NAME."""

NAMESPACED_ROLES: Final = """
kube-system/extension-apiserver-authentication-reader
  R configmaps =extension-apiserver-authentication
kube-system/system:controller:bootstrap-signer
  R secrets
kube-system/system:controller:cloud-provider
  create,get,list,watch configmaps
kube-system/system:controller:token-cleaner
  delete,get,list,watch secrets
  events
kube-system/system::leader-locking-kube-controller-manager
  watch configmaps
  get,update configmaps =kube-controller-manager
kube-system/system::leader-locking-kube-scheduler
  watch configmaps
  get,update configmaps =kube-scheduler
kube-public/system:controller:bootstrap-signer
  R configmaps
  update configmaps =cluster-info
  events
"""
