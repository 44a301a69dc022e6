"""The sample cluster tells its story: everything comes alive but for the faults that are there to be found."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from engine.api.kinds import DEPLOYMENTS, IMAGES, NODES, PERSISTENTVOLUMECLAIMS, PODS, SERVICES
from engine.api.server import Caller
from engine.clock import MINUTE, SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.network.reach import reach
from engine.storage.snapshot_kinds import SNAPSHOTS
from store.store import Store
from store.types import Envelope, WatchEvent

SAMPLE = Path(__file__).parents[2] / "sample-cluster"
START = parse_time("2026-01-01T00:00:00Z")
FAULTY = {"payments", "recommendations", "sales-report"}


class Sample:
    """The sample cluster on the stepped clock, on a copy of its folder."""

    def __init__(self, root: Path, seed: int = 7) -> None:
        shutil.copytree(SAMPLE, root)
        self.root = root
        self.cluster = Cluster(Store(), Clock(START), ClusterOptions(seed=seed, folder=str(root)))
        self.cluster.start(stepped=True)

    def run(self, span: int) -> Sample:
        self.cluster.run_for(span)
        return self

    def deployment(self, name: str) -> Envelope:
        return next(env for env in self.cluster.store.list(DEPLOYMENTS) if env.name == name)

    def pods(self, app: str) -> list[Envelope]:
        found = [p for p in self.cluster.store.list(PODS) if p.labels.get("app.kubernetes.io/name") == app]
        assert found, app
        return found

    def edit(self, path: str, old: str, new: str) -> None:
        """One line of a file, saved."""
        file = self.root / path
        text = file.read_text()
        assert text.count(old) == 1
        file.write_text(text.replace(old, new))
        folder = self.cluster.folder
        assert folder is not None
        folder.load(folder.watcher.read_all())


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return Sample(tmp_path / "sample").run(MINUTE)


def waiting_reason(pod: Envelope) -> str:
    (status,) = pod.obj["status"]["containerStatuses"]
    state = status["state"].get("waiting") or status["lastState"].get("terminated") or {}
    return str(state.get("reason", ""))


def test_every_file_is_applied(sample: Sample) -> None:
    """No file is in error, waiting or drifted, after a minute of the cluster's life."""
    assert sample.cluster.folder is not None
    files = sample.cluster.folder.files()
    assert len(files) > 20
    assert [(f.path, f.state, f.message) for f in files if f.state != "applied"] == []
    assert sample.cluster.crashes == 0


