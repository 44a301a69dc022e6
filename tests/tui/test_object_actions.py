"""Actions beyond delete and scale: images, triggered and suspended jobs, rollouts, secrets, users, rights, editing."""

from __future__ import annotations

from typing import Any

from engine.client import Headroom, Item, Json, NodeRoom
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient, FakeItem, ago
from tests.tui.fake_world import deployment, pod, world
from tui.kubectl import forwards
from tui.references import references, users_of
from tui.rollouts import rollout_of
from tui.texts import secret_text
from tui.workload_actions import image_patch, triggered_job


def cronjob(name: str = "nightly", suspend: bool = False) -> Json:
    template = {
        "metadata": {"labels": {"job": name}},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "c:1"}], "restartPolicy": "Never"}}},
    }
    return {
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"schedule": "0 3 * * *", "suspend": suspend, "jobTemplate": template},
    }  # fmt: skip


def replica_set(number: int, image: str) -> Json:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "deployments.apps-shop-web",
             "controller": True}  # fmt: skip
    labels = {"app": "web", "pod-template-hash": f"h{number}"}
    return {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": f"web-h{number}", "namespace": "shop", "ownerReferences": [owner], "creationTimestamp": ago(60),
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
        },
        "spec": {"replicas": 3 if number == 2 else 0, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}}},
    }  # fmt: skip


