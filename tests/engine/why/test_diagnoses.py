"""What is the matter: each kind's trouble is told in words and numbers, and leads to what causes it."""

from __future__ import annotations

import pytest

from engine.api.errors import ApiError
from engine.api.kinds import EVENTS
from engine.client import Diagnosis
from engine.why.diagnosis import diagnose
from tests.engine.broken_clusters.ward import Ward


@pytest.fixture
def ward() -> Ward:
    return Ward()


def told(ward: Ward, kind: str, name: str, namespace: str = "shop") -> Diagnosis:
    found = ward.kind(kind)
    return diagnose(ward.api, found.resource, namespace if found.namespaced else "", name)


def texts(diagnosis: Diagnosis) -> str:
    return "\n".join(finding.text for finding in diagnosis.findings)


def links(diagnosis: Diagnosis) -> set[tuple[str, str]]:
    return {(finding.resource, finding.name) for finding in diagnosis.findings if finding.resource}


def test_a_healthy_deployment_has_nothing_to_tell(ward: Ward) -> None:
    """Numbers, and no trouble."""
    ward.deploy("web", 2)
    ward.run(20)
    found = told(ward, "Deployment", "web")
    assert (found.tone, found.headline, found.findings) == ("ok", "2 of 2 available, 2 of 2 up to date", ())


def test_an_event_is_explained_by_what_it_tells_of(ward: Ward) -> None:
    """Asking about a FailedScheduling event says what keeps the pod from its node now, and leads to the pod."""
    ward.deploy("huge", 1, container={"resources": {"requests": {"cpu": "99"}}})
    ward.run(10)
    event = next(e for e in ward.api.store.list(EVENTS, "shop") if e.obj["reason"] == "FailedScheduling")
    found = told(ward, "Event", event.name)
    pod = event.obj["involvedObject"]["name"]
    assert found.tone == "bad"
    assert found.headline.startswith("FailedScheduling: 0/")
    assert found.findings[0].text.startswith(f"It tells of Pod {pod}, which now is: ")
    assert ("pods", pod) in links(found)


def test_an_event_of_something_gone_says_so(ward: Ward) -> None:
    """An event outlives what it tells of."""
    ward.deploy("web", 1)
    ward.run(20)
    event = next(e for e in ward.api.store.list(EVENTS, "shop") if e.obj["involvedObject"]["kind"] == "Pod")
    pod = event.obj["involvedObject"]["name"]
    ward.delete("Deployment", "web")
    ward.run(60)
    found = told(ward, "Event", event.name)
    assert (found.tone, [f.text for f in found.findings]) == ("ok", [f"It tells of Pod {pod}, which is gone."])


def test_a_stuck_rollout_names_the_new_pods_trouble(ward: Ward) -> None:
    """Which ReplicaSet, which pod, since when; the deadline once it has passed."""
    ward.deploy("web", 2)
    ward.run(20)
    ward.patch("Deployment", "web", {"spec": {"progressDeadlineSeconds": 60, "template": {"spec": {"containers": [
        {"name": "c", "image": "web:2", "readinessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1}},
    ]}, "metadata": {"annotations": {"kubarium.dev/notready": "true"}}}}})  # fmt: skip
    ward.run(100)
    found = told(ward, "Deployment", "web")
    assert found.tone == "bad"
    assert "ProgressDeadlineExceeded" in texts(found)
    assert "Container c is not ready" in texts(found)
    assert {resource for resource, _ in links(found)} == {"replicasets.apps", "pods"}


def test_a_quota_that_stops_a_deployment_is_named(ward: Ward) -> None:
    """By the ReplicaSet that cannot create pods, with the quota's own words; the quota says what is full."""
    ward.apply("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: small}\nspec: {hard: {pods: '1'}}")
    ward.deploy("web", 3)
    ward.run(20)
    found = told(ward, "Deployment", "web")
    assert "exceeded quota: small" in texts(found)
    assert texts(told(ward, "ResourceQuota", "small")) == "pods: 1 of 1, full"


def test_pods_with_the_same_trouble_are_told_once(ward: Ward) -> None:
    """Their number, and one of them to look at."""
    ward.deploy("web", 3, container={"image": "web:1", "resources": {"requests": {"cpu": "100"}}})
    ward.run(10)
    found = told(ward, "Deployment", "web")
    (line,) = [finding for finding in found.findings if finding.resource == "pods"]
    assert line.text.startswith("3 pods, among them web-")
    assert "Insufficient cpu" in line.text


def test_a_silent_node_tells_since_when_and_who_goes_when(ward: Ward) -> None:
    """The last lease, the taints, the time that each pod has left."""
    ward.deploy("web", 3)
    ward.run(20)
    ward.annotate_node("node-a", kubelet="stopped")
    ward.run(120)
    found = told(ward, "Node", "node-a")
    assert found.headline.startswith("NotReady for ")
    assert "Its kubelet is stopped" in texts(found)
    assert "renewed its lease last" in texts(found)
    (line,) = [finding for finding in found.findings if finding.resource == "pods"]
    assert "is evicted in" in line.text
    assert told(ward, "Node", "node-b").tone == "ok"


def test_a_drain_that_a_budget_blocks_tells_how_many_are_short(ward: Ward) -> None:
    """On the node, and on the budget itself."""
    ward.deploy("web", 1)
    ward.apply(
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\n"
        "spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}"
    )
    ward.run(20)
    node = str(ward.pod("web").obj["spec"]["nodeName"])
    ward.patch("Node", node, {"spec": {"unschedulable": True}})
    found = told(ward, "Node", node)
    assert "it wants 1 healthy and has 1; 1 more would let one go" in texts(found)
    assert ("poddisruptionbudgets.policy", "web") in links(found)
    assert "1 more healthy pods would allow one eviction" in texts(told(ward, "PodDisruptionBudget", "web"))


def test_a_service_whose_selector_misses_names_what_comes_close(ward: Ward) -> None:
    """No pod matches; the nearest one has another value."""
    ward.deploy("web", 1, container={"ports": [{"name": "http", "containerPort": 8080}]})
    ward.run(20)
    ward.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: wbe}, ports: [{port: 80}]}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: port}\n"
        "spec: {selector: {app: web}, ports: [{name: a, port: 80, targetPort: htp}, "
        "{name: b, port: 81, targetPort: 9090}]}"
    )
    ward.run(5)
    found = told(ward, "Service", "web")
    assert "No pod has the labels app=wbe." in texts(found)
    assert "comes close: app is 'web'" in texts(found)
    ports = texts(told(ward, "Service", "port"))
    assert 'names a port "htp"' in ports
    assert "leads to 9090, where" in ports


