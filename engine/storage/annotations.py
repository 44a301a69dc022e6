"""Annotations and finalizers by which the parts of the storage system talk to each other.

Names as in k8s.io/component-helpers/storage/volume/pv_helpers.go, sig-storage-lib-external-provisioner and
pkg/volume/util/finalizer.go.
"""

from __future__ import annotations

from typing import Final

BIND_COMPLETED: Final = "pv.kubernetes.io/bind-completed"
"""On a claim: it was bound once; losing its volume makes it Lost."""
BOUND_BY_CONTROLLER: Final = "pv.kubernetes.io/bound-by-controller"
"""On a claim or volume: its reference was set by the controller, not by a person."""
PROVISIONED_BY: Final = "pv.kubernetes.io/provisioned-by"
"""On a volume: the provisioner that made it, which is also the one to delete it."""
STORAGE_PROVISIONER: Final = "volume.kubernetes.io/storage-provisioner"
BETA_STORAGE_PROVISIONER: Final = "volume.beta.kubernetes.io/storage-provisioner"
"""On a claim: the provisioner that is asked for a volume."""
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
"""On a claim of a class that waits for its first consumer: the node that the scheduler has in mind."""
BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
"""On old claims and volumes: the class, before spec.storageClassName existed; it goes first."""

CLAIM_PROTECTION: Final = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION: Final = "kubernetes.io/pv-protection"
PROVISIONER_FINALIZER: Final = "external-provisioner.volume.kubernetes.io/finalizer"
"""On a volume: it stays until its provisioner has deleted what is behind it."""

NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"
"""What a class without dynamic provisioning (local volumes) names."""
