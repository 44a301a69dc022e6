"""Manifests to begin with, one for each common kind: complete enough to be applied, short enough to be read."""

from __future__ import annotations

from typing import Final, NamedTuple


class Template(NamedTuple):
    """A manifest of one kind."""

    kind: str
    about: str
    text: str


def _workload(kind: str, extra: str = "", version: str = "apps/v1") -> str:
    return f"""\
apiVersion: {version}
kind: {kind}
metadata:
  name: example
  labels:
    app: example
spec:
{extra}  selector:
    matchLabels:
      app: example
  template:
    metadata:
      labels:
        app: example
    spec:
      containers:
      - name: main
        image: nginx:1.27
        ports:
        - name: http
          containerPort: 80
        resources:
          requests:
            cpu: 100m
            memory: 64Mi
          limits:
            memory: 128Mi
"""


def _simple(version: str, kind: str, rest: str, name: str = "example") -> str:
    return f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n{rest}"


_POD: Final = "      containers:\n      - name: main\n        image: busybox:1.37\n        args: [sleep, '30']\n"
_JOB: Final = f"    spec:\n      restartPolicy: Never\n{_POD}"

TEMPLATES: Final = (
    Template("ConfigMap", "settings that pods read", _simple("v1", "ConfigMap", "data:\n  key: value\n")),
    Template("Deployment", "pods without state, rolled out gradually", _workload("Deployment", "  replicas: 2\n")),
    Template(
        "Service", "one address for pods",
        _simple("v1", "Service", "spec:\n  selector:\n    app: example\n  ports:\n  - name: http\n    port: 80\n"
                "    targetPort: http\n"),
    ),
    Template(
        "StatefulSet", "pods with names and volumes of their own",
        _workload("StatefulSet", "  replicas: 2\n  serviceName: example\n")
        + "        volumeMounts:\n        - name: data\n          mountPath: /data\n"
        "  volumeClaimTemplates:\n  - metadata:\n      name: data\n    spec:\n      accessModes: [ReadWriteOnce]\n"
        "      resources:\n        requests:\n          storage: 1Gi\n",
    ),
    Template("DaemonSet", "one pod on each node", _workload("DaemonSet")),
    Template("Job", "runs to its end", _simple("batch/v1", "Job", f"spec:\n  backoffLimit: 3\n  template:\n{_JOB}")),
    Template(
        "CronJob", "runs by the calendar",
        _simple("batch/v1", "CronJob", "spec:\n  schedule: '*/5 * * * *'\n  concurrencyPolicy: Forbid\n"
                "  jobTemplate:\n    spec:\n      template:\n"
                + "".join(f"    {line}\n" for line in _JOB.splitlines())),
    ),
    Template(
        "Pod", "a single pod, nobody replaces it",
        _simple("v1", "Pod", "spec:\n  containers:\n  - name: main\n    image: nginx:1.27\n"),
    ),
    Template(
        "Secret", "what must not be shown",
        _simple("v1", "Secret", "type: Opaque\nstringData:\n  password: change-me\n"),
    ),
    Template("Namespace", "a space of names", _simple("v1", "Namespace", "")),
    Template("ServiceAccount", "who a pod is to the API", _simple("v1", "ServiceAccount", "")),
    Template(
        "Ingress", "HTTP from outside to Services",
        _simple("networking.k8s.io/v1", "Ingress", "spec:\n  rules:\n  - host: example.com\n    http:\n      paths:\n"
                "      - path: /\n        pathType: Prefix\n        backend:\n          service:\n"
                "            name: example\n            port:\n              name: http\n"),
    ),
    Template(
        "NetworkPolicy", "who may reach pods",
        _simple("networking.k8s.io/v1", "NetworkPolicy", "spec:\n  podSelector:\n    matchLabels:\n      app: example\n"
                "  policyTypes: [Ingress]\n  ingress:\n  - from:\n    - podSelector:\n        matchLabels:\n"
                "          app: client\n    ports:\n    - port: 80\n"),
    ),
    Template(
        "PersistentVolumeClaim", "storage that outlives pods",
        _simple("v1", "PersistentVolumeClaim", "spec:\n  accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n"
                "      storage: 1Gi\n"),
    ),
    Template(
        "HorizontalPodAutoscaler", "replicas by load",
        _simple("autoscaling/v2", "HorizontalPodAutoscaler", "spec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n"
                "    kind: Deployment\n    name: example\n  minReplicas: 2\n  maxReplicas: 6\n  metrics:\n"
                "  - type: Resource\n    resource:\n      name: cpu\n      target:\n        type: Utilization\n"
                "        averageUtilization: 70\n"),
    ),
    Template(
        "PodDisruptionBudget", "how many pods a drain leaves",
        _simple("policy/v1", "PodDisruptionBudget", "spec:\n  minAvailable: 1\n  selector:\n    matchLabels:\n"
                "      app: example\n"),
    ),
    Template(
        "Role and RoleBinding", "what an account may do in a namespace",
        _simple("rbac.authorization.k8s.io/v1", "Role", "rules:\n- apiGroups: ['']\n  resources: [pods]\n"
                "  verbs: [get, list, watch]\n")
        + "---\n"
        + _simple("rbac.authorization.k8s.io/v1", "RoleBinding", "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n"
                  "  kind: Role\n  name: example\nsubjects:\n- kind: ServiceAccount\n  name: default\n"
                  "  namespace: default\n"),
    ),
    Template(
        "ResourceQuota", "what a namespace may use",
        _simple("v1", "ResourceQuota", "spec:\n  hard:\n    pods: '20'\n    requests.cpu: '4'\n"
                "    requests.memory: 8Gi\n"),
    ),
    Template(
        "LimitRange", "defaults and limits of containers",
        _simple("v1", "LimitRange", "spec:\n  limits:\n  - type: Container\n    defaultRequest:\n      cpu: 100m\n"
                "      memory: 64Mi\n    default:\n      memory: 256Mi\n"),
    ),
    Template(
        "StorageClass", "a kind of storage",
        _simple("storage.k8s.io/v1", "StorageClass", "provisioner: csi.kubarium.dev\n"
                "volumeBindingMode: WaitForFirstConsumer\n"),
    ),
    Template(
        "PriorityClass", "who goes first",
        _simple("scheduling.k8s.io/v1", "PriorityClass", "value: 1000\ndescription: Goes before the others.\n"),
    ),
    Template(
        "CustomResourceDefinition", "a kind of your own",
        _simple("apiextensions.k8s.io/v1", "CustomResourceDefinition", "spec:\n  group: example.com\n"
                "  scope: Namespaced\n  names:\n    kind: Widget\n    plural: widgets\n  versions:\n  - name: v1\n"
                "    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n"
                "        properties:\n          spec:\n            type: object\n            properties:\n"
                "              size:\n                type: integer\n", "widgets.example.com"),
    ),
    Template(
        "Node", "a simulated machine",
        _simple("v1", "Node", "  labels:\n    topology.kubernetes.io/zone: zone-a\n  annotations:\n"
                "    kubarium.dev/capacity: cpu=4,memory=16Gi\n"),
    ),
    Template(
        "Image", "how containers of an image behave here",
        _simple("kubarium.dev/v1alpha1", "Image", "spec:\n  image: registry.example/shop/web\n  size: 70Mi\n"
                "  startupDelay: 2s\n  memory: {start: 40Mi, growthPerSecond: 10Ki, max: 120Mi}\n"),
    ),
)  # fmt: skip