def shop() -> FakeClient:
    """The little world with a Deployment in its second revision, a CronJob, configuration that pods use."""
    client = FakeClient(world(4))
    web = deployment("web")
    web["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"
    client.put("deployments.apps", web)
    client.put("replicasets.apps", replica_set(1, "web:1"))
    client.put("replicasets.apps", replica_set(2, "web:2"))
    client.put("cronjobs.batch", cronjob())
    user = pod("reader")
    user["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    user["spec"]["volumes"] = [{"name": "key", "secret": {"secretName": "token"}}]
    client.put("pods", user)
    meta = {"name": "settings", "namespace": "shop", "creationTimestamp": ago(60)}
    client.put("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "b"}})
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {**meta, "name": "token"}, "type": "Opaque",
              "data": {"password": "czNjcmV0", "binary": "gIGC"}}  # fmt: skip
    client.put("secrets", secret)
    return client


def item(resource: str, obj: Json) -> Item:
    return FakeItem(resource, 1, obj)


# -- images ------------------------------------------------------------------------------------------------------------


def test_an_image_is_patched_where_the_template_stands() -> None:
    """Only containers that differ, by name; nothing when all are as they were."""
    assert image_patch("deployments.apps", item("", deployment("web")), {"web": "web:9", "other": "x"}) == {
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:9"}]}}}
    }
    patch = image_patch("cronjobs.batch", item("", cronjob()), {"c": "c:2"})
    assert patch is not None
    assert patch["spec"]["jobTemplate"]["spec"]["template"]["spec"] == {"containers": [{"name": "c", "image": "c:2"}]}
    assert image_patch("pods", item("", pod("web")), {"web": "web:1"}) is None


async def test_i_sets_the_image_of_all_marked() -> None:
    """i, a character, enter: one intent, a patch for each that has the container."""
    async with console(shop()) as (app, pilot, client):
        app.run_command("deploy")
        await settle(pilot)
        await pilot.press("space", "space", "i")
        await settle(pilot)
        await pilot.press("9", "enter")
        await settle(pilot)
        patches = {w[3]: w[4]["spec"]["template"]["spec"]["containers"] for w in client.writes}
        assert patches == {"slow": [{"name": "slow", "image": "slow:19"}]}
        assert "set image of shop/slow" in client.writes[0][5]


# -- jobs --------------------------------------------------------------------------------------------------------------


def test_a_triggered_job_is_the_one_kubectl_makes() -> None:
    """From the template, marked as instantiated by hand, owned by the CronJob without being controlled by it."""
    job = triggered_job(item("cronjobs.batch", {**cronjob(), "metadata": {**cronjob()["metadata"], "uid": "u"}}))
    assert job["metadata"]["generateName"] == "nightly-manual-"
    assert job["metadata"]["annotations"] == {"cronjob.kubernetes.io/instantiate": "manual"}
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": "u"}
    assert job["metadata"]["ownerReferences"] == [owner]
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


async def test_t_triggers_and_s_suspends_a_cronjob() -> None:
    """On CronJobs t makes a Job now, in place of the timeline; s suspends, and resumes what is suspended."""
    async with console(shop()) as (app, pilot, client):
        app.run_command("cronjobs")
        await settle(pilot)
        await pilot.press("t", "s")
        await settle(pilot)
        assert [w[:3] for w in client.writes] == [("create", "jobs.batch", "shop"), ("patch", "cronjobs.batch", "shop")]
        assert client.writes[1][4] == {"spec": {"suspend": True}}
        client.put("cronjobs.batch", cronjob(suspend=True))
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert client.writes[2][4] == {"spec": {"suspend": False}}


# -- rollouts ----------------------------------------------------------------------------------------------------------


def test_what_is_no_revision_of_it_is_left_out() -> None:
    """Another owner, or no number: no revision."""
    web = item("deployments.apps", {"metadata": {"name": "web", "uid": "deployments.apps-shop-web"}})
    other = item("deployments.apps", {"metadata": {"name": "web", "uid": "other"}})
    found = item("replicasets.apps", replica_set(1, "web:1"))
    assert rollout_of("deployments.apps", other, found) is None
    rollout = rollout_of("deployments.apps", web, found)
    assert rollout is not None
    assert (rollout.number, rollout.current) == (1, False)
    assert "pod-template-hash" not in rollout.template["metadata"]["labels"]


async def test_a_deployment_is_rolled_back_to_any_revision() -> None:
    """b lists its revisions with what differs; enter on an old one replaces the template by that one's."""
    async with console(shop()) as (app, pilot, client):
        app.run_command("deploy /web")
        await settle(pilot)
        await pilot.press("b")
        await settle(pilot)
        await pilot.press("j")
        await settle(pilot)
        shown = picture(app)
        assert "● current" in shown
        assert "web:2 → web:1" in shown
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        patch = client.writes[0][4]
        assert patch[0]["path"] == "/spec/template"
        assert patch[0]["value"]["spec"]["containers"][0]["image"] == "web:1"
        assert "back to revision 1" in client.writes[0][5]


async def test_the_present_revision_and_a_paused_rollout_are_not_gone_back_from() -> None:
    """As kubectl: the present template is skipped; a paused Deployment has to be resumed first."""
    client = shop()
    async with console(client) as (app, pilot, _):
        app.run_command("deploy /web")
        await settle(pilot)
        await pilot.press("b")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert any("skipped rollback" in m[2] for m in app.session.messages)
        paused = dict(next(i for i in client.objects["deployments.apps"].values() if i.name == "web").obj)
        client.put("deployments.apps", {**paused, "spec": {**paused["spec"], "paused": True}})
        await settle(pilot)
        await pilot.press("j", "enter")
        await settle(pilot)
        assert any("cannot rollback a paused deployment" in m[2] for m in app.session.messages)
        assert not client.writes


async def test_z_pauses_a_rollout() -> None:
    """spec.paused, by a merge patch."""
    async with console(shop()) as (app, pilot, client):
        app.run_command("deploy /web")
        await settle(pilot)
        await pilot.press("z")
        await settle(pilot)
        assert client.writes[0][4] == {"spec": {"paused": True}}


# -- what is kept, and who uses it -------------------------------------------------------------------------------------


def test_a_secret_is_shown_decoded() -> None:
    """Text as text, bytes by their number, what is not base64 as that."""
    secret = {"metadata": {"name": "s"}, "data": {"a": "aGkKdGhlcmU=", "b": "gIGC", "c": "%"}}
    text = "\n".join(secret_text(secret))
    assert "a:\n  hi\n  there" in text
    assert "b:\n  (3 bytes that are no text)" in text
    assert "c:\n  (not base64)" in text


async def test_x_decodes_a_secret() -> None:
    """The values, over the whole screen."""
    async with console(shop()) as (app, pilot, _):
        app.run_command("secrets")
        await settle(pilot)
        await pilot.press("x")
        await settle(pilot)
        assert "s3cret" in picture(app)


def test_all_ways_of_referring_are_found() -> None:
    """Volumes, projected sources, env, envFrom, claims, pull secrets, accounts."""
    spec: dict[str, Any] = {
        "serviceAccountName": "robot",
        "imagePullSecrets": [{"name": "pull"}],
        "volumes": [
            {"name": "a", "configMap": {"name": "cm1"}}, {"name": "b", "persistentVolumeClaim": {"claimName": "pvc1"}},
            {"name": "c", "projected": {"sources": [{"secret": {"name": "s1"}}, {"configMap": {"name": "cm2"}}]}},
            {"name": "d", "ephemeral": {}},
        ],
        "containers": [{"name": "x", "envFrom": [{"secretRef": {"name": "s2"}}],
                        "env": [{"name": "V", "valueFrom": {"configMapKeyRef": {"name": "cm3", "key": "k"}}}]}],
    }  # fmt: skip
    found = {(r.resource, r.name) for r in references("pods", {"metadata": {"name": "p"}, "spec": spec})}
    assert found == {
        ("configmaps", "cm1"), ("configmaps", "cm2"), ("configmaps", "cm3"), ("secrets", "s1"), ("secrets", "s2"),
        ("secrets", "pull"), ("persistentvolumeclaims", "pvc1"), ("persistentvolumeclaims", "p-d"),
        ("serviceaccounts", "robot"),
    }  # fmt: skip


def test_a_namesake_in_another_namespace_is_not_meant() -> None:
    """A pod refers to what is beside it; a binding names the namespace of its accounts."""
    account = item("serviceaccounts", {"metadata": {"name": "robot", "namespace": "shop", "uid": "r"}})
    binding = {"metadata": {"name": "b", "namespace": "data", "uid": "b"}, "roleRef": {"name": "view"},
               "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "shop"}]}  # fmt: skip
    elsewhere = pod("p", namespace="data")
    elsewhere["spec"]["serviceAccountName"] = "robot"
    bindings = "rolebindings.rbac.authorization.k8s.io"
    assert [how for _, how in users_of("serviceaccounts", account, bindings, [item(bindings, binding)])] == [
        "role view"
    ]
    assert not list(users_of("serviceaccounts", account, "pods", [item("pods", elsewhere)]))


async def test_u_lists_who_uses_a_configmap() -> None:
    """The pod and the field; enter goes to it."""
    async with console(shop()) as (app, pilot, _):
        app.run_command("configmaps")
        await settle(pilot)
        await pilot.press("u")
        await settle(pilot)
        shown = picture(app)
        assert "settings is used by 1 object" in shown
        assert "env of web" in shown
        await pilot.press("enter")
        await settle(pilot)
        assert "▸ reader" in picture(app) or "▸ shop" in picture(app)


async def test_room_is_told_node_by_node() -> None:
    """f on a pod: how many more of it fit, where, and what ends it."""
    client = shop()
    client.room = Headroom(13, (NodeRoom("worker-0", 13, "cpu: 1.4 left, 0.1 each"), NodeRoom("worker-1", 0, "taint")))
    async with console(client) as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot)
        shown = picture(app)
        assert "13 more of this pod fit, on 1 of 2 nodes" in shown
        assert "cpu: 1.4 left, 0.1 each" in shown


# -- deleting much -----------------------------------------------------------------------------------------------------


async def test_a_namespace_is_deleted_only_by_its_name() -> None:
    """Everything in it is counted; nothing goes until the name is typed."""
    async with console(shop()) as (app, pilot, client):
        app.run_command("namespaces /shop")
        await settle(pilot)
        await pilot.press("ctrl+d")
        await settle(pilot)
        shown = picture(app)
        assert "12 more objects go with it" in shown
        assert "type shop" in shown
        await pilot.press("x", "enter", "enter")
        await settle(pilot)
        assert not client.writes
        await pilot.press("backspace", *"shop", "enter", "enter")
        await settle(pilot)
        assert client.writes[0][:4] == ("delete", "namespaces", "", "shop")


async def test_what_was_said_can_be_read_again() -> None:
    """`!` lists the messages, newest first."""
    async with console() as (app, pilot, _):
        app.notify("one thing", severity="error")
        app.notify("another thing", title="Something")
        await pilot.press("!")
        await settle(pilot)
        shown = picture(app)
        assert shown.index("Something: another thing") < shown.index("✗ one thing")


async def test_shift_f_gives_the_command_that_forwards_a_port() -> None:
    """One for each TCP port; low ones are put where anybody may listen; enter copies."""
    made = pod("web-9")
    made["spec"]["containers"][0]["ports"] = [
        {"name": "http", "containerPort": 80}, {"containerPort": 9090}, {"containerPort": 53, "protocol": "UDP"},
    ]  # fmt: skip
    async with console(FakeClient([*world(2), ("pods", made)])) as (app, pilot, _):
        app.run_command("pods /web-9")
        await settle(pilot)
        await pilot.press("F")
        await settle(pilot)
        shown = picture(app)
        assert "Port-forward, from a shell beside" in shown
        assert "kubectl port-forward pod/web-9 -n shop 9090" in shown
        assert "53" not in shown.replace("09:07", "")
        await pilot.press("enter")
        assert app.clipboard == "kubectl port-forward pod/web-9 -n shop 8080:80"
        app.run_command("pods /web-000")
        await settle(pilot)
        await pilot.press("F")
        await settle(pilot)
        assert any(n.message.endswith("It declares no TCP port") for n in app._notifications)


def test_a_service_is_forwarded_by_its_own_ports() -> None:
    """Not by those of its pods."""
    item = FakeItem("services", 1, {"metadata": {"name": "front", "namespace": "shop"}, "spec": {"ports": [
        {"name": "http", "port": 8080, "targetPort": 80}, {"port": 443},
    ]}})  # fmt: skip
    assert forwards("services", item) == [
        ("http", "kubectl port-forward service/front -n shop 8080"),
        ("443", "kubectl port-forward service/front -n shop 8443:443"),
    ]