def test_an_ingress_follows_its_backends(ward: Ward) -> None:
    """A Service that is not there, a port that it does not have."""
    ward.apply(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: shop}\nspec:\n  ingressClassName: nobody\n"
        "  rules:\n  - host: a.example\n    http: {paths: [{path: /, pathType: Prefix, "
        "backend: {service: {name: gone, port: {number: 80}}}}]}\n"
    )
    found = texts(told(ward, "Ingress", "shop"))
    assert 'IngressClass "nobody" does not exist' in found
    assert "a.example/: Service gone does not exist (503)." in found


def test_a_claim_without_its_class_and_one_that_no_volume_fits(ward: Ward) -> None:
    """The class that is missing; for each volume, everything that keeps it from serving."""
    ward.apply(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a}\nspec: {storageClassName: fats, "
        "accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n---\n"
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\nspec: {storageClassName: hand, capacity: "
        "{storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /x}}\n---\n"
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: b}\nspec: {storageClassName: hand, "
        "accessModes: [ReadWriteMany], resources: {requests: {storage: 2Gi}}}"
    )
    ward.run(5)
    assert 'StorageClass "fats" does not exist' in texts(told(ward, "PersistentVolumeClaim", "a"))
    assert "v does not fit: it has 1Gi, 2Gi is asked for; it does not offer ReadWriteMany" in texts(
        told(ward, "PersistentVolumeClaim", "b")
    )


def test_a_failing_job_and_a_suspended_cronjob(ward: Ward) -> None:
    """Exit code, how often it is tried; when the next run is due."""
    ward.apply(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {backoffLimit: 1, template: {metadata: {"
        "annotations: {kubarium.dev/fail: 'exit=3'}}, spec: {restartPolicy: Never, "
        "containers: [{name: c, image: 'x:1'}]}}}\n"
        "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {schedule: '*/5 * * * *', suspend: true, "
        "jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: 'x:1'}]}}}}}"
    )
    ward.run(120)
    found = told(ward, "Job", "j")
    assert "BackoffLimitExceeded" in texts(found)
    assert "ended with exit code 3" in texts(found)
    cron = told(ward, "CronJob", "c")
    assert "next in" in cron.headline
    assert "It is suspended" in texts(cron)


def test_a_stateful_set_waits_for_its_first_pod(ward: Ward) -> None:
    """The ordinal that holds the others up."""
    ward.apply(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {replicas: 3, serviceName: db, selector: "
        "{matchLabels: {app: db}}, template: {metadata: {labels: {app: db}, "
        "annotations: {kubarium.dev/notready: 'true'}}, "
        "spec: {containers: [{name: c, image: 'db:1'}]}}}"
    )
    ward.run(60)
    assert "the next waits until db-0 is ready" in texts(told(ward, "StatefulSet", "db"))


def test_a_namespace_that_does_not_go_names_what_holds_it(ward: Ward) -> None:
    """The object and its finalizers."""
    ward.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.com/mine]}")
    ward.delete("Namespace", "shop")
    ward.run(30)
    found = told(ward, "Namespace", "shop")
    assert "configmaps held waits for its finalizers: example.com/mine" in texts(found)
    assert ("configmaps", "held") in links(found)


def test_every_served_kind_can_be_asked(ward: Ward) -> None:
    """Whatever lives in the cluster has an answer, also kinds without an explanation of their own."""
    ward.deploy("web", 1)
    ward.run(20)
    asked = 0
    for kind in ward.api.kinds.all():
        if kind.stored:
            for env in ward.store.list(kind.stored_as):
                assert diagnose(ward.api, kind.resource, env.namespace, env.name).headline
                asked += 1
    assert asked > 50
    with pytest.raises(ApiError):
        told(ward, "Pod", "nobody")


def test_an_init_container_that_does_not_end_is_named(ward: Ward) -> None:
    """A running init container is not done, other than a sidecar that has started."""
    ward.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {initContainers: [{name: side, image: 's:1', "
        "restartPolicy: Always}, {name: setup, image: 'busybox:1', command: [sleep, infinity]}], "
        "containers: [{name: c, image: 'x:1'}]}"
    )
    ward.run(30)
    assert told(ward, "Pod", "p").headline == "Init container setup is running (1 of 2 done)"
