"""What a real v1.36 answered to manifests that it refused: the same complaints, in the same order and words."""

from __future__ import annotations

import pytest

from engine.api.errors import BadRequest, Forbidden, Invalid, NotFound
from engine.api.write import DecodeError
from tests.engine.api.door import Door

LABEL = (
    "must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
    "character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def causes(door: Door, manifest: str) -> list[str]:
    """The complaints that Kubernetes lists, one a line."""
    error = door.refusal(manifest)
    assert isinstance(error, Invalid)
    return [str(cause) for cause in error.causes]


def test_a_deployment_without_anything(door: Door) -> None:
    """Selector, labels and containers, in this order."""
    assert causes(door, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2}}") == [
        "spec.selector: Required value",
        "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
        "spec.template.spec.containers: Required value",
    ]


def test_a_selector_that_misses_its_template(door: Door) -> None:
    """The labels are quoted as JSON."""
    assert causes(
        door,
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, "
        "template: {metadata: {labels: {app: wep}}, spec: {containers: [{name: c, image: i}]}}}}",
    ) == ['spec.template.metadata.labels: Invalid value: {"app":"wep"}: `selector` does not match template `labels`']


def test_deployment_figures(door: Door) -> None:
    """Negative replicas, and a rolling update that could never move."""
    assert causes(
        door,
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: -2, "
        "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}, selector: {matchLabels: {app: web}}, "
        "template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}}}",
    ) == [
        "spec.replicas: Invalid value: -2: must be greater than or equal to 0",
        "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
    ]


def test_a_pod_that_is_wrong_all_over(door: Door) -> None:
    """Volumes first, then containers, then the pod's own fields."""
    manifest = """
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      restartPolicy: Daily
      containers:
      - {name: Web_1, image: i, ports: [{containerPort: 0}], imagePullPolicy: Maybe,
         resources: {requests: {cpu: 3}, limits: {cpu: 2}}}
      - {name: b, image: i, volumeMounts: [{name: data, mountPath: /x}], env: [{name: "=", value: z}]}
      - {name: b, image: i}
      volumes: [{name: keys, secret: {}}]
    """
    assert causes(door, manifest) == [
        "spec.volumes[0].secret.secretName: Required value",
        f'spec.containers[0].name: Invalid value: "Web_1": a lowercase RFC 1123 label {LABEL}',
        "spec.containers[0].ports[0].containerPort: Required value",
        'spec.containers[0].imagePullPolicy: Unsupported value: "Maybe": '
        'supported values: "Always", "IfNotPresent", "Never"',
        'spec.containers[0].resources.requests: Invalid value: "3": must be less than or equal to cpu limit of 2',
        'spec.containers[1].env[0].name: Invalid value: "=": a valid environment variable name must consist only of '
        "printable ASCII characters other than '='",
        'spec.containers[1].volumeMounts[0].name: Not found: "data"',
        'spec.containers[2].name: Duplicate value: "b"',
        'spec.restartPolicy: Unsupported value: "Daily": supported values: "Always", "OnFailure", "Never"',
    ]


@pytest.mark.parametrize(
    ("containers", "complaint"),
    [("[]", "spec.containers: Required value"), ("[{name: c}]", "spec.containers[0].image: Required value")],
)
def test_a_pod_needs_containers_and_they_an_image(door: Door, containers: str, complaint: str) -> None:
    """Required values."""
    assert causes(
        door, f"{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: {containers}}}}}"
    ) == [complaint]  # fmt: skip


def test_a_service(door: Door) -> None:
    """Ports of several need names; out of range is told for port and targetPort."""
    manifest = (
        "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: Bar, ports: [{port: 70000}, {port: 1}]}}"
    )
    assert causes(door, manifest) == [
        "spec.ports[0].name: Required value",
        "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
        "spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        "spec.ports[1].name: Required value",
        'spec.type: Unsupported value: "Bar": supported values: '
        '"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ]


def test_a_service_may_begin_with_a_digit(door: Door) -> None:
    """Since v1.36."""
    assert door.create("{apiVersion: v1, kind: Service, metadata: {name: 2nd}, spec: {ports: [{port: 80}]}}")


def test_a_cron_job(door: Door) -> None:
    """A schedule that is none, and no restart policy for its pods."""
    manifest = (
        "{apiVersion: batch/v1, kind: CronJob, metadata: {name: x}, spec: {schedule: every now and then, "
        "jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: i}]}}}}}}"
    )
    assert causes(door, manifest) == [
        'spec.schedule: Invalid value: "every now and then": expected exactly 5 fields, found 4: [every now and then]',
        'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ]


def test_names_and_labels(door: Door) -> None:
    """Each with the regular expression that it failed."""
    assert causes(door, "{apiVersion: v1, kind: ConfigMap, metadata: {name: My_Map}}") == [
        f'metadata.name: Invalid value: "My_Map": {SUBDOMAIN}'
    ]
    keys, values = (
        causes(door, f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: x, labels: {labels}}}}}")
        for labels in ('{"no key?": v, "x/y/z": w}', '{k: "no value?", l: "-y"}')
    )
    assert sorted(text.split(": ")[2] for text in keys) == ['"no key?"', '"x/y/z"']
    assert all(text.startswith("metadata.labels: Invalid value: ") for text in [*keys, *values])
    assert any("a valid label key must consist of" in text for text in keys)
    assert all("a valid label must be an empty string or consist of alphanumeric characters" in text for text in values)


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        (
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {replicas: 'two'}}",
            'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go '
            "struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {n: 3}}",
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go '
            "struct field ConfigMap.data of type string",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: x, label: {}}, dta: {}}",
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
            'unknown field "dta", unknown field "metadata.label"',
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: x}, "
            "spec: {containers: [{name: c, image: i, resources: {limits: {memory: much}}}]}}",
            'Pod in version "v1" cannot be handled as a Pod: quantities must match the regular expression '
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ],
)
def test_what_cannot_be_decoded(door: Door, manifest: str, text: str) -> None:
    """A BadRequest in the decoder's words."""
    error = door.refusal(manifest)
    assert isinstance(error, BadRequest)
    assert error.message == text


def test_what_is_missing_elsewhere(door: Door) -> None:
    """A namespace, a priority class."""
    error = door.refusal("{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: nowhere}}")
    assert isinstance(error, NotFound)
    assert error.message == 'namespaces "nowhere" not found'
    error = door.refusal(
        "{apiVersion: v1, kind: Pod, metadata: {name: x}, "
        "spec: {priorityClassName: royal, containers: [{name: c, image: i}]}}"
    )
    assert isinstance(error, Forbidden)
    assert error.message == 'pods "x" is forbidden: no PriorityClass with name royal was found'


def test_every_problem_keeps_its_place(door: Door) -> None:
    """Kubernetes names the first; an editor can mark them all."""
    error = door.refusal(
        "{apiVersion: v1, kind: Pod, metadata: {name: x}, nope: 1, "
        "spec: {containers: [{name: c, image: 7, resources: {limits: {memory: much}}}]}}"
    )
    assert isinstance(error, DecodeError)
    assert [problem.path for problem in error.problems] == [
        ("spec", "containers", 0, "resources", "limits", "memory"), ("nope",), ("spec", "containers", 0, "image"),
    ]  # fmt: skip