def test_the_machines(sample: Sample) -> None:
    """A control plane, nine workers in three zones of which one is cordoned, and a GPU node; all are ready."""
    nodes = sample.cluster.store.list(NODES)
    workers = [node for node in nodes if node.name.startswith("worker-")]
    assert len(nodes) == 11
    assert len(workers) == 9
    assert {node.labels["topology.kubernetes.io/zone"] for node in workers} == {"north-a", "north-b", "north-c"}
    assert [node.name for node in workers if node.obj["spec"].get("unschedulable")] == ["worker-c1"]
    gpu = next(node for node in nodes if node.name == "gpu-1").obj
    assert gpu["status"]["allocatable"]["nvidia.com/gpu"] == "2"
    assert {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"} in gpu["spec"]["taints"]
    for node in nodes:
        assert [c["status"] for c in node.obj["status"]["conditions"] if c["type"] == "Ready"] == ["True"]
    assert len(sample.cluster.store.list(IMAGES)) > 8


def test_the_cloud(sample: Sample) -> None:
    """The GPU machine's node was initialised by the cloud, and the shop has an address of a load balancer."""
    gpu = next(node for node in sample.cluster.store.list(NODES) if node.name == "gpu-1")
    assert gpu.obj["spec"]["providerID"] == "simulated:///north-b/gpu-1"
    assert gpu.labels["topology.kubernetes.io/zone"] == "north-b"
    front = next(env for env in sample.cluster.store.list(SERVICES) if env.name == "shopfront")
    assert front.obj["status"]["loadBalancer"]["ingress"] == [{"ip": "203.0.113.1", "ipMode": "VIP"}]


def test_the_way_in_by_name(sample: Sample) -> None:
    """The shop's Ingress leads each path to its own Service."""
    for path, service in {"": "storefront", "cart/7": "cart", "api/catalog": "catalog"}.items():
        found = reach(sample.cluster.api, None, f"http://shop.example.com/{path}")
        assert found.ok, found.trail()
        assert found.service == f"shop/{service}"


def test_the_pictures_are_there_twice(sample: Sample) -> None:
    """A snapshot of their disk is ready, and a clone of their claim has a disk of its own."""
    (snapshot,) = sample.cluster.store.list(SNAPSHOTS)
    assert snapshot.obj["status"]["readyToUse"] is True
    assert snapshot.obj["status"]["restoreSize"] == "20Gi"
    claims = {env.name: env.obj for env in sample.cluster.store.list(PERSISTENTVOLUMECLAIMS, "shop")}
    assert {name: obj["status"]["phase"] for name, obj in claims.items()} == {
        "media": "Bound",
        "media-archive": "Bound",
    }
    assert claims["media"]["spec"]["volumeName"] != claims["media-archive"]["spec"]["volumeName"]


def test_the_rest_settles_within_seconds(tmp_path: Path) -> None:
    """Half a minute after the start every workload but the faulty ones has all its replicas available."""
    sample = Sample(tmp_path / "sample").run(30 * SECOND)
    for env in sample.cluster.store.list(DEPLOYMENTS):
        available = (env.obj.get("status") or {}).get("availableReplicas", 0)
        assert available == (0 if env.name in FAULTY else env.obj["spec"]["replicas"]), env.name


def test_the_crashing_pod(sample: Sample) -> None:
    """payments starts, exits with 1 and is restarted with back-off."""
    (pod,) = sample.pods("payments")
    assert pod.obj["status"]["containerStatuses"][0]["restartCount"] >= 2
    assert waiting_reason(pod) in ("CrashLoopBackOff", "Error")


def test_the_missing_image(sample: Sample) -> None:
    """recommendations asks for a tag that the registry does not have; one that it has is a one-line edit."""
    (pod,) = sample.pods("recommendations")
    assert waiting_reason(pod) in ("ErrImagePull", "ImagePullBackOff")
    sample.edit("shop/recommendations.yaml", "recommendations:2.4.0", "recommendations:2.3.1")
    sample.run(MINUTE)
    assert sample.deployment("recommendations").obj["status"]["availableReplicas"] == 1


def test_a_life_in_full(sample: Sample) -> None:
    """reviews: its words were fetched first, its sidecar runs beside it, and when a pod goes the sidecar ends last."""
    first, second = sample.pods("reviews")
    inits = {s["name"]: s for s in first.obj["status"]["initContainerStatuses"]}
    assert inits["word-list"]["state"]["terminated"]["reason"] == "Completed"
    assert "running" in inits["log-shipper"]["state"]
    sample.cluster.api.delete(Caller("someone"), PODS, "shop", first.name)
    ended: dict[str, int] = {}

    def look(event: WatchEvent) -> None:
        status = event.now.obj["status"]
        for each in (*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())):
            if event.now.uid == first.uid and "terminated" in each["state"]:
                ended.setdefault(each["name"], sample.cluster.clock.now())

    sample.cluster.store.listen(look, PODS)
    sample.run(MINUTE)
    assert ended["reviews"] < ended["log-shipper"]
    assert first.name not in [pod.name for pod in sample.pods("reviews")]
    assert second.name in [pod.name for pod in sample.pods("reviews")]
    assert sample.deployment("reviews").obj["status"]["availableReplicas"] == 2


def test_why_the_report_is_pending(sample: Sample) -> None:
    """Ordinary nodes have too little cpu for it, the GPU node would have enough but for its taint."""
    (pod,) = sample.pods("sales-report")
    assert pod.obj["status"]["phase"] == "Pending"
    assert not pod.obj["spec"].get("nodeName")
    report = sample.cluster.why("team-insights", pod.name)
    assert report.headline.startswith("0/11 nodes are available:")
    verdicts = {verdict.node: verdict for verdict in report.nodes}
    assert "untolerated taint dedicated=gpu:NoSchedule" in verdicts["gpu-1"].details
    assert not any("cpu" in detail for detail in verdicts["gpu-1"].details)
    for name, verdict in verdicts.items():
        if name.startswith("worker-") and name != "worker-c1":
            assert any(detail.startswith("needs cpu 3, free ") for detail in verdict.details), name
    assert sample.cluster.folder is not None
    assert sample.cluster.folder.manifest_of("pods", "team-insights", pod.name) == (
        "team-insights/sales-report.yaml",
        2,
    )


def test_the_report_is_mended_by_one_line(sample: Sample) -> None:
    """With a smaller request the report is scheduled and runs, and its old pod is gone."""
    sample.edit("team-insights/sales-report.yaml", 'cpu: "3"', "cpu: 300m")
    sample.run(MINUTE)
    (pod,) = sample.pods("sales-report")
    assert pod.obj["status"]["phase"] == "Running"


def test_the_report_is_pending_whatever_the_seed(tmp_path: Path) -> None:
    """The story does not hang on chance."""
    for seed in (0, 8, 1234):
        sample = Sample(tmp_path / str(seed), seed).run(20 * SECOND)
        pending = [p.labels.get("app.kubernetes.io/name") for p in sample.cluster.store.list(PODS)
                   if not p.obj["spec"].get("nodeName")]  # fmt: skip
        assert pending == ["sales-report"], seed


def test_the_same_seed_gives_the_same_log(tmp_path: Path) -> None:
    """Two runs write the same revisions, byte for byte; another seed does not."""

    def log(root: str, seed: int) -> bytes:
        digest = hashlib.sha256()
        sample = Sample(tmp_path / root, seed)
        sample.cluster.store.listen(lambda event: digest.update(event.now.raw))
        sample.run(MINUTE)
        return digest.digest()

    first = log("one", 7)
    assert log("two", 7) == first
    assert log("three", 8) != first
