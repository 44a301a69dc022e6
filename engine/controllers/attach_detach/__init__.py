"""persistentvolume-attach-detach-controller (`controller`), and who stands in for a CSI driver on the nodes and beside
the cloud's disks: `attacher`, `registrar`."""
