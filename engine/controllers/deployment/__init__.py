"""Deployment: rollouts over ReplicaSets (kube-controller-manager's deployment-controller).

`controller` decides what a sync does, `replica_sets` finds and makes the ReplicaSets of revisions, `scaling` resizes
them, `rollout` moves pods from old to new ones, `status` tells how far it is. Rules and texts are those of
k8s.io/kubernetes/pkg/controller/deployment.
"""
