"""What a container sees: its environment, its files, and when they change."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.errors import BadRequest
from engine.api.kinds import CONFIGMAPS, SECRETS, SERVICES
from engine.kubelet.environment import expand, service_variables
from engine.kubelet.identity import hosts_file, resource_value, unusable_host_name
from tests.engine.kubelet.machines import USER, Machines


def config(machines: Machines, name: str, **data: str) -> None:
    machines.api.create(USER, CONFIGMAPS, "default", {"metadata": {"name": name}, "data": data})


def change(machines: Machines, name: str, **data: str) -> None:
    env = machines.api.get(CONFIGMAPS, "default", name)
    machines.api.update(USER, CONFIGMAPS, "default", name, {**env.obj, "data": data})


def service(machines: Machines, name: str, address: str, **spec: Any) -> None:
    machines.api.create(
        USER, SERVICES, "default",
        {"metadata": {"name": name}, "spec": {"clusterIP": address, "ports": [{"port": 80}], **spec}},
    )  # fmt: skip


def environment(machines: Machines, pod: str = "p") -> dict[str, str]:
    return dict(machines.kubelets.inside.environment("default", pod, "c"))


def text(machines: Machines, path: str, pod: str = "p") -> str:
    return machines.kubelets.inside.files("default", pod, "c").files[path].content.decode()


def test_variables_come_from_everywhere(machines: Machines) -> None:
    """envFrom below env, references to ConfigMaps, Secrets, fields and resources, and $(NAME)."""
    config(machines, "settings", COLOUR="green", SIZE="1", KEY="x")
    key = base64.b64encode(b"s3cret").decode()
    machines.api.create(USER, SECRETS, "default", {"metadata": {"name": "keys"}, "data": {"password": key}})
    machines.pod(containers=[{
        "envFrom": [{"configMapRef": {"name": "settings"}, "prefix": "APP_"}],
        "resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "64Mi"}},
        "env": [
            {"name": "APP_SIZE", "value": "2"},
            {"name": "WORD", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "KEY"}}},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "password"}}},
            {"name": "URL", "value": "http://$(APP_COLOUR)/$(WORD)/$(NOBODY)/$$(WORD)"},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu", "divisor": "1m"}}},
            {"name": "CORES", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
            {"name": "GONE", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "k", "optional": True}}},
        ],
    }])  # fmt: skip
    machines.when(phase="Running")
    found = environment(machines)
    assert {k: v for k, v in found.items() if k not in ("PATH", "HOME")} == {
        "HOSTNAME": "p", "APP_COLOUR": "green", "APP_KEY": "x", "APP_SIZE": "2", "WORD": "x", "PASSWORD": "s3cret",
        "URL": "http://green/x/$(NOBODY)/$(WORD)", "NODE": "n1", "IP": machines.status()["podIP"], "CPU": "250",
        "CORES": "4", "MEMORY": "64",
    }  # fmt: skip


def test_services_are_told_as_they_were_at_the_start(machines: Machines) -> None:
    """Both schemes of variables, only for Services with an address that existed; a deleted one is still told."""
    service(machines, "shop-db", "10.96.0.7", ports=[{"port": 5432, "name": "sql-main"}, {"port": 53, "protocol": "UDP",
                                                                                           "name": "x"}])  # fmt: skip
    service(machines, "bare", "None")
    machines.pod()
    machines.pod("quiet", enableServiceLinks=False)
    machines.when("quiet", phase="Running")
    machines.run(2)
    service(machines, "late", "10.96.0.8")
    machines.api.delete(USER, SERVICES, "default", "shop-db")
    machines.run(1)
    found = environment(machines)
    assert {name: value for name, value in found.items() if name.startswith(("SHOP", "BARE", "LATE"))} == {
        "SHOP_DB_SERVICE_HOST": "10.96.0.7", "SHOP_DB_SERVICE_PORT": "5432", "SHOP_DB_SERVICE_PORT_SQL_MAIN": "5432",
        "SHOP_DB_SERVICE_PORT_X": "53",
        "SHOP_DB_PORT": "tcp://10.96.0.7:5432", "SHOP_DB_PORT_5432_TCP": "tcp://10.96.0.7:5432",
        "SHOP_DB_PORT_5432_TCP_PROTO": "tcp", "SHOP_DB_PORT_5432_TCP_PORT": "5432",
        "SHOP_DB_PORT_5432_TCP_ADDR": "10.96.0.7", "SHOP_DB_PORT_53_UDP": "udp://10.96.0.7:53",
        "SHOP_DB_PORT_53_UDP_PROTO": "udp", "SHOP_DB_PORT_53_UDP_PORT": "53", "SHOP_DB_PORT_53_UDP_ADDR": "10.96.0.7",
    }  # fmt: skip
    assert not any(name.startswith("SHOP") for name in environment(machines, "quiet"))


def test_variables_stay_and_mounted_files_follow(machines: Machines) -> None:
    """A changed ConfigMap reaches its mounted files at the kubelet's next look, never the variables nor a subPath."""
    config(machines, "settings", colour="green", size="1")
    machines.pod(
        volumes=[{"name": "v", "configMap": {"name": "settings", "items": [{"key": "colour", "path": "a/colour"}]}}],
        containers=[{
            "env": [{"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}}],
            "volumeMounts": [
                {"name": "v", "mountPath": "/etc/app"},
                {"name": "v", "mountPath": "/one", "subPath": "a/colour"},
            ],
        }],
    )  # fmt: skip
    machines.when(phase="Running")
    machines.run(10)
    change(machines, "settings", colour="red")
    machines.run(10)
    assert [text(machines, path) for path in ("/etc/app/a/colour", "/one")] == ["green", "green"]
    machines.run(90)
    assert [text(machines, path) for path in ("/etc/app/a/colour", "/one")] == ["red", "green"]
    assert environment(machines)["COLOUR"] == "green"


def test_a_restarted_container_reads_anew(machines: Machines) -> None:
    """Variables are made at each start."""
    config(machines, "settings", colour="green")
    machines.pod(
        annotations={"kubarium.dev/fail": "20s"},
        containers=[{"envFrom": [{"configMapRef": {"name": "settings"}}]}],
    )  # fmt: skip
    machines.when(phase="Running")
    change(machines, "settings", colour="red")
    assert environment(machines)["colour"] == "green"
    machines.when(restartCount=1, state="running")
    assert environment(machines)["colour"] == "red"


def test_the_downward_api_and_tokens_are_files(machines: Machines) -> None:
    """Labels as key="value" lines, resources in their divisor, a token for its audience, the cluster's certificate."""
    config(machines, "kube-root-ca.crt", **{"ca.crt": "PEM"})
    machines.pod(
        volumes=[{"name": "v", "projected": {"defaultMode": 0o400, "sources": [
            {"downwardAPI": {"items": [
                {"path": "notes", "fieldRef": {"fieldPath": "metadata.annotations"}},
                {"path": "mem", "resourceFieldRef": {"containerName": "c", "resource": "limits.memory",
                                                     "divisor": "1Mi"}},
            ]}},
            {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 600}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        ]}}],
        annotations={"b": 'say "hi"', "a": "1"},
        containers=[{
            "resources": {"limits": {"memory": "100Mi"}}, "volumeMounts": [{"name": "v", "mountPath": "/info"}],
        }],
    )  # fmt: skip
    machines.when(phase="Running")
    assert text(machines, "/info/notes") == 'a="1"\nb="say \\"hi\\""'
    assert text(machines, "/info/mem") == "100"
    assert text(machines, "/info/ca.crt") == "PEM"
    payload = text(machines, "/info/token").split(".")[1]
    assert orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["aud"] == ["vault"]
    assert machines.kubelets.inside.files("default", "p", "c").files["/info/token"].mode == 0o400


def test_names_and_resolvers(machines: Machines) -> None:
    """hostname, subdomain, hostAliases and dnsConfig, in the files that a program reads."""
    machines.pod(
        hostname="web-0", subdomain="web", hostAliases=[{"ip": "10.1.2.3", "hostnames": ["foo.local", "bar.local"]}],
        dnsPolicy="None", dnsConfig={"nameservers": ["1.1.1.1"], "searches": ["x.io"],
                                     "options": [{"name": "ndots", "value": "2"}]},
    )  # fmt: skip
    machines.when(phase="Running")
    address = machines.status()["podIP"]
    assert text(machines, "/etc/hosts").splitlines()[0] == "# Kubernetes-managed hosts file."
    assert text(machines, "/etc/hosts").endswith(
        f"{address}\tweb-0.web.default.svc.cluster.local\tweb-0\n\n# Entries added by HostAliases.\n"
        "10.1.2.3\tfoo.local\tbar.local\n"
    )
    assert text(machines, "/etc/hostname") == "web-0\n"
    assert text(machines, "/etc/resolv.conf") == "search x.io\nnameserver 1.1.1.1\noptions ndots:2\n"
    assert environment(machines)["HOSTNAME"] == "web-0"


def test_empty_volumes_are_empty_directories(machines: Machines) -> None:
    """What programs would have written is not made up."""
    machines.pod(
        volumes=[{"name": "v", "emptyDir": {}}], containers=[{"volumeMounts": [{"name": "v", "mountPath": "/data/"}]}]
    )
    machines.when(phase="Running")
    tree = machines.kubelets.inside.files("default", "p", "c")
    assert [(path, mount.type, mount.read_only) for path, mount in tree.directories.items()] == [
        ("/data", "emptyDir", False), ("/var/run/secrets/kubernetes.io/serviceaccount", "projected", True),
    ]  # fmt: skip
    assert not any(path.startswith("/data") for path in tree.files)


def test_looking_in_writes_nothing(machines: Machines) -> None:
    """Questions cost no revision; a container that the pod does not have is refused."""
    machines.pod()
    machines.when(phase="Running")
    head = machines.store.revision
    machines.kubelets.inside.files("default", "p", "c")
    environment(machines)
    assert machines.store.revision == head
    with pytest.raises(BadRequest, match="container x is not valid for pod p"):
        machines.kubelets.inside.environment("default", "p", "x")


def test_a_full_name_as_host_name_has_a_limit() -> None:
    """64 characters fit a kernel, 65 do not."""

    def complaint(length: int) -> str:
        spec = {"subdomain": "b" * length, "setHostnameAsFQDN": True}
        return unusable_host_name({"metadata": {"name": "a" * 30, "namespace": "default"}, "spec": spec})

    assert complaint(7) == ""
    assert "is too long (64 characters is the max, 65 characters requested)" in complaint(8)


def test_a_pod_on_the_hosts_network_has_the_hosts_file() -> None:
    """Its node's names, not its own."""
    pod = {"metadata": {"name": "p", "namespace": "x"}, "spec": {"hostNetwork": True, "nodeName": "n1"}}
    assert hosts_file(pod, ("1.2.3.4",)).startswith("# Kubernetes-managed hosts file (host network).\n")
    assert "1.2.3.4" not in hosts_file(pod, ("1.2.3.4",))


@given(st.integers(1, 10**12), st.sampled_from(["1", "1k", "1Ki", "1Mi"]))
def test_resources_round_up_to_their_divisor(amount: int, divisor: str) -> None:
    """A file never tells less than the container has."""
    unit = {"1": 1, "1k": 1000, "1Ki": 1024, "1Mi": 1 << 20}[divisor]
    ref = {"resource": "limits.memory", "divisor": divisor}
    told = int(resource_value(ref, {"resources": {"limits": {"memory": str(amount)}}}, {}) or 0)
    assert (told - 1) * unit < amount <= told * unit


@given(st.text(alphabet="$()AB x", max_size=12))
def test_expansion_never_fails(text: str) -> None:
    """Any text is expanded; one without a dollar stays as it is."""
    assert expand(text, {"A": "1"}) == text or "$" in text


def test_no_service_no_variables() -> None:
    """Nothing is told of a Service without address."""
    assert service_variables([{"metadata": {"name": "a"}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}}]) == {}
