"""Storage that is not there: claims without a class or a match, claims and pods that wait for each other."""

from __future__ import annotations

from tests.engine.broken_clusters.ward import Ward

CLASS = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: %s}
provisioner: csi.kubarium.dev
"""
ZONAL = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: zonal}
provisioner: csi.kubarium.dev
volumeBindingMode: WaitForFirstConsumer
allowedTopologies:
- matchLabelExpressions:
  - {key: topology.kubernetes.io/zone, values: [zone-c]}
"""
CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  %s
  accessModes: [%s]
  resources: {requests: {storage: %s}}
"""
VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk, labels: {tier: %s}}
spec:
  accessModes: [%s]
  capacity: {storage: %s}
  hostPath: {path: /srv/disk}
  persistentVolumeReclaimPolicy: Retain
"""
MOUNTED = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
UNBOUND = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"


def claim(ward: Ward, line: str = 'storageClassName: ""', mode: str = "ReadWriteOnce", size: str = "5Gi") -> None:
    ward.apply(CLAIM % (line, mode, size))


def again(ward: Ward, line: str, mode: str = "ReadWriteOnce", size: str = "5Gi") -> None:
    """Most of a claim cannot be changed: it is deleted and made anew, its pod as well."""
    ward.scale("db", 0)
    ward.until(lambda: not ward.pods("db"), 60)
    ward.delete("PersistentVolumeClaim", "data")
    ward.until(lambda: ward.find("PersistentVolumeClaim", "data") is None, 60)
    claim(ward, line, mode, size)
    ward.scale("db", 1)


def phase(ward: Ward) -> str:
    return str(ward.status("PersistentVolumeClaim", "data").get("phase"))


def runs(ward: Ward) -> bool:
    return ward.available("db") == 1 and phase(ward) == "Bound"


def test_no_class(ward: Ward) -> None:
    """19a: no class is named and none is the default: claim and pod are Pending until there is a default class."""
    claim(ward, "volumeMode: Filesystem")
    ward.deploy("db", volumes=MOUNTED)
    ward.run(60)
    assert phase(ward) == "Pending"
    assert ward.phases("db") == ["Pending"]
    assert ward.unscheduled("db") == UNBOUND
    text = "no persistent volumes available for this claim and no storage class is set"
    assert ward.messages("FailedBinding", "data")[-1] == text
    ward.apply(CLASS % "standard")
    note = {"storageclass.kubernetes.io/is-default-class": "true"}
    ward.patch("StorageClass", "standard", {"metadata": {"annotations": note}})
    ward.until(lambda: runs(ward), 60)
    assert ward.get("PersistentVolumeClaim", "data")["spec"]["storageClassName"] == "standard"


def test_wrong_class(ward: Ward) -> None:
    """19b: a class that does not exist; made anew with the right name, the claim gets its volume."""
    ward.apply(CLASS % "standard")
    claim(ward, "storageClassName: standart")
    ward.deploy("db", volumes=MOUNTED)
    ward.run(60)
    assert phase(ward) == "Pending"
    text = 'storageclass.storage.k8s.io "standart" not found'
    assert ward.messages("ProvisioningFailed", "data")[-1] == text
    assert ward.unscheduled("db") == UNBOUND
    again(ward, "storageClassName: standard")
    ward.until(lambda: runs(ward), 60)


def test_claim_and_volume_do_not_match(ward: Ward) -> None:
    """20: mode, size, selector: with each of them wrong the claim stays Pending; with all of them right it is bound."""
    ward.apply(VOLUME % ("fast", "ReadWriteOnce", "10Gi"))
    claim(ward, mode="ReadWriteMany")
    ward.deploy("db", volumes=MOUNTED)
    no_class = 'storageClassName: ""'
    for line, mode, size in (
        (no_class, "ReadWriteMany", "5Gi"),
        (no_class, "ReadWriteOnce", "20Gi"),
        (f"{no_class}\n  selector: {{matchLabels: {{tier: slow}}}}", "ReadWriteOnce", "5Gi"),
    ):
        again(ward, line, mode, size)
        ward.run(40)
        assert phase(ward) == "Pending"
        assert ward.unscheduled("db") == UNBOUND
        assert ward.status("PersistentVolume", "disk")["phase"] == "Available"
    again(ward, f"{no_class}\n  selector: {{matchLabels: {{tier: fast}}}}")
    ward.until(lambda: runs(ward), 60)
    assert ward.get("PersistentVolume", "disk")["spec"]["claimRef"]["name"] == "data"


def test_claim_and_pod_wait_for_each_other(ward: Ward) -> None:
    """21: volumes are made in zone c only, once a pod has a node there; the pod may run in zone a only."""
    ward.apply(ZONAL)
    claim(ward, "storageClassName: zonal")
    ward.deploy("db", volumes=MOUNTED, nodeSelector={"topology.kubernetes.io/zone": "zone-a"})
    ward.run(120)
    assert phase(ward) == "Pending"
    assert ward.unscheduled("db").startswith(
        "0/3 nodes are available: 1 node(s) didn't find available persistent volumes to bind, 2 node(s) didn't match "
        "Pod's node affinity/selector. "
    )
    assert ward.messages("WaitForPodScheduled", "data")[-1].startswith("waiting for pod db-")
    zone_c = {"spec": {"template": {"spec": {"nodeSelector": {"topology.kubernetes.io/zone": "zone-c"}}}}}
    ward.patch("Deployment", "db", zone_c)
    ward.until(lambda: runs(ward), 60)
    assert ward.nodes("db") == ["node-c"]


def test_volume_released_and_not_reclaimed(ward: Ward) -> None:
    """22: the claim is gone, the volume is kept for it: a new claim stays Pending until claimRef is cleared."""
    ward.apply(VOLUME % ("fast", "ReadWriteOnce", "10Gi"))
    claim(ward)
    ward.deploy("db", volumes=MOUNTED)
    ward.until(lambda: runs(ward), 60)
    again(ward, 'storageClassName: ""')
    ward.run(60)
    assert ward.status("PersistentVolume", "disk")["phase"] == "Released"
    assert phase(ward) == "Pending"
    assert ward.unscheduled("db") == UNBOUND
    ward.patch("PersistentVolume", "disk", {"spec": {"claimRef": None}})
    ward.until(lambda: runs(ward), 60)
    assert ward.status("PersistentVolume", "disk")["phase"] == "Bound"
