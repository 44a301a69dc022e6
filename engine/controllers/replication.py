"""ReplicationController: a ReplicaSet of the first days (kube-controller-manager's replicationcontroller-controller).

It does what a ReplicaSet does, by the same code. Its selector is a plain set of labels, it may select pods of another
template, and its status does not tell how many pods are being deleted (pkg/controller/replication/conversion.go).
"""

from __future__ import annotations

from engine.api.kinds import REPLICATIONCONTROLLERS
from engine.controllers.replicaset import ReplicaSetController


class ReplicationManager(ReplicaSetController):
    """One per cluster."""

    resource = REPLICATIONCONTROLLERS
    component = "replication-controller"
    counts_terminating = False
