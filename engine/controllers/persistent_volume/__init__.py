"""Claims and volumes: binding, reclaiming, protection and expansion, and the simulated CSI driver that makes volumes.

`binder` is kube-controller-manager's persistentvolume-binder-controller, with `binding` (its writes) and `reclaim`;
`protection`, `expansion` and `ephemeral` are controllers of their own; `driver` stands for the sidecars of a CSI
driver.
"""
