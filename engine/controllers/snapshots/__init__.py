"""Volume snapshots: the snapshot controller, and the simulated driver's part of it (`sidecar`).

Both follow kubernetes-csi/external-snapshotter. The kinds are CRDs (`engine.storage.snapshot_kinds`); while they are
not there, nothing is there to be done.
"""
